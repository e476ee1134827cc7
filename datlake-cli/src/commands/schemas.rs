//! The JSON Schema of each answer stands in `docs/schemas`, and is what the types say.

use std::collections::BTreeMap;
use std::path::PathBuf;

use datlake::config::{Changed, ContextRow, Setting};
use datlake::report::{
    CallDiff, CallExplanation, CallInfo, CallRow, CallSources, CalledCall, Check, CheckedOut, Cleaned, Collected,
    CommitInfo, CreatorCode, Evicted, FileInfo, FileRow, FolderChanges, FoundCalls, Imported, LakeStatus, LineageGraph,
    MergeResult, Mirrored, NameHistory, ObjectChanges, OutsideCheck, OwedRow, Pull, Push, Repack, Repaired, Row,
    RunDiff, RunInfo, RunRow, SentEvents, SignedUrl, Verified,
};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::add::Added;
use super::config::Checked;
use super::content::LocalPath;
use super::get::Got;
use super::init::Initialized;
use super::jobs::{ServedJob, ServedRun};
use super::objects::{DeletedObjects, Discarded, Objects, PutObjects};
use super::prune::Pruned;
use super::repository::{Deleted, RefRow, RepositoryRow, RepositoryShown};
use super::rm::Removed;
use super::run::{Going, Written};
use super::schedules::ServedSchedule;
use super::server::Done;
use crate::args;
use crate::launch::LaunchOutcome;

/// Says that the files are to be written, not compared.
const UPDATE: &str = "DATLAKE_UPDATE_SCHEMAS";

fn of<T: JsonSchema + Serialize + DeserializeOwned>() -> String {
    let schema = SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>();
    serde_json::to_string_pretty(&schema).unwrap() + "\n"
}

