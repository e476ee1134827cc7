//! What compiles, and what a user reads where it does not.
//!
//! `TRYBUILD=overwrite cargo test -p datlake-ui-tests` writes the messages anew after a change; read what it wrote.

#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    cases.pass("pass/*.rs");
    cases.compile_fail("fail/*.rs");
}
