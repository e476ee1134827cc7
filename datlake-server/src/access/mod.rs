//! Who asks, and what they may.
//!
//! From the bottom up: `role` and `pattern` (what a grant says), `secret` (what is random, and how it is compared), `sealing` (secrets that are
//! needed again), `accounts` (what the database has), `listing` (pages of that), `links` (by which somebody signs in), `sessions` (who is signed
//! in on the page), `caller` (from a request's credentials to an account).

mod accounts;
mod caller;
mod links;
mod listing;
mod pattern;
mod role;
mod sealing;
mod secret;
mod sessions;

pub use accounts::{Account, AccountKind, Accounts, Grant, KeyPair, NewKeyPair, NewToken, Token};
pub(crate) use caller::{Caller, Callers};
pub(crate) use links::SignInLinks;
pub(crate) use listing::Credentials;
pub use pattern::Pattern;
pub(crate) use pattern::Resource;
pub use role::AccessRole;
pub(crate) use secret::{is_same, new_id, random};
pub(crate) use sessions::{ListedSession, PageSession, SignedInBy, cookie_of};
