//! Commits: content that leads to a tree, and to the commits before it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::document::references::{Content, Part, ReadContent};
use crate::{Digest, Error, ErrorKind, Result, Subject};

/// The first line: no other content begins with it.
const HEADER: &str = "datlake commit 1\n";

/// A commit: a state of a repository, by whom, when and why. Its id is the digest of its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommitRecord {
    /// Its content: a tree, by the digest of its metarange.
    pub tree: Digest,
    /// The size of the metarange in bytes.
    pub size: u64,
    /// The commits that it came from, the one of its own branch first. The first commit of a repository has none.
    pub parents: Vec<Digest>,
    /// One more than the greatest of its parents'; 1 where it has none.
    pub generation: u64,
    /// When, RFC 3339, UTC, by the machine's clock.
    pub at: String,
    /// Who: an address, as in lineages.
    pub committer: String,
    /// Why, in words.
    pub message: String,
    /// What else people noted.
    pub metadata: BTreeMap<String, String>,
    /// What is noted beside its content: a tree of attributes, by the digest and size of its metarange.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<(Digest, u64)>,
}

impl CommitRecord {
    /// The content.
    ///
    /// # Errors
    /// None in practice.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = HEADER.as_bytes().to_vec();
        serde_json::to_writer(&mut bytes, self)
            .map_err(|e| Error::new(ErrorKind::Value, "cannot write a commit").because(e))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads the commit `id`.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] for bytes that are no commit, or are spelled in another way.
    pub fn parse(id: &Digest, bytes: &[u8]) -> Result<Self> {
        let wrong = |why: &str| {
            let error = Error::new(ErrorKind::Corrupt, format!("`{id}` is no commit: {why}"));
            error.about(Subject::Digest(*id))
        };
        let body = bytes.strip_prefix(HEADER.as_bytes()).ok_or_else(|| wrong("it begins otherwise"))?;
        let commit: Self =
            serde_json::from_slice(body).map_err(|e| wrong("a member is missing or wrong").because(e))?;
        // Only the one spelling counts.
        match commit.to_bytes()? == bytes {
            true => Ok(commit),
            false => Err(wrong("it is spelled otherwise")),
        }
    }

    /// Its tree as content, which refers to all that is in it, and what is noted beside that.
    pub fn contents(&self, id: &Digest) -> Vec<Content> {
        let what = format!("commit {id}");
        let attributes = self.attributes.map(|(digest, size)| Content::attributes(digest, size, what.clone()));
        [Content::tree(self.tree, self.size, what)].into_iter().chain(attributes).collect()
    }
}

impl Content {
    /// The commit `id`, its tree, and all that it came from.
    pub fn history(id: Digest) -> Self {
        Self::commit(id, history)
    }

    /// The commit `id` and its tree: something else keeps what it came from.
    pub fn commit_alone(id: Digest) -> Self {
        Self::commit(id, alone)
    }

    /// The commit `id`, its tree, and what it came from by way of others than its first parent, which something else keeps.
    pub fn merged(id: Digest) -> Self {
        Self::commit(id, merged)
    }

    fn commit(id: Digest, reads: ReadContent) -> Self {
        Self { reads: Some(reads), ..Self::apart(id, format!("commit {id}"), Part::File) }
    }
}

fn history(content: &mut Content, bytes: &[u8]) -> Result<Vec<Content>> {
    let commit = CommitRecord::parse(&content.digest, bytes)?;
    let parents = commit.parents.iter().copied().map(Content::history);
    Ok(parents.chain(commit.contents(&content.digest)).collect())
}

fn merged(content: &mut Content, bytes: &[u8]) -> Result<Vec<Content>> {
    let commit = CommitRecord::parse(&content.digest, bytes)?;
    let parents = commit.parents.iter().skip(1).copied().map(Content::history);
    Ok(parents.chain(commit.contents(&content.digest)).collect())
}

