//! `datlake code`: the code that a call ran.

use datlake::lineage::CodeState;
use datlake::report::{CallSources, SourceItem};

use crate::answer::{Answer, Page};
use crate::text::{escape, time};

impl Answer for CallSources {
    /// Rust as it stands, with comments about it.
    fn text(&self, _: &Page) -> String {
        let Self { creator, key, started_at, originator, state, commit, items, notes, partial, .. } = self;
        let commit = commit.as_deref().map(|commit| escape(commit.get(..12).unwrap_or(commit)));
        let from = match (state, commit) {
            (CodeState::Committed, Some(commit)) => format!("commit {commit}"),
            (CodeState::Uncommitted, Some(commit)) => format!("uncommitted, grew from {commit}"),
            (CodeState::Uncommitted, None) => "uncommitted".to_owned(),
            _ => "of no repository that is known".to_owned(),
        };
        let (creator, when) = (escape(creator.as_str()), time(started_at));
        let mut text = format!("// {creator}/{}, {when} by {}, {from}\n", key.short(), escape(originator));
        text.extend(items.iter().map(shown));
        text.extend(partial.iter().map(|why| format!("\n// Not all of it was looked at: {}.\n", escape(why))));
        text.extend(
            notes.iter().map(|note| format!("\n// Not seen: `{}` {}\n", escape(&note.item), escape(&note.note))),
        );
        text
    }
}

fn shown(item: &SourceItem) -> String {
    let head = format!("\n// {}, {}:{}", escape(&item.item), escape(&item.file), item.line);
    match &item.text {
        Some(source) => format!("{head}\n{}", source.lines().map(line).collect::<String>()),
        None => format!("{head}: its source was found neither in the lake, nor in git, nor on the disk\n"),
    }
}

/// A line of source, indented as it is.
fn line(line: &str) -> String {
    let cells: Vec<_> = line.split('\t').map(escape).collect();
    cells.join("\t") + "\n"
}
