//! What references lead to: history, what differs between two, and merges.

use axum::Json;
use axum::extract::State;
use datlake::report::{CommitInfo, MergeResult as Merged};
use datlake::{CommitMessage, Digest, LogQuery, MergeOptions, MergeWinner, Reference};
use schemars::JsonSchema;
use serde::Deserialize;

use super::committing::{conflicts, refuse_empty};
use super::differences::{Compared, Sides, differences};
use super::paging::flag;
use super::telling::committed;
use super::wire::{Commit, Diff, Merge, MergeResult};
use crate::access::{AccessRole, Caller};
use crate::app::App;
use crate::http::{Asker, At, JsonBody, List, Query, Right, Routes, list, most};
use crate::problem::{Problem, Reply};

/// A reference in a path.
#[derive(Deserialize, JsonSchema)]
pub(super) struct AtReference {
    pub(super) repository: String,
    /// A branch, a tag, the id of a commit, or an expression.
    pub(super) r#ref: String,
}

#[derive(Deserialize, JsonSchema)]
struct AtTwo {
    repository: String,
    r#ref: String,
    /// The other side.
    right: String,
}

#[derive(Deserialize, JsonSchema)]
struct Into {
    repository: String,
    r#ref: String,
    /// The branch that is merged into.
    branch: String,
}

/// Which commits of a history are asked for.
#[derive(Deserialize, JsonSchema)]
struct Logged {
    /// Those behind this commit.
    #[serde(default)]
    after: String,
    amount: Option<i64>,
    /// Those that changed what is at this path.
    objects: Option<String>,
    /// Those that changed something at paths that begin with this.
    prefixes: Option<String>,
    /// No more than `amount` in all.
    #[serde(default, deserialize_with = "flag")]
    limit: bool,
    /// Only first parents.
    #[serde(default, deserialize_with = "flag")]
    first_parent: bool,
    /// Those not before this time, RFC 3339.
    since: Option<String>,
    /// Those to this commit, with it.
    stop_at: Option<String>,
}

pub(super) fn routes(routes: Routes) -> Routes {
    let reader = Right::Repository(AccessRole::Reader);
    let merge = Right::Reference(AccessRole::Writer, "branch");
    routes
        .get("/repositories/{repository}/commits/{ref}", reader, "Shows a commit", show)
        .get("/repositories/{repository}/refs/{ref}/commits", reader, "Lists the commits that led there", log)
        .get(
            "/repositories/{repository}/refs/{ref}/diff/{right}",
            reader,
            "Lists what differs between two references",
            diff,
        )
        .post(
            "/repositories/{repository}/refs/{ref}/merge/{branch}",
            merge,
            "Merges a reference into a branch",
            merge_into,
        )
}

