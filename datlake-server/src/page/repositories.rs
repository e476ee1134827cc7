//! Repositories: which there are, their branches and tags, and what is at a reference.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use datlake::report::{ObjectInfo, ObjectItem};
use datlake::{Branch, ErrorKind, ObjectQuery, Reference, Tag};
use maud::{Markup, html};
use serde::Deserialize;
use tokio::io::AsyncReadExt as _;

use super::address::address;
use super::files::as_download;
use super::frame::{Section, Visitor};
use super::guard::PageRoutes;
use super::jobs::ROWS;
use super::preview::{preview, start};
use super::show::{At, Said, facts, more, more_of, size, table};
use crate::access::{AccessRole, Resource};
use crate::app::App;
use crate::http::{At as Path, Query, Right};
use crate::lakefs::object_content;
use crate::problem::{Problem, Reply};

/// Bytes of an object that are shown before it is committed.
const START: u64 = 8 << 10;

#[derive(Deserialize)]
pub(super) struct InRepository {
    pub(super) repository: String,
}

#[derive(Deserialize)]
struct Asked {
    /// The default branch where nothing is said.
    #[serde(default)]
    r#ref: String,
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    after: String,
}

#[derive(Deserialize)]
struct AtPath {
    #[serde(default)]
    r#ref: String,
    #[serde(default)]
    path: String,
}

/// Behind which name each of the lists of a repository begins.
#[derive(Deserialize)]
struct Begins {
    #[serde(default)]
    branches: String,
    #[serde(default)]
    tags: String,
}

pub(super) fn routes(routes: PageRoutes) -> PageRoutes {
    let reader = Right::Repository(AccessRole::Reader);
    routes
        .get("/repositories", Right::Account, all)
        .get("/repositories/{repository}", reader, overview)
        .get("/repositories/{repository}/objects", reader, objects)
        .get("/repositories/{repository}/object", reader, object)
        .get("/repositories/{repository}/object/content", reader, content)
}

async fn all(State(app): State<App>, visitor: Visitor, Query(asked): Query<Asked>) -> Reply<Markup> {
    let all = app.lake().repositories_async().await?;
    let mut seen = all
        .iter()
        .filter(|one| visitor.caller.sees(&Resource::repository(one.name())) && one.name() > asked.after.as_str());
    let page: Vec<_> = seen.by_ref().take(ROWS).collect();
    let next = seen.next().and(page.last()).map(|last| last.name());
    let rows = page.iter().map(|one| {
        html! {
            td { a href=(address(&["repositories", one.name()], &[])) { (Said(one.name())) } }
            td { (Said(one.default_branch().name())) }
            td { (At(one.created_at())) }
        }
    });
    let content = html! {
        h1 { "Repositories" }
        (table("Repositories", &["Repository", "Default branch", "Created"], rows, "None that you may see: `datlake repo create NAME` makes one."))
        (more(next, &["repositories"], &[]))
    };
    Ok(visitor.page(Section::Repositories, "Repositories", content))
}

/// The links of a repository, at a reference.
pub(super) fn parts(repository: &str, reference: &str, chosen: &str) -> Markup {
    let at = |last: &'static str| address(&["repositories", repository, last], &[("ref", reference)]);
    let chosen = |part: &str| (part == chosen).then_some("true");
    html! {
        nav class="way" aria-label="Repositories" {
            a href="/repositories" { "Repositories" } " / "
            a href=(address(&["repositories", repository], &[])) { (Said(repository)) }
            @if !reference.is_empty() { " @ " (Said(short(reference))) }
        }
        @if !reference.is_empty() {
            nav class="choices" aria-label="At this reference" {
                a href=(at("objects")) aria-current=[chosen("objects")] { "Objects" }
                a href=(at("log")) aria-current=[chosen("log")] { "Log" }
                a href=(at("diff")) aria-current=[chosen("diff")] { "Differences" }
            }
        }
    }
}

/// A reference, of which the id of a commit is known by its beginning.
pub(super) fn short(reference: &str) -> &str {
    let is_id = reference.len() == 64 && reference.bytes().all(|b| b.is_ascii_hexdigit());
    if is_id { &reference[..10] } else { reference }
}

