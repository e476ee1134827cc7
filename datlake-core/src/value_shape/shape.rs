//! Shapes as they stand in records.

use serde::{Deserialize, Serialize};

/// What a value is made of, as far as the value tells: of an empty list it is not known what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ValueShape {
    /// `()`.
    Unit,
    /// `true` or `false`.
    Bool,
    /// `u8`.
    Byte,
    /// `i8`.
    SignedByte,
    /// Any wider unsigned integer.
    Unsigned,
    /// Any wider signed integer.
    Signed,
    /// `f32`.
    F32,
    /// `f64`.
    F64,
    /// `char`.
    Char,
    /// Text.
    Text,
    /// Bytes that serialize as such.
    Bytes,
    /// A file of the lake, or a tree.
    File,
    /// `Option`.
    Optional(Box<Option<Self>>),
    /// A list, or a set.
    List(Box<Option<Self>>),
    /// A tuple or an array.
    Tuple(Vec<Option<Self>>),
    /// Keys and values.
    Map(Box<(Option<Self>, Option<Self>)>),
    /// Named fields.
    Struct(Vec<(String, Option<Self>)>),
    /// The variants that occur, by their numbers.
    Enum(Vec<(u32, String, VariantShape)>),
}

/// The content of a variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum VariantShape {
    /// None.
    Unit,
    /// One value.
    Newtype(Box<Option<ValueShape>>),
    /// Values in order.
    Tuple(Vec<Option<ValueShape>>),
    /// Named fields.
    Struct(Vec<(String, Option<ValueShape>)>),
}
