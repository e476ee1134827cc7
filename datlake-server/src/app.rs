//! What requests share: the lake, who may ask, and the repositories that were opened.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use datlake::{ErrorKind, Lake, Repository, Result};

use crate::access::{Accounts, Caller, Callers, SignInLinks};
use crate::audit::{AuditTrail, AuditWriter};
use crate::database::Database;
use crate::events::{EventHub, StateChange};
use crate::metrics::RequestMetrics;
use crate::problem::{Problem, Reply};
use crate::settings::{ConfigSummary, ServerSettings};

/// So many repositories are kept open, with what was read of them.
const OPEN: usize = 256;

/// What requests share. Cheap to clone.
#[derive(Clone)]
pub(crate) struct App(Arc<Shared>);

struct Shared {
    lake: Lake,
    accounts: Accounts,
    callers: Callers,
    links: SignInLinks,
    alone: bool,
    events: EventHub,
    audit: AuditTrail,
    metrics: RequestMetrics,
    summary: ConfigSummary,
    largest_object: u64,
    folder: PathBuf,
    import_from: Vec<String>,
    open: Mutex<HashMap<String, Repository>>,
}

impl App {
    /// With what writes its audit trail, which runs beside it.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] where something else than a URL is to be imported from.
    pub(crate) fn new(lake: &Lake, accounts: Accounts, settings: &ServerSettings) -> Result<(Self, AuditWriter)> {
        let addresses: Vec<&String> = settings.import_from.iter().filter(|from| !from.starts_with("lake://")).collect();
        lake.allow_addresses(&addresses)?;
        let callers = Callers::new(accounts.clone(), settings.root.clone());
        let events = EventHub::new(accounts.database());
        let (audit, writer) = AuditTrail::new(accounts.database());
        let summary = ConfigSummary::of(lake, settings);
        let (lake, largest_object, folder) = (lake.clone(), settings.largest_object, settings.folder.clone());
        let (import_from, open) = (settings.import_from.clone(), Mutex::default());
        let (links, alone) = (SignInLinks::default(), settings.alone);
        let shared = Shared {
            lake,
            accounts,
            callers,
            links,
            alone,
            events,
            audit,
            metrics: RequestMetrics::default(),
            summary,
            largest_object,
            folder,
            import_from,
            open,
        };
        Ok((Self(Arc::new(shared)), writer))
    }

    pub(crate) fn lake(&self) -> &Lake {
        &self.0.lake
    }

    pub(crate) fn accounts(&self) -> &Accounts {
        &self.0.accounts
    }

    pub(crate) fn database(&self) -> &Database {
        self.0.accounts.database()
    }

    /// Who waits for events.
    pub(crate) fn events(&self) -> &EventHub {
        &self.0.events
    }

    /// Who changed what.
    pub(crate) fn audit(&self) -> &AuditTrail {
        &self.0.audit
    }

    /// Requests to it.
    pub(crate) fn metrics(&self) -> &RequestMetrics {
        &self.0.metrics
    }

    /// What it was started with, without secrets.
    pub(crate) fn summary(&self) -> &ConfigSummary {
        &self.0.summary
    }

    /// A change that `caller` makes.
    pub(crate) async fn change(&self, caller: &Caller) -> Reply<StateChange> {
        Ok(StateChange::begin(self.database(), caller.name()).await?)
    }

    pub(crate) fn callers(&self) -> &Callers {
        &self.0.callers
    }

    /// Links by which somebody signs in on the page.
    pub(crate) fn links(&self) -> &SignInLinks {
        &self.0.links
    }

    /// Whether it is for one person, who reads.
    pub(crate) fn is_alone(&self) -> bool {
        self.0.alone
    }

    pub(crate) fn largest_object(&self) -> u64 {
        self.0.largest_object
    }

    /// What may be imported.
    pub(crate) fn import_from(&self) -> &[String] {
        &self.0.import_from
    }

    /// Where what is no lake's is kept.
    pub(crate) fn folder(&self) -> &Path {
        &self.0.folder
    }

    /// The repository `name`, in which `caller` changes what is changed. Others may have deleted it and created another of that name.
    pub(crate) async fn repository(&self, name: &str, caller: &Caller) -> Reply<Repository> {
        let found = self.0.lake.repository_async(name).await.map_err(|error| match error.kind() {
            // Nothing else: its hint would name repositories that are not theirs to know.
            ErrorKind::NotFound | ErrorKind::InvalidInput => missing(name),
            _ => error.into(),
        })?;
        let mut open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        let known = open.get(name).filter(|known| **known == found);
        let known = match known {
            Some(known) => known.clone(),
            None => {
                if open.len() >= OPEN {
                    open.clear();
                }
                open.insert(name.to_owned(), found.clone());
                found
            }
        };
        Ok(known.on_behalf_of(caller.name()))
    }
}

/// The answer where there is no such repository, or it is not theirs to know.
pub(crate) fn missing(name: &str) -> Problem {
    let shown: String = name.chars().take(80).flat_map(char::escape_debug).collect();
    Problem::not_found(format!("there is no repository `{shown}`"))
}
