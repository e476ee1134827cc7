//! What creators can be: synchronous or not, recursive, anywhere, of any visibility.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, unreachable_pub, missing_debug_implementations, missing_copy_implementations)]
#![deny(single_use_lifetimes, unused_lifetimes, unused_qualifications, unused_results, elided_lifetimes_in_paths)]

use datlake::{File, Result, file_creator, tracked};

/// A public creator.
#[file_creator(depends_on(helper, LIMIT, TABLE, Config, Pair<u8>, mod stats, mod inner::deeper), version = 2)]
pub fn public(file: File) -> Result<File> {
    let _ = stats::mean(&[f64::from(helper(1))]) + inner::deeper::DEEP;
    Ok(file)
}

#[tracked]
fn helper(x: u8) -> u8 {
    #![allow(unused_variables)]
    use std::ops::Add;
    let y = 3;
    x.add(LIMIT)
}

#[tracked]
const LIMIT: u8 = 3;

#[tracked]
static TABLE: [u8; 1] = [LIMIT];

#[tracked]
#[derive(Debug)]
enum Config {
    A,
}

#[tracked]
#[derive(Debug)]
struct Pair<T: Copy>(T, T)
where
    T: Eq;

#[tracked]
mod stats {
    #![allow(clippy::float_cmp)]

    pub(super) trait Mean {
        fn mean(&self) -> f64 {
            1.0
        }
    }

    impl Mean for [f64] {}

    pub(super) fn mean(of: &[f64]) -> f64 {
        helpers::same(of).mean() + f64::from(constant())
    }

    const fn constant() -> u8 {
        1
    }

    mod helpers {
        pub(super) fn same<T: ?Sized>(x: &T) -> &T {
            x
        }
    }

    /// A creator in a tracked module depends on it by its own account.
    #[datlake::file_creator(depends_on(mod self))]
    pub(super) fn inside(x: f64) -> datlake::Result<f64> {
        Ok(mean(&[x]))
    }
}

mod inner {
    use datlake::{Result, file_creator, tracked};

    #[tracked]
    pub(super) mod deeper {
        pub(crate) const DEEP: f64 = 3.0;
    }

    #[file_creator(depends_on(super::helper, crate::LIMIT, mod super::stats, mod deeper))]
    pub(super) fn restricted(x: u8) -> Result<u8> {
        Ok(super::helper(x))
    }

    #[file_creator]
    pub(in crate::inner) fn in_path(x: u8) -> Result<super::Private> {
        Ok(super::Private(x))
    }

    pub(super) fn run() -> Result<u8> {
        in_path(3).map(|private| private.0)
    }
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Private(u8);

/// An asynchronous creator.
#[file_creator]
pub async fn asynchronous(x: &str) -> Result<String> {
    Ok(std::future::ready(x).await.to_owned())
}

#[file_creator]
fn factorial(n: u64) -> Result<u64> {
    Ok(if n == 0 { 1 } else { n * factorial(n - 1)? })
}

#[file_creator]
async fn asynchronous_factorial(n: u64) -> Result<u64> {
    Ok(if n == 0 { 1 } else { n * Box::pin(asynchronous_factorial(n - 1)).await? })
}

#[file_creator(depends_on(odd))]
fn even(n: u64) -> Result<bool> {
    if n == 0 { Ok(true) } else { odd(n - 1) }
}

#[file_creator(depends_on(even))]
fn odd(n: u64) -> Result<bool> {
    if n == 0 { Ok(false) } else { even(n - 1) }
}

mod occupied {}

#[file_creator(info = occupied_info, name = "shop/occupied")]
fn occupied(x: u8) -> Result<u8> {
    Ok(x)
}

#[file_creator]
#[inline]
#[must_use = "it was not cheap"]
#[expect(unused_variables, reason = "to see whether it is met")]
fn attributes(x: u8, y: u8) -> Result<u8> {
    Ok(x)
}

#[file_creator]
#[expect(dead_code)]
fn unused(x: u8) -> Result<u8> {
    Ok(x)
}

#[file_creator]
#[cfg(any())]
fn absent(x: Missing) -> Result<u8> {
    does_not_exist(x)
}

macro_rules! creator {
    ($name:ident, $ty:ty, $value:expr) => {
        /// Made by a macro.
        #[file_creator(key($value))]
        pub fn $name(x: $ty, (a, _): (u8, $ty)) -> Result<u8> {
            let _ = x;
            Ok($value + a)
        }
    };
}

creator!(made, &'static str, 1 + 1);

/// A tracked function on one line, whose braces are not our business.
#[tracked]
pub fn one_line(text: &str) -> String { text.trim().to_lowercase() }

/// Of a creator that a macro makes, whatever of the info API nobody uses is no dead code.
macro_rules! edition {
    ($edition:ident) => {
        mod $edition {
            #[datlake::file_creator(name = "edited")]
            pub(super) fn edited(n: usize) -> datlake::Result<usize> {
                Ok(n)
            }
        }
    };
}

edition!(first);

mod reexported {
    pub(crate) use datlake as lake;
}

#[file_creator(crate = reexported::lake)]
fn elsewhere(x: u8) -> Result<u8> {
    Ok(x)
}

fn is_send<T: Send>(future: T) -> T {
    future
}

fn main() {
    let _ = first::edited(1);
    #[tracked]
    fn local_helper(x: u8) -> u8 {
        x
    }
    #[file_creator(depends_on(local_helper))]
    fn local(x: u8) -> Result<u8> {
        Ok(local_helper(x))
    }

    let _ = (public::info(), inner::restricted::info(), occupied_info::info(), local::info(), made::info());
    drop(is_send(asynchronous("a")));
    let _ = (asynchronous::call("a"), asynchronous::calls(["a", "b"]), asynchronous_factorial::call(3));
    let _ = (factorial::call(3), even::call(3), occupied_info::calls([1, 2]), attributes::call(1, 2));
    let _ = (made::call("a", (1, "b")), elsewhere::call(3), stats::inside::call(1.0));
    let _ = (Config::A, Pair(1, 2), TABLE);
    let _functions: [fn() -> Result<u8>; 2] = [inner::run, || local(3)];
}
