//! A graph, one step after the other from what was asked for.

use std::collections::BTreeSet;

use datlake::report::{GraphItem, GraphNode, LineageGraph};
use datlake::{ErrorKind, Lake};
use serde_json::json;

use super::recorded::{
    IN_LAKE, beside_run, beside_snapshot, beside_table, beside_uri, has_table, node_at, run, snapshot,
};
use super::wire::{LineageEdge, LineageNode, NodeKind, ServerLineage};
use crate::app::App;
use crate::database::failed;
use crate::problem::{Problem, Reply};

/// So many nodes a graph has at most.
const NODES: usize = 1000;
/// So many calls below a file or a call are looked at.
const CALLS: usize = 500;

/// A graph while it grows.
struct Growing<'a> {
    app: &'a App,
    /// In the order in which they were found.
    nodes: Vec<LineageNode>,
    known: BTreeSet<String>,
    edges: BTreeSet<LineageEdge>,
    has_more: bool,
}

/// The graph around `node`, so many steps up and down.
///
/// # Errors
/// 400 for what names no node, 404 where there is none.
pub(super) async fn graph_around(app: &App, node: &str, depth: usize) -> Reply<ServerLineage> {
    let (known, edges) = Default::default();
    let mut growing = Growing { app, nodes: Vec::new(), known, edges, has_more: false };
    let mut frontier = vec![node.to_owned()];
    for step in 0..=depth {
        let mut next = BTreeSet::new();
        for id in std::mem::take(&mut frontier) {
            if growing.nodes.len() >= NODES {
                growing.has_more = true;
                break;
            }
            let beside = growing.visit(&id, depth - step).await?;
            if step == 0 && growing.nodes.is_empty() {
                return Err(Problem::not_found(format!("there is no `{}`", node.escape_debug())));
            }
            for edge in beside {
                next.extend([edge.from.clone(), edge.to.clone()]);
                growing.edges.insert(edge);
            }
        }
        frontier = next.into_iter().filter(|id| !growing.known.contains(id)).collect();
        if frontier.is_empty() {
            break;
        }
    }
    growing.has_more |= !frontier.is_empty();
    let Growing { nodes, edges, has_more, .. } = growing;
    let shown: BTreeSet<&str> = nodes.iter().map(|node| node.id.as_str()).collect();
    let is_shown = |edge: &LineageEdge| shown.contains(edge.from.as_str()) && shown.contains(edge.to.as_str());
    let edges = edges.into_iter().filter(is_shown).collect();
    Ok(ServerLineage { nodes, edges, has_more })
}

