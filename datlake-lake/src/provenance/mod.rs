//! What one machine knows of how a call came about: person, host, time, build, version control.
//!
//! Asked on a miss only; what does not change in a process is found out once.

#[cfg(feature = "git")]
mod compiled;
mod person;
#[cfg(feature = "git")]
mod source;
#[cfg(feature = "git")]
mod text;

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use datlake_core::catalog::{Catalog, GcEpoch};
use datlake_core::lineage::{CodeLineage, Dependency, Environment, Input, Lineage, Output, Person, SourceState};
use datlake_core::returned::ValueInputs;
use datlake_core::value_shape::ValueShape;
use datlake_core::{CallKey, Code, Digest, Identity, Result};
use datlake_store::{LocalView, PerProcess, Staged};

use crate::sync::lock;
#[cfg(feature = "git")]
pub(crate) use text::Checkout;

/// The version of datlake that writes records.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a lake's records say of this process.
#[derive(Debug)]
pub struct Provenance {
    email: Option<String>,
    person: OnceLock<Person>,
    run: PerProcess<String>,
    /// By address of the code.
    sources: Mutex<HashMap<usize, SourceState>>,
    /// Texts of the build that were kept, in which epoch, and whether at the remote too.
    texts_kept: Mutex<Vec<(Digest, GcEpoch, bool)>>,
}

/// A body that ran.
pub struct Ran<'a> {
    pub identity: &'a Identity,
    pub key: CallKey,
    pub inputs: Vec<Input>,
    pub values: ValueInputs,
    pub outputs: Vec<Output>,
    pub returns: Option<ValueShape>,
    pub started_at: &'a str,
    pub took: Duration,
}

/// The time by this machine's clock, RFC 3339, UTC.
pub fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}

fn new_run() -> String {
    uuid::Uuid::now_v7().simple().to_string()
}

impl Provenance {
    pub(crate) fn new(email: Option<String>) -> Self {
        Self {
            email,
            person: OnceLock::new(),
            run: PerProcess::new(new_run()),
            sources: Mutex::default(),
            texts_kept: Mutex::default(),
        }
    }

    /// The run this process is; a forked child is one of its own.
    pub fn run(&self) -> &str {
        self.run.get(new_run)
    }

    /// The machine.
    pub fn host(&self) -> &'static str {
        person::host()
    }

    /// Who runs the process.
    pub fn person(&self) -> Result<Person> {
        Ok(self.person.get_or_init(|| person::find(self.email.as_deref())).clone())
    }

    /// The lineage of a body that ran.
    pub fn lineage(&self, ran: Ran<'_>) -> Result<Lineage> {
        let Ran { identity, key, inputs, values, outputs, returns, started_at, took } = ran;
        let code = identity.code;
        Ok(Lineage {
            creator: identity.creator.clone(),
            key,
            code: CodeLineage {
                function: code.name.to_owned(),
                module: code.module.to_owned(),
                package: code.package.to_owned(),
                package_version: code.package_version.to_owned(),
                file: code.file.to_owned(),
                line: code.line,
                hash: identity.code_hash,
                own_hash: code.own_hash(),
                dependencies: Dependency::all_of(code),
                closure: code.found.map(|found| Digest::of(found.table.as_bytes())),
                returns,
                source: self.source(code),
            },
            generics: identity.generics(),
            params: identity.params(),
            extras: identity.extras(),
            inputs,
            values: values.values,
            values_left_out: values.left_out,
            rests: values.rests,
            outputs,
            environment: environment(code),
            person: self.person()?,
            host: self.host().to_owned(),
            run: self.run().to_owned(),
            started_at: started_at.to_owned(),
            duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            datlake_version: VERSION.to_owned(),
        })
    }

    fn source(&self, code: &'static Code) -> SourceState {
        let address = std::ptr::from_ref(code) as usize;
        if let Some(known) = lock(&self.sources).get(&address) {
            return known.clone();
        }
        #[cfg(feature = "git")]
        let found = source::find(code);
        #[cfg(not(feature = "git"))]
        let found = SourceState::default();
        lock(&self.sources).insert(address, found.clone());
        found
    }

    /// Keeps what a record names of the build: the table of its code, and the text of `Cargo.lock` where it still is what was built
    /// with.
    pub(crate) async fn keep_build_texts(
        &self,
        local_view: &LocalView,
        catalog: &Catalog,
        lineage: &Lineage,
        code: &'static Code,
        since: GcEpoch,
    ) -> Result<()> {
        if let (Some(digest), Some(found)) = (lineage.code.closure, code.found) {
            self.keep_text(local_view, catalog, digest, since, || Some(found.table.into())).await?;
        }
        if let (Some(digest), Some((path, _))) = (lineage.environment.cargo_lock, code.lock) {
            let text = || std::fs::read(path).ok().filter(|text| Digest::of(text) == digest);
            self.keep_text(local_view, catalog, digest, since, text).await?;
        }
        Ok(())
    }

    /// Keeps a text once for each epoch, and apart where only this machine has it.
    async fn keep_text(
        &self,
        local_view: &LocalView,
        catalog: &Catalog,
        digest: Digest,
        since: GcEpoch,
        text: impl FnOnce() -> Option<Vec<u8>>,
    ) -> Result<()> {
        let kept = (digest, since, catalog.remote.is_some());
        if lock(&self.texts_kept).contains(&kept) {
            return Ok(());
        }
        if let Some(text) = text() {
            let staged = Staged::from_bytes(&local_view.scratch()?, &text)?;
            catalog.put_blob(&digest, staged.path()).await?;
        }
        lock(&self.texts_kept).push(kept);
        Ok(())
    }
}

fn environment(code: &Code) -> Environment {
    let lock = code.lock.map(|(_, digest)| Digest::from_bytes(digest));
    let (rustc, target) = (env!("DATLAKE_RUSTC"), env!("DATLAKE_TARGET"));
    Environment::new(lock, rustc, target, code.features, code.cfg, cfg!(debug_assertions))
}
