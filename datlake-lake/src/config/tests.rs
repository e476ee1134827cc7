//! Other surroundings, other settings.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use datlake_core::ErrorKind;

use super::key::Log;
use super::setting::secret_in;
use super::surroundings::Surroundings;
use super::*;
use crate::mode::Mode;

fn surroundings(directory: &Path) -> Surroundings {
    Surroundings {
        variable: |_| None,
        directory: Some(directory.to_owned()),
        user_file: Some(directory.join("user.toml")),
        own: Some(PathBuf::from("/own")),
        data: Some(PathBuf::from("/data/datlake")),
        terminal: false,
    }
}

#[test]
fn nothing_set_means_a_local_lake_in_the_data_directory() {
    let dir = tempfile::tempdir().unwrap();
    let settings = surroundings(dir.path()).resolve().unwrap();
    assert_eq!(settings.home, Path::new("/data/datlake"));
    assert_eq!((settings.remote, settings.email, settings.mode, settings.log), (None, None, Mode::Run, Log::Warnings));
}

#[test]
fn the_nearest_file_wins_over_the_users_and_the_environment_over_both() {
    let dir = tempfile::tempdir().unwrap();
    let below = dir.path().join("a/b");
    std::fs::create_dir_all(&below).unwrap();
    std::fs::write(dir.path().join("datlake.toml"), "home = 'lake'\nremote = 'file:///project'\n").unwrap();
    let user = "context = 'c'\nemail = 'me@example.org'\n[contexts.c]\nremote = 'file:///user'\n";
    std::fs::write(dir.path().join("user.toml"), user).unwrap();
    let mut around = surroundings(&below);
    around.user_file = Some(dir.path().join("user.toml"));
    let settings = around.resolve().unwrap();
    assert_eq!(settings.home, dir.path().join("lake"));
    assert_eq!(settings.remote.as_deref(), Some("file:///project"));
    assert_eq!(settings.email.as_deref(), Some("me@example.org"));
    around.variable = |name| (name == "DATLAKE_REMOTE").then(|| "file:///env".into());
    assert_eq!(around.resolve().unwrap().remote.as_deref(), Some("file:///env"));
}

#[test]
fn a_context_that_there_is_not_can_be_left() {
    let dir = tempfile::tempdir().unwrap();
    let around = surroundings(dir.path());
    let path = dir.path().join("user.toml");
    std::fs::write(&path, "context = 'teem'  # mine\n\n[contexts.team]\nemail = 'ada@example.org'\n").unwrap();
    let error = around.resolve().unwrap_err();
    assert!(error.to_string().contains("did you mean `team`? (`datlake config unset context` uses none)"), "{error}");
    assert!(around.set("email", "ada@example.org", Scope::User).is_err(), "it says nothing yet that counts");
    around.unset("context", Scope::User).unwrap();
    assert!(around.resolve().is_ok());
    std::fs::write(&path, "context = 'teem'\n\n[contexts.team]\nemail = 'ada@example.org'\n").unwrap();
    around.use_context("team").unwrap();
    assert_eq!(around.resolve().unwrap().email.as_deref(), Some("ada@example.org"));
    // What else is wrong is not written again.
    std::fs::write(&path, "context = 'teem'\nremot = 'x'\n").unwrap();
    assert!(around.unset("context", Scope::User).is_err());
}

#[test]
fn a_limit_to_the_content_is_a_number_of_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let limit = |text: &str| {
        std::fs::write(dir.path().join("datlake.toml"), format!("cache_limit = '{text}'\n")).unwrap();
        surroundings(dir.path()).resolve()
    };
    let known = [("50 GB", 50 << 30), ("500", 500), ("20MiB", 20 << 20), ("0", 0), ("1k", 1024), ("2 TB", 2 << 40)];
    for (text, bytes) in known {
        assert_eq!(limit(text).unwrap().cache_limit, Some(bytes), "{text}");
    }
    for wrong in ["much", "M", "-1", "1.5G", "1X", "99999999999999T"] {
        assert_eq!(limit(wrong).unwrap_err().kind(), ErrorKind::Config, "{wrong}");
    }
    let error = limit("much").unwrap_err();
    assert!(error.to_string().contains("cache_limit is `much`; it may be a number of bytes, as 500 MB"), "{error}");
}

