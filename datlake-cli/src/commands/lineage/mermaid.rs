//! A drawing for Mermaid, which Markdown shows in many places.

use std::fmt::Write as _;

use super::drawing::{BoxKind, Drawing};

pub(super) fn text(drawing: &Drawing) -> String {
    let mut text = "flowchart LR\n".to_owned();
    for (at, one) in drawing.boxes.iter().enumerate() {
        let (open, close) = match one.kind {
            BoxKind::File | BoxKind::Gone => ("[", "]"),
            BoxKind::Call => ("([", "])"),
            BoxKind::Folder => ("[/", "/]"),
        };
        let _ = writeln!(text, "  n{at}{open}\"{}<br/>{}\"{close}", quoted(&one.title), quoted(&one.line));
    }
    for arrow in &drawing.arrows {
        let label = match &*arrow.label {
            "" => String::new(),
            label => format!("|\"{}\"|", quoted(label)),
        };
        let _ = writeln!(text, "  n{} -->{label} n{}", arrow.from, arrow.to);
    }
    let of = |is: &dyn Fn(usize) -> bool| {
        (0..drawing.boxes.len()).filter(|at| is(*at)).map(|at| format!("n{at}")).collect::<Vec<_>>().join(",")
    };
    let asked = of(&|at| drawing.boxes[at].is_asked);
    if !asked.is_empty() {
        let _ = writeln!(text, "  classDef asked stroke-width:3px\n  class {asked} asked");
    }
    let gone = of(&|at| drawing.boxes[at].kind == BoxKind::Gone);
    if !gone.is_empty() {
        let _ = writeln!(text, "  classDef gone stroke-dasharray:4\n  class {gone} gone");
    }
    for (at, note) in drawing.notes.iter().enumerate() {
        let _ = writeln!(text, "  note{at}[\"{}\"]", quoted(note));
    }
    text
}

/// In a quoted string every character may be written by its number, `#35;`; some mean something there, to Mermaid or as Markdown.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || !c.is_ascii() || " ./:,@=()_-".contains(c);
    let mut quoted = String::new();
    for (at, c) in text.chars().enumerate() {
        // `1. ` begins a list.
        let begins_list = c == '.' && at > 0 && text.chars().take(at).all(|before| before.is_ascii_digit());
        match is_plain(c) && !begins_list {
            true => quoted.push(c),
            false => quoted.push_str(&format!("#{};", c as u32)),
        }
    }
    quoted
}
