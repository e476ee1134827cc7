//! The calls that a process has met, in as little memory as there may be calls.
//!
//! A call's key is in its answer, and of the types of values there are few: what is kept of a call besides its answer is a pointer and a number.

use std::any::TypeId;
use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datlake_core::CallKey;
use datlake_core::by_key::ByDigest;
use datlake_core::record::CallValue;

/// What a process knows of a call that it has met.
#[derive(Clone, Debug)]
pub struct Remembered {
    /// What its record answers.
    pub answer: Arc<CallValue>,
    /// The type under which the value was last decoded, and found to be what was stored: it is noted then what the call returned.
    pub checked: Option<TypeId>,
}

/// Calls by their keys.
#[derive(Debug, Default)]
pub(crate) struct RememberedCalls {
    calls: HashSet<Entry, ByDigest>,
    /// Types that values were decoded under.
    types: Vec<TypeId>,
}

#[derive(Debug)]
struct Entry {
    answer: Arc<CallValue>,
    /// Among the types: the first is 1. None of them is 0.
    checked: u32,
}

impl RememberedCalls {
    pub(crate) fn len(&self) -> usize {
        self.calls.len()
    }

    pub(crate) fn clear(&mut self) {
        self.calls.clear();
    }

    pub(crate) fn get(&self, key: &CallKey) -> Option<Remembered> {
        let Entry { answer, checked } = self.calls.get(key)?;
        let checked = checked.checked_sub(1).and_then(|at| self.types.get(at as usize)).copied();
        Some(Remembered { answer: Arc::clone(answer), checked })
    }

    /// Of no type yet. What was known of the call before is forgotten.
    pub(crate) fn insert(&mut self, answer: Arc<CallValue>) {
        self.calls.replace(Entry { answer, checked: 0 });
    }

    /// The value of a call that is known was decoded under a type.
    pub(crate) fn check(&mut self, key: &CallKey, of_type: TypeId) {
        let known = self.types.iter().position(|known| *known == of_type);
        let at = known.unwrap_or_else(|| {
            self.types.push(of_type);
            self.types.len() - 1
        });
        let checked = u32::try_from(at + 1).unwrap_or(0);
        if let Some(entry) = self.calls.take(key) {
            self.calls.insert(Entry { checked, ..entry });
        }
    }
}

impl Borrow<CallKey> for Entry {
    fn borrow(&self) -> &CallKey {
        &self.answer.key
    }
}

impl Hash for Entry {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.answer.key.hash(state);
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.answer.key == other.answer.key
    }
}

impl Eq for Entry {}
