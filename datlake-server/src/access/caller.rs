//! From the credentials of a request to an account, and what that may.

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use datlake::Result;

use super::accounts::{Account, AccountKind, Accounts, Grant, ROOT};
use super::pattern::Resource;
use super::role::AccessRole;
use super::secret;
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

    pub(crate) fn created_at(&self) -> i64 {
        self.0.created_at
    }

    /// Whether it may know that there is such a thing.
    pub(crate) fn sees(&self, resource: &Resource) -> bool {
        self.0.grants.iter().any(|grant| grant.pattern.concerns(resource))
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
