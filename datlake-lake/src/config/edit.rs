//! Changes to configuration files. Comments and order stay; a file is replaced as a whole, by one that was checked.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use datlake_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

use super::file;
use super::key::{Key, size};
use super::setting::{Scope, Source, secret_in};
use super::surroundings::Surroundings;
use crate::receiver::Receiver;

/// A setting that was changed.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Changed {
    /// Its name.
    pub key: String,
    /// What it is now in that file; `None` where it is not set any more.
    pub value: Option<String>,
    /// The file.
    pub path: PathBuf,
    /// The context in it.
    pub context: Option<String>,
    /// What wins over it all the same.
    pub hidden_by: Option<Source>,
}

/// A context of the user's configuration.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct ContextRow {
    /// Its name.
    pub name: String,
    /// Whether it is in use.
    pub current: bool,
    /// Its settings: those that are set in it, without what is secret in a URL.
    pub home: Option<String>,
    /// See `home`.
    pub remote: Option<String>,
    /// See `home`.
    pub email: Option<String>,
}

/// Sets `key` to `value` in a configuration file, which is made if there is none.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] for a setting that there is not, a value that it may not have, and a URL that holds credentials;
/// [`ErrorKind::Config`] where a file says what it may not; those of writing.
///
/// ```no_run
/// use datlake::config::{Scope, set};
/// set("remote", "file:///mnt/shared/lake", Scope::Project)?;
/// # Ok::<(), datlake::Error>(())
/// ```
pub fn set(key: &str, value: &str, scope: Scope) -> Result<Changed> {
    Surroundings::here().set(key, value, scope)
}

/// What [`set`] would write for `value`: a path in full. Nothing is changed.
///
/// # Errors
/// As [`set`].
///
/// ```
/// assert!(datlake::config::check("remote", "s3://key:secret@bucket").is_err());
/// ```
pub fn check(key: &str, value: &str) -> Result<String> {
    Surroundings::here().checked(known(key)?, value, Scope::User)
}

/// Takes `key` out of a configuration file, with the comment right above it. `context` is a key too: without it, no context is in use.
///
/// # Errors
/// [`ErrorKind::NotFound`] where it is not set there; otherwise as [`set`].
///
/// ```no_run
/// use datlake::config::{Scope, unset};
/// unset("remote", Scope::User)?;
/// # Ok::<(), datlake::Error>(())
/// ```
pub fn unset(key: &str, scope: Scope) -> Result<Changed> {
    Surroundings::here().unset(key, scope)
}

/// The contexts of the user's configuration, sorted by name.
///
/// # Errors
/// [`ErrorKind::Config`] where a file says what it may not.
///
/// ```no_run
/// for context in datlake::config::contexts()? {
///     println!("{} {:?}", context.name, context.remote);
/// }
/// # Ok::<(), datlake::Error>(())
/// ```
pub fn contexts() -> Result<Vec<ContextRow>> {
    Surroundings::here().contexts()
}

/// Makes a context with these settings. It is in use when [`use_context`] says so.
///
/// # Errors
/// [`ErrorKind::AlreadyExists`] where there is one of that name, with its line; otherwise as [`set`].
///
/// ```no_run
/// use datlake::config::{create_context, use_context};
/// create_context("team", &[("remote", "file:///mnt/shared/lake")])?;
/// use_context("team")?;
/// # Ok::<(), datlake::Error>(())
/// ```
pub fn create_context(name: &str, settings: &[(&str, &str)]) -> Result<ContextRow> {
    Surroundings::here().create_context(name, settings)
}

/// Uses a context from now on, in every process of this user that starts.
///
/// # Errors
/// [`ErrorKind::NotFound`], which names the nearest; otherwise as [`set`].
///
/// ```no_run
/// datlake::config::use_context("team")?;
/// # Ok::<(), datlake::Error>(())
/// ```
pub fn use_context(name: &str) -> Result<ContextRow> {
    Surroundings::here().use_context(name)
}

