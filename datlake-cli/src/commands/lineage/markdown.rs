//! How a file was made, on one page of Markdown: for a paper's appendix, a ticket, or a wiki.

use std::fmt::Write as _;

use datlake::lineage::CodeState;
use datlake::report::{CallCode, CallDetails, GraphCall, GraphFile, GraphItem, GraphNode, LineageGraph};

use super::drawing::Drawing;
use super::mermaid;
use crate::text::{bytes, count, duration, escape, parameter, time};

pub(super) fn text(graph: &LineageGraph) -> String {
    let page = Page { graph };
    let names: Vec<String> = graph.asked.iter().map(|at| code(&graph.nodes[*at].name)).collect();
    let mut text = match names.is_empty() {
        true => "# The pipeline as a whole\n".to_owned(),
        false => format!("# How {} came to be\n", names.join(", ")),
    };
    for at in &graph.asked {
        text.push_str(&page.asked(*at));
    }
    let _ = write!(text, "\n## In a picture\n\n```mermaid\n{}```\n", mermaid::text(&Drawing::of(graph, false)));
    text.push_str(&page.creators());
    text.push_str(&page.steps());
    text.push_str(&page.sources());
    text.push_str(&page.left_out());
    text
}

struct Page<'a> {
    graph: &'a LineageGraph,
}

impl Page<'_> {
    fn asked(&self, at: usize) -> String {
        let (node, mut text) = (&self.graph.nodes[at], String::new());
        match &node.item {
            GraphItem::File(file) => {
                let _ = writeln!(text, "\n{}: {}, BLAKE3 `{}`.", code(&node.address), size(file), file.digest);
                let maker = self.before(at).find_map(|(at, _)| details(&self.graph.nodes[at]));
                let _ = writeln!(text, "\nCite as: {}", citation(node, file, maker));
            }
            GraphItem::Call(call) => {
                let _ = writeln!(text, "\nWhat {} returned.", code(&format!("{}/{}", call.creator, call.key.short())));
            }
            GraphItem::Creator(_) | GraphItem::Folder(_) => {}
        }
        text
    }

    /// What leads to a node, with the arguments.
    fn before(&self, to: usize) -> impl Iterator<Item = (usize, &[String])> {
        self.graph.edges.iter().filter(move |edge| edge.to == to).map(|edge| (edge.from, &*edge.arguments))
    }

    fn after(&self, from: usize) -> impl Iterator<Item = usize> {
        self.graph.edges.iter().filter(move |edge| edge.from == from).map(|edge| edge.to)
    }

    /// Of a pipeline.
    fn creators(&self) -> String {
        let mut text = String::new();
        for node in &self.graph.nodes {
            if let GraphItem::Creator(creator) = &node.item {
                let (calls, files, spent) =
                    (count(creator.calls, "call"), count(creator.files, "file"), creator.spent_ms);
                let (name, last) = (code(&node.address), time(&creator.last_at));
                let _ = writeln!(text, "- {name}: {calls}, {files}, {} in all, the last {last}", duration(spent));
            }
        }
        if text.is_empty() { text } else { format!("\n## Creators\n\n{text}") }
    }

    /// The calls, the first that ran first.
    fn steps(&self) -> String {
        let mut calls: Vec<(usize, &GraphCall)> = Vec::new();
        for (at, node) in self.graph.nodes.iter().enumerate() {
            if let GraphItem::Call(call) = &node.item {
                calls.push((at, call));
            }
        }
        calls.sort_by_key(|(at, call)| (call.details.as_ref().map(|details| details.started_at.clone()), *at));
        let mut text = if calls.is_empty() { String::new() } else { "\n## Steps\n".to_owned() };
        for (number, (at, call)) in calls.into_iter().enumerate() {
            let _ = writeln!(text, "\n### {}. {}\n", number + 1, code(&self.graph.nodes[at].name));
            let _ = writeln!(text, "- Call: {}", code(&format!("@{}/{}", call.creator, call.key)));
            match &call.details {
                Some(details) => step(details, &mut text),
                None => text.push_str("- The lake has no record of it any more.\n"),
            }
            let given: Vec<String> = self.before(at).map(|(from, arguments)| self.given(from, arguments)).collect();
            let made: Vec<String> = self.after(at).map(|to| self.made(to)).collect();
            for (what, all) in [("Given", given), ("Made", made)] {
                if !all.is_empty() {
                    let _ = writeln!(text, "- {what}: {}", all.join("; "));
                }
            }
        }
        text
    }

    fn given(&self, from: usize, arguments: &[String]) -> String {
        let node = &self.graph.nodes[from];
        let name = match node.item {
            GraphItem::Call(_) => format!("what {} returned", code(&node.name)),
            _ => code(&node.address),
        };
        match arguments.is_empty() {
            true => name,
            false => format!("{name} as {}", arguments.iter().map(|one| code(one)).collect::<Vec<_>>().join(", ")),
        }
    }

    fn made(&self, to: usize) -> String {
        let node = &self.graph.nodes[to];
        match &node.item {
            GraphItem::File(file) => format!("{} ({}, BLAKE3 `{}`)", code(&node.address), size(file), file.digest),
            _ => format!("a value for {}", code(&node.name)),
        }
    }

    /// Files that no call made.
    fn sources(&self) -> String {
        let mut text = String::new();
        for (at, node) in self.graph.nodes.iter().enumerate() {
            if let GraphItem::File(file) = &node.item
                && self.before(at).next().is_none()
            {
                let added = match (&file.created_at, &file.originator) {
                    (Some(at), Some(by)) => format!("added {} by {}", time(at), plain(by)),
                    _ => "the lake does not know when".to_owned(),
                };
                let _ = writeln!(text, "- {}: {}, {added}, BLAKE3 `{}`", code(&node.address), size(file), file.digest);
            }
        }
        if text.is_empty() { text } else { format!("\n## What it began with\n\n{text}") }
    }

    fn left_out(&self) -> String {
        let mut all: Vec<String> = Vec::new();
        if self.graph.more_above {
            all.push("There is more above, which was not looked at: a larger `--up` shows it.".to_owned());
        }
        if self.graph.left_out > 0 {
            all.push(format!("{} below were not looked at.", count(self.graph.left_out, "call")));
        }
        let damaged = self.graph.damaged.iter();
        all.extend(damaged.map(|one| format!("{} cannot be read: {}", code(&one.what), plain(&one.error))));
        let lines: String = all.iter().map(|line| format!("- {line}\n")).collect();
        if lines.is_empty() { lines } else { format!("\n## Left out\n\n{lines}") }
    }
}

