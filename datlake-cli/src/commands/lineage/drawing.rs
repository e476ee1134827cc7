//! A graph as boxes and arrows with short texts: what DOT, Mermaid and SVG are written from.
//!
//! What people and programs wrote into a lake is made harmless here, once: control characters and marks of direction are escapes,
//! and texts are short. What is special in a format is the format's own.

use std::collections::{BTreeMap, HashMap};

use datlake::report::{GraphCall, GraphFile, GraphItem, GraphNode, LineageGraph, UpstreamState};

use crate::text::{bytes, count, duration, escape, files, short, time, width};

/// Nodes that are alike are one box from so many on.
const FEW: usize = 4;
/// Boxes of a drawing that a person still reads.
const MOST: usize = 500;
/// Columns of a line in a box.
const COLUMNS: usize = 34;

#[derive(Debug)]
pub(super) struct Drawing {
    pub(super) boxes: Vec<DrawnBox>,
    pub(super) arrows: Vec<Arrow>,
    /// What is not drawn.
    pub(super) notes: Vec<String>,
}

#[derive(Debug)]
pub(super) struct DrawnBox {
    pub(super) kind: BoxKind,
    pub(super) title: String,
    pub(super) line: String,
    /// The whole name, for who points at it.
    pub(super) hint: String,
    pub(super) is_asked: bool,
    /// Whether it stands for several.
    pub(super) is_many: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BoxKind {
    File,
    Call,
    Folder,
    /// A file that the lake does not have any more.
    Gone,
}

#[derive(Debug)]
pub(super) struct Arrow {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) label: String,
}

impl Drawing {
    /// Equal fan-outs are one box, unless `all` are wanted.
    pub(super) fn of(graph: &LineageGraph, all: bool) -> Self {
        let mut groups: HashMap<usize, Vec<usize>> = HashMap::new();
        for (at, node) in graph.nodes.iter().enumerate() {
            groups.entry(node.alike).or_default().push(at);
        }
        let mut drawing = Self { boxes: Vec::new(), arrows: Vec::new(), notes: notes(graph) };
        // Of each node the box that shows it, if one does. The nearest to what was asked stand first.
        let mut shown_by: Vec<Option<usize>> = vec![None; graph.nodes.len()];
        let mut not_drawn = 0;
        for (at, node) in graph.nodes.iter().enumerate() {
            let members = groups.get(&node.alike).filter(|members| !all && members.len() >= FEW);
            if shown_by[at].is_some() {
                continue;
            }
            if drawing.boxes.len() == MOST {
                not_drawn += 1;
                continue;
            }
            let place = drawing.boxes.len();
            match members {
                Some(members) => {
                    members.iter().for_each(|member| shown_by[*member] = Some(place));
                    drawing.boxes.push(several(graph, members));
                }
                None => {
                    shown_by[at] = Some(place);
                    drawing.boxes.push(one(node, graph.asked.contains(&at)));
                }
            }
        }
        if not_drawn > 0 {
            drawing.notes.push(format!("{} more are not drawn", count(not_drawn, "node")));
        }
        let mut arrows: BTreeMap<(usize, usize), (u64, Vec<&str>)> = BTreeMap::new();
        for edge in &graph.edges {
            let (Some(from), Some(to)) = (shown_by[edge.from], shown_by[edge.to]) else { continue };
            let (times, names) = arrows.entry((from, to)).or_default();
            *times += edge.count;
            for argument in &edge.arguments {
                if names.len() < 3 && !names.contains(&&**argument) {
                    names.push(argument);
                }
            }
        }
        let is_pipeline = graph.asked.is_empty();
        drawing.arrows.extend(arrows.into_iter().map(|((from, to), (times, names))| {
            let label = match is_pipeline {
                true if times > 1 => format!("× {times}"),
                true => String::new(),
                false => names.join(", "),
            };
            Arrow { from, to, label: cut(&label, COLUMNS / 2) }
        }));
        drawing
    }
}

fn notes(graph: &LineageGraph) -> Vec<String> {
    let mut notes = Vec::new();
    if graph.more_above {
        notes.push("there is more above".to_owned());
    }
    if graph.left_out > 0 {
        notes.push(format!("{} below not looked at", count(graph.left_out, "call")));
    }
    if !graph.damaged.is_empty() {
        notes.push(format!("{} cannot be read", count(graph.damaged.len() as u64, "call")));
    }
    notes
}

fn one(node: &GraphNode, is_asked: bool) -> DrawnBox {
    let name = match &node.item {
        GraphItem::File(file) => file_title(file, &node.name),
        _ => node.name.clone(),
    };
    DrawnBox {
        kind: kind(&node.item),
        title: cut(&name, COLUMNS),
        line: cut(&line(&node.item), COLUMNS),
        hint: cut(&node.address, 4 * COLUMNS),
        is_asked,
        is_many: false,
    }
}

