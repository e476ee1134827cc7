//! `datlake ls`

use datlake::Lake;
use datlake::report::{Damage, FileRow, FolderRow, Listing};
use owo_colors::{OwoColorize as _, Style};
use serde::{Serialize, Serializer};

use super::objects;
use crate::answer::{Answer, Page, cannot_be_shown, rows};
use crate::text::{bytes, escape, files, padded, short, time, width};

/// Columns of where the content is, of a time to the second, and of a short digest.
const PLACE: usize = 7;
/// See `PLACE`.
const TIME: usize = 23;
/// See `PLACE`.
const DIGEST: usize = 12;
/// Of a time, the day.
const DATE: usize = 10;

#[derive(Debug)]
pub(super) struct Files {
    listing: Listing,
    remote: Option<String>,
    /// What lies in its folders and is on this machine only.
    waiting: Vec<String>,
    long: bool,
}

impl Serialize for Files {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        rows(&self.listing.files, &self.listing.damaged, to)
    }
}

impl Answer for Files {
    fn text(&self, page: &Page) -> String {
        text(&self.listing, self.long, page.limit)
    }

    fn damaged(&self) -> &[Damage] {
        &self.listing.damaged
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = cannot_be_shown(self.damaged());
        warnings.extend(not_in_sync(&self.listing.files, &self.waiting, self.remote.as_deref()));
        warnings
    }
}

pub(super) fn shown(lake: &Lake, prefix: Option<&str>, long: bool, recursive: bool) -> anyhow::Result<Box<dyn Answer>> {
    match prefix.map_or(Ok(None), |prefix| lake.repository_address(prefix))? {
        Some(of) => Ok(Box::new(objects::list(&of, long, recursive)?)),
        None => Ok(Box::new(run(lake, prefix, long, recursive)?)),
    }
}

fn run(lake: &Lake, prefix: Option<&str>, long: bool, recursive: bool) -> anyhow::Result<Files> {
    let folder = prefix.unwrap_or_default();
    let mut listing = if recursive { lake.list_files(folder)? } else { lake.list_folder(folder)? };
    if let Some(prefix) = prefix
        && listing == Listing::default()
    {
        // An earlier version of a name; else it fails with the nearest names.
        let address = prefix.trim_end_matches('/');
        let mut row = lake.info(address)?.row;
        row.uid = lake.resolve(address)?;
        listing.files.push(row);
    }
    let waiting = waiting(lake, &listing)?;
    Ok(Files { listing, remote: lake.remote(), waiting, long })
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

/// One line for each file and folder, in the order of their names.
///
/// Where they would be wider than `limit`, digests are left out, then people, then the time of day.
fn text(listing: &Listing, long: bool, limit: Option<usize>) -> String {
    let mut lines: Vec<Line<'_>> = listing.files.iter().map(Line::File).collect();
    lines.extend(listing.folders.iter().map(Line::Folder));
    lines.sort_by_key(|line| line.name());
    let sizes_width = lines.iter().map(|line| width(&line.size())).max().unwrap_or(0);
    let people = listing.files.iter().map(|row| width(&escape(&row.originator)));
    let people_width = people.max().unwrap_or(0);
    let names = lines.iter().map(|line| width(&line.shown())).max().unwrap_or(0);
    let room = limit.map(|limit| limit.saturating_sub(PLACE + 2 + sizes_width + 2 + names));
    let fits = |columns: usize| room.is_none_or(|room| columns <= room);
    let people = fits(TIME + 2 + people_width + 2);
    let digests = people && fits(TIME + 2 + people_width + 2 + DIGEST + 2);
    let times = if people || fits(TIME + 2) { TIME } else { DATE };
    let mut text = String::new();
    for line in lines {
        let size = line.size();
        match line {
            Line::File(row) => {
                let (place, style) = place(row);
                text.push_str(&format!("{}  {size:>sizes_width$}  ", padded(place, PLACE).style(style)));
                if long {
                    let time = time(&row.created_at);
                    text.push_str(&format!("{}  ", time.get(..times).unwrap_or(&time)));
                    if people {
                        text.push_str(&format!("{}  ", padded(&escape(&row.originator), people_width)));
                    }
                    if digests {
                        text.push_str(&format!("{}  ", row.digest.short().dimmed()));
                    }
                }
                text.push_str(&short(&row.uid).bold().to_string());
                if row.tree {
                    let files =
                        row.contents.map_or_else(String::new, |contents| format!(" of {}", files(contents.files)));
                    text.push_str(&format!("  tree{files}").dimmed().to_string());
                }
            }
            Line::Folder(row) => {
                text.push_str(&format!("{:PLACE$}  {}  ", "", format!("{size:>sizes_width$}").dimmed()));
                if long && !listing.files.is_empty() {
                    let people = if people { people_width + 2 } else { 0 };
                    let digests = if digests { DIGEST + 2 } else { 0 };
                    text.push_str(&" ".repeat(times + 2 + people + digests));
                }
                text.push_str(&format!("{}/", short(&row.prefix)).blue().bold().to_string());
            }
        }
        text.push('\n');
    }
    text
}

enum Line<'a> {
    File(&'a FileRow),
    Folder(&'a FolderRow),
}

impl Line<'_> {
    /// A folder stands behind a file of its name.
    fn name(&self) -> (String, bool) {
        match self {
            Self::File(row) => (row.uid.to_string(), false),
            Self::Folder(row) => (row.prefix.to_string(), true),
        }
    }

    /// As it stands at the end of the line.
    fn shown(&self) -> String {
        match self {
            Self::File(row) => short(&row.uid).to_string(),
            Self::Folder(row) => format!("{}/", short(&row.prefix)),
        }
    }

    fn size(&self) -> String {
        match self {
            Self::File(row) => size(row),
            Self::Folder(row) => files(row.files),
        }
    }
}

/// What exists on this machine only, although there is a remote.
fn not_in_sync(rows: &[FileRow], waiting: &[String], remote: Option<&str>) -> Option<String> {
    let remote = remote?;
    let here = rows.iter().filter(|row| row.local && !row.remote).map(|row| row.uid.as_str());
    let here: Vec<_> = here.chain(waiting.iter().map(String::as_str)).collect();
    let (first, more) = here.split_first()?;
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", files(more.len() as u64)) };
    Some(format!("`{first}`{more} are on this machine only, not in {remote}").replacen("` are", "` is", 1))
}

/// Where the content is.
fn place(row: &FileRow) -> (&'static str, Style) {
    let some = row.contents.is_some_and(|contents| contents.local < contents.files);
    match row {
        FileRow { local: true, .. } => ("here", Style::new().green()),
        _ if some => ("part", Style::new().cyan()),
        FileRow { remote: true, .. } => ("remote", Style::new().blue()),
        FileRow { elsewhere: Some(_), .. } => ("elsewhere", Style::new().yellow()),
        _ => ("missing", Style::new().red()),
    }
}

/// Of a tree whose lists are not here, nobody knows the size yet.
pub(super) fn size(row: &FileRow) -> String {
    match row.contents {
        Some(contents) => bytes(contents.size),
        None if row.tree => "?".to_owned(),
        None => bytes(row.size),
    }
}
