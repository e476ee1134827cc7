//! Which dataflow is a source of which. There is no circle.

use std::collections::{HashMap, VecDeque};

use datlake::Result;
use sqlx::AnyConnection;

use super::dataflow::{Dataflow, take_turn};
use crate::access::new_id;
use crate::database::failed;
use crate::events::StateChange;
use crate::problem::Reply;

/// A source of a dataflow.
pub(crate) struct DataflowSource {
    pub(crate) source: String,
    pub(crate) job: String,
    pub(crate) created_at: i64,
}

/// What making one dataflow a source of another came to.
pub(crate) enum Associated {
    Yes,
    /// The target leads to the source already: by these jobs, from the source to the source.
    Circle(Vec<String>),
}

/// Makes `source` a source of `target`: from now on its successful runs are ready for that, and those before if they are to be `replayed`.
pub(crate) async fn associate(
    change: &mut StateChange,
    source: &Dataflow,
    target: &Dataflow,
    replayed: bool,
) -> Reply<Associated> {
    let graph = sqlx::query("UPDATE dataflow_turns SET value = value + 1 WHERE name = 'graph'");
    graph.execute(change.sql()).await.map_err(|e| failed("write to", e))?;
    if let Some(path) = circle(change.sql(), source, target).await? {
        return Ok(Associated::Circle(path));
    }
    // A run of the source that ends now sees the new edge, or is seen here.
    take_turn(change.sql(), &source.id).await?;
    let (at, id) = (change.at(), new_id()?);
    let sql = "INSERT INTO dataflow_sources (id, source, target, created_at) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (source, target) DO UPDATE SET ended_at = NULL";
    let query = sqlx::query(sql).bind(id).bind(source.id.clone()).bind(target.id.clone()).bind(at);
    query.execute(change.sql()).await.map_err(|e| failed("write to", e))?;
    if replayed {
        replay(change.sql(), source, target).await?;
    }
    Ok(Associated::Yes)
}

/// Makes what succeeded before ready, each run once.
async fn replay(sql: &mut AnyConnection, source: &Dataflow, target: &Dataflow) -> Result<()> {
    let missing = "INSERT INTO deliveries (edge, source_run, target, position, partition_key, state, attempts) \
                   SELECT e.id, r.run, e.target, r.position, COALESCE(r.partition_key, ''), 'ready', 0 \
                   FROM dataflow_sources e JOIN dataflow_runs r ON r.dataflow = e.source \
                   WHERE e.source = $1 AND e.target = $2 AND r.position IS NOT NULL ON CONFLICT DO NOTHING";
    let dropped = "UPDATE deliveries SET state = 'ready' WHERE state = 'dropped' AND edge IN \
                   (SELECT id FROM dataflow_sources WHERE source = $1 AND target = $2)";
    for text in [missing, dropped] {
        let query = sqlx::query(text).bind(source.id.clone()).bind(target.id.clone());
        query.execute(&mut *sql).await.map_err(|e| failed("write to", e))?;
    }
    Ok(())
}

/// `source` is no source of `target` any more: what is ready is dropped, and what a run has stays with that. Whether it was one.
pub(crate) async fn disassociate(change: &mut StateChange, source: &Dataflow, target: &Dataflow) -> Result<bool> {
    let mut both = [&source.id, &target.id];
    // Whoever waits for two turns waits in this order.
    both.sort();
    for id in both {
        take_turn(change.sql(), id).await?;
    }
    let sql = "UPDATE dataflow_sources SET ended_at = $1 WHERE source = $2 AND target = $3 AND ended_at IS NULL";
    let query = sqlx::query(sql).bind(change.at()).bind(source.id.clone()).bind(target.id.clone());
    if query.execute(change.sql()).await.map_err(|e| failed("write to", e))?.rows_affected() == 0 {
        return Ok(false);
    }
    let sql = "UPDATE deliveries SET state = 'dropped' WHERE state IN ('ready', 'set_aside') AND edge IN \
               (SELECT id FROM dataflow_sources WHERE source = $1 AND target = $2)";
    let query = sqlx::query(sql).bind(source.id.clone()).bind(target.id.clone());
    query.execute(change.sql()).await.map_err(|e| failed("write to", e))?;
    Ok(true)
}

/// The sources of a dataflow, sorted by their jobs.
pub(crate) async fn sources_of(sql: &mut AnyConnection, target: &str) -> Result<Vec<DataflowSource>> {
    let text = "SELECT e.source, d.job, e.created_at FROM dataflow_sources e JOIN dataflows d ON d.id = e.source \
                WHERE e.target = $1 AND e.ended_at IS NULL ORDER BY d.job";
    let rows = sqlx::query_as::<_, (String, String, i64)>(text).bind(target.to_owned()).fetch_all(sql).await;
    let of = |(source, job, created_at)| DataflowSource { source, job, created_at };
    Ok(rows.map_err(|e| failed("read", e))?.into_iter().map(of).collect())
}

/// The way from `source` over `target` back to `source`, where there is one: the jobs on it.
async fn circle(sql: &mut AnyConnection, source: &Dataflow, target: &Dataflow) -> Result<Option<Vec<String>>> {
    if source.id == target.id {
        return Ok(Some(vec![source.job.clone(), source.job.clone()]));
    }
    let text = "SELECT e.source, e.target, d.job FROM dataflow_sources e JOIN dataflows d ON d.id = e.target \
                WHERE e.ended_at IS NULL";
    let edges =
        sqlx::query_as::<_, (String, String, String)>(text).fetch_all(sql).await.map_err(|e| failed("read", e))?;
    let mut targets: HashMap<&str, Vec<(&str, &str)>> = HashMap::new();
    for (from, to, job) in &edges {
        targets.entry(from).or_default().push((to, job));
    }
    // By which dataflow each was reached, and its job.
    let mut reached: HashMap<&str, (&str, &str)> = HashMap::from([(&*target.id, ("", &*target.job))]);
    let mut waiting = VecDeque::from([&*target.id]);
    while let Some(at) = waiting.pop_front() {
        if at == source.id {
            return Ok(Some(way_to(at, &reached, &source.job)));
        }
        for (to, job) in targets.get(at).into_iter().flatten() {
            if !reached.contains_key(to) {
                reached.insert(to, (at, job));
                waiting.push_back(to);
            }
        }
    }
    Ok(None)
}

fn way_to(end: &str, reached: &HashMap<&str, (&str, &str)>, first: &str) -> Vec<String> {
    let (mut way, mut at) = (Vec::new(), end);
    while let Some((from, job)) = reached.get(at) {
        way.push((*job).to_owned());
        at = from;
    }
    way.push(first.to_owned());
    way.reverse();
    way
}
