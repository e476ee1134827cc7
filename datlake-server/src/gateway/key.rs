//! Keys, which begin with a reference, and ETags.

use datlake::Digest;
use datlake::report::ObjectInfo;
use s3s::dto::{ETag, ETagCondition, Timestamp};
use s3s::{S3Error, S3ErrorCode, S3Result};

/// A key, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) reference: String,
    pub(super) path: String,
}

/// What `key` means.
pub(super) fn parse(key: &str) -> S3Result<Key> {
    match key.split_once('/') {
        Some((reference, path)) if !reference.is_empty() && !path.is_empty() => {
            Ok(Key { reference: reference.to_owned(), path: path.to_owned() })
        }
        _ => Err(S3Error::with_message(S3ErrorCode::NoSuchKey, "a key is a branch, tag or commit, `/`, and a path")),
    }
}

/// The reference of a key that ends in `/`: clients make folders by such keys. A lake has those by the files in them, and none of its own.
pub(super) fn folder(key: &str) -> Option<&str> {
    let (reference, _) = key.strip_suffix('/').map(|_| key)?.split_once('/')?;
    (!reference.is_empty()).then_some(reference)
}

/// The ETag of content. No client takes it for an MD5: what has a `-` is none.
pub(super) fn etag(digest: &Digest) -> ETag {
    ETag::Strong(format!("{digest}-1"))
}

/// The ETag of an object, wherever its content lies.
pub(super) fn etag_of(object: &ObjectInfo) -> ETag {
    ETag::Strong(format!("{}-1", object.checksum()))
}

/// Whether a condition means this object.
pub(super) fn meets(condition: &ETagCondition, object: &ObjectInfo) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(ETag::Strong(tag) | ETag::Weak(tag)) => {
            let checksum = object.checksum();
            *tag == checksum || tag.strip_suffix("-1") == Some(&checksum)
        }
    }
}

/// When an object was put there.
pub(super) fn put_at(object: &ObjectInfo) -> Timestamp {
    changed_at(object).into()
}

/// The same, for comparing.
pub(super) fn changed_at(object: &ObjectInfo) -> std::time::SystemTime {
    let at = object.changed_at().and_then(|at| humantime::parse_rfc3339(at).ok());
    at.unwrap_or(std::time::UNIX_EPOCH)
}

/// A size, as S3 counts.
pub(super) fn signed(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_reference_and_a_path() {
        let key = parse("main/raw/jan.csv").unwrap();
        assert_eq!((&*key.reference, &*key.path), ("main", "raw/jan.csv"));
        for key in ["", "main", "main/", "/a"] {
            assert!(parse(key).is_err(), "{key}");
        }
        let folders = ["main/", "main/raw/", "main/raw", "main", "/", ""].map(folder);
        assert_eq!(folders, [Some("main"), Some("main"), None, None, None, None]);
    }
}
