//! Listing a bucket: branches, and what is at a reference.

use datlake::report::{ObjectInfo, ObjectItem};
use datlake::{ObjectQuery, Repository};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use s3s::dto::*;
use s3s::{S3Error, S3ErrorCode, S3Result};

use super::key::{etag_of, put_at, signed};
use super::refused::refused;

/// What is written otherwise in a key that is encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'*');

/// The most keys in a list, and in a request to delete.
pub(super) const MOST: usize = 1000;

/// How keys are written in an answer: some characters that they may have are none of XML.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyEncoding {
    Plain,
    Url,
}

impl KeyEncoding {
    /// The one that is asked for.
    pub(super) fn of(asked: Option<EncodingType>) -> S3Result<Self> {
        match asked.as_ref().map(EncodingType::as_str) {
            None => Ok(Self::Plain),
            Some(EncodingType::URL) => Ok(Self::Url),
            Some(_) => {
                Err(S3Error::with_message(S3ErrorCode::InvalidArgument, "`encoding-type` is `url`, or not said"))
            }
        }
    }

    /// What the answer says of it.
    pub(super) fn named(self) -> Option<EncodingType> {
        (self == Self::Url).then(|| EncodingType::from_static(EncodingType::URL))
    }

    /// A key, or a part of one.
    pub(super) fn said(self, text: String) -> String {
        match self {
            Self::Plain => text,
            Self::Url => percent_encoding::utf8_percent_encode(&text, ENCODED).to_string(),
        }
    }
}

/// What stands in a list of S3.
pub(super) enum Listed {
    Object(String, Box<ObjectInfo>),
    Prefix(String),
}

/// Keys of a bucket, cut where the next page begins.
pub(super) struct ListedKeys {
    pub(super) items: Vec<Listed>,
    /// Behind what the next page begins.
    pub(super) next: Option<String>,
}

/// What is asked for.
pub(super) struct Asked {
    pub(super) prefix: String,
    pub(super) delimiter: String,
    pub(super) after: String,
    pub(super) most: usize,
}

impl Listed {
    fn key(&self) -> &str {
        match self {
            Self::Object(key, _) | Self::Prefix(key) => key,
        }
    }
}

/// Keys that begin with the prefix, in the order of bytes. What is in front of the first `/` is a reference; where the prefix says none, the
/// branches are meant.
pub(super) async fn listed(repository: &Repository, asked: &Asked) -> S3Result<ListedKeys> {
    if let Some((reference, prefix)) = asked.prefix.split_once('/') {
        return at(repository, reference, prefix, asked, asked.most).await;
    }
    let branches = repository.branches_async().await.map_err(refused)?;
    let (mut items, mut next) = (Vec::new(), None);
    for branch in branches.iter().filter(|branch| branch.name().starts_with(&asked.prefix)) {
        let folder = format!("{}/", branch.name());
        let is_behind = asked.after.as_str() >= folder.as_str() && !asked.after.starts_with(&folder);
        if is_behind {
            continue;
        }
        if items.len() >= asked.most {
            next = items.last().map(|last: &Listed| last.key().to_owned());
            break;
        }
        if asked.delimiter == "/" {
            // It was the end of the page before.
            if !asked.after.starts_with(&folder) {
                items.push(Listed::Prefix(folder));
            }
            continue;
        }
        let page = at(repository, branch.name(), "", asked, asked.most - items.len()).await?;
        items.extend(page.items);
        if page.next.is_some() {
            next = page.next;
            break;
        }
    }
    Ok(ListedKeys { items, next })
}

/// What was found, as a list has it.
pub(super) fn page(found: ListedKeys, encoding: KeyEncoding) -> (ObjectList, CommonPrefixList, Option<String>) {
    let (mut objects, mut prefixes) = (ObjectList::new(), CommonPrefixList::new());
    for item in found.items {
        match item {
            Listed::Prefix(prefix) => prefixes.push(CommonPrefix { prefix: Some(encoding.said(prefix)) }),
            Listed::Object(key, object) => objects.push(Object {
                key: Some(encoding.said(key)),
                size: Some(signed(object.size)),
                e_tag: Some(etag_of(&object)),
                last_modified: Some(put_at(&object)),
                storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
                ..Object::default()
            }),
        }
    }
    (objects, prefixes, found.next)
}

/// How many a list has at most.
pub(super) fn most(asked: Option<i32>) -> S3Result<usize> {
    let wrong = |_| S3Error::with_message(S3ErrorCode::InvalidArgument, "a list has at most 0 to 2147483647 keys");
    asked.map_or(Ok(MOST), |asked| Ok(usize::try_from(asked).map_err(wrong)?.min(MOST)))
}

async fn at(
    repository: &Repository,
    reference: &str,
    prefix: &str,
    asked: &Asked,
    most: usize,
) -> S3Result<ListedKeys> {
    let folder = format!("{reference}/");
    let after = asked.after.strip_prefix(&folder).unwrap_or_default();
    if asked.after.as_str() > folder.as_str() && !asked.after.starts_with(&folder) {
        return Ok(ListedKeys { items: Vec::new(), next: None });
    }
    let query = ObjectQuery::below(prefix).delimiter(&asked.delimiter).after(after).limit(most).as_objects(true);
    let page = match repository.reference(reference).list_async(&query).await {
        // As S3 lists a folder that is not there.
        Err(error) if error.kind() == datlake::ErrorKind::NotFound => {
            return Ok(ListedKeys { items: Vec::new(), next: None });
        }
        page => page.map_err(refused)?,
    };
    let items = page.items.into_iter().filter_map(|item| match item {
        ObjectItem::Object(object) => Some(Listed::Object(format!("{folder}{}", object.path), object.into())),
        ObjectItem::Prefix(path) => Some(Listed::Prefix(format!("{folder}{path}"))),
        _ => None,
    });
    Ok(ListedKeys { items: items.collect(), next: page.next.map(|next| format!("{folder}{next}")) })
}
