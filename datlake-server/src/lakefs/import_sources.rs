//! What is imported: files of the lake, of folders and of buckets that the operator allows. Nothing else, and above all no other address of
//! a network.

use std::path::{Path, PathBuf};

use axum::http::StatusCode;
use datlake::{Branch, Error, ErrorKind, Lake, LocalFolder, Result, UidKind};

use super::wire::{ImportLocation, PathType};
use crate::access::Caller;
use crate::problem::{Problem, Reply};

/// The most that one import names.
const MOST: usize = 1000;

/// What the URLs of buckets begin with.
const BUCKETS: [&str; 6] = ["s3://", "s3a://", "gs://", "az://", "abfs://", "abfss://"];

/// Something that is imported, and where it is put.
pub(super) enum ImportSource {
    /// The files of the lake whose names begin so.
    Names(String, String),
    /// A file of the lake.
    Name(String, String),
    /// What is below an address of a bucket, or is there: it stays there.
    Address(String, String),
    /// What is below a folder of this machine.
    Folder(PathBuf, String),
    /// A file of this machine.
    Path(PathBuf, String),
}

/// What `locations` say.
///
/// # Errors
/// 400 for what cannot be imported, 403 for what `caller` may not.
pub(super) fn sources(locations: Vec<ImportLocation>, caller: &Caller, allowed: &[String]) -> Reply<Vec<ImportSource>> {
    if locations.is_empty() || locations.len() > MOST {
        return Err(Problem::bad_request(format!("`paths` has {} sources: 1 to {MOST}", locations.len())));
    }
    locations.into_iter().map(|location| source(location, caller, allowed)).collect()
}

fn source(location: ImportLocation, caller: &Caller, allowed: &[String]) -> Reply<ImportSource> {
    let ImportLocation { r#type: kind, path, destination: to } = location;
    if let Some(name) = path.strip_prefix("lake://") {
        let is_allowed =
            |prefix: &String| prefix.strip_prefix("lake://").is_some_and(|prefix| name.starts_with(prefix));
        if !caller.reads_everything() && !allowed.iter().any(is_allowed) {
            return Err(refused(&path));
        }
        return Ok(match kind {
            PathType::CommonPrefix => ImportSource::Names(name.to_owned(), to),
            PathType::Object => ImportSource::Name(name.to_owned(), to),
        });
    }
    if BUCKETS.iter().any(|scheme| path.starts_with(scheme)) {
        // What settings alone let this machine read is not for everybody to import.
        let is_allowed = |allowed: &String| datlake::is_address_below(&path, allowed);
        return match allowed.iter().any(is_allowed) {
            true => Ok(ImportSource::Address(path, to)),
            false => Err(refused(&path)),
        };
    }
    let Some(local) = path.strip_prefix("file://") else {
        let message = format!(
            "`{}` cannot be imported: a source is `lake://` and a name of the lake, `file://` and a path, or the URL of a bucket",
            shown(&path)
        );
        return Err(Problem::bad_request(message));
    };
    // Whether there is something that may not be imported is nobody's to know.
    let real = Path::new(local).canonicalize().map_err(|_| refused(&path))?;
    let is_allowed = |prefix: &String| {
        let folder = prefix.strip_prefix("file://").and_then(|folder| Path::new(folder).canonicalize().ok());
        folder.is_some_and(|folder| real.starts_with(folder))
    };
    if !Path::new(local).is_absolute() || !allowed.iter().any(is_allowed) {
        return Err(refused(&path));
    }
    Ok(match kind {
        PathType::CommonPrefix => ImportSource::Folder(real, to),
        PathType::Object => ImportSource::Path(real, to),
    })
}

fn refused(path: &str) -> Problem {
    let message = format!(
        "`{}` may not be imported: whoever runs the server allows it by `datlake serve --import-from`",
        shown(path)
    );
    Problem::new(StatusCode::FORBIDDEN, message)
}

fn shown(path: &str) -> String {
    path.chars().take(200).flat_map(char::escape_debug).collect()
}

impl ImportSource {
    /// Commits it to `branch`: how many objects it has.
    pub(super) async fn bring(&self, lake: &Lake, branch: &Branch, message: &str) -> Result<u64> {
        let imported = match self {
            Self::Names(prefix, to) => branch.import_files_async(prefix, to, message).await.map(|done| done.objects),
            Self::Name(name, to) => {
                let file = lake.file_async(name).await?;
                // What is in a repository is for whoever may read that.
                let is_named = file.uid().is_some_and(|uid| {
                    matches!(uid.kind(), UidKind::Chosen | UidKind::Output { .. } | UidKind::Member { .. })
                });
                if !is_named {
                    let message = format!("`{name}` is no file of the lake that can be imported as an object");
                    return Err(Error::new(ErrorKind::InvalidInput, message));
                }
                branch.put_async(to, &file).await?;
                branch.commit_async(message).await.map(|_| 1)
            }
            Self::Address(url, to) => branch.import_addresses_async(url, to, message).await.map(|done| done.objects),
            Self::Folder(folder, to) => {
                let folder = folder.clone();
                let read = tokio::task::spawn_blocking(move || LocalFolder::read(folder)).await;
                let folder = read.map_err(|e| Error::new(ErrorKind::Io, e.to_string()))??;
                branch.import_folder_async(&folder, to, message).await.map(|done| done.objects)
            }
            Self::Path(path, to) => {
                branch.put_path_async(to, path).await?;
                branch.commit_async(message).await.map(|_| 1)
            }
        };
        match imported {
            // The branch has all of that already.
            Err(error) if error.kind() == ErrorKind::Unchanged => Ok(0),
            imported => imported,
        }
    }
}
