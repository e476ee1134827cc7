//! Which calls a document is about that came to a home, told by its bytes alone: for an index that was left a second name of it.

use serde::Deserialize;

use crate::record_pack::RecordPack;
use crate::{CallKey, CreatorName, Location};

/// What every document of a call says of itself, whatever its format is.
#[derive(Deserialize)]
struct OfCall {
    creator: CreatorName,
    key: CallKey,
}

impl Location {
    /// Whether what stands here tells of calls: a record, or a pack of such.
    pub fn tells_of_calls(&self) -> bool {
        matches!(self, Self::Record(..) | Self::RecordPack(..))
    }
}

/// The calls that the bytes of a record or of a pack are about; `None` where they are neither, or damaged.
pub fn calls_told_of(bytes: &[u8]) -> Option<Vec<(CreatorName, CallKey)>> {
    if let Some(OfCall { creator, key }) = of_call(bytes) {
        return Some(vec![(creator, key)]);
    }
    let records = RecordPack::records(bytes);
    let creator = records.values().find_map(|record| of_call(record))?.creator;
    Some(records.into_keys().map(|key| (creator.clone(), key)).collect())
}

fn of_call(bytes: &[u8]) -> Option<OfCall> {
    serde_json::from_slice(bytes).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn key(n: u8) -> CallKey {
        CallKey::from_bytes([n; 32])
    }

    fn record(n: u8) -> String {
        format!(r#"{{"datlake":"call","format":9,"nonce":"x","creator":"a/b::c","key":"{}","new":[1]}}"#, key(n))
    }

    #[test]
    fn a_record_of_any_format_and_a_pack_say_whose_they_are() {
        let creator = CreatorName::new("a/b::c").unwrap();
        assert_eq!(calls_told_of(record(1).as_bytes()), Some(vec![(creator.clone(), key(1))]));
        let pack = RecordPack::to_bytes(&BTreeMap::from([(key(2), record(2)), (key(3), "damaged".to_owned())]));
        assert_eq!(calls_told_of(&pack), Some(vec![(creator.clone(), key(2)), (creator, key(3))]));
        let cut = &record(1)[..40];
        for other in ["", "{}", cut, "datlake records 1\n\n"] {
            assert_eq!(calls_told_of(other.as_bytes()), None, "{other}");
        }
    }
}
