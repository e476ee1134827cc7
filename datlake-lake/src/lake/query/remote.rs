//! What works with the remote, found by trying.

use std::future::Future;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use datlake_core::{Created, Location, Prefix, Result, Store};
use datlake_store::{Remote, Standing, wait};

use crate::lake::Lake;
use crate::report::{Ability, CheckStep, RemoteCheck, RemoteState};

impl Lake {
    /// Tries what a lake asks of its remote. An empty object is created there, and removed again; a folder that does not
    /// exist yet is not made.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for a lake without a remote. What does not work is part of the answer.
    ///
    /// ```
    /// let folder = tempfile::tempdir()?;
    /// let remote = format!("file://{}", folder.path().join("remote").display());
    /// let lake = datlake::Lake::builder().home(folder.path().join("home")).remote(remote).open()?;
    /// let check = lake.check_remote()?;
    /// assert!(check.works() && check.state == datlake::report::RemoteState::New);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn check_remote(&self) -> Result<RemoteCheck> {
        let Some(remote) = self.catalog().remote.clone() else {
            return Err(self.no_remote("check the remote"));
        };
        let (folder, at) = self.trial_place()?;
        let state = self.remote_state().0.unwrap_or(RemoteState::Unasked);
        let mut trial =
            Trial { check: RemoteCheck { remote: remote.describe(), state, round_trip_ms: None, steps: Vec::new() } };
        wait(trial.run(self, &*remote, &folder, &at));
        Ok(trial.check)
    }

    /// What can be seen of the remote, and what is wrong with it.
    pub(crate) fn remote_state(&self) -> (Option<RemoteState>, Option<String>) {
        match self.local_view().remote().map(Remote::standing).transpose() {
            Ok(None) => (None, None),
            Ok(Some(Standing::Unasked)) => (Some(RemoteState::Unasked), None),
            Ok(Some(Standing::There)) => (Some(RemoteState::There), None),
            Ok(Some(Standing::New)) => (Some(RemoteState::New), None),
            Err(error) => (Some(RemoteState::Wrong), Some(error.to_string())),
        }
    }
}

struct Trial {
    check: RemoteCheck,
}

impl Trial {
    async fn run(&mut self, lake: &Lake, store: &dyn Store, folder: &Prefix, at: &Location) {
        let mut seen = |_| ControlFlow::Continue(());
        let listed = self.step(Ability::List, store.list(folder, &mut seen)).await;
        let read = self.step(Ability::Read, store.get(&Location::Lake)).await;
        if (listed.is_none() && read.is_none()) || self.check.state == RemoteState::New {
            return;
        }
        let Some(created) = self.step(Ability::Create, store.create(at, b"")).await else {
            if let Some(Some(_)) = read {
                self.presign(lake, &Location::Lake).await;
            }
            return;
        };
        if created == Created::Exists {
            self.problem("an object that nobody has created is said to exist; tell us about this store");
        }
        if self.step(Ability::CreateConditionally, store.create(at, b"")).await == Some(Created::New) {
            self.problem(
                "an object that exists was created once more: two machines could take away each other's results",
            );
        }
        self.presign(lake, at).await;
        if self.step(Ability::Delete, store.remove(at)).await == Some(false) {
            self.problem("an object that was just created is not found");
        }
    }

    /// Downloads an object that is there by a URL, where the remote has such URLs.
    async fn presign(&mut self, lake: &Lake, at: &Location) {
        let start = Instant::now();
        let Some(remote) = lake.local_view().remote() else { return };
        match remote.try_signed(at).await {
            Ok(None) => {}
            tried => {
                let took = start.elapsed();
                self.done(Ability::Presign, tried, took);
            }
        }
    }

    /// Tries one thing: what came of it, if it worked.
    async fn step<T>(&mut self, what: Ability, tried: impl Future<Output = Result<T>>) -> Option<T> {
        let start = Instant::now();
        let outcome = tried.await;
        self.done(what, outcome, start.elapsed())
    }

    /// Notes what came of one thing.
    fn done<T>(&mut self, what: Ability, outcome: Result<T>, took: Duration) -> Option<T> {
        let problem = outcome.as_ref().err().map(ToString::to_string);
        if outcome.is_ok() {
            let quickest = self.check.round_trip_ms.map_or(f64::MAX, |known| known).min(milliseconds(took));
            self.check.round_trip_ms = Some(quickest);
        }
        self.check.steps.push(CheckStep { what, works: problem.is_none(), problem });
        outcome.ok()
    }

    /// The last thing that was tried did something else than it should.
    fn problem(&mut self, why: &str) {
        if let Some(step) = self.check.steps.last_mut() {
            step.works = false;
            step.problem = Some(why.to_owned());
        }
    }
}

fn milliseconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e5).round() / 100.0
}
