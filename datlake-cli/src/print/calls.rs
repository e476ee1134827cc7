//! Calls, one paragraph for each.

use datlake::report::{CallRow, OutputRow};
use owo_colors::OwoColorize as _;

use super::text::{bytes, clean, duration, fill, parameter, short, time};

pub(super) fn text(calls: &[CallRow], columns: usize) -> String {
    let mut text = String::new();
    for call in calls {
        text.push_str(&format!("{}/{}\n", clean(call.creator.as_str()).bold(), call.key.short().bold()));
        let mut paragraph = |line: &str| {
            for line in fill(&clean(line), columns.saturating_sub(2)) {
                text.push_str(&format!("  {}\n", line.dimmed()));
            }
        };
        let when = time(&call.started_at);
        paragraph(&format!("{when} by {}, took {}", call.originator, duration(call.duration_ms)));
        let params: Vec<_> = call.params.iter().map(parameter).collect();
        if !params.is_empty() {
            paragraph(&params.join(", "));
        }
        for output in &call.outputs {
            paragraph(&format!("→ {}", shown(output)));
        }
    }
    text
}

fn shown(output: &OutputRow) -> String {
    let name = if output.uid.is_chosen() { short(&output.uid) } else { output.name.clone() };
    let what = if output.tree { "tree".to_owned() } else { bytes(output.size) };
    format!("{name} ({what})")
}
