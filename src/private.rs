//! What generated code calls. No part of the public interface.

use datlake_core::Code as CodeOf;

pub use datlake_core::{ClosureTable, Code, Resources, Tracked};
pub use inventory;

pub use crate::call::again::{ArgumentRead, ArgumentUnread, ReadArgument};
pub use crate::call::failure::{Describe, DescribeChain, DescribeDyn, DescribeNothing, DescribeOwn, DescribeWords};
pub use crate::call::key::{Key, OutputUid, OutputUids};
pub use crate::call::remade::{ArgumentSource, NotMade, Remade, Replay};
pub use crate::call::shape::{
    Fallible, Panicking, PanickingResult, Probe, ProbePlain, ProbeResult, Returns, Shape, Stub,
};
pub use crate::call::{AsyncCall, AsyncCalls, Call, Calls};
pub use crate::creators::{Creator, CreatorInfo};

/// What there is to know of a creator.
pub fn info(code: &'static CodeOf) -> CreatorInfo {
    CreatorInfo::of(code)
}

/// A tracked item was entered: a body that does not declare it has a hole in its key.
#[inline]
pub fn entered(code: fn() -> &'static CodeOf) {
    crate::call::undeclared_use::entered(code);
}
