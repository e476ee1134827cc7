//! `datlake lineage`: what a file was made from, and what was made from it, as trees, pictures and a page.

mod dot;
mod drawing;
mod html;
mod layout;
mod markdown;
mod mermaid;
mod neighbours;
mod prov;
mod ro_crate;
mod svg;
mod text;

use std::io::Write as _;
use std::path::PathBuf;

use datlake::Lake;
use datlake::report::{Damage, LineageGraph};
use serde::{Serialize, Serializer};

use super::get::write_new;
use crate::answer::{Answer, Page, with_notes};
use crate::args::{GraphFormat, LineageHow, LineageReach};
use crate::failure::refused;
use crate::text::{count, escape, files};
use drawing::Drawing;
pub(super) use text::replacement;

/// A graph, and as what it is shown.
#[derive(Debug)]
struct Shown {
    graph: LineageGraph,
    format: GraphFormat,
    /// Which ways were asked for; of a pipeline neither.
    ways: text::Ways,
    /// What distinguishes the names of this lake from those of others.
    namespace: String,
    /// What was wrong with the index.
    notes: Vec<String>,
}

pub(super) fn run(lake: &Lake, how: &LineageHow, json: bool) -> anyhow::Result<Box<dyn Answer>> {
    if json && how.is_formatted() {
        return Err(refused("--json writes JSON to standard output: leave out --json, or --format and --output").into());
    }
    let format = how.format().map_err(refused)?;
    if how.pipeline && matches!(format, GraphFormat::Openlineage | GraphFormat::Prov | GraphFormat::RoCrate) {
        let error = refused("a pipeline as a whole is no record of what ran, as this format is");
        return Err(error.with_hint("name a file, a call or a creator").into());
    }
    let mut notes = Vec::new();
    let mut latest = |creator: &str, count| datlake_index::latest_calls(lake, creator, count, &mut notes);
    let (graph, ways) = match how.pipeline {
        true => (lake.pipeline_graph()?, text::Ways { up: false, down: false }),
        false => {
            let LineageReach { asked, up, down, limit } = how.reach().map_err(refused)?;
            let graph = lake.lineage_graph_by(&asked, up.unwrap_or(0), down.unwrap_or(0), limit, &mut latest)?;
            (graph, text::Ways { up: up.is_some(), down: down.is_some() })
        }
    };
    let graph = if how.has_contents(format, json).map_err(refused)? {
        lake.lineage_contents_by(&graph, &mut latest)?
    } else {
        graph
    };
    notes.dedup();
    let namespace = how.namespace.clone().unwrap_or_else(|| datlake_client::openlineage::namespace(lake));
    let shown = Shown { graph, format, ways, namespace, notes };
    match &how.output {
        None if format == GraphFormat::RoCrate => {
            let error = refused("an RO-Crate is a folder");
            Err(error.with_hint("say which one to make, by -o FOLDER").into())
        }
        Some(folder) if format == GraphFormat::RoCrate => {
            let absent = ro_crate::write(lake, &shown.graph, folder, how.license.as_deref())?;
            Ok(Box::new(Written::of(folder.clone(), shown, absent)))
        }
        None => Ok(Box::new(shown)),
        Some(file) => {
            let page = Page { columns: 100, limit: None, verbose: false };
            let text = match shown.is_for_programs() {
                true => shown.text(&page),
                false => anstream::adapter::strip_str(&shown.text(&page)).to_string(),
            };
            write_new(file, true, false, |to| Ok(to.write_all(text.as_bytes())?))?;
            Ok(Box::new(Written::of(file.clone(), shown, 0)))
        }
    }
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.graph.serialize(to)
    }
}

impl Answer for Shown {
    fn text(&self, page: &Page) -> String {
        let drawing = || Drawing::of(&self.graph, page.verbose);
        match self.format {
            GraphFormat::Text if self.ways.is_of_pipeline() => text::pipeline(&self.graph, page),
            GraphFormat::Text => text::trees(&self.graph, self.ways, page),
            GraphFormat::Dot => dot::text(&drawing()),
            GraphFormat::Mermaid => mermaid::text(&drawing()),
            GraphFormat::Markdown => markdown::text(&self.graph),
            GraphFormat::Svg => svg::text(&drawing()),
            GraphFormat::Html => html::text(&self.graph),
            GraphFormat::Json => serde_json::to_string_pretty(&self.graph).unwrap_or_default() + "\n",
            GraphFormat::Openlineage => datlake_client::openlineage::of_graph(&self.graph, &self.namespace),
            GraphFormat::Prov => prov::text(&self.graph, &self.namespace),
            // Written by itself.
            GraphFormat::RoCrate => String::new(),
        }
    }

    fn is_for_programs(&self) -> bool {
        self.format != GraphFormat::Text
    }

    fn damaged(&self) -> &[Damage] {
        &self.graph.damaged
    }

    fn warnings(&self) -> Vec<String> {
        with_notes(self.damaged(), &self.notes)
    }
}

/// A file that was written.
#[derive(Debug, Serialize)]
struct Written {
    file: PathBuf,
    nodes: usize,
    /// Files that the lake does not have any more, and which are described only.
    absent: u64,
    #[serde(skip)]
    damaged: Vec<Damage>,
    #[serde(skip)]
    notes: Vec<String>,
}

impl Written {
    fn of(file: PathBuf, shown: Shown, absent: u64) -> Self {
        let Shown { graph, notes, .. } = shown;
        Self { file, nodes: graph.nodes.len(), absent, damaged: graph.damaged, notes }
    }
}

impl Answer for Written {
    fn text(&self, _: &Page) -> String {
        let name = self.file.display().to_string();
        let absent = match self.absent {
            0 => String::new(),
            absent => format!(", {} only described: the lake has no such content any more", files(absent)),
        };
        format!("wrote {}: {}{absent}\n", escape(&name), count(self.nodes as u64, "node"))
    }

    fn damaged(&self) -> &[Damage] {
        &self.damaged
    }

    fn warnings(&self) -> Vec<String> {
        with_notes(self.damaged(), &self.notes)
    }
}
