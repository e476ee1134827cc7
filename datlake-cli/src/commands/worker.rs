//! `datlake worker`, and what a command of it ended with.

use serde::Serialize;

use crate::answer::{Answer, Page};
use crate::args::Worker;
use crate::screen::Screen;
use crate::worker::{ServerApi, WorkerOptions, work};

/// How a command of a worker ended: this process ends so, too.
#[derive(Debug, Serialize)]
pub(super) struct Ended(pub(super) u8);

impl Answer for Ended {
    fn text(&self, _: &Page) -> String {
        String::new()
    }

    fn status(&self) -> u8 {
        self.0
    }
}

pub(super) fn run(how: Worker, screen: &Screen) -> anyhow::Result<()> {
    let api = ServerApi::new(how.server.as_deref())?;
    let host = || rustix::system::uname().nodename().to_string_lossy().into_owned();
    let options = WorkerOptions {
        name: how.name.unwrap_or_else(host),
        slots: usize::from(how.slots),
        jobs: how.jobs,
        allow: how.allow,
        grace: how.grace,
        lease: how.lease,
        folder: how.folder.unwrap_or_else(std::env::temp_dir),
    };
    work(api, options, screen)
}