/// Deletes a context: its settings, not its lake.
///
/// # Errors
/// [`ErrorKind::NotFound`], which names the nearest; [`ErrorKind::InvalidInput`] for the one in use; otherwise as [`set`].
///
/// ```no_run
/// datlake::config::delete_context("team")?;
/// # Ok::<(), datlake::Error>(())
/// ```
pub fn delete_context(name: &str) -> Result<ContextRow> {
    Surroundings::here().delete_context(name)
}

/// A file that is being changed. Others who change it wait.
struct Editing {
    path: PathBuf,
    text: String,
    document: DocumentMut,
    scope: Scope,
    _lock: Option<File>,
}

impl Surroundings {
    pub(super) fn set(&self, key: &str, value: &str, scope: Scope) -> Result<Changed> {
        let key = known(key)?;
        let value = self.checked(key, value, scope)?;
        let mut editing = self.edit(scope)?;
        let context = editing.context()?;
        put(editing.settings(context.as_deref())?, key.name(), &value);
        editing.save()?;
        Ok(self.changed(key.name(), Some(key.shown(&value)), editing.path, context))
    }

    pub(super) fn unset(&self, key: &str, scope: Scope) -> Result<Changed> {
        // What cannot be read is not written again; except to take away what makes it so.
        let mut editing = if key == "context" { self.edit_as_it_is(scope)? } else { self.edit(scope)? };
        let absent =
            |path: &Path| Err(Error::new(ErrorKind::NotFound, format!("`{key}` is not set in `{}`", path.display())));
        if key == "context" && scope == Scope::User {
            if editing.document.remove(key).is_none() {
                return absent(&editing.path);
            }
            editing.save()?;
            return Ok(self.changed(key, None, editing.path, None));
        }
        let key = known(key)?;
        let context = editing.context()?;
        if editing.settings(context.as_deref())?.remove(key.name()).is_none() {
            return absent(&editing.path);
        }
        editing.save()?;
        Ok(self.changed(key.name(), None, editing.path, context))
    }

    pub(super) fn contexts(&self) -> Result<Vec<ContextRow>> {
        let path = self.user_file()?;
        let Some(text) = file::text(&path)? else { return Ok(Vec::new()) };
        let user = file::user(&path, &text)?;
        Ok(user.contexts.iter().map(|(name, layer)| row(name, layer, user.context.as_ref() == Some(name))).collect())
    }

