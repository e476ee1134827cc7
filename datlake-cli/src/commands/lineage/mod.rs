//! `datlake lineage`: what a file was made from, and what was made from it; as trees, as pictures, as a page.

mod dot;
mod drawing;
mod layout;
mod mermaid;
mod neighbours;
mod svg;
mod text;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use datlake::Lake;
use datlake::report::{Damage, LineageGraph};
use serde::{Serialize, Serializer};

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
        return Err(refused("--json writes JSON to standard output: give it or --format and --output").into());
    }
    let (graph, ways) = match how.pipeline {
        true => (lake.pipeline_graph()?, text::Ways { up: false, down: false }),
        false => {
            let LineageReach { asked, up, down, limit } = how.reach().map_err(refused)?;
            let graph = lake.lineage_graph(&asked, up.unwrap_or(0), down.unwrap_or(0), limit)?;
            (graph, text::Ways { up: up.is_some(), down: down.is_some() })
        }
    };
    let shown = Shown { graph, format: how.format(), ways };
    match &how.output {
        None => Ok(Box::new(shown)),
        Some(file) => {
            let page = Page { columns: 100, limit: None, verbose: false };
            write(file, &anstream::adapter::strip_str(&shown.text(&page)).to_string())?;
            Ok(Box::new(Written { file: file.clone(), nodes: shown.graph.nodes.len(), damaged: shown.graph.damaged }))
        }
    }
}

/// Writes a file that appears whole or not at all.
fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let cannot = || format!("cannot write `{}`", file.display());
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut beside = builder.tempfile_in(folder).with_context(cannot)?;
    beside.write_all(text.as_bytes()).with_context(cannot)?;
    beside.persist(file).with_context(cannot)?;
    Ok(())
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
