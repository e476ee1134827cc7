//! What a user of datlake can notice. Every test watches the events of a lake: what ran, what was found, what was waited
//! for. None measures time.

#![allow(clippy::unwrap_used, reason = "tests panic")]

mod arguments;
mod asking;
mod away;
mod bodies;
#[cfg(all(feature = "aws", feature = "azure"))]
mod buckets;
mod checkouts;
mod clean;
mod collect;
mod compared;
mod copies;
mod crowd;
mod current;
mod damage;
mod deep;
#[path = "../../datlake-store/src/delegate.rs"]
mod delegate;
#[path = "../exfat/mod.rs"]
mod disk;
mod downloads;
mod elsewhere;
mod exfat;
#[allow(dead_code, reason = "the tests of faults use all of it")]
#[path = "../faults/store.rs"]
mod failing;
mod failures;
#[allow(dead_code, reason = "the tests of stores use all of it")]
#[path = "../../datlake-store/tests/object/fake.rs"]
mod fake;
mod files;
mod folders;
mod found;
mod full;
mod functions;
mod health;
mod holes;
mod homes;
mod info;
mod kept;
mod kinds;
mod lakes;
mod limits;
mod listing;
mod machines;
mod made_trees;
mod many;
mod mirrors;
mod modes;
#[path = "../mounts/mod.rs"]
mod mounts;
mod naming;
mod needed;
mod old_lake;
mod options;
#[cfg(feature = "aws")]
mod packs;
mod parallel;
mod passed_on;
mod pools;
mod prune;
mod pruned_versions;
mod ranges;
mod reflinks;
mod remotes;
mod replaced_elsewhere;
mod replacing;
mod reports;
mod repositories;
mod repositories_at_once;
mod repositories_ids;
mod repositories_kept;
mod repositories_lineage;
mod repositories_merged;
mod repositories_outside;
mod repositories_packed;
mod repositories_uploads;
#[cfg(all(feature = "aws", feature = "azure"))]
mod requests;
mod returns;
#[cfg(all(feature = "aws", feature = "azure"))]
mod rights;
mod runs;
mod secrets;
#[cfg(all(feature = "aws", feature = "azure"))]
#[allow(dead_code, reason = "the tests of datlake-store use all of it")]
#[path = "../../datlake-store/tests/object/servers.rs"]
mod servers;
mod shapes;
mod shared_work;
mod shown;
mod stray;
mod superseded;
mod support;
mod tree_packs;
mod trees;
mod twins;
mod values;
mod writers;
