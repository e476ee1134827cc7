//! Ways to what parses bytes from others, for the package `fuzz`. A panic is a mistake; an error is an answer.

use crate::{lake_header, names, remote};

/// A `datlake.json`.
pub fn header(bytes: &[u8]) {
    let _ = lake_header::parse(&"a lake", bytes);
}

/// The names of objects as disks can have them: each object has one, and it leads back.
pub fn file_names(text: &str) {
    for names in [names::Names::Plain, names::Names::Escaped] {
        let file = names.file(text);
        let object = names.object(&file);
        assert!(object.is_none() || object.as_deref() == Some(text), "{text:?} becomes {file:?}, and that {object:?}");
        if let Some(object) = names.object(text) {
            assert_eq!(names.file(&object), text);
        }
    }
}

/// The URL of a remote.
pub fn url(text: &str) {
    // The scheme is shown.
    let in_scheme = text.split("://").next().is_some_and(|scheme| scheme.contains("hunter2"));
    if let Err(error) = remote::open(text, crate::RemoteOptions::default()) {
        assert!(in_scheme || !format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

pub use crate::object::fuzzing::{answer, journal, profile, uploads};
