//! A graph while it is put together, from what was found above and below.

use std::collections::{BTreeMap, HashMap};

use datlake_core::lineage::{Lineage, Output};
use datlake_core::{CallKey, CreatorName, Digest, Uid, UidKind};

use super::alike;
use crate::report::{
    CallCode, CallDetails, Downstream, GraphCall, GraphEdge, GraphFile, GraphItem, GraphNode, LineageGraph, OutputRow,
    Upstream, UpstreamFile, UpstreamState,
};

/// Bytes of JSON above which an argument is shown by its size.
const LARGEST: usize = 2 << 10;
/// Arguments named at one edge.
pub(super) const NAMED: usize = 8;

type Call = (CreatorName, CallKey);

#[derive(Default)]
pub(super) struct Draft {
    graph: LineageGraph,
    files: HashMap<(Option<Uid>, Digest), usize>,
    calls: HashMap<Call, usize>,
    edges: HashMap<(usize, usize), usize>,
    /// What was met on the way: the first of each call, which is the one that made what is shown.
    records: HashMap<Call, Lineage>,
}

impl Draft {
    pub(super) fn seen(&mut self, lineage: &Lineage) {
        let call = (lineage.creator.clone(), lineage.key);
        self.records.entry(call).or_insert_with(|| lineage.clone());
    }

    /// The first `asked` nodes, which were asked for, and what they were made from if that is `wanted`.
    pub(super) fn add_above(&mut self, above: Upstream, asked: usize, wanted: bool) {
        self.graph.more_above = above.left_out && wanted;
        for (at, node) in above.nodes.into_iter().enumerate() {
            let (is_value, call) = (node.value, node.call.clone());
            let place = match (is_value, &call) {
                (true, Some((creator, key))) => self.call(creator, key, node.state),
                _ => self.file(node),
            };
            if at < asked {
                self.graph.asked.push(place);
            }
            if let (false, true, Some((creator, key))) = (is_value, wanted, &call) {
                let made_by = self.call(creator, key, UpstreamState::Present);
                self.edge(made_by, place, None);
            }
        }
    }

    /// The files that a call that was asked for `made`.
    pub(super) fn add_outputs(&mut self, creator: &CreatorName, key: &CallKey, made: &[Uid]) {
        let place = self.call(creator, key, UpstreamState::Present);
        let Some(lineage) = self.records.get(&(creator.clone(), *key)) else { return };
        let (at, by) = (lineage.started_at.clone(), lineage.person.email.clone());
        let outputs: Vec<Output> =
            lineage.outputs.iter().filter(|output| made.contains(&output.uid)).cloned().collect();
        for output in outputs {
            self.output(place, OutputRow::from(output), &at, &by);
        }
    }

    pub(super) fn add_below(&mut self, below: Downstream) {
        self.graph.left_out = below.left_out;
        self.graph.damaged = below.damaged;
        for call in below.nodes {
            let place = self.call(&call.creator, &call.key, UpstreamState::Present);
            for output in call.outputs {
                self.output(place, output, &call.created_at, &call.originator);
            }
        }
    }

    pub(super) fn into_graph(mut self) -> LineageGraph {
        let mut by_uid = BTreeMap::new();
        for ((uid, _), place) in &self.files {
            let first = by_uid.entry(uid.clone()).or_insert(*place);
            *first = (*first).min(*place);
        }
        let mut calls: Vec<(Call, usize)> = self.calls.iter().map(|(call, place)| (call.clone(), *place)).collect();
        calls.sort_unstable_by_key(|(_, place)| *place);
        for (call, place) in calls {
            let Some(lineage) = self.records.remove(&call) else { continue };
            self.connect(place, &lineage, &by_uid);
            if let GraphItem::Call(call) = &mut self.graph.nodes[place].item {
                call.details = Some(details(lineage));
            }
        }
        let mut graph = self.graph;
        alike::mark(&mut graph);
        graph
    }

    /// What a call was given, as far as that stands in the graph: of a file in a tree, the tree may.
    fn connect(&mut self, place: usize, lineage: &Lineage, by_uid: &BTreeMap<Option<Uid>, usize>) {
        for input in &lineage.inputs {
            let exactly = self.files.get(&(input.uid.clone(), input.digest)).copied();
            let tree = || match input.uid.as_ref()?.kind() {
                UidKind::Member { tree, .. } => by_uid.get(&Some(tree)).copied(),
                _ => None,
            };
            if let Some(from) = exactly.or_else(tree) {
                self.edge(from, place, input.argument.as_deref());
            }
        }
        for value in &lineage.values {
            if let Some(from) = self.calls.get(&(value.creator.clone(), value.key)).copied() {
                let argument = value.argument.as_ref().map(|name| format!("{name}{}", value.at));
                self.edge(from, place, argument.as_deref());
            }
        }
    }

