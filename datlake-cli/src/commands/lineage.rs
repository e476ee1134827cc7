//! `datlake lineage`: what a file was made from, and what was made from it, as trees.

use datlake::Lake;
use datlake::report::{
    Damage, Downstream, DownstreamCall, OutputRow, Upstream, UpstreamFile, UpstreamState, VersionRow,
};
use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::answer::{Answer, Page};
use crate::text::{count, escape, fill, short, time, width};

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize, schemars::JsonSchema))]
pub(super) struct Related {
    /// What the file was made from; `None` unless it was asked for.
    up: Option<Upstream>,
    /// What was made from it; `None` unless it was asked for.
    down: Option<Downstream>,
}

/// So many nodes are shown of what may be very many.
const MANY: usize = 60;

/// How far to go.
pub(super) struct Bounds {
    pub(super) depth: usize,
    /// Calls to show downwards.
    pub(super) limit: usize,
}

/// Both ways, unless one is asked for.
pub(super) fn run(lake: &Lake, uid: &str, up: bool, down: bool, within: &Bounds) -> anyhow::Result<Related> {
    let above = if down { None } else { Some(lake.upstream(uid, within.depth)?) };
    let below = if up { None } else { Some(lake.downstream(uid, within.depth, within.limit)?) };
    Ok(Related { up: above, down: below })
}

impl Answer for Related {
    fn text(&self, page: &Page) -> String {
        let mut text = self.up.as_ref().map_or_else(String::new, |up| above(up, page));
        if let Some(down) = &self.down {
            text.push_str(&below(down, self.up.is_some(), page));
        }
        text
    }

    fn damaged(&self) -> &[Damage] {
        self.down.as_ref().map_or(&[], |down| &down.damaged)
    }
}

fn above(up: &Upstream, page: &Page) -> String {
    let first = Next { node: 0, first: String::new(), further: String::new() };
    let mut text = tree(vec![first], page, up.nodes.len(), |at| {
        let one = &up.nodes[at];
        (file_name(one), file_origin(one), &*one.inputs)
    });
    if up.left_out {
        text.push_str("There is more above: --depth says how many calls to go up.\n");
    }
    text
}

fn below(down: &Downstream, below_something: bool, page: &Page) -> String {
    let mut text = String::new();
    if below_something && (!down.nodes.is_empty() || down.left_out > 0) {
        text.push_str("\nMade from it:\n");
    }
    let mut first = Vec::new();
    branches(&down.readers, "", &mut first);
    text.push_str(&tree(first, page, down.nodes.len(), |at| {
        let one = &down.nodes[at];
        (call_outputs(one), call(one), &*one.readers)
    }));
    if down.left_out > 0 {
        let calls = if down.left_out == 1 { "1 call was" } else { &format!("{} calls were", down.left_out) };
        text.push_str(&format!("{calls} not looked at: --depth and --limit say how far to go.\n"));
    }
    if text.is_empty() {
        text.push_str(if below_something { "\nNothing was made from it.\n" } else { "Nothing was made from it.\n" });
    }
    text
}

/// Something to be shown: its place, what stands in front of its first line, and in front of all further ones.
struct Next {
    node: usize,
    first: String,
    further: String,
}

/// A graph of `all` nodes as a tree: of each its name, how it came to be, and what stands below it.
fn tree<'a>(
    mut next: Vec<Next>,
    page: &Page,
    all: usize,
    node: impl Fn(usize) -> (String, String, &'a [usize]),
) -> String {
    let mut text = String::new();
    let mut shown = std::collections::HashSet::new();
    let (mut lines, most) = (0, if page.verbose || all <= MANY { usize::MAX } else { MANY });
    while let Some(Next { node: at, first, further }) = next.pop() {
        if lines == most {
            let more = all - shown.len();
            text.push_str(&format!("  and {more} more: -v shows all, --depth 1 the nearest\n"));
            break;
        }
        lines += 1;
        let (name, how, below) = node(at);
        let again = !shown.insert(at) && !below.is_empty();
        text.push_str(&format!("{first}{}{}\n", name.bold(), if again { " (see above)" } else { "" }));
        if again {
            continue;
        }
        let bar = if below.is_empty() { "   " } else { "│  " };
        for line in fill(&escape(&how), page.columns.saturating_sub(width(&further) + 3)) {
            text.push_str(&format!("{further}{bar}{}\n", line.dimmed()));
        }
        branches(below, &further, &mut next);
    }
    text
}

