//! A drawing for Graphviz.

use std::fmt::Write as _;

use super::drawing::{BoxKind, Drawing};

pub(super) fn text(drawing: &Drawing) -> String {
    let mut text = "digraph lineage {\n  rankdir=LR;\n  node [fontname=\"sans-serif\", fontsize=11];\n  edge [fontname=\"sans-serif\", fontsize=9];\n"
        .to_owned();
    for (at, one) in drawing.boxes.iter().enumerate() {
        let shape = match one.kind {
            BoxKind::File | BoxKind::Gone => "note",
            BoxKind::Call => "box",
            BoxKind::Folder => "folder",
        };
        let style = match one.kind {
            BoxKind::Gone => "dashed",
            BoxKind::Call => "rounded,filled",
            _ if one.is_many => "filled,bold",
            _ => "filled",
        };
        let (fill, pen) = match one.kind {
            BoxKind::Call => ("#dbeafe", if one.is_asked { 3 } else { 1 }),
            _ => ("#f8fafc", if one.is_asked { 3 } else { 1 }),
        };
        // A line break is `\n` in a label.
        let label = format!("{}\\n{}", quoted(&one.title), quoted(&one.line));
        let _ = writeln!(
            text,
            "  n{at} [label=\"{label}\", tooltip=\"{}\", shape={shape}, style=\"{style}\", fillcolor=\"{fill}\", penwidth={pen}];",
            quoted(&one.hint)
        );
    }
    for arrow in &drawing.arrows {
        let _ = writeln!(text, "  n{} -> n{} [label=\"{}\"];", arrow.from, arrow.to, quoted(&arrow.label));
    }
    for (at, note) in drawing.notes.iter().enumerate() {
        let _ = writeln!(text, "  note{at} [label=\"{}\", shape=plaintext];", quoted(note));
    }
    text + "}\n"
}

/// In a quoted string, quotes and backslashes are special, and in labels also what looks like an entity of HTML.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
