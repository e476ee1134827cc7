//! Files of the lake: by their names, one by one, and what is in them.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use datlake::report::{CreatedBy, FileInfo, FileRow, PageItem};
use datlake::{ErrorKind, File, Uid, UidKind};
use maud::{Markup, html};
use serde::Deserialize;

use super::address::address;
use super::calls::{call_link, inputs, outputs, parameters};
use super::frame::{Section, Visitor};
use super::guard::PageRoutes;
use super::jobs::ROWS;
use super::preview::preview;
use super::show::{At, Said, facts, more, size, table};
use crate::access::{Caller, Resource};
use crate::app::App;
use crate::datasets::content_of;
use crate::http::{Query, Right};
use crate::problem::{Problem, Reply};

/// So many names are looked through for those that are theirs to see, of who may not read everything.
const LOOKED_THROUGH: usize = 5000;

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    after: String,
}

#[derive(Deserialize)]
struct One {
    #[serde(default)]
    uid: String,
}

pub(super) fn routes(routes: PageRoutes) -> PageRoutes {
    routes.get("/files", Right::Account, folder).get("/file", Right::Account, one).get(
        "/file/content",
        Right::Account,
        content,
    )
}

/// Whether a file is theirs to see: what a call made is for whoever may read everything.
pub(super) fn may_read(caller: &Caller, uid: &Uid) -> bool {
    caller.reads_everything() || (uid.kind() == UidKind::Chosen && caller.sees(&dataset(uid.as_str())))
}

/// A file is content of a bucket, which is the first folder of its name.
fn dataset(name: &str) -> Resource {
    let (bucket, path) = name.split_once('/').unwrap_or((name, ""));
    Resource::dataset(bucket, path)
}

async fn folder(State(app): State<App>, visitor: Visitor, Query(asked): Query<Asked>) -> Reply<Markup> {
    let prefix = asked.prefix.trim_end_matches('/');
    let reads_all = visitor.caller.reads_everything();
    let most = if reads_all { ROWS } else { LOOKED_THROUGH };
    let page = app.lake().folder_page_async(prefix, &asked.after, most).await?;
    let mut seen = page.items.iter().filter_map(|item| Some((item, row(&visitor.caller, prefix, item)?)));
    let (items, rows): (Vec<&PageItem>, Vec<Markup>) = seen.by_ref().take(ROWS).unzip();
    // A name that is not theirs to know stands in no address either.
    let next = match (seen.next(), items.last()) {
        (Some(_), Some(last)) => Some(place_of(last)),
        _ => page.next.clone().filter(|_| reads_all),
    };
    let content = html! {
        h1 { "Files" }
        (way(prefix))
        form class="ask" action="/file" {
            input type="search" name="uid" aria-label="Name of a file" placeholder="name of a file" required;
            button type="submit" { "Show" }
        }
        (table("Files", &["Name", "Size", "Made", "By"], rows, "Nothing that you may see."))
        @if reads_all {
            @for damage in &page.damaged { p class="problem" { (Said(&damage.what)) ": " (Said(&damage.error)) } }
        }
        @if page.next.is_some() && next.is_none() {
            p class="quiet" { "Only the first " (LOOKED_THROUGH) " names were looked through: the name of a file above finds it." }
        }
        (more(next.as_deref(), &["files"], &[("prefix", prefix)]))
    };
    Ok(visitor.page(Section::Files, if prefix.is_empty() { "Files" } else { prefix }, content))
}

/// Where an item stands among the others.
fn place_of(item: &PageItem) -> String {
    match item {
        PageItem::Folder(folder) => format!("{folder}/"),
        PageItem::File(file) => file.uid.to_string(),
    }
}

/// The folders that lead there.
fn way(prefix: &str) -> Markup {
    let ends = prefix.match_indices('/').map(|(at, _)| at).chain([prefix.len()]).filter(|end| *end > 0);
    html! {
        nav class="way" aria-label="Folders" {
            a href="/files" { "All" }
            @for end in ends {
                " / " a href=(address(&["files"], &[("prefix", &prefix[..end])])) {
                    (Said(prefix[..end].rsplit('/').next().unwrap_or_default()))
                }
            }
        }
    }
}

fn row(caller: &Caller, prefix: &str, item: &PageItem) -> Option<Markup> {
    let shown =
        |uid: &Uid| uid.as_str().strip_prefix(prefix).unwrap_or(uid.as_str()).trim_start_matches('/').to_owned();
    match item {
        PageItem::Folder(folder) => {
            let sees = caller.reads_everything() || caller.sees_below("dataset", &format!("{folder}/"));
            sees.then(|| {
                html! {
                    td { a href=(address(&["files"], &[("prefix", folder.as_str())])) { (Said(&shown(folder))) "/" } }
                    td {} td {} td {}
                }
            })
        }
        PageItem::File(file) => may_read(caller, &file.uid).then(|| file_row(file, &shown(&file.uid))),
    }
}

