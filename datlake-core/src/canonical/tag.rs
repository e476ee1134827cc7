//! What a byte says of the value that follows.

pub(super) const UNIT: u8 = 0x01;
pub(super) const FALSE: u8 = 0x02;
pub(super) const TRUE: u8 = 0x03;
pub(super) const INT: u8 = 0x04;
pub(super) const F32: u8 = 0x05;
pub(super) const F64: u8 = 0x06;
pub(super) const CHAR: u8 = 0x07;
pub(super) const STR: u8 = 0x08;
pub(super) const BYTES: u8 = 0x09;
pub(super) const NONE: u8 = 0x0a;
pub(super) const SOME: u8 = 0x0b;
pub(super) const SEQ: u8 = 0x10;
pub(super) const TUPLE: u8 = 0x11;
pub(super) const SET: u8 = 0x12;
pub(super) const MAP: u8 = 0x13;
pub(super) const ORDERED_MAP: u8 = 0x14;
pub(super) const STRUCT: u8 = 0x15;
pub(super) const UNIT_VARIANT: u8 = 0x20;
pub(super) const NEWTYPE_VARIANT: u8 = 0x21;
pub(super) const TUPLE_VARIANT: u8 = 0x22;
pub(super) const STRUCT_VARIANT: u8 = 0x23;
pub(super) const FILE: u8 = 0x30;
pub(super) const FIELD: u8 = 0x7d;
pub(super) const END: u8 = 0x7f;
