//! Changes of files that are asked for at the same time: whoever comes first appends one entry for all who wait.
//!
//! An entry takes as long for a thousand paths as for one. Appended one by one, each would be tried anew behind the others'.

use std::cell::OnceCell;
use std::sync::{Arc, OnceLock};

use datlake_core::repository::{BranchChanges, BranchState, EntryKind};
use datlake_core::{Error, ErrorKind, Result};
use datlake_store::{Publishing, wait};

use super::branch::Branch;
use super::pieces::Pieces;
use super::resolve::{Resolved, View};
use super::wishes::{Waiting, Wish};
use crate::sync::lock;

impl Branch {
    /// Does what somebody wishes, with what others wish of the branch at the same time: how many paths it changed.
    pub(super) fn change(&self, publishing: &Publishing, wish: Wish) -> Result<usize> {
        let queue = self.shared().queue(self.name());
        let (since, person) = (publishing.since, self.shared().person.clone());
        let own = Arc::new(Waiting { wish, since, person, done: OnceLock::new() });
        lock(&queue.waiting).push(Arc::clone(&own));
        let _turn = lock(&queue.turn);
        // Somebody else's turn may have done it. Where that panicked, it is this one's.
        if let Some(done) = own.done.get() {
            return done.clone();
        }
        self.change_all(publishing, &queue.take_with(&own));
        own.done.get().cloned().unwrap_or_else(|| {
            Err(Error::new(ErrorKind::Unavailable, "a change was not made").with_hint("try it again"))
        })
    }

    /// Appends one entry for all of these.
    fn change_all(&self, publishing: &Publishing, all: &[Arc<Waiting>]) {
        match self.append_for(publishing, all) {
            Ok(each) => all.iter().zip(each).for_each(|(one, done)| drop(one.done.set(done))),
            // Before anything was appended. It concerns one of them, and not the others.
            Err(error) if all.len() > 1 && error.kind() == ErrorKind::MissingBlob => {
                all.iter().for_each(|one| self.change_all(publishing, std::slice::from_ref(one)));
            }
            Err(error) => all.iter().for_each(|one| drop(one.done.set(Err(error.clone())))),
        }
    }

    /// What became of each: it may be refused by itself. What the branch has is looked at anew where somebody else was first.
    fn append_for(&self, publishing: &Publishing, all: &[Arc<Waiting>]) -> Result<Vec<Result<usize>>> {
        let (shared, author) = (self.shared(), self.shared().author()?);
        let what = all.first().map_or("change a branch", |first| first.wish.what());
        loop {
            let state = self.state(what)?;
            let mut changes =
                Changes { branch: self, state: &state, view: OnceCell::new(), made: BranchChanges::new() };
            let each: Vec<_> = all.iter().map(|one| changes.make(&one.wish)).collect();
            let made = changes.made;
            if made.is_empty() {
                return Ok(each);
            }
            let pieces: Pieces = made.values().flatten().filter_map(|put| put.file.content()).collect();
            let kind = EntryKind::Changes(made);
            if let Some(state) = self.append_entry(publishing, &state, kind, &author, &|| Ok(pieces.clone()))? {
                wait(shared.lake.note_made_remote());
                shared.lake.note_published();
                self.checkpoint(state)?;
                return Ok(each);
            }
        }
    }
}

/// What is made of wishes, each behind the ones before it.
struct Changes<'a> {
    branch: &'a Branch,
    state: &'a BranchState,
    /// What the branch has, where somebody had to ask for it.
    view: OnceCell<View>,
    made: BranchChanges,
}

impl Changes<'_> {
    /// How many paths it changes.
    fn make(&mut self, wish: &Wish) -> Result<usize> {
        match wish {
            Wish::Put { path, put, create_only } => {
                if *create_only && self.has(path)? {
                    return Err(is_there(self.branch, path));
                }
                self.made.insert(path.clone(), Some((**put).clone()));
                Ok(1)
            }
            Wish::Delete(paths) => {
                let mut there = Vec::new();
                for path in paths {
                    if self.has(path)? {
                        there.push((path.clone(), None));
                    }
                }
                there.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
                there.dedup_by(|(a, _), (b, _)| a == b);
                let count = there.len();
                self.made.extend(there);
                Ok(count)
            }
        }
    }

    fn has(&self, path: &str) -> Result<bool> {
        if let Some(change) = self.made.get(path) {
            return Ok(change.is_some());
        }
        let shared = self.branch.shared();
        if self.view.get().is_none() {
            let _ = self.view.set(shared.view(&Resolved::branch(self.state.clone()))?);
        }
        Ok(match self.view.get() {
            Some(view) => shared.entry(view, path)?.is_some(),
            None => false,
        })
    }
}

