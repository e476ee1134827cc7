//! What the row of the server times of dataflows: a run that claims one delivery, of very many that are ready.

use std::time::Instant;

use rusqlite::{Connection as Database, params};
use serde_json::{Value, json};

use crate::any_result::AnyResult;
use crate::serving::{Connection, json_head};

/// So many claims are timed.
const CLAIMS: u32 = 200;

/// A claim, where `ready` are ready for it in the database of the server at `at`, in seconds.
pub(crate) fn claims(at: &str, database: &str, ready: i64) -> AnyResult<f64> {
    let mut to = Connection::open(at)?;
    let mut ask = |method: &str, path: &str, body: &Value| {
        let body = body.to_string();
        to.ask_json(&json_head(method, at, path, body.len()), body.as_bytes())
    };
    let named = |model: &str| json!({"zone": "bench", "model_name": model, "batch_limit": 1});
    let id = |info: &Value| {
        Ok::<_, Box<dyn std::error::Error>>(info["dataflow_id"].as_str().ok_or("no dataflow")?.to_owned())
    };
    let source = id(&ask("POST", "/api/v1/dataflows", &named("source"))?)?;
    let target = id(&ask("POST", "/api/v1/dataflows", &named("target"))?)?;
    ask("POST", &format!("/api/v1/dataflows/{target}/sources"), &json!({"source_dataflow_id": source}))?;
    plant(database, &source, &target, ready)?;
    let mut seconds = 0.0;
    for _ in 0..CLAIMS {
        let begun = Instant::now();
        let run = ask("POST", &format!("/api/v1/dataflows/{target}/runs"), &json!({}))?;
        seconds += begun.elapsed().as_secs_f64();
        if run["dataflow_queue_list"].as_array().is_none_or(|claimed| claimed.len() != 1) {
            return Err(format!("it claimed something else: {run}").into());
        }
        let run = run["run_id"].as_str().ok_or("no run began")?.to_owned();
        ask("PUT", &format!("/api/v1/dataflows/runs/{run}/finish"), &json!({"status": "success"}))?;
    }
    Ok(seconds / f64::from(CLAIMS))
}

/// Makes as many ready: runs of the source that have succeeded.
fn plant(database: &str, source: &str, target: &str, ready: i64) -> AnyResult<()> {
    let mut database = Database::open(database)?;
    let plan = database.transaction()?;
    let (edge, job): (String, String) = plan.query_row(
        "SELECT e.id, d.job FROM dataflow_sources e JOIN dataflows d ON d.id = e.source WHERE e.source = ?1 AND e.target = ?2",
        [source, target],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    plan.execute("INSERT OR IGNORE INTO jobs (name, account, created_at) VALUES (?1, 'root', 0)", [&job])?;
    let there: i64 = plan.query_row("SELECT COUNT(*) FROM deliveries WHERE state = 'ready'", [], |row| row.get(0))?;
    let before: i64 =
        plan.query_row("SELECT value FROM dataflow_turns WHERE name = 'position'", [], |row| row.get(0))?;
    for position in before + 1..=before + ready - there {
        // Ids begin with a time, as those of real runs do.
        let run = format!("{:08x}-{:04x}-7000-8000-000000000000", position >> 16, position & 0xffff);
        plan.prepare_cached(
            "INSERT INTO runs (id, job, state, account, started_at, lease, beats, beat_at, metadata) \
             VALUES (?1, ?2, 'succeeded', 'root', ?3, 1, 0, ?3, '{}')",
        )?
        .execute(params![run, job, position])?;
        plan.prepare_cached("INSERT INTO dataflow_runs (run, dataflow, claimed, position) VALUES (?1, ?2, 0, ?3)")?
            .execute(params![run, source, position])?;
        plan.prepare_cached(
            "INSERT INTO deliveries (edge, source_run, target, position, partition_key, state, attempts) \
             VALUES (?1, ?2, ?3, ?4, '', 'ready', 0)",
        )?
        .execute(params![edge, run, target, position])?;
    }
    plan.execute("UPDATE dataflow_turns SET value = MAX(value, ?1) WHERE name = 'position'", [before + ready - there])?;
    Ok(plan.commit()?)
}