fn file_row(file: &FileRow, shown: &str) -> Markup {
    html! {
        td { a href=(address(&["file"], &[("uid", file.uid.as_str())])) { (Said(if shown.is_empty() { file.uid.as_str() } else { shown })) } }
        td class="number" { (whole_size(file)) }
        td { (At(&file.created_at)) }
        td { (Said(&file.originator)) }
    }
}

fn whole_size(file: &FileRow) -> Markup {
    match &file.contents {
        Some(contents) => html! { (contents.files) " files, " (size(contents.size)) },
        None => size(file.size),
    }
}

/// What there is to know of a file, where it is theirs to know.
///
/// # Errors
/// 404 for what is not there or not theirs.
async fn info_of(app: &App, caller: &Caller, uid: &str) -> Reply<FileInfo> {
    let missing = || Problem::not_found(format!("there is no file `{}`", uid.escape_debug()));
    // Who may read everything also gets the names that are like it.
    let found = app.lake().info_async(uid).await.map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::InvalidInput if !caller.reads_everything() => missing(),
        _ => error.into(),
    })?;
    if may_read(caller, &found.row.uid) { Ok(found) } else { Err(missing()) }
}

async fn one(State(app): State<App>, visitor: Visitor, Query(One { uid }): Query<One>) -> Reply<Markup> {
    let info = info_of(&app, &visitor.caller, &uid).await?;
    let (file, uid) = (&info.row, info.version.as_deref().unwrap_or(info.row.uid.as_str()));
    let reads_all = visitor.caller.reads_everything();
    let folder = file.uid.as_str().rsplit_once('/').map_or("", |(folder, _)| folder);
    let folder = if file.uid.kind() == UidKind::Chosen { folder } else { "" };
    let content = html! {
        (way(folder))
        h1 { (Said(uid)) }
        p class="choices" {
            @if !file.tree { a download href=(address(&["file", "content"], &[("uid", uid)])) { "Download" } }
            @if reads_all { a href=(address(&["lineage"], &[("of", uid)])) { "Lineage" } }
        }
        (facts(&facts_of(&info)))
        section aria-labelledby="content" {
            h2 id="content" { "What is in it" }
            (preview(&app, uid, &file.name).await?)
        }
        @if let Some(call) = info.created_by.as_ref().filter(|_| reads_all) { (made_by(call)) }
    };
    Ok(visitor.page(Section::Files, uid, content))
}

fn facts_of(info: &FileInfo) -> Vec<(&'static str, Option<Markup>)> {
    let file = &info.row;
    let places = [("here", file.local), ("at the remote", file.remote)];
    let places: Vec<&str> = places.iter().filter(|(_, is_there)| *is_there).map(|(place, _)| *place).collect();
    let by = html! { (Said(&file.originator)) " on " (Said(&info.host)) };
    vec![
        ("Name", Some(html! { (Said(&file.name)) })),
        ("Size", Some(whole_size(file))),
        ("Digest", Some(html! { code { (file.digest) } })),
        ("Made", Some(html! { (At(&file.created_at)) })),
        ("By", Some(by)),
        ("From", info.source.as_ref().map(|source| html! { (Said(source)) })),
        ("Content is", Some(html! { (if places.is_empty() { "nowhere".to_owned() } else { places.join(" and ") }) })),
        ("Replaced by", info.replaced_by.as_ref().map(|now| {
            html! { a href=(address(&["file"], &[("uid", &now.address)])) { (Said(&now.address)) } ", " (At(&now.at)) }
        })),
    ]
}

/// The call that made it.
fn made_by(call: &CreatedBy) -> Markup {
    html! {
        section aria-labelledby="call" {
            h2 id="call" { "The call that made it" }
            p { (call_link(&call.creator, &call.key)) }
            (parameters(&call.params))
            h3 { "Made from" }
            (inputs(&call.inputs))
            h3 { "Made with it" }
            (outputs(&call.outputs))
        }
    }
}

async fn content(
    State(app): State<App>,
    visitor: Visitor,
    Query(One { uid }): Query<One>,
    headers: HeaderMap,
) -> Reply<Response> {
    let info = info_of(&app, &visitor.caller, &uid).await?;
    let uid = info.version.as_deref().unwrap_or(info.row.uid.as_str());
    let file: File = app.lake().file_async(uid).await?;
    let response = content_of(&headers, &file).await?;
    Ok(as_download(response, file.name()))
}

/// Content that a browser keeps as a file and never shows as a page.
pub(super) fn as_download(mut response: Response, name: &str) -> Response {
    let name = name.rsplit('/').next().unwrap_or(name);
    let spelled = percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
    let value = HeaderValue::from_str(&format!("attachment; filename*=UTF-8''{spelled}"));
    response.headers_mut().extend(value.ok().map(|value| (header::CONTENT_DISPOSITION, value)));
    response
}