/// The error of what was to be created only where there is nothing.
pub(super) fn is_there(branch: &Branch, path: &str) -> Error {
    let message = format!("there is a `{path}` at {} already", **branch);
    Error::new(ErrorKind::AlreadyExists, message).with_hint("choose another path, or replace it")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use datlake_core::lineage::{Person, PersonSource};

    use super::*;
    use crate::handle::Lake;

    type Ask<'a> = Box<dyn Fn(&Branch) -> Result<bool> + Send + 'a>;

    /// Asks for changes while somebody has the turn, one after the other. Each answer.
    fn at_once(main: &Branch, asks: Vec<Ask<'_>>) -> Vec<Result<bool>> {
        let queue = main.shared().queue(main.name());
        std::thread::scope(|scope| {
            let turn = lock(&queue.turn);
            let all: Vec<_> = asks
                .into_iter()
                .enumerate()
                .map(|(n, ask)| {
                    let asked = scope.spawn(move || ask(main));
                    while lock(&queue.waiting).len() <= n {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    asked
                })
                .collect();
            drop(turn);
            all.into_iter().map(|asked| asked.join().unwrap()).collect()
        })
    }

    fn main_of_new() -> (Lake, Branch) {
        let lake = Lake::temp().unwrap();
        let main = lake.new_repository("sales").create().unwrap().default_branch();
        (lake, main)
    }

    #[test]
    fn what_is_asked_for_at_once_is_one_entry_and_each_sees_those_before_it() {
        let (_lake, main) = main_of_new();
        main.put_bytes("old", "1").unwrap();
        let before = main.state("look").unwrap().n;
        let create = |path: &'static str| {
            move |main: &Branch| main.upload(path).create_only(true).put_bytes("new").map(|_| true)
        };
        let answers = at_once(
            &main,
            vec![
                Box::new(create("a")),
                Box::new(|main| main.put_bytes("b", "2").map(|_| true)),
                Box::new(create("a")),
                Box::new(|main| main.delete_object("old")),
                Box::new(|main| main.delete_object("old")),
                Box::new(|main| main.delete_objects(&["b", "b", "c"]).map(|count| count == 1)),
            ],
        );
        let said: Vec<_> = answers.iter().map(|answer| answer.as_ref().map_err(|error| error.kind())).collect();
        let there = ErrorKind::AlreadyExists;
        // Whoever has the turn first comes first.
        assert_eq!(said.iter().filter(|answer| **answer == Err(there)).count(), 1, "{said:?}");
        assert_eq!(said.iter().filter(|answer| **answer == Ok(&false)).count(), 1, "{said:?}");
        assert_eq!(main.state("look").unwrap().n, before + 1, "one entry");
        assert_eq!(main.read("a").unwrap(), b"new");
    }

    #[test]
    fn an_entry_is_one_person_s() {
        let (_lake, main) = main_of_new();
        let other = Branch::new(
            &Arc::new(
                main.shared()
                    .on_behalf_of(Person { email: "ada@example.org".to_owned(), source: PersonSource::Account }),
            ),
            "main",
        );
        let before = main.state("look").unwrap().n;
        let answers = at_once(
            &main,
            vec![
                Box::new(|main| main.put_bytes("a", "1").map(|_| true)),
                Box::new(|_| other.put_bytes("b", "2").map(|_| true)),
                Box::new(|main| main.put_bytes("c", "3").map(|_| true)),
            ],
        );
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        assert_eq!(main.state("look").unwrap().n, before + 2);
        let by = |path| main.stat(path).unwrap().put_by.unwrap();
        assert_eq!(by("b"), "ada@example.org");
        assert_eq!(by("a"), by("c"));
    }
}
