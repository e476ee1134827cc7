//! Names as numbers.
//!
//! The words and punctuation that the scanner asks for have fixed numbers, keywords first, so that a token is compared by one
//! integer. Other names get theirs in the order in which they are read; no number outlives its [`Symbols`].

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Sym(pub(crate) u32);

macro_rules! fixed {
    ($($name:ident $text:literal)*) => {
        #[expect(non_camel_case_types, clippy::upper_case_acronyms)]
        enum Fixed { $($name),* }
        $(
            #[allow(dead_code, reason = "a keyword has a number whether or not the scanner asks for it")]
            pub(crate) const $name: Sym = Sym(Fixed::$name as u32);
        )*
        const TEXTS: &[&str] = &[$($text),*];
    };
}

fixed! {
    AS "as" ASYNC "async" AWAIT "await" BREAK "break" CONST "const" CONTINUE "continue" CRATE "crate" DYN "dyn" ELSE "else"
    ENUM "enum" EXTERN "extern" FALSE "false" FN "fn" FOR "for" IF "if" IMPL "impl" IN "in" LET "let" LOOP "loop"
    MATCH "match" MOD "mod" MOVE "move" MUT "mut" PUB "pub" REF "ref" RETURN "return" SELF "self" SELF_TYPE "Self"
    STATIC "static" STRUCT "struct" SUPER "super" TRAIT "trait" TRUE "true" TYPE "type" UNSAFE "unsafe" USE "use"
    WHERE "where" WHILE "while" UNDERSCORE "_"
    AUTO "auto" DEFAULT "default" MACRO "macro" MACRO_RULES "macro_rules" SAFE "safe" UNION "union"
    CFG "cfg" CFG_ATTR "cfg_attr" COLUMN "column" CONCAT "concat" DERIVE "derive" DOC "doc" ENV "env" EXPORT_NAME "export_name" FILE "file"
    INCLUDE "include" INCLUDE_BYTES "include_bytes" INCLUDE_STR "include_str" LINE "line" MACRO_EXPORT "macro_export"
    MACRO_USE "macro_use" NO_MANGLE "no_mangle" OPTION_ENV "option_env" PATH "path" TEST "test"
    THREAD_LOCAL "thread_local" DOLLAR_CRATE "$crate"
    HASH "#" BANG "!" SEMI ";" COMMA "," COLON ":" PATH_SEP "::" DOT "." EQ "=" FAT_ARROW "=>" ARROW "->" LT "<" GT ">"
    SHL "<<" SHR ">>" GE ">=" SHR_EQ ">>=" OR "|" OR_OR "||" AND_AND "&&" AND "&" DOLLAR "$"
    PLUS "+" STAR "*" QUESTION "?"
}

const LAST_KEYWORD: Sym = UNDERSCORE;

impl Sym {
    /// Numbers from here on belong to no name.
    pub(crate) const NAMES_END: Self = Self(u32::MAX - 0x100);
    pub(crate) const NONE: Self = Self(u32::MAX);

    /// Whether no item can have this name.
    pub(crate) fn is_keyword(self) -> bool {
        self <= LAST_KEYWORD
    }
}

/// All names of one scan.
///
/// Every word of the sources is looked up here, and users' macros are compiled without optimisation, where each look into a `HashMap` is
/// dozens of calls. This table of numbers is never more than half full.
pub(crate) struct Symbols {
    texts: Vec<Box<str>>,
    /// Where a text's hash says, or behind that: the number, or [`Sym::NONE`]. As many as a power of two.
    slots: Box<[Sym]>,
    /// Of texts of one byte, once they were asked for.
    bytes: [Option<Sym>; 128],
}

impl Symbols {
    pub(crate) fn new() -> Self {
        let mut symbols = Self { texts: Vec::new(), slots: vec![Sym::NONE; 1024].into(), bytes: [None; 128] };
        for text in TEXTS {
            symbols.of(text);
        }
        symbols
    }

    pub(crate) fn of(&mut self, text: &str) -> Sym {
        let slot = self.slot(text);
        let found = self.slots[slot];
        if found.0 != Sym::NONE.0 {
            return found;
        }
        let sym = Sym(u32::try_from(self.texts.len()).unwrap_or(u32::MAX));
        self.texts.push(text.into());
        self.slots[slot] = sym;
        if 2 * self.texts.len() > self.slots.len() {
            self.grow();
        }
        sym
    }

    /// Where a text's number is, or has its place.
    fn slot(&self, text: &str) -> usize {
        let (bytes, mut at, mut hash) = (text.as_bytes(), 0, 0_u64);
        while at < bytes.len() {
            hash = (hash ^ bytes[at] as u64).wrapping_mul(0x51_7c_c1_b7_27_22_0a_95);
            at += 1;
        }
        let last = self.slots.len() - 1;
        let mut slot = (hash ^ hash >> 32) as usize & last;
        loop {
            let sym = self.slots[slot].0;
            if sym == Sym::NONE.0 || *self.texts[sym as usize] == *text {
                return slot;
            }
            slot = (slot + 1) & last;
        }
    }

    fn grow(&mut self) {
        self.slots = vec![Sym::NONE; 2 * self.slots.len()].into();
        for number in 0..self.texts.len() {
            let slot = self.slot(&self.texts[number]);
            self.slots[slot] = Sym(number as u32);
        }
    }

    /// The number of an ASCII character.
    pub(crate) fn of_byte(&mut self, byte: u8) -> Sym {
        if let Some(known) = self.bytes[byte as usize & 127] {
            return known;
        }
        let sym = self.of(char::from(byte & 127).encode_utf8(&mut [0; 4]));
        self.bytes[byte as usize & 127] = Some(sym);
        sym
    }

    /// The number of a name that some source has.
    pub(crate) fn get(&self, text: &str) -> Option<Sym> {
        Some(self.slots[self.slot(text)]).filter(|found| *found != Sym::NONE)
    }

    pub(crate) fn text(&self, sym: Sym) -> &str {
        self.texts.get(sym.0 as usize).map_or("", |text| text)
    }
}

pub(crate) type Map<K, V> = HashMap<K, V, BuildHasherDefault<Quick>>;
pub(crate) type Set<K> = std::collections::HashSet<K, BuildHasherDefault<Quick>>;

/// A multiplicative hash: keys are small numbers and identifiers, never chosen by an adversary.
#[derive(Default)]
pub(crate) struct Quick(u64);

impl Quick {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x51_7c_c1_b7_27_22_0a_95);
    }
}

impl Hasher for Quick {
    fn write(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some((word, behind)) = rest.split_first_chunk() {
            self.add(u64::from_le_bytes(*word));
            rest = behind;
        }
        let mut word = 0;
        let mut at = 0;
        while at < rest.len() {
            word = word << 8 | u64::from(rest[at]);
            at += 1;
        }
        self.add(word);
    }

    fn write_u8(&mut self, n: u8) {
        self.add(u64::from(n));
    }

    fn write_u32(&mut self, n: u32) {
        self.add(u64::from(n));
    }

    fn write_usize(&mut self, n: usize) {
        self.add(n as u64);
    }

    fn finish(&self) -> u64 {
        self.0.rotate_left(26)
    }
}
