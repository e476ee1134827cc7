//! Configuration files as they are written: what may stand in them, and on which line something else does.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use datlake_core::{Error, ErrorKind, Result};
use toml_edit::{Document, Item, TableLike};

use super::key::Key;
use super::setting::{Scope, Source};
use crate::nearest::nearest;

/// What one file, or one context in it, says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Layer(BTreeMap<Key, String>);

impl Layer {
    pub(super) fn get(&self, key: Key) -> Option<&str> {
        self.0.get(&key).map(String::as_str)
    }
}

/// The user's own file: settings for who uses no context, and contexts.
#[derive(Debug, Default)]
pub(super) struct UserFile {
    /// The context in use.
    pub(super) context: Option<String>,
    /// What stands outside of any context.
    pub(super) own: Layer,
    pub(super) contexts: BTreeMap<String, Layer>,
}

impl UserFile {
    /// What counts: the context in use, or else what stands outside of any. An address is a person's, in any context.
    pub(super) fn in_use(mut self) -> Layer {
        let Some(name) = &self.context else { return self.own };
        // That it is there was checked when the file was read.
        let mut layer = self.contexts.remove(name).unwrap_or_default();
        if let Some(email) = self.own.0.remove(&Key::Email) {
            layer.0.entry(Key::Email).or_insert(email);
        }
        layer
    }
}

/// The text of a file; `None` if there is none.
pub(super) fn text(path: &Path) -> Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(e) => Err(Error::io("read", path.display(), e)),
    }
}

/// The `datlake.toml` in `directory` or the nearest folder above it.
pub(super) fn nearest_project(directory: &Path) -> Result<Option<(PathBuf, String)>> {
    for folder in directory.ancestors() {
        let path = folder.join("datlake.toml");
        if let Some(text) = text(&path)? {
            return Ok(Some((path, text)));
        }
    }
    Ok(None)
}

/// What a `datlake.toml` says.
pub(super) fn project(path: &Path, text: &str) -> Result<Layer> {
    let reading = Reading { path, text };
    reading.layer(reading.document()?.as_table(), &[])
}

/// What either kind of file says.
pub(super) fn of_scope(path: &Path, text: &str, scope: Scope) -> Result<UserFile> {
    match scope {
        Scope::User => user(path, text),
        Scope::Project => Ok(UserFile { own: project(path, text)?, ..UserFile::default() }),
    }
}

/// What the user's file says.
pub(super) fn user(path: &Path, text: &str) -> Result<UserFile> {
    let reading = Reading { path, text };
    let document = reading.document()?;
    let own = reading.layer(document.as_table(), &["context", "contexts"])?;
    let mut contexts = BTreeMap::new();
    if let Some((key, item)) = document.get_key_value("contexts") {
        let table = item.as_table_like().ok_or_else(|| {
            reading.wrong(key.span(), "`contexts` holds tables: a line `[contexts.NAME]`, and settings below it")
        })?;
        for (name, item) in table.iter() {
            let place = table.get_key_value(name).and_then(|(key, _)| key.span());
            let context = item.as_table_like().ok_or_else(|| {
                let message = format!("the context `{}` is no table", name.escape_debug());
                reading.wrong(place, &message).with_hint("write `[contexts.NAME]`")
            })?;
            contexts.insert(name.to_owned(), reading.layer(context, &[])?);
        }
    }
    let context = match document.get_key_value("context") {
        None => None,
        Some((key, item)) => {
            let name = reading.string("context", item)?;
            if !contexts.contains_key(&name) {
                let (name, meant) = (name.escape_debug(), meant(&name, &contexts));
                let error = reading.wrong(key.span(), &format!("there is no context `{name}`"));
                return Err(error.with_hint(format!("{meant} (`datlake config unset context` uses none)")));
            }
            Some(name)
        }
    };
    Ok(UserFile { context, own, contexts })
}

