//! One call: a creator with its arguments, before anything runs.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

#[cfg(doc)]
use datlake_core::ErrorKind;
use datlake_core::explain::Explanation;
use datlake_core::lineage::Lineage;
use datlake_core::{Result, Uid};

use super::asked::Asked;
use super::attempt::Attempt;
use super::failure::Describe;
use super::key::Key;
use super::shape::Shape;
use super::site::BlockingMode;
use super::status::Status;

/// A call of a blocking creator: `f::call(args)`. Nothing runs before [`run`](Call::run).
///
/// ```
/// use datlake::{Lake, Result, Status, file_creator};
///
/// #[file_creator]
/// fn double(n: u32) -> Result<u32> {
///     Ok(2 * n)
/// }
///
/// let lake = Lake::temp()?;
/// let _current = lake.enter();
/// let call = double::call(4);
/// assert_eq!(call.status()?, Status::Missing);
/// assert!(call.lineage()?.is_none());
/// println!("{}", call.explain()?); // why it would run
/// assert_eq!(call.run()?, 8);
///
/// let again = double::call(4);
/// assert_eq!(again.status()?, Status::Cached);
/// assert_eq!(again.lineage()?.expect("it ran").params[0].name, "n");
/// assert_eq!(again.force()?, 8); // runs although it is known, and compares
/// # Ok::<(), datlake::Error>(())
/// ```
#[must_use = "nothing runs before `run`"]
pub struct Call<R, S, F> {
    asked: Asked,
    body: F,
    describe: Describe<R>,
    shape: PhantomData<fn() -> (R, S)>,
}

/// A call of an asynchronous creator: `f::call(args)`. Nothing runs before [`run`](AsyncCall::run) is awaited.
///
/// ```
/// use datlake::{Lake, Result, Status, file_creator};
///
/// #[file_creator]
/// async fn double(n: u32) -> Result<u32> {
///     Ok(2 * n)
/// }
///
/// # #[tokio::main]
/// # async fn main() -> datlake::Result<()> {
/// let lake = Lake::temp()?;
/// lake.scope(async {
///     let call = double::call(4);
///     assert_eq!(call.status()?, Status::Missing);
///     assert_eq!(call.run().await?, 8);
///     assert_eq!(double::call(4).status()?, Status::Cached);
///     double::call(4).force().await // runs although it is known, and compares
/// })
/// .await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing runs before `run` is awaited"]
pub struct AsyncCall<R, S, F> {
    asked: Asked,
    /// Apart: what awaits a call holds it several times over, and is itself part of what awaits its own call.
    body: Pin<Box<F>>,
    describe: Describe<R>,
    shape: PhantomData<fn() -> (R, S)>,
}

impl<R, S, F> Call<R, S, F> {
    pub(super) fn asked(&self) -> Asked {
        self.asked.clone()
    }

    #[doc(hidden)]
    pub fn new(key: Key, _: S, describe: Describe<R>, body: F) -> Self {
        Self { asked: Asked::new(key), body, describe, shape: PhantomData }
    }

    pub(super) fn announce(&self, all: usize) {
        self.asked.announce(all);
    }

    /// The call's value: found if there is one, else made by running the body.
    ///
    /// ```
    /// use datlake::{Lake, Result, file_creator};
    ///
    /// #[file_creator]
    /// fn double(n: u32) -> Result<u32> {
    ///     Ok(2 * n)
    /// }
    ///
    /// # let lake = Lake::temp()?;
    /// # let _current = lake.enter();
    /// assert_eq!(double::call(4).run()?, 8); // as double(4)?
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn run(self) -> R
    where
        S: Shape<R>,
        F: FnOnce() -> R,
    {
        self.go(false)
    }

    /// Runs the body although its value may be known, and compares: what comes back is what the lake holds.
    ///
    /// # Errors
    /// [`ErrorKind::NotReproducible`] where it made something else: names the output and both digests. The lake keeps the first.
    ///
    /// ```
    /// use datlake::{Lake, Result, file_creator};
    ///
    /// #[file_creator]
    /// fn double(n: u32) -> Result<u32> {
    ///     Ok(2 * n)
    /// }
    ///
    /// # let lake = Lake::temp()?;
    /// # let _current = lake.enter();
    /// double(4)?;
    /// assert_eq!(double::call(4).force()?, 8); // runs once more
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn force(self) -> R
    where
        S: Shape<R>,
        F: FnOnce() -> R,
    {
        self.go(true)
    }