async fn overview(
    State(app): State<App>,
    visitor: Visitor,
    Path(InRepository { repository: name }): Path<InRepository>,
    Query(begins): Query<Begins>,
) -> Reply<Markup> {
    let repository = app.repository(&name, &visitor.caller).await?;
    let branches = repository.branches_async().await?;
    let (branches, next_branch) = behind(branches.iter().map(Branch::name), &begins.branches);
    let tags = repository.tags_async().await?;
    let (tags, next_tag) = behind(tags.iter().map(Tag::name), &begins.tags);
    let begins = [("branches", &*begins.branches), ("tags", &*begins.tags)];
    let row = |reference: &str| {
        let at = |last: &'static str| address(&["repositories", &name, last], &[("ref", reference)]);
        html! {
            td { a href=(at("objects")) { (Said(reference)) } }
            td { a href=(at("log")) aria-label={ "Log of " (reference) } { "log" } }
            td { a href=(at("diff")) aria-label={ "Differences of " (reference) } { "differences" } }
        }
    };
    let heads = ["Name", "History", "Compare"];
    let content = html! {
        (parts(&name, "", ""))
        h1 { (Said(&name)) }
        section aria-labelledby="branches" {
            h2 id="branches" { "Branches" }
            (table("Branches", &heads, branches.iter().map(|branch| row(branch)), "There is none."))
            (more_of("branches", "branches", next_branch, &["repositories", &name], &begins))
        }
        section aria-labelledby="tags" {
            h2 id="tags" { "Tags" }
            (table("Tags", &heads, tags.iter().map(|tag| row(tag)), "There is none."))
            (more_of("tags", "tags", next_tag, &["repositories", &name], &begins))
        }
        form class="ask" action=(address(&["repositories", &name, "objects"], &[])) {
            input type="search" name="ref" aria-label="Branch, tag or commit" placeholder="branch, tag or commit" required;
            button type="submit" { "Go there" }
        }
    };
    Ok(visitor.page(Section::Repositories, &name, content))
}

/// The names behind one, in order: as many as a page has, and the last of them where there are more.
fn behind<'a>(names: impl Iterator<Item = &'a str>, after: &str) -> (Vec<&'a str>, Option<&'a str>) {
    let mut names: Vec<_> = names.filter(|name| *name > after).collect();
    names.sort_unstable();
    let has_more = names.len() > ROWS;
    names.truncate(ROWS);
    let next = names.last().copied().filter(|_| has_more);
    (names, next)
}

/// A reference of a repository, and what it is called: the default branch where nothing is said.
pub(super) async fn reference_of(app: &App, visitor: &Visitor, name: &str, said: &str) -> Reply<(Reference, String)> {
    let repository = app.repository(name, &visitor.caller).await?;
    let said = if said.is_empty() { repository.default_branch().name().to_owned() } else { said.to_owned() };
    Ok((repository.reference(&said), said))
}

async fn objects(
    State(app): State<App>,
    visitor: Visitor,
    Path(InRepository { repository: name }): Path<InRepository>,
    Query(asked): Query<Asked>,
) -> Reply<Markup> {
    let (reference, said) = reference_of(&app, &visitor, &name, &asked.r#ref).await?;
    let query = ObjectQuery::below(&asked.prefix).delimiter("/").after(&asked.after).limit(ROWS).as_objects(true);
    let page = reference.list_async(&query).await?;
    let at = |last: &'static str, query: &[(&str, &str)]| {
        address(&["repositories", &name, last], &[&[("ref", &*said)], query].concat())
    };
    let shown = |path: &str| path.strip_prefix(&*asked.prefix).unwrap_or(path).to_owned();
    let rows = page.items.iter().map(|item| match item {
        ObjectItem::Object(object) => html! {
            td { a href=(at("object", &[("path", &object.path)])) { (Said(&shown(&object.path))) } }
            td class="number" { (size(object.size)) }
            td { @if let Some(put) = object.changed_at() { (At(put)) } }
            td { @if let Some(by) = &object.put_by { (Said(by)) } }
        },
        ObjectItem::Prefix(prefix) => html! {
            td { a href=(at("objects", &[("prefix", prefix)])) { (Said(&shown(prefix))) } }
            td {} td {} td {}
        },
        _ => html! { td {} td {} td {} td {} },
    });
    let title = format!("{name}@{}", short(&said));
    let content = html! {
        (parts(&name, &said, "objects"))
        h1 { (Said(&title)) }
        (way(&asked.prefix, |prefix| at("objects", &[("prefix", prefix)])))
        (table("Objects", &["Path", "Size", "Put", "By"], rows, "There is nothing here."))
        (more(page.next.as_deref(), &["repositories", &name, "objects"], &[("ref", &said), ("prefix", &asked.prefix)]))
    };
    Ok(visitor.page(Section::Repositories, &title, content))
}

