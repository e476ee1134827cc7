//! From the credentials of a request to an account, and what that may.

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use datlake::Result;

use super::accounts::{Account, AccountKind, Accounts, Grant, ROOT};
use super::pattern::Resource;
use super::role::AccessRole;
use super::secret;
use super::sessions::{PageSession, SignedInBy, session_in};
use crate::problem::{Problem, Reply};
use crate::settings::Root;
use axum::http::StatusCode;

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Caller(Account);

/// Knows who asks.
#[derive(Clone)]
pub(crate) struct Callers {
    accounts: Accounts,
    root: Root,
}

impl Callers {
    pub(crate) fn new(accounts: Accounts, root: Root) -> Self {
        Self { accounts, root }
    }

    /// Whoever a request says it is from.
    ///
    /// # Errors
    /// 401, without a word on what is wrong with the credentials.
    pub(crate) async fn of(&self, headers: &HeaderMap) -> Reply<Caller> {
        let said = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let (scheme, rest) = said.and_then(|said| said.split_once(' ')).unwrap_or_default();
        let found = match scheme.to_ascii_lowercase().as_str() {
            "basic" => match basic(rest.trim()) {
                Some((id, secret)) => self.of_key_pair(&id, &secret).await?,
                None => None,
            },
            "bearer" => self.of_token(rest.trim()).await?,
            _ => None,
        };
        found.map(Caller).ok_or_else(|| {
            let message = "this needs credentials: a key pair by HTTP Basic, or a token as `Authorization: Bearer`";
            Problem::new(StatusCode::UNAUTHORIZED, message)
                .with_header(header::WWW_AUTHENTICATE, "Basic realm=\"datlake\"")
        })
    }

    /// Whoever a request says it is from, or who is signed in on the page it is from.
    ///
    /// # Errors
    /// As [`Callers::of`].
    pub(crate) async fn of_either(&self, headers: &HeaderMap) -> Reply<Caller> {
        // A page of somebody else may send the cookie, where it is of the same site. It is not to be heard.
        let site = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
        let is_own = site.is_none_or(|site| site == "same-origin" || site == "none");
        if !headers.contains_key(header::AUTHORIZATION)
            && is_own
            && let Some((caller, _)) = self.of_session(headers).await?
        {
            return Ok(caller);
        }
        self.of(headers).await
    }

    /// Who is signed in on the page that a request is from.
    pub(crate) async fn of_session(&self, headers: &HeaderMap) -> Result<Option<(Caller, PageSession)>> {
        let Some(cookie) = session_in(headers) else { return Ok(None) };
        let found = self.accounts.session(cookie, self.root_hash().as_deref()).await?;
        Ok(found.map(|(session, account)| (Caller(account.unwrap_or_else(root_account)), session)))
    }

    /// Whose key pair this is, where `secret` is its secret, or whose token that is where there is no id: what a session is begun with.
    pub(crate) async fn signing_in(&self, id: &str, secret: &str) -> Result<Option<(Option<String>, SignedInBy)>> {
        let (found, by) = match id {
            "" => {
                let id = secret::id_of_token(secret).unwrap_or_default().to_owned();
                (self.of_token(secret).await?, SignedInBy::Token(id))
            }
            id => (self.of_key_pair(id, secret).await?, SignedInBy::KeyPair(id.to_owned())),
        };
        match (found, self.root_hash()) {
            (Some(found), Some(hash)) if found.name == ROOT => Ok(Some((None, SignedInBy::Root(hash)))),
            (Some(found), _) => Ok(Some((Some(self.accounts.id_of(&found.name).await?), by))),
            (None, _) => Ok(None),
        }
    }

    /// Whom a link is for that a server says when it begins: the root, or whoever may do everything; `None` of both where there is neither.
    pub(crate) async fn administrator(&self) -> Result<Option<(Option<String>, SignedInBy)>> {
        if let Some(hash) = self.root_hash() {
            return Ok(Some((None, SignedInBy::Root(hash))));
        }
        let may = |grant: &Grant| grant.role == AccessRole::Admin && grant.pattern.is_everything();
        let all = self.accounts.list().await?;
        let found = all.iter().find(|account| account.kind == AccountKind::Person && account.grants.iter().any(may));
        match found {
            Some(found) => Ok(Some((Some(self.accounts.id_of(&found.name).await?), SignedInBy::Link))),
            None => Ok(None),
        }
    }

    /// A hash of all credentials of the environment; `None` where there are none.
    pub(crate) fn root_hash(&self) -> Option<String> {
        let Root { key_pair, token } = &self.root;
        let (id, secret) = key_pair.clone().unzip();
        let all = [id, secret, token.clone()];
        all.iter().any(Option::is_some).then(|| secret::hash(&format!("{all:?}")))
    }

