//! `datlake repo`, `branch`, `tag`: what repositories there are, and what leads to their commits.

use std::collections::BTreeMap;

use anyhow::bail;
use datlake::report::{CommitInfo, OutsideCheck};
use datlake::{Digest, ErrorKind, Lake, Repository, RepositoryAddress};
use serde::Serialize;

use crate::answer::{Answer, Page};
use crate::args::{Ref, Repo};
use crate::failure::refused;
use crate::text::{escape, time};

/// A repository.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize, schemars::JsonSchema))]
pub(super) struct RepositoryRow {
    name: String,
    default_branch: String,
    metadata: BTreeMap<String, String>,
}

/// A repository, and what it has.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize, schemars::JsonSchema))]
pub(super) struct RepositoryShown {
    #[serde(flatten)]
    row: RepositoryRow,
    branches: Vec<RefRow>,
    tags: Vec<RefRow>,
}

/// A branch or a tag.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize, schemars::JsonSchema))]
pub(super) struct RefRow {
    name: String,
    /// The commit that it leads to.
    commit: Digest,
    /// When that was made.
    at: String,
    /// What it says.
    message: String,
}

/// What was deleted.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize, schemars::JsonSchema))]
pub(super) struct Deleted {
    deleted: String,
}

/// Which of the two.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RefKind {
    Branch,
    Tag,
}

pub(super) fn run(lake: &Lake, command: Repo) -> anyhow::Result<Box<dyn Answer>> {
    Ok(match command {
        Repo::Create { name, default_branch } => {
            Box::new(row(&lake.new_repository(&name).default_branch(default_branch).create()?))
        }
        Repo::List => Box::new(lake.repositories()?.iter().map(row).collect::<Vec<_>>()),
        Repo::Show { name } => {
            let of = lake.repository(&name)?;
            let branches = refs(of.branches()?.iter().map(|branch| (branch.name().to_owned(), branch.commit_info())))?;
            let tags = refs(of.tags()?.iter().map(|tag| (tag.name().to_owned(), tag.commit_info())))?;
            Box::new(RepositoryShown { row: row(&of), branches, tags })
        }
        Repo::Rm { name, yes } => {
            let of = lake.repository(&name)?;
            if !yes {
                let error = refused(format!("`{name}` would be deleted with all its branches, tags and commits"));
                bail!(error.with_hint("--yes deletes it"));
            }
            of.delete()?;
            Box::new(Deleted { deleted: name })
        }
    })
}

pub(super) fn refs_of(lake: &Lake, kind: RefKind, command: Ref) -> anyhow::Result<Box<dyn Answer>> {
    Ok(match (command, kind) {
        (Ref::Create { name, from }, kind) => {
            let (of, name) = named(lake, &name)?;
            let from = match &from {
                Some(from) => within(&of, from)?.to_owned(),
                None => of.default_branch().name().to_owned(),
            };
            let commit = match kind {
                RefKind::Branch => of.branch(&name).create(&from)?.commit_info()?,
                RefKind::Tag => of.tag(&name).create(&from)?.commit_info()?,
            };
            Box::new(ref_row(name, commit))
        }
        (Ref::List { repo, transactions }, RefKind::Branch) => {
            let of = lake.repository(&repo)?;
            let all = if transactions { of.transactions()? } else { of.branches()? };
            Box::new(refs(all.iter().map(|branch| (branch.name().to_owned(), branch.commit_info())))?)
        }
        (Ref::List { repo, .. }, RefKind::Tag) => {
            let all = lake.repository(&repo)?.tags()?;
            Box::new(refs(all.iter().map(|tag| (tag.name().to_owned(), tag.commit_info())))?)
        }
        (Ref::Rm { name }, kind) => {
            let (of, name) = named(lake, &name)?;
            match kind {
                RefKind::Branch => of.branch(&name).delete()?,
                RefKind::Tag => of.tag(&name).delete()?,
            }
            Box::new(Deleted { deleted: name })
        }
    })
}

/// The repository and the name that `REPO@NAME` consists of.
pub(super) fn named(lake: &Lake, text: &str) -> anyhow::Result<(Repository, String)> {
    let RepositoryAddress { repository, expression, path, .. } = address(lake, text)?;
    if !path.is_empty() {
        bail!(refused(format!("`{text}` has a path, where a name alone is meant: REPO@NAME")));
    }
    Ok((repository, expression))
}