    pub(super) fn create_context(&self, name: &str, settings: &[(&str, &str)]) -> Result<ContextRow> {
        let fine = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > 100 || !name.chars().all(fine) {
            let message = format!(
                "`{}` cannot be the name of a context: letters, digits, `-`, `_` and `.` can, up to 100 bytes",
                name.chars().take(40).collect::<String>().escape_debug()
            );
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        let mut values = Vec::new();
        for (key, value) in settings {
            let key = known(key)?;
            values.push((key, self.checked(key, value, Scope::User)?));
        }
        let mut editing = self.edit(Scope::User)?;
        if editing.read()?.contexts.contains_key(name) {
            let message = format!(
                "there is a context `{name}` already, in `{}`, line {}",
                editing.path.display(),
                file::line_of_context(&editing.text, name)
            );
            return Err(Error::new(ErrorKind::AlreadyExists, message));
        }
        let context = editing.settings(Some(name))?;
        for (key, value) in values {
            put(context, key.name(), &value);
        }
        editing.save()?;
        editing.row(name)
    }

    pub(super) fn use_context(&self, name: &str) -> Result<ContextRow> {
        // Also in the place of one that there is not.
        let mut editing = self.edit_as_it_is(Scope::User)?;
        editing.has(name)?;
        put(editing.document.as_table_mut(), "context", name);
        editing.save()?;
        editing.row(name)
    }

    pub(super) fn delete_context(&self, name: &str) -> Result<ContextRow> {
        let mut editing = self.edit(Scope::User)?;
        editing.has(name)?;
        let row = editing.row(name)?;
        if row.current {
            let message = format!("cannot delete the context `{name}`: it is in use");
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        if let Some(contexts) = editing.document.get_mut("contexts").and_then(Item::as_table_like_mut) {
            contexts.remove(name);
        }
        editing.save()?;
        Ok(row)
    }

    /// A value as it is written; refused where it cannot be one.
    fn checked(&self, key: Key, value: &str, scope: Scope) -> Result<String> {
        let error = |why: &str| Error::new(ErrorKind::InvalidInput, format!("cannot set `{}`: {why}", key.name()));
        let wrong = |why| Err(error(why));
        if value.trim().is_empty() || value.contains(char::is_control) {
            return wrong("its value must be one line of text, and not empty");
        }
        match key {
            Key::Home if value.contains("://") => {
                Err(error("it is the lake's folder on this machine").with_hint("the URL of a store is set as `remote`"))
            }
            // In the user's file a path means the same from every folder.
            Key::Home if scope == Scope::User => {
                self.in_full(value).into_os_string().into_string().map_err(|_| error("the path is not UTF-8"))
            }
            Key::Remote if !value.contains("://") => {
                Err(error("it must be a URL").with_hint("a folder is written as `file:///path/to/folder`"))
            }
            Key::Remote | Key::ReceiverUrl if secret_in(value) => {
                let hint = match key {
                    Key::Remote => {
                        "take them out: they come from the store's own environment variables or profile files"
                    }
                    _ => "take them out: a key is taken from DATLAKE_OPENLINEAGE_KEY",
                };
                Err(error("the URL holds credentials, which are never kept in a configuration file").with_hint(hint))
            }
            Key::ReceiverUrl => Receiver::check(value)
                .map(|()| value.to_owned())
                .map_err(|e| error(e.message()).with_hint(e.hint().unwrap_or_default())),
            Key::UnsafeRemote if !matches!(value, "yes" | "no") => wrong("it may be `yes` or `no`"),
            Key::KeepCode if !matches!(value, "yes" | "no") => wrong("it may be `yes` or `no`"),
            Key::CacheLimit if size(value).is_none() => wrong("it must be a number of bytes, as `500 MB` or `50GiB`"),
            Key::Email if !is_address(value) => wrong("it must be an e-mail address, as `ada@example.org`"),
            _ => Ok(value.to_owned()),
        }
    }

    /// A path as it is typed: where no shell has done so, with the user's own folder for `~`.
    fn in_full(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), &self.own, &self.directory) {
            (Some(below), Some(own), _) => own.join(below),
            (_, _, Some(directory)) => directory.join(path),
            _ => PathBuf::from(path),
        }
    }

    fn user_file(&self) -> Result<PathBuf> {
        self.user_file.clone().ok_or_else(|| {
            Error::new(ErrorKind::Config, "there is no home directory for a configuration file")
                .with_hint("set XDG_CONFIG_HOME to a directory")
        })
    }

    fn edit(&self, scope: Scope) -> Result<Editing> {
        let editing = self.edit_as_it_is(scope)?;
        // What it says now is checked first, for what cannot be read is not to be written again.
        file::of_scope(&editing.path, &editing.text, scope)?;
        Ok(editing)
    }

    fn edit_as_it_is(&self, scope: Scope) -> Result<Editing> {
        let path = match (scope, &self.directory) {
            (Scope::User, _) => self.user_file()?,
            (Scope::Project, Some(directory)) => match file::nearest_project(directory)? {
                Some((path, _)) => path,
                None => directory.join("datlake.toml"),
            },
            (Scope::Project, None) => {
                return Err(Error::new(ErrorKind::Config, "the working directory does not exist any more"));
            }
        };
        // A link to a file that is kept elsewhere stays one.
        let path = path.canonicalize().unwrap_or(path);
        let folder = path.parent().unwrap_or(Path::new("/"));
        std::fs::create_dir_all(folder).map_err(|e| Error::io("make the folder", folder.display(), e))?;
        // Where there are no locks, of two changes at once one may be lost, as with any editor.
        let lock = File::open(folder).ok().filter(|folder| folder.lock().is_ok());
        let text = file::text(&path)?.unwrap_or_default();
        let unreadable = |_| Error::new(ErrorKind::Config, format!("`{}` cannot be read", path.display()));
        let document = text.parse().map_err(unreadable)?;
        Ok(Editing { path, text, document, scope, _lock: lock })
    }

