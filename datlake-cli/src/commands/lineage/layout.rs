//! A layered layout from left to right: ranks, an order in each that crosses few edges, and places.
//!
//! Nothing here recurses: a chain may be as long as it likes.

use std::collections::{BTreeMap, VecDeque};

/// Between two ranks, and between two boxes of a rank.
const RANKS_APART: f64 = 56.0;
const BOXES_APART: f64 = 18.0;
/// An edge that passes a rank takes so much room there.
const PASSING: f64 = 8.0;
const SWEEPS: usize = 10;

/// What is to be placed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) width: f64,
    pub(super) height: f64,
}

type Point = (f64, f64);

/// Where everything goes.
#[derive(Debug)]
pub(super) struct Layout {
    /// Centres of the boxes.
    pub(super) centres: Vec<Point>,
    /// Of each edge, from the right border of the one box to the left border of the other; or round a box whose edge leads back.
    pub(super) paths: Vec<Vec<Point>>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// How far to the right each node stands: behind all that lead to it, and next to the nearest that it leads to. An edge that closes
/// a circle counts the other way round.
pub(super) fn ranks(nodes: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let edges = without_circles(nodes, edges);
    let mut next = vec![Vec::new(); nodes];
    let mut missing = vec![0_usize; nodes];
    for (from, to) in &edges {
        next[*from].push(*to);
        missing[*to] += 1;
    }
    let mut ranks = vec![0; nodes];
    let mut order = Vec::with_capacity(nodes);
    let mut open: VecDeque<usize> = (0..nodes).filter(|node| missing[*node] == 0).collect();
    while let Some(node) = open.pop_front() {
        order.push(node);
        for to in &next[node] {
            ranks[*to] = ranks[*to].max(ranks[node] + 1);
            missing[*to] -= 1;
            if missing[*to] == 0 {
                open.push_back(*to);
            }
        }
    }
    let mut has_before = vec![false; nodes];
    edges.iter().for_each(|(_, to)| has_before[*to] = true);
    // What is only read stands where it is read.
    for node in order.into_iter().rev().filter(|node| !has_before[*node]) {
        if let Some(nearest) = next[node].iter().map(|to| ranks[*to]).min() {
            ranks[node] = nearest - 1;
        }
    }
    ranks
}

/// The edges, those that close a circle turned round; without those from a node to itself.
fn without_circles(nodes: usize, edges: &[(usize, usize)]) -> Vec<(usize, usize)> {
    #[derive(Clone, Copy, PartialEq)]
    enum Visit {
        New,
        Open,
        Done,
    }
    let mut of = vec![Vec::new(); nodes];
    for (at, (from, to)) in edges.iter().enumerate().filter(|(_, (from, to))| from != to) {
        of[*from].push((at, *to));
    }
    let mut visits = vec![Visit::New; nodes];
    let mut turned = vec![false; edges.len()];
    for start in 0..nodes {
        let mut path = vec![(start, 0)];
        if visits[start] != Visit::New {
            continue;
        }
        visits[start] = Visit::Open;
        while let Some((node, tried)) = path.last_mut() {
            let Some((edge, to)) = of[*node].get(*tried).copied() else {
                visits[*node] = Visit::Done;
                path.pop();
                continue;
            };
            *tried += 1;
            match visits[to] {
                Visit::Open => turned[edge] = true,
                Visit::New => {
                    visits[to] = Visit::Open;
                    path.push((to, 0));
                }
                Visit::Done => {}
            }
        }
    }
    let forward = edges.iter().zip(turned).filter(|((from, to), _)| from != to);
    forward.map(|((from, to), turned)| if turned { (*to, *from) } else { (*from, *to) }).collect()
}

/// Boxes and passing edges, rank by rank.
struct Grid {
    sizes: Vec<Size>,
    ranks: Vec<Vec<usize>>,
    before: Vec<Vec<usize>>,
    behind: Vec<Vec<usize>>,
    y: Vec<f64>,
}

pub(super) fn place(sizes: &[Size], edges: &[(usize, usize)]) -> Layout {
    let ranks = ranks(sizes.len(), edges);
    let mut grid = Grid::new(sizes, &ranks);
    let chains: Vec<Vec<usize>> = edges.iter().map(|(from, to)| grid.chain(*from, *to, &ranks)).collect();
    grid.order();
    grid.settle();
    let (x, width) = grid.columns();
    let rank_of = grid.rank_of();
    let top = grid.edge_of(|y, size| y - size.height / 2.0, f64::min);
    let bottom = grid.edge_of(|y, size| y + size.height / 2.0, f64::max);
    let point = |node: usize| (x[rank_of[node]], grid.y[node] - top);
    let paths = edges.iter().zip(&chains).map(|((from, to), chain)| {
        let ((x1, y1), (x2, y2)) = (point(*from), point(*to));
        let (start, end) = ((x1 + sizes[*from].width / 2.0, y1), (x2 - sizes[*to].width / 2.0, y2));
        if ranks[*from] >= ranks[*to] {
            // Back, below the boxes.
            let below = y1.max(y2) + sizes[*from].height.max(sizes[*to].height) / 2.0 + BOXES_APART / 2.0;
            return vec![start, (start.0 + 14.0, below), (end.0 - 14.0, below), end];
        }
        let between = chain[1..chain.len() - 1].iter().map(|node| point(*node));
        [start].into_iter().chain(between).chain([end]).collect()
    });
    let paths = paths.collect();
    Layout { centres: (0..sizes.len()).map(point).collect(), paths, width, height: bottom - top }
}

impl Grid {
    fn new(sizes: &[Size], ranks: &[usize]) -> Self {
        let mut of = BTreeMap::<usize, Vec<usize>>::new();
        for (node, rank) in ranks.iter().enumerate() {
            of.entry(*rank).or_default().push(node);
        }
        let count = of.keys().last().map_or(0, |last| last + 1);
        let ranks = (0..count).map(|rank| of.remove(&rank).unwrap_or_default()).collect();
        let none = vec![Vec::new(); sizes.len()];
        let y = vec![0.0; sizes.len()];
        Self { sizes: sizes.to_vec(), ranks, before: none.clone(), behind: none, y }
    }

