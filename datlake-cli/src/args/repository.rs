//! Arguments of what is done with repositories.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum};

/// What is done with repositories alone.
#[derive(Debug, Subcommand)]
pub(crate) enum Versions {
    /// Creates, lists, shows and deletes repositories
    #[command(subcommand)]
    Repo(Repo),
    /// Creates, lists and deletes branches of a repository
    #[command(subcommand)]
    Branch(Ref),
    /// Creates, lists and deletes tags of a repository: names of commits that never move
    #[command(subcommand)]
    Tag(Ref),
    /// Puts files into a branch of a repository, where they are uncommitted
    #[command(after_help = "Example: datlake put jan.csv feb.csv sales@main:raw/\n\
        A file of the lake, without copying it: datlake put --uid reports/2026.md sales@main:report.md")]
    Put(PutHow),
    /// Makes a folder a working copy of what a branch, a tag or a commit has
    ///
    /// Only what differs is written. Files that were changed in the folder are never replaced without --force: then nothing is written,
    /// and their paths are shown. Of a branch it is the last commit; what is changed in the folder goes back by `datlake commit FOLDER`.
    #[command(after_help = "Example: datlake checkout sales@main sales\n\
        What was changed there is shown by: datlake diff sales")]
    Checkout {
        /// The branch, the tag or the commit
        #[arg(value_name = "REPO@REF")]
        reference: String,
        /// The folder, which is made if there is none
        folder: PathBuf,
        /// Replaces files that were changed in the folder
        #[arg(short, long)]
        force: bool,
    },
    /// Commits what is uncommitted at a branch, or what was changed in a working copy
    #[command(after_help = "Example: datlake commit sales@main -m 'Sales of January'\n\
        What was changed in a folder that was checked out: datlake commit sales -m 'Corrections'")]
    Commit {
        /// The branch; or a folder that `datlake checkout` made
        #[arg(value_name = "REPO@BRANCH|FOLDER")]
        what: String,
        /// Why
        #[arg(short, long)]
        message: String,
        /// What else the commit says of itself, as often as wanted
        #[arg(long = "meta", value_name = "KEY=VALUE", value_parser = key_and_value)]
        metadata: Vec<(String, String)>,
    },
    /// Commits files of the lake to a branch without copying them, or the files of a folder or a bucket
    ///
    /// With --in-place the files stay where they are, and none is read: the commit names their addresses. What others have uncommitted there stays uncommitted. What is there already is replaced, and nothing is deleted.
    #[command(after_help = "Example: datlake import exports/ sales@main:raw/ -m 'The exports'\n\
        A folder of this machine: datlake import --folder photos sales@main:photos/ -m 'Photos'\n\
        Without reading any: DATLAKE_READ_FROM=s3://bucket/exports datlake import --in-place s3://bucket/exports/2026 sales@main:raw/ -m '2026'")]
    Import {
        /// What the names of the files begin with; with --folder a folder, with --in-place a URL
        source: String,
        /// The branch, and what the paths begin with
        #[arg(value_name = "REPO@BRANCH[:PREFIX]")]
        to: String,
        /// Why
        #[arg(short, long)]
        message: String,
        /// SOURCE is a folder of this machine, whose files are added
        #[arg(long)]
        folder: bool,
        /// SOURCE is the URL of a folder or a bucket, below one that DATLAKE_READ_FROM names: no file there is read or copied
        #[arg(long, conflicts_with = "folder")]
        in_place: bool,
    },
    /// Merges what a branch, tag or commit has into another branch
    ///
    /// Where both changed a path to different things, nothing is changed, the paths are listed, and the exit status is 2.
    #[command(after_help = "Example: datlake merge sales@dev main\n\
        What dev has counts where both changed it: datlake merge sales@dev main --prefer source\n\
        Only below raw/: datlake merge sales@dev main --prefer raw/=source")]
    Merge {
        /// What is merged
        #[arg(value_name = "REPO@REF")]
        source: String,
        /// The branch that it is merged into
        into: String,
        #[command(flatten)]
        how: MergeHow,
    },
    /// Takes back at a branch what a commit has changed
    #[command(after_help = "Example: datlake revert sales@main main~1")]
    Revert {
        /// The branch
        #[arg(value_name = "REPO@BRANCH")]
        branch: String,
        /// The commit, or what leads to it
        commit: String,
        #[command(flatten)]
        how: MergeHow,
    },
    /// Does at a branch again what a commit has changed elsewhere
    #[command(after_help = "Example: datlake cherry-pick sales@main dev")]
    CherryPick {
        /// The branch
        #[arg(value_name = "REPO@BRANCH")]
        branch: String,
        /// The commit, or what leads to it
        commit: String,
        #[command(flatten)]
        how: MergeHow,
    },
    /// Discards what is uncommitted at a branch
    #[command(after_help = "Example: datlake reset sales@main\n\
        Only below raw/: datlake reset sales@main:raw/")]
    Reset {
        /// The branch, and what the paths begin with
        #[arg(value_name = "REPO@BRANCH[:PREFIX]")]
        branch: String,
    },
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!("`{text}` is no KEY=VALUE")),
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Repo {
    /// Creates a repository, with a first commit that has nothing in it
    #[command(after_help = "Example: datlake repo create sales")]
    Create {
        /// 3 to 63 lower-case letters, digits and dashes
        name: String,
        /// What its first branch is called
        #[arg(long, default_value = "main", value_name = "BRANCH")]
        default_branch: String,
    },
    /// Lists the repositories of the lake
    #[command(after_help = "Example: datlake repo list")]
    List,
    /// Shows a repository, with its branches and tags
    #[command(after_help = "Example: datlake repo show sales")]
    Show {
        /// The repository
        name: String,
    },
    /// Deletes a repository, with all that is in it
    ///
    /// Content that nothing else has goes with a later `datlake gc`.
    #[command(after_help = "Example: datlake repo rm sales --yes")]
    Rm {
        /// The repository
        name: String,
        /// Really
        #[arg(short, long)]
        yes: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Ref {
    /// Creates one
    #[command(after_help = "Example: datlake branch create sales@dev main; datlake tag create sales@v1 main")]
    Create {
        /// The repository and the new name
        #[arg(value_name = "REPO@NAME")]
        name: String,
        /// What it leads to: a branch, a tag or a commit
        #[arg(value_name = "REF")]
        from: Option<String>,
    },
    /// Lists those of a repository
    #[command(after_help = "Example: datlake branch list sales; datlake tag list sales")]
    List {
        /// The repository
        repo: String,
        /// Branches of transactions that are going on, or were kept, instead
        #[arg(long)]
        transactions: bool,
    },
    /// Deletes one; of a branch what is uncommitted there, too
    #[command(after_help = "Example: datlake branch rm sales@dev; datlake tag rm sales@v1")]
    Rm {
        /// Which
        #[arg(value_name = "REPO@NAME")]
        name: String,
    },
}

/// What is put where.
#[derive(Debug, Args)]
pub(crate) struct PutHow {
    /// Files, or - for standard input; with --uid, files of the lake, which are not copied
    #[arg(required = true)]
    pub(crate) files: Vec<OsString>,
    /// Where to; a path that ends in a slash is a folder: each file goes into it under its own name
    #[arg(value_name = "REPO@BRANCH:PATH")]
    pub(crate) to: String,
    /// FILES are names of files of the lake
    #[arg(long)]
    pub(crate) uid: bool,
}

/// Who wins a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Prefer {
    /// What is merged
    #[value(alias = "source-wins")]
    Source,
    /// The branch that it is merged into
    #[value(alias = "dest-wins")]
    Destination,
}

/// Who wins at which paths: at those that begin with a prefix, or at all that no prefix is said for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Preference {
    pub(crate) below: Option<String>,
    pub(crate) side: Prefer,
}

