//! Where a file comes from, as a value and as a picture.

use std::fmt;

use datlake_core::catalog::Catalog;
use datlake_core::lineage::{Added, CodeState, Input, Lineage, Param};
use datlake_core::record::NameTarget;
use datlake_core::{Digest, Error, ErrorKind, Result, Subject, Uid, UidKind};
use serde::{Deserialize, Serialize};

use crate::lake::Lake;

/// How a file came to be. `Display` shows it to people.
///
/// ```
/// use datlake::{File, Lake, Result, file_creator};
///
/// #[file_creator]
/// fn shout(text: &File) -> Result<File> {
///     File::from_bytes("loud.txt", text.read_to_string()?.to_uppercase())
/// }
///
/// let lake = Lake::temp()?;
/// let text = lake.add_bytes("greetings/en.txt", "hello")?;
/// assert_eq!(text.lineage()?.added().expect("somebody added it").size, 5);
///
/// let origin = shout(&text)?.lineage()?;
/// let call = origin.call().expect("a call made it");
/// assert_eq!(call.inputs[0].argument.as_deref(), Some("text"));
/// println!("{origin}");
/// # Ok::<(), datlake::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Somebody added it.
    Added(Added),
    /// A call made it.
    Call(Box<Lineage>),
}

impl Origin {
    /// The call that made the file; `None` for one that was added.
    pub fn call(&self) -> Option<&Lineage> {
        match self {
            Self::Call(lineage) => Some(lineage),
            Self::Added(_) => None,
        }
    }

    /// Who added the file.
    pub fn added(&self) -> Option<&Added> {
        match self {
            Self::Added(added) => Some(added),
            Self::Call(_) => None,
        }
    }

    /// How the file called `uid` came to be when it had this content.
    pub(crate) async fn of(lake: &Lake, uid: &Uid, content: &Digest) -> Result<Self> {
        lake.contact_remote().await?;
        if uid.is_committed() {
            return Self::of_committed(lake, uid, content).await;
        }
        Self::in_catalog(lake.catalog(), uid, content).await
    }

    /// How what was put into a repository came to be, where that is known.
    async fn of_committed(lake: &Lake, uid: &Uid, content: &Digest) -> Result<Self> {
        let file = lake.committed(uid)?.ok_or_else(|| gone(uid))?;
        let added = file.added(content).ok_or_else(|| gone(uid))?;
        let Some(from) = file.from else { return Ok(Self::Added(added)) };
        match Box::pin(Self::of(lake, &from, content)).await {
            // It was removed since: who put it there is known.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::Added(added)),
            origin => origin,
        }
    }

    pub(crate) async fn in_catalog(catalog: &Catalog, uid: &Uid, content: &Digest) -> Result<Self> {
        let (uid, is_member) = match uid.kind() {
            // A file in a tree came with the tree.
            UidKind::Member { tree, .. } => (tree, true),
            _ => (uid.clone(), false),
        };
        let (creator, key) = match uid.kind() {
            UidKind::Output { creator, key, .. } => (creator, key),
            UidKind::Committed { .. } => return Err(gone(&uid)),
            _ => {
                let named = match is_member {
                    true => catalog.named(&uid).await?,
                    false => catalog.version_with(&uid, content).await?,
                };
                return Self::of_target(catalog, &uid, named.ok_or_else(|| gone(&uid))?.target().clone()).await;
            }
        };
        let record = catalog.record(&creator, &key).await?.ok_or_else(|| gone(&uid))?;
        Ok(Self::Call(Box::new(record.lineage()?)))
    }

    /// How what a name leads to came to be, or led to.
    pub(crate) async fn of_target(catalog: &Catalog, uid: &Uid, target: NameTarget) -> Result<Self> {
        match target {
            NameTarget::Added(added) => Ok(Self::Added(added)),
            NameTarget::Output(output) => {
                let record = catalog.record(&output.creator, &output.key).await?.ok_or_else(|| gone(uid))?;
                Ok(Self::Call(Box::new(record.lineage()?)))
            }
        }
    }
}

