//! What types are called in keys.
//!
//! A type parameter counts by the name that the compiler gives its type, which says where the type is defined. The types of
//! this library keep the names they had when keys first held them, wherever they are moved.

use std::any::type_name;
use std::borrow::Cow;

use crate::{config, report};

macro_rules! names {
    ($($path:literal: $($type:path as $name:ident),+;)+) => {
        [$($((type_name::<$type>(), concat!("datlake::", $path, "::", stringify!($name)))),+),+]
    };
}

/// The name of a type in keys.
pub(super) fn in_keys(name: &str) -> Cow<'_, str> {
    if !name.contains("datlake") {
        return Cow::Borrowed(name);
    }
    let known = names! {
        "file": crate::File as File;
        "file::tree": crate::Tree as Tree, crate::TreeWriter as TreeWriter;
        "file::write": crate::FileWriter as FileWriter, crate::AsyncFileWriter as AsyncFileWriter, crate::StagedPath as StagedPath;
        "lake": crate::Lake as Lake;
        "lake::builder": crate::LakeBuilder as LakeBuilder;
        "lake::files": crate::Files as Files;
        "lake::write": crate::LakeWriter as LakeWriter, crate::AsyncLakeWriter as AsyncLakeWriter;
        "origin": crate::Origin as Origin;
        "call": crate::Status as Status;
        "creators": crate::CreatorInfo as CreatorInfo;
        "event": crate::Event as Event, crate::CallId as CallId, crate::Pace as Pace;
        "context": crate::Here as Here;
        "config::setting": config::Setting as Setting, config::Source as Source;
        "config::edit": config::Changed as Changed, config::ContextRow as ContextRow, config::Scope as Scope;
    };
    let is_of_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let mut renamed = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(c) = rest.chars().next() {
        let end = match is_of_path(c) {
            true => rest.find(|c| !is_of_path(c)).unwrap_or(rest.len()),
            false => rest.find(is_of_path).unwrap_or(rest.len()),
        };
        let (part, after) = rest.split_at(end);
        renamed.push_str(known.iter().find(|(now, _)| *now == part).map_or(part, |(_, then)| then));
        rest = after;
    }
    Cow::Owned(renamed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{File, Lake, Tree};

    #[test]
    fn types_of_this_library_keep_their_names() {
        let names = [
            (type_name::<File>(), "datlake::file::File"),
            (type_name::<&Tree>(), "&datlake::file::tree::Tree"),
            (
                type_name::<Vec<(File, Option<Tree>)>>(),
                "alloc::vec::Vec<(datlake::file::File, core::option::Option<datlake::file::tree::Tree>)>",
            ),
            (type_name::<fn(&str) -> [Lake; 2]>(), "fn(&str) -> [datlake::lake::Lake; 2]"),
            (type_name::<crate::Status>(), "datlake::call::Status"),
            ("datlake_extra::file::File", "datlake_extra::file::File"),
            (type_name::<u32>(), "u32"),
        ];
        for (now, then) in names {
            assert_eq!(in_keys(now), then);
        }
    }
}
