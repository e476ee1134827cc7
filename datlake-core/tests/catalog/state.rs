//! What a store in memory keeps, and what is learned of it.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher, Hash};
use std::task::Poll;

use datlake_core::Created;

#[derive(Clone, Default)]
pub(crate) struct State {
    /// In seconds.
    pub(crate) time: u64,
    pub(crate) created: BTreeMap<(&'static str, String), u64>,
    /// Whoever has seen that there is time left, and has not used it.
    pub(crate) timed: BTreeSet<usize>,
    pub(crate) stores: BTreeMap<&'static str, BTreeMap<String, Vec<u8>>>,
    pub(crate) claims: BTreeSet<(&'static str, String)>,
    /// What a power cut takes from a machine.
    pub(crate) unsynced: BTreeSet<(&'static str, String)>,
    /// What each actor has put off.
    pub(crate) late: BTreeMap<usize, Vec<Change>>,
    /// What each actor was told of an object first, where it believes that for ever.
    pub(crate) remembered: BTreeMap<(usize, String), Option<Vec<u8>>>,
    /// Of whom a reply got lost.
    pub(crate) lost: BTreeSet<usize>,
    /// All that each actor has learned: two runs in which these and the stores are equal go on alike.
    pub(crate) learned: BTreeMap<usize, u64>,
    pub(crate) log: Vec<String>,
}

/// What somebody does later than they say: with bytes it is a create, without a removal.
#[derive(Clone, Debug, Hash)]
pub(crate) struct Change {
    pub(crate) store: &'static str,
    pub(crate) path: String,
    pub(crate) bytes: Option<Vec<u8>>,
}

/// For tests: what is stored is never named by such a hash.
pub(crate) fn hash(value: &impl Hash) -> u64 {
    BuildHasherDefault::<DefaultHasher>::new().hash_one(value)
}

/// Lets the scheduler choose who goes on.
pub(crate) async fn step() {
    let mut stepped = false;
    poll_fn(|context| {
        context.waker().wake_by_ref();
        if std::mem::replace(&mut stepped, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// What an actor learns from an operation.
pub(crate) trait Learned {
    fn text(&self) -> String;
}

impl Learned for Option<Vec<u8>> {
    fn text(&self) -> String {
        self.as_ref().map_or("nothing".to_owned(), |bytes| format!("{} bytes, {:x}", bytes.len(), hash(bytes)))
    }
}

macro_rules! learned {
    ($($ty:ty),*) => {
        $(impl Learned for $ty {
            fn text(&self) -> String {
                format!("{self:?}")
            }
        })*
    };
}
learned!(Created, Option<u64>, bool, Vec<(String, u64)>);
