//! Calls whose arguments are read by their types: those made again from what their records tell, to be compared, and those that
//! somebody asks for by name.
//!
//! The arguments that come back from a record are those of the call if the key does; else nothing runs.

use std::future::Future;
use std::marker::PhantomData;
use std::panic::AssertUnwindSafe;

use datlake_core::FailedCall;
use datlake_core::replay::NotGiven;
use datlake_lake::RecordedCall;
use futures_util::FutureExt as _;
use serde::Deserialize;

use super::attempt::Attempt;
use super::failure::{self, Describe};
use super::one::{AsyncCall, Call};
use super::remade::{ArgumentSource, GivenArgument, NotMade, Remade, Remaking, Replayed};
use super::shape::Shape;

impl<'r> GivenArgument<'r> {
    fn read<T: Deserialize<'r>>(self) -> Result<T, NotMade> {
        let Self { given, name, is_secret } = self;
        match given {
            ArgumentSource::Recorded(recorded) => recorded_argument(recorded, name),
            ArgumentSource::Said(said) => said.argument(name, is_secret).map_err(NotMade::Impossible),
        }
    }

    fn unreadable(self) -> NotMade {
        let Self { given, name, .. } = self;
        let from = match given {
            ArgumentSource::Recorded(_) => "a record",
            ArgumentSource::Said(_) => "JSON",
        };
        NotMade::Impossible(format!("`{name}` cannot be read from {from}: its type does not implement `Deserialize`"))
    }
}

fn recorded_argument<'r, T: Deserialize<'r>>(recorded: &'r RecordedCall, name: &str) -> Result<T, NotMade> {
    let argument = recorded.argument(name).map_err(|why| {
        let why = match why {
            NotGiven::Secret => "is not kept: it is marked `#[secret]`",
            NotGiven::Large => "was too large for the record, and is not what another call returned",
            NotGiven::Deep => "is nested too deep for the record",
            NotGiven::NoFile => "holds a file that its record does not name",
        };
        NotMade::Impossible(format!("`{name}` {why}"))
    })?;
    argument.read().ok_or_else(|| NotMade::Impossible(format!("`{name}` cannot be read from its record by its type")))
}

/// Reads one argument, by autoref: as its type can.
#[derive(Debug)]
pub struct ReadArgument<T>(PhantomData<fn() -> T>);

impl<T> ReadArgument<T> {
    /// Of this type.
    #[expect(clippy::new_without_default, reason = "generated code alone makes these")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

/// The type can be read.
pub trait ArgumentRead<'r, T> {
    /// The argument.
    fn read(&self, argument: GivenArgument<'r>) -> Result<T, NotMade>;
}

/// Anything else.
pub trait ArgumentUnread<T> {
    /// Why not.
    fn read(&self, argument: GivenArgument<'_>) -> Result<T, NotMade> {
        Err(argument.unreadable())
    }
}

impl<'r, T: Deserialize<'r>> ArgumentRead<'r, T> for &ReadArgument<T> {
    fn read(&self, argument: GivenArgument<'r>) -> Result<T, NotMade> {
        argument.read()
    }
}

impl<T> ArgumentUnread<T> for ReadArgument<T> {}

impl<R, S: Shape<R>, F: FnOnce() -> R> Call<R, S, F> {
    /// Makes the call again, if it is the recorded one: what it makes is stored nowhere. Else makes it, as [`run`](Self::run) does.
    #[doc(hidden)]
    pub fn given(self, given: ArgumentSource<'_>) -> Remade {
        let recorded = match given {
            ArgumentSource::Recorded(recorded) => recorded,
            ArgumentSource::Said(_) => return self.said(),
        };
        let (attempt, again, describe, call) = prepared(self.attempt()?, recorded)?;
        // A body may panic, and datlake does under `on_error = "panic"`.
        match std::panic::catch_unwind(AssertUnwindSafe(|| attempt.run(false))) {
            Ok(returned) => again.taken(returned, |returned| describe(returned, &call)).map(Replayed::remade),
            Err(panic) => Err(NotMade::Failed(failure::of_panic(&*panic))),
        }
    }
}

impl<R, S: Shape<R>, F: Future<Output = R>> AsyncCall<R, S, F> {
    /// As that of [`Call`].
    #[doc(hidden)]
    pub async fn given(self, given: ArgumentSource<'_>) -> Remade {
        let recorded = match given {
            ArgumentSource::Recorded(recorded) => recorded,
            ArgumentSource::Said(_) => return self.said().await,
        };
        let (attempt, again, describe, call) = prepared(self.attempt()?, recorded)?;
        match AssertUnwindSafe(attempt.run_async(false)).catch_unwind().await {
            Ok(returned) => again.taken(returned, |returned| describe(returned, &call)).map(Replayed::remade),
            Err(panic) => Err(NotMade::Failed(failure::of_panic(&*panic))),
        }
    }
}

type Prepared<R, S, B> = (Attempt<R, S, B>, Remaking, Describe<R>, FailedCall);

fn prepared<R, S: Shape<R>, B>(
    mut attempt: Attempt<R, S, B>,
    recorded: &RecordedCall,
) -> Result<Prepared<R, S, B>, NotMade> {
    let site = &mut attempt.site;
    if !recorded.is_of(&site.lake, site.target.identity.key)? {
        let why = "what its record shows of the arguments is not all that counted in its key";
        return Err(NotMade::Impossible(why.to_owned()));
    }
    let again = Remaking::default();
    site.again = Some(again.clone());
    let call = FailedCall::new(recorded.lineage.creator.clone(), recorded.lineage.key, String::new(), String::new());
    let describe = attempt.describe;
    Ok((attempt, again, describe, call))
}
