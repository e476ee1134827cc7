//! The server over HTTP.

#![allow(clippy::unwrap_used, reason = "tests panic")]

mod access;
mod admin;
mod browser;
mod client;
mod clients;
mod dataflows;
mod datasets;
mod events;
mod every;
mod failures;
mod fetches;
mod foreign;
mod guide;
mod jobs;
mod lineage;
mod objects;
mod openlineage;
mod page;
mod postgres;
mod production;
mod repositories;
mod schedules;
mod sdk;
mod slow;
mod support;
mod tables;
mod workers;
