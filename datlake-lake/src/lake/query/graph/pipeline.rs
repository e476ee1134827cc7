//! A pipeline as a whole: its creators, and the folders of names that it reads and writes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use datlake_core::lineage::{Input, Lineage, Output};
use datlake_core::{CodeHash, CreatorName, Error, Result, Uid, UidKind};
use datlake_store::wait;

use super::alike;
use super::draft::NAMED;
use crate::lake::{Lake, refuse_in_body, unless_damaged};
use crate::report::{GraphCreator, GraphEdge, GraphFolder, GraphItem, GraphNode, LineageGraph};

/// Folders that are shown apart on either side of a creator.
const FOLDERS: usize = 6;

impl Lake {
    /// All that the lake's calls are part of, by creator: what each read and made, how often it ran and how long that took. Names
    /// are gathered by folders.
    ///
    /// # Errors
    /// [`ErrorKind::Context`](datlake_core::ErrorKind::Context) in a body; those of reading the stores.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// assert!(lake.pipeline_graph()?.nodes.is_empty());
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn pipeline_graph(&self) -> Result<LineageGraph> {
        refuse_in_body("look at a pipeline")?;
        let mut pipeline = Pipeline::default();
        let mut damaged = Vec::new();
        let mut lineages = Vec::new();
        wait(async {
            self.contact_remote().await?;
            for (creator, key) in self.catalog().calls(None).await? {
                let lineage = self.lineage_of(&creator, &key).await;
                lineages.extend(unless_damaged(lineage, format_args!("{creator}/{key}"), &mut damaged)?.flatten());
            }
            Ok::<(), Error>(())
        })?;
        for lineage in &lineages {
            pipeline.add(lineage);
        }
        for lineage in &lineages {
            pipeline.connect(lineage);
        }
        let mut graph = pipeline.into_graph();
        graph.damaged = damaged;
        alike::mark(&mut graph);
        Ok(graph)
    }
}

/// Files of one folder, each once.
type Files = BTreeMap<Uid, u64>;

#[derive(Default)]
struct Pipeline {
    creators: BTreeMap<CreatorName, (GraphCreator, BTreeSet<CodeHash>)>,
    /// Which creator made a name.
    named: HashMap<Uid, CreatorName>,
    between: BTreeMap<(CreatorName, CreatorName), (u64, BTreeSet<String>)>,
    read: BTreeMap<CreatorName, BTreeMap<String, Files>>,
    written: BTreeMap<CreatorName, BTreeMap<String, Files>>,
}

impl Pipeline {
    fn add(&mut self, lineage: &Lineage) {
        let (row, codes) = self.creators.entry(lineage.creator.clone()).or_insert_with(|| {
            let (first_at, last_at) = (lineage.started_at.clone(), lineage.started_at.clone());
            let creator = lineage.creator.clone();
            let row = GraphCreator { creator, calls: 0, files: 0, spent_ms: 0, first_at, last_at, codes: 0 };
            (row, BTreeSet::new())
        });
        codes.insert(lineage.code.hash);
        (row.calls, row.files) = (row.calls + 1, row.files + lineage.outputs.len() as u64);
        row.spent_ms = row.spent_ms.saturating_add(lineage.duration_ms);
        row.codes = codes.len() as u64;
        row.first_at = row.first_at.clone().min(lineage.started_at.clone());
        row.last_at = row.last_at.clone().max(lineage.started_at.clone());
        let given: BTreeSet<&Uid> = lineage.inputs.iter().filter_map(|input| input.uid.as_ref()).collect();
        for Output { uid, size, .. } in &lineage.outputs {
            // What a call was given and returned, another has made.
            if uid.is_chosen() && !given.contains(uid) {
                self.named.insert(uid.clone(), lineage.creator.clone());
                let folders = self.written.entry(lineage.creator.clone()).or_default();
                folders.entry(folder(uid)).or_default().insert(uid.clone(), *size);
            }
        }
    }

