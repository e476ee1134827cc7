use datlake_core::{ClosureTable, Code};

const PLAIN: Code = Code { module: "shop", ..super::item("root", 1) };

/// `item!(A: "module", "name", [own; 32], [B, C])`: a static in a function, as the macros emit it.
macro_rules! item {
    ($function:ident: $module:literal $name:literal $own:literal [$($dependency:ident),*]) => {
        fn $function() -> &'static Code {
            static CODE: Code = Code {
                module: $module, name: $name, own: [$own; 32], dependencies: &[$($dependency),*], ..PLAIN
            };
            &CODE
        }
    };
}

fn leaked(code: Code) -> &'static Code {
    Box::leak(Box::new(code))
}

const FOUND: ClosureTable =
    ClosureTable { hash: [4; 32], variants: &[], table: "", conditions: &[], variables: &[], newer: None };

fn with(found: ClosureTable) -> String {
    leaked(Code { found: Some(Box::leak(Box::new(found))), ..PLAIN }).hash().to_string()
}

/// This is the format.
#[test]
fn golden_vectors_of_what_was_found() {
    let all = ClosureTable {
        variants: &[("unix", true, [5; 32]), ("windows", false, [6; 32])],
        conditions: &[("unix", true), ("windows", false)],
        variables: &[("HOME", None)],
        ..FOUND
    };
    assert_eq!(
        [with(FOUND), with(all)],
        [
            "b88af74db9c83a333c4e1d98637256f1a394cc78959212c15c102d0f1f54aab2",
            "9343f2505a2161886317be09e7ecd5d64e687e5871ac556eea1faa1bbc6bff4e"
        ]
    );
}

#[test]
fn what_is_compiled_under_a_condition_counts_and_what_is_not_does_not() {
    let one = |holds, hash| with(ClosureTable { variants: Box::leak(Box::new([("unix", holds, hash)])), ..FOUND });
    assert_ne!(one(true, [5; 32]), with(FOUND));
    assert_ne!(one(true, [5; 32]), one(true, [6; 32]));
    assert_eq!(one(false, [5; 32]), one(false, [6; 32]));
    let elsewhere = with(ClosureTable { variants: &[("linux", true, [5; 32])], ..FOUND });
    assert_ne!(one(true, [5; 32]), elsewhere);
}

#[test]
fn only_what_the_code_does_is_part_of_its_hash() {
    let hash = leaked(PLAIN).hash();
    let same = Code {
        package_version: "2.0.0",
        manifest_dir: "/elsewhere",
        module: "shop::moved",
        given_name: Some("root"),
        file: "src/moved.rs",
        line: 77,
        blob: [9; 20],
        lock: Some(("/elsewhere/Cargo.lock", [3; 32])),
        features: &["x"],
        cfg: &["fast"],
        ..PLAIN
    };
    assert_eq!(leaked(same).hash(), hash);
    for other in [
        Code { own: [2; 32], ..PLAIN },
        Code { conditions: &[("unix", true)], ..PLAIN },
        Code { conditions: &[("unix", false)], ..PLAIN },
        Code { embedded: &[("env X", b"")], ..PLAIN },
        Code { embedded: &[("env X unset", b"")], ..PLAIN },
        Code { embedded: &[("env ", b"X")], ..PLAIN },
    ] {
        let other = leaked(other);
        assert_ne!(other.hash(), hash);
        assert_ne!(other.own_hash(), leaked(PLAIN).own_hash());
    }
}

#[test]
fn dependencies_count_at_any_distance_and_cycles_end() {
    item!(leaf: "shop" "leaf" 3 []);
    item!(other_leaf: "shop" "leaf" 4 []);
    item!(even: "shop" "even" 5 [odd, leaf]);
    item!(odd: "shop" "odd" 6 [even]);
    item!(root: "shop" "root" 1 [even]);
    item!(other_even: "shop" "even" 5 [other_odd, other_leaf]);
    item!(other_odd: "shop" "odd" 6 [other_even]);
    item!(other_root: "shop" "root" 1 [other_even]);
    item!(itself: "shop" "root" 1 [itself]);

    assert_eq!(root().closure().iter().map(|code| code.name).collect::<Vec<_>>(), ["root", "even", "leaf", "odd"]);
    assert_ne!(root().hash(), leaked(PLAIN).hash());
    assert_ne!(root().hash(), other_root().hash(), "a leaf three steps away changed");
    assert_eq!(root().own_hash(), other_root().own_hash());
    assert_eq!(itself().closure().len(), 1);
    assert_eq!(odd().closure()[0].name, "odd");
}