    /// An edge as steps from rank to rank: the boxes at its ends, and what stands for it in between.
    fn chain(&mut self, from: usize, to: usize, ranks: &[usize]) -> Vec<usize> {
        let mut chain = vec![from];
        for rank in ranks[from] + 1..ranks[to] {
            let node = self.sizes.len();
            self.sizes.push(Size { width: 0.0, height: PASSING });
            self.before.push(Vec::new());
            self.behind.push(Vec::new());
            self.y.push(0.0);
            self.ranks[rank].push(node);
            chain.push(node);
        }
        chain.push(to);
        if ranks[from] < ranks[to] {
            for step in chain.windows(2) {
                self.behind[step[0]].push(step[1]);
                self.before[step[1]].push(step[0]);
            }
        }
        chain
    }

    /// Sorts each rank by where its neighbours stand, forwards and backwards.
    fn order(&mut self) {
        let mut place = vec![0.0; self.sizes.len()];
        let number = |rank: &[usize], place: &mut Vec<f64>| {
            rank.iter().enumerate().for_each(|(at, node)| place[*node] = at as f64);
        };
        self.ranks.iter().for_each(|rank| number(rank, &mut place));
        for sweep in 0..SWEEPS {
            let forwards = sweep % 2 == 0;
            let neighbours = if forwards { &self.before } else { &self.behind };
            let count = self.ranks.len();
            for step in 0..count {
                let rank = if forwards { step } else { count - 1 - step };
                let key = |node: &usize| mean(&neighbours[*node], &place).unwrap_or(place[*node]);
                let mut sorted: Vec<(f64, usize)> = self.ranks[rank].iter().map(|node| (key(node), *node)).collect();
                sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
                self.ranks[rank] = sorted.into_iter().map(|(_, node)| node).collect();
                number(&self.ranks[rank], &mut place);
            }
        }
    }

    /// Moves boxes to where their neighbours are, as far as those of their rank leave room.
    fn settle(&mut self) {
        for rank in 0..self.ranks.len() {
            let wanted: Vec<f64> = vec![0.0; self.ranks[rank].len()];
            self.spread(rank, &wanted);
        }
        for sweep in 0..SWEEPS {
            let count = self.ranks.len();
            for step in 0..count {
                let rank = if sweep % 2 == 0 { step } else { count - 1 - step };
                let wanted = self.ranks[rank].iter().map(|node| {
                    let both = self.before[*node].iter().chain(&self.behind[*node]).copied().collect::<Vec<_>>();
                    let one = if sweep % 2 == 0 { &self.before[*node] } else { &self.behind[*node] };
                    mean(one, &self.y).or_else(|| mean(&both, &self.y)).unwrap_or(self.y[*node])
                });
                let wanted: Vec<f64> = wanted.collect();
                self.spread(rank, &wanted);
            }
        }
    }

