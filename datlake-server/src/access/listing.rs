//! Accounts and credentials, listed; and credentials, ended.

use std::collections::HashMap;

use datlake::{Error, ErrorKind, Result};
use serde_json::json;

use super::accounts::{Account, AccountKind, Accounts, Grant, KeyPair, Token};
use crate::database::{failed, now};

/// A table of credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Credentials {
    KeyPairs,
    Tokens,
}

type Row = (String, String, i64, Option<i64>, Option<i64>);

macro_rules! credentials {
    ($table:literal, $rest:literal) => {
        concat!(
            "SELECT k.id, a.name, k.created_at, k.expires_at, k.revoked_at FROM ",
            $table,
            " k JOIN accounts a ON a.id = k.account WHERE ",
            $rest
        )
    };
}

impl Accounts {
    /// All accounts, sorted by name.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] where the database cannot be reached.
    pub async fn list(&self) -> Result<Vec<Account>> {
        self.accounts_behind("", i64::MAX).await
    }

    /// All key pairs, the oldest first.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] where the database cannot be reached.
    pub async fn key_pairs(&self) -> Result<Vec<KeyPair>> {
        self.credentials(Credentials::KeyPairs, None, "", i64::MAX).await
    }

    /// All tokens, the oldest first.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] where the database cannot be reached.
    pub async fn tokens(&self) -> Result<Vec<Token>> {
        self.credentials(Credentials::Tokens, None, "", i64::MAX).await
    }

    /// Ends a key pair now.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where there is none, or it was revoked.
    pub async fn revoke_key_pair(&self, id: &str) -> Result<()> {
        self.revoke(Credentials::KeyPairs, id).await
    }

    /// Ends a token now.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where there is none, or it was revoked.
    pub async fn revoke_token(&self, id: &str) -> Result<()> {
        self.revoke(Credentials::Tokens, id).await
    }

    async fn revoke(&self, table: Credentials, id: &str) -> Result<()> {
        let (sql, whose, what, action) = match table {
            Credentials::KeyPairs => (
                "UPDATE key_pairs SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL",
                "SELECT a.name FROM key_pairs k JOIN accounts a ON a.id = k.account WHERE k.id = $1",
                "key pair",
                "revoke_key_pair",
            ),
            Credentials::Tokens => (
                "UPDATE tokens SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL",
                "SELECT a.name FROM tokens k JOIN accounts a ON a.id = k.account WHERE k.id = $1",
                "token",
                "revoke_token",
            ),
        };
        let query = sqlx::query(sql).bind(now()).bind(id);
        let whose = sqlx::query_as::<_, (String,)>(whose).bind(id).fetch_optional(self.database().pool()).await;
        let whose = whose.map_err(|e| failed("read", e))?.map_or_else(String::new, |(name,)| name);
        match self.changed(query, &whose, json!({"action": action, "id": id})).await? {
            0 => {
                Err(Error::new(ErrorKind::NotFound, format!("there is no {what} `{}` that is good", id.escape_debug())))
            }
            _ => Ok(()),
        }
    }

    /// Up to `most` accounts whose names are behind `after`, sorted by name.
    pub(crate) async fn accounts_behind(&self, after: &str, most: i64) -> Result<Vec<Account>> {
        let sql = "SELECT id, name, kind, created_at FROM accounts WHERE name > $1 ORDER BY name LIMIT $2";
        let query = sqlx::query_as::<_, (String, String, String, i64)>(sql).bind(after.to_owned()).bind(most);
        let rows = query.fetch_all(self.database().pool()).await.map_err(|e| failed("read", e))?;
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(Vec::new()) };
        let mut grants = self.grants_between(&first.1, &last.1).await?;
        let of = |(id, name, kind, created_at): (String, String, String, i64)| Account {
            grants: grants.remove(&id).unwrap_or_default(),
            kind: AccountKind::of(&kind),
            name,
            created_at,
        };
        Ok(rows.into_iter().map(of).collect())
    }

    /// What is granted to the accounts between these names, by their ids.
    async fn grants_between(&self, first: &str, last: &str) -> Result<HashMap<String, Vec<Grant>>> {
        let sql = "SELECT g.account, g.role, g.pattern FROM grants g JOIN accounts a ON a.id = g.account \
                   WHERE a.name >= $1 AND a.name <= $2 ORDER BY g.pattern, g.role";
        let query = sqlx::query_as::<_, (String, String, String)>(sql).bind(first.to_owned()).bind(last.to_owned());
        let rows = query.fetch_all(self.database().pool()).await.map_err(|e| failed("read", e))?;
        let mut all: HashMap<String, Vec<Grant>> = HashMap::new();
        for (account, role, pattern) in rows {
            all.entry(account).or_default().push(Grant { role: role.parse()?, pattern: pattern.parse()? });
        }
        Ok(all)
    }

    /// Credentials, the oldest first: up to `most` behind the one with the id `after`, of this account or of all.
    pub(crate) async fn credentials(
        &self,
        table: Credentials,
        account: Option<&str>,
        after: &str,
        most: i64,
    ) -> Result<Vec<KeyPair>> {
        // What was created in the same second is distinguished by its id.
        let sql = match table {
            Credentials::KeyPairs => credentials!(
                "key_pairs",
                "($1 = '' OR a.name = $1) AND ($2 = '' OR (k.created_at, k.id) > \
                 (SELECT b.created_at, b.id FROM key_pairs b WHERE b.id = $2)) ORDER BY k.created_at, k.id LIMIT $3"
            ),
            Credentials::Tokens => credentials!(
                "tokens",
                "($1 = '' OR a.name = $1) AND ($2 = '' OR (k.created_at, k.id) > \
                 (SELECT b.created_at, b.id FROM tokens b WHERE b.id = $2)) ORDER BY k.created_at, k.id LIMIT $3"
            ),
        };
        let query = sqlx::query_as::<_, Row>(sql).bind(account.unwrap_or_default().to_owned()).bind(after.to_owned());
        let rows = query.bind(most).fetch_all(self.database().pool()).await.map_err(|e| failed("read", e))?;
        Ok(rows.into_iter().map(key_pair).collect())
    }

    /// One of them, whether it is good or not.
    pub(crate) async fn credential(&self, table: Credentials, id: &str) -> Result<Option<KeyPair>> {
        let sql = match table {
            Credentials::KeyPairs => credentials!("key_pairs", "k.id = $1"),
            Credentials::Tokens => credentials!("tokens", "k.id = $1"),
        };
        let query = sqlx::query_as::<_, Row>(sql).bind(id.to_owned()).fetch_optional(self.database().pool());
        Ok(query.await.map_err(|e| failed("read", e))?.map(key_pair))
    }
}

fn key_pair((id, account, created_at, expires_at, revoked_at): Row) -> KeyPair {
    KeyPair { id, account, created_at, expires_at, revoked_at }
}
