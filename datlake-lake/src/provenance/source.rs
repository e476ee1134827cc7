//! Which commit holds the code that was compiled.
//!
//! The binary may not be what `HEAD` says. The code is a commit's if a checkout of that commit has exactly the files that were
//! compiled, at their paths. A checkout may have other bytes than the commit (line ends, `ident`, LFS): what decides is
//! - that a file has the commit's bytes; or
//! - that git takes it for unmodified, and it still is what was compiled; or
//! - for Rust, that it has `\r\n` where the commit has `\n`: the compiler reads both alike.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use datlake_core::Code;
use datlake_core::lineage::{CodeState, SourceState};
use git2::{
    Commit, IndexEntryExtendedFlag, IndexEntryFlag, ObjectType, Oid, Repository, Sort, Status, StatusOptions, Tree,
};

use super::compiled::{CompiledFile, is_of_registry};

/// Commits to look through for one that has the code.
const HISTORY: usize = 2000;

/// Where version control has `code` and what it depends on.
pub(super) fn find(code: &'static Code) -> SourceState {
    let directory = Path::new(code.manifest_dir);
    if is_of_registry(code) {
        // Whatever repository is around cargo's cache has nothing to do with it.
        return published(code).unwrap_or_default();
    }
    // A repository that cannot be read is no reason to fail a call.
    let found = look(code, &CompiledFile::all_of(code))
        .unwrap_or_else(|| SourceState { not_read: why_not_read(directory), ..SourceState::default() });
    match found.state {
        CodeState::Committed => found,
        _ if is_vendored(directory) => published(code).unwrap_or(found),
        _ => found,
    }
}

/// Whether `cargo vendor` put this package there.
fn is_vendored(package: &Path) -> bool {
    package.join(".cargo-checksum.json").exists()
}

/// Where a published package comes from, as cargo wrote it down when it was packaged. That its files are those is cargo's to check.
fn published(code: &Code) -> Option<SourceState> {
    #[derive(serde::Deserialize)]
    struct PackagedFrom {
        git: PackagedGit,
        #[serde(default)]
        path_in_vcs: String,
    }
    #[derive(serde::Deserialize)]
    struct PackagedGit {
        sha1: String,
        #[serde(default)]
        dirty: bool,
    }
    let read = |name: &str| std::fs::read_to_string(Path::new(code.manifest_dir).join(name)).ok();
    let PackagedFrom { git, path_in_vcs } = serde_json::from_str(&read(".cargo_vcs_info.json")?).ok()?;
    let manifest = read("Cargo.toml").and_then(|text| text.parse::<toml_edit::DocumentMut>().ok());
    let remote = manifest.as_ref().and_then(|manifest| manifest.get("package")?.get("repository")?.as_str());
    let remote = remote.map(without_credentials);
    let path =
        [path_in_vcs.as_str(), code.file].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
    let state = if git.dirty { CodeState::Uncommitted } else { CodeState::Committed };
    let permalink = match (state, &remote) {
        (CodeState::Committed, Some(remote)) => permalink(remote, &git.sha1, &path, code.line),
        _ => None,
    };
    Some(SourceState {
        state,
        commit: Some(git.sha1),
        dirty: Some(git.dirty),
        repository: remote,
        path: Some(path),
        permalink,
        ..SourceState::default()
    })
}

/// Why the repository around a directory cannot be read, if there is one.
fn why_not_read(directory: &Path) -> Option<String> {
    let error = Repository::discover(directory).err()?;
    match error.code() {
        git2::ErrorCode::NotFound => None,
        git2::ErrorCode::Owner => Some(
            "its repository belongs to another user, and git was not told that it is safe (`safe.directory`)"
                .to_owned(),
        ),
        code => Some(format!("its repository cannot be read ({code:?})")),
    }
}

