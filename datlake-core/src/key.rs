//! The identity of a call.
//!
//! `BLAKE3-derive("datlake 2026-11-21 call key, format 1", creator name ‖ code hash ‖ part*)`. The creator name is its length
//! and UTF-8, the code hash 32 bytes. A part is one byte for its role, its name (length, UTF-8), and its content:
//!
//! | role | part | name | content |
//! |---|---|---|---|
//! | `01` | type parameter | its identifier | the type's name: length, UTF-8 |
//! | `02` | const parameter | its identifier | canonical value |
//! | `03` | argument, secret or not | its identifier | canonical value |
//! | `04` | `key(…)` | the expression | canonical value |
//!
//! Lengths are unsigned LEB128, as in [`canonical`](crate::canonical). Parts stand in the order in which they were given.
//! Everything is gathered in one buffer and hashed once; the buffer stays, without the secrets, for showing the parameters and
//! for finding the calls that returned them.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;
use serde_json::{Value, json};

use crate::canonical::{self, write_len};
use crate::code::Code;
use crate::derived::DerivedHash;
use crate::lineage::Param;
use crate::{CallKey, CodeHash, CreatorName, Digest, Error, ErrorKind, FileRef, Result};

/// A parameter with more canonical bytes is recorded by its size and digest alone.
pub(crate) const LARGE: usize = 16 * 1024;

/// Bytes of such parameters that the calls of a process hold together until they are looked up. One call may hold more, where no
/// other holds any; of what is more, the digest stays.
const HELD: usize = 64 << 20;

/// Gathers what makes up a call key.
///
/// Mistakes are kept: the first one is what [`finish`](KeyBuilder::finish) returns.
///
/// ```
/// use datlake_core::{Code, KeyBuilder};
///
/// static CODE: Code = Code {
///     package: "shop", package_version: "1.0.0", manifest_dir: "", module: "shop", name: "report", given_name: None,
///     file: "src/lib.rs", line: 1, blob: [0; 20], own: [1; 32], conditions: &[], embedded: &[], dependencies: &[], found: None,
///     lock: None, features: &[], cfg: &[],
/// };
/// let key = |year: u32| {
///     let mut builder = KeyBuilder::new(&CODE)?;
///     builder.arg("year", &year);
///     builder.finish()
/// };
/// assert_eq!(key(2024)?.key, key(2024)?.key);
/// assert_ne!(key(2024)?.key, key(2025)?.key);
/// # Ok::<(), datlake_core::Error>(())
/// ```
pub struct KeyBuilder {
    code: &'static Code,
    creator: CreatorName,
    code_hash: CodeHash,
    bytes: Vec<u8>,
    parts: Vec<Part>,
    inputs: Vec<(&'static str, FileRef)>,
    /// Reused from part to part.
    files: Vec<FileRef>,
    error: Option<Error>,
}

#[derive(Clone)]
struct Part {
    role: Role,
    name: &'static str,
    content: Content,
}

/// Where the content of a part is.
#[derive(Clone)]
enum Content {
    In(Range<usize>),
    /// It was this many bytes, of which the digest is left, for finding out which call returned it.
    Large(usize, Digest),
    Secret,
}

/// What the parts were made from, without secrets. Clones of a call share it.
struct Gathered {
    bytes: Vec<u8>,
    /// Bytes of large parts among them, which count among those that the process holds.
    large: usize,
}

static HELD_BYTES: AtomicUsize = AtomicUsize::new(0);

impl Gathered {
    /// Holds `large` bytes more than what is always held, if there is room.
    fn hold(mut bytes: Vec<u8>, large: usize) -> Result<Self, Vec<u8>> {
        if large > 0 {
            bytes.shrink_to_fit();
            let before = HELD_BYTES.fetch_add(large, Ordering::Relaxed);
            if before > 0 && before + large > HELD {
                HELD_BYTES.fetch_sub(large, Ordering::Relaxed);
                return Err(bytes);
            }
        }
        Ok(Self { bytes, large })
    }
}

impl Drop for Gathered {
    fn drop(&mut self) {
        if self.large > 0 {
            HELD_BYTES.fetch_sub(self.large, Ordering::Relaxed);
        }
    }
}

/// The canonical encoding of an argument, or what is left of it.
pub(crate) enum ArgumentBytes<'a> {
    Whole(&'a [u8]),
    Digest(Digest),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Type,
    Const,
    Argument,
    Secret,
    Extra,
}

impl Role {
    /// A secret counts like any argument, so that becoming one changes no key.
    fn byte(self) -> u8 {
        match self {
            Self::Type => 1,
            Self::Const => 2,
            Self::Argument | Self::Secret => 3,
            Self::Extra => 4,
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::Type => "type parameter",
            Self::Const => "const parameter",
            Self::Argument => "argument",
            Self::Secret => "secret argument",
            Self::Extra => "key expression",
        }
    }
}

impl KeyBuilder {
    /// A key for a call of the creator `code`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] where the creator's name is not well-formed.
    pub fn new(code: &'static Code) -> Result<Self> {
        let (creator, code_hash) = code.name_and_hash()?;
        let mut bytes = Vec::with_capacity(512);
        text(&mut bytes, creator.as_str());
        bytes.extend_from_slice(code_hash.as_bytes());
        let (parts, inputs, files) = (Vec::with_capacity(8), Vec::new(), Vec::new());
        Ok(Self { code, creator, code_hash, bytes, parts, inputs, files, error: None })
    }

