//! Texts, times and tables, escaped by their types.

use datlake::report::{escape_control, human_duration, human_size};
use maud::{Markup, Render, html};
use std::time::Duration;

use super::address::address;

/// What somebody else wrote: no mark in it changes what stands beside it, and a control character is seen.
pub(super) struct Said<'a>(pub(super) &'a str);

impl Render for Said<'_> {
    fn render(&self) -> Markup {
        html! { bdi { (&*escape_control(self.0)) } }
    }
}

/// A time as RFC 3339: to the second, in UTC.
pub(super) struct At<'a>(pub(super) &'a str);

impl Render for At<'_> {
    fn render(&self) -> Markup {
        let shown = self.0.get(..19).map_or_else(|| self.0.to_owned(), |shown| shown.replace('T', " "));
        html! { time datetime=(self.0) title={ (self.0) " (UTC)" } { (shown) } }
    }
}

/// A time in seconds since 1970.
pub(super) fn at_seconds(seconds: i64) -> Markup {
    At(&crate::database::rfc3339(seconds.saturating_mul(1_000_000))).render()
}

/// How long something took from one time to another, or takes: then the page's script counts on.
pub(super) fn took(from: &str, to: Option<&str>) -> Markup {
    let parsed = |at: &str| humantime::parse_rfc3339(at).ok();
    let end = to.map_or_else(|| Some(std::time::SystemTime::now()), parsed);
    let took = end.zip(parsed(from)).and_then(|(end, from)| end.duration_since(from).ok()).unwrap_or_default();
    match to {
        Some(_) => html! { (human_duration(took)) },
        None => html! { span data-since=(from) { (seconds(took)) } },
    }
}

/// As the page's script counts it.
fn seconds(took: Duration) -> String {
    let seconds = took.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// Bytes.
pub(super) fn size(bytes: u64) -> Markup {
    html! { span title={ (bytes) " bytes" } { (human_size(bytes)) } }
}

/// Milliseconds.
pub(super) fn millis(took: u64) -> Markup {
    html! { (human_duration(Duration::from_millis(took))) }
}

/// How something stands, in a word and a colour.
pub(super) fn badge(word: &str) -> Markup {
    let kind = match word {
        "running" | "ready" | "claimed" => "live",
        "succeeded" | "added" | "good" => "good",
        "failed" | "removed" | "breaking" => "bad",
        "lost" | "changed" | "set aside" => "odd",
        _ => "plain",
    };
    html! { span class={ "badge " (kind) } { (word) } }
}

/// A table that scrolls by itself where the window is narrow; what there is to say where it is empty.
pub(super) fn table(name: &str, heads: &[&str], rows: impl IntoIterator<Item = Markup>, empty: &str) -> Markup {
    let rows: Vec<Markup> = rows.into_iter().collect();
    html! {
        @if rows.is_empty() {
            p class="empty" { (empty) }
        } @else {
            div class="scrolls" tabindex="0" role="region" aria-label=(name) {
                table {
                    thead { tr { @for head in heads { th scope="col" { (head) } } } }
                    tbody { @for row in rows { tr { (row) } } }
                }
            }
        }
    }
}

/// The link to what comes behind a page, where there is more.
pub(super) fn more(after: Option<&str>, segments: &[&str], query: &[(&str, &str)]) -> Markup {
    html! {
        @if let Some(after) = after {
            p class="more" {
                a rel="next" href=(address(segments, &[query, &[("after", after)]].concat())) { "The next page" }
            }
        }
    }
}

/// As [`more`], of one of several lists on a page: the word of the query that says where it begins, and what is in it.
pub(super) fn more_of(
    what: &str,
    word: &str,
    after: Option<&str>,
    segments: &[&str],
    query: &[(&str, &str)],
) -> Markup {
    let others = query.iter().filter(|(other, value)| *other != word && !value.is_empty());
    html! {
        @if let Some(after) = after {
            p class="more" {
                a href=(address(segments, &others.copied().chain([(word, after)]).collect::<Vec<_>>())) { "More " (what) }
            }
        }
    }
}

/// What is known of something: a name and a value each.
pub(super) fn facts(facts: &[(&str, Option<Markup>)]) -> Markup {
    html! {
        dl class="facts" {
            @for (name, value) in facts {
                @if let Some(value) = value { div { dt { (name) } dd { (value) } } }
            }
        }
    }
}

/// A part that changes while somebody looks: the page's script puts what is new in its place.
pub(super) fn changing(id: &str, content: Markup) -> Markup {
    html! { div id=(id) data-live { (content) } }
}

/// JSON, for people.
pub(super) fn json(value: &serde_json::Value) -> Markup {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    html! { pre tabindex="0" { code { (&*escape_lines(&text)) } } }
}

/// Text of several lines: each control character but the ends of lines is seen.
pub(super) fn escape_lines(text: &str) -> String {
    let lines: Vec<_> =
        text.split('\n').map(|line| escape_control(line.trim_end_matches('\r')).replace("\\t", "\t")).collect();
    lines.join("\n")
}
