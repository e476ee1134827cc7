//! How identities look in JSON.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::{CallKey, CodeHash, CreatorName, Digest, Uid};

macro_rules! identities {
    ($($name:ident: $description:literal, $pattern:expr;)*) => {$(
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "description": $description, "pattern": $pattern })
            }
        }
    )*};
}

identities! {
    Digest: "BLAKE3 of content, in hexadecimal.", "^[0-9a-f]{64}$";
    CallKey: "The key of a call, in hexadecimal.", "^[0-9a-f]{64}$";
    CodeHash: "The hash of code, in hexadecimal.", "^[0-9a-f]{64}$";
    CreatorName: "The name of a creator: `package/module::function`, or what it was named.", "^[^/]";
    Uid: "A chosen name, `@creator/key/index` for an output of a call, or `tree//path` for a file in a tree.", "^[^/]";
}