fn branches(below: &[usize], further: &str, next: &mut Vec<Next>) {
    for (at, node) in below.iter().enumerate().rev() {
        let (branch, bar) = if at + 1 == below.len() { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        next.push(Next { node: *node, first: format!("{further}{branch}"), further: format!("{further}{bar}") });
    }
}

fn file_name(one: &UpstreamFile) -> String {
    match &one.uid {
        _ if one.version.is_some() => escape(one.version.as_deref().unwrap_or_default()).into_owned(),
        Some(uid) if uid.is_chosen() => short(uid),
        _ if one.value => format!("{} (a value)", escape(&one.name)),
        _ => escape(&one.name).into_owned(),
    }
}

fn file_origin(one: &UpstreamFile) -> String {
    let by = one.originator.as_deref().unwrap_or_default();
    let at = one.created_at.as_deref().map(time).unwrap_or_default();
    let made = if one.value { "returned" } else { "made" };
    let replaced = one.replaced_by.as_ref().map(replacement).unwrap_or_default();
    let is_known = one.state == UpstreamState::Present || one.replaced_by.is_some();
    match (one.state, &one.call) {
        (_, Some((creator, key))) if is_known => {
            let mut origin = format!("{made} by {creator}/{} on {at} by {by}{replaced}", key.short());
            if !one.unknown.is_empty() {
                origin.push_str(&format!("; no known call returned its `{}`", one.unknown.join("`, `")));
            }
            if one.values_left_out > 0 {
                origin.push_str(&format!("; {} more are not listed", count(one.values_left_out, "value")));
            }
            origin
        }
        (_, None) if is_known => format!("added on {at} by {by}{replaced}"),
        (UpstreamState::Replaced, Some((creator, key))) if one.value => {
            format!("{creator}/{} has returned another value since", key.short())
        }
        (UpstreamState::Removed, Some((creator, key))) if one.value => {
            format!("{creator}/{} was removed since", key.short())
        }
        (UpstreamState::Removed, _) => "removed since".to_owned(),
        (UpstreamState::Unnamed, _) => "an intermediate that the lake has no name for".to_owned(),
        _ => "replaced since: there is other content under this name".to_owned(),
    }
}

/// When a version was replaced, by whom and by which call.
pub(super) fn replacement(by: &VersionRow) -> String {
    let how = match &by.call {
        Some((creator, key)) => format!(", with what {creator}/{} made", key.short()),
        None => String::new(),
    };
    format!("; replaced on {} by {}{how}", time(&by.at), by.originator)
}

fn call_outputs(one: &DownstreamCall) -> String {
    let file = |output: &OutputRow| match output.uid.is_chosen() {
        true => short(&output.uid),
        false => escape(&output.name).into_owned(),
    };
    match &*one.outputs {
        [] => "(a value)".to_owned(),
        [first] => file(first),
        [first, second] => format!("{}, {}", file(first), file(second)),
        [first, .., last] => format!("{}, … {} ({} files)", file(first), file(last), one.outputs.len()),
    }
}

fn call(one: &DownstreamCall) -> String {
    format!("by {}/{} on {} by {}", one.creator, one.key.short(), time(&one.created_at), one.originator)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_very_many_the_first_are_shown_and_how_to_see_all() {
        let node = |n: usize, inputs: Vec<usize>| {
            json!({
                "uid": format!("in/{n}.csv"), "name": format!("{n}.csv"), "digest": "3f".repeat(32), "size": 1,
                "state": "present", "created_at": null, "originator": null, "call": null, "inputs": inputs,
            })
        };
        let graph = |all: usize| {
            let nodes: Vec<_> =
                (0..all).map(|n| node(n, if n == 0 { (1..all).collect() } else { Vec::new() })).collect();
            serde_json::from_value::<Upstream>(json!({"nodes": nodes, "left_out": false})).unwrap()
        };
        let shown = |all, verbose| {
            let text = above(&graph(all), &Page { columns: 80, limit: None, verbose });
            (text.matches(".csv").count(), text.lines().last().unwrap_or_default().to_owned())
        };
        assert_eq!((shown(MANY, false).0, shown(5000, true).0), (MANY, 5000));
        let (files, last) = shown(5000, false);
        let mut unknown = graph(1);
        unknown.nodes[0].unknown = vec!["weights".to_owned()];
        unknown.nodes[0].call = serde_json::from_value(json!(["shop/shop::report", "3f".repeat(32)])).unwrap();
        let text = above(&unknown, &Page { columns: 200, limit: None, verbose: false });
        assert!(text.contains("; no known call returned its `weights`"), "{text}");
        assert_eq!((files, &*last), (MANY, "  and 4940 more: -v shows all, --depth 1 the nearest"));
    }
}
