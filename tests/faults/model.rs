//! What there may be in a lake, to somebody who knows what was asked of it and how that ended.
//!
//! A thing, a name or a call, is at three kinds of places: at the remote, on a machine that the remote has not decided about,
//! and as a copy on a machine. Of an operation that failed nobody knows what it did: then a place has several possible states.
//! Whatever is seen must be one of them; and where it was not seen, nothing must be one of them.

use std::collections::BTreeSet;

use Held::{Left, Nothing, There};

/// Machines that share the remote.
pub(crate) const MACHINES: usize = 3;

/// What a place may hold of a thing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Held {
    Nothing,
    /// A name that shows nothing: its call has not finished.
    Left,
    /// Content; of the output of a call, its record too.
    There(String),
}

/// What a place holds, as far as that is known: one of these.
pub(crate) type Possible = BTreeSet<Held>;

/// One thing, everywhere.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) remote: Possible,
    /// At the store that is mirrored to.
    pub(crate) mirror: Possible,
    /// On each machine, what the remote has not decided about.
    pub(crate) own: [Possible; MACHINES],
    /// Copies on each machine.
    pub(crate) copy: [Possible; MACHINES],
    /// Whether another machine has removed it, which this one may not have learned.
    pub(crate) stale: [bool; MACHINES],
}

/// What was asked for was not allowed to end as it did.
pub(crate) type Verdict = Result<(), String>;

/// From where a machine looks at the lake.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    pub(crate) machine: usize,
    pub(crate) offline: bool,
    /// Whether it is a process that has not asked the remote yet.
    pub(crate) fresh: bool,
    /// Whether the remote may refuse to be written: what is made may be kept on the machine.
    pub(crate) refused: bool,
    /// Whether a store failed: what a call made may be kept on the machine, and be at the remote all the same.
    pub(crate) failed: bool,
}

fn only(held: Held) -> Possible {
    BTreeSet::from([held])
}

pub(crate) fn there(held: &Possible) -> impl Iterator<Item = &String> {
    held.iter().filter_map(|held| match held {
        There(text) => Some(text),
        _ => None,
    })
}

/// Whether it may show nothing.
pub(crate) fn may_lack(held: &Possible) -> bool {
    held.contains(&Nothing) || held.contains(&Left)
}

fn other_than(held: &Possible, text: &str) -> bool {
    there(held).any(|other| other != text)
}

fn has(held: &Possible, text: &str) -> bool {
    held.contains(&There(text.to_owned()))
}

fn must(holds: bool, what: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(what()) }
}

impl Default for Cell {
    fn default() -> Self {
        let none = || std::array::from_fn(|_| only(Nothing));
        Self { remote: only(Nothing), mirror: only(Nothing), own: none(), copy: none(), stale: [false; MACHINES] }
    }
}

impl Cell {
    /// What a machine may find: its own, else a copy, else what the remote has.
    pub(crate) fn visible(&self, view: View) -> Possible {
        let (own, copy) = (&self.own[view.machine], &self.copy[view.machine]);
        let shown = |held: &Possible| there(held).cloned().map(There).collect::<Possible>();
        let mut visible = shown(own);
        if may_lack(own) {
            visible.extend(shown(copy));
            if may_lack(copy) {
                visible.extend(if view.offline { only(Nothing) } else { self.remote.clone() });
            }
        }
        visible
    }

    pub(crate) fn read(&self, view: View, found: Option<&str>) -> Verdict {
        let visible = self.visible(view);
        match found {
            Some(text) => must(has(&visible, text), || format!("{text:?} was read, possible was {visible:?}")),
            None => must(may_lack(&visible), || format!("nothing was found, possible was {visible:?}")),
        }
    }

    /// A machine may have copied what the remote has.
    pub(crate) fn copied(&mut self, machine: usize) {
        let remote = self.remote.clone();
        self.copy[machine].extend(there(&remote).cloned().map(There));
    }

    /// Something failed on a machine: what it was about to copy, or to drop, it may have or have half.
    pub(crate) fn shaken(&mut self, machine: usize) {
        for held in [&mut self.copy[machine], &mut self.own[machine]] {
            if there(held).next().is_some() {
                held.extend([Nothing, Left]);
            }
        }
    }

