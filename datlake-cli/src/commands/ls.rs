//! `datlake ls`

use datlake::Lake;
use datlake::report::Listing;

use super::Report;

pub(super) fn run(lake: &Lake, prefix: Option<&str>, long: bool, recursive: bool) -> anyhow::Result<Report> {
    let folder = prefix.unwrap_or_default();
    let listing = if recursive { lake.list_files(folder)? } else { lake.list_folder(folder)? };
    if let Some(prefix) = prefix
        && listing == Listing::default()
    {
        // Fails with the nearest names.
        lake.file(prefix.trim_end_matches('/'))?;
    }
    let waiting = waiting(lake, &listing)?;
    Ok(Report::Files { listing, remote: lake.remote(), waiting, long })
}

/// What of the folders that are listed without their files the remote does not know.
fn waiting(lake: &Lake, listing: &Listing) -> anyhow::Result<Vec<String>> {
    if listing.folders.is_empty() || lake.remote().is_none() {
        return Ok(Vec::new());
    }
    let folders: Vec<String> = listing.folders.iter().map(|row| format!("{}/", row.prefix)).collect();
    let uids = lake.status()?.unpushed.into_iter().flat_map(|row| row.uids).map(|uid| uid.to_string());
    Ok(uids.filter(|uid| folders.iter().any(|folder| uid.starts_with(folder))).collect())
}