fn step(details: &CallDetails, text: &mut String) {
    let CallDetails { started_at, duration_ms, originator, host, code: of, .. } = details;
    let (when, took) = (time(started_at), duration(*duration_ms));
    let _ = writeln!(text, "- Ran {when} for {took}, by {} on {}", plain(originator), plain(host));
    let place = match &of.permalink {
        Some(link) => format!("<{}>", link.replace(['<', '>', ' ', '\n'], "")),
        None => code(&format!("{}:{}", of.file, of.line)),
    };
    let commit = commit(of).map_or(String::new(), |commit| format!(", {commit}"));
    let (package, version, hash) = (plain(&of.package), plain(&of.package_version), &of.hash);
    let _ = writeln!(text, "- Code: {package} {version}, {place}{commit}, hash `{hash}`");
    let given = details.generics.iter().map(|(name, value)| format!("{name} = {value}"));
    let given: Vec<String> = given.chain(details.params.iter().map(parameter)).map(|one| code(&one)).collect();
    if !given.is_empty() {
        let _ = writeln!(text, "- Parameters: {}", given.join(", "));
    }
    if !details.unknown.is_empty() {
        let names: Vec<String> = details.unknown.iter().map(|name| code(name)).collect();
        let _ = writeln!(text, "- Of no known call: {}", names.join(", "));
    }
}

fn details(node: &GraphNode) -> Option<&CallDetails> {
    match &node.item {
        GraphItem::Call(call) => call.details.as_ref(),
        _ => None,
    }
}

/// Whose, when, what, by which code: all that tells it from anything else.
fn citation(node: &GraphNode, file: &GraphFile, maker: Option<&CallDetails>) -> String {
    let who = file.originator.as_deref().map_or("Unknown".into(), plain);
    let year = file.created_at.as_deref().and_then(|at| at.get(..4)).unwrap_or("no date");
    let made = maker.map_or(String::new(), |details| {
        let of = &details.code;
        let commit = commit(of).map_or(String::new(), |commit| format!(", {commit}"));
        format!(" Made by {} {}{commit}.", plain(&of.package), plain(&of.package_version))
    });
    format!("{who} ({year}). {} [data set].{made} BLAKE3 {}.", code(&node.address), file.digest)
}

/// What is known of the commit that has the code, or has not.
fn commit(of: &CallCode) -> Option<String> {
    let commit = of.commit.as_deref().map(|commit| code(commit.get(..12).unwrap_or(commit)))?;
    match of.state {
        CodeState::Committed => Some(format!("commit {commit}")),
        CodeState::Uncommitted | CodeState::Unknown => Some(format!("edited since commit {commit}")),
    }
}

fn size(file: &GraphFile) -> String {
    if file.tree { "a tree".to_owned() } else { bytes(file.size) }
}

/// Text in a line, where some characters mean something to Markdown.
fn plain(text: &str) -> String {
    let special = |c: char| "\\`*_[]<>#|~&!".contains(c);
    escape(text).chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}

/// A span of code: nothing means anything in it but a run of as many backticks.
fn code(text: &str) -> String {
    let text = escape(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    match text.starts_with('`') || text.ends_with('`') || text.is_empty() {
        true => format!("{fence} {text} {fence}"),
        false => format!("{fence}{text}{fence}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{code, plain};

    #[test]
    fn names_are_text() {
        assert_eq!(code("a.txt"), "`a.txt`");
        assert_eq!(code("a`b``c"), "```a`b``c```");
        assert_eq!(code("`a"), "`` `a ``");
        assert!(!code("a\nb").contains('\n'));
        assert_eq!(plain("<b>*x*</b>"), "\\<b\\>\\*x\\*\\</b\\>");
    }
}
