//! What a call is asked, without running it.

use datlake_core::explain::Explanation;
use datlake_core::lineage::Lineage;
use datlake_core::{Code, Error, ErrorKind, Result, Uid, count};
use datlake_lake::Event;
use datlake_lake::scope::{self, refuse_in_body};
use datlake_store::{offload_method, wait};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::explain::explain;
use super::key::{CallTarget, Key};
use super::site::{BlockingMode, CallSite, Lookup, SearchIn};
use super::status::Status;

enum Uids {
    Known(Vec<Uid>),
    /// There may be more, or none.
    First(Uid),
}

/// A call as it can be asked, and run once.
#[derive(Clone)]
pub(super) struct Asked {
    target: Result<CallTarget>,
    pub(super) code: &'static Code,
}

impl Asked {
    pub(super) fn new(key: Key) -> Self {
        Self { code: key.code(), target: key.finish() }
    }

    /// Says in the call's lake that it is the first of many, for who watches; a call that stands nowhere says so when it runs.
    pub(super) fn announce(&self, all: usize) {
        if let Ok(site) = self.ask() {
            site.lake.emit(&Event::Calls { creator: site.target.identity.creator.clone(), all });
        }
    }

    /// Where the call stands now.
    pub(super) fn site(self, pace: BlockingMode) -> Result<CallSite> {
        CallSite::new(self.target?, self.code, pace)
    }

    fn ask(&self) -> Result<CallSite> {
        match &self.target {
            Ok(target) => CallSite::new(target.clone(), self.code, BlockingMode::Blocking),
            Err(error) => Err(error.clone()),
        }
    }

    /// Answers a question where that blocks nobody.
    pub(super) async fn offload<T: Send + 'static>(&self, question: fn(&Self) -> Result<T>) -> Result<T> {
        let (asked, here) = (self.clone(), scope::polled_here());
        offload_method(move || here.run(|| question(&asked))).await?
    }

    pub(super) fn uid<T: Serialize + DeserializeOwned>(&self) -> Result<Uid> {
        match self.uids::<T>()? {
            Uids::First(uid) => Ok(uid),
            Uids::Known(mut uids) => match (uids.pop(), uids.len()) {
                (Some(uid), 0) => Ok(uid),
                (None, _) => Err(Error::new(ErrorKind::InvalidInput, "the call returns no file, so it has no UID")),
                (Some(_), more) => {
                    let message = format!("the call returns {} files: ask for `uids`", more + 1);
                    Err(Error::new(ErrorKind::InvalidInput, message))
                }
            },
        }
    }

    pub(super) fn all_uids<T: Serialize + DeserializeOwned>(&self) -> Result<Vec<Uid>> {
        match self.uids::<T>()? {
            Uids::Known(uids) => Ok(uids),
            Uids::First(_) => Err(Error::new(
                ErrorKind::InvalidInput,
                "how many files the call returns is known when it has run: its return type does not tell",
            )),
        }
    }

    fn uids<T: Serialize + DeserializeOwned>(&self) -> Result<Uids> {
        let site = self.ask()?;
        let key = match wait(site.find::<T>(SearchIn::Anywhere))? {
            Lookup::Hit(_, answer) => {
                let lineage = wait(site.lineage_of(&answer))?;
                return Ok(Uids::Known(lineage.outputs.into_iter().map(|output| output.uid).collect()));
            }
            Lookup::Miss(key) => key,
        };
        if let Some(names) = &site.target.names {
            return Ok(Uids::Known(names.clone()));
        }
        let uid = |index| Uid::output(&site.target.identity.creator, &key, index);
        let inside = scope::outside_bodies(&site.lake);
        let count = count::files_in::<T>();
        drop(inside);
        Ok(match count {
            Some(count) => Uids::Known((0..count).map(uid).collect()),
            None => Uids::First(uid(0)),
        })
    }

    pub(super) fn status<T: Serialize + DeserializeOwned>(&self) -> Result<Status> {
        refuse_in_body("ask for a call's status")?;
        let site = self.ask()?;
        match wait(site.find::<T>(SearchIn::Anywhere))? {
            Lookup::Hit(..) => Ok(Status::Cached),
            Lookup::Miss(_) if site.is_running()? => Ok(Status::Running),
            Lookup::Miss(_) => Ok(Status::Missing),
        }
    }

    pub(super) fn lineage<T: Serialize + DeserializeOwned>(&self) -> Result<Option<Lineage>> {
        refuse_in_body("ask for a call's lineage")?;
        let site = self.ask()?;
        match wait(site.find::<T>(SearchIn::Anywhere))? {
            Lookup::Hit(_, answer) => wait(site.lineage_of(&answer)).map(Some),
            Lookup::Miss(_) => Ok(None),
        }
    }

    pub(super) fn explain<T: Serialize + DeserializeOwned>(&self) -> Result<Explanation> {
        refuse_in_body("explain a call")?;
        let site = self.ask()?;
        let found = wait(site.find::<T>(SearchIn::Anywhere))?;
        wait(explain(&site, found))
    }
}
