//! Tags: creating, listing and deleting them.

use axum::Json;
use axum::extract::State;
use datlake::Tag;
use schemars::JsonSchema;
use serde::Deserialize;

use super::paging::Paging;
use super::repositories::InRepository;
use super::wire::{Ref, TagCreation};
use crate::access::{AccessRole, Resource};
use crate::app::App;
use crate::http::{Asker, At, CreatedJson, JsonBody, List, NoContent, Query, Right, Routes, list as page};
use crate::problem::Reply;

/// A tag in a path.
#[derive(Deserialize, JsonSchema)]
struct AtTag {
    repository: String,
    tag: String,
}

pub(super) fn routes(routes: Routes) -> Routes {
    let (all, one) = ("/repositories/{repository}/tags", "/repositories/{repository}/tags/{tag}");
    routes
        .get(all, Right::Repository(AccessRole::Reader), "Lists tags", list)
        .post(all, Right::Named(AccessRole::Writer), "Creates a tag", create)
        .get(one, Right::Repository(AccessRole::Reader), "Shows a tag", show)
        .delete(one, Right::Reference(AccessRole::Operator, "tag"), "Deletes a tag", delete)
}

async fn list(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<InRepository>,
    Query(paging): Query<Paging>,
) -> Reply<Json<List<Ref>>> {
    let tags = app.repository(&at.repository, &caller).await?.tags_async().await?;
    let asked = paging.cut(tags, Tag::name);
    let mut results = Vec::new();
    for tag in asked.results {
        // It may have been deleted since.
        match tag.commit_info_async().await {
            Ok(commit) => results.push(Ref { id: tag.name().to_owned(), commit_id: commit.id.to_string() }),
            Err(error) if error.kind() == datlake::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    let next = asked.pagination.has_more.then_some(asked.pagination.next_offset);
    Ok(Json(page(results, next)))
}

async fn create(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<InRepository>,
    JsonBody(new): JsonBody<TagCreation>,
) -> Reply<CreatedJson<Ref>> {
    caller.needs(AccessRole::Writer, &Resource::reference(&at.repository, &new.id))?;
    let tag = app.repository(&at.repository, &caller).await?.tag(&new.id).create_async(&new.r#ref).await?;
    let commit_id = tag.commit_info_async().await?.id.to_string();
    Ok(CreatedJson(Ref { id: new.id, commit_id }))
}

async fn show(State(app): State<App>, Asker(caller): Asker, At(at): At<AtTag>) -> Reply<Json<Ref>> {
    let commit = app.repository(&at.repository, &caller).await?.tag(&at.tag).commit_info_async().await?;
    Ok(Json(Ref { id: at.tag, commit_id: commit.id.to_string() }))
}

async fn delete(State(app): State<App>, Asker(caller): Asker, At(at): At<AtTag>) -> Reply<NoContent> {
    app.repository(&at.repository, &caller).await?.tag(&at.tag).delete_async().await?;
    Ok(NoContent)
}
