//! Accounts, their key pairs and tokens, and what is granted to them.

use std::os::unix::fs::DirBuilderExt as _;

use datlake::{Error, ErrorKind, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::Any;
use sqlx::any::AnyArguments;
use sqlx::query::Query;

use super::pattern::{Pattern, Resource};
use super::role::AccessRole;
use super::sealing::Sealing;
use super::secret;
use crate::database::{Database, failed, now};
use crate::events::{EventType, NewEvent, StateChange};
use crate::settings::ServerSettings;

/// The name of whoever has the credentials of the environment, who is in no database.
pub(super) const ROOT: &str = "root";

/// Who an account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// A person.
    Person,
    /// A program.
    Machine,
}

impl AccountKind {
    /// As the database has it.
    pub(super) fn of(text: &str) -> Self {
        if text == "machine" { Self::Machine } else { Self::Person }
    }
}

/// Somebody who may ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Account {
    /// Its name, which stands in commits: an address, or what a machine is called.
    pub name: String,
    /// Who it is.
    pub kind: AccountKind,
    /// When it was created, in seconds since 1970.
    pub created_at: i64,
    /// What it may.
    pub grants: Vec<Grant>,
}

/// A role on what a pattern names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Grant {
    /// The role.
    pub role: AccessRole,
    /// What it is for.
    pub pattern: Pattern,
}

/// A key pair, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyPair {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub account: String,
    /// When it was created, in seconds since 1970.
    pub created_at: i64,
    /// When it ends.
    pub expires_at: Option<i64>,
    /// When it was revoked.
    pub revoked_at: Option<i64>,
}

/// A token, without its secret.
pub type Token = KeyPair;

/// A key pair that was made now: nobody sees the secret again.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NewKeyPair {
    /// Its id.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
}

/// A token that was made now: nobody sees it again.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NewToken {
    /// Its id, by which it is revoked.
    pub id: String,
    /// All of it.
    pub token: String,
}

/// The accounts of a server, for whoever administers it. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    database: Database,
    sealing: std::sync::Arc<Sealing>,
}

