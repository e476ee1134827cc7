//! Who runs the process, and where.

use std::sync::OnceLock;

use datlake_core::lineage::{Person, PersonSource};

/// The machine's name.
pub(super) fn host() -> &'static str {
    static HOST: OnceLock<String> = OnceLock::new();
    HOST.get_or_init(|| gethostname::gethostname().to_string_lossy().into_owned())
}

/// The configured address, else git's, else the login name at this host.
pub(super) fn find(configured: Option<&str>) -> Person {
    if let Some(email) = configured.map(str::trim).filter(|email| !email.is_empty()) {
        return Person { email: email.to_owned(), source: PersonSource::Config };
    }
    if let Some(email) = git_email() {
        return Person { email, source: PersonSource::Git };
    }
    let login = ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let login = login.filter(|login| !login.is_empty()).unwrap_or_else(|| "unknown".to_owned());
    Person { email: format!("{login}@{}", host()), source: PersonSource::Login }
}

#[cfg(feature = "git")]
fn git_email() -> Option<String> {
    // The repository's own setting first, as git itself has it.
    let here = git2::Repository::discover(".").and_then(|repository| repository.config());
    let config = here.or_else(|_| git2::Config::open_default()).ok()?;
    config.get_string("user.email").ok().filter(|email| !email.trim().is_empty())
}

#[cfg(not(feature = "git"))]
fn git_email() -> Option<String> {
    None
}
