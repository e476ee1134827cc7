//! Every byte of the documents of repositories, for good: changing one is a new format version.

use std::collections::BTreeMap;

use super::*;
use crate::lineage::{Person, PersonSource};
use crate::tree::{ObjectAttributes, TreeEntry};
use crate::version::Moved;
use crate::{Digest, Document, ErrorKind, Location, LogId, Uid};

const BY: &str =
    r#""by":{"person":{"email":"ada@example.org","source":"config"},"host":"lovelace","at":"2026-11-29T09:00:00Z"}"#;

/// The member with the digest, to the end.
const TAIL: usize = 78;

fn by() -> Moved {
    let person = Person { email: "ada@example.org".into(), source: PersonSource::Config };
    Moved { person, host: "lovelace".into(), at: "2026-11-29T09:00:00Z".into() }
}

fn repository() -> RepositoryDocument {
    RepositoryDocument {
        nonce: "5a-7".into(),
        name: RepositoryName::new("sales").unwrap(),
        default_branch: BranchName::new("main").unwrap(),
        commit: Digest::from_bytes([1; 32]),
        by: by(),
        metadata: [("team".to_owned(), "a".to_owned())].into(),
    }
}

fn check(bytes: &[u8], at: &Location, path: &str, expected: &str) {
    let text = std::str::from_utf8(bytes).unwrap();
    let (body, tail) = text.split_at(text.len() - TAIL);
    assert_eq!(body, expected);
    assert!(tail.starts_with(",\"digest\":"), "{tail}");
    assert_eq!(at.path(), path);
    assert_eq!(Location::parse(path), Some(at.clone()));
    assert_eq!(Document::parse(at, bytes.to_vec()).unwrap().at, *at);
}

#[test]
fn documents_have_these_bytes_for_good() {
    let one = "01".repeat(32);
    let repository = repository();
    let (bytes, incarnation) = repository.to_bytes().unwrap();
    check(
        &bytes,
        &Location::Repository(repository.name.clone()),
        "repositories/sales.datlake",
        &format!(
            r#"{{"datlake":"repository","format":1,"nonce":"5a-7","name":"sales","default_branch":"main","commit":"{one}",{BY},"metadata":{{"team":"a"}}"#
        ),
    );
    let branch = repository.first_branch(incarnation);
    check(
        &branch.to_bytes().unwrap().0,
        &branch.at(),
        &format!("repos/{incarnation}/branches/main.datlake"),
        &format!(
            r#"{{"datlake":"branch","format":1,"nonce":"5a-7","repository":"{incarnation}","name":"main","commit":"{one}",{BY}"#
        ),
    );
    let tag = TagDocument {
        nonce: "5a-7".into(),
        repository: incarnation,
        name: TagName::new("releases/v1").unwrap(),
        commit: repository.commit,
        by: by(),
    };
    check(
        &tag.to_bytes().unwrap().0,
        &tag.at(),
        &format!("repos/{incarnation}/tags/releases/v1.datlake"),
        &format!(
            r#"{{"datlake":"tag","format":1,"nonce":"5a-7","repository":"{incarnation}","name":"releases/v1","commit":"{one}",{BY}"#
        ),
    );
}

