//! What is ready for a dataflow, and the run that has claimed it.

use datlake::Result;
use sqlx::AnyConnection;

use super::dataflow::{Dataflow, DataflowName, Take, take_turn};
use super::graph::sources_of;
use crate::database::failed;
use crate::events::StateChange;

/// A successful run of a source, for a target.
#[derive(Clone, Debug)]
pub(crate) struct ReadyDelivery {
    pub(crate) target: String,
    pub(crate) source: String,
    pub(crate) source_run: String,
    /// Of the source.
    pub(crate) name: DataflowName,
    pub(crate) record_count: Option<i64>,
    pub(crate) batch_run_id: Option<String>,
    pub(crate) partition_key: Option<String>,
    /// How many runs had it and did not succeed.
    pub(crate) attempts: i64,
    /// Its place among all that is ready.
    pub(crate) position: i64,
}

/// What a run would get of what is ready.
enum Claimable {
    /// Nothing: a source is missing.
    Nothing,
    All,
    /// What has this partition key; an empty one where it has none.
    Partition(String),
}

/// The parameters: target, partition key or `NULL`, how many, run.
const CLAIM: &str = "UPDATE deliveries SET state = 'claimed', last_run = $4 WHERE state = 'ready' AND (edge, source_run) IN \
     (SELECT edge, source_run FROM deliveries WHERE target = $1 AND state = 'ready' \
      AND partition_key = COALESCE($2, partition_key) ORDER BY position LIMIT $3)";
const CLAIM_OF_SOURCE: &str = "UPDATE deliveries SET state = 'claimed', last_run = $4 WHERE state = 'ready' AND (edge, source_run) IN \
     (SELECT d.edge, d.source_run FROM deliveries d JOIN dataflow_sources e ON e.id = d.edge \
      WHERE e.target = $1 AND d.state = 'ready' AND d.partition_key = COALESCE($2, d.partition_key) AND e.source = $5 \
      ORDER BY d.position LIMIT $3)";

/// Claims what is ready for a dataflow, the first one first, for a run of it that starts.
pub(crate) async fn claim(change: &mut StateChange, dataflow: &Dataflow, run: &str) -> Result<Vec<ReadyDelivery>> {
    take_turn(change.sql(), &dataflow.id).await?;
    let sql = change.sql();
    let partition = match claimable(sql, dataflow).await? {
        Claimable::Nothing => return note_run(sql, dataflow, run, 0).await.map(|()| Vec::new()),
        Claimable::All => None,
        Claimable::Partition(key) => Some(key),
    };
    let mut left = dataflow.rules.batch_limit;
    if dataflow.rules.take == Take::All {
        // None is left out by a limit that the others fill.
        for source in sources_of(sql, &dataflow.id).await? {
            let query = sqlx::query(CLAIM_OF_SOURCE).bind(dataflow.id.clone()).bind(partition.clone()).bind(1_i64);
            let query = query.bind(run.to_owned()).bind(source.source);
            query.execute(&mut *sql).await.map_err(|e| failed("write to", e))?;
            left -= 1;
        }
    }
    if left > 0 {
        let query = sqlx::query(CLAIM).bind(dataflow.id.clone()).bind(partition).bind(left).bind(run.to_owned());
        query.execute(&mut *sql).await.map_err(|e| failed("write to", e))?;
    }
    let claimed = found(sql, CLAIMED, run, 0, i64::MAX).await?;
    note_run(sql, dataflow, run, i64::try_from(claimed.len()).unwrap_or(i64::MAX)).await?;
    Ok(claimed)
}

async fn note_run(sql: &mut AnyConnection, dataflow: &Dataflow, run: &str, claimed: i64) -> Result<()> {
    let text = "INSERT INTO dataflow_runs (run, dataflow, claimed) VALUES ($1, $2, $3)";
    let query = sqlx::query(text).bind(run.to_owned()).bind(dataflow.id.clone()).bind(claimed);
    query.execute(sql).await.map(drop).map_err(|e| failed("write to", e))
}

/// Up to `most` of what a run would get that starts now, behind the place `after`.
pub(crate) async fn ready(
    sql: &mut AnyConnection,
    dataflow: &Dataflow,
    after: i64,
    most: i64,
) -> Result<Vec<ReadyDelivery>> {
    match claimable(sql, dataflow).await? {
        Claimable::Nothing => Ok(Vec::new()),
        Claimable::All => found(sql, READY, &dataflow.id, after, most).await,
        Claimable::Partition(key) => {
            let query = sqlx::query_as(READY_OF_PARTITION).bind(dataflow.id.clone()).bind(after).bind(most).bind(key);
            Ok(query.fetch_all(sql).await.map_err(|e| failed("read", e))?.into_iter().map(of_row).collect())
        }
    }
}

