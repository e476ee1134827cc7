//! One level of names.

use std::ops::ControlFlow;

use datlake_core::{Created, LevelItem, Location, Prefix, Store};

use super::{name, salt};

/// What is right in a folder, and nothing of what is further below.
pub(super) async fn end_at_folders(store: &dyn Store) {
    let salt = salt();
    let path = |end: &str| Location::Name(name(&salt, end));
    for end in ["a", "a/b", "a/b/c", "a/b/d", "ab", "a b", "e/f/g", "e/h%2F/i"] {
        assert_eq!(store.create(&path(end), end.as_bytes()).await.unwrap(), Created::New, "{end}");
    }
    for (folder, objects, folders) in [
        ("", vec!["a", "a b", "ab"], vec!["a", "e"]),
        ("a", vec!["a/b"], vec!["b"]),
        ("a/b", vec!["a/b/c", "a/b/d"], vec![]),
        ("e", vec![], vec!["f", "h%2F"]),
        ("ab", vec![], vec![]),
        ("b", vec![], vec![]),
    ] {
        let mut found = Vec::new();
        let mut visit = |item| {
            found.push(item);
            ControlFlow::Continue(())
        };
        store.list_level(&Prefix::NamesIn(name(&salt, folder)), &mut visit).await.unwrap();
        let objects = objects.iter().map(|end| LevelItem::Object(path(end)));
        let expected: Vec<_> =
            objects.chain(folders.iter().map(|name| LevelItem::Folder((*name).to_owned()))).collect();
        assert_eq!(found.len(), expected.len(), "in {folder:?}: {found:?}");
        assert!(expected.iter().all(|item| found.contains(item)), "in {folder:?}: {found:?}");
    }
    let mut seen = 0;
    let mut first = |_| {
        seen += 1;
        ControlFlow::Break(())
    };
    store.list_level(&Prefix::NamesIn(name(&salt, "")), &mut first).await.unwrap();
    assert_eq!(seen, 1);
}
