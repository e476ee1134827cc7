//! Impls of std's traits that nothing but what is written uses: operators, formats of numbers, iterating from the end.
//!
//! The standard library calls `-` or `{:x}` of no type of ours by itself: only tokens do. Other people's code can, where what is
//! reached names their crates or hands them tokens: then such an impl counts with its types, as all others do.

use crate::index::{CrateId, Index, Meaning, ModId};
use crate::lex;
use crate::resolve::Resolver;
use crate::symbol::{Map, Set, Sym};
use crate::text::Text;

/// Crates that neither calculate with what they are given, nor print it as a number, nor iterate from its end.
const QUIET: [&str; 12] =
    ["_", "alloc", "anyhow", "core", "log", "proc_macro", "serde", "serde_json", "std", "test", "thiserror", "tracing"];

/// Traits, and the tokens without which nothing calls them, but for their own names.
const TRAITS: [(&str, &[&str]); 26] = [
    ("ops::Add", &["+", "add"]),
    ("ops::AddAssign", &["+=", "add_assign"]),
    ("ops::Sub", &["-", "sub"]),
    ("ops::SubAssign", &["-=", "sub_assign"]),
    ("ops::Mul", &["*", "mul"]),
    ("ops::MulAssign", &["*=", "mul_assign"]),
    ("ops::Div", &["/", "div"]),
    ("ops::DivAssign", &["/=", "div_assign"]),
    ("ops::Rem", &["%", "rem"]),
    ("ops::RemAssign", &["%=", "rem_assign"]),
    ("ops::BitXor", &["^", "bitxor"]),
    ("ops::BitXorAssign", &["^=", "bitxor_assign"]),
    ("ops::BitAndAssign", &["&=", "bitand_assign"]),
    ("ops::BitOrAssign", &["|=", "bitor_assign"]),
    ("ops::Shl", &["<<", "shl"]),
    ("ops::ShlAssign", &["<<=", "shl_assign"]),
    ("ops::Shr", &[">>", "shr"]),
    ("ops::ShrAssign", &[">>=", "shr_assign"]),
    ("iter::DoubleEndedIterator", &["rev", "rfind", "rfold", "try_rfold", "rposition", "nth_back", "next_back"]),
    ("fmt::LowerHex", FORMAT),
    ("fmt::UpperHex", FORMAT),
    ("fmt::Octal", FORMAT),
    ("fmt::Binary", FORMAT),
    ("fmt::LowerExp", FORMAT),
    ("fmt::UpperExp", FORMAT),
    ("fmt::Pointer", FORMAT),
];

/// What makes a format string of something that is not written as one.
const FORMAT: &[&str] = &["concat", "stringify", "include", "include_str", "env", "option_env"];

/// How a format string asks for these.
const LETTERS: [(char, &str); 7] = [
    ('x', "fmt::LowerHex"),
    ('X', "fmt::UpperHex"),
    ('o', "fmt::Octal"),
    ('b', "fmt::Binary"),
    ('e', "fmt::LowerExp"),
    ('E', "fmt::UpperExp"),
    ('p', "fmt::Pointer"),
];

/// The bit of a trait, by its path below std.
fn bit(path: &str) -> u64 {
    TRAITS.iter().position(|(name, _)| *name == path).map_or(0, |at| 1 << at)
}

/// The bit of a trait, by what its name in an impl's head means; 0 of one that is not here.
pub(crate) fn bit_of(index: &Index, path: &[Sym], targets: impl Iterator<Item = Meaning>, is_prelude: bool) -> u64 {
    let mut found = 0;
    for target in targets {
        let Meaning::Extern(name) = target else { return 0 };
        let name = index.name(name);
        let of_std = name.split_once("::").filter(|(of, _)| matches!(*of, "std" | "core"));
        // Where a `cfg` decides, it can be another's.
        match of_std.map_or(0, |(_, path)| bit(path)) {
            0 => return 0,
            bit => found |= bit,
        }
    }
    match path {
        [name] if is_prelude && index.name(*name) == "DoubleEndedIterator" => bit("iter::DoubleEndedIterator"),
        _ => found,
    }
}

/// What asks for the traits of which there are impls.
#[derive(Default)]
pub(crate) struct Asking {
    tokens: Map<Sym, u64>,
    letters: Vec<(char, u64)>,
    /// Modules with imports of all that a crate has that is none of ours.
    pub(crate) open_modules: Set<ModId>,
    /// Crates whose macros come from others without a name.
    pub(crate) open_crates: Set<CrateId>,
}

impl Asking {
    pub(crate) fn of(index: &Index, resolver: &Resolver, bits: u64) -> Self {
        let mut found = Self::default();
        if bits == 0 {
            return found;
        }
        let symbols = index.symbols();
        for (at, (path, tokens)) in TRAITS.iter().enumerate().filter(|(at, _)| bits & (1 << at) != 0) {
            let name = path.rsplit("::").next();
            for sym in tokens.iter().copied().chain(name).filter_map(|token| symbols.get(token)) {
                *found.tokens.entry(sym).or_default() |= 1 << at;
            }
        }
        drop(symbols);
        found.letters = LETTERS.map(|(letter, path)| (letter, bit(path))).into_iter().collect();
        let modules = (0..index.modules.len() as u32).map(ModId);
        let is_open = |module: &ModId| {
            let globs = index[*module].globs.iter();
            globs
                .flat_map(|glob| resolver.import(index, *module, &glob.path).found)
                .any(|target| !is_quiet(index, target))
        };
        found.open_modules = modules.filter(is_open).collect();
        let crates = (0..index.crates.len() as u32).map(CrateId);
        found.open_crates = crates.filter(|krate| !index[*krate].macro_use.is_empty()).collect();
        found
    }

    /// The traits for which tokens ask.
    pub(crate) fn asked_in(&self, text: &Text, (from, to): (usize, usize)) -> u64 {
        let mut asked = 0;
        if self.tokens.is_empty() {
            return asked;
        }
        for at in from..to {
            match text.kind(at) {
                Some(lex::Kind::Str) => {
                    asked |= text.string(at).map_or(0, |content| self.asked_by(content));
                }
                Some(_) => asked |= text.sym(at).and_then(|sym| self.tokens.get(&sym)).copied().unwrap_or(0),
                None => break,
            }
        }
        asked
    }

    /// `{:x}`, or what another string can complete to that.
    fn asked_by(&self, content: &str) -> u64 {
        let ends = content.split('}').map(|part| part.trim_end().chars().next_back());
        let letters = ends.flatten().filter_map(|end| self.letters.iter().find(|(letter, _)| *letter == end));
        letters.fold(0, |asked, (_, bit)| asked | bit)
    }

    /// The traits in a path of others' code.
    pub(crate) fn named_in(&self, index: &Index, path: &str) -> u64 {
        if self.tokens.is_empty() {
            return 0;
        }
        let symbols = index.symbols();
        let named = path.split("::").filter_map(|part| self.tokens.get(&symbols.get(part)?));
        named.fold(0, |asked, bit| asked | bit)
    }
}

pub(crate) fn is_quiet(index: &Index, target: Meaning) -> bool {
    match target {
        Meaning::Extern(path) => is_quiet_path(&index.name(path)),
        Meaning::Whole(_) => false,
        _ => true,
    }
}

pub(crate) fn is_quiet_path(path: &str) -> bool {
    QUIET.contains(&path.split("::").next().unwrap_or(path))
}