    /// Adds a type parameter.
    pub fn type_param(&mut self, name: &'static str, type_name: &str) {
        let start = self.open(Role::Type, name);
        text(&mut self.bytes, type_name);
        self.close(Role::Type, name, start);
    }

    /// Adds a const parameter.
    pub fn const_param<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) {
        self.value(Role::Const, name, value);
    }

    /// Adds an argument.
    pub fn arg<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) {
        self.value(Role::Argument, name, value);
    }

    /// Adds an argument that counts, and of which nothing but the name is kept. It can hold no file: lineage would show it.
    pub fn secret<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) {
        self.value(Role::Secret, name, value);
    }

    /// Adds what an expression of `key(…)` gave.
    pub fn extra<T: Serialize + ?Sized>(&mut self, expression: &'static str, value: &T) {
        self.value(Role::Extra, expression, value);
    }

    /// The identity of the call.
    ///
    /// # Errors
    /// [`ErrorKind::Value`] where a part could not be serialized; the message names it.
    pub fn finish(self) -> Result<Identity> {
        static CONTEXT: DerivedHash = DerivedHash::new("datlake 2026-11-21 call key, format 1");
        let Self { code, creator, code_hash, mut bytes, mut parts, inputs, error, .. } = self;
        let key = CallKey::from_bytes(CONTEXT.hash(&bytes));
        forget_secrets(&mut bytes, &mut parts);
        if let Some(error) = error {
            return Err(error);
        }
        let large = parts.iter().map(Part::large).sum();
        let gathered = Gathered::hold(bytes, large).unwrap_or_else(|bytes| without_large(&bytes, &mut parts));
        Ok(Identity { creator, code, code_hash, key, gathered: Arc::new(gathered), parts, inputs })
    }

    fn open(&mut self, role: Role, name: &'static str) -> usize {
        self.bytes.push(role.byte());
        text(&mut self.bytes, name);
        self.bytes.len()
    }

    fn close(&mut self, role: Role, name: &'static str, start: usize) {
        self.parts.push(Part { role, name, content: Content::In(start..self.bytes.len()) });
    }

    fn value<T: Serialize + ?Sized>(&mut self, role: Role, name: &'static str, value: &T) {
        let start = self.open(role, name);
        let result = canonical::encode_into(value, &mut self.bytes, &mut self.files);
        self.close(role, name, start);
        match (result, role) {
            // What went wrong may quote the value.
            (Err(_), Role::Secret) => {
                self.fail(role, name, "it does not serialize (why is not said, for it is secret)", None)
            }
            (Err(error), _) => self.fail(role, name, "it does not serialize", Some(error)),
            (Ok(()), Role::Secret) if !self.files.is_empty() => {
                self.fail(role, name, "a secret can hold no file, which lineage would have to show", None);
            }
            (Ok(()), _) => self.inputs.extend(self.files.drain(..).map(|file| (name, file))),
        }
        self.files.clear();
    }

    fn fail(&mut self, role: Role, name: &str, why: &str, source: Option<Error>) {
        if self.error.is_some() {
            return;
        }
        let message = format!("{} `{name}` of {} cannot be part of a call's key: {why}", role.noun(), self.creator);
        let error = Error::new(ErrorKind::Value, message);
        self.error = Some(match source {
            Some(source) => error.because(source),
            None => error,
        });
    }
}

impl Part {
    /// How many bytes it holds that are too many to be shown.
    fn large(&self) -> usize {
        match &self.content {
            Content::In(content) if content.len() > LARGE => content.len(),
            _ => 0,
        }
    }
}

/// Takes secrets out of `bytes`, and with them how long they were.
fn forget_secrets(bytes: &mut Vec<u8>, parts: &mut [Part]) {
    let mut removed = 0;
    for part in parts {
        let Content::In(content) = &mut part.content else { continue };
        *content = content.start - removed..content.end - removed;
        if part.role == Role::Secret {
            let content = content.clone();
            bytes[content.clone()].fill(0);
            // Keeps the zeroing from being optimised away before the bytes are dropped.
            std::hint::black_box(&mut *bytes);
            removed += content.len();
            bytes.drain(content);
            part.content = Content::Secret;
        }
    }
}