    fn go(self, force: bool) -> R
    where
        S: Shape<R>,
        F: FnOnce() -> R,
    {
        self.attempt().map_or_else(S::fail, |attempt| attempt.run(force))
    }

    /// The call where it stands now.
    pub(super) fn attempt(self) -> Result<Attempt<R, S, F>>
    where
        S: Shape<R>,
    {
        let code = self.asked.code;
        Ok(Attempt::new(self.asked.site(BlockingMode::Blocking)?, code, self.body, self.describe))
    }
}

impl<R, S, F> AsyncCall<R, S, F> {
    pub(super) fn asked(&self) -> Asked {
        self.asked.clone()
    }

    #[doc(hidden)]
    pub fn new(key: Key, _: S, describe: Describe<R>, body: F) -> Self {
        Self { asked: Asked::new(key), body: Box::pin(body), describe, shape: PhantomData }
    }

    pub(super) fn announce(&self, all: usize) {
        self.asked.announce(all);
    }

    /// The call's value: found if there is one, else made by running the body.
    pub async fn run(self) -> R
    where
        S: Shape<R>,
        F: Future<Output = R>,
    {
        self.go(false).await
    }

    /// Runs the body although its value may be known, and compares: what comes back is what the lake holds.
    ///
    /// # Errors
    /// As [`Call::force`].
    pub async fn force(self) -> R
    where
        S: Shape<R>,
        F: Future<Output = R>,
    {
        self.go(true).await
    }

    async fn go(self, force: bool) -> R
    where
        S: Shape<R>,
        F: Future<Output = R>,
    {
        match self.attempt() {
            Ok(attempt) => attempt.run_async(force).await,
            Err(error) => S::fail(error),
        }
    }

    /// The call where it stands now.
    pub(super) fn attempt(self) -> Result<Attempt<R, S, Pin<Box<F>>>>
    where
        S: Shape<R>,
    {
        let code = self.asked.code;
        Ok(Attempt::new(self.asked.site(BlockingMode::Polled)?, code, self.body, self.describe))
    }
}

/// The asynchronous twins of the questions: `twin = question, how it is asked -> output;`.
macro_rules! twins {
    ($call:ident: $($twin:ident = $question:ident, $ask:ident -> $out:ty;)*) => {
        impl<R, S: Shape<R>, F> $call<R, S, F> {
            $(
                #[doc = concat!("The asynchronous twin of [`", stringify!($question), "`](Self::", stringify!($question), ").")]
                ///
                /// # Errors
                #[doc = concat!("As [`", stringify!($question), "`](Self::", stringify!($question), ").")]
                pub fn $twin(&self) -> impl Future<Output = Result<$out>> {
                    self.asked.offload(Asked::$ask::<S::Value>)
                }
            )*
        }
    };
}

