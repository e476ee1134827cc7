//! What a run read, wrote and left behind.

use std::collections::HashMap;

use datlake::{Error, ErrorKind, Result};
use serde_json::{Value, json};
use sqlx::AnyConnection;

use super::wire::{RunArtifact, RunItem, RunItemKind};
use crate::access::Resource;
use crate::database::failed;
use crate::events::{EventType, NewEvent, StateChange};
use crate::problem::{Problem, Reply};

/// The most that one request notes.
const MOST: usize = 1000;
/// The most bytes of a name, a URI, or the id of a snapshot.
const LONGEST: usize = 4000;
/// So many of them an event has: the run has all.
const SHOWN: usize = 50;

/// What something is to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ItemRole {
    Input,
    Output,
}

impl ItemRole {
    fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
        }
    }
}

/// All that a run read, wrote and left behind.
#[derive(Clone, Debug, Default)]
pub(super) struct AllItems {
    pub(super) inputs: Vec<RunItem>,
    pub(super) outputs: Vec<RunItem>,
    pub(super) artifacts: Vec<RunArtifact>,
}

/// A row of the table.
struct ItemRow<'a> {
    role: &'a str,
    kind: &'a str,
    name: &'a str,
    uri: &'a str,
    snapshot: &'a str,
}

fn word(kind: RunItemKind) -> &'static str {
    match kind {
        RunItemKind::Table => "table",
        RunItemKind::Dataset => "dataset",
        RunItemKind::Uri => "uri",
        RunItemKind::File => "file",
    }
}

/// Refuses what says nothing, or what nobody could read.
///
/// # Errors
/// 400, of that field.
pub(crate) fn check_items(field: &str, items: &[RunItem]) -> Reply<()> {
    if items.len() > MOST {
        return Err(
            Problem::bad_request(format!("`{field}` has {} items: at most {MOST}", items.len())).of_field(field)
        );
    }
    for (at, item) in items.iter().enumerate() {
        let field = format!("{field}[{at}]");
        if item.name.is_empty() && item.uri.is_empty() {
            return Err(Problem::bad_request(format!("`{field}` has neither a name nor a URI")).of_field(field));
        }
        for text in [&item.name, &item.uri, item.snapshot_id.as_ref().unwrap_or(&String::new())] {
            check_text(&field, text)?;
        }
    }
    Ok(())
}