    /// Puts the boxes of a rank as near to where they are `wanted` as their order and sizes allow: those that meet move together.
    fn spread(&mut self, rank: usize, wanted: &[f64]) {
        struct Block {
            first: usize,
            sum: f64,
            count: f64,
        }
        let nodes = &self.ranks[rank];
        let mut offsets = Vec::with_capacity(nodes.len());
        let mut offset = 0.0;
        for (at, node) in nodes.iter().enumerate() {
            if at > 0 {
                offset += (self.sizes[nodes[at - 1]].height + self.sizes[*node].height) / 2.0 + BOXES_APART;
            }
            offsets.push(offset);
        }
        let mut blocks: Vec<Block> = Vec::new();
        for (at, wanted) in wanted.iter().enumerate() {
            blocks.push(Block { first: at, sum: wanted - offsets[at], count: 1.0 });
            while let [.., before, last] = &mut *blocks
                && before.sum / before.count > last.sum / last.count
            {
                (before.sum, before.count) = (before.sum + last.sum, before.count + last.count);
                blocks.pop();
            }
        }
        for (at, block) in blocks.iter().enumerate() {
            let end = blocks.get(at + 1).map_or(nodes.len(), |next| next.first);
            for place in block.first..end {
                self.y[nodes[place]] = block.sum / block.count + offsets[place];
            }
        }
    }

    /// The middle of each rank, and the width of all.
    fn columns(&self) -> (Vec<f64>, f64) {
        let mut x = 0.0;
        let mut middles = Vec::new();
        for rank in &self.ranks {
            let width = rank.iter().map(|node| self.sizes[*node].width).fold(0.0, f64::max);
            middles.push(x + width / 2.0);
            x += width + RANKS_APART;
        }
        (middles, (x - RANKS_APART).max(0.0))
    }

    fn rank_of(&self) -> Vec<usize> {
        let mut of = vec![0; self.sizes.len()];
        for (rank, nodes) in self.ranks.iter().enumerate() {
            nodes.iter().for_each(|node| of[*node] = rank);
        }
        of
    }

    fn edge_of(&self, edge: impl Fn(f64, &Size) -> f64, pick: fn(f64, f64) -> f64) -> f64 {
        self.y.iter().zip(&self.sizes).map(|(y, size)| edge(*y, size)).reduce(pick).unwrap_or(0.0)
    }
}

fn mean(of: &[usize], values: &[f64]) -> Option<f64> {
    (!of.is_empty()).then(|| of.iter().map(|at| values[*at]).sum::<f64>() / of.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(nodes: usize, edges: &[(usize, usize)]) -> Layout {
        place(&vec![Size { width: 100.0, height: 40.0 }; nodes], edges)
    }

    #[test]
    fn edges_lead_to_the_right_and_boxes_stand_apart() {
        let edges = [(0, 2), (1, 2), (2, 3), (0, 3), (4, 3)];
        let layout = placed(5, &edges);
        for (from, to) in edges {
            assert!(layout.centres[from].0 + 100.0 < layout.centres[to].0, "{layout:?}");
        }
        for (at, a) in layout.centres.iter().enumerate() {
            for b in &layout.centres[at + 1..] {
                assert!((a.0 - b.0).abs() >= 100.0 || (a.1 - b.1).abs() >= 40.0, "{layout:?}");
            }
        }
        // What is only read stands next to its reader, not at the far left.
        assert_eq!(layout.centres[4].0, layout.centres[2].0);
    }

    #[test]
    fn circles_have_a_layout_and_very_long_chains_have_ranks() {
        assert_eq!(placed(3, &[(0, 1), (1, 2), (2, 0), (1, 1)]).paths.len(), 4);
        let chain: Vec<(usize, usize)> = (0..100_000).map(|at| (at, at + 1)).collect();
        assert_eq!(ranks(100_001, &chain)[100_000], 100_000);
        assert!(placed(0, &[]).paths.is_empty());
    }
}