#[test]
fn the_order_in_which_a_closure_is_found_does_not_matter() {
    item!(a: "shop" "a" 2 [c]);
    item!(b: "shop" "b" 3 [c]);
    item!(c: "shop" "c" 4 []);
    item!(root: "shop" "root" 1 [b, a]);
    let names = root().closure().iter().map(|code| code.name).collect::<Vec<_>>();
    assert_eq!(names, ["root", "a", "b", "c"]);
}

#[test]
fn two_helpers_imported_under_each_others_names_change_the_hash() {
    // `use m::{a, b}` becomes `use m::{a as b, b as a}`: `depends_on(a, b)` then leads to `b` and `a`.
    item!(a: "shop::m" "a" 2 []);
    item!(b: "shop::m" "b" 3 []);
    item!(before: "shop" "root" 1 [a, b]);
    item!(after: "shop" "root" 1 [b, a]);
    assert_ne!(before().hash(), after().hash());

    item!(helper_before: "shop" "helper" 4 [a, b]);
    item!(helper_after: "shop" "helper" 4 [b, a]);
    item!(far_before: "shop" "root" 1 [helper_before]);
    item!(far_after: "shop" "root" 1 [helper_after]);
    assert_ne!(far_before().hash(), far_after().hash());
}

#[test]
fn two_helpers_that_swap_their_bodies_change_the_hash() {
    item!(a: "shop" "a" 2 []);
    item!(b: "shop" "b" 3 []);
    item!(a_as_b: "shop" "a" 3 []);
    item!(b_as_a: "shop" "b" 2 []);
    item!(before: "shop" "root" 1 [a, b]);
    item!(after: "shop" "root" 1 [a_as_b, b_as_a]);
    assert_ne!(before().hash(), after().hash());

    // Of the same name, in two modules.
    item!(m1: "shop::m1" "f" 2 []);
    item!(m2: "shop::m2" "f" 3 []);
    item!(m1_as_m2: "shop::m1" "f" 3 []);
    item!(m2_as_m1: "shop::m2" "f" 2 []);
    item!(apart: "shop" "root" 1 [m1, m2]);
    item!(swapped: "shop" "root" 1 [m1_as_m2, m2_as_m1]);
    assert_ne!(apart().hash(), swapped().hash());
}

#[test]
fn an_import_that_changes_hands_changes_the_hash() {
    // `root` and `helper` each call an `a`: which one, their imports say. All items are the same before and after.
    item!(a1: "shop::m1" "a" 2 []);
    item!(a2: "shop::m2" "a" 3 []);
    item!(helper_2: "shop" "helper" 4 [a2]);
    item!(helper_1: "shop" "helper" 4 [a1]);
    item!(before: "shop" "root" 1 [a1, helper_2]);
    item!(after: "shop" "root" 1 [a2, helper_1]);
    assert_ne!(before().hash(), after().hash());
}

#[test]
fn a_given_name_is_what_dependents_know_an_item_by() {
    item!(before: "shop" "root" 1 [named]);
    item!(after: "shop" "root" 1 [moved]);
    item!(another: "shop" "root" 1 [renamed]);
    fn named() -> &'static Code {
        static CODE: Code = Code { module: "shop::here", name: "f", given_name: Some("shop/f"), own: [2; 32], ..PLAIN };
        &CODE
    }
    fn moved() -> &'static Code {
        static CODE: Code =
            Code { module: "shop::there", name: "f", given_name: Some("shop/f"), own: [2; 32], ..PLAIN };
        &CODE
    }
    fn renamed() -> &'static Code {
        static CODE: Code = Code { module: "shop::there", name: "f", given_name: None, own: [2; 32], ..PLAIN };
        &CODE
    }
    assert_eq!(before().hash(), after().hash());
    assert_ne!(before().hash(), another().hash());
}

#[test]
fn names_of_creators() {
    assert_eq!(leaked(PLAIN).creator_name().unwrap().as_str(), "shop/shop::root");
    assert_eq!(leaked(PLAIN).item(), "shop::root");
    let given = Code { given_name: Some("reports/daily"), ..PLAIN };
    assert_eq!(leaked(given).creator_name().unwrap().as_str(), "reports/daily");
    let wrong = Code { given_name: Some("../daily"), ..PLAIN };
    assert!(leaked(wrong).creator_name().is_err());
}