/// What is meant in a repository that was named before: `REF`, or `REPO@REF` of the same.
pub(super) fn within<'t>(of: &Repository, text: &'t str) -> anyhow::Result<&'t str> {
    // `main@` is the last commit of a branch.
    match text.split_once('@') {
        Some((name, rest)) if name == of.name() && !rest.is_empty() => Ok(rest),
        Some((name, rest)) if !rest.is_empty() && !rest.starts_with(['~', '^']) => {
            let error = refused(format!("`{text}` is of the repository `{name}`, and not of `{}`", of.name()));
            bail!(error.with_hint("both are of one repository"))
        }
        _ => Ok(text),
    }
}

/// What an address means that has to be one of a repository.
pub(super) fn address(lake: &Lake, text: &str) -> anyhow::Result<RepositoryAddress> {
    if let Some(address) = lake.repository_address(text)? {
        return Ok(address);
    }
    let Some((name, _)) = text.split_once('@') else {
        if let Ok(of) = lake.repository(text) {
            let error = refused(format!("`{text}` is a repository, and a branch of it is meant"));
            bail!(error.with_hint(format!("write REPO@BRANCH, as {text}@{}", of.default_branch().name())));
        }
        let error = refused(format!("`{text}` names nothing in a repository"));
        bail!(error.with_hint("write REPO@BRANCH, or REPO@BRANCH:PATH"));
    };
    // Fails with the nearest names.
    lake.repository(name)?;
    let error = refused(format!("`{text}` is the name of a file of the lake"));
    bail!(error.with_hint("write REPO@BRANCH, or REPO@BRANCH:PATH"))
}

/// Whether what a commit has outside of the lake is what was imported.
pub(super) fn check_outside(lake: &Lake, text: &str) -> anyhow::Result<OutsideCheck> {
    let RepositoryAddress { repository, expression, path, .. } = address(lake, text)?;
    Ok(repository.reference(&expression).check_outside(&path)?)
}

fn row(of: &Repository) -> RepositoryRow {
    let default_branch = of.default_branch().name().to_owned();
    RepositoryRow { name: of.name().to_owned(), default_branch, metadata: of.metadata().clone() }
}

fn refs(all: impl Iterator<Item = (String, datlake::Result<CommitInfo>)>) -> anyhow::Result<Vec<RefRow>> {
    let mut rows = Vec::new();
    for (name, commit) in all {
        match commit {
            // It was deleted since.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            commit => rows.push(ref_row(name, commit?)),
        }
    }
    Ok(rows)
}

fn ref_row(name: String, commit: CommitInfo) -> RefRow {
    RefRow { name, commit: commit.id, at: commit.at, message: commit.message }
}

/// The first line of what a commit says.
pub(super) fn title(message: &str) -> String {
    escape(message.lines().next().unwrap_or_default()).into_owned()
}

fn ref_line(RefRow { name, commit, at, message }: &RefRow) -> String {
    format!("{}  {}  {}  {}\n", escape(name), commit.short(), time(at), title(message))
}

impl Answer for RepositoryRow {
    fn text(&self, _: &Page) -> String {
        format!("{} (default branch {})\n", self.name, self.default_branch)
    }
}

impl Answer for Vec<RepositoryRow> {
    fn text(&self, page: &Page) -> String {
        self.iter().map(|row| row.text(page)).collect()
    }
}

impl Answer for RepositoryShown {
    fn text(&self, page: &Page) -> String {
        let mut text = self.row.text(page);
        for (what, rows) in [("branch", &self.branches), ("tag", &self.tags)] {
            text.extend(rows.iter().map(|row| format!("  {what}  {}", ref_line(row))));
        }
        text
    }
}

impl Answer for RefRow {
    fn text(&self, _: &Page) -> String {
        ref_line(self)
    }
}

impl Answer for Vec<RefRow> {
    fn text(&self, _: &Page) -> String {
        self.iter().map(ref_line).collect()
    }
}

impl Answer for Deleted {
    fn text(&self, _: &Page) -> String {
        format!("deleted {}\n", escape(&self.deleted))
    }
}
