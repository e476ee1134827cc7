//! Who asks, and what they may.
//!
//! From the bottom up: `role` and `pattern` (what a grant says), `secret` (what is random, and how it is compared), `sealing` (secrets that are
//! needed again), `accounts` (what the database has), `caller` (from a request's credentials to an account).

mod accounts;
mod caller;
mod pattern;
mod role;
mod sealing;
mod secret;

pub use accounts::{Account, AccountKind, Accounts, Grant, KeyPair, NewKeyPair, NewToken, Token};
pub(crate) use caller::{Caller, Callers};
pub use pattern::Pattern;
pub(crate) use pattern::Resource;
pub use role::AccessRole;
pub(crate) use secret::{new_id, random};