fn several(graph: &LineageGraph, members: &[usize]) -> DrawnBox {
    let nodes: Vec<&GraphNode> = members.iter().map(|at| &graph.nodes[*at]).collect();
    let first = nodes[0];
    let (name, line) = match &first.item {
        GraphItem::File(_) => {
            let sizes = nodes.iter().map(|node| match &node.item {
                GraphItem::File(file) => file.size,
                _ => 0,
            });
            (series(&nodes), bytes(sizes.fold(0, u64::saturating_add)))
        }
        GraphItem::Call(_) => {
            let spent = nodes.iter().filter_map(|node| match &node.item {
                GraphItem::Call(call) => Some(call.details.as_ref()?.duration_ms),
                _ => None,
            });
            (first.name.clone(), format!("{} in all", duration(spent.fold(0, u64::saturating_add))))
        }
        _ => (first.name.clone(), String::new()),
    };
    let times = format!(" × {}", members.len());
    DrawnBox {
        kind: kind(&first.item),
        title: cut(&name, COLUMNS - width(&times)) + &times,
        line: cut(&line, COLUMNS),
        hint: cut(&first.address, 4 * COLUMNS),
        is_asked: members.iter().any(|member| graph.asked.contains(member)),
        is_many: true,
    }
}

/// What the names of several files have in common: the one name, or a pattern.
fn series(nodes: &[&GraphNode]) -> String {
    let names: Vec<&str> = nodes.iter().map(|node| &*node.name).collect();
    if names.iter().all(|name| *name == names[0]) {
        return names[0].to_owned();
    }
    let uids: Vec<&str> = nodes.iter().map(|node| &*node.address).collect();
    let of = if uids.iter().any(|uid| uid.starts_with('@')) { &names } else { &uids };
    let start = of.iter().skip(1).fold(of[0], |start, name| {
        let end = start.char_indices().zip(name.chars()).find(|((_, a), b)| a != b);
        &start[..end.map_or(start.len().min(name.len()), |((at, _), _)| at)]
    });
    let extension = of[0].rsplit_once('.').map_or("", |(_, extension)| extension);
    let extension = if of.iter().all(|name| name.ends_with(&format!(".{extension}"))) { extension } else { "" };
    let dot = if extension.is_empty() { "" } else { "." };
    format!("{start}*{dot}{extension}")
}

fn file_title(file: &GraphFile, name: &str) -> String {
    match (&file.version, &file.uid) {
        (Some(version), _) => version.clone(),
        (None, Some(uid)) if uid.is_chosen() => short(uid),
        _ => name.to_owned(),
    }
}

fn kind(item: &GraphItem) -> BoxKind {
    match item {
        GraphItem::File(file) if file.state == UpstreamState::Removed => BoxKind::Gone,
        GraphItem::File(file) if file.state == UpstreamState::Replaced && file.version.is_none() => BoxKind::Gone,
        GraphItem::File(_) => BoxKind::File,
        GraphItem::Call(_) | GraphItem::Creator(_) => BoxKind::Call,
        GraphItem::Folder(_) => BoxKind::Folder,
    }
}

/// The second line of a box.
fn line(item: &GraphItem) -> String {
    match item {
        GraphItem::File(file) => {
            let size = if file.tree { "tree".to_owned() } else { bytes(file.size) };
            match file.state {
                UpstreamState::Present => size,
                UpstreamState::Replaced => format!("{size}, replaced since"),
                UpstreamState::Removed => format!("{size}, removed since"),
                UpstreamState::Unnamed => format!("{size}, without a name"),
            }
        }
        GraphItem::Call(call) => call_line(call),
        GraphItem::Creator(creator) => {
            format!("{}, {}", count(creator.calls, "call"), duration(creator.spent_ms))
        }
        GraphItem::Folder(folder) => format!("{}, {}", files(folder.files), bytes(folder.bytes)),
    }
}

fn call_line(call: &GraphCall) -> String {
    match &call.details {
        Some(details) => format!("{} · {}", time(&details.started_at), duration(details.duration_ms)),
        None => "removed since".to_owned(),
    }
}

/// A text without control characters, of at most so many columns: its beginning and its end.
fn cut(text: &str, columns: usize) -> String {
    // What is very long is not looked at as a whole.
    let near: String = match text.char_indices().nth(4 * columns) {
        Some((at, _)) => {
            let end = text.char_indices().rev().nth(2 * columns).map_or(0, |(at, _)| at);
            format!("{}{}", &text[..at], &text[end.max(at)..])
        }
        None => text.to_owned(),
    };
    let safe = escape(&near);
    if width(&safe) <= columns {
        return safe.into_owned();
    }
    let take = |chars: &mut dyn Iterator<Item = char>, most: usize| {
        let mut taken = String::new();
        for c in chars {
            taken.push(c);
            if width(&taken) > most {
                taken.pop();
                break;
            }
        }
        taken
    };
    let start = take(&mut safe.chars(), columns * 2 / 3);
    let end: String = take(&mut safe.chars().rev(), columns - 1 - columns * 2 / 3).chars().rev().collect();
    format!("{start}…{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_short_and_keep_both_ends() {
        assert_eq!(cut("corpora/alice.txt", 34), "corpora/alice.txt");
        let long = cut(&format!("{}.csv", "a".repeat(1000)), 34);
        assert!(width(&long) <= 34 && long.ends_with("a.csv") && long.contains('…'), "{long}");
        assert_eq!(cut("a\nb\u{202e}c", 34), "a\\u{a}b\\u{202e}c");
        assert!(width(&cut(&"数据".repeat(500), 34)) <= 34);
    }
}
