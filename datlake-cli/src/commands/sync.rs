//! What is on this machine only, and what went and came: `datlake status`, `push`, `pull`, `mirror`.

use datlake::Lake;
use datlake::report::{Damage, LakeStatus, MirrorOutcome, Mirrored, Pull, Push, PushOutcome, RemoteState, UnpushedRow};
use owo_colors::OwoColorize as _;
use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use crate::answer::{Answer, Page, cannot_be_shown};
use crate::failure::FAILED;
use crate::streamed::Streamed;
use crate::text::{bytes, count, escape, files, left_outside, short, time};

/// Where a lake stands, and what is on this machine only.
#[derive(Debug)]
pub(super) struct Status {
    standing: LakeStatus,
    unpushed: Streamed<UnpushedRow>,
}

pub(super) fn status(lake: &Lake) -> anyhow::Result<Status> {
    Ok(Status { standing: lake.standing()?, unpushed: Streamed::new(lake.unpushed_rows()?) })
}

/// As [`LakeStatus`].
impl Serialize for Status {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let LakeStatus {
            home, remote, offline, remote_state, remote_problem, blobs, bytes, packs, cache_limit, ..
        } = &self.standing;
        let mut all = to.serialize_struct("LakeStatus", 11)?;
        all.serialize_field("home", home)?;
        all.serialize_field("remote", remote)?;
        all.serialize_field("offline", offline)?;
        all.serialize_field("remote_state", remote_state)?;
        all.serialize_field("remote_problem", remote_problem)?;
        all.serialize_field("blobs", blobs)?;
        all.serialize_field("bytes", bytes)?;
        all.serialize_field("packs", packs)?;
        all.serialize_field("cache_limit", cache_limit)?;
        all.serialize_field("unpushed", &self.unpushed)?;
        all.serialize_field("damaged", &self.unpushed.damaged())?;
        all.end()
    }
}

impl Answer for Status {
    fn text(&self, page: &Page) -> String {
        text(&self.standing, self.unpushed.rest(), page)
    }

    fn failure(&self) -> Option<anyhow::Error> {
        self.unpushed.failure()
    }

    fn warnings(&self) -> Vec<String> {
        cannot_be_shown(&self.unpushed.damaged())
    }

    fn status(&self) -> u8 {
        if self.unpushed.damaged().is_empty() { 0 } else { FAILED }
    }
}

fn text(status: &LakeStatus, unpushed: impl Iterator<Item = UnpushedRow>, page: &Page) -> String {
    let remote = match (&status.remote, status.offline) {
        (Some(remote), _) => escape(remote).into_owned(),
        (None, true) => "not asked: offline".to_owned(),
        (None, false) => "none".to_owned(),
    };
    let state = match (status.remote_state, &status.remote_problem) {
        (Some(RemoteState::New), _) => "\n        no lake yet: the first write makes it".to_owned(),
        (_, Some(problem)) => format!("\n        {}", escape(problem)),
        _ => String::new(),
    };
    let limit = status.cache_limit.map(|limit| format!(", of at most {}", bytes(limit))).unwrap_or_default();
    let unused = match status.packs.unused {
        0 => String::new(),
        unused => format!(", {} unused in packs: `datlake repack`", bytes(unused)),
    };
    let content = format!("content {} here{limit}{unused}", bytes(status.bytes));
    let mut text = format!("home    {}\n{content}\nremote  {remote}{state}\n", escape(&status.home));
    let Unpushed { calls, added, size, rows, more } = Unpushed::of(unpushed, page.most());
    if calls + added == 0 {
        text.push_str("nothing to push\n");
        return text;
    }
    let calls = (calls > 0).then(|| count(calls, "call"));
    let added = (added > 0).then(|| format!("{} that {} added", files(added), if added == 1 { "was" } else { "were" }));
    let what = [calls, added].into_iter().flatten().collect::<Vec<_>>().join(" and ");
    text.push_str(&format!("on this machine only: {what} ({})\n", bytes(size)));
    if status.remote.is_none() && !status.offline {
        // Nothing is out of step: one by one they would be no news.
        return text;
    }
    let width = rows.iter().map(|row| bytes(row.size).len()).max().unwrap_or(0);
    let row = |row: &UnpushedRow| {
        let what = match (&row.call, row.uids.split_first()) {
            (_, Some((first, []))) => short(first),
            (_, Some((first, more))) => format!("{} and {} more", short(first), more.len()),
            (Some((creator, key)), None) => format!("{} {}", escape(creator.as_str()), key.short()),
            (None, None) => return None,
        };
        let (at, by, size) = (time(&row.created_at), escape(&row.originator), bytes(row.size));
        Some(format!("  {at}  {by}  {size:>width$}  {}\n", what.bold()))
    };
    text.extend(rows.iter().filter_map(row));
    if more > 0 {
        text.push_str(&format!("  and {more} more: -v lists all\n"));
    }
    text
}