    fn output(&mut self, call: usize, output: OutputRow, at: &str, by: &str) {
        let OutputRow { uid, name, digest, size, tree } = output;
        let next = self.graph.nodes.len();
        let place = *self.files.entry((Some(uid.clone()), digest)).or_insert(next);
        if place == next {
            let address = uid.to_string();
            let file = GraphFile {
                uid: Some(uid),
                digest,
                size,
                tree,
                state: UpstreamState::Present,
                version: None,
                replaced_by: None,
                created_at: Some(at.to_owned()),
                originator: Some(by.to_owned()),
                preview: None,
            };
            self.graph.nodes.push(GraphNode { address, name, alike: 0, item: GraphItem::File(Box::new(file)) });
        }
        self.edge(call, place, None);
    }

    fn file(&mut self, node: UpstreamFile) -> usize {
        let next = self.graph.nodes.len();
        let place = *self.files.entry((node.uid.clone(), node.digest)).or_insert(next);
        if place < next {
            return place;
        }
        let address = match (&node.version, &node.uid, node.state) {
            (Some(version), ..) => version.clone(),
            (None, Some(uid), UpstreamState::Present) => uid.to_string(),
            // Under this name there may be other content.
            (None, Some(uid), _) => format!("{uid}#{}", node.digest),
            (None, None, _) => format!("digest:{}", node.digest),
        };
        let file = GraphFile {
            uid: node.uid,
            digest: node.digest,
            size: node.size,
            tree: node.tree,
            state: node.state,
            version: node.version,
            replaced_by: node.replaced_by,
            created_at: node.created_at,
            originator: node.originator,
            preview: None,
        };
        self.graph.nodes.push(GraphNode { address, name: node.name, alike: 0, item: GraphItem::File(Box::new(file)) });
        place
    }

    fn call(&mut self, creator: &CreatorName, key: &CallKey, state: UpstreamState) -> usize {
        let next = self.graph.nodes.len();
        let place = *self.calls.entry((creator.clone(), *key)).or_insert(next);
        if place == next {
            let name = creator.function().to_owned();
            let call = GraphCall { creator: creator.clone(), key: *key, state, details: None };
            let address = format!("@{creator}/{key}");
            self.graph.nodes.push(GraphNode { address, name, alike: 0, item: GraphItem::Call(Box::new(call)) });
        } else if let GraphItem::Call(call) = &mut self.graph.nodes[place].item
            && state != UpstreamState::Present
        {
            call.state = state;
        }
        place
    }

    fn edge(&mut self, from: usize, to: usize, argument: Option<&str>) {
        let next = self.graph.edges.len();
        let place = *self.edges.entry((from, to)).or_insert(next);
        if place == next {
            self.graph.edges.push(GraphEdge { from, to, arguments: Vec::new(), count: 1 });
        }
        let named = &mut self.graph.edges[place].arguments;
        if let Some(argument) = argument
            && named.len() < NAMED
            && !named.iter().any(|name| name == argument)
        {
            named.push(argument.to_owned());
        }
    }
}

fn details(lineage: Lineage) -> CallDetails {
    let unknown = lineage.unknown().into_iter().map(str::to_owned).collect();
    let (inputs, outputs) = (lineage.inputs.len() + lineage.values.len(), lineage.outputs.len());
    let code = lineage.code;
    let params = lineage.params.into_iter().chain(lineage.extras).map(|mut param| {
        let bytes = param.value.to_string().len();
        if bytes > LARGEST {
            param.value = serde_json::json!({ "$large": { "bytes": bytes } });
        }
        param
    });
    CallDetails {
        started_at: lineage.started_at,
        duration_ms: lineage.duration_ms,
        originator: lineage.person.email,
        host: lineage.host,
        run: lineage.run,
        process: lineage.process,
        generics: lineage.generics,
        params: params.collect(),
        unknown,
        values_left_out: lineage.values_left_out,
        inputs: inputs as u64 + lineage.values_left_out,
        outputs: outputs as u64,
        code: CallCode {
            package: code.package,
            package_version: code.package_version,
            module: code.module,
            file: code.file,
            line: code.line,
            hash: code.hash,
            commit: code.source.commit,
            state: code.source.state,
            permalink: code.source.permalink,
        },
    }
}