/// Of what is asked of calls, and done with them.
fn of_calls() -> [(&'static str, String); 6] {
    [
        ("call", of::<CalledCall>()),
        ("calls", of::<Vec<Row<CallRow>>>()),
        ("check", of::<Check>()),
        ("code", of::<CallSources>()),
        ("outbox", of::<Vec<Row<OwedRow>>>()),
        ("outbox-send", of::<SentEvents>()),
    ]
}

/// Of working copies; the second is `diff FOLDER`.
fn of_working_copies() -> [(&'static str, String); 2] {
    [("checkout", of::<CheckedOut>()), ("diff-folder", of::<FolderChanges>())]
}

/// Of what is done with accounts.
fn of_accounts() -> [(&'static str, String); 11] {
    [
        ("grant-add", of::<Done>()),
        ("grant-rm", of::<Done>()),
        ("key-create", of::<datlake_server::NewKeyPair>()),
        ("key-list", of::<Vec<datlake_server::KeyPair>>()),
        ("key-revoke", of::<Done>()),
        ("token-create", of::<datlake_server::NewToken>()),
        ("token-list", of::<Vec<datlake_server::Token>>()),
        ("token-revoke", of::<Done>()),
        ("user-create", of::<Done>()),
        ("user-list", of::<Vec<datlake_server::Account>>()),
        ("user-rm", of::<Done>()),
    ]
}

/// Of what is asked of jobs of a server.
fn of_jobs() -> [(&'static str, String); 8] {
    [
        ("job-cancel", of::<ServedRun>()),
        ("job-list", of::<Vec<ServedJob>>()),
        ("job-pause", of::<Done>()),
        ("job-queue", of::<ServedRun>()),
        ("job-resume", of::<Done>()),
        ("job-runs", of::<Vec<ServedRun>>()),
        ("job-schedule", of::<ServedSchedule>()),
        ("job-unschedule", of::<Done>()),
    ]
}

/// Of repositories, and of what leads to their commits.
fn of_repositories() -> [(&'static str, String); 10] {
    [
        ("branch-create", of::<RefRow>()),
        ("branch-list", of::<Vec<RefRow>>()),
        ("branch-rm", of::<Deleted>()),
        ("repo-create", of::<RepositoryRow>()),
        ("repo-list", of::<Vec<RepositoryRow>>()),
        ("repo-rm", of::<Deleted>()),
        ("repo-show", of::<RepositoryShown>()),
        ("tag-create", of::<RefRow>()),
        ("tag-list", of::<Vec<RefRow>>()),
        ("tag-rm", of::<Deleted>()),
    ]
}

fn schemas() -> BTreeMap<&'static str, String> {
    let mut schemas = BTreeMap::from([
        ("add", of::<Vec<Added>>()),
        ("cherry-pick", of::<MergeResult>()),
        ("commit", of::<CommitInfo>()),
        ("config-check", of::<Checked>()),
        ("config-context-create", of::<ContextRow>()),
        ("config-context-delete", of::<ContextRow>()),
        ("config-context-list", of::<Vec<ContextRow>>()),
        ("config-context-use", of::<ContextRow>()),
        ("config-set", of::<Changed>()),
        ("config-setup", of::<Vec<Setting>>()),
        ("config-show", of::<Vec<Setting>>()),
        ("config-unset", of::<Changed>()),
        ("diff", of::<CallDiff>()),
        // `diff run:ID run:ID`
        ("diff-runs", of::<RunDiff>()),
        // `diff REPO@REF`
        ("diff-objects", of::<ObjectChanges>()),
        ("evict", of::<Evicted>()),
        ("explain", of::<CallExplanation>()),
        ("explain-closure", of::<CreatorCode>()),
        ("find", of::<FoundCalls>()),
        ("gc", of::<Collected>()),
        ("get", of::<Vec<Got>>()),
        ("import", of::<Imported>()),
        ("info", of::<FileInfo>()),
        // `info @creator/key`
        ("info-call", of::<CallInfo>()),
        ("lineage", of::<LineageGraph>()),
        ("init", of::<Initialized>()),
        ("log", of::<NameHistory>()),
        // `log REPO@REF`
        ("log-commits", of::<Vec<CommitInfo>>()),
        ("ls", of::<Vec<Row<FileRow>>>()),
        // `ls REPO@REF`
        ("ls-objects", of::<Objects>()),
        ("merge", of::<MergeResult>()),
        ("mirror", of::<Mirrored>()),
        ("path", of::<Vec<LocalPath>>()),
        ("prune", of::<Pruned>()),
        ("pull", of::<Pull>()),
        ("push", of::<Push>()),
        ("put", of::<PutObjects>()),
        ("repack", of::<Repack>()),
        ("repair", of::<Repaired>()),
        // `repair` without a file
        ("repair-left-over", of::<Cleaned>()),
        ("reset", of::<Discarded>()),
        ("revert", of::<MergeResult>()),
        ("rm", of::<Removed>()),
        // `rm REPO@BRANCH:PATH`
        ("rm-objects", of::<DeletedObjects>()),
        ("run", of::<LaunchOutcome>()),
        ("run-detached", of::<Going>()),
        ("run-written", of::<Written>()),
        ("runs", of::<Vec<Row<RunRow>>>()),
        ("runs-attach", of::<LaunchOutcome>()),
        ("runs-cancel", of::<Going>()),
        // `runs RUN`
        ("runs-run", of::<RunInfo>()),
        ("status", of::<LakeStatus>()),
        ("url", of::<SignedUrl>()),
        ("verify", of::<Verified>()),
        // `verify --outside REPO@REF`
        ("verify-outside", of::<OutsideCheck>()),
    ]);
    schemas.extend(of_calls());
    schemas.extend(of_repositories());
    schemas.extend(of_working_copies());
    schemas.extend(of_accounts().into_iter().chain(of_jobs()));
    schemas
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/schemas")
}

#[test]
fn the_schemas_are_what_the_types_say() {
    let schemas = schemas();
    if std::env::var_os(UPDATE).is_some() {
        for (name, schema) in &schemas {
            std::fs::write(folder().join(format!("{name}.json")), schema).unwrap();
        }
    }
    for (name, schema) in &schemas {
        let there = std::fs::read_to_string(folder().join(format!("{name}.json"))).unwrap_or_default();
        assert!(there == *schema, "docs/schemas/{name}.json is another; {UPDATE}=1 writes what the types say");
    }
    let there = std::fs::read_dir(folder()).unwrap().count();
    assert_eq!(there, schemas.len(), "docs/schemas has a file of no answer");
}

#[test]
fn every_answer_in_json_has_a_schema() {
    let schemas = schemas();
    let mut open = vec![(String::new(), args::command())];
    let mut without = Vec::new();
    while let Some((name, command)) = open.pop() {
        if command.get_arguments().any(|argument| argument.get_id() == "json") && !schemas.contains_key(&*name) {
            without.push(name.clone());
        }
        for below in command.get_subcommands() {
            let dash = if name.is_empty() { "" } else { "-" };
            open.push((format!("{name}{dash}{}", below.get_name()), below.clone()));
        }
    }
    assert!(without.is_empty(), "`commands::schemas` has none of {without:?}");
}

#[test]
fn what_programs_rely_on_is_always_there() {
    let required = |schema: &Value, type_name: Option<&str>| {
        let of = type_name.map_or(schema, |name| &schema["$defs"][name]);
        let names = of["required"].as_array().unwrap().iter();
        names.map(|name| name.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let check = |name: &str, type_name: Option<&str>, wanted: &str| {
        let schema: Value = serde_json::from_str(&schemas()[name]).unwrap();
        let there = required(&schema, type_name);
        let missing: Vec<_> = wanted.split(' ').filter(|field| !there.iter().any(|name| name == field)).collect();
        assert!(missing.is_empty(), "{name}: {missing:?}");
    };
    check("info", None, "uid name digest size created_at originator local remote created_by datlake_version");
    let created_by = "function module crate crate_version file line commit code_state repository permalink code_hash params \
                      inputs outputs duration_ms host";
    check("info", Some("CreatedBy"), created_by);
    check("info", Some("InputRow"), "argument uid digest");
    check("ls", Some("FileRow"), "uid size digest local remote");
}