impl Growing<'_> {
    /// Adds a node, if there is such a one: what is beside it.
    async fn visit(&mut self, id: &str, steps: usize) -> Reply<Vec<LineageEdge>> {
        if !self.known.insert(id.to_owned()) {
            return Ok(Vec::new());
        }
        let Some((kind, name)) = id.split_once(':') else { return Err(no_node(id)) };
        if kind == "lake" {
            return self.visit_lake(name, steps).await;
        }
        let mut connection = self.app.database().pool().acquire().await.map_err(|e| failed("read", e))?;
        let sql = &mut *connection;
        let plain = |kind, id: &str, name: &str| LineageNode {
            id: id.to_owned(),
            kind,
            name: name.to_owned(),
            details: json!({}),
        };
        let (node, beside) = match kind {
            "run" => match run(sql, name).await? {
                Some(node) => (node, beside_run(sql, name).await?),
                None => return Ok(Vec::new()),
            },
            "snapshot" => match snapshot(sql, name).await? {
                Some((node, uri, made_by)) => {
                    let mut beside = beside_snapshot(sql, name).await?;
                    beside.push(LineageEdge { from: id.to_owned(), to: format!("table:{}", node.name) });
                    beside.extend(made_by.map(|run| LineageEdge { from: format!("run:{run}"), to: id.to_owned() }));
                    if uri.starts_with(IN_LAKE) {
                        beside.push(LineageEdge { from: node_at(&uri), to: id.to_owned() });
                    }
                    (node, beside)
                }
                None => return Ok(Vec::new()),
            },
            "table" => {
                let beside = beside_table(sql, name).await?;
                if beside.is_empty() && !has_table(sql, name).await? {
                    return Ok(Vec::new());
                }
                (plain(NodeKind::Table, id, name), beside)
            }
            "data" => {
                let beside = beside_uri(sql, name).await?;
                // Nobody knows of it but those who read and wrote it.
                if beside.is_empty() && self.nodes.is_empty() {
                    return Ok(Vec::new());
                }
                (plain(NodeKind::Data, id, name), beside)
            }
            _ => return Err(no_node(id)),
        };
        self.nodes.push(node);
        Ok(beside)
    }

    /// Adds a file or a call of the lake with what is around it there, as far as the steps go: what runs have to do with these files.
    async fn visit_lake(&mut self, name: &str, steps: usize) -> Reply<Vec<LineageEdge>> {
        let (lake, of) = (self.app.lake().clone(), name.to_owned());
        let found = tokio::task::spawn_blocking(move || in_lake(&lake, &of, steps)).await;
        let graph = match found.map_err(|e| Problem::internal(&e))? {
            Ok(graph) => graph,
            // A run may have said the name of what is not there any more.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidInput) => {
                let beside = self.beside_file(name).await?;
                if !beside.is_empty() {
                    let id = format!("lake:{name}");
                    let details = json!({"is_there": false});
                    self.nodes.push(LineageNode { id, kind: NodeKind::File, name: name.to_owned(), details });
                }
                return Ok(beside);
            }
            Err(error) => return Err(error.into()),
        };
        self.has_more |= graph.more_above || graph.left_out > 0;
        let ids: Vec<String> = graph.nodes.iter().map(|node| format!("lake:{}", node.address)).collect();
        let mut beside = Vec::new();
        for (node, id) in graph.nodes.iter().zip(&ids) {
            let is_new = self.known.insert(id.clone());
            if (is_new || *id == format!("lake:{name}")) && !self.nodes.iter().any(|known| known.id == *id) {
                self.nodes.extend(shown(node, id));
                beside.extend(self.beside_file(&node.address).await?);
            }
        }
        let inner = graph
            .edges
            .iter()
            .filter_map(|edge| Some(LineageEdge { from: ids.get(edge.from)?.clone(), to: ids.get(edge.to)?.clone() }));
        self.edges.extend(inner);
        Ok(beside)
    }

    async fn beside_file(&self, name: &str) -> Reply<Vec<LineageEdge>> {
        let mut connection = self.app.database().pool().acquire().await.map_err(|e| failed("read", e))?;
        Ok(beside_uri(&mut connection, &format!("{IN_LAKE}{name}")).await?)
    }
}

fn no_node(id: &str) -> Problem {
    let shown: String = id.chars().take(80).flat_map(char::escape_debug).collect();
    let message = format!("`{shown}` names no node: it begins with `run:`, `table:`, `snapshot:`, `data:` or `lake:`");
    Problem::bad_request(message).of_field("node")
}

fn in_lake(lake: &Lake, of: &str, steps: usize) -> datlake::Result<LineageGraph> {
    let mut notes = Vec::new();
    let mut latest = |creator: &str, count| datlake_index::latest_calls(lake, creator, count, &mut notes);
    lake.lineage_graph_by(of, steps, steps, CALLS, &mut latest)
}

fn shown(node: &GraphNode, id: &str) -> Option<LineageNode> {
    let (kind, details) = match &node.item {
        GraphItem::File(file) => {
            (NodeKind::File, json!({"digest": file.digest, "size_bytes": file.size, "created_at": file.created_at}))
        }
        GraphItem::Call(call) => {
            let started = call.details.as_ref().map(|details| details.started_at.clone());
            (NodeKind::Call, json!({"creator": call.creator, "key": call.key, "started_at": started}))
        }
        _ => return None,
    };
    Some(LineageNode { id: id.to_owned(), kind, name: node.name.clone(), details })
}