fn alone(content: &mut Content, bytes: &[u8]) -> Result<Vec<Content>> {
    Ok(CommitRecord::parse(&content.digest, bytes)?.contents(&content.digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every byte, for good: another would give every commit another id.
    const GOLDEN: [(&str, &str); 3] = [
        (
            "datlake commit 1\n{\"tree\":\"2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213\",\"size\":15,\"parents\":[],\"generation\":1,\"at\":\"2026-11-29T09:00:00Z\",\"committer\":\"ada@example.org\",\"message\":\"\",\"metadata\":{}}\n",
            "3473f2b8f4c422667e7431ee8b07c60f519af0ef6a4ef48c1a087823f5788fcb",
        ),
        (
            "datlake commit 1\n{\"tree\":\"2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213\",\"size\":15,\"parents\":[\"0101010101010101010101010101010101010101010101010101010101010101\",\"0202020202020202020202020202020202020202020202020202020202020202\"],\"generation\":8,\"at\":\"2026-11-29T09:00:00Z\",\"committer\":\"ada@example.org\",\"message\":\"a \\\"line\\\"\\nü\",\"metadata\":{\"a\":\"1\",\"b\":\"\"}}\n",
            "8f3526edac0ea000a03c2bafb9cbdba11a9d3d4e1fa85c8161392fdf27a0eada",
        ),
        (
            "datlake commit 1\n{\"tree\":\"2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213\",\"size\":15,\"parents\":[],\"generation\":1,\"at\":\"2026-11-29T09:00:00Z\",\"committer\":\"ada@example.org\",\"message\":\"\",\"metadata\":{},\"attributes\":[\"0303030303030303030303030303030303030303030303030303030303030303\",120]}\n",
            "3285c9a82c7170488153ce0fc6709d270484fb7e29cfbfa7d4e08cdb8c369654",
        ),
    ];

    fn commits() -> [CommitRecord; 3] {
        let tree = "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213".parse().unwrap();
        let (at, committer) = ("2026-11-29T09:00:00Z".to_owned(), "ada@example.org".to_owned());
        let first = CommitRecord {
            tree,
            size: 15,
            parents: Vec::new(),
            generation: 1,
            at,
            committer,
            message: String::new(),
            metadata: BTreeMap::new(),
            attributes: None,
        };
        let parents = vec![Digest::from_bytes([1; 32]), Digest::from_bytes([2; 32])];
        let metadata = [("b", ""), ("a", "1")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let merge =
            CommitRecord { parents, generation: 8, message: "a \"line\"\nü".to_owned(), metadata, ..first.clone() };
        let noted = CommitRecord { attributes: Some((Digest::from_bytes([3; 32]), 120)), ..first.clone() };
        [first, merge, noted]
    }

    #[test]
    fn commits_have_these_bytes_and_ids_for_good() {
        for (commit, (bytes, id)) in commits().into_iter().zip(GOLDEN) {
            let found = commit.to_bytes().unwrap();
            assert_eq!(std::str::from_utf8(&found).unwrap(), bytes);
            let digest = Digest::of(&found);
            assert_eq!(digest.to_string(), id);
            assert_eq!(CommitRecord::parse(&digest, &found).unwrap(), commit);
        }
    }

    #[test]
    fn another_spelling_is_no_commit() {
        let [first, ..] = commits();
        let text = String::from_utf8(first.to_bytes().unwrap()).unwrap();
        let id = Digest::of(text.as_bytes());
        for other in [
            text.replace("commit 1", "commit 2"),
            text.replace("{\"tree", "{ \"tree"),
            text.replace(",\"metadata\"", ",\"more\":1,\"metadata\""),
            text.replace("\"message\":\"\",", ""),
            text.trim_end().to_owned(),
            String::new(),
        ] {
            assert_eq!(CommitRecord::parse(&id, other.as_bytes()).unwrap_err().kind(), ErrorKind::Corrupt, "{other}");
        }
    }

    #[test]
    fn a_commit_leads_to_its_tree_and_to_what_it_came_from() {
        let [first, merge, noted] = commits();
        let (bytes, id) = (merge.to_bytes().unwrap(), Digest::of(&merge.to_bytes().unwrap()));
        let led = |mut content: Content| -> Vec<Digest> {
            content.references(&bytes).unwrap().into_iter().map(|content| content.digest).collect()
        };
        let [one, two] = [merge.parents[0], merge.parents[1]];
        assert_eq!(led(Content::history(id)), [one, two, first.tree]);
        assert_eq!(led(Content::merged(id)), [two, first.tree]);
        assert_eq!(led(Content::commit_alone(id)), [first.tree]);
        let bytes = noted.to_bytes().unwrap();
        let led = Content::history(Digest::of(&bytes)).references(&bytes).unwrap();
        assert_eq!(
            led.iter().map(|content| content.digest).collect::<Vec<_>>(),
            [first.tree, Digest::from_bytes([3; 32])]
        );
    }
}
