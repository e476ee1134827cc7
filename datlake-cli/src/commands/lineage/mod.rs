//! `datlake lineage`: what a file was made from, and what was made from it, as trees and as pictures.

mod dot;
mod drawing;
mod layout;
mod mermaid;
mod neighbours;
mod svg;
mod text;

use std::io::Write as _;
use std::path::PathBuf;

use datlake::Lake;
use datlake::report::{Damage, LineageGraph};
use serde::{Serialize, Serializer};

use super::get::write_new;
use crate::answer::{Answer, Page};
use crate::args::{GraphFormat, LineageHow, LineageReach};
use crate::failure::refused;
use drawing::Drawing;
pub(super) use text::replacement;

/// A graph, and as what it is shown.
#[derive(Debug)]
struct Shown {
    graph: LineageGraph,
    format: GraphFormat,
    /// Which ways were asked for; of a pipeline neither.
    ways: text::Ways,
}

pub(super) fn run(lake: &Lake, how: &LineageHow, json: bool) -> anyhow::Result<Box<dyn Answer>> {
    if json && how.is_formatted() {
        return Err(refused("--json writes JSON to standard output: leave out --json, or --format and --output").into());
    }
    let format = how.format().map_err(refused)?;
    let (graph, ways) = match how.pipeline {
        true => (lake.pipeline_graph()?, text::Ways { up: false, down: false }),
        false => {
            let LineageReach { asked, up, down, limit } = how.reach().map_err(refused)?;
            let graph = lake.lineage_graph(&asked, up.unwrap_or(0), down.unwrap_or(0), limit)?;
            (graph, text::Ways { up: up.is_some(), down: down.is_some() })
        }
    };
    let shown = Shown { graph, format, ways };
    match &how.output {
        None => Ok(Box::new(shown)),
        Some(file) => {
            let page = Page { columns: 100, limit: None, verbose: false };
            let text = anstream::adapter::strip_str(&shown.text(&page)).to_string();
            write_new(file, true, false, |to| Ok(to.write_all(text.as_bytes())?))?;
            Ok(Box::new(Written { file: file.clone(), nodes: shown.graph.nodes.len(), damaged: shown.graph.damaged }))
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
            GraphFormat::Svg => svg::text(&drawing()),
            GraphFormat::Json => serde_json::to_string_pretty(&self.graph).unwrap_or_default() + "\n",
        }
    }

    fn damaged(&self) -> &[Damage] {
        &self.graph.damaged
    }
}

/// A file that was written.
#[derive(Debug, Serialize)]
struct Written {
    file: PathBuf,
    nodes: usize,
    #[serde(skip)]
    damaged: Vec<Damage>,
}

impl Answer for Written {
    fn text(&self, _: &Page) -> String {
        let name = self.file.display().to_string();
        format!("wrote {}: {}\n", crate::text::escape(&name), crate::text::count(self.nodes as u64, "node"))
    }

    fn damaged(&self) -> &[Damage] {
        &self.damaged
    }
}
