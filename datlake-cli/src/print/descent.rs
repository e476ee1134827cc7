//! What was made from a file, as a tree.

use datlake::report::{Downstream, DownstreamCall, OutputRow};
use owo_colors::OwoColorize as _;

use super::text::{clean, fill, short, time, width};

/// A call to be shown: its place, what stands in front of its first line, and in front of all further ones.
struct Next {
    node: usize,
    first: String,
    further: String,
}

pub(super) fn text(descent: &Downstream, below_something: bool, columns: usize) -> String {
    let mut text = String::new();
    if below_something && (!descent.nodes.is_empty() || descent.left_out > 0) {
        text.push_str("\nMade from it:\n");
    }
    let mut shown = vec![false; descent.nodes.len()];
    let mut next = Vec::new();
    branches(&descent.readers, "", &mut next);
    while let Some(Next { node, first, further }) = next.pop() {
        let one = &descent.nodes[node];
        let again = std::mem::replace(&mut shown[node], true) && !one.readers.is_empty();
        text.push_str(&format!("{first}{}{}\n", name(one).bold(), if again { " (see above)" } else { "" }));
        if again {
            continue;
        }
        let bar = if one.readers.is_empty() { "   " } else { "│  " };
        for line in fill(&how(one), columns.saturating_sub(width(&further) + 3)) {
            text.push_str(&format!("{further}{bar}{}\n", line.dimmed()));
        }
        branches(&one.readers, &further, &mut next);
    }
    if descent.left_out > 0 {
        let calls = if descent.left_out == 1 { "1 call was" } else { &format!("{} calls were", descent.left_out) };
        text.push_str(&format!("{calls} not looked at: --depth and --limit say how far to go.\n"));
    }
    if text.is_empty() {
        text.push_str(if below_something { "\nNothing was made from it.\n" } else { "Nothing was made from it.\n" });
    }
    text
}

fn branches(readers: &[usize], further: &str, next: &mut Vec<Next>) {
    for (at, reader) in readers.iter().enumerate().rev() {
        let (branch, bar) = if at + 1 == readers.len() { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        next.push(Next { node: *reader, first: format!("{further}{branch}"), further: format!("{further}{bar}") });
    }
}

/// What a call made.
fn name(one: &DownstreamCall) -> String {
    let file = |output: &OutputRow| match output.uid.is_chosen() {
        true => short(&output.uid),
        false => clean(&output.name).into_owned(),
    };
    match &*one.outputs {
        [] => "(a value)".to_owned(),
        [first] => file(first),
        [first, second] => format!("{}, {}", file(first), file(second)),
        [first, .., last] => format!("{}, … {} ({} files)", file(first), file(last), one.outputs.len()),
    }
}

fn how(one: &DownstreamCall) -> String {
    let DownstreamCall { creator, key, created_at, originator, .. } = one;
    clean(&format!("by {creator}/{} on {} by {originator}", key.short(), time(created_at))).into_owned()
}
