//! `datlake ls`

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::bail;
use datlake::report::{Contents, FileRow, ListedItem, Row};
use datlake::{ErrorKind, Lake};
use owo_colors::{OwoColorize as _, Style};
use serde::{Serialize, Serializer};

use super::objects;
use crate::answer::{Answer, Page, cannot_be_shown};
use crate::failure::FAILED;
use crate::streamed::Streamed;
use crate::text::{bytes, escape, files, padded, short, time, width};

/// Columns of where the content is, of a time to the second, and of a short digest.
const PLACE: usize = 7;
/// See `PLACE`.
const TIME: usize = 23;
/// See `PLACE`.
const DIGEST: usize = 12;
/// Of a time, the day.
const DATE: usize = 10;

/// So many lines are aligned with each other; those that follow are at least as wide.
const ALIGNED: usize = 1000;

#[derive(Debug)]
pub(super) struct Files {
    items: Streamed<ListedItem>,
    remote: Option<String>,
    /// What exists on this machine only.
    waiting: Mutex<Waiting>,
    lake: Lake,
    long: bool,
}

impl Serialize for Files {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.items.list(to, |item| {
            self.note(&item);
            match item {
                ListedItem::File(row) => Some(row),
                // Programs get all files.
                ListedItem::Folder(_) => None,
            }
        })
    }
}

impl Answer for Files {
    fn text(&self, _: &Page) -> String {
        String::new()
    }

    fn write_text(&self, page: &Page, to: &mut dyn Write) -> io::Result<()> {
        let mut columns = Columns::default();
        loop {
            let some: Vec<_> = self.items.rest().take(ALIGNED).collect();
            if some.is_empty() {
                return Ok(());
            }
            some.iter().for_each(|item| self.note(item));
            to.write_all(text(&some, self.long, page.limit, &mut columns).as_bytes())?;
        }
    }

    fn failure(&self) -> Option<anyhow::Error> {
        self.items.failure()
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = cannot_be_shown(&self.items.damaged());
        let mut waiting = self.waiting();
        warnings.extend(waiting.look_into_folders(&self.lake).err().map(|error| error.to_string()));
        warnings.extend(self.remote.as_deref().and_then(|remote| waiting.shown(remote)));
        warnings
    }

    fn status(&self) -> u8 {
        if self.items.damaged().is_empty() { 0 } else { FAILED }
    }
}

impl Files {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, item: &ListedItem) {
        if self.remote.is_some() {
            self.waiting().note(item);
        }
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
    let mut rows = match folder.split_once("//") {
        Some((tree, path)) => lake.tree_rows(tree, path, recursive)?,
        None if recursive => lake.file_rows(folder)?,
        None => lake.folder_rows(folder)?,
    };
    let mut first = rows.next().transpose()?;
    if let (Some(prefix), None) = (prefix, &first) {
        // No file that is new is called so.
        if let Some((name, rest)) = prefix.split_once('@')
            && rest.contains(':')
            && let Err(error) = lake.repository(name)
            && error.kind() == ErrorKind::NotFound
        {
            bail!(error);
        }
        // An earlier version of a name; else it fails with the nearest names.
        let address = prefix.trim_end_matches('/');
        let mut row = lake.info(address)?.row;
        row.uid = lake.resolve(address)?;
        first = Some(Row::Whole(ListedItem::File(row)));
    }
    let items = Streamed::new(first.map(Ok).into_iter().chain(rows));
    Ok(Files { items, remote: lake.remote(), waiting: Mutex::default(), lake: lake.clone(), long })
}

/// What exists on this machine only, although there is a remote.
#[derive(Debug, Default)]
struct Waiting {
    first: Option<String>,
    count: u64,
    /// Those that were listed without their files.
    folders: Vec<String>,
}

impl Waiting {
    fn note(&mut self, item: &ListedItem) {
        match item {
            ListedItem::File(row) if row.local && !row.remote => self.add(row.uid.as_str()),
            ListedItem::File(_) => {}
            ListedItem::Folder(row) => self.folders.push(format!("{}/", row.prefix)),
        }
    }

    fn add(&mut self, uid: &str) {
        self.first.get_or_insert_with(|| uid.to_owned());
        self.count += 1;
    }

    /// What of the folders that were listed without their files the remote does not know.
    fn look_into_folders(&mut self, lake: &Lake) -> datlake::Result<()> {
        let mut folders = std::mem::take(&mut self.folders);
        folders.sort_unstable();
        if folders.is_empty() {
            return Ok(());
        }
        for row in lake.unpushed_rows()? {
            let Row::Whole(row) = row? else { continue };
            for uid in row.uids {
                let up_to = folders.partition_point(|folder| **folder <= *uid.as_str());
                if up_to.checked_sub(1).is_some_and(|at| uid.as_str().starts_with(&folders[at])) {
                    self.add(uid.as_str());
                }
            }
        }
        Ok(())
    }

    fn shown(&self, remote: &str) -> Option<String> {
        let (first, more) = (self.first.as_ref()?, self.count - 1);
        let more = if more == 0 { String::new() } else { format!(" and {} more", files(more)) };
        Some(format!("`{first}`{more} are on this machine only, not in {remote}").replacen("` are", "` is", 1))
    }
}

/// How wide columns are.
#[derive(Default)]
struct Columns {
    sizes: usize,
    people: usize,
    names: usize,
    /// Whether any file was listed: else folders stand alone.
    files: bool,
}

/// One line for each file and folder, in the order of their names.
///
/// Where they would be wider than `limit`, digests are left out, then people, then the time of day.
fn text(items: &[ListedItem], long: bool, limit: Option<usize>, columns: &mut Columns) -> String {
    for item in items {
        columns.sizes = columns.sizes.max(width(&shown_size(item)));
        columns.names = columns.names.max(width(&shown_name(item)));
        if let ListedItem::File(row) = item {
            columns.people = columns.people.max(width(&escape(&row.originator)));
            columns.files = true;
        }
    }
    let Columns { sizes: sizes_width, people: people_width, names, files: has_files } = *columns;
    let room = limit.map(|limit| limit.saturating_sub(PLACE + 2 + sizes_width + 2 + names));
    let fits = |columns: usize| room.is_none_or(|room| columns <= room);
    let people = fits(TIME + 2 + people_width + 2);
    let digests = people && fits(TIME + 2 + people_width + 2 + DIGEST + 2);
    let times = if people || fits(TIME + 2) { TIME } else { DATE };
    let mut text = String::new();
    for item in items {
        let size = shown_size(item);
        match item {
            ListedItem::File(row) => {
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
            ListedItem::Folder(row) => {
                text.push_str(&format!("{:PLACE$}  {}  ", "", format!("{size:>sizes_width$}").dimmed()));
                if long && has_files {
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

/// As it stands at the end of the line.
fn shown_name(item: &ListedItem) -> String {
    match item {
        ListedItem::File(row) => short(&row.uid).to_string(),
        ListedItem::Folder(row) => format!("{}/", short(&row.prefix)),
    }
}

fn shown_size(item: &ListedItem) -> String {
    match item {
        ListedItem::File(row) => size(row),
        ListedItem::Folder(row) => files(row.files),
    }
}

/// Where the content is.
fn place(row: &FileRow) -> (&'static str, Style) {
    match row {
        FileRow { local: true, .. } => ("here", Style::new().green()),
        FileRow { contents: Some(Contents { local: None, .. }), .. } => ("lists", Style::new().cyan()),
        FileRow { contents: Some(_), .. } => ("part", Style::new().cyan()),
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