#[test]
fn every_value_says_where_it_was_taken_from() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("datlake.toml"), "home = 'lake'\n").unwrap();
    let user = "context = 'c'\n[contexts.c]\nremote = 's3://id:key@bucket/x?token=abc'\n";
    std::fs::write(dir.path().join("user.toml"), user).unwrap();
    let mut around = surroundings(dir.path());
    around.variable = |name| (name == "DATLAKE_LOG").then(|| "summary".into());
    let shown = around.gather().unwrap().shown().unwrap();
    let file = |name: &str, context: Option<&str>| Source::File {
        path: dir.path().join(name),
        context: context.map(str::to_owned),
    };
    let sources: Vec<_> = shown.iter().map(|setting| (&*setting.key, setting.source.clone())).collect();
    let variable = Source::Environment { variable: "DATLAKE_LOG".to_owned() };
    assert_eq!(
        sources,
        [
            ("home", file("datlake.toml", None)),
            ("remote", file("user.toml", Some("c"))),
            ("email", Source::Default),
            ("offline", Source::Default),
            ("mode", Source::Default),
            ("log", variable),
        ]
    );
    assert_eq!(shown[1].value.as_deref(), Some("s3://***@bucket/x?token=***"));
}

#[test]
fn urls_are_shown_without_secrets() {
    for (url, shown) in [
        ("file:///home/a@b/lake", "file:///home/a@b/lake"),
        ("s3://bucket/a@b", "s3://bucket/a@b"),
        ("s3://id:se/cr@et@bucket/x", "s3://***@bucket/x"),
        ("s3://token@bucket", "s3://***@bucket"),
        ("https://host:9000/lake?a=1&sig=2#x", "https://host:9000/lake?a=***&sig=***#***"),
        ("token@bucket", "***@bucket"),
    ] {
        assert_eq!(without_secrets(url), shown);
    }
}

#[test]
fn unknown_values_and_contexts_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("user.toml"), "context = 'x'\n[contexts.c]\n").unwrap();
    assert!(surroundings(dir.path()).resolve().unwrap_err().to_string().contains("context `x`"));
    std::fs::remove_file(dir.path().join("user.toml")).unwrap();
    let mut around = surroundings(dir.path());
    around.variable = |name| (name == "DATLAKE_LOG").then(|| "loud".into());
    assert!(around.resolve().unwrap_err().to_string().contains("off, warnings, summary or calls"));
    around.variable = |name| (name == "DATLAKE_OFFLINE").then(|| "perhaps".into());
    assert!(around.resolve().unwrap_err().to_string().contains("DATLAKE_OFFLINE is `perhaps`"));
    around.variable = |name| (name == "DATLAKE_OFFLINE").then(|| "1".into());
    assert!(around.resolve().unwrap().offline);
    around.variable = |name| (name == "DATLAKE_RANK").then(|| "first".into());
    assert!(around.resolve().unwrap_err().to_string().contains("DATLAKE_RANK is `first`"));
}

fn file(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn what_a_file_may_not_say_is_named_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let around = surroundings(dir.path());
    let says = |text: &str, parts: &[&str]| {
        file(dir.path(), "user.toml", text);
        let error = around.resolve().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        for part in parts.iter().chain(&["user.toml`, line "]) {
            assert!(error.to_string().contains(part), "{error} does not say {part}");
        }
        assert!(!error.to_string().contains("hunter2"), "{error}");
    };
    says("[contexts.a]\n[contexts.b]\n\n[contexts.a]\n", &["line 4: there are two contexts called `a`"]);
    says("[contexts.a]\nhome = 'x'\nhome = 'hunter2'\n", &["line 3: this is set twice"]);
    says("contxt = 'a'\n", &["line 1: there is no setting `contxt`; did you mean `context`?"]);
    says("[contexts.a]\n\nremot = 'hunter2'\n", &["line 3: there is no setting `remot`; did you mean `remote`?"]);
    says(
        "[contexts.a]\nzzz = 1\n",
        &["line 2: there is no setting `zzz`; there are home, remote, unsafe_remote, email, cache_limit, keep_code"],
    );
    says("home = 3\n", &["line 1: `home` must be a text in quotes"]);
    says("contexts = 3\n", &["line 1: `contexts` holds tables"]);
    says("contexts.a = 'hunter2'\n", &["line 1: the context `a` is no table"]);
    says("\ncontext = 'teem'\n[contexts.team]\n", &["line 2: there is no context `teem`; did you mean `team`?"]);
    says("home = 'x'\nremote = 'hunter2\n", &["line 2: "]);
    says("\u{0}", &["line 1: "]);
}

