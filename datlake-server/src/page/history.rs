//! What led to a reference, and what differs.

use axum::extract::State;
use datlake::report::{CommitInfo, ObjectChange, ObjectChanges};
use datlake::{DiffQuery, Digest, LogQuery, Reference};
use maud::{Markup, html};
use serde::Deserialize;
use similar::{ChangeTag, TextDiff};
use tokio::io::AsyncReadExt as _;

use super::address::address;
use super::frame::{Section, Visitor};
use super::guard::PageRoutes;
use super::jobs::ROWS;
use super::repositories::{InRepository, is_missing, parts, reference_of, short};
use super::show::{At, Said, badge, escape_lines, facts, more, size, table};
use crate::access::AccessRole;
use crate::app::App;
use crate::http::{At as Path, Query, Right};
use crate::problem::{Problem, Reply};

/// Texts that are larger are not compared line by line.
const LARGEST: u64 = 256 << 10;
/// Lines around those that differ.
const AROUND: usize = 3;

#[derive(Deserialize)]
struct Logged {
    #[serde(default)]
    r#ref: String,
    #[serde(default)]
    after: String,
}

#[derive(Deserialize)]
struct AtCommit {
    repository: String,
    commit: String,
}

#[derive(Deserialize)]
struct Compared {
    /// The right side.
    #[serde(default)]
    r#ref: String,
    /// The left one: what is uncommitted where nothing is said.
    #[serde(default)]
    from: String,
    #[serde(default)]
    path: String,
    #[serde(default)]
    after: String,
}

pub(super) fn routes(routes: PageRoutes) -> PageRoutes {
    let reader = Right::Repository(AccessRole::Reader);
    routes
        .get("/repositories/{repository}/log", reader, log)
        .get("/repositories/{repository}/commits/{commit}", reader, commit)
        .get("/repositories/{repository}/diff", reader, differences)
        .get("/repositories/{repository}/compare", reader, compare)
}

fn commit_link(repository: &str, id: &str) -> Markup {
    html! { a href=(address(&["repositories", repository, "commits", id], &[])) title=(id) { code { (short(id)) } } }
}