/// Up to `most` of what was set aside, behind the place `after`.
pub(crate) async fn set_aside(
    sql: &mut AnyConnection,
    dataflow: &Dataflow,
    after: i64,
    most: i64,
) -> Result<Vec<ReadyDelivery>> {
    found(sql, SET_ASIDE, &dataflow.id, after, most).await
}

/// Makes what was set aside ready again, as if no run had had it: of one run of a source, or all. How many these were.
pub(crate) async fn release_set_aside(
    change: &mut StateChange,
    dataflow: &Dataflow,
    source_run: Option<&str>,
) -> Result<u64> {
    take_turn(change.sql(), &dataflow.id).await?;
    let text = "UPDATE deliveries SET state = 'ready', attempts = 0 \
                WHERE target = $1 AND state = 'set_aside' AND source_run = COALESCE($2, source_run)";
    let query = sqlx::query(text).bind(dataflow.id.clone()).bind(source_run.map(str::to_owned));
    query.execute(change.sql()).await.map(|done| done.rows_affected()).map_err(|e| failed("write to", e))
}

async fn claimable(sql: &mut AnyConnection, dataflow: &Dataflow) -> Result<Claimable> {
    let (text, of_key): (&'static str, bool) = match (dataflow.rules.take, dataflow.rules.match_partition) {
        (Take::Any, false) => return Ok(Claimable::All),
        (Take::Any, true) => {
            let text =
                "SELECT partition_key FROM deliveries WHERE target = $1 AND state = 'ready' ORDER BY position LIMIT 1";
            (text, true)
        }
        (Take::All, false) => {
            let text = "SELECT e.id FROM dataflow_sources e WHERE e.target = $1 AND e.ended_at IS NULL AND NOT EXISTS \
                        (SELECT 1 FROM deliveries d WHERE d.edge = e.id AND d.state = 'ready') LIMIT 1";
            (text, false)
        }
        (Take::All, true) => {
            let text = "SELECT d.partition_key FROM deliveries d WHERE d.target = $1 AND d.state = 'ready' \
                        GROUP BY d.partition_key HAVING COUNT(DISTINCT d.edge) = \
                        (SELECT COUNT(*) FROM dataflow_sources e WHERE e.target = $1 AND e.ended_at IS NULL) \
                        ORDER BY MIN(d.position) LIMIT 1";
            (text, true)
        }
    };
    let found = sqlx::query_as::<_, (String,)>(text).bind(dataflow.id.clone()).fetch_optional(sql).await;
    Ok(match (found.map_err(|e| failed("read", e))?, of_key) {
        (Some((key,)), true) => Claimable::Partition(key),
        (None, false) => Claimable::All,
        (Some(_), false) | (None, true) => Claimable::Nothing,
    })
}

type DeliveryRow =
    (String, String, String, String, String, String, String, Option<i64>, Option<String>, Option<String>, i64, i64);

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT d.target, e.source, d.source_run, f.zone, f.model_name, f.model_key, f.model_sec_key, ",
            "r.record_count, r.batch_run_id, r.partition_key, d.attempts, d.position FROM deliveries d ",
            "JOIN dataflow_sources e ON e.id = d.edge JOIN dataflows f ON f.id = e.source ",
            "JOIN dataflow_runs r ON r.run = d.source_run WHERE d.position > $2 AND ",
            $rest,
            " ORDER BY d.position LIMIT $3"
        )
    };
}

const READY: &str = select!("d.state = 'ready' AND d.target = $1");
const READY_OF_PARTITION: &str = select!("d.state = 'ready' AND d.target = $1 AND d.partition_key = $4");
const SET_ASIDE: &str = select!("d.state = 'set_aside' AND d.target = $1");
const CLAIMED: &str = select!("d.state = 'claimed' AND d.last_run = $1");

async fn found(
    sql: &mut AnyConnection,
    text: &'static str,
    of: &str,
    after: i64,
    most: i64,
) -> Result<Vec<ReadyDelivery>> {
    let query = sqlx::query_as::<_, DeliveryRow>(text).bind(of.to_owned()).bind(after).bind(most);
    Ok(query.fetch_all(sql).await.map_err(|e| failed("read", e))?.into_iter().map(of_row).collect())
}

fn of_row(row: DeliveryRow) -> ReadyDelivery {
    let (target, source, source_run, zone, model_name, model_key, model_sec_key, ..) = row.clone();
    let (.., record_count, batch_run_id, partition_key, attempts, position) = row;
    let name = DataflowName { zone, model_name, model_key, model_sec_key };
    ReadyDelivery { target, source, source_run, name, record_count, batch_run_id, partition_key, attempts, position }
}
