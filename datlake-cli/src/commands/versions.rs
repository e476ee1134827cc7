//! What is done with repositories alone.

use datlake::Lake;

use super::objects;
use super::repository::{self, RefKind};
use crate::answer::Answer;
use crate::args::Versions;

pub(super) fn run(lake: &Lake, command: Versions) -> anyhow::Result<Box<dyn Answer>> {
    Ok(match command {
        Versions::Repo(command) => repository::run(lake, command)?,
        Versions::Branch(command) => repository::refs_of(lake, RefKind::Branch, command)?,
        Versions::Tag(command) => repository::refs_of(lake, RefKind::Tag, command)?,
        Versions::Put(how) => Box::new(objects::put(lake, &how)?),
        Versions::Commit { branch, message } => Box::new(objects::branch(lake, &branch)?.commit(message)?),
        Versions::Import { source, to, message, folder } => {
            Box::new(objects::import(lake, &source, &to, message, folder)?)
        }
        Versions::Merge { source, into, how } => Box::new(objects::merge(lake, &source, &into, how)?),
        Versions::Revert { branch, commit, how } => {
            Box::new(objects::branch(lake, &branch)?.revert(&commit, &objects::options(how))?)
        }
        Versions::CherryPick { branch, commit, how } => {
            Box::new(objects::branch(lake, &branch)?.cherry_pick(&commit, &objects::options(how))?)
        }
        Versions::Reset { branch } => Box::new(objects::reset(lake, &branch)?),
    })
}
