//! Branches: creating and deleting them, what is uncommitted, and commits.

use aide::generate::GenContext;
use aide::openapi::{MediaType, Operation, Response as Documented, StatusCode as Code};
use aide::operation::OperationOutput;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use datlake::report::MergeResult as Merged;
use datlake::{Branch, CommitMessage, MergeOptions};
use schemars::JsonSchema;
use serde::Deserialize;

use super::committing::{committing, conflicts, refuse_empty};
use super::differences::{Compared, Sides, differences};
use super::paging::{Paging, flag};
use super::repositories::InRepository;
use super::telling::committed;
use super::wire::{
    BranchCreation, CherryPickCreation, Commit, CommitCreation, CommitOverrides, Diff, Ref, ResetCreation, ResetKind,
    RevertCreation,
};
use crate::access::{AccessRole, Caller, Resource};
use crate::app::App;
use crate::http::{Asker, At, CreatedJson, JsonBody, List, NoContent, Query, Right, Routes, list as page};
use crate::problem::{Problem, Reply};

/// A branch in a path.
#[derive(Deserialize, JsonSchema)]
pub(super) struct AtBranch {
    pub(super) repository: String,
    pub(super) branch: String,
}

/// Which branches are listed.
#[derive(Deserialize, JsonSchema)]
struct Listed {
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    after: String,
    amount: Option<i64>,
    /// Those of transactions, too.
    #[serde(default, deserialize_with = "flag")]
    show_hidden: bool,
}

pub(super) fn routes(routes: Routes) -> Routes {
    let writer = Right::Reference(AccessRole::Writer, "branch");
    let reader = Right::Repository(AccessRole::Reader);
    let branch = "/repositories/{repository}/branches/{branch}";
    routes
        .get("/repositories/{repository}/branches", reader, "Lists branches", list)
        .post("/repositories/{repository}/branches", Right::Named(AccessRole::Writer), "Creates a branch", create)
        .get(branch, reader, "Shows a branch", show)
        .put(branch, writer, "Discards what is uncommitted", reset)
        .delete(branch, writer, "Deletes a branch", delete)
        .get(&format!("{branch}/diff"), reader, "Lists what is uncommitted", diff)
        .post(&format!("{branch}/commits"), writer, "Commits what is uncommitted", commit)
        .post(&format!("{branch}/revert"), writer, "Takes back what a commit changed", revert)
        .post(&format!("{branch}/cherry-pick"), writer, "Does again what a commit changed", cherry_pick)
}

/// The branch of a path, whether there is one or not.
pub(super) async fn branch_of(app: &App, caller: &Caller, at: &AtBranch) -> Reply<Branch> {
    Ok(app.repository(&at.repository, caller).await?.branch(&at.branch))
}

async fn list(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<InRepository>,
    Query(listed): Query<Listed>,
) -> Reply<Json<List<Ref>>> {
    let repository = app.repository(&at.repository, &caller).await?;
    let mut branches = repository.branches_async().await?;
    if listed.show_hidden {
        branches.extend(repository.transactions_async().await?);
        branches.sort_by(|one, other| one.name().cmp(other.name()));
    }
    let asked = Paging::asked(listed.prefix, listed.after, listed.amount).cut(branches, Branch::name);
    let mut results = Vec::new();
    for branch in asked.results {
        // It may have been deleted since.
        match branch.commit_info_async().await {
            Ok(commit) => results.push(Ref { id: branch.name().to_owned(), commit_id: commit.id.to_string() }),
            Err(error) if error.kind() == datlake::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    let next = asked.pagination.has_more.then_some(asked.pagination.next_offset);
    Ok(Json(page(results, next)))
}

/// The id of a commit, as text.
struct CommitId(String);

impl IntoResponse for CommitId {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, self.0).into_response()
    }
}

impl OperationOutput for CommitId {
    type Inner = String;

    fn operation_response(_: &mut GenContext, _: &mut Operation) -> Option<Documented> {
        let content = [("text/plain; charset=utf-8".to_owned(), MediaType::default())].into_iter().collect();
        Some(Documented { description: "The id of the commit".to_owned(), content, ..Documented::default() })
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<Code>, Documented)> {
        Self::operation_response(ctx, operation).map(|response| (Some(Code::Code(201)), response)).into_iter().collect()
    }
}

