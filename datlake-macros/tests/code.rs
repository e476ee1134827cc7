//! What the compiler hands to the attributes is what the unit tests hand to them, and the static says what is true of its
//! place. The facade is a stand-in: this crate does not depend on the one that re-exports it.

#![forbid(unsafe_code)]
#![deny(warnings)]

use datlake_macros::tracked;

/// What generated code needs for a tracked item.
mod lake {
    pub(crate) mod __private {
        #[derive(Debug)]
        pub(crate) struct Code {
            pub(crate) package: &'static str,
            pub(crate) package_version: &'static str,
            pub(crate) manifest_dir: &'static str,
            pub(crate) module: &'static str,
            pub(crate) name: &'static str,
            pub(crate) given_name: Option<&'static str>,
            pub(crate) file: &'static str,
            pub(crate) line: u32,
            pub(crate) blob: [u8; 20],
            pub(crate) own: [u8; 32],
            pub(crate) conditions: &'static [(&'static str, bool)],
            pub(crate) embedded: &'static [(&'static str, &'static [u8])],
            pub(crate) dependencies: &'static [fn() -> &'static Code],
            #[expect(dead_code, reason = "creators have it")]
            pub(crate) found: Option<&'static ()>,
            pub(crate) lock: Option<(&'static str, [u8; 32])>,
            pub(crate) features: &'static [&'static str],
            #[expect(dead_code, reason = "depends on how the tests are built")]
            pub(crate) cfg: &'static [&'static str],
        }

        pub(crate) trait Tracked {
            fn code() -> &'static Code;
        }

        pub(crate) fn entered(code: fn() -> &'static Code) {
            super::super::ENTERED.with_borrow_mut(|entered| entered.push(code().name));
        }
    }
}

use lake::__private::{Code, Tracked};

thread_local! {
    static ENTERED: std::cell::RefCell<Vec<&'static str>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// Documented.
#[tracked(crate = crate::lake, depends_on(LIMIT, Pair<u8>, mod stats))]
#[inline]
#[rustfmt::skip]
#[allow(clippy::needless_lifetimes, clippy::multiple_bound_locations, clippy::mixed_attributes_style)]
pub(crate) fn sample<'a, T: Copy>(a: &'a [T], r#type: u64, _: &&Vec<Vec<u8>>,) -> Option<&'a T> // a comment
where
    T: Eq,
{
    #![allow(unused_variables)]
    let unused = (1_000, 'c', "s", r#"raw"#, b"bytes", 1.5e3_f64, x!(r#type&&! true, -1, 0..=3, a.0.1));
    let nested: Vec<Vec<u8>> = vec![vec![1,], ];
    if cfg!(any(unix, windows))&&cfg!(all(unix, windows)) { return None }
    let _ = (include_str!("code.txt"), env!("CARGO_PKG_NAME"), option_env!("DATLAKE_NO_SUCH_VARIABLE"));
    a.get::<usize>(usize::try_from(r#type).ok()?,)
}

macro_rules! x {
    ($($tokens:tt)*) => { stringify!($($tokens)*) };
}
use x;

#[tracked(crate = crate::lake)]
const LIMIT: u32 = 3;

#[tracked(crate = crate::lake)]
#[derive(Debug)]
struct Pair<T>(T, T);

#[tracked(crate = crate::lake)]
mod stats {
    pub(super) fn mean() -> u32 {
        inner::one()
    }

    mod inner {
        pub(super) fn one() -> u32 {
            super::super::LIMIT
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn code_of<T: Tracked>() -> &'static Code {
    T::code()
}

/// The same constant stands in the unit tests, for the same text.
#[test]
fn the_compiler_gives_the_same_tokens() {
    assert_eq!(hex(&code_of::<sample>().own), "90050e0fe4c620c0ff77960bf393ed4029f006279242f37a71ebf6b1a0d86d6d");
}

#[test]
fn the_static_says_where_the_item_stands() {
    let code = code_of::<sample>();
    let source = include_str!("code.rs");
    let line = source.lines().position(|line| line.contains("fn sample<")).unwrap() + 1;
    assert_eq!((code.package, code.package_version), ("datlake-macros", env!("CARGO_PKG_VERSION")));
    assert_eq!((code.module, code.name, code.given_name), ("code", "sample", None));
    assert_eq!((code.file, code.line as usize), ("tests/code.rs", line));
    assert_eq!(code.manifest_dir, env!("CARGO_MANIFEST_DIR"));
    let mut sha = sha1_smol::Sha1::new();
    sha.update(format!("blob {}\0{source}", source.len()).as_bytes());
    assert_eq!(hex(&code.blob), sha.digest().to_string());
    let (path, digest) = code.lock.unwrap();
    assert_eq!(digest, *blake3::hash(&std::fs::read(path).unwrap()).as_bytes());
    assert_eq!(code.features, [""; 0]);
    let dependencies: Vec<&str> = code.dependencies.iter().map(|dependency| dependency().name).collect();
    assert_eq!(dependencies, ["LIMIT", "Pair", "mod stats"]);
}

#[test]
fn the_static_says_what_the_tokens_refer_to() {
    let code = code_of::<sample>();
    assert_eq!(code.conditions, [("all(unix, windows)", false), ("any(unix, windows)", cfg!(any(unix, windows)))]);
    let embedded: Vec<(&str, &str)> =
        code.embedded.iter().map(|(what, content)| (*what, str::from_utf8(content).unwrap())).collect();
    assert_eq!(
        embedded,
        [
            ("env!(\"CARGO_PKG_NAME\")", "datlake-macros"),
            ("include_str!(\"code.txt\")", "embedded\n"),
            ("option_env!(\"DATLAKE_NO_SUCH_VARIABLE\") unset", ""),
        ]
    );
}

#[test]
fn functions_say_when_they_are_entered() {
    let entered = || ENTERED.take();
    entered();
    assert_eq!(sample(&[1, 2, 3], 1, &&vec![]), Some(&2));
    assert_eq!(entered(), ["sample"]);
    assert_eq!(stats::mean(), 3);
    assert_eq!(entered(), ["mod stats", "mod stats"], "each function of a tracked module, however deep");
    assert_eq!(Pair(1, 2).0, 1);
}
