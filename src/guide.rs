//! The guide and the README, whose code is compiled, and run where it says so, as doctests. No part of the interface.

#[doc = include_str!("../README.md")]
mod readme {}

#[doc = include_str!("../docs/guide/concepts.md")]
mod concepts {}

#[doc = include_str!("../docs/guide/first-pipeline.md")]
mod first_pipeline {}

#[doc = include_str!("../docs/guide/macros.md")]
mod macros {}

#[doc = include_str!("../docs/guide/what-counts.md")]
mod what_counts {}

#[doc = include_str!("../docs/guide/values.md")]
mod values {}

#[doc = include_str!("../docs/guide/files-and-trees.md")]
mod files_and_trees {}

#[doc = include_str!("../docs/guide/versions.md")]
mod versions {}

#[doc = include_str!("../docs/guide/configuration.md")]
mod configuration {}

#[doc = include_str!("../docs/guide/many-machines.md")]
mod many_machines {}

#[doc = include_str!("../docs/guide/creators-as-jobs.md")]
mod creators_as_jobs {}

#[doc = include_str!("../docs/guide/recipes.md")]
mod recipes {}

#[doc = include_str!("../docs/guide/troubleshooting.md")]
mod troubleshooting {}
