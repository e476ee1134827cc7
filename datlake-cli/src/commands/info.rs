//! `datlake info`

use datlake::Lake;

use super::Report;

pub(super) fn run(lake: &Lake, uid: &str) -> anyhow::Result<Report> {
    Ok(Report::Info(Box::new(lake.info(uid)?)))
}
