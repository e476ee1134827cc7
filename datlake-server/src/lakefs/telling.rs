//! Events of what was done in repositories.
//!
//! The lake is the truth of it: what a server did that died before it wrote the event has none, and an event that cannot be written takes nothing back.

use datlake::report::CommitInfo;
use serde_json::{Value, json};

use crate::access::Resource;
use crate::app::App;
use crate::events::{EventType, NewEvent, StateChange};

/// Says that `account` led a branch to a commit, by this `action`.
pub(super) async fn committed(app: &App, account: &str, at: (&str, &str), action: &str, commit: &CommitInfo) {
    let (id, parents) = (commit.id.to_string(), commit.parents.iter().map(ToString::to_string).collect::<Vec<_>>());
    let data = json!({"action": action, "repository": at.0, "branch": at.1, "commit_id": id, "parents": parents});
    tell(app, account, at, EventType::COMMIT, data).await;
}

/// Says that an import ended: with a commit, or why not.
pub(super) async fn ingested(app: &App, account: &str, at: (&str, &str), import: Value) {
    tell(app, account, at, EventType::INGESTION, import).await;
}

async fn tell(app: &App, account: &str, (repository, branch): (&str, &str), kind: EventType, data: Value) {
    let told = async {
        let mut change = StateChange::begin(app.database(), account).await?;
        change.note(NewEvent { kind, subject: Resource::reference(repository, branch), run: None, data });
        change.commit().await
    };
    if let Err(error) = told.await {
        tracing::error!(%error, repository, branch, "what was done has no event");
    }
}