async fn create(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<InRepository>,
    JsonBody(new): JsonBody<BranchCreation>,
) -> Reply<CommitId> {
    caller.needs(AccessRole::Writer, &Resource::reference(&at.repository, &new.name))?;
    let branch = app.repository(&at.repository, &caller).await?.branch(&new.name).create_async(&new.source).await?;
    Ok(CommitId(branch.commit_info_async().await?.id.to_string()))
}

async fn show(State(app): State<App>, Asker(caller): Asker, At(at): At<AtBranch>) -> Reply<Json<Ref>> {
    let commit = branch_of(&app, &caller, &at).await?.commit_info_async().await?;
    Ok(Json(Ref { id: at.branch, commit_id: commit.id.to_string() }))
}

async fn reset(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtBranch>,
    JsonBody(reset): JsonBody<ResetCreation>,
) -> Reply<NoContent> {
    let branch = branch_of(&app, &caller, &at).await?;
    let path = reset.path.filter(|path| !path.is_empty());
    match (reset.r#type, path) {
        (ResetKind::Reset, _) => drop(branch.reset_async().await?),
        (ResetKind::CommonPrefix, Some(prefix)) => drop(branch.reset_prefix_async(&prefix).await?),
        (ResetKind::Object, Some(path)) => drop(branch.reset_object_async(&path).await?),
        (_, None) => return Err(Problem::bad_request("`path` is missing: it says what is reset")),
    }
    Ok(NoContent)
}

async fn delete(State(app): State<App>, Asker(caller): Asker, At(at): At<AtBranch>) -> Reply<NoContent> {
    branch_of(&app, &caller, &at).await?.delete_async().await?;
    Ok(NoContent)
}

async fn diff(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtBranch>,
    Query(compared): Query<Compared>,
) -> Reply<Json<List<Diff>>> {
    let sides = Sides::Uncommitted(branch_of(&app, &caller, &at).await?);
    Ok(Json(differences(&compared, &sides).await?))
}

async fn commit(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtBranch>,
    JsonBody(new): JsonBody<CommitCreation>,
) -> Reply<CreatedJson<Commit>> {
    let message = committing(new)?;
    let commit = branch_of(&app, &caller, &at).await?.commit_async(message).await?;
    committed(&app, caller.name(), (&at.repository, &at.branch), "commit", &commit).await;
    Ok(CreatedJson(commit.into()))
}

/// How a commit is made that says something else than it would.
fn saying(overrides: Option<CommitOverrides>, parent: Option<usize>) -> Reply<MergeOptions> {
    let mut how = MergeOptions::default();
    if let Some(parent) = parent.filter(|parent| *parent > 0) {
        how = how.parent(parent);
    }
    match overrides {
        None => Ok(how),
        Some(CommitOverrides { message: None, metadata: None }) => Ok(how),
        Some(CommitOverrides { message: None, metadata: Some(_) }) => {
            Err(Problem::bad_request("`commit_overrides` has `metadata` without a `message`"))
        }
        Some(CommitOverrides { message: Some(message), metadata }) => {
            let message = metadata
                .unwrap_or_default()
                .into_iter()
                .fold(CommitMessage::new(message), |message, (key, value)| message.metadata(key, value));
            Ok(how.message(message))
        }
    }
}

async fn revert(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtBranch>,
    JsonBody(new): JsonBody<RevertCreation>,
) -> Reply<NoContent> {
    refuse_empty(new.allow_empty)?;
    let how = saying(new.commit_overrides, Some(new.parent_number))?;
    match branch_of(&app, &caller, &at).await?.revert_async(&new.r#ref, &how).await? {
        Merged::Conflicts(paths) => Err(conflicts(&paths)),
        Merged::Merged(commit) => {
            committed(&app, caller.name(), (&at.repository, &at.branch), "revert", &commit).await;
            Ok(NoContent)
        }
        other => Err(Problem::internal(&format!("a revert came to {other:?}"))),
    }
}

async fn cherry_pick(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtBranch>,
    JsonBody(new): JsonBody<CherryPickCreation>,
) -> Reply<CreatedJson<Commit>> {
    let how = saying(new.commit_overrides, new.parent_number)?;
    match branch_of(&app, &caller, &at).await?.cherry_pick_async(&new.r#ref, &how).await? {
        Merged::Merged(commit) => {
            committed(&app, caller.name(), (&at.repository, &at.branch), "cherry-pick", &commit).await;
            Ok(CreatedJson(commit.into()))
        }
        Merged::Conflicts(paths) => Err(conflicts(&paths)),
        other => Err(Problem::internal(&format!("a cherry-pick came to {other:?}"))),
    }
}
