//! Why a body failed, in words: for the error itself, and for the run's history.

use std::error::Error as StdError;
use std::fmt::{Display, Write as _};

use datlake_core::{Error, FailedCall};

use super::shape::Probe;

/// Describes the error in what a body returned, and says in an error of datlake which call it was. Without an error, nothing.
pub type Describe<R> = fn(&mut R, &FailedCall) -> Option<String>;

/// Causes of one error that are shown.
const CAUSES: usize = 20;

fn chain(error: &dyn StdError) -> String {
    let (mut text, mut cause) = (error.to_string(), error.source());
    for _ in 0..CAUSES {
        let Some(by) = cause else { break };
        let _ = write!(text, ": {by}");
        cause = by.source();
    }
    text
}

/// What a panic says.
pub(super) fn of_panic(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    match text {
        Some(text) => format!("it panicked: {text}"),
        None => "it panicked".to_owned(),
    }
}

// By autoref, the first that fits: what takes fewer references is tried later.

/// A result whose error is datlake's.
pub trait DescribeOwn<R> {
    /// How its error is described.
    fn describe(&self) -> Describe<R>;
}

/// A result whose error has causes.
pub trait DescribeChain<R> {
    /// How its error is described.
    fn describe(&self) -> Describe<R>;
}

/// A result whose error holds one with causes, as `anyhow`'s does.
pub trait DescribeDyn<R> {
    /// How its error is described.
    fn describe(&self) -> Describe<R>;
}

/// A result whose error has words.
pub trait DescribeWords<R> {
    /// How its error is described.
    fn describe(&self) -> Describe<R>;
}

/// Anything else.
pub trait DescribeNothing<R> {
    /// Nothing is known of an error.
    fn describe(&self) -> Describe<R> {
        |_, _| None
    }
}

impl<T> DescribeOwn<Result<T, Error>> for &&&&Probe<Result<T, Error>> {
    fn describe(&self) -> Describe<Result<T, Error>> {
        |returned, call| match returned {
            Ok(_) => None,
            Err(error) => {
                let text = chain(error);
                *error = error.clone().of_call(call.clone());
                Some(text)
            }
        }
    }
}

impl<T, E: StdError> DescribeChain<Result<T, E>> for &&&Probe<Result<T, E>> {
    fn describe(&self) -> Describe<Result<T, E>> {
        |returned, _| returned.as_ref().err().map(|error| chain(error))
    }
}

impl<T, E: AsRef<dyn StdError + Send + Sync>> DescribeDyn<Result<T, E>> for &&Probe<Result<T, E>> {
    fn describe(&self) -> Describe<Result<T, E>> {
        |returned, _| returned.as_ref().err().map(|error| chain(error.as_ref()))
    }
}

impl<T, E: Display> DescribeWords<Result<T, E>> for &Probe<Result<T, E>> {
    fn describe(&self) -> Describe<Result<T, E>> {
        |returned, _| returned.as_ref().err().map(ToString::to_string)
    }
}

impl<R> DescribeNothing<R> for Probe<R> {}