async fn log(
    State(app): State<App>,
    visitor: Visitor,
    Path(InRepository { repository: name }): Path<InRepository>,
    Query(asked): Query<Logged>,
) -> Reply<Markup> {
    let (reference, said) = reference_of(&app, &visitor, &name, &asked.r#ref).await?;
    let mut query = LogQuery::default();
    if !asked.after.is_empty() {
        let wrong = |_| Problem::bad_request("`after` is no id of a commit");
        query = query.after(asked.after.parse::<Digest>().map_err(wrong)?);
    }
    // One more says that there are more.
    let mut commits = reference.log_async(&query.limit(ROWS + 1)).await?;
    let has_more = commits.len() > ROWS;
    commits.truncate(ROWS);
    let next = commits.last().filter(|_| has_more).map(|commit| commit.id.to_string());
    let rows = commits.iter().map(|commit| {
        html! {
            td { (commit_link(&name, &commit.id.to_string())) }
            td class="wide" { (Said(commit.message.lines().next().unwrap_or_default())) }
            td { (At(&commit.at)) }
            td { (Said(&commit.committer)) }
        }
    });
    let title = format!("Log of {name}@{said}");
    let content = html! {
        (parts(&name, &said, "log"))
        h1 { "Log of " (Said(short(&said))) }
        (table("Commits", &["Commit", "Message", "Time", "By"], rows, "There are no commits."))
        (more(next.as_deref(), &["repositories", &name, "log"], &[("ref", &said)]))
    };
    Ok(visitor.page(Section::Repositories, &title, content))
}

async fn commit(
    State(app): State<App>,
    visitor: Visitor,
    Path(AtCommit { repository: name, commit }): Path<AtCommit>,
    Query(asked): Query<Logged>,
) -> Reply<Markup> {
    let repository = app.repository(&name, &visitor.caller).await?;
    let info = repository.reference(&commit).commit_info_async().await?;
    let id = info.id.to_string();
    let parent = info.parents.first().map(Digest::to_string);
    let changes = match &parent {
        Some(parent) => {
            let query = DiffQuery::below("").after(&asked.after).limit(ROWS).as_objects(true);
            Some(repository.reference(parent).diff_async(&id, &query).await?)
        }
        None => None,
    };
    let from = parent.as_deref().unwrap_or_default();
    let content = html! {
        (parts(&name, &id, ""))
        h1 { (Said(info.message.lines().next().unwrap_or("A commit"))) }
        @if info.message.lines().count() > 1 { pre tabindex="0" { (escape_lines(&info.message)) } }
        (facts(&facts_of(&name, &info)))
        section aria-labelledby="changes" {
            h2 id="changes" { "What it changed" }
            @match &changes {
                None => p class="empty" { "It is the first one." },
                Some(changes) => {
                    (change_table(&name, from, &id, changes))
                    (more(changes.next.as_deref(), &["repositories", &name, "commits", &id], &[]))
                }
            }
        }
    };
    Ok(visitor.page(Section::Repositories, &format!("Commit {}", short(&id)), content))
}

fn facts_of(repository: &str, info: &CommitInfo) -> Vec<(&'static str, Option<Markup>)> {
    let parents = html! {
        @for (at, parent) in info.parents.iter().enumerate() {
            @if at > 0 { " " }
            (commit_link(repository, &parent.to_string()))
        }
    };
    let notes = html! {
        @for (key, value) in &info.metadata { div { (Said(key)) ": " (Said(value)) } }
    };
    vec![
        ("Commit", Some(html! { code { (info.id) } })),
        ("Time", Some(html! { (At(&info.at)) })),
        ("By", Some(html! { (Said(&info.committer)) })),
        ("Parents", (!info.parents.is_empty()).then_some(parents)),
        ("Notes", (!info.metadata.is_empty()).then_some(notes)),
    ]
}

fn change_table(repository: &str, from: &str, to: &str, changes: &ObjectChanges) -> Markup {
    let rows = changes.items.iter().map(|change| {
        let query = [("ref", to), ("from", from), ("path", &*change.path)];
        html! {
            td { (badge(word_of(change))) }
            td { a href=(address(&["repositories", repository, "compare"], &query)) { (Said(&change.path)) } }
            td class="number" { @if let Some(before) = &change.before { (size(before.size)) } }
            td class="number" { @if let Some(after) = &change.after { (size(after.size)) } }
        }
    });
    table("Changes", &["What", "Path", "Before", "After"], rows, "Nothing differs.")
}

fn word_of(change: &ObjectChange) -> &'static str {
    match (&change.before, &change.after) {
        (None, _) => "added",
        (_, None) => "removed",
        _ => "changed",
    }
}

