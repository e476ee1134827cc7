//! A run of a job, from its start to its end, and the snapshots that it reads and registers.

use datlake_core::Result;
use serde_json::{Value, json};
use ureq::http::Method;

use super::wire::{LinkedArtifact, LinkedItem, RegisteredSnapshot, RunDetails};
use crate::repositories::{Asked, Client};

/// A run of a job of a server. Whoever has it gives its heartbeats; without one for its lease (five minutes) it is lost, and may still complete.
#[derive(Clone, Debug)]
pub struct RunningJob {
    client: Client,
    job: String,
    id: String,
}

impl Client {
    /// Starts a run of a job, which comes into being.
    ///
    /// ```no_run
    /// use datlake_client::{Client, LinkedArtifact};
    /// use serde_json::json;
    ///
    /// let run = Client::default().start_run("daily_users", json!({"source": "s3"}))?;
    /// let users = run.latest_snapshot("users_raw")?;
    /// run.register_snapshot("users", &format!("{}.clean", users.uri), "parquet", None)?;
    /// run.complete(true, vec![], json!({"rows": 3}))?;
    /// # Ok::<(), datlake_client::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for metadata that are no object; as [`Client::configuration`].
    pub fn start_run(&self, job: &str, metadata: Value) -> Result<RunningJob> {
        let asked = Asked::at(&["jobs", job, "runs"]);
        let run: RunDetails = self.connection()?.send_once(asked, &json!({ "metadata": metadata }))?;
        Ok(self.run_of(job, &run.run_id))
    }

    /// The run of a job that has this id, whether there is one or not: one that a worker has started this program for says its own by `DATLAKE_RUN_ID`.
    pub fn run_of(&self, job: &str, run_id: &str) -> RunningJob {
        RunningJob { client: self.clone(), job: job.to_owned(), id: run_id.to_owned() }
    }

    /// The latest snapshot of a table.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) where there is none; as [`Client::configuration`].
    pub fn latest_snapshot(&self, table: &str) -> Result<RegisteredSnapshot> {
        self.connection()?.get(Asked::at(&["tables", table, "snapshots", "latest"]))
    }
}

impl RunningJob {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its job.
    pub fn job(&self) -> &str {
        &self.job
    }

    fn at(&self, what: &[&str]) -> Asked {
        Asked::at(&[&["jobs", &self.job, "runs", &self.id], what].concat())
    }

    /// What is known of it.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) where there is none; as [`Client::configuration`].
    pub fn details(&self) -> Result<RunDetails> {
        self.client.connection()?.get(self.at(&[]))
    }

    /// Says that it goes on: the state that it has. What is not `running` takes no heartbeat any more.
    ///
    /// # Errors
    /// As [`RunningJob::details`].
    pub fn heartbeat(&self) -> Result<String> {
        #[derive(serde::Deserialize)]
        struct Answer {
            state: String,
        }
        let answer: Answer = self.client.connection()?.send(Method::POST, self.at(&["heartbeat"]), &json!({}))?;
        Ok(answer.state)
    }

    /// Notes what it reads.
    ///
    /// # Errors
    /// As [`RunningJob::details`].
    pub fn add_inputs(&self, items: Vec<LinkedItem>) -> Result<()> {
        self.client.connection()?.tell(Method::POST, self.at(&["inputs"]), Some(&json!({ "items": items })))
    }

    /// Notes what it writes.
    ///
    /// # Errors
    /// As [`RunningJob::details`].
    pub fn add_outputs(&self, items: Vec<LinkedItem>) -> Result<()> {
        self.client.connection()?.tell(Method::POST, self.at(&["outputs"]), Some(&json!({ "items": items })))
    }

    /// Links what it leaves behind, before its end.
    ///
    /// # Errors
    /// As [`RunningJob::details`].
    pub fn add_artifacts(&self, artifacts: Vec<LinkedArtifact>) -> Result<()> {
        self.client.connection()?.tell(Method::POST, self.at(&["artifacts"]), Some(&json!({ "artifacts": artifacts })))
    }

    /// Adds an event of a kind of one's own.
    ///
    /// # Errors
    /// As [`RunningJob::details`].
    pub fn log_event(&self, kind: &str, data: Value) -> Result<()> {
        let event = json!({ "type": kind, "data": data });
        self.client.connection()?.send_once::<Value>(self.at(&["events"]), &event).map(drop)
    }

    /// The latest snapshot of a table, which becomes an input of this run.
    ///
    /// # Errors
    /// As [`Client::latest_snapshot`].
    pub fn latest_snapshot(&self, table: &str) -> Result<RegisteredSnapshot> {
        let asked = Asked::at(&["tables", table, "snapshots", "latest"]).with("run_id", &self.id);
        self.client.connection()?.get(asked)
    }

    /// Registers what it wrote as the latest snapshot of a table.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) for a schema that breaks readers; as [`RunningJob::details`].
    pub fn register_snapshot(
        &self,
        table: &str,
        uri: &str,
        format: &str,
        schema: Option<Value>,
    ) -> Result<RegisteredSnapshot> {
        let snapshot = json!({
            "table_name": table, "uri": uri, "format": format, "schema": schema,
            "job_name": self.job, "run_id": self.id,
        });
        self.client.connection()?.send_once(Asked::at(&["jobs", "register-snapshot"]), &snapshot)
    }

    /// Ends it. The same end again is fine; another one is refused.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) where it ended otherwise; as [`RunningJob::details`].
    pub fn complete(&self, success: bool, artifacts: Vec<LinkedArtifact>, metadata: Value) -> Result<RunDetails> {
        let end = json!({ "success": success, "artifacts": artifacts, "metadata": metadata });
        self.client.connection()?.send_again(Method::PUT, self.at(&["complete"]), &end)
    }
}
