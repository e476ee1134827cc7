//! Logs of runs that have ended become content of the lake, and artifacts of these runs.

use std::future::Future;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use datlake::{Result, Uid};
use futures_util::stream;
use tokio_util::io::StreamReader;

use super::log::read_from;
use crate::app::App;
use crate::database::{Database, failed};
use crate::events::StateChange;
use crate::jobs::{RunArtifact, note_artifacts};

/// How often a server looks for logs of runs that have ended.
const LOOK: Duration = Duration::from_secs(1);
/// A run that is lost may have more to say for so long, in microseconds.
const LATE: i64 = 600 * 1_000_000;
/// The bucket that has what runs leave behind, as that of the Python package.
const BUCKET: &str = "datlake-artifacts";
/// So many logs are kept at a look.
const AT_ONCE: i64 = 50;

/// Keeps logs, as long as the server runs.
pub(crate) fn keep_logs(app: &App) -> impl Future<Output = ()> + Send + use<> {
    let app = app.clone();
    async move {
        loop {
            tokio::time::sleep(LOOK).await;
            if let Err(error) = look(&app).await {
                tracing::warn!(%error, "logs of runs cannot be kept");
            }
        }
    }
}

async fn look(app: &App) -> Result<()> {
    let database = app.database();
    let mut connection = database.pool().acquire().await.map_err(|e| failed("read", e))?;
    let before = database.clock(&mut connection).await? - LATE;
    let sql = "SELECT q.run, q.job, q.log_size FROM queued_runs q JOIN runs r ON r.id = q.run WHERE q.log_name IS NULL AND q.log_size > 0 \
               AND r.state NOT IN ('queued', 'running') AND (r.state <> 'lost' OR r.beat_at < $1) LIMIT $2";
    let query = sqlx::query_as::<_, (String, String, i64)>(sql).bind(before).bind(AT_ONCE);
    let ended = query.fetch_all(&mut *connection).await.map_err(|e| failed("read", e))?;
    drop(connection);
    for (run, job, size) in ended {
        if let Err(error) = keep(app, &run, &job, size).await {
            tracing::warn!(%error, run, "the log of a run cannot be kept");
        }
    }
    Ok(())
}

/// Puts a log into the lake, and then takes it out of the database. Who dies in between has done nothing that another does not do again.
async fn keep(app: &App, run: &str, job: &str, size: i64) -> Result<()> {
    let name = format!("{BUCKET}/jobs/{job}/{run}/worker.log");
    // Names of jobs may be what no file is called.
    let name = match Uid::fresh(&name) {
        Ok(_) => name,
        Err(_) => format!("{BUCKET}/jobs/-/{run}/worker.log"),
    };
    let (database, of) = (app.database().clone(), run.to_owned());
    let pieces = stream::unfold(0, move |offset| {
        let (database, run) = (database.clone(), of.clone());
        async move {
            let piece = read(&database, &run, offset).await;
            let length = piece.as_ref().map_or(0, |piece| piece.len() as i64);
            // Where it fails, that is the end of it.
            match piece {
                Ok(piece) if piece.is_empty() => None,
                piece => Some((piece.map_err(io::Error::other), if length == 0 { size } else { offset + length })),
            }
        }
    });
    app.lake().add_reader_async(&name, StreamReader::new(Box::pin(pieces))).await?;
    let mut change = StateChange::begin(app.database(), "").await?;
    let sql = "UPDATE queued_runs SET log_name = $1 WHERE run = $2 AND log_name IS NULL AND log_size = $3";
    let query = sqlx::query(sql).bind(name.clone()).bind(run.to_owned()).bind(size).execute(change.sql()).await;
    if query.map_err(|e| failed("write to", e))?.rows_affected() == 0 {
        return Ok(());
    }
    let query = sqlx::query("DELETE FROM run_logs WHERE run = $1").bind(run.to_owned()).execute(change.sql()).await;
    query.map_err(|e| failed("write to", e))?;
    let artifact = RunArtifact { r#type: "log".to_owned(), uri: format!("lake://{name}") };
    note_artifacts(&mut change, run, &[artifact]).await?;
    change.commit().await
}

async fn read(database: &Database, run: &str, offset: i64) -> Result<Bytes> {
    let mut connection = database.pool().acquire().await.map_err(|e| failed("read", e))?;
    read_from(&mut connection, run, offset).await.map(Bytes::from)
}
