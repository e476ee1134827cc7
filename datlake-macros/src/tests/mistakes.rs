//! How many messages a mistake makes. What they say, and where, is shown by the tests in `tests/ui`.

use super::{nowhere, tokens};
use crate::errors::Errors;
use crate::options::{Attribute, Options};
use crate::signature;

/// The messages about a creator.
fn check(options: &str, function: &str) -> Vec<String> {
    let mut errors = Errors::default();
    let options = Options::parse(Attribute::FileCreator, tokens(options), &mut errors);
    let function = syn::parse2(tokens(function)).unwrap();
    signature::check(&function, &options, &nowhere(proc_macro2::Span::call_site()), &mut errors);
    errors.messages()
}

#[test]
fn what_is_fine_makes_none() {
    for (options, function) in [
        ("", "fn f() -> Result<()> {}"),
        ("on_error = \"panic\"", "fn f() {}"),
        (
            "depends_on(a, b::c, crate::d, mod super::e, F<u8>,), key(a + 1, \"x\",), version = 3, name = \"a/b\",",
            "fn f(a: u8) -> R {}",
        ),
        ("crate = crate, info = g, on_change = \"keep\"", "async fn f(output_uid: &str) -> R {}"),
        (
            "crate = ::a::b",
            "pub fn f<'a, T: 'a, const N: usize>(a: &'a [T; N], _: Vec<Option<&str>>, (b, mut c): (u8, u8)) -> R where T: Copy {}",
        ),
        ("", "fn f(#[skip] p: &Path, #[by_name] q: &Path, #[secret] #[allow(x)] r: &str) -> R {}"),
        ("", "fn f(#[skip] g: &dyn Fn(&mut u8, &Path), #[skip] h: fn(&mut u8)) -> R {}"),
    ] {
        assert_eq!(check(options, function), [""; 0], "{options} {function}");
    }
}

#[test]
fn each_mistake_makes_one() {
    for (options, function, count) in [
        ("", "fn f() {}", 1),
        ("", "fn f(&self) -> R {}", 1),
        ("", "const fn f() -> R {}", 1),
        ("", "unsafe fn f() -> R {}", 1),
        ("", "extern \"C\" fn f() -> R {}", 1),
        ("", "fn f(x: impl Copy) -> R {}", 1),
        ("", "fn f(x: Vec<Option<PathBuf>>) -> R {}", 1),
        ("", "fn f<T>() -> T {}", 1),
        ("", "fn f() -> Box<impl Copy> {}", 1),
        ("on_error = \"panic\"", "fn f() -> ! {}", 1),
        ("", "fn f(a: &mut u8, b: (&mut u8,), c: &'static mut u8) -> R {}", 3),
        ("", "fn f(#[skip] #[secret] a: u8, #[other] b: u8, #[by_name(x)] c: u8) -> R {}", 3),
        ("", "fn f(#[secret] #[by_name] a: &Path) -> R {}", 1),
        ("", "fn f(#[secret] a: &Path) -> R {}", 1),
        ("", "fn f(output_uid: &str, output_uids: &[&str]) -> R {}", 1),
        ("", "fn f(#[skip] output_uid: &str) -> R {}", 1),
        ("", "fn f<__T>(__a: u8, (b, __c): (u8, u8)) -> R {}", 3),
        ("", "fn u8() -> R {}", 1),
        ("info = str", "fn f() -> R {}", 1),
        ("on_change = \"keep\"", "fn f() -> R {}", 1),
        ("on_change = \"replace\"", "fn f() -> R {}", 1),
        ("on_change = \"move\"", "fn f(output_uid: &str) -> R {}", 1),
        ("unknown, depends_on(3), depends_on(a), version = \"1\", name = 3, key(), on_error = 1", "fn f() -> R {}", 7),
        ("version = 1u8", "fn f() -> R {}", 1),
        ("version = 99999999999999999999999", "fn f() -> R {}", 1),
        ("name = \"@a\", info = 3, crate = 3", "fn f() -> R {}", 3),
        ("version = 1 2", "fn f() -> R {}", 1),
        ("unknown", "unsafe fn f(&self, x: &mut u8) {}", 5),
    ] {
        assert_eq!(check(options, function).len(), count, "{options} {function}: {:#?}", check(options, function));
    }
}

#[test]
fn names_of_creators_are_checked_as_the_lake_does() {
    for name in ["", "/a", "a//b", "a/", ".", "a/..", "@a", "a\\b", "a\nb", "a.datlake/b", &"a".repeat(201)] {
        assert_eq!(check(&format!("name = {name:?}"), "fn f() -> R {}").len(), 1, "{name}");
    }
    for name in ["a", "a/b.c", "…", &"a".repeat(200)] {
        assert_eq!(check(&format!("name = {name:?}"), "fn f() -> R {}"), [""; 0], "{name}");
    }
}