    /// Says what wins over the change.
    fn changed(&self, key: &str, value: Option<String>, path: PathBuf, context: Option<String>) -> Changed {
        let shown = self.gather().and_then(|gathered| gathered.shown()).unwrap_or_default();
        let counts = shown.into_iter().find(|setting| setting.key == key).map(|setting| setting.source);
        let same = |other: &Path| other.canonicalize().is_ok_and(|other| other == path);
        let hidden_by = counts.filter(|source| match source {
            Source::File { path, .. } => !same(path),
            Source::Environment { .. } => true,
            Source::Default => false,
        });
        Changed { key: key.to_owned(), value, path, context, hidden_by }
    }
}

impl Editing {
    /// What it says now.
    fn read(&self) -> Result<file::UserFile> {
        file::of_scope(&self.path, &self.document.to_string(), self.scope)
    }

    /// The context in use.
    fn context(&self) -> Result<Option<String>> {
        Ok(self.read()?.context)
    }

    fn has(&self, name: &str) -> Result<()> {
        // Whichever is in use: that one may be what there is not.
        let mut document = self.document.clone();
        document.remove("context");
        let contexts = file::user(&self.path, &document.to_string())?.contexts;
        if contexts.contains_key(name) {
            return Ok(());
        }
        let said: String = name.chars().take(40).flat_map(char::escape_debug).collect();
        let message = format!("there is no context `{said}` in `{}`", self.path.display());
        Err(Error::new(ErrorKind::NotFound, message).with_hint(file::meant(name, &contexts)))
    }

    fn row(&self, name: &str) -> Result<ContextRow> {
        let user = self.read()?;
        let layer = user.contexts.get(name).cloned().unwrap_or_default();
        Ok(row(name, &layer, user.context.as_deref() == Some(name)))
    }

    /// The table that holds the settings, of a context or of none; made if there is none.
    fn settings(&mut self, context: Option<&str>) -> Result<&mut dyn TableLike> {
        let Some(name) = context else { return Ok(self.document.as_table_mut()) };
        let mut made = Table::new();
        made.set_implicit(true);
        let path = &self.path;
        let broken = || Error::new(ErrorKind::Config, format!("`{}`: `contexts` holds no tables", path.display()));
        let contexts = self.document.entry("contexts").or_insert(Item::Table(made));
        let contexts = contexts.as_table_like_mut().ok_or_else(broken)?;
        let context = contexts.entry(name).or_insert(Item::Table(Table::new()));
        context.as_table_like_mut().ok_or_else(broken)
    }

    /// Replaces the file, if what it would say can be read.
    fn save(&self) -> Result<()> {
        self.read()?;
        let failed = |e| Error::io("write", self.path.display(), e);
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".datlake-");
        // With the permissions that it has, or that new files have.
        if let Ok(there) = std::fs::metadata(&self.path) {
            builder.permissions(there.permissions());
        } else {
            #[cfg(unix)]
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        }
        let mut written = builder.tempfile_in(folder).map_err(failed)?;
        written.write_all(self.document.to_string().as_bytes()).map_err(failed)?;
        written.as_file().sync_all().map_err(failed)?;
        written.persist(&self.path).map_err(|e| failed(e.error))?;
        Ok(())
    }
}

fn known(name: &str) -> Result<Key> {
    Key::IN_FILES.into_iter().find(|key| key.name() == name).ok_or_else(|| {
        let (message, hint) = file::unknown(name, &[]);
        Error::new(ErrorKind::InvalidInput, message).with_hint(hint)
    })
}

/// Sets a value; the comment behind an old one stays.
fn put(table: &mut dyn TableLike, key: &str, value: &str) {
    let mut new = Value::from(value);
    match table.get_mut(key) {
        Some(Item::Value(old)) => {
            *new.decor_mut() = old.decor().clone();
            *old = new;
        }
        _ => {
            table.insert(key, Item::Value(new));
        }
    }
}

fn row(name: &str, layer: &file::Layer, current: bool) -> ContextRow {
    let value = |key: Key| layer.get(key).map(|value| key.shown(value));
    ContextRow {
        name: name.to_owned(),
        current,
        home: value(Key::Home),
        remote: value(Key::Remote),
        email: value(Key::Email),
    }
}

fn is_address(text: &str) -> bool {
    let parts = text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty());
    parts && !text.contains(char::is_whitespace)
}