    fn connect(&mut self, lineage: &Lineage) {
        let to = &lineage.creator;
        for Input { argument, uid, size, .. } in &lineage.inputs {
            let Some(uid) = uid else { continue };
            let of = match uid.kind() {
                UidKind::Member { tree, .. } => tree,
                _ => uid.clone(),
            };
            let maker = match of.kind() {
                UidKind::Output { creator, .. } => Some(creator),
                _ => self.named.get(&of).cloned(),
            };
            match maker {
                Some(maker) => self.between(maker, to, argument.as_deref()),
                None => {
                    let folders = self.read.entry(to.clone()).or_default();
                    folders.entry(folder(&of)).or_default().insert(uid.clone(), *size);
                }
            }
        }
        for value in &lineage.values {
            self.between(value.creator.clone(), to, value.argument.as_deref());
        }
    }

    fn between(&mut self, from: CreatorName, to: &CreatorName, argument: Option<&str>) {
        let (count, arguments) = self.between.entry((from, to.clone())).or_default();
        *count += 1;
        arguments.extend(argument.map(str::to_owned));
    }

    fn into_graph(self) -> LineageGraph {
        let mut graph = LineageGraph::default();
        let mut places = HashMap::new();
        for (creator, (row, _)) in self.creators {
            places.insert(creator.clone(), graph.nodes.len());
            let name = creator.function().to_owned();
            push(&mut graph, creator.to_string(), name, GraphItem::Creator(row));
        }
        for ((from, to), (count, arguments)) in self.between {
            // Of a maker whose calls were removed nothing is known.
            if let (Some(from), Some(to)) = (places.get(&from), places.get(&to)) {
                let arguments = arguments.into_iter().take(NAMED).collect();
                graph.edges.push(GraphEdge { from: *from, to: *to, arguments, count });
            }
        }
        let mut folders: BTreeMap<String, (usize, Files)> = BTreeMap::new();
        for (is_read, sides) in [(true, self.read), (false, self.written)] {
            for (creator, side) in sides {
                let place = places[&creator];
                for FolderSide { name, is_rest, files } in few(side) {
                    let way = if is_read { "in" } else { "out" };
                    let address = if is_rest { format!("{way}:{creator}:{name}") } else { format!("{way}:{name}") };
                    let count = files.len() as u64;
                    let (folder, all) = folders.entry(address.clone()).or_insert_with(|| {
                        let item = GraphItem::Folder(GraphFolder { files: 0, bytes: 0 });
                        (push(&mut graph, address, name, item), Files::new())
                    });
                    // Several creators may read the same files.
                    all.extend(files);
                    let (from, to) = if is_read { (*folder, place) } else { (place, *folder) };
                    graph.edges.push(GraphEdge { from, to, arguments: Vec::new(), count });
                }
            }
        }
        for (place, files) in folders.into_values() {
            let bytes = files.values().fold(0, |all: u64, size| all.saturating_add(*size));
            graph.nodes[place].item = GraphItem::Folder(GraphFolder { files: files.len() as u64, bytes });
        }
        graph
    }
}

fn push(graph: &mut LineageGraph, address: String, name: String, item: GraphItem) -> usize {
    graph.nodes.push(GraphNode { address, name, alike: 0, item });
    graph.nodes.len() - 1
}

/// The folder of a name, with a slash at its end; a name in none stands for itself.
fn folder(uid: &Uid) -> String {
    uid.as_str().rsplit_once('/').map_or_else(|| uid.to_string(), |(folder, _)| format!("{folder}/"))
}

/// A folder that a creator reads or writes, or the rest of them.
struct FolderSide {
    name: String,
    is_rest: bool,
    files: Files,
}

/// The folders with the most files; the others are one.
fn few(side: BTreeMap<String, Files>) -> Vec<FolderSide> {
    let mut folders: Vec<_> =
        side.into_iter().map(|(name, files)| FolderSide { name, is_rest: false, files }).collect();
    folders.sort_by(|a, b| b.files.len().cmp(&a.files.len()).then_with(|| a.name.cmp(&b.name)));
    if folders.len() > FOLDERS {
        let rest: Vec<_> = folders.drain(FOLDERS - 1..).collect();
        let name = format!("{} more folders and names", rest.len());
        folders.push(FolderSide { name, is_rest: true, files: rest.into_iter().flat_map(|side| side.files).collect() });
    }
    folders
}
