//! `datlake info`: how a file came to be, as a picture and in words.

use datlake::lineage::{CodeState, PersonSource};
use datlake::report::{CallInfo, Contents, CreatedBy, FileInfo, OutputRow};
use datlake::{Error, ErrorKind, Lake, Uid};
use owo_colors::{OwoColorize as _, Style};

use super::explain::{code_size, not_seen};
use super::lineage::replacement;
use super::ls::size;
use super::runs;
use crate::answer::{Answer, Page};
use crate::boxes::{Card, joined};
use crate::text::{bytes, count, duration, escape, files, fill, is_files, padded, paragraph, parameter, short, time};
use crate::value;

/// Columns of the words in front of the facts.
const LABEL: usize = 10;

pub(super) fn run(lake: &Lake, uid: &str) -> anyhow::Result<Box<dyn Answer>> {
    if runs::is_run(uid) {
        return Ok(Box::new(lake.run(runs::id(uid))?));
    }
    if lake.resolve_call(uid)?.is_some() {
        return Ok(Box::new(lake.call_info(uid)?));
    }
    match lake.info(uid) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidInput) => {
            // It may be that, although no file.
            let level = lake.list_folder(uid).unwrap_or_default();
            if level.files.is_empty() && level.folders.is_empty() {
                return Err(error.into());
            }
            let error = Error::new(ErrorKind::NotFound, format!("`{uid}` is no file, but a folder"));
            Err(error.with_hint("`datlake ls` shows what is in a folder").into())
        }
        info => Ok(Box::new(info?)),
    }
}

impl Answer for CallInfo {
    fn text(&self, page: &Page) -> String {
        let mut cards = vec![inputs(&self.call, page), creation(&self.call)];
        if !self.call.outputs.is_empty() {
            cards.push(outputs("", &self.originator, &self.call, page));
        }
        let mut text = joined(&cards, page.columns);
        text.push('\n');
        match (&self.value.json, &self.value.not_shown) {
            (Some(value), _) => text.push_str(&value::text(value)),
            (None, why) => text.push_str(&paragraph(why.as_deref().unwrap_or_default(), 0, page.columns)),
        }
        text.push('\n');
        let mut facts = vec![("value", format!("{} as stored, digest {}", bytes(self.value.size), self.value.digest))];
        facts.push(("who", who(&self.originator, self.originator_source)));
        facts.push(("host", self.call.host.clone()));
        of_call(&self.call, &self.created_at, Some(&self.datlake_version), &mut facts);
        text + &listed(&facts, page)
    }
}

impl Answer for FileInfo {
    fn text(&self, page: &Page) -> String {
        let cards = match &self.created_by {
            Some(call) => {
                let outputs = outputs(self.row.uid.as_str(), &self.row.originator, call, page);
                vec![inputs(call, page), creation(call), outputs]
            }
            None => added(self),
        };
        let mut text = joined(&cards, page.columns);
        text.push('\n');
        text + &listed(&facts(self), page)
    }
}

