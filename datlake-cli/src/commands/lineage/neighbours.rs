//! What leads to each node of a graph, and what each leads to.

use datlake::report::{GraphItem, LineageGraph};

pub(super) struct Neighbours<'a> {
    pub(super) graph: &'a LineageGraph,
    pub(super) before: Vec<Vec<usize>>,
    pub(super) behind: Vec<Vec<usize>>,
}

impl<'a> Neighbours<'a> {
    pub(super) fn of(graph: &'a LineageGraph) -> Self {
        let none = vec![Vec::new(); graph.nodes.len()];
        let mut neighbours = Self { graph, before: none.clone(), behind: none };
        for edge in &graph.edges {
            neighbours.before[edge.to].push(edge.from);
            neighbours.behind[edge.from].push(edge.to);
        }
        neighbours
    }

    pub(super) fn is_call(&self, at: usize) -> bool {
        matches!(self.graph.nodes[at].item, GraphItem::Call(_))
    }

    /// What a file, or the value of a call, was made from.
    pub(super) fn made_from(&self, at: usize) -> Vec<usize> {
        match self.is_call(at) {
            true => self.before[at].clone(),
            false => self.before[at].iter().flat_map(|call| &self.before[*call]).copied().collect(),
        }
    }

    /// The calls that read a file; those that were given what a call returned, or a file that it made.
    pub(super) fn readers(&self, at: usize) -> Vec<usize> {
        let direct = self.behind[at].iter().copied();
        let through_files = self.behind[at].iter().filter(|next| !self.is_call(**next));
        let through_files = through_files.flat_map(|file| self.behind[*file].iter().copied());
        let mut readers: Vec<usize> = direct.chain(through_files).filter(|next| self.is_call(*next)).collect();
        readers.sort_unstable();
        readers.dedup();
        readers
    }
}