/// What `bytes` holds of `parts`, but for those that are too large to be shown, of which the digests are left.
fn without_large(bytes: &[u8], parts: &mut [Part]) -> Gathered {
    let mut small = Vec::new();
    for part in parts {
        let Content::In(content) = &part.content else { continue };
        let content = &bytes[content.clone()];
        part.content = match content.len() {
            large if large > LARGE => Content::Large(large, canonical::digest(content)),
            length => {
                small.extend_from_slice(content);
                Content::In(small.len() - length..small.len())
            }
        };
    }
    Gathered { bytes: small, large: 0 }
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    write_len(bytes, text.len());
    bytes.extend_from_slice(text.as_bytes());
}

/// Which call it is: the key, and what it was made from, without the secrets.
#[derive(Clone)]
pub struct Identity {
    /// The creator.
    pub creator: CreatorName,
    /// Its code.
    pub code: &'static Code,
    /// The hash of its code with all dependencies.
    pub code_hash: CodeHash,
    /// The key of the call.
    pub key: CallKey,
    gathered: Arc<Gathered>,
    parts: Vec<Part>,
    inputs: Vec<(&'static str, FileRef)>,
}

impl Identity {
    /// The files among the arguments, each with the name of its argument: arguments in order, files in canonical order.
    pub fn inputs(&self) -> &[(&'static str, FileRef)] {
        &self.inputs
    }

    /// The arguments in order. Of a secret only the name; of a value over 16 KiB `{"$large": {"bytes": n, "digest": d}}`, of one that
    /// is nested too deeply to show `$deep` with the same.
    pub fn params(&self) -> Vec<Param> {
        self.parts_of(&[Role::Argument, Role::Secret]).map(|part| self.show(part)).collect()
    }

    /// What the expressions of `key(…)` gave, each under the expression's text.
    pub fn extras(&self) -> Vec<Param> {
        self.parts_of(&[Role::Extra]).map(|part| self.show(part)).collect()
    }

    /// Type and const parameters as `(name, value)`.
    pub fn generics(&self) -> Vec<(String, String)> {
        let shown = |part: &Part| match (part.role, &part.content) {
            (Role::Type, Content::In(content)) => {
                canonical::Cursor::new(&self.gathered.bytes[content.clone()]).text().unwrap_or_default().to_owned()
            }
            _ => self.show(part).value.to_string(),
        };
        self.parts_of(&[Role::Type, Role::Const]).map(|part| (part.name.to_owned(), shown(part))).collect()
    }

    /// The arguments and values of `key(…)`, without secrets.
    pub(crate) fn contents(&self) -> impl Iterator<Item = (&'static str, ArgumentBytes<'_>)> {
        self.parts_of(&[Role::Argument, Role::Extra]).filter_map(|part| {
            let bytes = match &part.content {
                Content::In(content) => ArgumentBytes::Whole(&self.gathered.bytes[content.clone()]),
                Content::Large(_, digest) => ArgumentBytes::Digest(*digest),
                Content::Secret => return None,
            };
            Some((part.name, bytes))
        })
    }

    /// Lets go of what is held of large arguments; of each its digest is left, which its record keeps.
    pub fn release(&mut self) {
        if self.gathered.large > 0 {
            self.gathered = Arc::new(without_large(&self.gathered.bytes, &mut self.parts));
        }
    }

    fn parts_of(&self, roles: &'static [Role]) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| roles.contains(&part.role))
    }

    fn show(&self, part: &Part) -> Param {
        let value = match &part.content {
            Content::In(content) if content.len() > LARGE => {
                let digest = canonical::digest(&self.gathered.bytes[content.clone()]);
                json!({ "$large": { "bytes": content.len(), "digest": digest } })
            }
            Content::In(content) => canonical::to_json(&self.gathered.bytes[content.clone()]).unwrap_or_else(|_| {
                let digest = canonical::digest(&self.gathered.bytes[content.clone()]);
                json!({ "$deep": { "bytes": content.len(), "digest": digest } })
            }),
            Content::Large(length, digest) => json!({ "$large": { "bytes": length, "digest": digest } }),
            Content::Secret => Value::Null,
        };
        Param { name: part.name.to_owned(), value, secret: part.role == Role::Secret }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.parts.iter().map(|part| part.name).collect();
        f.debug_struct("Identity")
            .field("creator", &self.creator)
            .field("key", &self.key)
            .field("code_hash", &self.code_hash)
            .field("parts", &names)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for KeyBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyBuilder").field("creator", &self.creator).finish_non_exhaustive()
    }
}

impl CallKey {
    /// The key under which a call is looked up, and kept, when the record under this key does not apply to it.
    #[must_use]
    pub fn successor(&self, record: &Digest) -> Self {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(self.as_bytes());
        bytes[32..].copy_from_slice(record.as_bytes());
        Self::from_bytes(blake3::derive_key("datlake 2026-11-21 successor of a call key, format 1", &bytes))
    }
}

#[cfg(test)]
pub(crate) mod tests;
