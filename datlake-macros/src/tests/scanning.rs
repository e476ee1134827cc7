//! What tokens refer to without saying it.

use super::code;

/// The texts of the conditions, and of what is embedded.
fn check(body: &str, conditions: &[&str], embedded: &[&str]) {
    let found = code(&format!("fn f() {{ {body} }}"), None).found;
    let emitted = |elements: Vec<proc_macro2::TokenStream>| -> Vec<String> {
        elements.iter().map(|element| element.to_string().replace(' ', "")).collect()
    };
    let (found_conditions, found_embedded) = (emitted(found.conditions()), emitted(found.embedded(|_| false)));
    assert_eq!(found_conditions.len(), conditions.len(), "{body}: {found_conditions:?}");
    for (found, wanted) in found_conditions.iter().zip(conditions) {
        let label = format!("({:?},", wanted).replace(' ', "");
        assert!(found.starts_with(&label), "{body}: {found} is not {label}");
        assert!(found.ends_with(&format!("::core::cfg!({}))", wanted.replace(' ', ""))), "{body}: {found}");
    }
    assert_eq!(found_embedded.len(), embedded.len(), "{body}: {found_embedded:?}");
    for (found, wanted) in found_embedded.iter().zip(embedded) {
        assert!(found.contains(&format!("{wanted:?}").replace(' ', "")), "{body}: {found} does not mention {wanted}");
    }
}

#[test]
fn conditions_are_found_wherever_they_stand() {
    check("if cfg!(unix) { }", &["unix"], &[]);
    check("if core::cfg!(unix,) { }", &["unix"], &[]);
    check("#[cfg(feature = \"gpu\")] fast();", &["feature = \"gpu\""], &[]);
    check(
        "#[cfg_attr(debug_assertions, inline, cfg(windows), cfg_attr(test, cfg(doc)))] fn g() {}",
        &["debug_assertions", "doc", "test", "windows"],
        &[],
    );
    check("#![cfg(unix)]", &["unix"], &[]);
    check("vec![g(cfg!(all(unix, not(any(test, doc)))))]", &["all(unix, not(any(test, doc)))"], &[]);
    check("my_macro! { if #[cfg(a)] { cfg!(b) } }", &["a", "b"], &[]);
    check("match x { #[cfg(a)] 1 => {} _ => cfg!(b) }", &["a", "b"], &[]);
    check("cfg!(unix) && cfg!( unix )", &["unix"], &[]);
    check("cfg_select! { unix => { cfg!(a) } all(b, c) => d, _ => { } }", &["a", "all(b, c)", "unix"], &[]);
    check("cfg!(true)", &["true"], &[]);
}

#[test]
fn what_only_looks_like_a_condition_is_left_alone() {
    check("cfg(unix)", &[], &[]);
    check("cfg!($predicate)", &[], &[]);
    check("#[cfg($predicate)] x", &[], &[]);
    check("#[inline(cfg)] fn g() {}", &[], &[]);
    check("cfg!(3 + 4)", &[], &[]);
    check("#[doc = include_str!(\"a.md\")] fn g() {}", &[], &[]);
    check("cfg_select! { _ => 1 }", &[], &[]);
}

#[test]
fn embedded_contents_are_found_wherever_they_stand() {
    check("include_str!(\"a.txt\")", &[], &["include_str!(\"a.txt\")"]);
    check("std::include_bytes!(\"a.txt\",)", &[], &["include_bytes!(\"a.txt\")"]);
    check("include!(\"a.rs\")", &[], &["include!(\"a.rs\")"]);
    check("parse!(include_str!(\"a\"), env!(\"B\"))", &[], &["env!(\"B\")", "include_str!(\"a\")"]);
    check("option_env!(\"B\")", &[], &["option_env!(\"B\") unset"]);
    check("env!(\"B\", \"set B\")", &[], &["env!(\"B\")"]);
    check("include!(concat!(env!(\"OUT_DIR\"), \"/a.rs\"))", &[], &["include!(concat!(env!(\"OUT_DIR\"), \"/a.rs\"))"]);
    check("#[path(include_str!(\"a\"))] x", &[], &["include_str!(\"a\")"]);
    check("include_str!($path)", &[], &[]);
    check("env($x)", &[], &[]);
}

#[test]
fn a_pinned_version_leaves_out_what_the_body_refers_to() {
    let found = code("fn f() { cfg!(unix); include_str!(\"a\"); }", Some(1)).found;
    assert!(found.conditions().is_empty() && found.embedded(|_| false).is_empty());
}