#[test]
fn settings_outside_of_contexts_are_for_who_uses_none_and_an_address_for_all() {
    let dir = tempfile::tempdir().unwrap();
    let around = surroundings(dir.path());
    let own = "home = 'own'\nremote = 'file:///own'\nemail = 'me@example.org'\n[contexts.c]\nhome = '~/c'\n";
    file(dir.path(), "user.toml", own);
    let settings = around.resolve().unwrap();
    assert_eq!((settings.home, settings.remote.as_deref()), (dir.path().join("own"), Some("file:///own")));
    file(dir.path(), "user.toml", &format!("context = 'c'\n{own}"));
    let settings = around.resolve().unwrap();
    assert_eq!((settings.home.as_path(), settings.remote), (Path::new("/own/c"), None));
    assert_eq!(settings.email.as_deref(), Some("me@example.org"));
}

#[test]
fn a_change_keeps_comments_and_order() {
    let dir = tempfile::tempdir().unwrap();
    let around = surroundings(dir.path());
    let before = "# mine\ncontext = 'c' # the usual\n\n[contexts.c]\n# shared\nremote = 'file:///a' # old\nhome = '/h'\n\n[contexts.d]\n";
    let path = file(dir.path(), "user.toml", before);
    let changed = around.set("remote", "file:///b", Scope::User).unwrap();
    assert_eq!((changed.context.as_deref(), changed.hidden_by), (Some("c"), None));
    let now = || std::fs::read_to_string(&path).unwrap();
    assert_eq!(now(), before.replace("'file:///a'", "\"file:///b\""));
    around.set("email", "a@b.c", Scope::User).unwrap();
    around.unset("home", Scope::User).unwrap();
    around.use_context("d").unwrap();
    let after = before
        .replace("'c' #", "\"d\" #")
        .replace("'file:///a'", "\"file:///b\"")
        .replace("home = '/h'", "email = \"a@b.c\"");
    assert_eq!(now(), after);
    assert_eq!(around.unset("home", Scope::User).unwrap_err().kind(), ErrorKind::NotFound);
    around.delete_context("c").unwrap();
    assert_eq!(around.contexts().unwrap().len(), 1);
    assert!(around.delete_context("d").unwrap_err().to_string().contains("in use"));
    around.unset("context", Scope::User).unwrap();
    around.delete_context("d").unwrap();
    assert_eq!(now(), "");
}

#[test]
fn a_change_that_makes_no_sense_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let around = surroundings(dir.path());
    for (key, value, says) in [
        ("remot", "x", "did you mean `remote`?"),
        ("remote", "/mnt/lake", "file:///path"),
        ("remote", "s3://key:hunter2@bucket/x", "credentials"),
        ("remote", "s3://hunter2@bucket", "credentials"),
        ("remote", "https://host/lake?sig=hunter2", "credentials"),
        ("home", "s3://bucket", "set as `remote`"),
        ("home", " ", "not empty"),
        ("home", "a\nb", "one line"),
        ("email", "ada", "e-mail"),
    ] {
        let error = around.set(key, value, Scope::User).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(says) && !error.to_string().contains("hunter2"), "{error}");
        assert!(around.create_context("c", &[(key, value)]).is_err());
    }
    for name in ["", "a b", "a/b", "[a]", "a\n"] {
        assert_eq!(around.create_context(name, &[]).unwrap_err().kind(), ErrorKind::InvalidInput, "{name}");
    }
    assert!(!dir.path().join("user.toml").exists());
    let broken = "home = 'a'\nhomme = 'b'\n";
    let path = file(dir.path(), "user.toml", broken);
    assert!(around.set("home", "c", Scope::User).unwrap_err().to_string().contains("line 2"));
    assert_eq!(std::fs::read_to_string(path).unwrap(), broken);
}

