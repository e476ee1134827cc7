//! A scheduler: runs a few actors, one store operation at a time, in every order there is, or in a given one.

use std::collections::HashSet;
use std::collections::hash_map::{Entry, HashMap};
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use datlake_core::{Digest, Result};

use super::memory::World;
use super::state::hash;

/// What somebody does, one store operation after the other.
pub(crate) type Actor = Pin<Box<dyn Future<Output = Result<Outcome>>>>;

/// How an actor ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Its record is the one.
    Ours(Digest),
    /// Another's record is the one.
    Theirs(Digest),
    /// There was a record already.
    Hit(Digest),
    /// It did something else to the end.
    Done,
}

/// What an actor came to.
#[derive(Clone, Debug)]
pub(crate) enum End {
    Finished(Outcome),
    Failed(datlake_core::Error),
    Killed,
}

/// Whether all is well; if not, what is wrong.
pub(crate) type Verdict = Result<(), String>;

/// Nobody takes so many steps who ever ends.
const MOST: usize = 1000;

/// A choice of the scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The actor does its next operation.
    Go(usize),
    /// The actor dies.
    Kill(usize),
}

/// Several actors in one world, and what must hold of it.
pub(crate) struct Model<'m, Seen> {
    /// The world as it is at first.
    pub(crate) world: &'m dyn Fn() -> World,
    /// Who acts in it.
    pub(crate) actors: &'m dyn Fn(&World) -> Vec<Actor>,
    /// How many of them may die.
    pub(crate) deaths: usize,
    /// What holds at every moment. It may keep in mind what it has seen.
    pub(crate) always: &'m dyn Fn(&World, &mut Seen) -> Verdict,
    /// What holds in the end.
    pub(crate) finally: &'m dyn Fn(&World, &[End]) -> Verdict,
}

struct Run {
    world: World,
    actors: Vec<Result<Actor, End>>,
}

impl Run {
    fn start<Seen>(model: &Model<'_, Seen>) -> Self {
        let world = (model.world)();
        let actors = (model.actors)(&world).into_iter().map(Ok).collect();
        let mut run = Self { world, actors };
        // Up to the first operation of each.
        (0..run.actors.len()).for_each(|at| run.take(Step::Go(at)));
        run
    }

    fn take(&mut self, step: Step) {
        let (Step::Go(at) | Step::Kill(at)) = step;
        let Ok(actor) = &mut self.actors[at] else { return };
        let end = match step {
            Step::Kill(_) => End::Killed,
            Step::Go(_) => match actor.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Pending => return,
                Poll::Ready(Ok(outcome)) => End::Finished(outcome),
                Poll::Ready(Err(error)) => End::Failed(error),
            },
        };
        self.actors[at] = Err(end);
    }

    fn alive(&self) -> impl Iterator<Item = usize> {
        self.actors.iter().enumerate().filter(|(_, actor)| actor.is_ok()).map(|(at, _)| at)
    }

    fn ends(&self) -> Vec<End> {
        self.actors.iter().filter_map(|actor| actor.as_ref().err().cloned()).collect()
    }

    fn explain(&self, why: &str) -> String {
        format!("{why}\n{}\nends: {:?}", self.world.log().join("\n"), self.ends())
    }
}

impl<Seen: Clone + Default + Hash> Model<'_, Seen> {
    /// Takes every order of steps, up to those that come to the same. Says how many states there are, or how it went wrong.
    pub(crate) fn explore(&self) -> Result<usize, String> {
        let (mut known, mut looked) = (HashSet::new(), HashMap::<u64, Seen>::new());
        let mut open = vec![(Vec::<Step>::new(), Seen::default())];
        while let Some((mut steps, mut seen)) = open.pop() {
            let mut run = Run::start(self);
            steps.iter().for_each(|step| run.take(*step));
            loop {
                if steps.len() > MOST {
                    return Err(run.explain("somebody never ends"));
                }
                let ends: Vec<_> =
                    run.actors.iter().map(|actor| actor.as_ref().err().map(|end| format!("{end:?}"))).collect();
                if !known.insert(hash(&(run.world.fingerprint(), ends, &seen))) {
                    break;
                }
                // Most states differ in what somebody knows, and not in what there is.
                let there = hash(&(run.world.stored(), &seen));
                seen = match looked.entry(there) {
                    Entry::Occupied(known) => known.get().clone(),
                    Entry::Vacant(new) => {
                        (self.always)(&run.world, &mut seen).map_err(|why| run.explain(&why))?;
                        new.insert(seen).clone()
                    }
                };
                let may_die = steps.iter().filter(|step| matches!(step, Step::Kill(_))).count() < self.deaths;
                let deaths = run.alive().filter(|_| may_die).map(Step::Kill);
                let mut choices = run.alive().map(Step::Go).chain(deaths);
                let Some(first) = choices.next() else {
                    (self.finally)(&run.world, &run.ends()).map_err(|why| run.explain(&why))?;
                    break;
                };
                open.extend(choices.map(|step| (steps.iter().copied().chain([step]).collect(), seen.clone())));
                run.take(first);
                steps.push(first);
            }
        }
        Ok(known.len())
    }

    /// Takes one order of steps: each of `choices` says who goes on among those who can, and whether they die instead. Then
    /// everyone goes on in turn.
    pub(crate) fn walk(&self, choices: &[(u8, bool)]) -> Result<(), String> {
        let mut run = Run::start(self);
        let (mut seen, mut deaths) = (Seen::default(), 0);
        let in_turn = (0..=u8::MAX).cycle().map(|who| (who, false)).take(2000);
        for (who, dies) in choices.iter().copied().chain(in_turn) {
            let alive: Vec<usize> = run.alive().collect();
            if alive.is_empty() {
                break;
            }
            let at = alive[usize::from(who) % alive.len()];
            let dies = dies && deaths < self.deaths;
            deaths += usize::from(dies);
            run.take(if dies { Step::Kill(at) } else { Step::Go(at) });
            (self.always)(&run.world, &mut seen).map_err(|why| run.explain(&why))?;
        }
        if run.alive().next().is_some() {
            return Err(run.explain("somebody never ends"));
        }
        (self.finally)(&run.world, &run.ends()).map_err(|why| run.explain(&why))
    }
}
