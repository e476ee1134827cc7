//! `datlake ls`

use datlake::Lake;
use datlake::report::Listing;

use super::Report;

pub(super) fn run(lake: &Lake, prefix: Option<&str>, long: bool, recursive: bool) -> anyhow::Result<Report> {
    let folder = prefix.unwrap_or_default();
    let listing = if recursive { lake.rows(folder)? } else { lake.level(folder)? };
    if let Some(prefix) = prefix
        && listing == Listing::default()
    {
        // Fails with the nearest names.
        lake.file(prefix.trim_end_matches('/'))?;
    }
    Ok(Report::Files { listing, remote: lake.remote(), long })
}