    /// A process has learned what was removed.
    pub(crate) fn learned(&mut self, view: View) {
        if view.fresh && !view.offline && std::mem::take(&mut self.stale[view.machine]) {
            let remote = &self.remote;
            // Whoever failed while it learned of a removal keeps a name that shows nothing.
            self.copy[view.machine].retain(|held| *held == Left || remote.contains(held));
            self.copy[view.machine].insert(Nothing);
        }
    }

    /// Where it may be made.
    fn decides(&mut self, view: View) -> impl Iterator<Item = &mut Possible> {
        let here = view.offline || view.refused || view.failed;
        let own = here.then_some(&mut self.own[view.machine]);
        own.into_iter().chain((!view.offline).then_some(&mut self.remote))
    }

    /// It was added; `unpushed` says whether the remote has decided about it.
    pub(crate) fn added(&mut self, view: View, text: &str, unpushed: bool) -> Verdict {
        let before = self.clone();
        let (own, copy) = (&before.own[view.machine], &before.copy[view.machine]);
        let free = |held: &Possible| may_lack(held) || has(held, text);
        let elsewhere = if view.offline { copy } else { &before.remote };
        // What is this machine's own already is not asked about.
        let is_own = unpushed && has(own, text);
        must(is_own || (free(own) && free(elsewhere)), || format!("{text:?} was added over {before:?}"))?;
        let mut after = only(There(text.to_owned()));
        if view.offline {
            // What is there as a copy needs nothing of its own.
            if has(copy, text) {
                after.extend(own.iter().filter(|held| !matches!(held, There(_))).cloned());
            }
            self.own[view.machine] = after;
        } else if unpushed {
            must(view.refused || has(own, text), || format!("{text:?} was kept here: {before:?}"))?;
            self.own[view.machine] = after;
        } else {
            if has(own, text) {
                after.extend(before.remote);
            }
            self.remote = after;
            self.own[view.machine].retain(|held| *held == There(text.to_owned()) || *held == Nothing);
        }
        Ok(())
    }

    /// It was said that a name has other content, or is another's.
    pub(crate) fn taken(&self, view: View, text: &str) -> Verdict {
        let (own, copy) = (&self.own[view.machine], &self.copy[view.machine]);
        let here = other_than(own, text) || other_than(copy, text);
        let left = if view.offline { copy.contains(&Left) } else { self.remote.contains(&Left) };
        let there = !view.offline && other_than(&self.remote, text);
        must(here || left || there, || format!("{text:?} was refused, and nothing else can be there: {self:?}"))
    }

    /// Whoever was to make `texts` failed.
    pub(crate) fn maybe_made(&mut self, view: View, texts: &[String]) {
        for place in self.decides(view) {
            if may_lack(place) {
                place.extend(texts.iter().cloned().map(There));
                place.extend([Nothing, Left]);
            }
        }
    }

    /// A call gave `text`, which was there.
    pub(crate) fn hit(&self, view: View, text: &str) -> Verdict {
        let known = [&self.own[view.machine], &self.copy[view.machine]].into_iter().any(|held| has(held, text));
        must(known || (!view.offline && has(&self.remote, text)), || format!("a hit gave {text:?} of {self:?}"))
    }

    /// A call gave `text`, and its body has run; `unpushed` says whether the remote has decided about it, where that is known.
    pub(crate) fn executed(&mut self, view: View, text: &str, unpushed: Option<bool>) -> Verdict {
        let missed = may_lack(&self.own[view.machine]) && (view.offline || may_lack(&self.remote));
        must(missed, || format!("a body ran, and its call was there: {self:?}"))?;
        let made = There(text.to_owned());
        if view.offline {
            self.own[view.machine] = only(made);
            return Ok(());
        }
        let may_stay = view.refused || view.failed;
        must(may_stay || unpushed != Some(true), || format!("{text:?} was kept here: {self:?}"))?;
        match unpushed {
            Some(true) => {
                self.own[view.machine] = only(made.clone());
                // It may have been refused after its names went there.
                self.remote.insert(Left);
                // A reply may have been lost.
                self.remote.extend(view.failed.then_some(made));
            }
            None if may_stay => {
                for place in [&mut self.own[view.machine], &mut self.remote] {
                    place.extend([made.clone(), Nothing, Left]);
                }
            }
            _ => {
                // What was left here gives way.
                self.own[view.machine] = only(Nothing);
                self.remote = only(made);
            }
        }
        Ok(())
    }