/// Facts below each other.
fn listed(facts: &[(&'static str, String)], page: &Page) -> String {
    let mut text = String::new();
    for (label, value) in facts {
        let mut lines = fill(&escape(value), page.columns.saturating_sub(LABEL)).into_iter();
        let first = lines.next().unwrap_or_default();
        text.push_str(&format!("{}{first}\n", padded(label, LABEL).dimmed()));
        for line in lines {
            text.push_str(&format!("{}{line}\n", " ".repeat(LABEL)));
        }
    }
    text
}

fn plain() -> Style {
    Style::new()
}

fn dim() -> Style {
    Style::new().dimmed()
}

/// The name a person chose; else the file's own, and the UID under it.
fn named(card: &mut Card, uid: Option<&Uid>, name: &str, style: Style) {
    match uid {
        Some(uid) if uid.is_chosen() => card.line(short(uid), style),
        Some(uid) => card.line(name, style).line(format!("  {}", short(uid)), dim()),
        None => card.line(name, style),
    };
}

/// Says how much of a list is not shown.
fn left_out(card: &mut Card, all: usize, shown: usize) {
    if let Some(more) = all.checked_sub(shown).filter(|more| *more > 0) {
        card.line(format!("and {more} more: -v shows all"), dim());
    }
}

fn inputs(call: &CreatedBy, page: &Page) -> Card {
    let mut card = Card::new("inputs");
    let all = call.inputs.len() + call.values.len();
    for input in call.inputs.iter().take(page.most()) {
        let how = input.argument.as_deref().unwrap_or("got by the body");
        named(&mut card, input.uid.as_ref(), &input.name, plain());
        card.line(format!("  {how} · {}", bytes(input.size)), dim());
    }
    for value in call.values.iter().take(page.most().saturating_sub(call.inputs.len())) {
        let what = if value.part { "a part of a value" } else { "a value" };
        card.line(format!("{}/{}", value.creator, value.key.short()), plain());
        let how = value
            .argument
            .as_deref()
            .map_or_else(|| "got by the body".to_owned(), |name| format!("{name}{}", value.at));
        card.line(format!("  {how} · {what}"), dim());
    }
    left_out(&mut card, all, page.most());
    if call.values_left_out > 0 {
        card.line(format!("and {} more", count(call.values_left_out, "value")), dim());
    }
    for name in &call.unknown {
        card.line(name, plain()).line("  a value of no known call", dim());
    }
    if call.inputs.is_empty() && call.values.is_empty() && call.unknown.is_empty() {
        card.line("no files", dim());
    }
    card
}

fn creation(call: &CreatedBy) -> Card {
    let mut card = Card::new(&call.function);
    card.line(&call.module, dim()).line(format!("{} {}", call.package, call.package_version), dim());
    for (name, value) in &call.generics {
        card.line(format!("{name} = {value}"), plain());
    }
    // What is a file stands among the inputs.
    for param in call.params.iter().chain(&call.extras).filter(|param| !is_files(param)) {
        card.line(parameter(param), plain());
    }
    card
}

/// The files that a call made; the one that was `asked` for stands out.
fn outputs(asked: &str, originator: &str, call: &CreatedBy, page: &Page) -> Card {
    let mut card = Card::new("outputs");
    let mut shown = 0;
    for (at, OutputRow { uid, name, size, tree, .. }) in call.outputs.iter().enumerate() {
        let member = asked.strip_prefix(uid.as_str()).filter(|rest| rest.is_empty() || rest.starts_with("//"));
        if at >= page.most() && member.is_none() {
            continue;
        }
        shown += 1;
        named(&mut card, Some(uid), name, if member.is_some() { Style::new().green().bold() } else { plain() });
        card.line(format!("  {}", if *tree { "tree".to_owned() } else { bytes(*size) }), dim());
        if let Some(path) = member.and_then(|rest| rest.strip_prefix("//")) {
            card.line(format!("  {path}"), Style::new().green().bold());
        }
    }
    left_out(&mut card, call.outputs.len(), shown);
    card.line(format!("by {originator}"), plain());
    card
}

fn added(info: &FileInfo) -> Vec<Card> {
    let mut how = Card::new("added");
    how.line(format!("by {}", info.row.originator), plain());
    how.line(time(&info.row.created_at), dim());
    let mut file = Card::new(if info.row.tree { "tree" } else { "file" });
    file.line(short(&info.row.uid), Style::new().green().bold());
    file.line(format!("  {}", size(&info.row)), dim());
    vec![how, file]
}

fn facts(info: &FileInfo) -> Vec<(&'static str, String)> {
    let row = &info.row;
    let mut facts = vec![("uid", row.uid.to_string())];
    if let (Some(version), Some(by)) = (&info.version, &info.replaced_by) {
        facts.push(("version", format!("{version}{}", replacement(by))));
    }
    facts.extend([("digest", row.digest.to_string()), ("size", whole_size(info))]);
    for (at, place) in places(info).into_iter().enumerate() {
        facts.push((if at == 0 { "bytes" } else { "" }, place));
    }
    facts.push(("who", who(&row.originator, info.originator_source)));
    facts.push(("host", info.host.clone()));
    facts.extend(info.source.clone().map(|source| ("from", source)));
    let Some(call) = &info.created_by else {
        facts.push(("when", time(&row.created_at)));
        return facts;
    };
    of_call(call, &row.created_at, info.datlake_version.as_deref(), &mut facts);
    facts
}

fn who(originator: &str, source: PersonSource) -> String {
    let source = match source {
        PersonSource::Config => "as configured",
        PersonSource::Git => "by git's user.email",
        PersonSource::Login => "by login name",
        PersonSource::Account => "by account of a server",
    };
    format!("{originator} ({source})")
}

/// What there is to know of a call besides what it was given and what it made.
fn of_call(call: &CreatedBy, created_at: &str, version: Option<&str>, facts: &mut Vec<(&'static str, String)>) {
    facts.push(("when", format!("{}, took {}", time(created_at), duration(call.duration_ms))));
    facts.extend(call.process.as_ref().map(|process| ("process", runs::process(process))));
    facts.push(("call", format!("{}/{}", call.creator, call.key)));
    facts.push((
        "code",
        format!(
            "{}:{} of {} {}, hash {}",
            call.file,
            call.line,
            call.package,
            call.package_version,
            call.code_hash.short()
        ),
    ));
    facts.extend(call.permalink.clone().map(|link| ("link", link)));
    facts.push(("commit", commit(call)));
    for (at, one) in call.dependencies.iter().enumerate() {
        let text = format!("{} ({}:{}, hash {})", one.item, one.file, one.line, one.hash.short());
        facts.push((if at == 0 { "depends" } else { "" }, text));
    }
    if let Some(extent) = &call.extent {
        facts.push(("closure", code_size(&extent.size)));
        facts.extend(not_seen(extent).into_iter().map(|line| ("", line)));
    }
    let built = &call.environment;
    let features = if built.features.is_empty() { "none".to_owned() } else { built.features.join(", ") };
    let cfg = if built.cfg.is_empty() { String::new() } else { format!(", cfg: {}", built.cfg.join(", ")) };
    let debug = if built.debug_assertions { ", debug assertions" } else { "" };
    facts.push(("built", format!("{} for {}, features: {features}{cfg}{debug}", built.rustc, built.target)));
    facts.extend(version.map(|version| ("datlake", version.to_owned())));
    facts.push(("run", call.run.clone()));
}

fn whole_size(info: &FileInfo) -> String {
    match info.row.contents {
        Some(contents) => format!("{} in {}", bytes(contents.size), files(contents.files)),
        None if info.row.tree => "not known before its lists are here".to_owned(),
        None => format!("{} bytes", info.row.size),
    }
}

fn places(info: &FileInfo) -> Vec<String> {
    let mut places = Vec::new();
    match info.row.contents {
        Some(Contents { files: all, local: Some(local), .. }) if local < all => {
            places.push(format!("{local} of {} here, in {}", files(all), info.lake.home));
        }
        _ if info.row.local => places.push(format!("here, in {}", info.lake.home)),
        _ => {}
    }
    match &info.lake.remote {
        Some(remote) if info.row.remote => places.push(format!("in the remote {remote}")),
        Some(remote) => places.push(format!("not in the remote {remote}")),
        None if places.is_empty() && info.row.elsewhere.is_none() => places.push("missing".to_owned()),
        None => {}
    }
    places.extend(info.row.elsewhere.clone());
    places
}

fn commit(call: &CreatedBy) -> String {
    let branch = call.branch.as_ref().map(|branch| format!(" on {branch}")).unwrap_or_default();
    let dirty = if call.dirty == Some(true) { "; files of the work tree were modified" } else { "" };
    let local = if call.local_only { ", and no remote had it then" } else { "" };
    match (call.code_state, &call.commit) {
        (CodeState::Committed, Some(commit)) => format!("{commit}{branch} has this code{local}{dirty}"),
        (CodeState::Uncommitted, Some(commit)) => format!("uncommitted, grew from {commit}{branch}{local}{dirty}"),
        (CodeState::Uncommitted, None) => "uncommitted".to_owned(),
        (_, None) | (CodeState::Unknown, _) => match &call.not_read {
            Some(why) => format!("unknown: {why}"),
            None => "unknown".to_owned(),
        },
    }
}