impl Accounts {
    /// Those of the server that has these settings.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] where its database cannot be reached; [`ErrorKind::Config`] where it is a newer server's, or the key is
    /// refused.
    pub async fn open(settings: &ServerSettings) -> Result<Self> {
        // Nobody else is to read what is in it, whatever that is.
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&settings.folder)
            .map_err(|e| Error::io("create", settings.folder.display(), e))?;
        let database = Database::open(settings.database_url.as_deref(), &settings.folder).await?;
        let sealing = Sealing::open(settings.secret_key.as_deref(), &settings.folder)?;
        let accounts = Self { database, sealing: sealing.into() };
        if let Err(error) = accounts.check_secrets().await {
            tracing::error!(%error, "key pairs are of no use");
        }
        Ok(accounts)
    }

    /// Whether the key is the one that the latest key pair was sealed with.
    pub(crate) async fn check_secrets(&self) -> Result<()> {
        let sql = "SELECT id, sealed FROM key_pairs WHERE revoked_at IS NULL ORDER BY created_at DESC LIMIT 1";
        let query = sqlx::query_as::<_, (String, String)>(sql).fetch_optional(self.database.pool());
        let latest = query.await.map_err(|e| failed("read", e))?;
        latest.map_or(Ok(()), |(id, sealed)| self.sealing.unseal(&id, &sealed).map(drop))
    }

    /// Ends what is open.
    pub async fn close(&self) {
        self.database.close().await;
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// Creates an account.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] where there is one; [`ErrorKind::InvalidInput`] for what cannot be a name.
    pub async fn create(&self, name: &str, kind: AccountKind) -> Result<()> {
        check_name(name)?;
        let kind = match kind {
            AccountKind::Person => "person",
            AccountKind::Machine => "machine",
        };
        let sql = "INSERT INTO accounts (id, name, kind, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
        let query = sqlx::query(sql).bind(secret::new_id()?).bind(name).bind(kind).bind(now());
        match self.changed(query, name, json!({"action": "create"})).await? {
            0 => Err(Error::new(ErrorKind::AlreadyExists, format!("there is an account `{name}`"))),
            _ => Ok(()),
        }
    }

    /// Deletes an account, with its credentials and what is granted to it.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where there is none.
    pub async fn delete(&self, name: &str) -> Result<()> {
        let id = self.id_of(name).await?;
        // What refers to it goes with it: the tables say so.
        let query = sqlx::query("DELETE FROM accounts WHERE id = $1").bind(id);
        self.changed(query, name, json!({"action": "delete"})).await.map(drop)
    }

    /// Grants a role on what a pattern names; what is granted already is fine.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where there is no such account.
    pub async fn grant(&self, name: &str, role: AccessRole, pattern: &Pattern) -> Result<()> {
        let id = self.id_of(name).await?;
        let sql =
            "INSERT INTO grants (account, role, pattern, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
        let query = sqlx::query(sql).bind(id).bind(role.as_str()).bind(pattern.to_string()).bind(now());
        let granted = json!({"action": "grant", "role": role, "pattern": pattern});
        self.changed(query, name, granted).await.map(drop)
    }

    /// Takes a grant back.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where there is no such account or grant.
    pub async fn revoke_grant(&self, name: &str, role: AccessRole, pattern: &Pattern) -> Result<()> {
        let id = self.id_of(name).await?;
        let query = sqlx::query("DELETE FROM grants WHERE account = $1 AND role = $2 AND pattern = $3");
        let query = query.bind(id).bind(role.as_str()).bind(pattern.to_string());
        match self.changed(query, name, json!({"action": "revoke", "role": role, "pattern": pattern})).await? {
            0 => Err(Error::new(ErrorKind::NotFound, format!("`{name}` is not granted `{role}` on `{pattern}`"))),
            _ => Ok(()),
        }
    }

    /// Makes a key pair, which ends after so many seconds.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where there is no such account.
    pub async fn create_key_pair(&self, name: &str, seconds: Option<i64>) -> Result<NewKeyPair> {
        let account = self.id_of(name).await?;
        let (id, secret) = secret::new_key_pair()?;
        let sealed = self.sealing.seal(&id, &secret)?;
        let sql = "INSERT INTO key_pairs (id, account, sealed, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)";
        let query = sqlx::query(sql).bind(&id).bind(account).bind(sealed).bind(now()).bind(ends(seconds));
        self.changed(query, name, json!({"action": "create_key_pair", "id": id})).await?;
        Ok(NewKeyPair { access_key_id: id, secret_access_key: secret })
    }

    /// Makes a token, which ends after so many seconds.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where there is no such account.
    pub async fn create_token(&self, name: &str, seconds: Option<i64>) -> Result<NewToken> {
        let account = self.id_of(name).await?;
        let (id, token) = secret::new_token()?;
        let sql = "INSERT INTO tokens (id, account, hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)";
        let query = sqlx::query(sql).bind(&id).bind(account).bind(secret::hash(&token)).bind(now()).bind(ends(seconds));
        self.changed(query, name, json!({"action": "create_token", "id": id})).await?;
        Ok(NewToken { id, token })
    }

    /// Changes something of an account, and writes the event of that where anything has changed: how many rows have. Who did it the audit trail
    /// says, where it was asked of a server.
    pub(super) async fn changed(
        &self,
        query: Query<'_, Any, AnyArguments>,
        name: &str,
        mut data: serde_json::Value,
    ) -> Result<u64> {
        let mut change = StateChange::begin(&self.database, "").await?;
        let rows = query.execute(change.sql()).await.map_err(|e| failed("write to", e))?.rows_affected();
        if rows > 0 {
            data["account"] = name.into();
            change.note(NewEvent { kind: EventType::ACCESS, subject: Resource::account(name), run: None, data });
        }
        change.commit().await?;
        Ok(rows)
    }

    pub(super) async fn id_of(&self, name: &str) -> Result<String> {
        let query = sqlx::query_as::<_, (String,)>("SELECT id FROM accounts WHERE name = $1").bind(name);
        let found = query.fetch_optional(self.database.pool()).await.map_err(|e| failed("read", e))?;
        let missing = || {
            let error = Error::new(ErrorKind::NotFound, format!("there is no account `{}`", name.escape_debug()));
            error.with_hint("`datlake user list` shows them")
        };
        found.map(|(id,)| id).ok_or_else(missing)
    }

    async fn grants_of(&self, id: &str) -> Result<Vec<Grant>> {
        let query = sqlx::query_as::<_, (String, String)>(
            "SELECT role, pattern FROM grants WHERE account = $1 ORDER BY pattern, role",
        );
        let rows = query.bind(id).fetch_all(self.database.pool()).await.map_err(|e| failed("read", e))?;
        rows.into_iter().map(|(role, pattern)| Ok(Grant { role: role.parse()?, pattern: pattern.parse()? })).collect()
    }

    /// The account of that name.
    pub(super) async fn named(&self, name: &str) -> Result<Option<Account>> {
        let query = sqlx::query_as::<_, (String,)>("SELECT id FROM accounts WHERE name = $1").bind(name.to_owned());
        let found = query.fetch_optional(self.database.pool()).await.map_err(|e| failed("read", e))?;
        match found {
            Some((id,)) => self.account(&id).await,
            None => Ok(None),
        }
    }

    /// The account whose key pair this is, if it is good.
    pub(super) async fn of_key_pair(&self, id: &str, said: &str) -> Result<Option<Account>> {
        let Some((account, secret)) = self.secret_of(id).await? else { return Ok(None) };
        if secret::is_same(&secret, said) { self.account(&account).await } else { Ok(None) }
    }

    /// The account whose token this is, if it is good.
    pub(super) async fn of_token(&self, token: &str) -> Result<Option<Account>> {
        let Some(id) = secret::id_of_token(token) else { return Ok(None) };
        let sql = "SELECT account, hash FROM tokens \
                   WHERE id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)";
        let query = sqlx::query_as::<_, (String, String)>(sql).bind(id).bind(now());
        match query.fetch_optional(self.database.pool()).await.map_err(|e| failed("read", e))? {
            Some((account, hash)) if secret::is_hash_of(&hash, token) => self.account(&account).await,
            _ => Ok(None),
        }
    }

    /// The account whose key pair this is, if it is good: whoever asks has compared a signature with its secret.
    pub(super) async fn of_signer(&self, id: &str) -> Result<Option<Account>> {
        let Some((account, _)) = self.secret_of(id).await? else { return Ok(None) };
        self.account(&account).await
    }

    /// The id of the account whose key pair this is, and its secret, if it is good.
    pub(super) async fn secret_of(&self, id: &str) -> Result<Option<(String, String)>> {
        let sql = "SELECT account, sealed FROM key_pairs \
                   WHERE id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)";
        let query = sqlx::query_as::<_, (String, String)>(sql).bind(id).bind(now());
        let found = query.fetch_optional(self.database.pool()).await.map_err(|e| failed("read", e))?;
        found.map(|(account, sealed)| Ok((account, self.sealing.unseal(id, &sealed)?))).transpose()
    }

    pub(super) async fn account(&self, id: &str) -> Result<Option<Account>> {
        let query =
            sqlx::query_as::<_, (String, String, i64)>("SELECT name, kind, created_at FROM accounts WHERE id = $1");
        let found = query.bind(id).fetch_optional(self.database.pool()).await.map_err(|e| failed("read", e))?;
        let Some((name, kind, created_at)) = found else { return Ok(None) };
        let kind = AccountKind::of(&kind);
        Ok(Some(Account { name, kind, created_at, grants: self.grants_of(id).await? }))
    }
}

