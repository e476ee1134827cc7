//! What is done at once in a model, beside what stores do: transactions of a database, and what a store does that replaces.

use std::collections::BTreeMap;

use super::memory::{Who, World};
use super::state::{hash, step};

/// The name of a database that all servers share.
pub(crate) const DATABASE: &str = "database";

impl World {
    /// What `who` does in one transaction of a database that all servers share, or in one request to a store that replaces.
    pub(crate) async fn transact<T: std::fmt::Debug>(
        &self,
        who: Who,
        name: &'static str,
        what: &str,
        act: impl FnOnce(&mut BTreeMap<String, Vec<u8>>) -> T,
    ) -> T {
        if who.is_some() {
            step().await;
        }
        let mut state = self.state();
        let said = act(state.stores.entry(name).or_default());
        if let Some(who) = who {
            let learned = hash(&(state.learned.get(&who), what, format!("{said:?}")));
            state.learned.insert(who, learned);
            state.log.push(format!("actor {who}: {what} in {name} -> {said:?}"));
        }
        said
    }

    /// What time it is, for who looks on.
    pub(crate) fn time(&self) -> u64 {
        self.state().time
    }
}
