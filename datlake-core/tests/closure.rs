//! Tables of what was found, read and compared.

#![allow(clippy::unwrap_used, reason = "tests panic")]

use datlake_core::Closure;
use datlake_core::explain::{Change, Difference, name_items};

const WAS: &str = "file\tinclude_str!(\"a\")\t11\n\
    source\tsrc/lib.rs\t22\n\
    crate\titoa\t1.0.0(33)\n\
    note\tapp::f\treads files while it runs\n\
    root\tapp::f\t44\tsrc/lib.rs\t3\t9\t\n\
    item\tapp::Model::fit\t55\tsrc/lib.rs\t12\t14\tapp::f\n\
    item\tapp::gone\t66\tsrc/lib.rs\t20\t20\tapp::f\n\
    later\tsomething\n";

#[test]
fn a_table_is_read_and_what_it_does_not_know_is_left_out() {
    let closure = Closure::parse(WAS);
    let labels: Vec<&str> = closure.items.iter().map(|item| item.label.as_str()).collect();
    assert_eq!(labels, ["app::f", "app::Model::fit", "app::gone"]);
    let fit = &closure.items[1];
    assert_eq!((fit.hash.as_str(), fit.file.as_str(), fit.line, fit.last_line), ("55", "src/lib.rs", 12, 14));
    assert_eq!((fit.because.as_deref(), fit.is_root, closure.items[0].is_root), (Some("app::f"), false, true));
    assert_eq!(closure.files, [("include_str!(\"a\")".to_owned(), Some("11".to_owned()))]);
    assert_eq!(closure.sources, [("src/lib.rs".to_owned(), "22".to_owned())]);
    assert_eq!(closure.crates, [("itoa".to_owned(), "1.0.0(33)".to_owned())]);
    assert_eq!(closure.notes, [("app::f".to_owned(), "reads files while it runs".to_owned())]);
    assert_eq!((closure.partial, Closure::parse("")), (None, Closure::default()));
}

#[test]
fn items_that_changed_are_named_with_their_places() {
    let now = WAS.replace("\t55\tsrc/lib.rs\t12", "\t56\tsrc/lib.rs\t57").replace("app::gone", "app::new");
    let mut found = vec![Difference::Found];
    name_items(&mut found, &Closure::parse(WAS), &Closure::parse(&now));
    let item = |item: &str, change, place: &str| Difference::Item { item: item.into(), change, place: place.into() };
    assert_eq!(
        found,
        [
            item("app::Model::fit", Change::Edited, "src/lib.rs:57"),
            item("app::new", Change::Added, "src/lib.rs:20"),
            item("app::gone", Change::Removed, "src/lib.rs:20"),
        ]
    );
    assert_eq!(found[0].to_string(), "`app::Model::fit` changed, in src/lib.rs:57");

    // Lines alone are no difference beside another, and alone all that is known.
    let moved = WAS.replace("\t12\t", "\t13\t");
    let mut found = vec![Difference::Code, Difference::Found];
    name_items(&mut found, &Closure::parse(WAS), &Closure::parse(&moved));
    assert_eq!(found, [Difference::Code]);
    let mut found = vec![Difference::Found];
    name_items(&mut found, &Closure::parse(WAS), &Closure::parse(&moved));
    assert_eq!(found, [Difference::Found]);
}
