//! How far imports are: in the database, so that any server answers, and a server that ended is noticed.

use datlake::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use super::wire::Commit;
use crate::database::{Database, failed, now};

/// A server that says nothing of its import for so long, in seconds, has ended.
const SILENCE: i64 = 60;
/// What an import came to is kept so long, in seconds.
const KEPT: i64 = 7 * 24 * 3600;

/// The imports of a database.
#[derive(Clone)]
pub(super) struct ImportStates(Database);

/// What an import came to.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ended {
    Commit(Commit),
    Error(String),
}

/// How far an import is.
pub(super) struct ImportState {
    pub(super) updated_at: i64,
    pub(super) objects: i64,
    pub(super) ended: Option<Ended>,
}

/// What cancelling an import came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cancelled {
    /// It will end.
    Yes,
    /// It has ended already.
    Over,
}

impl ImportStates {
    pub(super) fn new(database: &Database) -> Self {
        Self(database.clone())
    }

    /// Notes an import that begins, and forgets those that ended long ago.
    pub(super) async fn begin(&self, id: &str, repository: &str, branch: &str) -> Result<()> {
        let old = sqlx::query("DELETE FROM imports WHERE updated_at < $1").bind(now() - KEPT);
        self.0.write(old).await?;
        let sql = "INSERT INTO imports (id, repository, branch, updated_at, objects) VALUES ($1, $2, $3, $4, 0)";
        let new = sqlx::query(sql).bind(id).bind(repository).bind(branch).bind(now());
        self.0.write(new).await.map(drop)
    }

    /// Notes that an import still goes on.
    pub(super) async fn beat(&self, id: &str) -> Result<()> {
        let noted = sqlx::query("UPDATE imports SET updated_at = $1 WHERE id = $2").bind(now()).bind(id);
        self.0.write(noted).await.map(drop)
    }

    /// Notes how many objects an import has put. `false` where it is to end.
    pub(super) async fn goes_on(&self, id: &str, objects: i64) -> Result<bool> {
        let sql = "UPDATE imports SET updated_at = $1, objects = $2 \
                   WHERE id = $3 AND cancelled_at IS NULL AND ended IS NULL";
        Ok(self.0.write(sqlx::query(sql).bind(now()).bind(objects).bind(id)).await? == 1)
    }

    /// Notes what an import came to.
    pub(super) async fn end(&self, id: &str, objects: i64, ended: &Ended) -> Result<()> {
        let ended = serde_json::to_string(ended).map_err(|e| Error::new(ErrorKind::Value, e.to_string()))?;
        let sql = "UPDATE imports SET updated_at = $1, objects = $2, ended = $3 WHERE id = $4 AND ended IS NULL";
        self.0.write(sqlx::query(sql).bind(now()).bind(objects).bind(ended).bind(id)).await.map(drop)
    }

    /// How far an import into that branch is.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where there is none.
    pub(super) async fn of(&self, id: &str, repository: &str, branch: &str) -> Result<ImportState> {
        let sql = "SELECT updated_at, objects, ended FROM imports WHERE id = $1 AND repository = $2 AND branch = $3";
        let row = sqlx::query_as::<_, (i64, i64, Option<String>)>(sql).bind(id).bind(repository).bind(branch);
        let row = row.fetch_optional(self.0.pool()).await.map_err(|e| failed("read", e))?;
        let Some((updated_at, objects, ended)) = row else {
            let shown: String = id.chars().take(80).flat_map(char::escape_debug).collect();
            return Err(Error::new(
                ErrorKind::NotFound,
                format!("there is no import `{shown}` into {repository}@{branch}"),
            ));
        };
        let ended = match ended {
            Some(ended) => {
                Some(serde_json::from_str(&ended).map_err(|e| Error::new(ErrorKind::Corrupt, e.to_string()))?)
            }
            None if now() - updated_at > SILENCE => {
                Some(Ended::Error("the server that did it has ended: nothing was imported; begin it anew".to_owned()))
            }
            None => None,
        };
        Ok(ImportState { updated_at, objects, ended })
    }

    /// Has an import end without a commit, if it is not over.
    ///
    /// # Errors
    /// As [`ImportStates::of`].
    pub(super) async fn cancel(&self, id: &str, repository: &str, branch: &str) -> Result<Cancelled> {
        if self.of(id, repository, branch).await?.ended.is_some() {
            return Ok(Cancelled::Over);
        }
        let sql = "UPDATE imports SET cancelled_at = $1 WHERE id = $2 AND ended IS NULL";
        let is_noted = self.0.write(sqlx::query(sql).bind(now()).bind(id)).await? == 1;
        Ok(if is_noted { Cancelled::Yes } else { Cancelled::Over })
    }
}
