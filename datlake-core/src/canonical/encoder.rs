//! The one serializer that writes the canonical encoding.

use std::any::type_name;
use std::fmt::{self, Display};

use serde::ser::{
    self, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::buffer::{Encoder, write_len};
use super::sorted::Entries;
use super::{order, tag};
use crate::FileRef;
use crate::file_ref::{Counting, FILE_TOKEN, Nested, Noting};

/// Why a value cannot be encoded: what its own `Serialize` said.
#[derive(Debug)]
pub(super) struct EncodeError(String);

impl Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EncodeError {}

impl ser::Error for EncodeError {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

type Result<T = ()> = std::result::Result<T, EncodeError>;

/// The note that belongs to a file which comes as `shown`.
fn noted<T: Serialize + ?Sized>(shown: &T) -> Result<FileRef> {
    if let Some(file) = Noting::take_only() {
        return Ok(file);
    }
    let shown = fields_of(shown)?;
    Noting::take(|file| {
        [fields_of(&Nested(file)), fields_of(&Counting(file))]
            .iter()
            .any(|form| form.as_ref().is_ok_and(|f| *f == shown))
    })
    .ok_or_else(|| EncodeError("a file was serialized earlier, or by something else than this value".into()))
}

/// Encodes a form of a file without looking for files in it.
fn fields_of<T: Serialize + ?Sized>(form: &T) -> Result<Vec<u8>> {
    let (mut bytes, mut files) = (Vec::new(), Vec::new());
    let mut encoder = Encoder::new(&mut bytes, &mut files);
    encoder.finds_files = false;
    encoder.value(form)?;
    Ok(bytes)
}

impl Encoder<'_> {
    /// Encodes `value`. Every value passes here: its type says what a map that its `Serialize` writes is.
    #[inline]
    pub(super) fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
        self.type_name = type_name::<T>;
        value.serialize(self)
    }
}

macro_rules! integers {
    ($write:ident: $($method:ident: $type:ty),*) => {$(
        fn $method(self, value: $type) -> Result {
            self.$write(value.into());
            Ok(())
        }
    )*};
}