/// The reference of a path, whether there is one or not.
pub(super) async fn reference_of(app: &App, caller: &Caller, at: &AtReference) -> Reply<Reference> {
    Ok(app.repository(&at.repository, caller).await?.reference(&at.r#ref))
}

async fn show(State(app): State<App>, Asker(caller): Asker, At(at): At<AtReference>) -> Reply<Json<Commit>> {
    Ok(Json(reference_of(&app, &caller, &at).await?.commit_info_async().await?.into()))
}

async fn log(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtReference>,
    Query(logged): Query<Logged>,
) -> Reply<Json<List<Commit>>> {
    if logged.first_parent {
        return Err(Problem::bad_request("`first_parent` is not supported"));
    }
    let mut query = match (&logged.objects, &logged.prefixes) {
        (Some(path), None) => LogQuery::of(path),
        (None, Some(prefix)) => LogQuery::below(prefix),
        (None, None) => LogQuery::default(),
        (Some(_), Some(_)) => return Err(Problem::bad_request("one of `objects` and `prefixes` can be said")),
    };
    if !logged.after.is_empty() {
        let wrong = |_| Problem::bad_request("`after` is no id of a commit");
        query = query.after(logged.after.parse::<Digest>().map_err(wrong)?);
    }
    let most = most(logged.amount);
    let reference = reference_of(&app, &caller, &at).await?;
    // One more says that there are more.
    let mut commits = reference.log_async(&query.limit(most + 1)).await?;
    let mut end = None;
    if let Some(since) = &logged.since {
        let since = humantime::parse_rfc3339(since)
            .map_err(|_| Problem::bad_request("`since` is no time: RFC 3339, in UTC"))?;
        let is_older = |commit: &CommitInfo| humantime::parse_rfc3339(&commit.at).is_ok_and(|at| at < since);
        end = commits.iter().position(is_older);
    }
    if let Some(stop) = &logged.stop_at {
        let stop = app.repository(&at.repository, &caller).await?.reference(stop).commit_info_async().await?.id;
        let at = commits.iter().position(|commit| commit.id == stop).map(|at| at + 1);
        end = end.into_iter().chain(at).min();
    }
    if let Some(end) = end {
        commits.truncate(end);
    }
    let more = commits.len() > most && !logged.limit;
    commits.truncate(most);
    let next = commits.last().filter(|_| more).map(|commit| commit.id.to_string());
    Ok(Json(list(commits.into_iter().map(Commit::from).collect(), next)))
}

async fn diff(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtTwo>,
    Query(compared): Query<Compared>,
) -> Reply<Json<List<Diff>>> {
    let repository = app.repository(&at.repository, &caller).await?;
    // Commits are compared: what is uncommitted at a branch has a list of its own.
    let left = repository.reference(&at.r#ref).commit_info_async().await?.id.to_string();
    let right = repository.reference(&at.right).commit_info_async().await?.id.to_string();
    let from = match compared.kind() {
        Some("two_dot") => left,
        None | Some("three_dot") => {
            let bases = repository.reference(&left).merge_bases_async(&right).await?;
            let base = bases.first().map(|base| base.id.to_string());
            base.ok_or_else(|| {
                Problem::bad_request("the two have no commit in common: compare them as `type=two_dot`")
            })?
        }
        Some(_) => return Err(Problem::bad_request("`type` is `two_dot` or `three_dot`")),
    };
    Ok(Json(differences(&compared, &Sides::Commits(repository.reference(&from), right)).await?))
}

async fn merge_into(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<Into>,
    merge: Option<JsonBody<Merge>>,
) -> Reply<Json<MergeResult>> {
    // Clients may say nothing at all.
    let JsonBody(merge) = merge.unwrap_or_default();
    refuse_empty(merge.allow_empty)?;
    if merge.squash_merge {
        return Err(Problem::bad_request("`squash_merge` is not supported"));
    }
    let mut how = MergeOptions::default();
    how = match merge.strategy.as_deref() {
        None | Some("") => how,
        Some("source-wins") => how.winner(MergeWinner::Source),
        Some("dest-wins") => how.winner(MergeWinner::Destination),
        Some(_) => return Err(Problem::bad_request("`strategy` is `source-wins` or `dest-wins`")),
    };
    let text = merge.message.filter(|message| !message.is_empty());
    let metadata = merge.metadata.unwrap_or_default();
    if text.is_some() || !metadata.is_empty() {
        let text = text.unwrap_or_else(|| format!("Merge '{}' into '{}'", at.r#ref, at.branch));
        let message = CommitMessage::new(text);
        how = how.message(metadata.into_iter().fold(message, |message, (key, value)| message.metadata(key, value)));
    }
    let branch = app.repository(&at.repository, &caller).await?.branch(&at.branch);
    match branch.merge_async(&at.r#ref, &how).await? {
        Merged::Merged(commit) => {
            committed(&app, caller.name(), (&at.repository, &at.branch), "merge", &commit).await;
            Ok(Json(MergeResult { reference: commit.id.to_string() }))
        }
        Merged::Conflicts(paths) => Err(conflicts(&paths)),
        other => Err(Problem::internal(&format!("a merge came to {other:?}"))),
    }
}
