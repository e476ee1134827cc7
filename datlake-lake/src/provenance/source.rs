//! Which commit holds the code that was compiled.
//!
//! The binary may not be what `HEAD` says. The macro embeds the git blob id of each source file; the code is a commit's if that
//! commit has exactly those blobs at those paths.

use std::path::{Path, PathBuf};

use datlake_core::Code;
use datlake_core::lineage::{CodeState, SourceState};
use git2::{Commit, Oid, Repository, Sort, StatusOptions};

/// Commits to look through for one that has the code.
const HISTORY: usize = 2000;

/// Where version control has `code` and what it depends on in the same repository.
pub(super) fn find(code: &'static Code) -> SourceState {
    // A repository that cannot be read is no reason to fail a call.
    look(code).unwrap_or_default()
}

fn look(code: &'static Code) -> Option<SourceState> {
    let repository = Repository::discover(code.manifest_dir).ok()?;
    let root = repository.workdir()?.canonicalize().ok()?;
    let path = within(code, &root)?;
    let mut files: Vec<(PathBuf, Oid)> = Vec::new();
    for code in code.closure() {
        let Some(path) = within(code, &root) else { continue };
        let blob = Oid::from_bytes(&code.blob).ok()?;
        if !files.contains(&(path.clone(), blob)) {
            files.push((path, blob));
        }
    }
    let head = repository.head().ok();
    let tip = head.as_ref().and_then(|head| head.peel_to_commit().ok());
    let commit = tip.as_ref().and_then(|tip| holder(&repository, tip, &files));
    let remote = repository.find_remote("origin").ok().and_then(|remote| remote.url().ok().map(without_credentials));
    let state = if commit.is_some() { CodeState::Committed } else { CodeState::Uncommitted };
    let id = commit.as_ref().or(tip.as_ref()).map(|commit| commit.id().to_string());
    let path = path.to_str()?.replace('\\', "/");
    let permalink = match (state, &remote, &id) {
        (CodeState::Committed, Some(remote), Some(id)) => permalink(remote, id, &path, code.line),
        _ => None,
    };
    Some(SourceState {
        state,
        commit: id,
        branch: head.filter(git2::Reference::is_branch).and_then(|head| head.shorthand().ok().map(str::to_owned)),
        dirty: dirty(&repository),
        repository: remote,
        path: Some(path),
        permalink,
    })
}

/// The source file of `code`, relative to the repository.
fn within(code: &Code, root: &Path) -> Option<PathBuf> {
    let file = Path::new(code.manifest_dir).join(code.file);
    let file = file.canonicalize().unwrap_or(file);
    file.strip_prefix(root).ok().map(Path::to_owned)
}

/// The commit nearest to `tip` that has exactly these files.
fn holder<'r>(repository: &'r Repository, tip: &Commit<'r>, files: &[(PathBuf, Oid)]) -> Option<Commit<'r>> {
    let has = |commit: &Commit<'_>| {
        commit.tree().is_ok_and(|tree| {
            files.iter().all(|(path, blob)| tree.get_path(path).is_ok_and(|entry| entry.id() == *blob))
        })
    };
    let mut walk = repository.revwalk().ok()?;
    walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME).ok()?;
    walk.push(tip.id()).ok()?;
    walk.take(HISTORY).filter_map(Result::ok).filter_map(|id| repository.find_commit(id).ok()).find(has)
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
mod tests {
    use super::*;

    #[test]
    fn credentials_never_leave_a_remote_url() {
        for (url, shown) in [
            ("https://me:secret@github.com/a/b.git", "https://github.com/a/b.git"),
            ("https://token@host/a?key=secret", "https://host/a"),
            ("git@github.com:a/b.git", "git@github.com:a/b.git"),
            ("https://me:se@cret@host/a", "https://host/a"),
        ] {
            assert_eq!(without_credentials(url), shown);
        }
    }

    #[test]
    fn links_go_to_the_line_on_each_forge() {
        for (remote, link) in [
            ("https://github.com/a/b.git", Some("https://github.com/a/b/blob/c0/src/x.rs#L7")),
            ("git@github.com:a/b.git", Some("https://github.com/a/b/blob/c0/src/x.rs#L7")),
            ("https://gitlab.example.org/g/a/b.git", Some("https://gitlab.example.org/g/a/b/-/blob/c0/src/x.rs#L7")),
            ("https://bitbucket.org/a/b", Some("https://bitbucket.org/a/b/src/c0/src/x.rs#lines-7")),
            ("https://codeberg.org/a/b.git", Some("https://codeberg.org/a/b/src/commit/c0/src/x.rs#L7")),
            ("https://example.org/a/b", None),
            ("/srv/git/a", None),
        ] {
            assert_eq!(permalink(remote, "c0", "src/x.rs", 7).as_deref(), link, "{remote}");
        }
    }
}
