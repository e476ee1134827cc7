//! Lineage as trees of text, and a pipeline as a list.

use std::collections::HashSet;

use datlake::report::{GraphCall, GraphFile, GraphItem, LineageGraph, UpstreamState, VersionRow};
use owo_colors::OwoColorize as _;

use super::layout;
use super::neighbours::Neighbours;
use crate::answer::Page;
use crate::text::{count, duration, escape, files, fill, paragraph, short, time, width};

/// So many nodes are shown of what may be very many.
const MANY: usize = 60;

/// Which ways were asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ways {
    pub(super) up: bool,
    pub(super) down: bool,
}

impl Ways {
    pub(super) fn is_of_pipeline(self) -> bool {
        !self.up && !self.down
    }
}

pub(super) fn trees(graph: &LineageGraph, ways: Ways, page: &Page) -> String {
    let near = Neighbours::of(graph);
    let mut text = if ways.up { above(&near, page) } else { String::new() };
    if ways.down {
        text.push_str(&below(&near, ways.up, page));
    }
    text
}

fn above(near: &Neighbours<'_>, page: &Page) -> String {
    let graph = near.graph;
    let first = |at: &usize| Next { node: *at, first: String::new(), further: String::new() };
    let roots: Vec<Next> = graph.asked.iter().rev().map(first).collect();
    let all = reachable(&graph.asked, |at| near.made_from(at));
    let mut text = tree(roots, page, all, |at| match &graph.nodes[at].item {
        GraphItem::File(file) => {
            let maker = near.before[at].iter().find_map(|maker| call_at(graph, *maker));
            (file_name(file, &graph.nodes[at].name), file_origin(file, maker), near.made_from(at))
        }
        GraphItem::Call(call) => (call_name(near, at), call_origin(call), near.made_from(at)),
        GraphItem::Creator(_) | GraphItem::Folder(_) => (String::new(), String::new(), Vec::new()),
    });
    if graph.more_above {
        text.push_str("There is more above: --depth says how many calls to go up.\n");
    }
    text
}

fn below(near: &Neighbours<'_>, below_something: bool, page: &Page) -> String {
    let graph = near.graph;
    let mut readers: Vec<usize> = graph.asked.iter().flat_map(|at| near.readers(*at)).collect();
    readers.sort_unstable();
    readers.dedup();
    let mut text = String::new();
    if below_something && (!readers.is_empty() || graph.left_out > 0) {
        text.push_str("\nMade from it:\n");
    }
    let mut first = Vec::new();
    branches(&readers, "", &mut first);
    let all = reachable(&readers, |at| near.readers(at));
    text.push_str(&tree(first, page, all, |at| {
        let by = call_at(graph, at).map(made_by).unwrap_or_default();
        (outputs(near, at).unwrap_or_else(|| value_name(near, at)), by, near.readers(at))
    }));
    if graph.left_out > 0 {
        let calls = if graph.left_out == 1 { "1 call was" } else { &format!("{} calls were", graph.left_out) };
        text.push_str(&format!("{calls} not looked at: --depth and --limit say how far to go.\n"));
    }
    if text.is_empty() {
        text.push_str(if below_something { "\nNothing was made from it.\n" } else { "Nothing was made from it.\n" });
    }
    text
}

/// How many nodes there are to show.
fn reachable(first: &[usize], next: impl Fn(usize) -> Vec<usize>) -> usize {
    let mut seen: HashSet<usize> = first.iter().copied().collect();
    let mut open = first.to_vec();
    while let Some(at) = open.pop() {
        open.extend(next(at).into_iter().filter(|other| seen.insert(*other)));
    }
    seen.len()
}

fn call_at(graph: &LineageGraph, at: usize) -> Option<&GraphCall> {
    match &graph.nodes[at].item {
        GraphItem::Call(call) => Some(call),
        _ => None,
    }
}

/// Something to be shown: its place, what stands in front of its first line, and in front of all further ones.
struct Next {
    node: usize,
    first: String,
    further: String,
}

/// A graph of `all` nodes as a tree: of each its name, how it came to be, and what stands below it.
fn tree(mut next: Vec<Next>, page: &Page, all: usize, node: impl Fn(usize) -> (String, String, Vec<usize>)) -> String {
    let mut text = String::new();
    let mut shown = HashSet::new();
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
        branches(&below, &further, &mut next);
    }
    text
}

