//! A drawing as a picture: for a README, light and dark. It holds no script and refers to nothing.

use std::fmt::Write as _;

use super::drawing::{BoxKind, Drawing, DrawnBox};
use super::layout::{self, Size};
use crate::text::width;

/// Units of a column of text, of a box's height and of its margins.
const COLUMN: f64 = 6.9;
const HEIGHT: f64 = 46.0;
const PADDING: f64 = 14.0;
const MARGIN: f64 = 16.0;
const NOTE: f64 = 20.0;

const STYLE: &str = "\
.b{fill:#f8fafc;stroke:#94a3b8}.c{fill:#e0ecff;stroke:#5b8def}.d{fill:#fef6e0;stroke:#d3a53b}.g{fill:none;stroke:#94a3b8;stroke-dasharray:4}
.q{stroke-width:2.5}.t{fill:#0f172a;font-weight:600}.l,.n,.a{fill:#475569}.a{font-size:10px}.e{fill:none;stroke:#94a3b8}.h{fill:#94a3b8}
text{font-family:system-ui,-apple-system,\"Segoe UI\",sans-serif;font-size:12px;text-anchor:middle}
@media(prefers-color-scheme:dark){.b{fill:#1e293b;stroke:#64748b}.c{fill:#1e3a5f;stroke:#5b8def}.d{fill:#3a2f12;stroke:#d3a53b}
.t{fill:#f1f5f9}.l,.n,.a{fill:#cbd5e1}}";

pub(super) fn text(drawing: &Drawing) -> String {
    let sizes: Vec<Size> = drawing.boxes.iter().map(size).collect();
    let edges: Vec<(usize, usize)> = drawing.arrows.iter().map(|arrow| (arrow.from, arrow.to)).collect();
    let layout = layout::place(&sizes, &edges);
    let note_width = drawing.notes.iter().map(|note| width(note) as f64 * COLUMN).fold(0.0, f64::max);
    let wide = layout.width.max(note_width) + 2.0 * MARGIN;
    // What leads back passes below the boxes.
    let lowest = layout.paths.iter().flatten().map(|(_, y)| *y).fold(layout.height, f64::max);
    let high = lowest + 2.0 * MARGIN + NOTE * drawing.notes.len() as f64;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {wide:.0} {high:.0}\" width=\"{wide:.0}\" height=\"{high:.0}\" \
         role=\"img\" aria-label=\"lineage\">\n<style>{STYLE}</style>\n<g transform=\"translate({MARGIN} {MARGIN})\">\n"
    );
    for (arrow, path) in drawing.arrows.iter().zip(&layout.paths) {
        edge(&mut text, path, &arrow.label);
    }
    for ((one, size), (x, y)) in drawing.boxes.iter().zip(&sizes).zip(&layout.centres) {
        node(&mut text, one, *size, *x, *y);
    }
    for (at, note) in drawing.notes.iter().enumerate() {
        let y = lowest + NOTE * (at + 1) as f64;
        let _ = writeln!(
            text,
            "<text class=\"n\" x=\"0\" y=\"{y:.0}\" style=\"text-anchor:start\">{}</text>",
            quoted(note)
        );
    }
    text + "</g>\n</svg>\n"
}

fn size(one: &DrawnBox) -> Size {
    let columns = width(&one.title).max(width(&one.line)).max(8);
    Size { width: columns as f64 * COLUMN + 2.0 * PADDING, height: HEIGHT }
}

fn node(text: &mut String, one: &DrawnBox, size: Size, x: f64, y: f64) {
    let class = match one.kind {
        BoxKind::File => "b",
        BoxKind::Call => "c",
        BoxKind::Folder => "d",
        BoxKind::Gone => "g",
    };
    let asked = if one.is_asked { " q" } else { "" };
    let round = if one.kind == BoxKind::Call { 14 } else { 4 };
    let (left, top) = (x - size.width / 2.0, y - size.height / 2.0);
    let _ = write!(text, "<g><title>{}</title>", quoted(&one.hint));
    for shift in if one.is_many { &[4.0, 0.0][..] } else { &[0.0] } {
        let _ = write!(
            text,
            "<rect class=\"{class}{asked}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"{round}\"/>",
            left + shift,
            top + shift,
            size.width,
            size.height
        );
    }
    let _ = writeln!(
        text,
        "<text class=\"t\" x=\"{x:.1}\" y=\"{:.1}\">{}</text><text class=\"l\" x=\"{x:.1}\" y=\"{:.1}\">{}</text></g>",
        y - 3.0,
        quoted(&one.title),
        y + 14.0,
        quoted(&one.line)
    );
}

fn edge(text: &mut String, path: &[(f64, f64)], label: &str) {
    let [(x, y), .., (end_x, end_y)] = path else { return };
    let _ = write!(text, "<path class=\"e\" d=\"M{x:.1} {y:.1}");
    for step in path.windows(2) {
        let [(x1, y1), (x2, y2)] = step else { continue };
        let middle = f64::midpoint(*x1, *x2);
        let _ = write!(text, "C{middle:.1} {y1:.1} {middle:.1} {y2:.1} {x2:.1} {y2:.1}");
    }
    let (back, top, bottom) = (end_x - 7.0, end_y - 3.5, end_y + 3.5);
    let _ = writeln!(
        text,
        "\"/><path class=\"h\" d=\"M{end_x:.1} {end_y:.1}L{back:.1} {top:.1}L{back:.1} {bottom:.1}Z\"/>"
    );
    if !label.is_empty() {
        let (x, y) = (f64::midpoint(*x, *end_x), f64::midpoint(*y, *end_y) - 4.0);
        let _ = writeln!(text, "<text class=\"a\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", quoted(label));
    }
}

/// Text of XML. Control characters are gone already; two more characters are none of XML.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => quoted.push_str("&amp;"),
            '<' => quoted.push_str("&lt;"),
            '>' => quoted.push_str("&gt;"),
            '"' => quoted.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => quoted.push('\u{fffd}'),
            c => quoted.push(c),
        }
    }
    quoted
}
