//! What is done with repositories alone.

use datlake::{Branch, CommitMessage, Lake};

use super::checkout;
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
        Versions::Checkout { reference, folder, force } => {
            Box::new(checkout::checkout(lake, &reference, &folder, force)?)
        }
        Versions::Commit { what, message, metadata } => {
            let message = metadata
                .into_iter()
                .fold(CommitMessage::new(message), |message, (key, value)| message.metadata(key, value));
            Box::new(match checkout::working_copy(lake, &what)? {
                Some(copy) => copy.commit(message)?,
                None => objects::branch(lake, &what)?.commit(message)?,
            })
        }
        Versions::Import { source, to, message, folder, in_place } => {
            let from = match (folder, in_place) {
                (true, _) => objects::ImportFrom::Folder,
                (_, true) => objects::ImportFrom::Addresses,
                _ => objects::ImportFrom::Lake,
            };
            Box::new(objects::import(lake, &source, &to, message, from)?)
        }
        Versions::Merge { source, into, how } => Box::new(objects::merge(lake, &source, &into, how)?),
        Versions::Revert { branch, commit, how } => {
            Box::new(objects::at_branch(lake, &branch, &commit, how, Branch::revert)?)
        }
        Versions::CherryPick { branch, commit, how } => {
            Box::new(objects::at_branch(lake, &branch, &commit, how, Branch::cherry_pick)?)
        }
        Versions::Reset { branch } => Box::new(objects::reset(lake, &branch)?),
    })
}
