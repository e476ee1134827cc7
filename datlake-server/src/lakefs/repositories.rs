//! Repositories: creating, listing and deleting them.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;

use super::paging::Paging;
use super::wire::{Repository, RepositoryCreation, seconds};
use crate::access::{AccessRole, Resource};
use crate::app::App;
use crate::http::{Asker, At, CreatedJson, JsonBody, List, NoContent, Query, Right, Routes};
use crate::problem::{Problem, Reply};

/// A repository in a path.
#[derive(Deserialize, JsonSchema)]
pub(super) struct InRepository {
    pub(super) repository: String,
}

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/repositories", Right::Account, "Lists repositories that may be read", list)
        .post("/repositories", Right::Named(AccessRole::Operator), "Creates a repository", create)
        .get("/repositories/{repository}", Right::Repository(AccessRole::Reader), "Shows a repository", show)
        .delete("/repositories/{repository}", Right::Repository(AccessRole::Operator), "Deletes a repository", delete)
        .get(
            "/repositories/{repository}/metadata",
            Right::Repository(AccessRole::Reader),
            "Shows what is noted of a repository",
            metadata,
        )
}

impl From<&datlake::Repository> for Repository {
    fn from(repository: &datlake::Repository) -> Self {
        Self {
            id: repository.name().to_owned(),
            creation_date: seconds(repository.created_at()),
            default_branch: repository.default_branch().name().to_owned(),
            storage_namespace: format!("lake://{}", repository.name()),
        }
    }
}

async fn list(
    State(app): State<App>,
    Asker(caller): Asker,
    Query(paging): Query<Paging>,
) -> Reply<Json<List<Repository>>> {
    let all = app.lake().repositories_async().await?;
    let seen = all.iter().filter(|repository| caller.sees(&Resource::repository(repository.name())));
    Ok(Json(paging.cut(seen.map(Repository::from).collect(), |repository| &repository.id)))
}

async fn create(
    State(app): State<App>,
    Asker(caller): Asker,
    JsonBody(new): JsonBody<RepositoryCreation>,
) -> Reply<CreatedJson<Repository>> {
    caller.needs(AccessRole::Operator, &Resource::repository(&new.name))?;
    if new.read_only {
        return Err(Problem::bad_request("a repository of a lake cannot be read-only: grant `reader` alone"));
    }
    let mut creating = app.lake().new_repository(&new.name).on_behalf_of(caller.name());
    if let Some(branch) = new.default_branch.filter(|branch| !branch.is_empty()) {
        creating = creating.default_branch(branch);
    }
    Ok(CreatedJson((&creating.create_async().await?).into()))
}

async fn show(State(app): State<App>, Asker(caller): Asker, At(at): At<InRepository>) -> Reply<Json<Repository>> {
    Ok(Json((&app.repository(&at.repository, &caller).await?).into()))
}

async fn delete(State(app): State<App>, Asker(caller): Asker, At(at): At<InRepository>) -> Reply<NoContent> {
    app.repository(&at.repository, &caller).await?.delete_async().await?;
    Ok(NoContent)
}

async fn metadata(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<InRepository>,
) -> Reply<Json<BTreeMap<String, String>>> {
    Ok(Json(app.repository(&at.repository, &caller).await?.metadata().clone()))
}