/// Which context is meant by a name that none has.
pub(super) fn meant(name: &str, contexts: &BTreeMap<String, Layer>) -> String {
    let known: Vec<_> = contexts.keys().map(|known| format!("`{}`", known.escape_debug())).collect();
    match nearest(name, contexts.keys().map(String::as_str)).first() {
        _ if known.is_empty() => "there are none".to_owned(),
        Some(near) => format!("did you mean {near}?"),
        None => format!("there are {}", known.join(", ")),
    }
}

/// A text and where it stands.
struct Reading<'a> {
    path: &'a Path,
    text: &'a str,
}

type Span = Option<Range<usize>>;

impl Reading<'_> {
    fn document(&self) -> Result<Document<&str>> {
        Document::parse(self.text).map_err(|e| {
            let (before, line) = self.line_at(&e.span());
            let header = line.trim().strip_prefix("[contexts.").and_then(|rest| rest.split(']').next());
            // A line that is right by itself, behind what is right by itself, says again what was said.
            let is_again = Document::parse(before).is_ok() && Document::parse(line).is_ok();
            let message = match (is_again, header) {
                // Neither the file's text nor what the parser quotes of it is shown: it may be nobody's business.
                (true, Some(name)) => format!("there are two contexts called `{}`", name.trim().escape_debug()),
                (true, None) => "this is set twice".to_owned(),
                (false, _) => e.message().replace('\n', ", "),
            };
            self.wrong(e.span(), &message)
        })
    }

    fn layer(&self, table: &dyn TableLike, others: &[&'static str]) -> Result<Layer> {
        let mut layer = Layer::default();
        for (name, item) in table.iter().filter(|(name, _)| !others.contains(name)) {
            let place = table.get_key_value(name).and_then(|(key, _)| key.span());
            let Some(key) = Key::IN_FILES.into_iter().find(|key| key.name() == name) else {
                let (message, hint) = unknown(name, others);
                return Err(self.wrong(place, &message).with_hint(hint));
            };
            layer.0.insert(key, self.string(name, item)?);
        }
        Ok(layer)
    }

    fn string(&self, name: &str, item: &Item) -> Result<String> {
        match item.as_str() {
            Some(text) => Ok(text.to_owned()),
            None => Err(self.wrong(item.span(), &format!("`{name}` must be a text in quotes"))),
        }
    }

    /// What stands before a line, and the line.
    fn line_at(&self, span: &Span) -> (&str, &str) {
        let at = span.as_ref().map_or(0, |span| span.start.min(self.text.len()));
        let start = self.text[..at].rfind('\n').map_or(0, |end| end + 1);
        (&self.text[..start], self.text[start..].lines().next().unwrap_or_default())
    }

    fn wrong(&self, span: Span, why: &str) -> Error {
        let line = span.map_or(1, |span| self.text[..span.start.min(self.text.len())].matches('\n').count() + 1);
        Error::new(ErrorKind::Config, format!("`{}`, line {line}: {why}", self.path.display()))
    }
}

/// That there is no setting of that name, and the one that is meant.
pub(super) fn unknown(name: &str, others: &[&'static str]) -> (String, String) {
    let known: Vec<&str> = Key::IN_FILES.into_iter().map(Key::name).chain(others.iter().copied()).collect();
    let said: String = name.chars().take(40).flat_map(char::escape_debug).collect();
    let hint = match nearest(name, known.iter().copied()).first() {
        Some(near) => format!("did you mean {near}?"),
        None => format!("there are {}", known.join(", ")),
    };
    (format!("there is no setting `{said}`"), hint)
}

/// Where a value in the file stands, for people and for programs.
pub(super) fn source(path: &Path, context: Option<&str>) -> Source {
    Source::File { path: path.to_owned(), context: context.map(str::to_owned) }
}

/// The line of a context, from 1.
pub(super) fn line_of_context(text: &str, name: &str) -> usize {
    let document = Document::parse(text).ok();
    let contexts = document.as_ref().and_then(|document| document.get("contexts")?.as_table_like());
    let context = contexts.and_then(|contexts| contexts.get_key_value(name));
    let span = context.and_then(|(key, item)| item.span().or_else(|| key.span()));
    span.map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1)
}
