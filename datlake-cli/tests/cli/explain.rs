//! `datlake explain`

use datlake::{CodeHash, Lineage};
use datlake_core::record::{CallDocument, NewRecord, Record, ValueBytes};
use datlake_core::{CallKey, Location};
use insta::{assert_json_snapshot, assert_snapshot};

use crate::support::Machine;

/// Leaves a call like the one that made `uid`, as another version of the program would have left it, or in its place.
fn leave(machine: &Machine, uid: &str, change: impl FnOnce(&mut Lineage)) -> CallKey {
    let lake = machine.lake();
    let mut lineage = lake.file(uid).unwrap().lineage().unwrap().call().unwrap().clone();
    let at = |lineage: &Lineage| machine.home().join(Location::Record(lineage.creator.clone(), lineage.key).path());
    let record = CallDocument::parse(&lineage.creator, &lineage.key, std::fs::read(at(&lineage)).unwrap())
        .unwrap()
        .record()
        .unwrap();
    change(&mut lineage);
    let ValueBytes::Inline(value) = &record.value else { panic!("a large value") };
    let (value_digest, dynamic_inputs) = (record.value_digest, Vec::new());
    let new = NewRecord { nonce: "left", value_digest, value, dynamic_inputs, lineage: &lineage };
    let _ = std::fs::remove_file(at(&lineage));
    std::fs::write(at(&lineage), Record::create(new).unwrap().0.bytes()).unwrap();
    lineage.key
}

/// `creator/key` of the call that made `uid`, in full.
fn call_of(uid: &str) -> String {
    uid.trim_start_matches('@').rsplit_once('/').unwrap().0.to_owned()
}

fn other_code(lineage: &mut Lineage) {
    lineage.code.own_hash = CodeHash::from_bytes([7; 32]);
    lineage.code.dependencies[0].hash = CodeHash::from_bytes([8; 32]);
    lineage.code.hash = CodeHash::from_bytes([9; 32]);
}

#[test]
fn what_differs_from_the_nearest_earlier_call() {
    let (machine, made) = Machine::prepared();
    // Both may have run in one millisecond.
    leave(&machine, made.count.uid().unwrap().as_str(), |first| {
        first.started_at = "2001-01-01T00:00:00.000Z".to_owned()
    });
    let calls = machine.ok(&["calls", "word_count"]);
    let of = |text: &str| {
        let before = calls.split(text).next().unwrap();
        before.lines().rfind(|line| !line.starts_with(' ')).unwrap().to_owned()
    };
    let second = of("corpus = corpora/snark.txt");
    assert_snapshot!("explain_60", machine.shown(60, &["explain", &second]));
    assert_snapshot!("explain_100", machine.shown(100, &["explain", &second]));
    assert_json_snapshot!("explain", machine.json(&["explain", &second]));
    let first = machine.ok(&["explain", &of("corpus = corpora/alice.txt")]);
    assert!(first.contains("No earlier call"), "{first}");
    // By the file it made, by the end of the creator's name, and in full, it is the same call.
    let uid = made.count.uid().unwrap().as_str();
    let call = call_of(uid);
    let short = call.rsplit_once("::").unwrap().1;
    for what in [uid, &call, &format!("@{call}"), short, &short[..short.len() - 50]] {
        assert_eq!(machine.ok(&["explain", what]), first, "{what}");
    }
}

#[test]
fn code_that_has_changed_since() {
    let (machine, made) = Machine::prepared();
    let uid = made.words.uid().unwrap().as_str();
    let latest = leave(&machine, uid, |lineage| {
        lineage.key = CallKey::from_bytes([1; 32]);
        lineage.started_at = "2999-01-01T00:00:00.000Z".to_owned();
        lineage.code.own_hash = CodeHash::from_bytes([7; 32]);
        lineage.code.hash = CodeHash::from_bytes([9; 32]);
    });
    assert_snapshot!("explain_since_80", machine.shown(80, &["explain", uid]));
    let shown = machine.json(&["explain", uid]);
    assert_eq!((&shown["since"]["same_outputs"], &shown["earlier"]), (&true.into(), &serde_json::Value::Null));
    // Seen from there, it is the code that differs from the earlier call, and nothing since.
    let shown = machine.ok(&["explain", &format!("split/{latest}")]);
    assert!(shown.contains("the function's own code changed") && !shown.contains("since"), "{shown}");
}

