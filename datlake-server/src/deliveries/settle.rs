//! What the end of a run does to deliveries, in the transaction that ends it: success consumes what it claimed and makes new ones, everything else gives
//! back.

use datlake::Result;
use serde_json::json;

use super::dataflow::{Dataflow, dataflow_of_run, take_turn};
use crate::access::Resource;
use crate::database::failed;
use crate::events::{EventType, NewEvent, StateChange};
use crate::problem::{Problem, Reply};

/// What a source says of its data, for whoever takes it.
#[derive(Clone, Debug, Default)]
pub(crate) struct SaidOfData {
    pub(crate) record_count: Option<i64>,
    pub(crate) batch_run_id: Option<String>,
    pub(crate) partition_key: Option<String>,
}

/// Notes what a run says of its data, before it ends. What one that succeeded has said stays.
pub(crate) async fn say(change: &mut StateChange, run: &str, said: SaidOfData) -> Result<()> {
    let text = "UPDATE dataflow_runs SET record_count = $1, batch_run_id = $2, partition_key = $3 \
                WHERE run = $4 AND position IS NULL";
    let query = sqlx::query(text).bind(said.record_count).bind(said.batch_run_id).bind(said.partition_key);
    query.bind(run.to_owned()).execute(change.sql()).await.map(drop).map_err(|e| failed("write to", e))
}

/// Settles what a run had claimed that ends now. A run of no dataflow has nothing.
///
/// # Errors
/// 409 for the success of a lost run whose deliveries went to others: they are consumed by whoever has them.
pub(crate) async fn settle_ended(change: &mut StateChange, run: &str, success: bool) -> Reply<()> {
    let Some(dataflow) = dataflow_of_run(change.sql(), run).await? else { return Ok(()) };
    if !success {
        return Ok(give_back(change, &dataflow, run).await?);
    }
    // Nobody claims meanwhile what a lost run gave back.
    take_turn(change.sql(), &dataflow.id).await?;
    consume(change, &dataflow, run).await?;
    Ok(deliver(change, &dataflow, run).await?)
}

/// Gives back what a run had claimed that is lost. It may still end, and has it again if nobody took it.
pub(crate) async fn settle_lost(change: &mut StateChange, run: &str) -> Result<()> {
    match dataflow_of_run(change.sql(), run).await? {
        Some(dataflow) => give_back(change, &dataflow, run).await,
        None => Ok(()),
    }
}

/// A run that was lost has what it gave back as long as no other run took it.
async fn consume(change: &mut StateChange, dataflow: &Dataflow, run: &str) -> Reply<()> {
    let text = "UPDATE deliveries SET state = 'consumed' WHERE last_run = $1 AND state <> 'consumed'";
    let consumed = sqlx::query(text).bind(run.to_owned()).execute(change.sql()).await;
    let consumed = consumed.map_err(|e| failed("write to", e))?.rows_affected();
    let query = sqlx::query_as::<_, (i64,)>("SELECT claimed FROM dataflow_runs WHERE run = $1").bind(run.to_owned());
    let (claimed,) = query.fetch_one(change.sql()).await.map_err(|e| failed("read", e))?;
    if u64::try_from(claimed).is_ok_and(|claimed| claimed == consumed) {
        return Ok(());
    }
    let message = format!(
        "the run `{run}` of `{}` was lost, and what it had claimed went to other runs: it cannot succeed any more; discard what it made",
        dataflow.job
    );
    Err(Problem::conflict(message))
}

/// Makes a run ready for each dataflow whose source this one is.
async fn deliver(change: &mut StateChange, dataflow: &Dataflow, run: &str) -> Result<()> {
    let text = "UPDATE dataflow_turns SET value = value + 1 WHERE name = 'position' RETURNING value";
    let position = sqlx::query_as::<_, (i64,)>(text).fetch_one(change.sql()).await;
    let (position,) = position.map_err(|e| failed("write to", e))?;
    let query =
        sqlx::query("UPDATE dataflow_runs SET position = $1 WHERE run = $2").bind(position).bind(run.to_owned());
    query.execute(change.sql()).await.map_err(|e| failed("write to", e))?;
    let text = "INSERT INTO deliveries (edge, source_run, target, position, partition_key, state, attempts) \
                SELECT e.id, r.run, e.target, r.position, COALESCE(r.partition_key, ''), 'ready', 0 \
                FROM dataflow_runs r JOIN dataflow_sources e ON e.source = r.dataflow \
                WHERE r.run = $1 AND e.ended_at IS NULL";
    let delivered = sqlx::query(text).bind(run.to_owned()).execute(change.sql()).await;
    let targets = delivered.map_err(|e| failed("write to", e))?.rows_affected();
    note(change, dataflow, run, json!({"what": "delivered", "dataflow_id": dataflow.id, "targets": targets}));
    Ok(())
}

async fn give_back(change: &mut StateChange, dataflow: &Dataflow, run: &str) -> Result<()> {
    let text = "UPDATE deliveries SET attempts = attempts + 1, state = CASE \
                WHEN EXISTS (SELECT 1 FROM dataflow_sources e WHERE e.id = deliveries.edge AND e.ended_at IS NOT NULL) \
                THEN 'dropped' WHEN attempts + 1 >= $1 THEN 'set_aside' ELSE 'ready' END \
                WHERE last_run = $2 AND state = 'claimed'";
    let query = sqlx::query(text).bind(dataflow.rules.max_attempts).bind(run.to_owned());
    let given_back = query.execute(change.sql()).await.map_err(|e| failed("write to", e))?.rows_affected();
    if given_back == 0 {
        return Ok(());
    }
    let text = "SELECT COUNT(*) FROM deliveries WHERE last_run = $1 AND state = 'set_aside'";
    let set_aside = sqlx::query_as::<_, (i64,)>(text).bind(run.to_owned()).fetch_one(change.sql()).await;
    let (set_aside,) = set_aside.map_err(|e| failed("read", e))?;
    let data =
        json!({"what": "given_back", "dataflow_id": dataflow.id, "given_back": given_back, "set_aside": set_aside});
    note(change, dataflow, run, data);
    Ok(())
}

fn note(change: &mut StateChange, dataflow: &Dataflow, run: &str, data: serde_json::Value) {
    let subject = Resource::job(&dataflow.job);
    change.note(NewEvent { kind: EventType::DATAFLOW, subject, run: Some(run.to_owned()), data });
}
