//! The serializer that writes down what a value is made of.

use std::fmt::{self, Display};

use serde::ser::{
    self, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::shape::{ValueShape, VariantShape};
use crate::FILE_TOKEN;

/// Names and types in one shape; a value with more is not shown.
const MOST: usize = 1000;
/// How deep it is nested.
const DEEPEST: usize = 40;

pub(super) fn trace<T: Serialize + ?Sized>(value: &T) -> Option<ValueShape> {
    let mut shape = None;
    let mut left = MOST;
    value.serialize(Tracer { shape: &mut shape, depth: 0, left: &mut left }).ok()?;
    shape
}

/// There is no shape, or it is too large.
#[derive(Debug)]
struct NoShape;

impl Display for NoShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value has no shape")
    }
}

impl std::error::Error for NoShape {}

impl ser::Error for NoShape {
    fn custom<T: Display>(_: T) -> Self {
        Self
    }
}

type Traced<T = ()> = Result<T, NoShape>;

/// Adds what one value is made of to what is known of its place.
struct Tracer<'a> {
    shape: &'a mut Option<ValueShape>,
    depth: usize,
    left: &'a mut usize,
}

fn spend(left: &mut usize) -> Traced {
    *left = left.checked_sub(1).ok_or(NoShape)?;
    Ok(())
}

impl<'a> Tracer<'a> {
    /// The shape at this place, which is `new` if nothing was known.
    fn place(self, new: impl FnOnce() -> ValueShape) -> Traced<(&'a mut ValueShape, usize, &'a mut usize)> {
        if self.depth > DEEPEST {
            return Err(NoShape);
        }
        if self.shape.is_none() {
            spend(self.left)?;
        }
        Ok((self.shape.get_or_insert_with(new), self.depth + 1, self.left))
    }

    fn leaf(self, shape: ValueShape) -> Traced {
        let wanted = shape.clone();
        let (found, ..) = self.place(|| shape)?;
        if *found == wanted { Ok(()) } else { Err(NoShape) }
    }

    /// The places of the parts of a value of this kind.
    fn parts(self, new: ValueShape) -> Traced<Parts<'a>> {
        let kind = std::mem::discriminant(&new);
        let (found, depth, left) = self.place(|| new)?;
        if std::mem::discriminant(found) != kind {
            return Err(NoShape);
        }
        let fields = match found {
            ValueShape::List(shape) => Fields::One(shape),
            ValueShape::Map(shapes) => Fields::Two(shapes),
            ValueShape::Tuple(shapes) => Fields::Unnamed(shapes),
            ValueShape::Struct(shapes) => Fields::Named(shapes),
            _ => return Err(NoShape),
        };
        Ok(Parts { fields, at: 0, depth, left })
    }

    /// The shape of a variant, which is `new` if none like it came before.
    fn variant(
        self,
        index: u32,
        name: &'static str,
        new: VariantShape,
    ) -> Traced<(&'a mut VariantShape, usize, &'a mut usize)> {
        let (found, depth, left) = self.place(|| ValueShape::Enum(Vec::new()))?;
        let ValueShape::Enum(variants) = found else { return Err(NoShape) };
        let at = match variants.iter().position(|(known, ..)| *known == index) {
            Some(at) => at,
            None => {
                spend(left)?;
                variants.push((index, name.to_owned(), new));
                variants.len() - 1
            }
        };
        Ok((&mut variants[at].2, depth, left))
    }
}

