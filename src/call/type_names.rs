//! What types are called in keys.
//!
//! A type parameter counts by the name that the compiler gives its type, which says where the type is defined. The types of
//! this library keep the names they had when keys first held them, wherever they are moved.

use std::any::{TypeId, type_name};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Mutex;

use datlake_core::{Code, Error, ErrorKind, Result};
use datlake_lake::sync::lock;

macro_rules! names {
    ($($path:literal: $($type:ident),+;)+ renamed: $($now:ident was $then:literal),+;) => {
        [
            $($((type_name::<$type>(), concat!("datlake::", $path, "::", stringify!($type)))),+),+,
            $((type_name::<$now>(), concat!("datlake::", $then))),+
        ]
    };
}

/// The name of a type in keys.
pub(super) fn in_keys(name: &str) -> Cow<'_, str> {
    use datlake_core::Side;
    use datlake_lake::config::*;
    use datlake_lake::report::*;
    use datlake_lake::*;

    use super::status::Status;
    use crate::creators::CreatorInfo;

    if !name.contains("datlake") {
        return Cow::Borrowed(name);
    }
    let known = names! {
        "call": Status;
        "config::edit": Changed, ContextRow, Scope;
        "config::setting": Setting, Source;
        "context": Entered, Here;
        "creators": CreatorInfo;
        "event": CallId, Event, Pace;
        "file": File;
        "file::tree": Tree, TreeWriter;
        "file::write": AsyncFileWriter, FileWriter, StagedPath;
        "lake": Lake;
        "lake::builder": LakeBuilder;
        "lake::collect": Collect;
        "lake::evict": Evict;
        "lake::files": Files;
        "lake::mirror": Mirror;
        "lake::verify": Verify;
        "lake::write": AsyncLakeWriter, LakeWriter;
        "origin": Origin;
        "report": CallRow, Contents, CreatedBy, Damage, FileInfo, FileRow, FolderRow, History, InputRow, Listing, OutputRow, Place;
        "report::collection": Collected, CollectedLocal, CollectedRemote;
        "report::explain": CallExplanation, Comparison, Since;
        "report::health": Evicted, Finding, FindingKind, RepairOutcome, Repaired, RepairedItem, Verified;
        "report::mirror": MirrorOutcome, MirrorRow, Mirrored;
        "report::prune": Prune;
        "report::remote": Ability, CheckStep, RemoteCheck, RemoteState;
        "report::removal": Removable, Removal;
        "report::runs": CallEvent, RunCall, RunInfo, RunRow, Runs;
        "report::sync": Pull, Push, PushOutcome, PushRow, UnpushedRow;
        "report::url": SignedUrl;
        renamed:
            Cleaned was "report::health::Tidied",
            Downstream was "report::descent::Descent",
            DownstreamCall was "report::descent::Descendant",
            Side was "report::health::FindingPlace",
            LakeStatus was "report::sync::Status",
            Upstream was "report::Ancestry",
            UpstreamFile was "report::Ancestor",
            UpstreamState was "report::AncestorState";
    };
    // Without their parameters, which are names themselves.
    let known = known.into_iter().chain([
        // Above this file, which is why they are spelled; the test has the types.
        ("datlake::call::one::Call", "datlake::call::Call"),
        ("datlake::call::one::AsyncCall", "datlake::call::AsyncCall"),
        (type_name::<Scoped<()>>(), "datlake::context::Scoped"),
    ]);
    let known: Vec<_> = known.map(|(now, then)| (now.split('<').next().unwrap_or(now), then)).collect();
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

/// Refuses a type that its name does not tell from others: a closure, and a second type of one name.
pub(super) fn check_distinct<T: ?Sized>(parameter: &str, code: &Code) -> Result<()> {
    static SEEN: Mutex<Option<HashMap<&'static str, TypeId>>> = Mutex::new(None);
    let name = type_name::<T>();
    let refused = |why: String, hint: &str| {
        let message = format!("type parameter `{parameter}` of `{}` {why}", code.item());
        Err(Error::new(ErrorKind::InvalidInput, message).with_hint(hint))
    };
    if let Some(at) = closure_in(name) {
        let why = format!(
            "is `{name}`, a closure: all closures of `{at}` look the same, and their calls would share results"
        );
        return refused(
            why,
            "pass a function or a type that has a name; what need not count can be taken as `#[skip] f: &dyn Fn(…)`",
        );
    }
    let id = typeid::of::<T>();
    if *lock(&SEEN).get_or_insert_default().entry(name).or_insert(id) == id {
        return Ok(());
    }
    let why = format!("is one of two types that are both called `{name}`: their calls would share results");
    refused(why, "give each type a name of its own, or move it into a module of its own")
}

/// What the closure is in that is, or is part of, a type called `name`. What is defined in a closure has a name of its own.
fn closure_in(name: &str) -> Option<&str> {
    const CLOSURE: &str = "::{{closure}}";
    let end = |at: usize| at + CLOSURE.len();
    let (at, _) = name.match_indices(CLOSURE).find(|(at, _)| !name[end(*at)..].starts_with("::"))?;
    let start = name[..at].rfind(|c: char| !(c.is_alphanumeric() || "_:{}".contains(c))).map_or(0, |before| before + 1);
    Some(&name[start..at])
}

#[cfg(test)]
mod tests {
    use super::*;
    use datlake_lake::report::Upstream;
    use datlake_lake::{File, Lake, Scoped, Tree};

    use crate::{AsyncCall, Call, Status};

    #[test]
    fn closures_are_found_also_in_other_types_and_what_is_defined_in_one_is_none() {
        let closure = |n: u32| n;
        let name = std::any::type_name_of_val(&closure);
        let place = "datlake::call::type_names::tests::closures_are_found_also_in_other_types_and_what_is_defined_in_one_is_none";
        assert_eq!(closure_in(name), Some(place));
        assert_eq!(closure_in(std::any::type_name_of_val(&[Some(closure)])), Some(place));
        let local = || {
            struct Local;
            type_name::<Vec<Local>>()
        };
        assert!(local().contains("{{closure}}"));
        assert_eq!(closure_in(local()), None);
        assert_eq!(closure_in(type_name::<fn(u8) -> Vec<u8>>()), None);
    }

    #[test]
    fn types_of_this_library_keep_their_names() {
        let names = [
            (type_name::<File>(), "datlake::file::File"),
            (type_name::<&Tree>(), "&datlake::file::tree::Tree"),
            (
                type_name::<Vec<(File, Option<Tree>)>>(),
                "alloc::vec::Vec<(datlake::file::File, core::option::Option<datlake::file::tree::Tree>)>",
            ),
            (type_name::<fn(u8) -> [Lake; 2]>(), "fn(u8) -> [datlake::lake::Lake; 2]"),
            (type_name::<Status>(), "datlake::call::Status"),
            (type_name::<Upstream>(), "datlake::report::Ancestry"),
            (type_name::<Call<File, (), Lake>>(), "datlake::call::Call<datlake::file::File, (), datlake::lake::Lake>"),
            (type_name::<AsyncCall<(), u8, Tree>>(), "datlake::call::AsyncCall<(), u8, datlake::file::tree::Tree>"),
            (type_name::<Scoped<Status>>(), "datlake::context::Scoped<datlake::call::Status>"),
            ("datlake_extra::file::File", "datlake_extra::file::File"),
            (type_name::<u32>(), "u32"),
        ];
        for (now, then) in names {
            assert_eq!(in_keys(now), then);
        }
    }
}