fn check_name(name: &str) -> Result<()> {
    let is_fine = |c: char| c.is_alphanumeric() || "@._+-".contains(c);
    if (1..=200).contains(&name.len()) && name.chars().all(is_fine) && name != ROOT {
        return Ok(());
    }
    let shown: String = name.chars().take(80).flat_map(char::escape_debug).collect();
    let error = Error::new(ErrorKind::InvalidInput, format!("`{shown}` cannot be the name of an account"));
    Err(error.with_hint("it has letters, digits and `@._+-`, at most 200 bytes, and is not `root`"))
}

fn ends(seconds: Option<i64>) -> Option<i64> {
    seconds.map(|seconds| now().saturating_add(seconds))
}

impl std::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accounts").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for NewKeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewKeyPair").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for NewToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewToken").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_refers_to_a_deleted_account_goes_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let lake = datlake::Lake::temp().unwrap();
        let settings = ServerSettings { folder: folder.path().join("server"), ..ServerSettings::of(&lake) };
        let accounts = Accounts::open(&settings).await.unwrap();
        accounts.create("ada", AccountKind::Person).await.unwrap();
        accounts.create_key_pair("ada", None).await.unwrap();
        accounts.create_token("ada", None).await.unwrap();
        accounts.grant("ada", AccessRole::Reader, &"*".parse().unwrap()).await.unwrap();
        accounts.delete("ada").await.unwrap();
        for sql in ["SELECT COUNT(*) FROM key_pairs", "SELECT COUNT(*) FROM tokens", "SELECT COUNT(*) FROM grants"] {
            let (left,): (i64,) = sqlx::query_as(sql).fetch_one(accounts.database.pool()).await.unwrap();
            assert_eq!(left, 0, "{sql}");
        }
        let refused = accounts.create(ROOT, AccountKind::Person).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&settings.folder).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
