//! What a program offers at its start: to make calls that somebody else asks for.

use datlake_core::Result;
use datlake_lake::{calling, checking};

use crate::{asked_call, check};

/// Lets `datlake check` make calls of this program again, and `datlake call` and workers call its creators by name: the first line of a
/// `main`.
///
/// Started by anybody else, the program goes on at once. Started by one of these, it makes the calls that it is asked for, says what came
/// of them, and ends. `datlake check` takes the arguments from records, and nothing is stored; the others say them as JSON, and what is made is in
/// the lake as ever. Without this line it is an error to ask a program. One whose asynchronous creators need a runtime calls [`start_async`] on it.
///
/// # Errors
/// [`ErrorKind::Config`](crate::ErrorKind::Config) where the request cannot be read.
///
/// ```
/// use datlake::{Result, file_creator};
///
/// #[file_creator]
/// fn double(n: u32) -> Result<u32> {
///     Ok(2 * n)
/// }
///
/// fn main() -> Result<()> {
///     datlake::start()?; // datlake call double -p n=4 -- ./pipeline
/// #   let lake = datlake::Lake::temp()?;
/// #   let _current = lake.enter();
///     println!("{}", double(4)?);
///     Ok(())
/// }
/// ```
pub fn start() -> Result<()> {
    if let Some((request, answers)) = checking::asked()? {
        return check::all(&request, &answers);
    }
    match calling::asked()? {
        Some((request, answers)) => asked_call::answer(request, &answers),
        None => Ok(()),
    }
}

/// As [`start`], for a program whose asynchronous creators need the runtime that it is called on. Calls are made one after another.
///
/// # Errors
/// As [`start`].
///
/// ```
/// use datlake::{Result, file_creator};
///
/// #[file_creator]
/// async fn double(n: u32) -> Result<u32> {
///     tokio::task::yield_now().await;
///     Ok(2 * n)
/// }
///
/// #[tokio::main]
/// async fn main() -> Result<()> {
///     datlake::start_async().await?;
/// #   let lake = datlake::Lake::temp()?;
///     // …
/// #   assert_eq!(lake.scope(double(4)).await?, 8);
///     Ok(())
/// }
/// ```
pub async fn start_async() -> Result<()> {
    if let Some((request, answers)) = checking::asked()? {
        return check::all_async(&request, &answers).await;
    }
    match calling::asked()? {
        Some((request, answers)) => asked_call::answer_async(request, &answers).await,
        None => Ok(()),
    }
}