impl<'e, 'a> Serializer for &'e mut Encoder<'a> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Counted<'e, 'a>;
    type SerializeTuple = Counted<'e, 'a>;
    type SerializeTupleStruct = Counted<'e, 'a>;
    type SerializeTupleVariant = Counted<'e, 'a>;
    type SerializeMap = Map<'e, 'a>;
    type SerializeStruct = Counted<'e, 'a>;
    type SerializeStructVariant = Counted<'e, 'a>;

    fn is_human_readable(&self) -> bool {
        false
    }

    integers!(integer: serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64);
    integers!(integer: serialize_u8: u8, serialize_u16: u16, serialize_u32: u32);
    integers!(wide_integer: serialize_u64: u64, serialize_i128: i128);

    fn serialize_u128(self, value: u128) -> Result {
        match i128::try_from(value) {
            Ok(value) => self.wide_integer(value),
            Err(_) => {
                self.bytes.extend_from_slice(&[tag::INT, 17]);
                self.bytes.extend_from_slice(&value.to_le_bytes());
                self.bytes.push(0);
            }
        }
        Ok(())
    }

    fn serialize_bool(self, value: bool) -> Result {
        self.tag(if value { tag::TRUE } else { tag::FALSE });
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result {
        let bits = if value.is_nan() { 0x7fc0_0000 } else { value.to_bits() };
        self.tag(tag::F32);
        self.bytes.extend_from_slice(&bits.to_le_bytes());
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Result {
        let bits = if value.is_nan() { 0x7ff8_0000_0000_0000 } else { value.to_bits() };
        self.tag(tag::F64);
        self.bytes.extend_from_slice(&bits.to_le_bytes());
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result {
        self.tag(tag::CHAR);
        self.bytes.extend_from_slice(&u32::from(value).to_le_bytes());
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Result {
        self.tag(tag::STR);
        self.text(value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result {
        self.tag(tag::BYTES);
        write_len(self.bytes, value.len());
        self.bytes.extend_from_slice(value);
        Ok(())
    }

    fn serialize_none(self) -> Result {
        self.tag(tag::NONE);
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result {
        self.tag(tag::SOME);
        self.value(value)
    }

    fn serialize_unit(self) -> Result {
        self.tag(tag::UNIT);
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result {
        self.serialize_unit()
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result {
        if name == FILE_TOKEN && self.finds_files {
            self.file(noted(value)?);
            return Ok(());
        }
        self.value(value)
    }

    fn serialize_unit_variant(self, _name: &'static str, _index: u32, variant: &'static str) -> Result {
        self.tag(tag::UNIT_VARIANT);
        self.text(variant);
        Ok(())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result {
        self.tag(tag::NEWTYPE_VARIANT);
        self.text(variant);
        self.value(value)
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Counted<'e, 'a>> {
        Ok(Counted::start(self, tag::SEQ))
    }

    fn serialize_tuple(self, _length: usize) -> Result<Counted<'e, 'a>> {
        Ok(Counted::start(self, tag::TUPLE))
    }

    fn serialize_tuple_struct(self, _name: &'static str, _length: usize) -> Result<Counted<'e, 'a>> {
        Ok(Counted::start(self, tag::TUPLE))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Counted<'e, 'a>> {
        Ok(Counted::start_variant(self, tag::TUPLE_VARIANT, variant))
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Map<'e, 'a>> {
        // Derived code alone gives no length: for a struct that takes in the entries of a map, whatever map that is.
        let ordered = length.is_some() && order::is_ordered_map((self.type_name)());
        Ok(Map::start(self, length, ordered))
    }

    fn serialize_struct(self, _name: &'static str, _length: usize) -> Result<Counted<'e, 'a>> {
        Ok(Counted::start(self, tag::STRUCT))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Counted<'e, 'a>> {
        Ok(Counted::start_variant(self, tag::STRUCT_VARIANT, variant))
    }

    fn collect_seq<I>(self, items: I) -> Result
    where
        I: IntoIterator,
        I::Item: Serialize,
    {
        let unordered = order::is_unordered(type_name::<I>());
        let items = items.into_iter();
        if !unordered {
            let mut elements = Counted::start(self, tag::SEQ);
            for item in items {
                elements.value(&item)?;
            }
            return elements.finish();
        }
        let mut elements = Entries::start(self, items.size_hint().1);
        for item in items {
            self.value(&item)?;
            elements.close_entry(self);
        }
        elements.finish(self, tag::SET);
        Ok(())
    }

    fn collect_map<K, V, I>(self, entries: I) -> Result
    where
        K: Serialize,
        V: Serialize,
        I: IntoIterator<Item = (K, V)>,
    {
        let ordered = order::is_ordered_map((self.type_name)()) && order::is_ordered_iterator(type_name::<I>());
        let entries = entries.into_iter();
        let mut map = Map::start(self, entries.size_hint().1, ordered);
        for (key, value) in entries {
            map.serialize_entry(&key, &value)?;
        }
        map.end()
    }
}

/// Values or fields that stand in the order in which they come, and are counted at the end.
pub(super) struct Counted<'e, 'a> {
    encoder: &'e mut Encoder<'a>,
    count: usize,
}

impl<'e, 'a> Counted<'e, 'a> {
    fn start(encoder: &'e mut Encoder<'a>, tag: u8) -> Self {
        encoder.tag(tag);
        Self { encoder, count: 0 }
    }

    fn start_variant(encoder: &'e mut Encoder<'a>, tag: u8, variant: &str) -> Self {
        encoder.tag(tag);
        encoder.text(variant);
        Self { encoder, count: 0 }
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
        self.count += 1;
        self.encoder.value(value)
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result {
        self.encoder.tag(tag::FIELD);
        self.encoder.text(name);
        self.value(value)
    }

    fn finish(self) -> Result {
        self.encoder.end(self.count);
        Ok(())
    }
}

macro_rules! counted_values {
    ($($trait:ident: $method:ident),*) => {$(
        impl $trait for Counted<'_, '_> {
            type Ok = ();
            type Error = EncodeError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
                self.value(value)
            }

            fn end(self) -> Result {
                self.finish()
            }
        }
    )*};
}
counted_values!(
    SerializeSeq: serialize_element,
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field,
    SerializeTupleVariant: serialize_field
);

macro_rules! counted_fields {
    ($($trait:ident),*) => {$(
        impl $trait for Counted<'_, '_> {
            type Ok = ();
            type Error = EncodeError;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result {
                self.field(name, value)
            }

            fn end(self) -> Result {
                self.finish()
            }
        }
    )*};
}
counted_fields!(SerializeStruct, SerializeStructVariant);

/// The entries of a map.
pub(super) struct Map<'e, 'a> {
    encoder: &'e mut Encoder<'a>,
    entries: Entries,
    /// Whether the order counts, as far as is known yet.
    ordered: bool,
    has_key: bool,
}

impl<'e, 'a> Map<'e, 'a> {
    fn start(encoder: &'e mut Encoder<'a>, length: Option<usize>, ordered: bool) -> Self {
        let entries = Entries::start(encoder, length);
        Self { encoder, entries, ordered, has_key: false }
    }
}

impl SerializeMap for Map<'_, '_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result {
        if self.has_key {
            return Err(EncodeError("a key of a map has no value".into()));
        }
        self.has_key = true;
        self.ordered &= !order::is_key_of_unknown_map(type_name::<T>());
        self.encoder.value(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
        if !self.has_key {
            return Err(EncodeError("a value of a map has no key".into()));
        }
        self.has_key = false;
        self.encoder.value(value)?;
        self.entries.close_entry(self.encoder);
        Ok(())
    }

    fn end(self) -> Result {
        if self.has_key {
            return Err(EncodeError("a key of a map has no value".into()));
        }
        match self.ordered {
            true => self.entries.finish_ordered(self.encoder, tag::ORDERED_MAP),
            false => self.entries.finish(self.encoder, tag::MAP),
        }
        Ok(())
    }
}