impl FromStr for Preference {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // A path may have the sign, a side has none.
        let (below, side) = match text.rsplit_once('=') {
            Some((prefix, side)) => (Some(prefix.to_owned()), side),
            None => (None, text),
        };
        let side = Prefer::from_str(side, false)
            .map_err(|_| format!("`{side}` is no side: `source` is what is merged, `destination` the branch"))?;
        Ok(Self { below, side })
    }
}

/// How a merge, a revert or a cherry-pick is done.
#[derive(Debug, Args)]
pub(crate) struct MergeHow {
    /// What the commit says
    #[arg(short, long)]
    pub(crate) message: Option<String>,
    /// Who wins where both sides changed a path: source or destination; without this, that is a conflict. Below a prefix, as often as wanted:
    /// raw/=source; the longest counts
    #[arg(long, value_name = "[PREFIX=]SIDE")]
    pub(crate) prefer: Vec<Preference>,
    /// Of a commit that is a merge: the number of the parent that it is compared with, from 1
    #[arg(long, value_name = "N")]
    pub(crate) parent: Option<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preference_is_a_side_and_maybe_a_prefix() {
        let read = |text: &str| text.parse::<Preference>().map(|Preference { below, side }| (below, side));
        assert_eq!(read("source"), Ok((None, Prefer::Source)));
        assert_eq!(read("dest-wins"), Ok((None, Prefer::Destination)));
        assert_eq!(read("a=b/=source-wins"), Ok((Some("a=b/".to_owned()), Prefer::Source)));
        assert_eq!(
            read("raw/").unwrap_err(),
            "`raw/` is no side: `source` is what is merged, `destination` the branch"
        );
    }
}
