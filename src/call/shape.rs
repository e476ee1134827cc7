//! What a creator may return, and how datlake's own errors reach the caller.

use std::marker::PhantomData;

use datlake_core::Error;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A return type that datlake's own errors fit into.
#[diagnostic::on_unimplemented(
    message = "a creator cannot return `{Self}`",
    label = "expected `Result<T, E>`",
    note = "return `datlake::Result<T>`, or another `Result<T, E>` where `E: From<datlake::Error>`; or say `#[file_creator(on_error = \"panic\")]`"
)]
pub trait Returns: Sized {
    /// What is remembered.
    type Value: Serialize + DeserializeOwned;
    /// What is not.
    type Error: From<Error>;
    /// As a result.
    fn into_result(self) -> Result<Self::Value, Self::Error>;
    /// From a result.
    fn from_result(result: Result<Self::Value, Self::Error>) -> Self;
}

impl<T: Serialize + DeserializeOwned, E: From<Error>> Returns for Result<T, E> {
    type Value = T;
    type Error = E;

    fn into_result(self) -> Result<T, E> {
        self
    }

    fn from_result(result: Result<T, E>) -> Self {
        result
    }
}

/// How a return type is taken apart and put together.
pub trait Shape<R> {
    /// What is remembered.
    type Value: Serialize + DeserializeOwned;
    /// The value to remember, or what is passed on as it is.
    fn split(returned: R) -> Result<Self::Value, R>;
    /// A remembered value, as the creator would return it.
    fn join(value: Self::Value) -> R;
    /// An error of datlake.
    fn fail(error: Error) -> R;
}

/// `Result<T, E>` with `E: From<datlake::Error>`.
#[derive(Clone, Copy, Debug)]
pub struct Fallible;

impl<R: Returns> Shape<R> for Fallible {
    type Value = R::Value;

    fn split(returned: R) -> Result<R::Value, R> {
        returned.into_result().map_err(|error| R::from_result(Err(error)))
    }

    fn join(value: R::Value) -> R {
        R::from_result(Ok(value))
    }

    fn fail(error: Error) -> R {
        R::from_result(Err(error.into()))
    }
}

/// Any `Result`, under `on_error = "panic"`.
#[derive(Clone, Copy, Debug)]
pub struct PanickingResult;

impl<T: Serialize + DeserializeOwned, E> Shape<Result<T, E>> for PanickingResult {
    type Value = T;

    fn split(returned: Result<T, E>) -> Result<T, Result<T, E>> {
        returned.map_err(Err)
    }

    fn join(value: T) -> Result<T, E> {
        Ok(value)
    }

    fn fail(error: Error) -> Result<T, E> {
        give_up(&error)
    }
}

/// Any other value, under `on_error = "panic"`.
#[derive(Clone, Copy, Debug)]
pub struct Panicking;

impl<T: Serialize + DeserializeOwned> Shape<T> for Panicking {
    type Value = T;

    fn split(returned: T) -> Result<T, T> {
        Ok(returned)
    }

    fn join(value: T) -> T {
        value
    }

    fn fail(error: Error) -> T {
        give_up(&error)
    }
}

#[expect(clippy::panic, reason = "the creator says on_error = \"panic\"")]
fn give_up(error: &Error) -> ! {
    panic!("datlake: {error}")
}

/// Tells a `Result` from any other type, where the type is written out.
#[derive(Debug)]
pub struct Probe<R>(PhantomData<fn() -> R>);

impl<R> Probe<R> {
    /// A probe of `R`.
    #[expect(clippy::new_without_default, reason = "generated code alone makes probes")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

/// `R` is a `Result`: found first, for it takes one reference less.
pub trait ProbeResult {
    /// The shape.
    fn shape(&self) -> PanickingResult {
        PanickingResult
    }
}

impl<T, E> ProbeResult for &Probe<Result<T, E>> {}

/// `R` is anything else.
pub trait ProbePlain {
    /// The shape.
    fn shape(&self) -> Panicking {
        Panicking
    }
}

impl<T> ProbePlain for Probe<T> {}

/// Stands in where the macro reported an error, so that no other follows from it.
#[derive(Clone, Copy, Debug)]
pub struct Stub;

impl<R> Shape<R> for Stub {
    type Value = ();

    fn split(_: R) -> Result<(), R> {
        unreachable!("generated beside a compile error")
    }

    fn join((): ()) -> R {
        unreachable!("generated beside a compile error")
    }

    fn fail(_: Error) -> R {
        unreachable!("generated beside a compile error")
    }
}
