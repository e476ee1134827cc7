//! Values behind `dyn` that come with a creator's arguments.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use datlake_closure::{Creator, Package, Scanner};

const CODE: &str = "
    use std::any::Any;
    trait Plugin { fn value(&self) -> u64; }
    struct Made; impl Plugin for Made { fn value(&self) -> u64 { 1 } }
    struct Stranger; impl Plugin for Stranger { fn value(&self) -> u64 { 2 } }
    struct Context { parts: Vec<Box<dyn Any>> }
    fn first(context: &Context) -> u64 { context.parts[0].downcast_ref::<Box<dyn Plugin>>().map_or(0, |one| one.value()) }
    ";

/// Whether an implementor that nothing makes is in the closure of a creator.
fn has_stranger(creator: &str) -> bool {
    let code = format!("{CODE}{creator}");
    let sources = BTreeMap::from([(PathBuf::from("src/lib.rs"), code.clone())]);
    let scanner = Scanner::new(vec![Package::new("app", "src/lib.rs")], sources).expect("sources");
    let line = code[..code.find("fn creator").expect("a function")].matches('\n').count() as u32 + 1;
    let closure =
        scanner.closure(&Creator { file: Path::new("src/lib.rs"), line, name: "creator" }).expect("a function");
    closure.items.iter().any(|item| item.label.contains("Stranger"))
}

#[test]
fn what_is_made_in_what_is_reached_is_known() {
    assert!(!has_stranger(
        "fn creator() -> u64 { let all: Vec<Box<dyn Plugin>> = vec![Box::new(Made)]; all[0].value() }"
    ));
    // A function that keeps what others put there.
    assert!(has_stranger(
        "fn creator() -> u64 { static KEPT: std::sync::OnceLock<Box<dyn Plugin>> = std::sync::OnceLock::new(); KEPT.get().map_or(0, |p| p.value()) }"
    ));
    assert!(has_stranger("type Known = dyn Plugin; fn creator() -> u64 { let known: &Known = &Made; known.value() }"));
}

/// Of a static that others can put anything into, nothing tells of which trait its values are.
#[test]
fn what_a_static_can_hold_is_not() {
    let kept = "static KEPT: std::sync::Mutex<Option<Box<dyn Any + Send>>> = std::sync::Mutex::new(None);";
    let found = "if let Some(found) = &*KEPT.lock().unwrap() { return found.downcast_ref::<Box<dyn Plugin>>().map_or(0, |p| p.value()); }";
    assert!(has_stranger(&format!("{kept} fn creator() -> u64 {{ {found} 0 }}")));
}

/// Somebody else's code calls the functions of its traits, and any of them.
#[test]
fn a_trait_that_is_another_s_under_a_condition() {
    let code = "
        #[cfg(feature = \"own\")] trait Shape { fn area(&self) -> u64 { 1 } fn edge(&self) -> u64 { 2 } }
        #[cfg(not(feature = \"own\"))] use others::Shape;
        #[cfg(feature = \"own\")] use std::ops::Add; #[cfg(not(feature = \"own\"))] use others::Add;
        struct Square; impl Shape for Square { fn edge(&self) -> u64 { 3 } }
        impl Add for Square { type Output = u64; fn add(self, _: Self) -> u64 { 4 } }
        fn creator() -> u64 { Square.area() }";
    let sources = BTreeMap::from([(PathBuf::from("src/lib.rs"), code.to_owned())]);
    let app =
        Package::new("app", "src/lib.rs").with("others", datlake_closure::Dependency::Registry("others".to_owned()));
    let scanner = Scanner::new(vec![app], sources).expect("sources");
    let closure =
        scanner.closure(&Creator { file: Path::new("src/lib.rs"), line: 7, name: "creator" }).expect("it is there");
    for body in ["{ 3 }", "{ 4 }"] {
        assert!(closure.items.iter().any(|item| item.text.contains(body)), "{body}");
    }
}

#[test]
fn what_comes_with_an_argument_is_not() {
    assert!(has_stranger("fn creator(plugin: &dyn Plugin) -> u64 { plugin.value() }"));
    assert!(has_stranger("fn creator(#[skip] context: &Context) -> u64 { first(context) }"));
    assert!(has_stranger("fn creator(#[datlake::skip] context: &Context, n: u64) -> u64 { first(context) + n }"));
}

/// A macro made it: of its arguments nothing is known.
#[test]
fn nor_what_comes_with_a_function_that_is_not_read() {
    let sources = BTreeMap::from([(PathBuf::from("src/lib.rs"), format!("{CODE}\nmade! {{}}"))]);
    let mut scanner = Scanner::new(vec![Package::new("app", "src/lib.rs")], sources).expect("sources");
    let creator = Creator { file: Path::new("src/lib.rs"), line: 9, name: "made" };
    let closure = scanner
        .closure_of_tokens(&creator, "fn made ( context : & Context ) -> u64 { first ( context ) }")
        .expect("an item");
    assert!(closure.items.iter().any(|item| item.label.contains("Stranger")));
}