#[test]
fn a_dependency_an_argument_and_an_extra() {
    let (machine, made) = Machine::prepared();
    let uid = made.count.uid().unwrap().as_str();
    leave(&machine, uid, |lineage| {
        lineage.key = CallKey::from_bytes([2; 32]);
        lineage.started_at = "2001-01-01T00:00:00.000Z".to_owned();
        other_code(lineage);
        lineage.params[1].value = 12.into();
        lineage.extras.push(serde_json::from_str(r#"{"name":"MODEL","value":"v1"}"#).unwrap());
    });
    let shown = machine.ok(&["explain", uid]);
    for part in ["own code changed", "`cli::pipeline::longer` changed", "`min_len`: 12 → 4", "`MODEL`: \"v1\" → absent"]
    {
        assert!(shown.contains(part), "{shown} does not say {part}");
    }
}

#[test]
fn how_much_code_a_creator_depends_on_and_what_brings_it_in() {
    let (machine, made) = Machine::prepared();
    let shown = machine.ok(&["explain", "--closure", "word_count"]);
    for part in [
        "Its results depend on 2 items, 10 lines of datlake-cli",
        "1 item, 3 lines: `datlake-cli/main::pipeline::longer`",
    ] {
        assert!(shown.contains(part), "{shown} does not say {part}");
    }
    let code = machine.json(&["explain", "--closure", "pipeline::word_count"]);
    assert_eq!((&code["items"], &code["pulled_in"][0]["items"]), (&2.into(), &1.into()), "{code:#}");
    assert!(machine.ok(&["explain", made.count.uid().unwrap().as_str()]).contains("Its result depends on 2 items"));
    machine.fails(1, &["no call of a creator `wordcount`", "word_count"], &["explain", "--closure", "wordcount"]);
    // Of whose code there is no table, nothing is known.
    leave(&machine, made.count.uid().unwrap().as_str(), |lineage| {
        lineage.started_at = "2999-01-01T00:00:00.000Z".to_owned();
        lineage.code.closure = None;
    });
    machine.fails(1, &["has no table of its code", "closure = \"none\""], &["explain", "--closure", "word_count"]);
}

/// A table of code that has a function in that file.
fn table(
    machine: &Machine,
    name: &str,
    file: &str,
    source: &str,
    first: usize,
    last: usize,
) -> Option<datlake::Digest> {
    let blob = git2::Oid::hash_object(git2::ObjectType::Blob, source.as_bytes()).unwrap();
    let table = format!(
        "source\t{file}\t{blob}\nroot\tapp::creator\t00\t{file}\t1\t1\t\t1\n\
         item\tapp::scale\t{name}\t{file}\t{first}\t{last}\tapp::creator\t\n"
    );
    Some(machine.lake().add_bytes(&format!("tables/{name}"), table).unwrap().digest())
}

#[test]
fn the_source_of_what_changed_is_that_which_was_compiled() {
    let (machine, made) = Machine::prepared();
    let uid = made.count.uid().unwrap().as_str();
    let old = "// The creator.\nfn scale(n: f64) -> f64 {\n    n * 2.0\n}\n";
    let new = "// The creator.\n\nfn scale(n: f64) -> f64 {\n    n * 3.0\n}\n";
    // The older was committed, the newer is on the disk.
    let work = machine.write("work/src/lib.rs", new).parent().unwrap().parent().unwrap().to_owned();
    let repository = git2::Repository::init(&work).unwrap();
    repository.blob(old.as_bytes()).unwrap();
    let (was, now) = (table(&machine, "old", "src/lib.rs", old, 2, 4), table(&machine, "new", "src/lib.rs", new, 3, 5));
    leave(&machine, uid, |lineage| {
        lineage.started_at = "2001-01-01T00:00:00.000Z".to_owned();
        lineage.code.closure = was;
    });
    let latest = leave(&machine, uid, |lineage| {
        lineage.key = CallKey::from_bytes([1; 32]);
        lineage.started_at = "2999-01-01T00:00:00.000Z".to_owned();
        lineage.code.hash = CodeHash::from_bytes([9; 32]);
        lineage.code.closure = now;
    });
    let call = format!("word_count/{latest}");
    let explained = || machine.ok(&["explain", "--source", &call]);
    let shown = explained();
    for part in
        ["`app::scale` changed, in src/lib.rs:3", "-    n * 2.0", "+    n * 3.0", "     fn scale(n: f64) -> f64 {"]
    {
        assert!(shown.contains(part), "{shown} does not say {part}");
    }
    assert!(!shown.contains("The creator."), "{shown}");
    assert!(!machine.ok(&["explain", &call]).contains("n * 2.0"));
    let source = &machine.json(&["explain", "--source", &call])["earlier"]["sources"][0];
    assert_eq!(source["was"], "fn scale(n: f64) -> f64 {\n    n * 2.0\n}\n");
    // A lineage graph brings it along, beside the code that made the file.
    let graph = machine.json(&["lineage", uid, "--contents"]);
    let code = &graph["sources"][0];
    assert_eq!(code["items"][1]["text"], "fn scale(n: f64) -> f64 {\n    n * 2.0\n}\n");
    assert_eq!(code["since"]["changes"], serde_json::json!(["`app::scale` changed, in src/lib.rs:3"]));
    assert_eq!(code["since"]["sources"][0]["now"], "fn scale(n: f64) -> f64 {\n    n * 3.0\n}\n");
    // Edited further, what was compiled is nowhere.
    machine.write("work/src/lib.rs", "fn scale() {}");
    let shown = explained();
    assert!(shown.contains("its later source was found neither in the lake") && !shown.contains("fn scale"), "{shown}");
    repository.blob(new.as_bytes()).unwrap();
    assert!(explained().contains("+    n * 3.0"));
}

/// A source file as a call that ran uncommitted code leaves it, and the list that names it.
fn keep(machine: &Machine, source: &str) -> datlake::Digest {
    let lake = machine.lake();
    let text = lake.add_bytes("kept/text", source).unwrap().digest();
    let blob = git2::Oid::hash_object(git2::ObjectType::Blob, source.as_bytes()).unwrap();
    let list = format!("text\t{blob}\t{text}\t{}\n", source.len());
    let list = lake.add_bytes("kept/list", list).unwrap().digest();
    // From now on only the call names them.
    lake.remove("kept/text").unwrap();
    lake.remove("kept/list").unwrap();
    list
}

#[test]
fn code_that_is_in_no_commit_is_kept_and_goes_where_its_call_goes() {
    let (machine, made) = Machine::prepared();
    let uid = made.count.uid().unwrap().as_str();
    let source = "fn creator() {\n\tscale(1.0);\n}\nfn scale(n: f64) -> f64 {\n    n * 2.0\n}\n";
    let (closure, kept) = (table(&machine, "kept", "src/lib.rs", source, 4, 6), keep(&machine, source));
    let key = leave(&machine, uid, |lineage| {
        lineage.code.closure = closure;
        lineage.code.source_texts = Some(kept);
        lineage.code.source = datlake::lineage::SourceState::default();
    });
    let call = format!("word_count/{key}");
    let shown = machine.ok(&["code", &call]);
    for part in [
        "of no repository that is known",
        "\n// app::creator, src/lib.rs:1\nfn creator() {\n",
        "\n// app::scale, src/lib.rs:4\nfn scale(n: f64) -> f64 {\n    n * 2.0\n}\n",
    ] {
        assert!(shown.contains(part), "{shown} does not say {part}");
    }
    assert_eq!(machine.ok(&["code", uid]), shown, "by the file that it made");
    let items = &machine.json(&["code", &call])["items"];
    assert_eq!((&items[1]["item"], &items[1]["line"]), (&"app::scale".into(), &4.into()));

    // It outlives a collection, and is at the mirror, where another machine reads it.
    machine.ok(&["gc"]);
    assert_eq!(machine.ok(&["code", &call]), shown);
    let url = format!("file://{}", machine.path("mirror").display());
    machine.ok(&["mirror", &url]);
    let other = datlake::Lake::builder().home(machine.path("other")).remote(&url).open().unwrap();
    let there = other.call_code(&call).unwrap();
    assert!(there.items.iter().all(|item| item.text.is_some()), "{there:?}");
    drop(other);

    // A machine that has the record alone keeps order without the network.
    let open =
        |offline| datlake::Lake::builder().home(machine.path("third")).remote(&url).offline(offline).open().unwrap();
    open(false).explain(&call).unwrap();
    let third = open(true);
    assert_eq!(third.verify(datlake::Verify::default(), &[]).unwrap().findings, []);
    third.collect(datlake::Collect::default()).unwrap();
    let error = third.call_code(&call).unwrap_err();
    assert!(error.to_string().contains("not on this machine") && error.hint().is_some(), "{error:?}");
    drop(third);
    open(false).evict(datlake::Evict::To(0)).unwrap();

    // Without it the lake is whole, and says what it cannot show.
    for digest in [datlake::Digest::of(source.as_bytes()), kept] {
        std::fs::remove_file(machine.home().join(Location::Blob(digest).path())).unwrap();
        let shown = machine.ok(&["code", &call]);
        assert!(shown.contains("// app::scale, src/lib.rs:4: its source was found neither in the lake"), "{shown}");
        machine.ok(&["verify"]);
        machine.ok(&["gc"]);
    }
}

#[test]
fn what_cannot_be_explained_says_why() {
    let (machine, made) = Machine::prepared();
    let uid = made.count.uid().unwrap().as_str();
    let (creator, key) = call_of(uid).rsplit_once('/').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    machine.fails(1, &["no call made `corpora/alice.txt`", "added"], &["explain", "corpora/alice.txt"]);
    machine.fails(1, &["no call made `corpora/alice.txt`", "has no code"], &["code", "corpora/alice.txt"]);
    machine.fails(1, &["no file `corpora/alise.txt`", "`corpora/alice.txt`"], &["explain", "corpora/alise.txt"]);
    machine.fails(1, &["no call of `wordcount` has a key"], &["explain", &format!("wordcount/{key}")]);
    leave(&machine, uid, |lineage| {
        let mut bytes = *lineage.key.as_bytes();
        bytes[31] ^= 1;
        lineage.key = CallKey::from_bytes(bytes);
    });
    machine.fails(
        2,
        &["several calls of `word_count`", "write more"],
        &["explain", &format!("word_count/{}", &key[..63])],
    );
    machine.fails(
        2,
        &["several calls of `datlake-cli/cli::pipeline::word_count`"],
        &["info", &format!("@{creator}/{}/0", &key[..63])],
    );
    // A damaged record beside it hides itself only.
    let calls = machine.home().join("calls").join(creator);
    let damaged = std::fs::read_dir(calls).unwrap().map(|entry| entry.unwrap().path());
    for path in damaged.filter(|path| !path.to_str().unwrap().contains(&key)) {
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "{}").unwrap();
    }
    let ran = machine.run(&["explain", uid]);
    assert_eq!((ran.status, ran.out.contains("No earlier call")), (2, true), "{}", ran.err);
    assert!(ran.err.contains("cannot be shown"), "{}", ran.err);
}

#[test]
fn two_files_are_compared_by_how_they_were_made() {
    let (machine, made) = Machine::prepared();
    let uid = made.count.uid().unwrap().as_str();
    let one = machine.json(&["diff", uid, uid]);
    assert_eq!((&one["pairs"][0]["differences"], &one["same_result"]), (&serde_json::json!([]), &true.into()));

    // The same call by another program: other code, another compiler, a lock file that is kept of one alone.
    let lock =
        machine.lake().add_bytes("locks/new", "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n").unwrap().digest();
    let latest = leave(&machine, uid, |lineage| {
        lineage.key = CallKey::from_bytes([1; 32]);
        lineage.started_at = "2999-01-01T00:00:00.000Z".to_owned();
        lineage.environment.rustc = "rustc 9.9.9".to_owned();
        lineage.environment.cargo_lock = Some(lock);
        other_code(lineage);
    });
    let shown = machine.ok(&["diff", uid, &format!("word_count/{latest}")]);
    for part in ["the function's own code changed", "→ rustc 9.9.9", "2999-01-01", "Both have the same result."] {
        assert!(shown.contains(part), "{shown} does not say {part}");
    }
    machine.fails(1, &["no call made `corpora/alice.txt`", "nothing to compare"], &["diff", "corpora/alice.txt", uid]);
}
