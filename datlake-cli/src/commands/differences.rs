//! What differs between calls: one line each, sources as unified diffs.

use datlake::Difference;
use datlake::report::{CallPair, ComparedCall, ItemSource};
use owo_colors::OwoColorize as _;
use similar::TextDiff;

use crate::answer::Page;
use crate::text::{count, escape, paragraph, time};

/// Lines of a diff that are shown.
const SHOWN: usize = 40;

/// Pairs of calls that made what others were given.
pub(super) fn upstream(pairs: &[CallPair], left_out: bool, page: &Page) -> String {
    let mut text = String::new();
    if !pairs.is_empty() {
        text.push_str("Upstream:\n");
    }
    text.extend(pairs.iter().map(|one| pair(one, page)));
    if left_out {
        text.push_str(&paragraph("More calls upstream differ than are compared here.", 0, page.columns));
    }
    text
}

/// Two calls, and what differs between them.
pub(super) fn pair(of: &CallPair, page: &Page) -> String {
    let name = |call: &ComparedCall| format!("{}/{}", escape(call.creator.as_str()).bold(), call.key.short().bold());
    let when = |call: &ComparedCall| format!("{} by {}", time(&call.started_at), escape(&call.originator));
    let CallPair { was, now, differences, sources, alike, .. } = of;
    let more = if *alike > 0 { format!(", and {} alike", count(*alike, "more pair")) } else { String::new() };
    let mut text = format!("{}, {}\n{}, {}{more}\n", name(was), when(was), name(now), when(now));
    let mut say = |indent: usize, line: &str| text.push_str(&paragraph(line, indent, page.columns));
    if differences.is_empty() {
        say(4, "They are one call.");
    }
    each(differences, &mut say);
    text.extend(sources.iter().map(edited));
    text
}

/// What was edited of an item, as a unified diff.
pub(super) fn edited(source: &ItemSource) -> String {
    let (Some(was), Some(now)) = (&source.was, &source.now) else {
        let which = if source.now.is_some() { "earlier" } else { "later" };
        return format!(
            "    {}: its {which} source was found neither in the lake, nor in git, nor on the disk\n",
            escape(&source.item)
        );
    };
    let diff = TextDiff::from_lines(was.as_str(), now.as_str()).unified_diff().context_radius(3).to_string();
    let mut text = format!("    {}\n", escape(&source.item).bold());
    let lines: Vec<&str> = diff.lines().filter(|line| !line.starts_with('\\')).collect();
    for line in lines.iter().take(SHOWN) {
        let line = escape(line);
        let line = match line.as_bytes().first() {
            Some(b'+') => line.green().to_string(),
            Some(b'-') => line.red().to_string(),
            _ => line.dimmed().to_string(),
        };
        text.push_str(&format!("    {line}\n"));
    }
    if let Some(more) = lines.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        text.push_str(&format!("    and {}\n", count(more as u64, "more line")));
    }
    text
}

pub(super) fn each(differences: &[Difference], say: &mut impl FnMut(usize, &str)) {
    for difference in differences {
        say(4, &difference.to_string());
    }
}
