//! `datlake gc`: what was collected, and what is about to be.

use std::time::Duration;

use datlake::Collect;
use datlake::report::{Collected, CollectedLocal, CollectedRemote};

use super::lake::side;
use crate::answer::{Answer, Page};
use crate::args::GcHow;
use crate::text::{bytes, count};

pub(super) fn how(how: &GcHow) -> Collect {
    let mut collect = Collect::default();
    collect.side = side(how.local, how.remote);
    collect.dry_run(how.dry_run).grace(how.grace).wait(how.wait).exclusive(how.exclusive).resume(how.resume)
}

impl Answer for Collected {
    fn text(&self, _: &Page) -> String {
        let mut text = String::new();
        if let Some(CollectedLocal { blobs, bytes, .. }) = self.local {
            text.push_str(&format!("on this machine: {}\n", removed(self.dry_run, blobs, bytes)));
        }
        if let Some(remote) = &self.remote {
            text.push_str(&at_remote(self.dry_run, remote));
        }
        text
    }
}

fn at_remote(dry_run: bool, remote: &CollectedRemote) -> String {
    let CollectedRemote { blobs, bytes: size, spared, condemned, condemned_bytes, ready_in_s, young, packed, .. } =
        remote;
    let mut text = format!("at the remote: {}\n", removed(dry_run, *blobs, *size));
    if *spared > 0 {
        text.push_str(&format!("  {} condemned and needed after all\n", count(*spared, "piece")));
    }
    if *condemned > 0 {
        let size = condemned_bytes.map_or_else(String::new, |size| format!(" ({})", bytes(size)));
        text.push_str(&format!("  {} of content{size} condemned", count(*condemned, "piece")));
        match ready_in_s {
            0 => text.push('\n'),
            ready => text.push_str(&format!(
                ": `datlake gc` in {} removes them\n",
                humantime::format_duration(Duration::from_secs(ready.div_ceil(60) * 60))
            )),
        }
    }
    if *young > 0 {
        text.push_str(&format!(
            "  {} of content that nothing refers to, too young to be condemned\n",
            count(*young, "piece")
        ));
    }
    if *packed > 0 {
        text.push_str(&format!("  {} packed, for machines that are new to them\n", count(*packed, "call record")));
    }
    text
}

fn removed(dry_run: bool, blobs: u64, size: u64) -> String {
    match (dry_run, blobs) {
        (_, 0) => "nothing to remove".to_owned(),
        (true, _) => format!("{} of content ({}) to remove", count(blobs, "piece"), bytes(size)),
        (false, _) => format!("removed {} of content ({})", count(blobs, "piece"), bytes(size)),
    }
}