fn gone(uid: &Uid) -> Error {
    let message = format!("the lake no longer says where `{uid}` comes from: it was removed");
    Error::new(ErrorKind::NotFound, message).about(Subject::Uid(uid.clone()))
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added(added) => {
                write!(
                    f,
                    "added by {} on {} at {}\n  {} bytes, digest {}",
                    added.person.email, added.host, added.at, added.size, added.digest
                )?;
                added.source.as_ref().map_or(Ok(()), |source| write!(f, "\n  from {source}"))
            }
            Self::Call(lineage) => call(lineage, f),
        }
    }
}

fn call(lineage: &Lineage, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let code = &lineage.code;
    writeln!(f, "made by {} (call {})", lineage.creator, lineage.key.short())?;
    for (name, value) in &lineage.generics {
        writeln!(f, "  generic   {name} = {value}")?;
    }
    for param in lineage.params.iter().chain(&lineage.extras) {
        writeln!(f, "  parameter {} = {}", param.name, shown(param, &lineage.inputs))?;
    }
    for input in &lineage.inputs {
        let name = input.uid.as_ref().map_or(input.name.as_str(), |uid| uid.as_str());
        let how = input.argument.as_deref().unwrap_or("got by the body");
        writeln!(f, "  input     {name} ({how}, {} bytes, {})", input.size, input.digest.short())?;
    }
    for value in &lineage.values {
        let how = value
            .argument
            .as_deref()
            .map_or_else(|| "got by the body".to_owned(), |name| format!("{name}{}", value.at));
        let what = if value.part { "part of what" } else { "what" };
        writeln!(f, "  value     {how}: {what} {}/{} returned", value.creator, value.key.short())?;
    }
    if lineage.values_left_out > 0 {
        writeln!(f, "            and {} values more", lineage.values_left_out)?;
    }
    for output in &lineage.outputs {
        writeln!(f, "  output    {} ({}, {} bytes, {})", output.uid, output.name, output.size, output.digest.short())?;
    }
    writeln!(
        f,
        "  code      {}:{} of {} {}, hash {}",
        code.file,
        code.line,
        code.package,
        code.package_version,
        code.hash.short()
    )?;
    for dependency in &code.dependencies {
        writeln!(f, "            depends on {} ({})", dependency.item, dependency.hash.short())?;
    }
    let commit = code.source.commit.as_deref().unwrap_or("none");
    let dirty = if code.source.dirty == Some(true) { "; files of the work tree were modified" } else { "" };
    let local = if code.source.local_only { ", which no remote had" } else { "" };
    match (code.source.state, &code.source.not_read) {
        (CodeState::Committed, _) => writeln!(f, "  commit    {commit}{local}{dirty}")?,
        (CodeState::Uncommitted, _) => {
            writeln!(f, "  commit    none has this code; it grew from {commit}{local}{dirty}")?
        }
        (CodeState::Unknown, None) => writeln!(f, "  commit    unknown")?,
        (CodeState::Unknown, Some(why)) => writeln!(f, "  commit    unknown: {why}")?,
    }
    if let Some(link) = &code.source.permalink {
        writeln!(f, "  link      {link}")?;
    }
    let environment = &lineage.environment;
    writeln!(
        f,
        "  built     {} for {}, environment {}",
        environment.rustc,
        environment.target,
        environment.digest.short()
    )?;
    write!(
        f,
        "  run       by {} on {} at {}, {} ms, run {}",
        lineage.person.email, lineage.host, lineage.started_at, lineage.duration_ms, lineage.run
    )
}

/// A parameter's value on one line; files are shown below.
fn shown(param: &Param, inputs: &[Input]) -> String {
    if param.secret {
        return "(secret)".to_owned();
    }
    if inputs.iter().any(|input| input.argument.as_deref() == Some(&param.name)) && param.value.get("$file").is_some() {
        return "(input)".to_owned();
    }
    let text = param.value.to_string();
    match text.char_indices().nth(100) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}