    /// The secret of a key pair, with which its signatures are compared; `None` where there is no such pair that is good.
    pub(crate) async fn secret_of(&self, id: &str) -> Result<Option<String>> {
        match &self.root.key_pair {
            Some((root, secret)) if secret::is_same(root, id) => Ok(Some(secret.clone())),
            _ => Ok(self.accounts.secret_of(id).await?.map(|(_, secret)| secret)),
        }
    }

    /// Whose key pair a signature was made with, which was compared.
    pub(crate) async fn of_signer(&self, id: &str) -> Result<Option<Caller>> {
        match &self.root.key_pair {
            Some((root, _)) if secret::is_same(root, id) => Ok(Some(Caller(root_account()))),
            _ => Ok(self.accounts.of_signer(id).await?.map(Caller)),
        }
    }

    /// Whoever has that name.
    pub(crate) async fn named(&self, name: &str) -> Result<Option<Caller>> {
        // Its credentials may be those of another server of this database.
        if name == ROOT {
            return Ok(Some(Caller(root_account())));
        }
        Ok(self.accounts.named(name).await?.map(Caller))
    }

    async fn of_key_pair(&self, id: &str, secret: &str) -> Result<Option<Account>> {
        if let Some((root, expected)) = &self.root.key_pair
            && secret::is_same(root, id)
        {
            return Ok(secret::is_same(expected, secret).then(root_account));
        }
        self.accounts.of_key_pair(id, secret).await
    }

    async fn of_token(&self, token: &str) -> Result<Option<Account>> {
        if self.root.token.as_ref().is_some_and(|root| secret::is_same(root, token)) {
            return Ok(Some(root_account()));
        }
        self.accounts.of_token(token).await
    }
}

fn root_account() -> Account {
    let grants = "*".parse().map(|pattern| Grant { role: AccessRole::Admin, pattern });
    Account { name: ROOT.to_owned(), kind: AccountKind::Machine, created_at: 0, grants: grants.into_iter().collect() }
}

fn basic(encoded: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    text.split_once(':').map(|(id, secret)| (id.to_owned(), secret.to_owned()))
}

impl Caller {
    /// Whoever may do everything.
    #[cfg(test)]
    pub(crate) fn of_root() -> Self {
        Self(root_account())
    }

    /// What stands in commits.
    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    /// What it may.
    pub(crate) fn grants(&self) -> &[Grant] {
        &self.0.grants
    }

    pub(crate) fn created_at(&self) -> i64 {
        self.0.created_at
    }

    /// Whether it may know that there is such a thing.
    pub(crate) fn sees(&self, resource: &Resource) -> bool {
        self.0.grants.iter().any(|grant| grant.pattern.concerns(resource))
    }

    /// Whether there may be something that it may know of whose name begins with `prefix`, which ends in `/`.
    pub(crate) fn sees_below(&self, kind: &str, prefix: &str) -> bool {
        self.0.grants.iter().any(|grant| grant.pattern.concerns_below(kind, prefix))
    }

    /// Whether it may read all that there is.
    pub(crate) fn reads_everything(&self) -> bool {
        self.0.grants.iter().any(|grant| grant.pattern.is_everything())
    }

    /// Refuses a caller without that role on everything.
    ///
    /// # Errors
    /// 403.
    pub(crate) fn needs_everywhere(&self, role: AccessRole) -> Reply<()> {
        if self.0.grants.iter().any(|grant| grant.role >= role && grant.pattern.is_everything()) {
            return Ok(());
        }
        let message = format!(
            "`{}` lacks the role `{role}` on `*`: an administrator grants it by `datlake grant add`",
            self.0.name
        );
        Err(Problem::new(StatusCode::FORBIDDEN, message))
    }

    /// Refuses what it may not do, and says what is missing.
    ///
    /// # Errors
    /// 403.
    pub(crate) fn needs(&self, role: AccessRole, resource: &Resource) -> Reply<()> {
        let may = |grant: &Grant| grant.role >= role && grant.pattern.covers(resource);
        // Reading is of a whole repository.
        let reads = role == AccessRole::Reader && self.sees(resource);
        if reads || self.0.grants.iter().any(may) {
            return Ok(());
        }
        let message = format!(
            "`{}` lacks the role `{role}` on `{resource}`: an administrator grants it by `datlake grant add`",
            self.0.name
        );
        Err(Problem::new(StatusCode::FORBIDDEN, message))
    }
}
