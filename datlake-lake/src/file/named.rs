//! Files in what somebody has written down: by their names, wherever a type has one.

use std::cell::Cell;
use std::fmt;

use datlake_core::FileRef;
use serde::de::{Deserialize, Deserializer, Error, Visitor};

use super::File;
use crate::handle::Lake;

thread_local! {
    static BY_NAME: Cell<bool> = const { Cell::new(false) };
}

/// Does what reads a value in which files stand by their names, as `corpora/alice.txt` or `sales@main:raw/jan.csv`, and not as records
/// have them: who writes a value down must not say what the content of a file is.
pub(crate) fn reading_names<T>(read: impl FnOnce() -> T) -> T {
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            BY_NAME.set(self.0);
        }
    }
    let _before = Before(BY_NAME.replace(true));
    read()
}

/// A file of the current lake.
impl<'de> Deserialize<'de> for File {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let lake = Lake::current().map_err(D::Error::custom)?;
        if BY_NAME.get() {
            return deserializer.deserialize_any(ByName(lake));
        }
        let file = FileRef::deserialize(deserializer)?;
        Self::from_ref(&lake, file).ok_or_else(|| D::Error::custom("a file without a UID"))
    }
}

struct ByName(Lake);

impl Visitor<'_> for ByName {
    type Value = File;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a file, as `corpora/alice.txt` or `REPO@REF:PATH`")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<File, E> {
        let found = self.0.resolve(name).and_then(|uid| self.0.file(uid.as_str()));
        found.map_err(|error| E::custom(error.without_hint()))
    }
}