/// What is on this machine only: how much, and some of it.
struct Unpushed {
    calls: u64,
    added: u64,
    size: u64,
    rows: Vec<UnpushedRow>,
    /// How many more there are than rows.
    more: u64,
}

impl Unpushed {
    fn of(unpushed: impl Iterator<Item = UnpushedRow>, most: usize) -> Self {
        let mut all = Self { calls: 0, added: 0, size: 0, rows: Vec::new(), more: 0 };
        for row in unpushed {
            *(if row.call.is_some() { &mut all.calls } else { &mut all.added }) += 1;
            all.size += row.size;
            // One more line would say as much as the line that says there is one more.
            match all.rows.len() <= most {
                true => all.rows.push(row),
                false => all.more += 1,
            }
        }
        if all.more > 0 {
            all.more += (all.rows.len() - most) as u64;
            all.rows.truncate(most);
        }
        all
    }
}

impl Answer for Push {
    fn text(&self, page: &Page) -> String {
        let lines = |wanted, how: &'static str| {
            let rows = self.items.iter().filter(move |item| item.outcome == wanted);
            rows.map(move |item| format!("{how} {}\n", escape(&item.what)))
        };
        // What lost to another's is news, however much else there is.
        let mut text: String = lines(PushOutcome::Lost, "kept beside another's:").collect();
        text.push_str(&lines(PushOutcome::Aside, "kept as an earlier version:").collect::<String>());
        text.push_str(&page.lines(lines(PushOutcome::Sent, "pushed")));
        text.push_str(&page.lines(lines(PushOutcome::There, "was there already:")));
        if self.items.is_empty() {
            text.push_str("nothing to push\n");
        } else {
            text.push_str(&format!("sent {}\n", bytes(self.bytes)));
        }
        text.push_str(&left_outside(self.outside, "sent"));
        text
    }

    fn warnings(&self) -> Vec<String> {
        self.items.iter().filter_map(|item| Some(format!("{}: {}", item.what, item.why.as_ref()?))).collect()
    }

    fn status(&self) -> u8 {
        let failed = |outcome| matches!(outcome, PushOutcome::Taken | PushOutcome::Failed);
        if self.items.iter().any(|item| failed(item.outcome)) { FAILED } else { 0 }
    }
}

impl Answer for Pull {
    fn text(&self, _: &Page) -> String {
        let pulled = match self.fetched {
            0 => format!("nothing to pull: {} here\n", if self.blobs == 1 { "it is" } else { "all is" }),
            fetched => format!("pulled {} ({})\n", files(fetched), bytes(self.bytes)),
        };
        pulled + &left_outside(self.outside, "pulled")
    }

    fn damaged(&self) -> &[Damage] {
        &self.damaged
    }
}

impl Answer for Mirrored {
    fn text(&self, page: &Page) -> String {
        let Mirrored { target, dry_run, items, there, blobs, bytes: size, .. } = self;
        let target = escape(target);
        let copied = items.iter().filter(|row| row.outcome == MirrorOutcome::Copied);
        let how = if *dry_run { "would copy" } else { "copied" };
        let mut text = page.lines(copied.map(|row| format!("{how} {}\n", escape(&row.what))));
        let there = match there {
            0 => String::new(),
            1 => "; 1 call or file was there".to_owned(),
            more => format!("; {more} calls and files were there"),
        };
        if items.is_empty() {
            text.push_str(&format!("nothing to copy to {target}{there}\n"));
        } else {
            let sent = if *dry_run { "would send" } else { "sent" };
            let pieces = count(*blobs, "piece");
            text.push_str(&format!("{sent} {pieces} of content ({}) to {target}{there}\n", bytes(*size)));
        }
        text.push_str(&left_outside(self.outside, "copied"));
        text
    }

    fn warnings(&self) -> Vec<String> {
        let rows = self.items.iter().filter(|row| row.outcome != MirrorOutcome::Copied);
        let why = |why: &Option<String>| why.clone().unwrap_or_else(|| "it is not known why".to_owned());
        rows.map(|row| format!("`{}` was not copied: {}", row.what, why(&row.why))).collect()
    }

    fn status(&self) -> u8 {
        if self.is_whole() { 0 } else { FAILED }
    }
}
