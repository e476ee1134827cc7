//! What of a lake's lineage is shown, and how.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::text::escape;

/// What of a lake's lineage is shown, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct LineageHow {
    /// The file, the call, as @CREATOR/KEY, or the creator, for its latest calls
    #[arg(value_name = "UID|CALL|CREATOR", required_unless_present_any = ["pipeline", "up", "down"])]
    asked: Option<String>,
    /// Only what it was made from; with a number, so many calls up
    #[arg(long, num_args = 0..=1, value_name = "N")]
    up: Option<Option<String>>,
    /// Only what was made from it; with a number, so many calls down
    #[arg(long, num_args = 0..=1, value_name = "N")]
    down: Option<Option<String>>,
    /// How many calls to go up and down, where --up and --down do not say it
    #[arg(short, long, default_value_t = 100, value_name = "N")]
    depth: usize,
    /// How many calls to look at each way
    #[arg(short = 'n', long, default_value_t = 1000, value_name = "N")]
    limit: usize,
    /// The pipeline as a whole: its creators, how often they ran and how long that took
    #[arg(long, conflicts_with_all = ["asked", "up", "down"])]
    pub(crate) pipeline: bool,
    /// The format; else the ending of FILE says it
    #[arg(long, value_enum)]
    format: Option<GraphFormat>,
    /// The license of what ro-crate writes: a URL, or in words
    #[arg(long, value_name = "LICENSE")]
    pub(crate) license: Option<String>,
    /// What tells this lake's names from those of others, in openlineage and prov; else its remote, or where it is
    #[arg(long, value_name = "URI")]
    pub(crate) namespace: Option<String>,
    /// With the beginning of files and the code that ran, for html and json; html has them unless this is `false`
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    contents: Option<bool>,
    /// Write it to FILE; of ro-crate, to a folder that is made
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// What a graph is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    /// Trees, for a terminal
    Text,
    /// For Graphviz
    Dot,
    /// For Markdown
    Mermaid,
    /// A page of Markdown: how a file came to be, step by step, with how to cite it
    Markdown,
    /// A picture
    Svg,
    /// A page to look around in, which needs nothing else
    Html,
    /// The graph as data
    Json,
    /// Events of OpenLineage, one a line
    Openlineage,
    /// W3C PROV-JSON
    Prov,
    /// A folder to publish: files, code and how they were made, as an RO-Crate (Process Run Crate)
    RoCrate,
}

/// How far to go from what was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LineageReach {
    pub(crate) asked: String,
    /// In calls; `None` where that way was not asked for.
    pub(crate) up: Option<usize>,
    pub(crate) down: Option<usize>,
    /// In calls, each way.
    pub(crate) limit: usize,
}

impl LineageHow {
    /// What was asked for, and how far to go.
    pub(crate) fn reach(&self) -> Result<LineageReach, String> {
        let mut asked = self.asked.clone();
        let up = hops("--up", self.up.as_ref(), &mut asked)?;
        let down = hops("--down", self.down.as_ref(), &mut asked)?;
        let or_depth = |hops: Option<usize>| Some(hops.unwrap_or(self.depth));
        let (up, down) = match (up, down) {
            (None, None) => (Some(self.depth), Some(self.depth)),
            (Some(None), Some(None)) => return Err("leave out --up and --down to see both ways".to_owned()),
            (up, down) => (up.and_then(or_depth), down.and_then(or_depth)),
        };
        let asked = asked.ok_or("name a file, a call or a creator, or ask for the whole with --pipeline")?;
        Ok(LineageReach { asked, up, down, limit: self.limit })
    }

    pub(crate) fn format(&self) -> Result<GraphFormat, String> {
        if let Some(format) = self.format {
            return Ok(format);
        }
        let ending = self.output.as_ref().and_then(|file| file.extension()).map(|ending| ending.to_string_lossy());
        match ending.as_deref() {
            None | Some("txt" | "text") => Ok(GraphFormat::Text),
            Some("dot" | "gv") => Ok(GraphFormat::Dot),
            Some("mmd" | "mermaid") => Ok(GraphFormat::Mermaid),
            Some("md" | "markdown") => Ok(GraphFormat::Markdown),
            Some("svg") => Ok(GraphFormat::Svg),
            Some("html" | "htm") => Ok(GraphFormat::Html),
            Some("json") => Ok(GraphFormat::Json),
            Some("jsonl" | "ndjson") => Ok(GraphFormat::Openlineage),
            Some("provjson") => Ok(GraphFormat::Prov),
            Some(other) => Err(format!(
                "`.{}` says no format: end it in .html, .svg, .dot, .mmd, .md, .json, .jsonl or .txt, or give --format",
                escape(other)
            )),
        }
    }

    /// Whether the graph has what is in files, and the code that ran.
    pub(crate) fn has_contents(&self, format: GraphFormat, json: bool) -> Result<bool, &'static str> {
        let can = json || matches!(format, GraphFormat::Html | GraphFormat::Json);
        match self.contents {
            Some(true) if !can => Err("only html and json have room for --contents"),
            wanted => Ok(wanted.unwrap_or(format == GraphFormat::Html)),
        }
    }

    /// Whether anything but text was asked for by `--format`.
    pub(crate) fn is_formatted(&self) -> bool {
        self.format.is_some_and(|format| format != GraphFormat::Json) || self.output.is_some()
    }
}

/// A number behind a flag that needs none: what is no number is what was asked for.
fn hops(
    flag: &str,
    given: Option<&Option<String>>,
    asked: &mut Option<String>,
) -> Result<Option<Option<usize>>, String> {
    let Some(value) = given else { return Ok(None) };
    let Some(text) = value else { return Ok(Some(None)) };
    match (text.parse(), &asked) {
        (Ok(hops), _) => Ok(Some(Some(hops))),
        (Err(_), None) => {
            *asked = Some(text.clone());
            Ok(Some(None))
        }
        (Err(_), Some(_)) => Err(format!("{flag} takes a number of calls, and `{text}` is none")),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        how: LineageHow,
    }

    fn reach(words: &[&str]) -> Result<(String, Option<usize>, Option<usize>), String> {
        let line = Line::try_parse_from([&["lineage"], words].concat()).map_err(|error| error.to_string())?;
        line.how.reach().map(|reach| (reach.asked, reach.up, reach.down))
    }

    #[test]
    fn a_way_is_asked_for_with_and_without_a_number() {
        let is = |words: &[&str], up, down| assert_eq!(reach(words), Ok(("a.txt".to_owned(), up, down)), "{words:?}");
        is(&["a.txt"], Some(100), Some(100));
        is(&["--up", "a.txt"], Some(100), None);
        is(&["a.txt", "--down"], None, Some(100));
        is(&["--down", "3", "a.txt"], None, Some(3));
        is(&["a.txt", "--up", "2", "--down", "0"], Some(2), Some(0));
        is(&["--depth", "7", "--up", "a.txt", "--down", "1"], Some(7), Some(1));
        for wrong in [&[][..], &["--up"], &["a.txt", "--up", "--down"], &["a.txt", "--up", "b.txt"], &["--up", "3"]] {
            assert!(reach(wrong).is_err(), "{wrong:?}");
        }
    }
}
