//! The asynchronous twins of blocking methods: one line each.

use datlake_core::Result;
use datlake_store::offload_method;
use serde_json::Value;

use super::dataflow::{DataflowFinish, DataflowRef, DataflowStart};
use super::job_run::RunningJob;
use super::wire::{LinkedArtifact, LinkedItem, ReadyData, RegisteredSnapshot, RunDetails};
use crate::repositories::{Client, declared, given, kept, twins};

twins! {
    impl Client {
        start_run_async = start_run(job: text, metadata: (Value)) -> RunningJob;
        latest_snapshot_async = latest_snapshot(table: text) -> RegisteredSnapshot;
        create_dataflow_async = create_dataflow(zone: text, name: text, key: text, sec_key: text) -> DataflowRef;
    }

    impl RunningJob {
        details_async = details() -> RunDetails;
        heartbeat_async = heartbeat() -> String;
        add_inputs_async = add_inputs(items: (Vec<LinkedItem>)) -> ();
        add_outputs_async = add_outputs(items: (Vec<LinkedItem>)) -> ();
        add_artifacts_async = add_artifacts(artifacts: (Vec<LinkedArtifact>)) -> ();
        log_event_async = log_event(kind: text, data: (Value)) -> ();
        latest_snapshot_async = latest_snapshot(table: text) -> RegisteredSnapshot;
        register_snapshot_async =
            register_snapshot(table: text, uri: text, format: text, schema: (Option<Value>)) -> RegisteredSnapshot;
        complete_async = complete(success: (bool), artifacts: (Vec<LinkedArtifact>), metadata: (Value)) -> RunDetails;
    }

    impl DataflowRef {
        add_source_async = add_source(source: text, replay: (bool)) -> ();
        start_async = start(metadata: (Value)) -> DataflowStart;
        finish_async = finish(run_id: text, success: (bool), said: (DataflowFinish)) -> RunDetails;
        ready_async = ready() -> Vec<ReadyData>;
    }
}