fn branches(below: &[usize], further: &str, next: &mut Vec<Next>) {
    for (at, node) in below.iter().enumerate().rev() {
        let (branch, bar) = if at + 1 == below.len() { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        next.push(Next { node: *node, first: format!("{further}{branch}"), further: format!("{further}{bar}") });
    }
}

fn file_name(file: &GraphFile, name: &str) -> String {
    match (&file.version, &file.uid) {
        (Some(version), _) => escape(version).into_owned(),
        (None, Some(uid)) if uid.is_chosen() => short(uid),
        _ => escape(name).into_owned(),
    }
}

fn call_name(near: &Neighbours<'_>, at: usize) -> String {
    let made = outputs(near, at).filter(|_| near.graph.asked.contains(&at));
    made.unwrap_or_else(|| value_name(near, at))
}

/// What a call without files returned.
fn value_name(near: &Neighbours<'_>, at: usize) -> String {
    format!("{} (a value)", escape(&near.graph.nodes[at].name))
}

/// The files that a call made, as far as the graph has them.
fn outputs(near: &Neighbours<'_>, call: usize) -> Option<String> {
    let made = near.behind[call].iter().filter_map(|at| match &near.graph.nodes[*at].item {
        GraphItem::File(file) => Some(file_name(file, &near.graph.nodes[*at].name)),
        _ => None,
    });
    match &*made.collect::<Vec<_>>() {
        [] => None,
        [first] => Some(first.clone()),
        [first, second] => Some(format!("{first}, {second}")),
        all @ [first, .., last] => Some(format!("{first}, … {last} ({} files)", all.len())),
    }
}

fn file_origin(file: &GraphFile, maker: Option<&GraphCall>) -> String {
    let by = file.originator.as_deref().unwrap_or_default();
    let at = file.created_at.as_deref().map(time).unwrap_or_default();
    let replaced = file.replaced_by.as_ref().map(replacement).unwrap_or_default();
    let is_known = file.state == UpstreamState::Present || file.replaced_by.is_some();
    match (file.state, maker) {
        (_, Some(call)) if is_known => {
            format!("made by {}/{} on {at} by {by}{replaced}{}", call.creator, call.key.short(), not_known(call))
        }
        (_, None) if is_known => format!("added on {at} by {by}{replaced}"),
        (UpstreamState::Removed, _) => "removed since".to_owned(),
        (UpstreamState::Unnamed, _) => "an intermediate that the lake has no name for".to_owned(),
        _ => "replaced since: there is other content under this name".to_owned(),
    }
}

fn call_origin(call: &GraphCall) -> String {
    let name = format!("{}/{}", call.creator, call.key.short());
    match (call.state, &call.details) {
        (UpstreamState::Present, Some(details)) => {
            let (at, by) = (time(&details.started_at), &details.originator);
            format!("returned by {name} on {at} by {by}{}", not_known(call))
        }
        (UpstreamState::Replaced, _) => format!("{name} has returned another value since"),
        _ => format!("{name} was removed since"),
    }
}

/// What of a call's values leads nowhere.
fn not_known(call: &GraphCall) -> String {
    let Some(details) = &call.details else { return String::new() };
    let mut text = String::new();
    if !details.unknown.is_empty() {
        text.push_str(&format!("; no known call returned its `{}`", details.unknown.join("`, `")));
    }
    if details.values_left_out > 0 {
        text.push_str(&format!("; {} more are not listed", count(details.values_left_out, "value")));
    }
    text
}

/// When a version was replaced, by whom and by which call.
pub(in crate::commands) fn replacement(by: &VersionRow) -> String {
    let how = match &by.call {
        Some((creator, key)) => format!(", with what {creator}/{} made", key.short()),
        None => String::new(),
    };
    format!("; replaced on {} by {}{how}", time(&by.at), by.originator)
}

fn made_by(call: &GraphCall) -> String {
    let (at, by) = call.details.as_ref().map_or_else(Default::default, |it| (time(&it.started_at), &*it.originator));
    format!("by {}/{} on {at} by {by}", call.creator, call.key.short())
}

/// A pipeline: its creators, each behind those that it reads from.
pub(super) fn pipeline(graph: &LineageGraph, page: &Page) -> String {
    let near = Neighbours::of(graph);
    let edges: Vec<(usize, usize)> = graph.edges.iter().map(|edge| (edge.from, edge.to)).collect();
    let ranks = layout::ranks(graph.nodes.len(), &edges);
    let mut order: Vec<usize> = (0..graph.nodes.len()).collect();
    order.sort_by_key(|at| (ranks[*at], *at));
    let mut text = String::new();
    let side = |word: &str, nodes: &[usize]| {
        let names: Vec<&str> = nodes.iter().map(|at| &*graph.nodes[*at].name).collect();
        match &*names {
            [] => String::new(),
            names => paragraph(&format!("{word} {}", names.join(", ")), 2, page.columns),
        }
    };
    for at in order {
        let GraphItem::Creator(creator) = &graph.nodes[at].item else { continue };
        let is_folder = |at: &usize| matches!(graph.nodes[*at].item, GraphItem::Folder(_));
        text.push_str(&format!("{}\n", escape(creator.creator.as_str()).bold()));
        let calls = format!(
            "{}, {} in all, the latest on {}, {}",
            count(creator.calls, "call"),
            duration(creator.spent_ms),
            time(&creator.last_at),
            files(creator.files)
        );
        text.push_str(&paragraph(&calls, 2, page.columns));
        text.push_str(&side("from", &near.before[at]));
        let folders: Vec<usize> = near.behind[at].iter().copied().filter(is_folder).collect();
        text.push_str(&side("to", &folders));
    }
    if text.is_empty() {
        text.push_str("The lake has no calls.\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A file, made by a call from `all - 1` others.
    fn graph(all: usize, unknown: &[&str]) -> LineageGraph {
        let file = |n: usize| {
            json!({"address": format!("in/{n}.csv"), "name": format!("{n}.csv"), "alike": 0, "item": {
                "kind": "file", "uid": format!("in/{n}.csv"), "digest": "3f".repeat(32), "size": 1, "tree": false,
                "state": "present", "version": null, "replaced_by": null, "created_at": null, "originator": null,
            }})
        };
        let call = json!({"address": "@shop/shop::report/3f", "name": "report", "alike": 0, "item": {
            "kind": "call", "creator": "shop/shop::report", "key": "3f".repeat(32), "state": "present", "details": {
                "started_at": "2026-11-21T08:37:53.461Z", "duration_ms": 12, "originator": "ada@example.org", "host": "h",
                "run": "r", "generics": [], "params": [], "unknown": unknown, "values_left_out": 0, "inputs": 1, "outputs": 1,
                "code": {"package": "shop", "package_version": "1.0.0", "module": "shop", "file": "src/main.rs", "line": 1,
                    "hash": "3f".repeat(32), "commit": null, "state": "unknown", "permalink": null},
            },
        }});
        let edge = |from: usize, to: usize| json!({"from": from, "to": to, "arguments": [], "count": 1});
        let edges: Vec<_> = [edge(all, 0)].into_iter().chain((1..all).map(|from| edge(from, all))).collect();
        let nodes: Vec<_> = (0..all).map(file).chain([call]).collect();
        let rest =
            json!({"asked": [0], "nodes": nodes, "edges": edges, "more_above": false, "left_out": 0, "damaged": []});
        serde_json::from_value(rest).unwrap()
    }

    #[test]
    fn of_very_many_the_first_are_shown_and_how_to_see_all() {
        let of = |all, unknown: &[&str], verbose| {
            let page = Page { columns: 200, limit: None, verbose };
            trees(&graph(all, unknown), Ways { up: true, down: false }, &page)
        };
        let shown = |all, verbose| {
            let text = of(all, &[], verbose);
            (text.matches(".csv").count(), text.lines().last().unwrap_or_default().to_owned())
        };
        assert_eq!((shown(MANY, false).0, shown(5000, true).0), (MANY, 5000));
        let (files, last) = shown(5000, false);
        let text = of(1, &["weights"], false);
        assert!(text.contains("; no known call returned its `weights`"), "{text}");
        assert_eq!((files, &*last), (MANY, "  and 4940 more: -v shows all, --depth 1 the nearest"));
    }
}
