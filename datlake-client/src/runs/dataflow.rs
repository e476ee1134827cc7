//! Dataflows: what a source has finished is for each target once.

use datlake_core::Result;
use serde::Deserialize;
use serde_json::{Value, json};
use ureq::http::Method;

use super::job_run::RunningJob;
use super::wire::{ReadyData, ReadyPage, RunDetails};
use crate::repositories::{Asked, Client};

/// A dataflow of a server.
#[derive(Clone, Debug)]
pub struct DataflowRef {
    client: Client,
    id: String,
}

/// A run of a dataflow that has started.
#[derive(Clone, Debug)]
pub struct DataflowStart {
    /// The run. Its heartbeats are given as those of any.
    pub run: RunningJob,
    /// What it has claimed, in the order in which it became ready.
    pub queue: Vec<ReadyData>,
}

/// What a run says of its data when it ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DataflowFinish {
    /// How many records there are.
    pub record_count: Option<i64>,
    /// A name of the batch.
    pub dataflow_batch_run_id: Option<String>,
    /// Which partition they are of.
    pub dataflow_partition_key: Option<String>,
}

impl Client {
    /// Creates a dataflow, or finds it created.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for what cannot be a name; as [`Client::configuration`].
    pub fn create_dataflow(&self, zone: &str, name: &str, key: &str, sec_key: &str) -> Result<DataflowRef> {
        #[derive(Deserialize)]
        struct Answer {
            dataflow_id: String,
        }
        let new = json!({ "zone": zone, "model_name": name, "model_key": key, "model_sec_key": sec_key });
        let created: Answer = self.connection()?.send_again(Method::POST, Asked::at(&["dataflows"]), &new)?;
        Ok(self.dataflow(&created.dataflow_id))
    }

    /// The dataflow with this id, whether there is one or not.
    pub fn dataflow(&self, id: &str) -> DataflowRef {
        DataflowRef { client: self.clone(), id: id.to_owned() }
    }
}

impl DataflowRef {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    fn at(&self, what: &str) -> Asked {
        Asked::at(&["dataflows", &self.id, what])
    }

    /// Makes another dataflow a source of this one. With `replay`, what that has finished before is ready, too.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) where data would go in a circle; [`NotFound`](crate::ErrorKind::NotFound); as
    /// [`Client::configuration`].
    pub fn add_source(&self, source: &str, replay: bool) -> Result<()> {
        let new = json!({ "source_dataflow_id": source, "replay": replay });
        self.client.connection()?.tell(Method::POST, self.at("sources"), Some(&new))
    }

    /// Starts a run, which claims what is ready.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound); as [`Client::configuration`].
    pub fn start(&self, metadata: Value) -> Result<DataflowStart> {
        #[derive(Deserialize)]
        struct Answer {
            run_id: String,
            job_name: String,
            dataflow_queue_list: Vec<ReadyData>,
        }
        let started: Answer = self.client.connection()?.send_once(self.at("runs"), &json!({ "metadata": metadata }))?;
        let Answer { run_id, job_name, dataflow_queue_list: queue } = started;
        Ok(DataflowStart { run: self.client.run_of(&job_name, &run_id), queue })
    }

    /// Ends a run of it: success consumes what it has claimed and is ready for its targets, failure gives back. The same end again is fine.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) for another end, and for the success of a lost run whose data went to another; as
    /// [`Client::configuration`].
    pub fn finish(&self, run_id: &str, success: bool, said: DataflowFinish) -> Result<RunDetails> {
        let DataflowFinish { record_count, dataflow_batch_run_id, dataflow_partition_key } = said;
        let end = json!({
            "status": if success { "success" } else { "failure" }, "record_count": record_count,
            "dataflow_batch_run_id": dataflow_batch_run_id, "dataflow_partition_key": dataflow_partition_key,
        });
        let asked = Asked::at(&["dataflows", "runs", run_id, "finish"]);
        self.client.connection()?.send_again(Method::PUT, asked, &end)
    }

    /// What a run would claim that starts now. Nothing is taken.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound); as [`Client::configuration`].
    pub fn ready(&self) -> Result<Vec<ReadyData>> {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let asked = self.at("ready").with("amount", 1000).with("after", &after);
            let page: ReadyPage = self.client.connection()?.get(asked)?;
            all.extend(page.results);
            if !page.pagination.has_more {
                return Ok(all);
            }
            after = page.pagination.next_offset;
        }
    }
}