/// Where the parts of a value go.
enum Fields<'a> {
    /// All in one place.
    One(&'a mut Option<ValueShape>),
    /// Keys and values in turn.
    Two(&'a mut (Option<ValueShape>, Option<ValueShape>)),
    Unnamed(&'a mut Vec<Option<ValueShape>>),
    Named(&'a mut Vec<(String, Option<ValueShape>)>),
}

struct Parts<'a> {
    fields: Fields<'a>,
    at: usize,
    depth: usize,
    left: &'a mut usize,
}

impl Parts<'_> {
    fn part<T: Serialize + ?Sized>(&mut self, name: Option<&'static str>, value: &T) -> Traced {
        let at = self.at;
        self.at += 1;
        let shape = match (&mut self.fields, name) {
            (Fields::One(shape), _) => &mut **shape,
            (Fields::Two(shapes), _) if at.is_multiple_of(2) => &mut shapes.0,
            (Fields::Two(shapes), _) => &mut shapes.1,
            (Fields::Unnamed(shapes), _) => {
                if shapes.len() == at {
                    spend(self.left)?;
                    shapes.push(None);
                }
                &mut shapes[at]
            }
            (Fields::Named(shapes), Some(name)) => {
                if shapes.len() == at {
                    spend(self.left)?;
                    shapes.push((name.to_owned(), None));
                }
                let (known, shape) = &mut shapes[at];
                if known != name {
                    return Err(NoShape);
                }
                shape
            }
            (Fields::Named(_), None) => return Err(NoShape),
        };
        value.serialize(Tracer { shape, depth: self.depth, left: self.left })
    }
}

macro_rules! leaves {
    ($($method:ident($type:ty): $shape:ident),*) => {$(
        fn $method(self, _: $type) -> Traced {
            self.leaf(ValueShape::$shape)
        }
    )*};
}

impl<'a> Serializer for Tracer<'a> {
    type Ok = ();
    type Error = NoShape;
    type SerializeSeq = Parts<'a>;
    type SerializeTuple = Parts<'a>;
    type SerializeTupleStruct = Parts<'a>;
    type SerializeTupleVariant = Parts<'a>;
    type SerializeMap = Parts<'a>;
    type SerializeStruct = Parts<'a>;
    type SerializeStructVariant = Parts<'a>;

    leaves!(
        serialize_bool(bool): Bool, serialize_u8(u8): Byte, serialize_i8(i8): SignedByte,
        serialize_u16(u16): Unsigned, serialize_u32(u32): Unsigned, serialize_u64(u64): Unsigned,
        serialize_u128(u128): Unsigned, serialize_i16(i16): Signed, serialize_i32(i32): Signed,
        serialize_i64(i64): Signed, serialize_i128(i128): Signed, serialize_f32(f32): F32, serialize_f64(f64): F64,
        serialize_char(char): Char, serialize_str(&str): Text, serialize_bytes(&[u8]): Bytes,
        serialize_unit_struct(&'static str): Unit
    );

    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_unit(self) -> Traced {
        self.leaf(ValueShape::Unit)
    }

    fn serialize_none(self) -> Traced {
        match self.place(|| ValueShape::Optional(Box::new(None)))?.0 {
            ValueShape::Optional(_) => Ok(()),
            _ => Err(NoShape),
        }
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Traced {
        let (ValueShape::Optional(shape), depth, left) = self.place(|| ValueShape::Optional(Box::new(None)))? else {
            return Err(NoShape);
        };
        value.serialize(Tracer { shape, depth, left })
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Traced {
        if name == FILE_TOKEN { self.leaf(ValueShape::File) } else { value.serialize(self) }
    }

    fn serialize_unit_variant(self, _: &'static str, index: u32, variant: &'static str) -> Traced {
        match self.variant(index, variant, VariantShape::Unit)?.0 {
            VariantShape::Unit => Ok(()),
            _ => Err(NoShape),
        }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Traced {
        let new = VariantShape::Newtype(Box::new(None));
        let (VariantShape::Newtype(shape), depth, left) = self.variant(index, variant, new)? else {
            return Err(NoShape);
        };
        value.serialize(Tracer { shape, depth, left })
    }

    fn serialize_seq(self, _: Option<usize>) -> Traced<Parts<'a>> {
        self.parts(ValueShape::List(Box::new(None)))
    }

    fn serialize_tuple(self, _: usize) -> Traced<Parts<'a>> {
        self.parts(ValueShape::Tuple(Vec::new()))
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Traced<Parts<'a>> {
        self.serialize_tuple(length)
    }

    fn serialize_map(self, _: Option<usize>) -> Traced<Parts<'a>> {
        self.parts(ValueShape::Map(Box::new((None, None))))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Traced<Parts<'a>> {
        self.parts(ValueShape::Struct(Vec::new()))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        variant: &'static str,
        _: usize,
    ) -> Traced<Parts<'a>> {
        let new = VariantShape::Tuple(Vec::new());
        let (VariantShape::Tuple(shapes), depth, left) = self.variant(index, variant, new)? else {
            return Err(NoShape);
        };
        Ok(Parts { fields: Fields::Unnamed(shapes), at: 0, depth, left })
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        variant: &'static str,
        _: usize,
    ) -> Traced<Parts<'a>> {
        let new = VariantShape::Struct(Vec::new());
        let (VariantShape::Struct(shapes), depth, left) = self.variant(index, variant, new)? else {
            return Err(NoShape);
        };
        Ok(Parts { fields: Fields::Named(shapes), at: 0, depth, left })
    }
}

macro_rules! parts {
    ($($trait:ident { $($method:ident($($name:ident: &'static str,)?)),* })*) => {$(
        impl $trait for Parts<'_> {
            type Ok = ();
            type Error = NoShape;

            $(fn $method<T: Serialize + ?Sized>(&mut self, $($name: &'static str,)? value: &T) -> Traced {
                let name: Option<&'static str> = None;
                $(let name = name.or(Some($name));)?
                self.part(name, value)
            })*

            fn end(self) -> Traced {
                Ok(())
            }
        }
    )*};
}
parts! {
    SerializeSeq { serialize_element() }
    SerializeTuple { serialize_element() }
    SerializeTupleStruct { serialize_field() }
    SerializeTupleVariant { serialize_field() }
    SerializeMap { serialize_key(), serialize_value() }
    SerializeStruct { serialize_field(key: &'static str,) }
    SerializeStructVariant { serialize_field(key: &'static str,) }
}
