//! From arguments to a call that knows its key, its lake and its outputs' names.

use std::any::type_name;

use datlake_core::{Code, Error, ErrorKind, Identity, KeyBuilder, Resources, Result, Uid};
use serde::Serialize;

use super::type_names::{check_distinct, in_keys};
use datlake_lake::Lake;
use datlake_lake::scope::seen_lakes;

/// Gathers what identifies a call. Errors are kept for the moment the call is used.
#[derive(Debug)]
pub struct Key {
    builder: Result<KeyBuilder>,
    code: &'static Code,
    lake: Option<Lake>,
    error: Option<Error>,
    names: Option<Vec<String>>,
    on_change: OnChange,
    resources: &'static Resources,
}

/// What becomes of a name that leads to something else than the call makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnChange {
    /// It stays, and that is an error.
    Refuse,
    /// What it leads to is good enough.
    Keep,
    /// It is led to what the call makes.
    Replace,
}

/// An identified call.
#[derive(Clone, Debug)]
pub(crate) struct CallTarget {
    pub(crate) identity: Identity,
    /// The lake of the files among its arguments.
    pub(crate) lake: Option<Lake>,
    /// The UIDs its caller chose for its outputs.
    pub(crate) names: Option<Vec<Uid>>,
    /// What becomes of them where they lead to something else.
    pub(crate) on_change: OnChange,
    /// What its body needs, of which the key knows nothing.
    pub(crate) resources: &'static Resources,
}

impl Key {
    /// Starts the key of a call of `code`.
    pub fn new(code: &'static Code) -> Self {
        Self {
            builder: KeyBuilder::new(code),
            code,
            lake: None,
            error: None,
            names: None,
            on_change: OnChange::Refuse,
            resources: &Resources::NOTHING,
        }
    }

    /// A type parameter.
    pub fn type_param<T: ?Sized>(&mut self, name: &'static str) {
        if let Ok(builder) = &mut self.builder {
            builder.type_param(name, &in_keys(type_name::<T>()));
        }
        if let Err(error) = check_distinct::<T>(name, self.code) {
            self.error.get_or_insert(error);
        }
    }

    /// A const parameter.
    pub fn const_param<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) {
        if let Ok(builder) = &mut self.builder {
            builder.const_param(name, value);
        }
    }

    /// An argument.
    pub fn arg<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) {
        self.serialize(name, |builder| builder.arg(name, value));
    }

    /// An argument that is in the key and nowhere else.
    pub fn secret<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) {
        self.serialize(name, |builder| builder.secret(name, value));
    }

    /// The value of an expression of `key(…)`.
    pub fn extra<T: Serialize + ?Sized>(&mut self, expression: &'static str, value: &T) {
        self.serialize(expression, |builder| builder.extra(expression, value));
    }

    /// The UID of the only output.
    pub fn output_uid<T: OutputUid + ?Sized>(&mut self, uid: &T) {
        self.names = Some(vec![uid.uid().to_owned()]);
    }

    /// The UIDs of the outputs.
    pub fn output_uids<T: OutputUids + ?Sized>(&mut self, uids: &T) {
        self.names = Some(uids.uids().into_iter().map(str::to_owned).collect());
    }

    /// An output that exists already is good enough.
    pub fn keep(&mut self) {
        self.on_change = OnChange::Keep;
    }

    /// An output that exists already becomes an earlier version.
    pub fn replace(&mut self) {
        self.on_change = OnChange::Replace;
    }

    /// What the body needs of its machine.
    pub fn resources(&mut self, resources: &'static Resources) {
        self.resources = resources;
    }

    fn serialize(&mut self, name: &str, write: impl FnOnce(&mut KeyBuilder)) {
        let Ok(builder) = &mut self.builder else { return };
        let ((), seen) = seen_lakes(self.lake.take(), || write(builder));
        self.lake = seen.lake;
        if seen.mixed && self.error.is_none() {
            let message =
                format!("argument `{name}` of `{}` holds a file of another lake than an earlier one", self.code.item());
            let hint = "lakes never mix: add the file to the other lake";
            self.error = Some(Error::new(ErrorKind::Context, message).with_hint(hint));
        }
    }

    pub(crate) fn code(&self) -> &'static Code {
        self.code
    }

    pub(crate) fn finish(self) -> Result<CallTarget> {
        let Self { builder, code, lake, error, names, on_change, resources } = self;
        crate::creators::check_unique(code)?;
        let identity = builder?.finish()?;
        if let Some(error) = error {
            return Err(error);
        }
        let mut chosen = None;
        if let Some(names) = names {
            let mut uids = Vec::with_capacity(names.len());
            for name in &names {
                let uid = Uid::chosen(name)?;
                if uids.contains(&uid) {
                    let message = format!("`{}` is to make `{uid}` twice", identity.creator);
                    return Err(Error::new(ErrorKind::InvalidInput, message));
                }
                uids.push(uid);
            }
            chosen = Some(uids);
        }
        Ok(CallTarget { identity, lake, names: chosen, on_change, resources })
    }
}

/// What may be called `output_uid`.
#[diagnostic::on_unimplemented(
    message = "`output_uid` cannot be `{Self}`",
    label = "the UID of an output is text: `&str` or `String`"
)]
pub trait OutputUid {
    /// The UID.
    fn uid(&self) -> &str;
}

impl OutputUid for str {
    fn uid(&self) -> &str {
        self
    }
}

impl OutputUid for String {
    fn uid(&self) -> &str {
        self
    }
}

impl<T: OutputUid + ?Sized> OutputUid for &T {
    fn uid(&self) -> &str {
        (**self).uid()
    }
}

impl<T: OutputUid + ToOwned + ?Sized> OutputUid for std::borrow::Cow<'_, T> {
    fn uid(&self) -> &str {
        self.as_ref().uid()
    }
}

/// What may be called `output_uids`.
#[diagnostic::on_unimplemented(
    message = "`output_uids` cannot be `{Self}`",
    label = "the UIDs of outputs are texts: `&[&str]` or `Vec<String>`"
)]
pub trait OutputUids {
    /// The UIDs.
    fn uids(&self) -> Vec<&str>;
}

impl<T: OutputUid> OutputUids for [T] {
    fn uids(&self) -> Vec<&str> {
        self.iter().map(OutputUid::uid).collect()
    }
}

impl<T: OutputUid, const N: usize> OutputUids for [T; N] {
    fn uids(&self) -> Vec<&str> {
        self.as_slice().uids()
    }
}

impl<T: OutputUid> OutputUids for Vec<T> {
    fn uids(&self) -> Vec<&str> {
        self.as_slice().uids()
    }
}

impl<T: OutputUids + ?Sized> OutputUids for &T {
    fn uids(&self) -> Vec<&str> {
        (**self).uids()
    }
}
