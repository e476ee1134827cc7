//! Runs of jobs, tables and dataflows of a server: what a program says of what it does.
//!
//! From the bottom up: `wire` (answers), `job_run` (a run, from its start to its end), `dataflow`, `twins`.

mod dataflow;
mod job_run;
mod twins;
mod wire;

pub use dataflow::{DataflowFinish, DataflowRef, DataflowStart};
pub use job_run::RunningJob;
pub use wire::{LinkedArtifact, LinkedItem, ReadyData, RegisteredSnapshot, RunDetails};
