//! The creators linked into this program.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::OnceLock;

use crate::call::remade::Replay;
use datlake_core::{Closure, Code, CodeHash, CreatorName, Error, ErrorKind, Result};

/// What generated code registers for each creator.
#[derive(Debug)]
pub struct Creator {
    /// Its code.
    pub code: fn() -> &'static Code,
    /// The names of its parameters.
    pub params: &'static [&'static str],
    /// Whether it is an `async fn`.
    pub asynchronous: bool,
    /// How a call is made whose arguments are read, from its record or from what somebody says; else why it cannot be.
    pub replay: Result<Replay, &'static str>,
}

inventory::collect!(Creator);

/// What there is to know of a creator without calling it.
///
/// ```
/// /// Twice a number.
/// #[datlake::file_creator]
/// fn double(n: u32) -> datlake::Result<u32> {
///     Ok(2 * n)
/// }
///
/// # fn main() {
/// let info = double::info();
/// assert_eq!(info.function, "double");
/// println!("{info}"); // name, package, place and hash of the code
/// # }
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatorInfo {
    /// The name that goes into keys and UIDs.
    pub name: CreatorName,
    /// The function's name.
    pub function: &'static str,
    /// Its module, starting with the crate.
    pub module: &'static str,
    /// Its package.
    pub package: &'static str,
    /// The package's version.
    pub package_version: &'static str,
    /// Source file, relative to the package.
    pub file: &'static str,
    /// Line, from 1.
    pub line: u32,
    /// Hash of the code with all that it depends on.
    pub code_hash: CodeHash,
    /// What it declares to depend on, directly or not.
    pub dependencies: Vec<String>,
    table: Option<&'static str>,
}

impl CreatorInfo {
    /// # Panics
    /// Where `name = "…"` is no creator name, which the macro has checked.
    #[expect(clippy::expect_used, reason = "the macro has checked the name")]
    pub(crate) fn of(code: &'static Code) -> Self {
        Self {
            name: code.creator_name().expect("the macro lets only valid names through"),
            function: code.name,
            module: code.module,
            package: code.package,
            package_version: code.package_version,
            file: code.file,
            line: code.line,
            code_hash: code.hash(),
            dependencies: code.closure()[1..].iter().map(|dependency| dependency.item()).collect(),
            table: code.found.map(|found| found.table),
        }
    }

    /// What the macro found the function to depend on, itself included: items with files and lines, embedded files, crates of
    /// registries, and notes of what cannot be seen. Empty with `closure = "none"` and `version = N`.
    pub fn closure(&self) -> Closure {
        Closure::parse(self.table.unwrap_or_default())
    }
}

impl fmt::Display for CreatorInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ({} {}, {}:{}, code {})",
            self.name,
            self.package,
            self.package_version,
            self.file,
            self.line,
            self.code_hash.short()
        )
    }
}

/// The creators linked into this program, sorted by name.
///
/// ```
/// #[datlake::file_creator]
/// fn double(n: u32) -> datlake::Result<u32> {
///     Ok(2 * n)
/// }
///
/// # fn main() {
/// let creators = datlake::creators();
/// assert!(creators.contains(&double::info()));
/// # }
/// ```
pub fn creators() -> Vec<CreatorInfo> {
    let mut all: Vec<CreatorInfo> =
        inventory::iter::<Creator>().map(|creator| CreatorInfo::of((creator.code)())).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// A source file that is newer than the code of a creator in this program: what runs may be other code than its keys tell.
pub(crate) fn newer() -> Option<&'static str> {
    static NEWER: OnceLock<Option<&'static str>> = OnceLock::new();
    *NEWER.get_or_init(|| inventory::iter::<Creator>().find_map(|creator| (creator.code)().found?.newer))
}

/// Two creators of one name whose code stands at different places would share keys.
pub(crate) fn check_unique(code: &'static Code) -> Result<()> {
    static AMBIGUOUS: OnceLock<HashMap<usize, String>> = OnceLock::new();
    let ambiguous = AMBIGUOUS.get_or_init(|| {
        let mut by_name = HashMap::<CreatorName, Vec<&'static Code>>::new();
        for creator in inventory::iter::<Creator>() {
            let code = (creator.code)();
            if let Ok(name) = code.creator_name() {
                by_name.entry(name).or_default().push(code);
            }
        }
        let mut found = HashMap::new();
        for (name, codes) in by_name {
            let places: BTreeSet<String> = codes.iter().map(|code| format!("{}:{}", code.file, code.line)).collect();
            if places.len() > 1 {
                let message = format!(
                    "{} creators are called `{name}` ({}): give each a name of its own with #[file_creator(name = \"…\")]",
                    places.len(),
                    places.into_iter().collect::<Vec<_>>().join(", ")
                );
                found.extend(codes.iter().map(|code| (std::ptr::from_ref(*code) as usize, message.clone())));
            }
        }
        found
    });
    match ambiguous.get(&(std::ptr::from_ref(code) as usize)) {
        None => Ok(()),
        Some(message) => Err(Error::new(ErrorKind::InvalidInput, message.clone())),
    }
}
