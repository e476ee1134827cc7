//! Mistakes: steps of a protocol that somebody leaves out, or takes in another order.

/// What is done to a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Get,
    Size,
    List,
    Create,
    Remove,
}

/// Whose store it is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The machine's own.
    Home,
    /// That of all.
    Remote,
}

/// Some operations of the actors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Op {
    /// Whose; everybody's if `None`.
    pub(crate) who: Option<usize>,
    pub(crate) what: What,
    pub(crate) at: Place,
    /// How the path begins. A record that lost its key is below `beside/`.
    pub(crate) path: &'static str,
}

/// What somebody does wrong. Who only looks on makes no mistakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// It does not happen, and is taken to have; what is looked for is taken not to be there.
    Omits(Op),
    /// What is looked for is taken to be there.
    Assumes(Op),
    /// Of a list, that is not looked at.
    Overlooks(Op),
    /// Nor at what this machine has already.
    OverlooksKnown(Op),
    /// The first happens after the second, and is taken to have happened before.
    Late(Op, Op),
    /// What is created there is on the own machine at once.
    Copies(Op),
    /// What is there already is taken for one's own.
    Believes(Op),
    /// What is there already is replaced.
    Replaces(Op),
    /// What is created there is not synced to disk.
    Unsynced(Op),
    /// What is read there is what it was when it was first read.
    Remembers(Op),
    /// No mistake: the first time it happens, and whoever does it gets an error in place of the reply.
    LosesReply(Op),
    /// Nobody waits for a claim within a machine.
    Unclaimed,
    /// Everybody takes names over that another machine has left.
    TakesOver,
    /// Nobody looks under the key that succeeds that of a call which is never to finish.
    Stays,
}

impl Op {
    pub(crate) const fn new(what: What, at: Place, path: &'static str) -> Self {
        Self { who: None, what, at, path }
    }

    /// The same of one actor.
    pub(crate) const fn by(self, who: usize) -> Self {
        Self { who: Some(who), ..self }
    }

    pub(crate) fn is(self, what: What, at: Place, path: &str) -> bool {
        let beside = path.contains(".alt/");
        let begins = match self.path.strip_prefix("beside/") {
            Some(rest) => beside && path.strip_prefix("calls/").is_some_and(|path| path.starts_with(rest)),
            None => !beside && path.starts_with(self.path),
        };
        self.what == what && self.at == at && begins
    }
}