fn entries() -> Vec<(EntryKind, String)> {
    let [one, two] = [1, 2].map(|b| Digest::from_bytes([b; 32]));
    let changes = [
        (
            "a.csv".to_owned(),
            Some(Put { file: TreeEntry::file(one, 7, true), attributes: ObjectAttributes::default() }),
        ),
        ("b.csv".to_owned(), None),
    ]
    .into();
    let attributes = ObjectAttributes {
        put: Some(by()),
        from: Some(Uid::chosen("raw/a.csv").unwrap()),
        content_type: Some("text/csv".into()),
        metadata: [("rows".to_owned(), "1".to_owned())].into(),
        more: BTreeMap::new(),
    };
    let noted = Some(Put { file: TreeEntry::file(one, 7, false), attributes });
    vec![
        (
            EntryKind::Changes(changes),
            format!(r#""changes":[{{"path":"a.csv","file":["{one}",7],"executable":true}},{{"path":"b.csv"}}]"#),
        ),
        (
            EntryKind::Changes([("a.csv".to_owned(), noted)].into()),
            format!(
                r#""changes":[{{"path":"a.csv","file":["{one}",7],"attributes":{{"put":{},"from":"raw/a.csv","content_type":"text/csv","metadata":{{"rows":"1"}}}}}}]"#,
                &BY[5..]
            ),
        ),
        (
            EntryKind::Commit { commit: two, base: 3, through: 7 },
            format!(r#""commit":{{"commit":"{two}","base":3,"through":7}}"#),
        ),
        (
            EntryKind::State(BranchPoint {
                commit: one,
                base: 9,
                tree: two,
                size: 15,
                attributes: None,
                discards: true,
            }),
            format!(r#""state":{{"commit":"{one}","base":9,"tree":"{two}","size":15,"discards":true}}"#),
        ),
        (
            EntryKind::State(BranchPoint {
                commit: one,
                base: 7,
                tree: two,
                size: 15,
                attributes: Some((one, 120)),
                discards: false,
            }),
            format!(r#""state":{{"commit":"{one}","base":7,"tree":"{two}","size":15,"attributes":["{one}",120]}}"#),
        ),
    ]
}

#[test]
fn entries_have_these_bytes_for_good() {
    let (_, incarnation) = repository().to_bytes().unwrap();
    let (branch, first) = repository().first_branch(incarnation).to_bytes().unwrap();
    assert_eq!(Digest::of(&branch[..branch.len() - TAIL]), first);
    let log = LogId::Branch(incarnation, BranchName::new("main").unwrap(), first);
    let before = Digest::from_bytes([9; 32]);
    for (what, expected) in entries() {
        let entry = BranchEntry { nonce: "5a-7".into(), n: 9, before, by: by(), what };
        let (bytes, digest) = entry.to_bytes().unwrap();
        check(
            &bytes,
            &log.entry(9),
            &format!("repos/{incarnation}/log/main/{first}/fffffffffffffff6.datlake"),
            &format!(
                r#"{{"datlake":"branch entry","format":1,"nonce":"5a-7","n":9,"before":"{before}",{BY},{expected}"#
            ),
        );
        assert_eq!(BranchEntry::parse(&log, 9, &bytes).unwrap(), (entry, digest));
        assert_eq!(BranchEntry::parse(&log, 8, &bytes).unwrap_err().kind(), ErrorKind::Corrupt);
        let document = Document::parse(&log.entry(9), bytes).unwrap();
        assert_eq!(document.references().needs[0].0, log.entry(8));
        assert!(!document.references().content.is_empty());
    }
}

#[test]
fn what_is_in_the_place_of_another_is_damaged() {
    let (bytes, incarnation) = repository().to_bytes().unwrap();
    let other = RepositoryName::new("other").unwrap();
    assert_eq!(RepositoryDocument::parse(&other, &bytes).unwrap_err().kind(), ErrorKind::Corrupt);
    let branch = repository().first_branch(incarnation);
    let (bytes, _) = branch.to_bytes().unwrap();
    let error = BranchDocument::parse(&Digest::of(b"another"), &branch.name, &bytes).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    let log = LogId::Branch(incarnation, branch.name, Digest::of(b"first"));
    let what = EntryKind::Changes([("a".to_owned(), None)].into());
    let entry = BranchEntry { nonce: "5a-7".into(), n: 1, before: Digest::of(b"another"), by: by(), what };
    let error = BranchEntry::parse(&log, 1, &entry.to_bytes().unwrap().0).unwrap_err();
    assert!(error.to_string().contains("it follows another document"), "{error}");
}
