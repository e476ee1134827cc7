//! Who is signed in on the page. A session is a cookie, of which the database has the hash; it ends with the credential that it was begun with.

use axum::http::{HeaderMap, header};
use datlake::{Error, ErrorKind, Result};

use super::accounts::{Account, Accounts};
use super::secret;
use crate::database::{failed, now};

/// So long a session goes on, in seconds.
pub(crate) const LONGEST: i64 = 12 * 3600;
/// What the cookie is called; behind TLS with what keeps it from being set by others.
const COOKIES: [&str; 2] = ["__Host-datlake_session", "datlake_session"];

/// What somebody signed in with: the session ends with that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SignedInBy {
    Link,
    Token(String),
    KeyPair(String),
    /// The credentials of the environment, by a hash of all of them.
    Root(String),
}

/// A session that somebody asks in.
#[derive(Clone)]
pub(crate) struct PageSession {
    pub(crate) id: String,
    /// What its forms have in them.
    pub(crate) form_token: String,
}

/// A session in a list.
#[derive(Clone, Debug)]
pub(crate) struct ListedSession {
    pub(crate) id: String,
    /// Of the root where there is none.
    pub(crate) account: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) expires_at: i64,
}

impl Accounts {
    /// Begins a session: its cookie.
    pub(crate) async fn begin_session(&self, account: Option<&str>, by: &SignedInBy) -> Result<String> {
        let (id, session) = secret::new_session()?;
        let (token, key_pair, root) = match by.clone() {
            SignedInBy::Link => (None, None, None),
            SignedInBy::Token(id) => (Some(id), None, None),
            SignedInBy::KeyPair(id) => (None, Some(id), None),
            SignedInBy::Root(hash) => (None, None, Some(hash)),
        };
        // Those that ended are nobody's.
        let old = sqlx::query("DELETE FROM page_sessions WHERE expires_at <= $1").bind(now());
        self.database().write(old).await?;
        let sql = "INSERT INTO page_sessions (id, hash, account, token, key_pair, root, created_at, expires_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let query = sqlx::query(sql).bind(id).bind(secret::hash(&session)).bind(account.map(str::to_owned));
        let query = query.bind(token).bind(key_pair).bind(root).bind(now()).bind(now().saturating_add(LONGEST));
        self.database().write(query).await?;
        Ok(session)
    }

    /// The session of this cookie, if it is good, and whose it is: `None` of the root, whose credentials have this hash.
    pub(super) async fn session(
        &self,
        cookie: &str,
        root: Option<&str>,
    ) -> Result<Option<(PageSession, Option<Account>)>> {
        let Some(id) = secret::id_of_session(cookie) else { return Ok(None) };
        let sql = "SELECT s.hash, s.account, s.root FROM page_sessions s \
                   WHERE s.id = $1 AND s.revoked_at IS NULL AND s.expires_at > $2 \
                   AND (s.token IS NULL OR EXISTS (SELECT 1 FROM tokens c WHERE c.id = s.token \
                        AND c.revoked_at IS NULL AND (c.expires_at IS NULL OR c.expires_at > $2))) \
                   AND (s.key_pair IS NULL OR EXISTS (SELECT 1 FROM key_pairs c WHERE c.id = s.key_pair \
                        AND c.revoked_at IS NULL AND (c.expires_at IS NULL OR c.expires_at > $2)))";
        let query = sqlx::query_as::<_, (String, Option<String>, Option<String>)>(sql).bind(id.to_owned()).bind(now());
        let found = query.fetch_optional(self.database().pool()).await.map_err(|e| failed("read", e))?;
        let Some((hash, account, of_root)) = found else { return Ok(None) };
        if !secret::is_hash_of(&hash, cookie) {
            return Ok(None);
        }
        let session = PageSession { id: id.to_owned(), form_token: secret::form_token(cookie) };
        match account {
            Some(account) => Ok(self.account(&account).await?.map(|account| (session, Some(account)))),
            None if of_root.is_some() && of_root.as_deref() == root => Ok(Some((session, None))),
            None => Ok(None),
        }
    }

    /// Sessions that go on, the latest first: up to `most` behind the one with the id `after`, of this account or of all.
    pub(crate) async fn sessions(&self, account: Option<&str>, after: &str, most: i64) -> Result<Vec<ListedSession>> {
        let sql = "SELECT s.id, a.name, s.created_at, s.expires_at FROM page_sessions s \
                   LEFT JOIN accounts a ON a.id = s.account WHERE s.revoked_at IS NULL AND s.expires_at > $1 \
                   AND ($2 = '' OR a.name = $2) AND ($4 = '' OR (s.created_at, s.id) < \
                   (SELECT b.created_at, b.id FROM page_sessions b WHERE b.id = $4)) \
                   ORDER BY s.created_at DESC, s.id DESC LIMIT $3";
        let query = sqlx::query_as::<_, (String, Option<String>, i64, i64)>(sql).bind(now());
        let query = query.bind(account.unwrap_or_default().to_owned()).bind(most).bind(after.to_owned());
        let rows = query.fetch_all(self.database().pool());
        let of = |(id, account, created_at, expires_at)| ListedSession { id, account, created_at, expires_at };
        Ok(rows.await.map_err(|e| failed("read", e))?.into_iter().map(of).collect())
    }

    /// Ends a session now: of this account, or whosever it is.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where there is none that goes on.
    pub(crate) async fn revoke_session(&self, id: &str, account: Option<&str>) -> Result<()> {
        let sql = "UPDATE page_sessions SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL AND \
                   ($3 = '' OR account = (SELECT a.id FROM accounts a WHERE a.name = $3))";
        let query = sqlx::query(sql).bind(now()).bind(id.to_owned()).bind(account.unwrap_or_default().to_owned());
        match self.database().write(query).await? {
            0 => Err(Error::new(ErrorKind::NotFound, "there is no such session that goes on")),
            _ => Ok(()),
        }
    }
}

/// The cookie of a session that a request has.
pub(super) fn session_in(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    pairs.find(|(name, value)| COOKIES.contains(name) && secret::id_of_session(value).is_some()).map(|(_, value)| value)
}

/// What a browser keeps: nothing of it is for scripts, or for requests that other pages make. Without a session it forgets that.
pub(crate) fn cookie_of(session: Option<&str>, is_secure: bool) -> String {
    let [of_tls, plain] = COOKIES;
    let (name, secure) = if is_secure { (of_tls, "; Secure") } else { (plain, "") };
    let (value, age) = session.map_or(("", 0), |session| (session, LONGEST));
    format!("{name}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}")
}
