//! Listing a bucket: branches, and what is at a reference.

use datlake::report::{ObjectInfo, ObjectItem};
use datlake::{ObjectQuery, Repository};
use s3s::S3Result;

use super::refused::refused;

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