#[test]
fn contexts_are_made_once_and_used_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let around = surroundings(dir.path());
    assert_eq!(around.contexts().unwrap(), []);
    around.create_context("team", &[("remote", "file:///r"), ("home", "lake")]).unwrap();
    around.create_context("a.b", &[]).unwrap();
    let again = around.create_context("team", &[]).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::AlreadyExists);
    assert!(again.to_string().contains("user.toml`, line 1"), "{again}");
    assert!(around.use_context("teem").unwrap_err().to_string().contains("did you mean `team`?"));
    assert!(around.use_context("team").unwrap().current);
    let rows = around.contexts().unwrap();
    assert_eq!(
        rows.iter().map(|row| (row.name.as_str(), row.current)).collect::<Vec<_>>(),
        [("a.b", false), ("team", true)]
    );
    // A path is the same from every folder.
    assert_eq!(around.resolve().unwrap().home, dir.path().join("lake"));
}

#[test]
fn a_project_has_a_file_of_its_own_which_wins() {
    let dir = tempfile::tempdir().unwrap();
    let below = dir.path().join("a/b");
    std::fs::create_dir_all(&below).unwrap();
    let mut around = surroundings(&below);
    assert_eq!(around.set("home", "lake", Scope::Project).unwrap().path, below.join("datlake.toml"));
    assert_eq!(around.resolve().unwrap().home, below.join("lake"));
    let hidden = around.set("home", "/elsewhere", Scope::User).unwrap().hidden_by;
    assert_eq!(hidden, Some(Source::File { path: below.join("datlake.toml"), context: None }));
    around.variable = |name| (name == "DATLAKE_HOME").then(|| "/env".into());
    let hidden = around.set("home", "other", Scope::Project).unwrap().hidden_by;
    assert_eq!(hidden, Some(Source::Environment { variable: "DATLAKE_HOME".to_owned() }));
    around.unset("home", Scope::Project).unwrap();
    assert_eq!(std::fs::read_to_string(below.join("datlake.toml")).unwrap(), "");
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link_and_permissions_stay() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let dir = tempfile::tempdir().unwrap();
    let around = surroundings(dir.path());
    let kept = file(dir.path(), "kept.toml", "");
    std::fs::set_permissions(&kept, std::fs::Permissions::from_mode(0o600)).unwrap();
    symlink(&kept, dir.path().join("user.toml")).unwrap();
    around.set("email", "a@b.c", Scope::User).unwrap();
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), "email = \"a@b.c\"\n");
    assert!(dir.path().join("user.toml").is_symlink());
    assert_eq!(kept.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn two_changes_at_once_are_both_made() {
    let dir = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for n in 0..8 {
            let around = surroundings(dir.path());
            scope.spawn(move || around.create_context(&format!("c{n}"), &[]).unwrap());
        }
    });
    assert_eq!(surroundings(dir.path()).contexts().unwrap().len(), 8);
}

#[test]
fn what_is_no_text_is_no_setting() {
    use std::os::unix::ffi::OsStringExt as _;
    let dir = tempfile::tempdir().unwrap();
    let mut around = surroundings(dir.path());
    around.variable = |name| (name == "DATLAKE_HOME").then(|| OsString::from_vec(b"caf\xe9".to_vec()));
    assert!(around.resolve().unwrap_err().to_string().contains("DATLAKE_HOME is not UTF-8"));
}

#[test]
fn secrets_are_told_from_places() {
    for harmless in ["s3://bucket/a@b", "file:///home/a@b/lake", "s3://bucket/x?region=eu-west-1"] {
        assert!(!secret_in(harmless), "{harmless}");
    }
}