/// What can be asked of a call without running it. They block, for they read the lake; their twins do not.
macro_rules! questions {
    ($call:ident) => {
        impl<R, S: Shape<R>, F> $call<R, S, F> {
            /// The UID of the file it returns.
            ///
            /// # Errors
            /// [`ErrorKind::InvalidInput`] where it returns none, or several ([`uids`](Self::uids) has them).
            ///
            /// ```
            /// use datlake::{File, Lake, Result, file_creator};
            ///
            /// #[file_creator]
            /// fn parts(text: &str) -> Result<(File, File)> {
            ///     let (head, tail) = text.split_at(1);
            ///     Ok((File::from_bytes("head", head)?, File::from_bytes("tail", tail)?))
            /// }
            ///
            /// #[file_creator]
            /// fn shout(text: &str) -> Result<File> {
            ///     File::from_bytes("shout.txt", text.to_uppercase())
            /// }
            ///
            /// # let lake = Lake::temp()?;
            /// # let _current = lake.enter();
            /// let uid = shout::call("hush").uid()?; // nothing ran
            /// assert_eq!(shout("hush")?.uid(), Some(&uid));
            /// # Ok::<(), datlake::Error>(())
            /// ```
            pub fn uid(&self) -> Result<Uid> {
                self.asked.uid::<S::Value>()
            }

            /// The UIDs of the files it returns, in order, where the return type tells how many there are or the call was made.
            ///
            /// # Errors
            /// [`ErrorKind::InvalidInput`] where that depends on the run, and it has not been made.
            ///
            /// ```
            /// use datlake::{File, Lake, Result, file_creator};
            ///
            /// #[file_creator]
            /// fn parts(text: &str) -> Result<(File, File)> {
            ///     let (head, tail) = text.split_at(1);
            ///     Ok((File::from_bytes("head", head)?, File::from_bytes("tail", tail)?))
            /// }
            ///
            /// #[file_creator]
            /// fn shout(text: &str) -> Result<File> {
            ///     File::from_bytes("shout.txt", text.to_uppercase())
            /// }
            ///
            /// # let lake = Lake::temp()?;
            /// # let _current = lake.enter();
            /// let uids = parts::call("abc").uids()?;
            /// assert_eq!((uids.len(), parts("abc")?.1.uid()), (2, Some(&uids[1])));
            /// # Ok::<(), datlake::Error>(())
            /// ```
            pub fn uids(&self) -> Result<Vec<Uid>> {
                self.asked.all_uids::<S::Value>()
            }

            /// Whether it would be skipped, is running, or would run.
            ///
            /// # Errors
            /// Those of reading the lake; [`ErrorKind::Context`] in a body, whose key knows nothing of that.
            ///
            /// ```
            /// use datlake::{File, Lake, Result, Status, file_creator};
            ///
            /// #[file_creator]
            /// fn parts(text: &str) -> Result<(File, File)> {
            ///     let (head, tail) = text.split_at(1);
            ///     Ok((File::from_bytes("head", head)?, File::from_bytes("tail", tail)?))
            /// }
            ///
            /// #[file_creator]
            /// fn shout(text: &str) -> Result<File> {
            ///     File::from_bytes("shout.txt", text.to_uppercase())
            /// }
            ///
            /// # let lake = Lake::temp()?;
            /// # let _current = lake.enter();
            /// assert_eq!(shout::call("hush").status()?, Status::Missing);
            /// shout("hush")?;
            /// assert_eq!(shout::call("hush").status()?, Status::Cached);
            /// # Ok::<(), datlake::Error>(())
            /// ```
            pub fn status(&self) -> Result<Status> {
                self.asked.status::<S::Value>()
            }

            /// How it came about, if it was made.
            ///
            /// # Errors
            /// Those of reading the lake; [`ErrorKind::Context`] in a body, whose key knows nothing of that.
            ///
            /// ```
            /// use datlake::{File, Lake, Result, file_creator};
            ///
            /// #[file_creator]
            /// fn parts(text: &str) -> Result<(File, File)> {
            ///     let (head, tail) = text.split_at(1);
            ///     Ok((File::from_bytes("head", head)?, File::from_bytes("tail", tail)?))
            /// }
            ///
            /// #[file_creator]
            /// fn shout(text: &str) -> Result<File> {
            ///     File::from_bytes("shout.txt", text.to_uppercase())
            /// }
            ///
            /// # let lake = Lake::temp()?;
            /// # let _current = lake.enter();
            /// assert!(shout::call("hush").lineage()?.is_none());
            /// shout("hush")?;
            /// assert_eq!(shout::call("hush").lineage()?.unwrap().outputs[0].name, "shout.txt");
            /// # Ok::<(), datlake::Error>(())
            /// ```
            pub fn lineage(&self) -> Result<Option<Lineage>> {
                self.asked.lineage::<S::Value>()
            }

            /// What differs from the nearest earlier call, if it would run.
            ///
            /// # Errors
            /// Those of reading the lake; [`ErrorKind::Context`] in a body, whose key knows nothing of that.
            ///
            /// ```
            /// use datlake::{File, Lake, Result, file_creator};
            ///
            /// #[file_creator]
            /// fn parts(text: &str) -> Result<(File, File)> {
            ///     let (head, tail) = text.split_at(1);
            ///     Ok((File::from_bytes("head", head)?, File::from_bytes("tail", tail)?))
            /// }
            ///
            /// #[file_creator]
            /// fn shout(text: &str) -> Result<File> {
            ///     File::from_bytes("shout.txt", text.to_uppercase())
            /// }
            ///
            /// # let lake = Lake::temp()?;
            /// # let _current = lake.enter();
            /// shout("hush")?;
            /// let why = shout::call("hash").explain()?.to_string();
            /// assert!(why.contains("text"), "{why}");
            /// # Ok::<(), datlake::Error>(())
            /// ```
            pub fn explain(&self) -> Result<Explanation> {
                self.asked.explain::<S::Value>()
            }
        }

        twins! {
            $call:
            uid_async = uid, uid -> Uid;
            uids_async = uids, all_uids -> Vec<Uid>;
            status_async = status, status -> Status;
            lineage_async = lineage, lineage -> Option<Lineage>;
            explain_async = explain, explain -> Explanation;
        }
    };
}

questions!(Call);
questions!(AsyncCall);
