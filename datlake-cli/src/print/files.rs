//! Files in a list.

use datlake::report::FileRow;
use owo_colors::{OwoColorize as _, Style};

use super::text::{bytes, clean, padded, short, time, width};

/// One line for each file.
pub(super) fn text(rows: &[FileRow], long: bool) -> String {
    let sizes: Vec<String> = rows.iter().map(size).collect();
    let sizes_width = sizes.iter().map(|size| width(size)).max().unwrap_or(0);
    let people_width = rows.iter().map(|row| width(&clean(&row.originator))).max().unwrap_or(0);
    let mut text = String::new();
    for (row, size) in rows.iter().zip(sizes) {
        let (place, style) = place(row);
        text.push_str(&format!("{}  {size:>sizes_width$}  ", padded(place, 7).style(style)));
        if long {
            let person = padded(&clean(&row.originator), people_width);
            text.push_str(&format!("{}  {person}  {}  ", time(&row.created_at), row.digest.short().dimmed()));
        }
        text.push_str(&short(&row.uid).bold().to_string());
        if row.tree {
            let files = row.contents.map_or_else(String::new, |contents| format!(" of {}", files(contents.files)));
            text.push_str(&format!("  tree{files}").dimmed().to_string());
        }
        text.push('\n');
    }
    text
}

/// What exists on this machine only, although there is a remote.
pub(super) fn not_in_sync(rows: &[FileRow], remote: Option<&str>) -> Option<String> {
    let remote = remote?;
    let here: Vec<_> = rows.iter().filter(|row| row.local && !row.remote).map(|row| row.uid.as_str()).collect();
    let (first, more) = here.split_first()?;
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", files(more.len() as u64)) };
    Some(format!("`{first}`{more} are on this machine only, not in {remote}").replacen("` are", "` is", 1))
}

/// Where the content is.
pub(super) fn place(row: &FileRow) -> (&'static str, Style) {
    let some = row.contents.is_some_and(|contents| contents.local < contents.files);
    match row {
        FileRow { local: true, .. } => ("here", Style::new().green()),
        _ if some => ("part", Style::new().cyan()),
        FileRow { remote: true, .. } => ("remote", Style::new().blue()),
        _ => ("missing", Style::new().red()),
    }
}

/// Of a tree whose manifest is not here, nobody knows the size yet.
pub(super) fn size(row: &FileRow) -> String {
    match row.contents {
        Some(contents) => bytes(contents.size),
        None if row.tree => "?".to_owned(),
        None => bytes(row.size),
    }
}

pub(super) fn files(count: u64) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
}
