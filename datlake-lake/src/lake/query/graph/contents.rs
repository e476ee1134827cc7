//! A graph with what is in its files, and the code that its calls ran.

use std::collections::{HashMap, HashSet};

use datlake_core::explain::between;
use datlake_core::lineage::{FileMeta, Lineage};
use datlake_core::{CodeHash, CreatorName, Error, Result};
use datlake_store::wait;

use super::preview;
use crate::file::File;
use crate::lake::query::calls::LatestCalls;
use crate::lake::query::explain::is_of_code;
use crate::lake::{Lake, refuse_in_body};
use crate::report::{
    CodeSince, FilePreview, GraphCall, GraphFile, GraphItem, GraphNode, GraphSources, LineageGraph, NoPreview,
    SourceItem, UpstreamState,
};

/// Files that are looked into.
const PREVIEWS: usize = 200;
/// Bytes of all previews together.
const PREVIEWED: usize = 2 << 20;
/// Codes whose sources are read.
const CODES: usize = 60;
/// Items of one code, and bytes of the source of one item.
const ITEMS: usize = 40;
const ITEM: usize = 16 << 10;

impl Lake {
    /// A [lineage graph](Lake::lineage_graph) with what is in its files and the code that its calls ran, as they were and as they are in
    /// the creator's latest call: what a person looks at who sees the graph. The nearest to what was asked for come first, and of
    /// what is much there is the beginning. Nothing is downloaded but what records name.
    ///
    /// # Errors
    /// [`ErrorKind::Context`](crate::ErrorKind::Context) in a body. What cannot be read is said in its place.
    ///
    /// ```
    /// use datlake::report::{FilePreview, GraphItem};
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_bytes("greetings/en.txt", b"hello")?;
    /// let graph = lake.lineage_contents(&lake.lineage_graph("greetings/en.txt", 1, 1, 1)?)?;
    /// let GraphItem::File(file) = &graph.nodes[0].item else { unreachable!() };
    /// assert_eq!(file.preview, Some(FilePreview::Text { text: "hello".to_owned(), cut: false }));
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn lineage_contents(&self, graph: &LineageGraph) -> Result<LineageGraph> {
        self.lineage_contents_by(graph, &mut |creator, _| self.calls_of_creator(creator))
    }

    /// The same, where somebody else says which calls of a creator are the latest, as for [`lineage_graph_by`](Lake::lineage_graph_by).
    ///
    /// # Errors
    /// As [`lineage_contents`](Self::lineage_contents).
    #[doc(hidden)]
    pub fn lineage_contents_by(&self, graph: &LineageGraph, latest: LatestCalls<'_>) -> Result<LineageGraph> {
        refuse_in_body("look at a file's lineage")?;
        let mut graph = graph.clone();
        self.preview_files(&mut graph.nodes);
        graph.sources = self.codes_of(&graph.nodes, latest);
        Ok(graph)
    }

    fn preview_files(&self, nodes: &mut [GraphNode]) {
        let (mut looked_at, mut bytes) = (0, 0);
        for node in nodes {
            let GraphItem::File(file) = &mut node.item else { continue };
            let Some(content) = self.file_of_node(&node.name, file) else { continue };
            let is_enough = looked_at == PREVIEWS || bytes >= PREVIEWED;
            file.preview = Some(match is_enough {
                true => FilePreview::None { why: NoPreview::LeftOut },
                false => preview::of(&content),
            });
            looked_at += usize::from(!is_enough);
            bytes += match &file.preview {
                Some(FilePreview::Text { text, .. }) => text.len(),
                Some(FilePreview::Image { base64, .. }) => base64.len(),
                _ => 0,
            };
        }
    }

    /// The file of a node, where the lake still has the content that it had.
    fn file_of_node(&self, name: &str, file: &GraphFile) -> Option<File> {
        let GraphFile { uid: Some(uid), digest, size, tree, state, version, .. } = file else { return None };
        let is_there = *state == UpstreamState::Present || version.is_some();
        let meta = FileMeta { uid: uid.clone(), name: name.to_owned(), digest: *digest, size: *size, tree: *tree };
        is_there.then(|| File::known(self, meta))
    }

    /// The sources of each code once, of the first call that ran it.
    fn codes_of(&self, nodes: &[GraphNode], who_knows: LatestCalls<'_>) -> Vec<GraphSources> {
        let (mut found, mut seen) = (Vec::new(), HashSet::new());
        let mut latest: HashMap<CreatorName, Option<Lineage>> = HashMap::new();
        for node in nodes {
            let GraphItem::Call(call) = &node.item else { continue };
            let Some(details) = &call.details else { continue };
            if found.len() < CODES && seen.insert((call.creator.clone(), details.code.hash)) {
                let latest =
                    latest.entry(call.creator.clone()).or_insert_with(|| self.latest_call(&call.creator, who_knows));
                found.push(self.code_of(call, details.code.hash, latest.as_ref()));
            }
        }
        found
    }

    fn code_of(&self, call: &GraphCall, hash: CodeHash, latest: Option<&Lineage>) -> GraphSources {
        let GraphCall { creator, key, .. } = call;
        let mut sources = GraphSources {
            creator: creator.clone(),
            hash,
            items: Vec::new(),
            more: 0,
            notes: Vec::new(),
            partial: None,
            why_not: None,
            since: None,
        };
        match self.call_code(&format!("@{creator}/{key}")) {
            Ok(code) => {
                sources.more = code.items.len().saturating_sub(ITEMS) as u64;
                sources.items = code.items.into_iter().take(ITEMS).map(cut).collect();
                (sources.notes, sources.partial) = (code.notes, code.partial);
            }
            Err(error) => sources.why_not = Some(error.to_string()),
        }
        if let Some(latest) = latest.filter(|latest| latest.code.hash != hash) {
            // Without it the rest is still worth something.
            sources.since = self.code_since(call, latest).ok();
        }
        sources
    }

    fn latest_call(&self, creator: &CreatorName, who_knows: LatestCalls<'_>) -> Option<Lineage> {
        let calls = who_knows(creator.as_str(), 1).ok()?;
        self.latest_of(calls, 1, &mut Vec::new()).ok()?.first()?.lineage().ok()
    }

    fn code_since(&self, call: &GraphCall, latest: &Lineage) -> Result<CodeSince> {
        wait(async {
            let this = self.record_present(&call.creator, &call.key).await?.lineage()?;
            let mut differences = between(&this, latest);
            differences.retain(is_of_code);
            let sources = self.name_items(&mut differences, Some(&this), Some(latest), true).await?;
            Ok::<_, Error>(CodeSince {
                latest: latest.key,
                started_at: latest.started_at.clone(),
                originator: latest.person.email.clone(),
                changes: differences.iter().map(ToString::to_string).collect(),
                sources,
            })
        })
    }
}

/// An item whose source is very long, without its end.
fn cut(mut item: SourceItem) -> SourceItem {
    if let Some(text) = &mut item.text
        && text.len() > ITEM
    {
        text.truncate(text.floor_char_boundary(ITEM));
        text.push_str("…\n");
    }
    item
}
