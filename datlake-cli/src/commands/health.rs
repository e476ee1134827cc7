//! What is wrong with a lake, what was healed, and what was put away: `datlake verify`, `repair`, `repack`, `evict`.

use datlake::report::{
    ChangedOutside, Cleaned, Evicted, FindingKind, OutsideCheck, Repack, RepairOutcome, Repaired, Verified,
};
use datlake::{Digest, Side};
use owo_colors::OwoColorize as _;

use crate::answer::{Answer, Page};
use crate::failure::{ABSENT, FAILED};
use crate::text::{bytes, count, escape, files, left_outside};

impl Answer for Verified {
    fn text(&self, _: &Page) -> String {
        let mut text = String::new();
        for finding in &self.findings {
            let kind = match finding.kind {
                FindingKind::WrongBytes => "wrong bytes",
                FindingKind::MissingContent => "missing",
                FindingKind::Elsewhere => "elsewhere",
                FindingKind::Dangling => "dangling",
                FindingKind::DamagedDocument => "damaged",
                _ => "wrong",
            };
            let place = if finding.place == Side::Remote { "at the remote" } else { "here" };
            let (kind, what, error) = (kind.red(), escape(&finding.what), escape(&finding.error));
            text.push_str(&format!("{kind} {place}: {}\n  {error}\n", what.bold()));
        }
        let found = match self.findings.len() {
            0 => "nothing is wrong".to_owned(),
            some => count(some as u64, "finding"),
        };
        let Verified { documents, blobs, read, stale, .. } = self;
        text.push_str(&format!("{found}: {documents} documents, {blobs} pieces of content, {read} of them read\n"));
        text.push_str(&left_outside(self.outside, "looked at: `datlake verify --outside REPO@REF` does"));
        if *stale > 0 {
            text.push_str(&format!(
                "scratch of {stale} processes that ended is still there; the next to write clears it away\n"
            ));
        }
        if let Some(left) = left_over(self.claims, self.uploads) {
            text.push_str(&format!("{left} left over at the remote; `datlake repair`, without a file, clears that\n"));
        }
        text
    }

    fn status(&self) -> u8 {
        if self.findings.is_empty() { 0 } else { ABSENT }
    }
}

impl Answer for OutsideCheck {
    fn text(&self, _: &Page) -> String {
        let row = |ChangedOutside { path, why, .. }: &ChangedOutside| {
            format!("{} {}\n  {}\n", "changed:".red(), escape(path).bold(), escape(why))
        };
        let mut text: String = self.changed.iter().map(row).collect();
        let found = match self.changed.len() as u64 {
            0 => "nothing has changed".to_owned(),
            1 => "1 is not what was imported".to_owned(),
            more => format!("{more} are not what was imported"),
        };
        text.push_str(&format!("{found}: looked at {} outside of the lake\n", files(self.checked)));
        text
    }

    fn status(&self) -> u8 {
        if self.changed.is_empty() { 0 } else { ABSENT }
    }
}

/// What is left of holders who are gone, if anything.
fn left_over(claims: u64, uploads: Option<u64>) -> Option<String> {
    let claims = match claims {
        0 => None,
        1 => Some("the claim of 1 call".to_owned()),
        more => Some(format!("the claims of {more} calls")),
    };
    let uploads = uploads.filter(|uploads| *uploads > 0).map(|uploads| {
        format!("{} that {} never completed", count(uploads, "upload"), if uploads == 1 { "was" } else { "were" })
    });
    let all: Vec<_> = [claims, uploads].into_iter().flatten().collect();
    (!all.is_empty()).then(|| all.join(" and "))
}

impl Answer for Cleaned {
    fn text(&self, _: &Page) -> String {
        match left_over(self.claims, self.uploads) {
            Some(left) => format!("cleared {left}\n"),
            None => "nothing was left over at the remote\n".to_owned(),
        }
    }
}

impl Answer for Repaired {
    fn text(&self, _: &Page) -> String {
        let mut text = String::new();
        for item in &self.items {
            let how = match item.outcome {
                RepairOutcome::Fetched => "healed from the remote:",
                RepairOutcome::Sent => "sent to the remote:",
                RepairOutcome::Lost => "lost:",
                RepairOutcome::Unasked | RepairOutcome::Elsewhere => "not whole here:",
                _ => continue,
            };
            text.push_str(&format!("{how} {}\n", escape(&item.what)));
        }
        if text.is_empty() {
            text = format!("nothing is wrong with {}\n", escape(self.uid.as_str()));
        }
        text
    }

    fn warnings(&self) -> Vec<String> {
        self.healed().err().map(|lost| lost.to_string()).into_iter().collect()
    }

    fn status(&self) -> u8 {
        if self.healed().is_ok() { 0 } else { ABSENT }
    }
}

impl Answer for Repack {
    fn text(&self, _: &Page) -> String {
        let (before, after) = (bytes(self.before), bytes(self.after));
        match self.packs {
            0 => "nothing to write anew\n".to_owned(),
            some => {
                format!("wrote {} anew: {before} are {after} now; `datlake gc` removes the old\n", count(some, "pack"))
            }
        }
    }
}

impl Answer for Evicted {
    fn text(&self, _: &Page) -> String {
        let left = bytes(self.left);
        match self.blobs {
            0 => format!("nothing evicted; {left} of content are here\n"),
            some => {
                format!(
                    "evicted {} of content ({}); {left} are left
",
                    count(some, "piece"),
                    bytes(self.bytes)
                )
            }
        }
    }

    fn warnings(&self) -> Vec<String> {
        let differs = |digest: &Digest| {
            format!("{digest} stays: the remote has it with other bytes than this machine; `datlake verify` says more")
        };
        self.differing.iter().map(differs).collect()
    }

    fn status(&self) -> u8 {
        if self.differing.is_empty() { 0 } else { FAILED }
    }
}