/// The folders that lead to a prefix, which ends in `/`.
fn way(prefix: &str, at: impl Fn(&str) -> String) -> Markup {
    html! {
        nav class="way" aria-label="Folders" {
            a href=(at("")) { "All" }
            @for (end, _) in prefix.match_indices('/') {
                " / " a href=(at(&prefix[..=end])) { (Said(prefix[..end].rsplit('/').next().unwrap_or_default())) }
            }
        }
    }
}

async fn object(
    State(app): State<App>,
    visitor: Visitor,
    Path(InRepository { repository: name }): Path<InRepository>,
    Query(AtPath { r#ref, path }): Query<AtPath>,
) -> Reply<Markup> {
    let (reference, said) = reference_of(&app, &visitor, &name, &r#ref).await?;
    let object = reference.stat_async(&path).await?;
    let at = |segments: &[&str]| {
        address(&[&["repositories", &*name], segments].concat(), &[("ref", &said), ("path", &path)])
    };
    let whole = format!("{name}@{said}:{path}");
    let folder = path.rfind('/').map_or("", |at| &path[..=at]);
    let content = html! {
        (parts(&name, &said, "objects"))
        h1 { (Said(&path)) }
        (way(folder, |prefix| address(&["repositories", &name, "objects"], &[("ref", &said), ("prefix", prefix)])))
        p class="choices" {
            @if object.is_file() { a download href=(at(&["object", "content"])) { "Download" } }
            @if visitor.caller.reads_everything() && object.digest.is_some() { a href=(address(&["lineage"], &[("of", &whole)])) { "Lineage" } }
        }
        (facts(&facts_of(&object)))
        section aria-labelledby="content" {
            h2 id="content" { "What is in it" }
            (shown(&app, &reference, &object, &whole).await?)
        }
        @if !object.metadata.is_empty() {
            section aria-labelledby="notes" {
                h2 id="notes" { "Notes" }
                @let rows = object.metadata.iter().map(|(key, value)| html! { td { (Said(key)) } td class="wide" { (Said(value)) } });
                (table("Notes", &["Name", "Value"], rows, ""))
            }
        }
    };
    Ok(visitor.page(Section::Repositories, &path, content))
}

fn facts_of(object: &ObjectInfo) -> Vec<(&'static str, Option<Markup>)> {
    vec![
        ("Size", Some(size(object.size))),
        ("Checksum", Some(html! { code { (object.checksum()) } })),
        ("Put", object.changed_at().map(|at| html! { (At(at)) })),
        ("By", object.put_by.as_ref().map(|by| html! { (Said(by)) })),
        ("Type", object.content_type.as_ref().map(|kind| html! { (Said(kind)) })),
        ("A link to", object.link.as_ref().map(|link| html! { (Said(link)) })),
        ("Lies at", object.outside.as_ref().map(|outside| html! { code { (Said(&outside.address)) } })),
    ]
}

/// What is in an object. One that is not committed has no lineage yet, and is read where it is.
async fn shown(app: &App, reference: &Reference, object: &ObjectInfo, whole: &str) -> Reply<Markup> {
    if !object.is_file() || object.outside.is_some() {
        return Ok(html! { p class="empty" { "It is not in the lake: loading it down fetches it." } });
    }
    match preview(app, whole, &object.path).await {
        Ok(shown) => Ok(shown),
        Err(_) => {
            let (_, content) = reference.open_object_async(&object.path).await?;
            let mut bytes = Vec::new();
            let read = content.take(START).read_to_end(&mut bytes).await;
            read.map_err(|e| Problem::from(datlake::Error::io("read", &object.path, e)))?;
            Ok(start(bytes, object.size, &object.path))
        }
    }
}

async fn content(
    State(app): State<App>,
    visitor: Visitor,
    Path(InRepository { repository: name }): Path<InRepository>,
    Query(AtPath { r#ref, path }): Query<AtPath>,
    headers: HeaderMap,
) -> Reply<Response> {
    let (reference, _) = reference_of(&app, &visitor, &name, &r#ref).await?;
    let response = object_content(&reference, &path, headers).await?;
    Ok(as_download(response, &path))
}

/// Whether an error says that something is not there.
pub(super) fn is_missing(error: &datlake::Error) -> bool {
    error.kind() == ErrorKind::NotFound
}
