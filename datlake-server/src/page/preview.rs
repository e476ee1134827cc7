//! What is in a file, as far as a person looks at it before they load it down. Nothing is fetched for it that is not on the server's machine.

use datlake::report::{FilePreview, GraphItem, NoPreview};
use maud::{Markup, html};

use super::show::{Said, escape_lines, json, size, table};
use crate::app::App;
use crate::problem::Reply;

/// Rows and columns of a table that are shown.
const ROWS: usize = 50;
const COLUMNS: usize = 30;

/// What is at `address`, as the lineage of it shows it.
pub(super) async fn preview(app: &App, address: &str, name: &str) -> Reply<Markup> {
    let graph = app.lake().lineage_graph_async(address, 0, 0, 1).await?;
    let graph = app.lake().lineage_contents_async(&graph).await?;
    let asked = graph.asked.first().and_then(|at| graph.nodes.get(*at));
    let found = asked.and_then(|node| match &node.item {
        GraphItem::File(file) => file.preview.as_ref(),
        _ => None,
    });
    Ok(match found {
        Some(found) => shown(found, name),
        None => html! { p class="empty" { "There is nothing to show of it." } },
    })
}

fn shown(found: &FilePreview, name: &str) -> Markup {
    match found {
        FilePreview::Text { text, .. } if text.is_empty() => html! { p class="empty" { "Nothing: it is empty." } },
        FilePreview::Text { text, cut } => html! {
            (text_of(text, *cut, name))
            @if *cut { p class="quiet" { "The first " (size(text.len() as u64)) " of it." } }
        },
        FilePreview::Image { media_type, base64 } => html! {
            img class="preview" src={ "data:" (media_type) ";base64," (base64) } alt={ "The picture " (name) };
        },
        FilePreview::Tree { files, more } => {
            let rows =
                files.iter().map(|file| html! { td { (Said(&file.path)) } td class="number" { (size(file.size)) } });
            html! {
                (table("Files of the tree", &["Path", "Size"], rows, "No files."))
                @if *more > 0 { p class="quiet" { "And " (more) " more." } }
            }
        }
        FilePreview::None { why } => html! { p class="empty" { (why_not(*why)) } },
    }
}

/// The beginning of content that has no lineage: what is text is shown.
pub(super) fn start(mut bytes: Vec<u8>, size: u64, name: &str) -> Markup {
    let is_cut = (bytes.len() as u64) < size;
    // Half of a character is none.
    let end = std::str::from_utf8(&bytes).map_or_else(|wrong| wrong.valid_up_to(), str::len);
    let is_text = !bytes.contains(&0) && (end == bytes.len() || is_cut && bytes.len() - end < 4);
    bytes.truncate(end);
    match String::from_utf8(bytes) {
        Ok(text) if is_text => shown(&FilePreview::Text { text, cut: is_cut }, name),
        _ => shown(&FilePreview::None { why: NoPreview::Binary }, name),
    }
}

fn why_not(why: NoPreview) -> &'static str {
    match why {
        NoPreview::Away => "Its content is not on the server's machine yet: loading it down fetches it.",
        NoPreview::Binary => "It is neither text nor a picture.",
        NoPreview::Large => "It is a picture that is too large to be shown here.",
        _ => "Its content cannot be read.",
    }
}

fn text_of(text: &str, is_cut: bool, name: &str) -> Markup {
    let name = name.to_ascii_lowercase();
    let separator = match name.rsplit_once('.').map(|(_, end)| end) {
        Some("csv") => b',',
        Some("tsv") => b'\t',
        Some("json") if !is_cut => {
            return serde_json::from_str(text).map_or_else(|_| plain(text), |value| json(&value));
        }
        _ => return plain(text),
    };
    rows_of(text, is_cut, separator).unwrap_or_else(|| plain(text))
}

fn plain(text: &str) -> Markup {
    html! { pre tabindex="0" { code { (escape_lines(text)) } } }
}

/// The beginning of a table. Where the text is cut, its last row may be.
fn rows_of(text: &str, is_cut: bool, separator: u8) -> Option<Markup> {
    let mut reader =
        csv::ReaderBuilder::new().delimiter(separator).has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut rows: Vec<csv::StringRecord> = reader.records().take(ROWS + 2).collect::<Result<_, _>>().ok()?;
    if is_cut && rows.len() > 1 && rows.len() < ROWS + 2 {
        rows.pop();
    }
    let has_more = rows.len() > ROWS + 1;
    rows.truncate(ROWS + 1);
    let mut rows = rows.iter();
    let heads: Vec<&str> = rows.next()?.iter().take(COLUMNS).collect();
    let rows = rows.map(|row| html! { @for cell in row.iter().take(COLUMNS) { td { (Said(cell)) } } });
    Some(html! {
        (table("The beginning of the table", &heads, rows, "It has no rows."))
        @if has_more { p class="quiet" { "The first " (ROWS) " rows." } }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_text_is_shown_as_what_it_is() {
        let of = |text: &str, cut: bool, name: &str| text_of(text, cut, name).into_string();
        let found = of("a,b\n\"1,<b>\",2\n", false, "x.CSV");
        assert!(found.contains("<th scope=\"col\">a</th>") && found.contains("1,&lt;b&gt;"), "{found}");
        // Half of a row is none.
        assert!(!of("a\n1\n2", true, "x.csv").contains("<bdi>2"));
        assert!(of("{\"a\":1}", false, "x.json").contains("&quot;a&quot;: 1"));
        assert!(of("{\"a\":", false, "x.json").contains("{&quot;a&quot;:"));
        assert!(of("<script>\u{1b}[1m", false, "x.txt").contains("&lt;script&gt;\\u{1b}[1m"));
    }
}