/// The state of `files` by the repository that `code` is in.
fn look(code: &Code, files: &[CompiledFile]) -> Option<SourceState> {
    let mut checkouts = Checkouts::default();
    let own = checkouts.around(Path::new(code.manifest_dir))?;
    let source = resolved(&Path::new(code.manifest_dir).join(code.file));
    let path = source.strip_prefix(&checkouts.all[own].root).ok()?.to_str()?.replace('\\', "/");
    let in_some = files.iter().all(|file| checkouts.assign(file).is_some());
    // Also where it is in several repositories: in a submodule, in a package beside this one.
    let in_others = in_some && checkouts.all.iter_mut().skip(1).all(|checkout| checkout.holder().is_some());
    let commit = if in_others { checkouts.all[own].holder() } else { None };
    let repository = &checkouts.all[own].repository;
    let head = repository.head().ok();
    let remote = repository.find_remote("origin").ok().and_then(|remote| remote.url().ok().map(without_credentials));
    let state = if commit.is_some() { CodeState::Committed } else { CodeState::Uncommitted };
    let id = commit.or_else(|| Some(head.as_ref()?.peel_to_commit().ok()?.id())).map(|id| id.to_string());
    let known = id.as_deref().and_then(|id| Oid::from_str(id).ok());
    let local_only = remote.is_some() && known.is_some_and(|id| !is_pushed(repository, id));
    let permalink = match (state, &remote, &id) {
        (CodeState::Committed, Some(remote), Some(id)) if !local_only => permalink(remote, id, &path, code.line),
        _ => None,
    };
    Some(SourceState {
        state,
        commit: id,
        local_only,
        not_read: None,
        branch: head.filter(git2::Reference::is_branch).and_then(|head| head.shorthand().ok().map(str::to_owned)),
        dirty: dirty(repository),
        repository: remote,
        path: Some(path),
        permalink,
    })
}

/// Whether a branch of a remote has the commit, as far as the repository knows. Where its history is cut off, nothing says that none has.
fn is_pushed(repository: &Repository, commit: Oid) -> bool {
    // One walk, however many branches there are: it goes from the commit, and hides what they have.
    let first = || {
        let mut walk = repository.revwalk()?;
        walk.push(commit)?;
        walk.hide_glob("refs/remotes/*")?;
        walk.next().transpose()
    };
    first().map_or(true, |first| first.is_none())
}

/// A path without symbolic links, where the file is there.
fn resolved(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// The repositories in which there is something that the key depends on.
#[derive(Default)]
struct Checkouts {
    all: Vec<Checkout>,
    by_directory: HashMap<PathBuf, usize>,
}

/// A repository that is checked out, and the files in it that the key depends on.
struct Checkout {
    repository: Repository,
    root: PathBuf,
    wanted: Vec<Wanted>,
}

/// A file as a commit must have it.
struct Wanted {
    /// Within the repository.
    path: PathBuf,
    compiled: Oid,
    is_rust: bool,
    /// Of blobs that were compared, whether the file is one.
    known: HashMap<Oid, bool>,
}

impl Checkouts {
    /// The repository around a directory.
    fn around(&mut self, directory: &Path) -> Option<usize> {
        if let Some(at) = self.by_directory.get(directory) {
            return Some(*at);
        }
        let repository = Repository::discover(directory).ok()?;
        let root = repository.workdir()?.canonicalize().ok()?;
        let at = self.all.iter().position(|checkout| checkout.root == root).unwrap_or_else(|| {
            self.all.push(Checkout { repository, root, wanted: Vec::new() });
            self.all.len() - 1
        });
        self.by_directory.insert(directory.to_owned(), at);
        Some(at)
    }

    /// Puts `file` to those of the repository that it is in; `None` where it is in none.
    fn assign(&mut self, file: &CompiledFile) -> Option<()> {
        let file_path = resolved(file.path.as_deref()?);
        let at = self.around(file_path.ancestors().skip(1).find(|directory| directory.is_dir())?)?;
        let Checkout { repository, root, wanted } = &mut self.all[at];
        let path = file_path.strip_prefix(root).ok()?.to_owned();
        let compiled = Oid::from_bytes(&file.blob.0).ok()?;
        let mut known = HashMap::from([(compiled, true)]);
        // Git looks at files only where it has to.
        if in_head(repository, &path) != Some(compiled)
            && let Some(staged) = unmodified(repository, &path)
            && Oid::hash_file(ObjectType::Blob, &file_path).is_ok_and(|now| now == compiled)
        {
            known.insert(staged, true);
        }
        wanted.push(Wanted { path, compiled, is_rust: file.is_rust, known });
        Some(())
    }
}

impl Checkout {
    /// The commit nearest to `HEAD` that has exactly these files.
    fn holder(&mut self) -> Option<Oid> {
        let Self { repository, wanted, .. } = self;
        let mut walk = repository.revwalk().ok()?;
        walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME).ok()?;
        walk.push_head().ok()?;
        let commits = walk.take(HISTORY).filter_map(Result::ok).filter_map(|id| repository.find_commit(id).ok());
        let mut has = |commit: &Commit<'_>| {
            commit.tree().is_ok_and(|tree| wanted.iter_mut().all(|wanted| wanted.is_in(repository, &tree)))
        };
        commits.into_iter().find(|commit| has(commit)).map(|commit| commit.id())
    }
}

