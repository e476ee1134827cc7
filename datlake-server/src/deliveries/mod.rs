//! Dataflows, and what one made ready for another. Each delivery is consumed by one successful run, whoever dies.
//!
//! From the bottom up: `dataflow` (what one is, and how it takes its sources), `graph` (which is a source of which), `claim` (what is ready, and
//! the run that has it), `settle` (what the end of a run does to deliveries).
//!
//! What takes turns: claims of one dataflow, and what its runs and its sources do at their ends, by a row of that dataflow. Everything is decided by
//! rows of the database and nothing by a clock: `docs/adr/0054-dataflows.md`.

mod claim;
mod dataflow;
mod graph;
mod settle;

pub(crate) use claim::{ReadyDelivery, claim, ready, release_set_aside, set_aside};
pub(crate) use dataflow::{Dataflow, DataflowName, SaidRules, Take, create, dataflow_of_run, find, of_job, page_of};
pub(crate) use graph::{Associated, DataflowSource, associate, disassociate, sources_of};
pub(crate) use settle::{SaidOfData, say, settle_ended, settle_lost};