async fn differences(
    State(app): State<App>,
    visitor: Visitor,
    Path(InRepository { repository: name }): Path<InRepository>,
    Query(asked): Query<Compared>,
) -> Reply<Markup> {
    let (reference, said) = reference_of(&app, &visitor, &name, &asked.r#ref).await?;
    let query = DiffQuery::below("").after(&asked.after).limit(ROWS).as_objects(true);
    let repository = app.repository(&name, &visitor.caller).await?;
    let (from, changes) = match asked.from.as_str() {
        // Of what is no branch nothing is uncommitted.
        "" => match repository.branch(&said).uncommitted_async(&query).await {
            Ok(changes) => (format!("{said}@"), Some(changes)),
            Err(error) if is_missing(&error) => {
                reference.commit_info_async().await?;
                (String::new(), None)
            }
            Err(error) => return Err(error.into()),
        },
        from => (from.to_owned(), Some(repository.reference(from).diff_async(&said, &query).await?)),
    };
    let content = html! {
        (parts(&name, &said, "diff"))
        h1 { "Differences" }
        form class="ask" action=(address(&["repositories", &name, "diff"], &[])) {
            label { "from " input name="from" value=(asked.from) placeholder="its last commit"; }
            label { "to " input name="ref" value=(said) required; }
            button type="submit" { "Compare" }
        }
        p class="quiet" {
            @if asked.from.is_empty() { "What is uncommitted at " (Said(&said)) "." }
            @else { "What " (Said(&said)) " has that is not so in " (Said(&asked.from)) "." }
        }
        @match &changes {
            None => p class="empty" { "Only branches have something uncommitted." },
            Some(changes) => {
                (change_table(&name, &from, &said, changes))
                (more(changes.next.as_deref(), &["repositories", &name, "diff"], &[("ref", &said), ("from", &asked.from)]))
            }
        }
    };
    Ok(visitor.page(Section::Repositories, &format!("Differences of {name}@{said}"), content))
}

async fn compare(
    State(app): State<App>,
    visitor: Visitor,
    Path(InRepository { repository: name }): Path<InRepository>,
    Query(asked): Query<Compared>,
) -> Reply<Markup> {
    let (right, said) = reference_of(&app, &visitor, &name, &asked.r#ref).await?;
    let left = app.repository(&name, &visitor.caller).await?.reference(&asked.from);
    let before = text_at(&left, &asked.path).await?;
    let after = text_at(&right, &asked.path).await?;
    let content = html! {
        (parts(&name, &said, "diff"))
        h1 { (Said(&asked.path)) }
        p class="quiet" { "From " code { (Said(short(&asked.from))) } " to " code { (Said(short(&said))) } }
        @match (before, after) {
            (Sided::None, Sided::None) => p class="empty" { "It is on neither side." },
            (Sided::Other(why), _) | (_, Sided::Other(why)) => p class="empty" { (why) },
            (before, after) => (lines(before.text(), after.text())),
        }
        p class="choices" { a href=(address(&["repositories", &name, "object"], &[("ref", &said), ("path", &asked.path)])) { "The object" } }
    };
    Ok(visitor.page(Section::Repositories, &asked.path, content))
}

/// What is at a path of one side.
enum Sided {
    None,
    Text(String),
    /// What cannot be compared line by line, and why.
    Other(&'static str),
}

impl Sided {
    fn text(&self) -> &str {
        if let Self::Text(text) = self { text } else { "" }
    }
}

async fn text_at(reference: &Reference, path: &str) -> Reply<Sided> {
    let object = match reference.stat_async(path).await {
        Err(error) if is_missing(&error) => return Ok(Sided::None),
        found => found?,
    };
    if object.size > LARGEST || !object.is_file() || object.outside.is_some() {
        return Ok(Sided::Other("It is too large to be compared line by line, or not in the lake."));
    }
    let (_, mut content) = reference.open_object_async(path).await?;
    let mut bytes = Vec::new();
    content.read_to_end(&mut bytes).await.map_err(|e| Problem::from(datlake::Error::io("read", path, e)))?;
    Ok(match String::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Sided::Text(text),
        _ => Sided::Other("It is no text."),
    })
}

/// What of a text was added and removed, with some lines around.
fn lines(before: &str, after: &str) -> Markup {
    let diff = TextDiff::from_lines(before, after);
    let groups = diff.grouped_ops(AROUND);
    html! {
        @if groups.is_empty() { p class="empty" { "Nothing differs." } }
        @for group in groups {
            div class="scrolls diff" tabindex="0" role="region" aria-label="Lines that differ" {
                table {
                    tbody {
                        @for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
                            @let (class, sign) = match change.tag() {
                                ChangeTag::Insert => ("added", "+"),
                                ChangeTag::Delete => ("removed", "−"),
                                ChangeTag::Equal => ("", " "),
                            };
                            tr class=(class) {
                                td class="number" { (change.old_index().map(|at| (at + 1).to_string()).unwrap_or_default()) }
                                td class="number" { (change.new_index().map(|at| (at + 1).to_string()).unwrap_or_default()) }
                                td { code { (sign) " " (escape_lines(change.value().trim_end_matches('\n'))) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_differ_are_marked_and_escaped() {
        let found = lines("a\nb\n<i>\n", "a\nc\n<i>\n").into_string();
        assert!(found.contains("class=\"added\"") && found.contains("+ c") && found.contains("− b"), "{found}");
        assert!(found.contains("&lt;i&gt;") && lines("a\n", "a\n").into_string().contains("Nothing differs"));
    }
}
