//! Repositories: history, and what is brought from one branch to another.

use datlake::report::MergeResult;
use datlake::{CommitMessage, ErrorKind, LogQuery, MergeOptions, MergeWinner, Result};

use crate::repositories::{committed, content, has, merged, put, repository};
use crate::support::{check_error, lake};

fn conflicts(result: Result<MergeResult>) -> Vec<String> {
    match result.unwrap() {
        MergeResult::Conflicts(conflicts) => conflicts.into_iter().map(|conflict| conflict.path).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_log_is_of_all_of_a_path_or_of_a_folder() {
    let lake = lake();
    let (sales, main) = repository(&lake);
    committed(&main, &[("raw/a", "1")]);
    committed(&main, &[("b", "1")]);
    let dev = sales.branch("dev").create("main").unwrap();
    committed(&dev, &[("raw/a", "2")]);
    committed(&main, &[("b", "2")]);
    merged(main.merge("dev", &MergeOptions::default()));
    let log = |query: LogQuery| -> Vec<String> {
        main.log(&query).unwrap().into_iter().map(|commit| commit.message).collect()
    };
    assert_eq!(log(LogQuery::default()).len(), 6);
    assert_eq!(log(LogQuery::default())[0], "Merge 'dev' into 'main'");
    // The merge has at each path what one of its parents has.
    assert_eq!(log(LogQuery::of("raw/a")), [r#"[("raw/a", "2")]"#, r#"[("raw/a", "1")]"#]);
    assert_eq!(log(LogQuery::below("raw/")), log(LogQuery::of("raw/a")));
    assert_eq!(log(LogQuery::of("b")), [r#"[("b", "2")]"#, r#"[("b", "1")]"#]);
    let all = main.log(&LogQuery::default()).unwrap();
    assert_eq!(main.log(&LogQuery::default().after(all[1].id).limit(2)).unwrap(), all[2..4]);
}

#[test]
fn a_merge_has_what_both_have_changed_or_says_where_it_cannot() {
    let lake = lake();
    let (sales, main) = repository(&lake);
    committed(&main, &[("a", "1"), ("b", "1"), ("c", "1"), ("raw/d", "1")]);
    let dev = sales.branch("dev").create("main").unwrap();
    committed(&dev, &[("a", "dev"), ("b", "dev"), ("new", "dev"), ("raw/d", "dev")]);
    dev.delete_object("c").unwrap();
    dev.commit("without c").unwrap();
    committed(&main, &[("b", "main"), ("raw/d", "main"), ("own", "main")]);
    let plain = MergeOptions::default();
    let before = main.commit_info().unwrap();
    assert_eq!(conflicts(main.merge("dev", &plain)), ["b", "raw/d"]);
    assert_eq!(main.commit_info().unwrap(), before);
    let half = plain.clone().winner_below("raw/", MergeWinner::Destination);
    assert_eq!(conflicts(main.merge("dev", &half)), ["b"]);
    put(&main, &[("x", "1")]);
    check_error(main.merge("dev", &plain), ErrorKind::Uncommitted, &["has uncommitted changes", "commit or reset"]);
    main.reset().unwrap();
    let all = half.winner(MergeWinner::Source).message(CommitMessage::new("both").metadata("k", "v"));
    let commit = merged(main.merge("dev", &all));
    assert_eq!((commit.message.as_str(), commit.parents.len()), ("both", 2));
    has(&sales, "main", &[("a", "dev"), ("b", "dev"), ("new", "dev"), ("raw/d", "main"), ("own", "main")]);
    check_error(main.merge("dev", &plain), ErrorKind::Unchanged, &["has all that `sales@dev` has"]);
    // The other way is a merge, too.
    merged(dev.merge("main", &plain));
    assert_eq!(content(&sales, "dev"), content(&sales, "main"));
}

/// Two branches that were each merged into the other: both their ancestors count.
#[test]
fn where_histories_cross_a_merge_counts_what_is_the_same_with_each_ancestor() {
    let lake = lake();
    let (sales, main) = repository(&lake);
    committed(&main, &[("a", "0"), ("b", "0")]);
    let dev = sales.branch("dev").create("main").unwrap();
    committed(&main, &[("a", "1")]);
    committed(&dev, &[("b", "1")]);
    let (x, y) = (main.commit_info().unwrap().id.to_string(), dev.commit_info().unwrap().id.to_string());
    let plain = MergeOptions::default();
    merged(main.merge(&y, &plain));
    merged(dev.merge(&x, &plain));
    committed(&dev, &[("c", "1")]);
    merged(main.merge("dev", &plain));
    has(&sales, "main", &[("a", "1"), ("b", "1"), ("c", "1")]);
    // Once more, and now one side goes back to what was there before: with one ancestor that is a change, with the other none.
    let dev = sales.branch("other").create("main").unwrap();
    committed(&main, &[("a", "2")]);
    committed(&dev, &[("b", "2")]);
    let (x, y) = (main.commit_info().unwrap().id.to_string(), dev.commit_info().unwrap().id.to_string());
    merged(main.merge(&y, &plain));
    merged(dev.merge(&x, &plain));
    committed(&dev, &[("a", "1")]);
    assert_eq!(conflicts(main.merge("other", &plain)), ["a"]);
}

#[test]
fn a_commit_is_taken_back_and_done_again() {
    let lake = lake();
    let (sales, main) = repository(&lake);
    committed(&main, &[("a", "1")]);
    let two = committed(&main, &[("a", "2"), ("b", "2")]);
    committed(&main, &[("c", "3")]);
    let plain = MergeOptions::default();
    let commit = merged(main.revert("main~1", &plain));
    assert!(commit.message.contains(&two), "{}", commit.message);
    has(&sales, "main", &[("a", "1"), ("c", "3")]);
    merged(main.cherry_pick(&two, &plain));
    has(&sales, "main", &[("a", "2"), ("b", "2"), ("c", "3")]);
    check_error(main.cherry_pick(&two, &plain), ErrorKind::Unchanged, &["nothing changes"]);
    committed(&main, &[("a", "4")]);
    assert_eq!(conflicts(main.revert(&two, &plain)), ["a"]);
    let dev = sales.branch("dev").create("main~1").unwrap();
    committed(&dev, &[("d", "5")]);
    let merge = merged(main.merge("dev", &plain)).id.to_string();
    check_error(main.revert(&merge, &plain), ErrorKind::InvalidInput, &["is a merge; say which parent"]);
    check_error(main.revert(&merge, &plain.clone().parent(3)), ErrorKind::InvalidInput, &["has no parent 3"]);
    merged(main.revert(&merge, &plain.clone().parent(1)));
    has(&sales, "main", &[("a", "4"), ("b", "2"), ("c", "3")]);
    let first = main.log(&LogQuery::default()).unwrap().pop().unwrap().id.to_string();
    check_error(main.revert(&first, &plain), ErrorKind::InvalidInput, &["is the first one"]);
}
