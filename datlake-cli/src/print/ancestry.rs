//! What a file was made from, as a tree.

use datlake::report::{Upstream, UpstreamFile, UpstreamState};
use owo_colors::OwoColorize as _;

use super::text::{clean, fill, short, time, width};

/// A file to be shown: its place, what stands in front of its first line, and in front of all further ones.
struct Next {
    node: usize,
    first: String,
    further: String,
}

pub(super) fn text(ancestry: &Upstream, columns: usize) -> String {
    let mut text = String::new();
    let mut shown = vec![false; ancestry.nodes.len()];
    let mut next = vec![Next { node: 0, first: String::new(), further: String::new() }];
    while let Some(Next { node, first, further }) = next.pop() {
        let one = &ancestry.nodes[node];
        let again = std::mem::replace(&mut shown[node], true) && !one.inputs.is_empty();
        let inputs = if again { &[] } else { &*one.inputs };
        text.push_str(&format!("{first}{}{}\n", name(one).bold(), if again { " (see above)" } else { "" }));
        if again {
            continue;
        }
        let bar = if inputs.is_empty() { "   " } else { "│  " };
        for line in fill(&how(one), columns.saturating_sub(width(&further) + 3)) {
            text.push_str(&format!("{further}{bar}{}\n", line.dimmed()));
        }
        for (at, input) in inputs.iter().enumerate().rev() {
            let (branch, bar) = if at + 1 == inputs.len() { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            next.push(Next { node: *input, first: format!("{further}{branch}"), further: format!("{further}{bar}") });
        }
    }
    if ancestry.left_out {
        text.push_str("There is more above: --depth says how many calls to go up.\n");
    }
    text
}

fn name(one: &UpstreamFile) -> String {
    match &one.uid {
        Some(uid) if uid.is_chosen() => short(uid),
        _ => clean(&one.name).into_owned(),
    }
}

fn how(one: &UpstreamFile) -> String {
    let by = one.originator.as_deref().unwrap_or_default();
    let at = one.created_at.as_deref().map(time).unwrap_or_default();
    let text = match (one.state, &one.call) {
        (UpstreamState::Present, Some((creator, key))) => format!("made by {creator}/{} on {at} by {by}", key.short()),
        (UpstreamState::Present, None) => format!("added on {at} by {by}"),
        (UpstreamState::Replaced, _) => "replaced since: there is other content under this name".to_owned(),
        (UpstreamState::Removed, _) => "removed since".to_owned(),
        (UpstreamState::Unnamed, _) => "an intermediate that the lake has no name for".to_owned(),
    };
    clean(&text).into_owned()
}
