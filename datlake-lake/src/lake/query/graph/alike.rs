//! Which nodes of a graph are alike: by colours that neighbours refine.

use std::collections::{BTreeSet, HashMap, VecDeque};

use datlake_core::Uid;

use crate::report::{GraphFile, GraphItem, LineageGraph, UpstreamState};

/// Rounds of refinement. Each tells apart what differs one hop further away.
const ROUNDS: usize = 6;

/// Neighbours of each node: those before it, and those behind it.
struct Neighbours {
    before: Vec<Vec<usize>>,
    behind: Vec<Vec<usize>>,
}

/// Sets [`alike`](crate::report::GraphNode::alike) of every node.
pub(super) fn mark(graph: &mut LineageGraph) {
    let neighbours = Neighbours::of(graph);
    let (above, below) = (distances(&graph.asked, &neighbours.before), distances(&graph.asked, &neighbours.behind));
    let mut colours = Palette::default();
    let first = (0..graph.nodes.len()).map(|at| {
        let made_by = neighbours.before[at].first().map(|maker| &*graph.nodes[*maker].name);
        (label(&graph.nodes[at].item, made_by), above[at], below[at])
    });
    let mut now = colours.numbers(first);
    for _ in 0..ROUNDS {
        let set = |of: &[usize]| of.iter().map(|at| now[*at]).collect::<BTreeSet<_>>();
        let refined = now.iter().enumerate();
        let refined = refined.map(|(at, colour)| (*colour, set(&neighbours.before[at]), set(&neighbours.behind[at])));
        let next = Palette::default().numbers(refined);
        let is_stable = count(&next) == count(&now);
        now = next;
        if is_stable {
            break;
        }
    }
    for (node, colour) in graph.nodes.iter_mut().zip(now) {
        node.alike = colour;
    }
}

/// Numbers of what was seen, in the order in which it was.
struct Palette<K>(HashMap<K, usize>);

impl<K> Default for Palette<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: std::hash::Hash + Eq> Palette<K> {
    fn numbers(&mut self, of: impl Iterator<Item = K>) -> Vec<usize> {
        let mut number = |key| {
            let next = self.0.len();
            *self.0.entry(key).or_insert(next)
        };
        of.map(&mut number).collect()
    }
}

fn count(colours: &[usize]) -> usize {
    colours.iter().max().map_or(0, |most| most + 1)
}

impl Neighbours {
    fn of(graph: &LineageGraph) -> Self {
        let none = || vec![Vec::new(); graph.nodes.len()];
        let mut neighbours = Self { before: none(), behind: none() };
        for edge in &graph.edges {
            neighbours.before[edge.to].push(edge.from);
            neighbours.behind[edge.from].push(edge.to);
        }
        neighbours
    }
}

/// How far each node is from those that were asked for.
fn distances(asked: &[usize], next: &[Vec<usize>]) -> Vec<Option<usize>> {
    let mut distances = vec![None; next.len()];
    let mut open = VecDeque::new();
    for at in asked {
        distances[*at] = Some(0);
        open.push_back((*at, 0));
    }
    while let Some((at, distance)) = open.pop_front() {
        for other in &next[at] {
            if distances[*other].is_none() {
                distances[*other] = Some(distance + 1);
                open.push_back((*other, distance + 1));
            }
        }
    }
    distances
}

/// What a node looks like by itself.
fn label(item: &GraphItem, made_by: Option<&str>) -> (&'static str, String, UpstreamState) {
    match item {
        GraphItem::File(file) => ("file", series(file, made_by), file.state),
        GraphItem::Call(call) => ("call", call.creator.to_string(), call.state),
        GraphItem::Creator(creator) => ("creator", creator.creator.to_string(), UpstreamState::Present),
        GraphItem::Folder(folder) => ("folder", format!("{folder:?}"), UpstreamState::Present),
    }
}

/// What files of one series have in common: the maker, or the folder and the extension of their names.
fn series(file: &GraphFile, made_by: Option<&str>) -> String {
    let chosen = file.uid.as_ref().filter(|uid| uid.is_chosen() || made_by.is_none()).map(Uid::as_str);
    let (folder, name) = chosen.map_or(("", ""), |uid| uid.rsplit_once('/').unwrap_or(("", uid)));
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    format!("{}\n{folder}\n{extension}", made_by.unwrap_or_default())
}