impl Wanted {
    fn is_in(&mut self, repository: &Repository, tree: &Tree<'_>) -> bool {
        let Ok(entry) = tree.get_path(&self.path) else { return false };
        let (is_rust, compiled) = (self.is_rust, self.compiled);
        *self.known.entry(entry.id()).or_insert_with(|| {
            is_rust && repository.find_blob(entry.id()).is_ok_and(|blob| with_crlf(blob.content()) == Some(compiled))
        })
    }
}

/// The id of a text with `\r\n` for each `\n`.
fn with_crlf(text: &[u8]) -> Option<Oid> {
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    Oid::hash_object(ObjectType::Blob, &lines.join(&b"\r\n"[..])).ok()
}

fn in_head(repository: &Repository, path: &Path) -> Option<Oid> {
    Some(repository.head().ok()?.peel_to_tree().ok()?.get_path(path).ok()?.id())
}

/// What git's index has for a file that git takes for unmodified, whatever filters make of it.
fn unmodified(repository: &Repository, path: &Path) -> Option<Oid> {
    let entry = repository.index().ok()?.get_path(path, 0)?;
    // Git was told not to look.
    let unseen = IndexEntryFlag::from_bits_truncate(entry.flags).is_valid()
        || IndexEntryExtendedFlag::from_bits_truncate(entry.flags_extended).is_skip_worktree();
    let modified = Status::WT_MODIFIED | Status::WT_TYPECHANGE | Status::WT_DELETED | Status::CONFLICTED;
    let status = repository.status_file(path);
    (!unseen && status.is_ok_and(|status| !status.intersects(modified))).then_some(entry.id)
}

fn dirty(repository: &Repository) -> Option<bool> {
    let statuses =
        repository.statuses(Some(StatusOptions::new().include_untracked(false).include_ignored(false))).ok()?;
    Some(!statuses.is_empty())
}

/// A remote's URL as anybody may see it.
fn without_credentials(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            // Queries may carry tokens.
            let path = path.split(['?', '#']).next().unwrap_or("");
            format!("{scheme}://{host}/{path}")
        }
        None => url.to_owned(),
    }
}

/// A link to a line, for the forges whose links are known.
fn permalink(remote: &str, commit: &str, path: &str, line: u32) -> Option<String> {
    let web = match remote.split_once("://") {
        Some((_, rest)) => rest.to_owned(),
        // scp-like: git@host:owner/repo.git
        None => remote.split_once('@')?.1.replacen(':', "/", 1),
    };
    let web = web.trim_end_matches('/').trim_end_matches(".git");
    let host = web.split('/').next()?;
    let has = |name: &str| host.contains(name);
    let rest = if has("github") {
        format!("blob/{commit}/{path}#L{line}")
    } else if has("gitlab") {
        format!("-/blob/{commit}/{path}#L{line}")
    } else if has("bitbucket") {
        format!("src/{commit}/{path}#lines-{line}")
    } else if has("gitea") || has("forgejo") || has("codeberg") {
        format!("src/commit/{commit}/{path}#L{line}")
    } else {
        return None;
    };
    Some(format!("https://{web}/{rest}"))
}

#[cfg(test)]
mod odd;
#[cfg(test)]
mod tests;