    /// It was removed; `gone` says whether there was anything.
    pub(crate) fn removed(&mut self, view: View, gone: bool) -> Verdict {
        let m = view.machine;
        if !gone {
            self.read(view, None)?;
            if !view.offline {
                self.remote.retain(|held| !matches!(held, There(_)));
            }
            return Ok(());
        }
        let was_own = there(&self.own[m]).next().is_some();
        if view.offline {
            must(was_own || self.own[m].contains(&Left), || format!("removed offline: {self:?}"))?;
        } else if was_own || (self.stale[m] && !view.fresh) {
            self.remote.insert(Nothing);
        } else {
            self.remote = only(Nothing);
        }
        // Of what was left of a call here, the remote knows nothing.
        self.own[m].retain(|held| *held == Left);
        self.own[m].insert(Nothing);
        self.copy[m].retain(|held| *held == Left);
        self.copy[m].insert(Nothing);
        self.others_may_not_know(view);
        Ok(())
    }

    /// Offline a machine does not remove what others have.
    pub(crate) fn refused_to_remove(&self, view: View) -> Verdict {
        let copy = &self.copy[view.machine];
        let may_be = there(copy).next().is_some() || copy.contains(&Left) || self.own[view.machine].contains(&Left);
        must(view.offline && may_be, || format!("not removed: {self:?}"))
    }

    pub(crate) fn maybe_removed(&mut self, view: View) {
        if !view.offline && self.remote != only(Nothing) {
            self.remote.extend([Nothing, Left]);
        }
        self.shaken(view.machine);
        self.others_may_not_know(view);
    }

    fn others_may_not_know(&mut self, view: View) {
        if !view.offline {
            (0..MACHINES).filter(|machine| *machine != view.machine).for_each(|machine| self.stale[machine] = true);
        }
    }

    /// A push has ended: `unpushed` says whether the remote still has not decided, `whole` whether it ended well.
    pub(crate) fn pushed(&mut self, view: View, unpushed: bool, whole: bool) -> Verdict {
        let own = self.own[view.machine].clone();
        let texts: Vec<String> = there(&own).cloned().collect();
        if texts.is_empty() {
            return must(!unpushed, || "something is unpushed that was not made".to_owned());
        }
        let refused = self.remote.contains(&Left) || texts.iter().any(|text| other_than(&self.remote, text));
        if whole && unpushed {
            return must(refused, || format!("it was not pushed, and nothing was in the way: {self:?}"));
        }
        let sure = whole && !may_lack(&own);
        if may_lack(&self.remote) {
            self.remote.extend(texts.into_iter().map(There));
            if !whole {
                self.remote.extend([Nothing, Left]);
            } else if sure {
                self.remote.retain(|held| matches!(held, There(_)));
            }
        }
        if !unpushed {
            // A name whose call never finished here stays, until it is somebody's.
            self.own[view.machine].retain(|held| !matches!(held, There(_)));
            self.own[view.machine].insert(Nothing);
            self.copied(view.machine);
        }
        Ok(())
    }

    /// The remote was mirrored, or a part of it.
    pub(crate) fn mirrored(&mut self, whole: bool) {
        if !may_lack(&self.mirror) {
            // Nothing is replaced there.
            return;
        }
        let free = self.mirror == only(Nothing);
        self.mirror.extend(there(&self.remote).cloned().map(There));
        if !whole {
            self.mirror.insert(Left);
        } else if free && !may_lack(&self.remote) {
            self.mirror.retain(|held| matches!(held, There(_)));
        }
    }

    /// What the mirror shows.
    pub(crate) fn mirror_shows(&self, found: Option<&str>) -> Verdict {
        let right = found.map_or_else(|| may_lack(&self.mirror), |text| has(&self.mirror, text));
        must(right, || format!("the mirror shows {found:?}, possible was {:?}", self.mirror))
    }
}
