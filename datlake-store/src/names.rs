//! What the files of objects are called where the file system does not take every name, or takes two names for one.
//!
//! Invariants:
//! - Two objects have two names, also where `A` and `a`, or two spellings of `é`, are one file.
//! - What is in a directory was named by the rule that its `datlake.json` says, whichever system reads it. A lake is never
//!   converted.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// How the files of a lake in a directory are called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Names {
    /// As their objects.
    #[default]
    Plain,
    /// Every byte is written `%` and two hexadecimal digits, except those of [`is_safe`].
    Escaped,
}

impl Names {
    pub(crate) fn is_plain(&self) -> bool {
        *self == Self::Plain
    }

    /// The path of the file of the object `path`, below the lake's directory.
    pub(crate) fn file(self, path: &str) -> Cow<'_, str> {
        let safe = |at: usize| is_safe(path.as_bytes(), at);
        if self.is_plain() || (0..path.len()).all(safe) {
            return Cow::Borrowed(path);
        }
        let mut escaped = String::with_capacity(path.len() + 16);
        for (at, byte) in path.bytes().enumerate() {
            match safe(at) {
                true => escaped.push(char::from(byte)),
                false => escaped.push_str(&format!("%{byte:02x}")),
            }
        }
        Cow::Owned(escaped)
    }

    /// The part of an object's path that a file or folder called `name` stands for; `None` for what is not a lake's.
    pub(crate) fn object(self, name: &str) -> Option<Cow<'_, str>> {
        if self.is_plain() || !name.contains('%') {
            return (self.file(name) == name).then_some(Cow::Borrowed(name));
        }
        let mut bytes = Vec::with_capacity(name.len());
        let mut rest = name.as_bytes();
        while let [first, behind @ ..] = rest {
            rest = behind;
            if *first != b'%' {
                bytes.push(*first);
                continue;
            }
            let (digits, behind) = rest.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = behind;
        }
        let object = String::from_utf8(bytes).ok()?;
        // No object is known by two names.
        (self.file(&object) == name).then_some(Cow::Owned(object))
    }

    /// What a file is called that people or programs see as `name`, where nothing depends on it.
    pub(crate) fn shown(self, name: &str) -> Cow<'_, str> {
        match self {
            Self::Plain => Cow::Borrowed(name),
            Self::Escaped => Cow::Owned(name.replace(['"', '*', ':', '<', '>', '?', '|', '\\'], "_")),
        }
    }

    /// Which names the file system of `folder` needs, found by trying there.
    pub(crate) fn tried_in(folder: &Path) -> io::Result<Self> {
        const ODD: &str = "Odd: \"*?<>|";
        // If not even this can be made, nothing has been learned about names.
        make_and_remove(&folder.join("plain"), || Ok(()))?;
        let mut one_file = false;
        let made = make_and_remove(&folder.join(ODD), || {
            one_file = folder.join(ODD.to_lowercase()).try_exists()?;
            Ok(())
        });
        Ok(if made.is_ok() && !one_file { Self::Plain } else { Self::Escaped })
    }
}

/// Whether the byte at `at` of a path stands for itself in every name on every file system.
fn is_safe(path: &[u8], at: usize) -> bool {
    let ends = path.get(at + 1).is_none_or(|next| *next == b'/');
    match path[at] {
        b'a'..=b'z' | b'0'..=b'9' | b'/' => true,
        // Some systems drop these at the end of a name.
        b'.' | b' ' => !ends,
        byte => b"!#$&'()+,-;=@[]^_`{}~".contains(&byte),
    }
}

fn make_and_remove(path: &Path, look: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    File::create_new(path)?;
    let looked = look();
    let _ = std::fs::remove_file(path);
    looked
}

#[cfg(test)]
mod tests {
    use super::Names;

    #[track_caller]
    fn check(object: &str, file: &str) {
        assert_eq!(Names::Escaped.file(object), file);
        let segments: Option<Vec<_>> = file.split('/').map(|name| Names::Escaped.object(name)).collect();
        assert_eq!(segments.unwrap().join("/"), object);
        assert_eq!(Names::Plain.file(object), object);
        assert_eq!(Names::Plain.object(object).unwrap(), object);
    }

    #[test]
    fn names_that_some_file_system_refuses_or_confuses_are_escaped() {
        check("calls/p/c::m::f/3f9a.datlake", "calls/p/c%3a%3am%3a%3af/3f9a.datlake");
        check("files/a/A/%41.datlake", "files/a/%41/%2541.datlake");
        check("files/what?/<\"*|>\\.csv.datlake", "files/what%3f/%3c%22%2a%7c%3e%5c.csv.datlake");
        check("files/é/日.datlake", "files/%c3%a9/%e6%97%a5.datlake");
        check("files/dot./space /a b.c.datlake", "files/dot%2e/space%20/a b.c.datlake");
        check("blobs/3f/3f9a", "blobs/3f/3f9a");
    }

    #[test]
    fn a_name_that_no_object_has_is_none() {
        for name in ["A", "%61", "%3A", "%", "%4", "%zz", "%ff", "a:b", "é", "a.", "%2e%2e", "%+1"] {
            assert_eq!(Names::Escaped.object(name), None, "{name}");
        }
    }
}