/// As [`check_items`], of artifacts.
pub(super) fn check_artifacts(artifacts: &[RunArtifact]) -> Reply<()> {
    if artifacts.len() > MOST {
        let message = format!("`artifacts` has {} items: at most {MOST}", artifacts.len());
        return Err(Problem::bad_request(message).of_field("artifacts"));
    }
    for (at, RunArtifact { r#type, uri }) in artifacts.iter().enumerate() {
        for (part, text) in [("type", r#type), ("uri", uri)] {
            let field = format!("artifacts[{at}].{part}");
            if text.is_empty() {
                return Err(Problem::bad_request(format!("`{field}` is empty")).of_field(field));
            }
            check_text(&field, text)?;
        }
    }
    Ok(())
}

fn check_text(field: &str, text: &str) -> Reply<()> {
    if text.len() > LONGEST {
        return Err(Problem::bad_request(format!("`{field}` has more than {LONGEST} bytes")).of_field(field));
    }
    if text.chars().any(char::is_control) {
        return Err(Problem::bad_request(format!("`{field}` has a control character")).of_field(field));
    }
    Ok(())
}

/// What metadata say under `inputs` or `outputs`: URIs, or items.
pub(super) fn items_of(field: &str, said: Option<Value>) -> Reply<Vec<RunItem>> {
    let said = match said {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(said)) => said,
        Some(_) => return Err(Problem::bad_request(format!("`{field}` is a list")).of_field(field)),
    };
    let item = |value| match value {
        Value::String(uri) => Ok(RunItem { kind: RunItemKind::Uri, name: String::new(), uri, snapshot_id: None }),
        value => serde_json::from_value(value).map_err(|e| {
            let message = format!("`{field}` has URIs, or objects with `kind`, `name` and `uri`: {e}");
            Problem::bad_request(message).of_field(field)
        }),
    };
    let items = said.into_iter().map(item).collect::<Reply<Vec<_>>>()?;
    check_items(field, &items)?;
    Ok(items)
}

/// Notes what a run read or wrote, with an event; what is noted already is fine.
pub(crate) async fn note_items(
    change: &mut StateChange,
    job: &str,
    run: &str,
    role: ItemRole,
    items: &[RunItem],
) -> Result<()> {
    let mut new = Vec::new();
    for item in items {
        let snapshot = item.snapshot_id.as_deref().unwrap_or_default();
        let row = ItemRow { role: role.as_str(), kind: word(item.kind), name: &item.name, uri: &item.uri, snapshot };
        if note(change, run, &row).await? {
            new.push(item);
        }
    }
    if !new.is_empty() {
        let count = new.len();
        new.truncate(SHOWN);
        let data = json!({"job_name": job, "run_id": run, "role": role.as_str(), "items": new, "count": count});
        let (kind, subject, run) = (EventType::LINEAGE, Resource::job(job), Some(run.to_owned()));
        change.note(NewEvent { kind, subject, run, data });
    }
    Ok(())
}

/// Notes what a run left behind.
pub(crate) async fn note_artifacts(change: &mut StateChange, run: &str, artifacts: &[RunArtifact]) -> Result<()> {
    for RunArtifact { r#type, uri } in artifacts {
        note(change, run, &ItemRow { role: "artifact", kind: r#type, name: "", uri, snapshot: "" }).await?;
    }
    Ok(())
}

/// Whether it was not noted before.
async fn note(change: &mut StateChange, run: &str, row: &ItemRow<'_>) -> Result<bool> {
    let ItemRow { role, kind, name, uri, snapshot } = row;
    let whole = serde_json::to_vec(&(role, kind, name, uri, snapshot));
    let whole = whole.map_err(|e| Error::new(ErrorKind::Value, e.to_string()))?;
    let sql = "INSERT INTO run_items (run, item, role, kind, name, uri, snapshot, noted_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
    let query = sqlx::query(sql).bind(run.to_owned()).bind(blake3::hash(&whole).to_hex().to_string());
    let query = [role, kind, name, uri, snapshot].into_iter().fold(query, |query, text| query.bind((*text).to_owned()));
    let at = change.at();
    let done = query.bind(at).execute(change.sql()).await.map_err(|e| failed("write to", e))?;
    Ok(done.rows_affected() == 1)
}

/// What the runs of a job between these ids read, wrote and left behind.
pub(super) async fn items_between(
    connection: &mut AnyConnection,
    job: &str,
    first: &str,
    last: &str,
) -> Result<HashMap<String, AllItems>> {
    let sql = "SELECT i.run, i.role, i.kind, i.name, i.uri, i.snapshot FROM run_items i JOIN runs r ON r.id = i.run \
               WHERE r.job = $1 AND r.id >= $2 AND r.id <= $3 ORDER BY i.run, i.noted_at, i.item";
    let query = sqlx::query_as::<_, StoredItem>(sql).bind(job.to_owned()).bind(first.to_owned()).bind(last.to_owned());
    Ok(by_run(query.fetch_all(connection).await.map_err(|e| failed("read", e))?))
}

/// Those of one run.
pub(super) async fn items_of_run(connection: &mut AnyConnection, run: &str) -> Result<AllItems> {
    let sql = "SELECT run, role, kind, name, uri, snapshot FROM run_items WHERE run = $1 ORDER BY noted_at, item";
    let query = sqlx::query_as::<_, StoredItem>(sql).bind(run.to_owned());
    let mut all = by_run(query.fetch_all(connection).await.map_err(|e| failed("read", e))?);
    Ok(all.remove(run).unwrap_or_default())
}

/// A run, and the role, kind, name, URI and snapshot of what it has.
type StoredItem = (String, String, String, String, String, String);

fn by_run(rows: Vec<StoredItem>) -> HashMap<String, AllItems> {
    let mut all: HashMap<String, AllItems> = HashMap::new();
    for (run, role, kind, name, uri, snapshot) in rows {
        let of = all.entry(run).or_default();
        if role == "artifact" {
            of.artifacts.push(RunArtifact { r#type: kind, uri });
            continue;
        }
        let kind = match kind.as_str() {
            "table" => RunItemKind::Table,
            "dataset" => RunItemKind::Dataset,
            "file" => RunItemKind::File,
            _ => RunItemKind::Uri,
        };
        let item = RunItem { kind, name, uri, snapshot_id: Some(snapshot).filter(|snapshot| !snapshot.is_empty()) };
        if role == "input" { of.inputs.push(item) } else { of.outputs.push(item) }
    }
    all
}
