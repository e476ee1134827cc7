//! Imports: they run in the background, on a branch of their own that is merged at the end. So others see all of one or nothing, and one that
//! is cancelled or fails leaves nothing.

use std::time::{Duration, UNIX_EPOCH};

use axum::Json;
use axum::extract::State;
use datlake::report::MergeResult;
use datlake::{Branch, BranchName, CommitMessage, Error, ErrorKind, MergeOptions, Repository, Result};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::branches::AtBranch;
use super::committing::committing;
use super::import_sources::{ImportSource, sources};
use super::import_states::{Cancelled, Ended, ImportState, ImportStates};
use super::telling::{committed, ingested};
use super::wire::{Commit, ImportCreation, ImportCreationResponse, ImportError, ImportStatus};
use crate::access::{AccessRole, new_id, random};
use crate::app::App;
use crate::http::{AcceptedJson, Asker, At, JsonBody, NoContent, Query, Right, Routes};
use crate::problem::{Problem, Reply};

/// How often a server says that an import still goes on.
const BEAT: Duration = Duration::from_secs(10);

/// Which import.
#[derive(Deserialize, JsonSchema)]
struct Which {
    id: String,
}

pub(super) fn routes(routes: Routes) -> Routes {
    let writer = Right::Reference(AccessRole::Writer, "branch");
    let at = "/repositories/{repository}/branches/{branch}/import";
    routes
        .post(at, writer, "Begins an import", start)
        .get(at, Right::Repository(AccessRole::Reader), "Shows how far an import is", show)
        .delete(at, writer, "Cancels an import", cancel)
}

/// An import that runs.
struct Import {
    id: String,
    /// Who began it.
    account: String,
    app: App,
    repository: Repository,
    /// What its own branch is called, which is hidden from lists.
    own: BranchName,
    onto: Branch,
    sources: Vec<ImportSource>,
    message: CommitMessage,
    text: String,
    states: ImportStates,
}

async fn start(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtBranch>,
    JsonBody(new): JsonBody<ImportCreation>,
) -> Reply<AcceptedJson<ImportCreationResponse>> {
    let sources = sources(new.paths, &caller, app.import_from())?;
    let repository = app.repository(&at.repository, &caller).await?;
    let onto = repository.branch(&at.branch);
    // A branch that is not there is said at once.
    onto.commit_info_async().await?;
    let text = new.commit.message.clone();
    let message = committing(new.commit)?;
    let own = BranchName::of_clients_transaction(random()?)?;
    let (id, states) = (new_id()?, states(&app));
    states.begin(&id, &at.repository, &at.branch).await?;
    let account = caller.name().to_owned();
    let import = Import { id: id.clone(), account, app, repository, own, onto, sources, message, text, states };
    tokio::spawn(import.run());
    Ok(AcceptedJson(ImportCreationResponse { id }))
}

async fn show(
    State(app): State<App>,
    At(at): At<AtBranch>,
    Query(Which { id }): Query<Which>,
) -> Reply<Json<ImportStatus>> {
    let ImportState { updated_at, objects, ended } = states(&app).of(&id, &at.repository, &at.branch).await?;
    let (commit, error) = match ended {
        Some(Ended::Commit(commit)) => (Some(commit), None),
        Some(Ended::Error(message)) => (None, Some(ImportError { message })),
        None => (None, None),
    };
    let updated = UNIX_EPOCH + Duration::from_secs(u64::try_from(updated_at).unwrap_or_default());
    Ok(Json(ImportStatus {
        completed: commit.is_some(),
        update_time: humantime::format_rfc3339_seconds(updated).to_string(),
        ingested_objects: objects,
        metarange_id: commit.as_ref().map(|commit| commit.meta_range_id.clone()),
        commit,
        error,
    }))
}

async fn cancel(State(app): State<App>, At(at): At<AtBranch>, Query(Which { id }): Query<Which>) -> Reply<NoContent> {
    match states(&app).cancel(&id, &at.repository, &at.branch).await? {
        Cancelled::Yes => Ok(NoContent),
        Cancelled::Over => {
            Err(Problem::new(axum::http::StatusCode::CONFLICT, "the import is over: there is nothing to cancel"))
        }
    }
}

fn states(app: &App) -> ImportStates {
    ImportStates::new(app.accounts().database())
}

impl Import {
    async fn run(self) {
        let (states, id) = (self.states.clone(), self.id.clone());
        let beating = tokio::spawn(async move {
            loop {
                tokio::time::sleep(BEAT).await;
                // What cannot be noted now is noted by the next one.
                let _ = states.beat(&id).await;
            }
        });
        let mut objects = 0;
        let done = self.on_own_branch(&mut objects).await;
        beating.abort();
        let ended = match done {
            Ok(commit) => Ended::Commit(commit),
            Err(error) => {
                let hint = error.hint().map_or_else(String::new, |hint| format!("; {hint}"));
                tracing::info!(id = self.id, %error, "an import ended without a commit");
                Ended::Error(format!("{}{hint}", error.message()))
            }
        };
        let (commit, error) = match &ended {
            Ended::Commit(commit) => (Some(commit.id.clone()), None),
            Ended::Error(message) => (None, Some(message.clone())),
        };
        let import = json!({"import_id": self.id, "objects": objects, "commit_id": commit, "error": error});
        ingested(&self.app, &self.account, (self.repository.name(), self.onto.name()), import).await;
        if let Err(error) = self.states.end(&self.id, objects, &ended).await {
            tracing::error!(id = self.id, %error, "what an import came to could not be noted");
        }
    }

    async fn on_own_branch(&self, objects: &mut i64) -> Result<Commit> {
        let own = self.repository.branch(self.own.as_str());
        let own = own.create_async(&format!("{}@", self.onto.name())).await?;
        let done = self.bring(&own, objects).await;
        // Nothing is on it that is not elsewhere.
        if let Err(error) = own.delete_async().await {
            tracing::warn!(branch = own.name(), %error, "the branch of an import could not be deleted");
        }
        done
    }

    async fn bring(&self, own: &Branch, objects: &mut i64) -> Result<Commit> {
        for source in &self.sources {
            self.check(*objects).await?;
            let brought = source.bring(self.app.lake(), own, &self.text).await?;
            *objects += i64::try_from(brought).unwrap_or(i64::MAX);
        }
        self.check(*objects).await?;
        let how = MergeOptions::default().message(self.message.clone());
        match self.onto.merge_async(own.name(), &how).await? {
            MergeResult::Merged(commit) => {
                let at = (self.repository.name(), self.onto.name());
                committed(&self.app, &self.account, at, "import", &commit).await;
                Ok(commit.into())
            }
            _ => {
                let message = "somebody changed the same paths meanwhile: nothing was imported; begin it anew";
                Err(Error::new(ErrorKind::Conflict, message))
            }
        }
    }

    async fn check(&self, objects: i64) -> Result<()> {
        match self.states.goes_on(&self.id, objects).await? {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Conflict, "the import was cancelled: nothing was imported")),
        }
    }
}
