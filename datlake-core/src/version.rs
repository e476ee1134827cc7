//! Versions of a chosen name: the entries of its log.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::document::envelope;
use crate::document::references::{Content, Document, References};
pub use crate::lineage::Moved;
use crate::lineage::{Added, FileMeta, Person, PersonSource};
use crate::record::{Name, NameTarget, OutputOf};
use crate::{Digest, Error, ErrorKind, Location, LogId, Result, Subject, Uid};

/// An entry of the log of a name: what it led to from then on.
#[derive(Clone, Debug)]
pub struct Version {
    /// The name.
    pub uid: Uid,
    /// The digest of the name's document in `files`.
    pub first: Digest,
    /// The number of the entry, from 1.
    pub n: u64,
    /// The digest of the entry before it; of the first, that of the name's document.
    pub before: Digest,
    /// What the name leads to.
    pub target: NameTarget,
    /// Who moved it there.
    pub moved: Moved,
    /// Whether it was made without the remote and came too late: a version, and never what the name leads to.
    pub aside: bool,
    /// The store it was written from.
    pub home: String,
    /// Who wrote it.
    pub nonce: String,
    /// The entry's own digest.
    pub digest: Digest,
    bytes: Arc<[u8]>,
}

/// Where an entry is to stand.
#[derive(Clone, Copy, Debug)]
pub struct EntryPlace<'a> {
    /// The name.
    pub uid: &'a Uid,
    /// The digest of the name's document in `files`.
    pub first: Digest,
    /// The number of the entry, from 1.
    pub n: u64,
    /// The digest of the entry before it.
    pub before: Digest,
}

#[derive(Serialize, Deserialize)]
struct VersionV1 {
    nonce: String,
    home: String,
    uid: Uid,
    n: u64,
    before: Digest,
    moved: Moved,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    aside: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    added: Option<Added>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output: Option<OutputOf>,
}

impl Version {
    /// Writes an entry, from the store called `home`.
    ///
    /// # Errors
    /// None in practice.
    pub fn create(
        place: EntryPlace<'_>,
        target: NameTarget,
        moved: Moved,
        aside: bool,
        home: &str,
        nonce: &str,
    ) -> Result<Self> {
        let EntryPlace { uid, first, n, before } = place;
        let (added, output) = match target.clone() {
            NameTarget::Added(added) => (Some(added), None),
            NameTarget::Output(output) => (None, Some(output)),
        };
        let (home, nonce) = (home.to_owned(), nonce.to_owned());
        let wire = VersionV1 {
            nonce: nonce.clone(),
            home: home.clone(),
            uid: uid.clone(),
            n,
            before,
            moved: moved.clone(),
            aside,
            added,
            output,
        };
        let (bytes, digest) = envelope::seal(KIND, &wire)?;
        Ok(Self { uid: uid.clone(), first, n, before, target, moved, aside, home, nonce, digest, bytes: bytes.into() })
    }

    /// Reads the entry `n` of the log of `uid` whose document has the digest `first`.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] for bytes that are not the entry that was written there.
    pub fn parse(uid: &Uid, first: &Digest, n: u64, bytes: Vec<u8>) -> Result<Self> {
        let place = Location::Version(uid.clone(), *first, n).path();
        let about = |error: Error| error.about(Subject::Uid(uid.clone()));
        let (wire, digest) = envelope::open::<VersionV1>(KIND, &bytes, &place).map_err(about)?;
        let corrupt =
            |why: &str| about(Error::new(ErrorKind::Corrupt, format!("the version `{place}` is damaged: {why}")));
        if wire.uid != *uid || wire.n != n {
            return Err(corrupt("it is another entry"));
        }
        if n == 1 && wire.before != *first {
            return Err(corrupt("it follows another document"));
        }
        let target = match (wire.added, wire.output) {
            (Some(added), None) => NameTarget::Added(added),
            (None, Some(output)) => NameTarget::Output(output),
            _ => return Err(corrupt("it stands for nothing, or for two things")),
        };
        let VersionV1 { uid, before, moved, aside, home, nonce, .. } = wire;
        Ok(Self { uid, first: *first, n, before, target, moved, aside, home, nonce, digest, bytes: bytes.into() })
    }

    /// The document.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The entry that closes the log of a name, so that nothing is appended to it. `claimed` is said where whoever closes it holds that
    /// machine's claim of the name until the document of the name is gone.
    pub(crate) fn closing(first: &Name, home: &str, claimed: bool, nonce: &str) -> Result<Self> {
        let place = EntryPlace { uid: &first.uid, first: first.digest, n: 1, before: first.digest };
        let person = Person { email: String::new(), source: PersonSource::Login };
        let host = if claimed { home.to_owned() } else { String::new() };
        let moved = Moved { person, host, at: String::new() };
        Self::create(place, first.target.clone(), moved, true, home, nonce)
    }

    /// Whether it closes its log: nobody moved the name by it.
    pub(crate) fn is_closing(&self) -> bool {
        self.n == 1 && self.aside && self.moved.at.is_empty()
    }

    /// Whether it closes its log, and a holder of the claim of the name in `home` knows that whoever closed it died or gave up.
    pub(crate) fn is_closing_claimed_in(&self, home: &str) -> bool {
        self.is_closing() && !home.is_empty() && self.moved.host == home && self.home == home
    }

    /// The log that it is in.
    pub fn log(&self) -> LogId {
        LogId::Name(self.uid.clone(), self.first)
    }

    /// The entry for those who keep the lake in order.
    pub(crate) fn document(self, at: &Location) -> Document {
        let missing = format!(
            "what `{0}` led to before is not there: it was removed, or is damaged; `datlake rm {0}` clears the rest away",
            self.uid
        );
        let needs = vec![(self.log().entry(self.n - 1), missing)];
        let (content, shows) = match &self.target {
            NameTarget::Added(added) => (vec![Content::of(&FileMeta::added(&self.uid, added))], Vec::new()),
            NameTarget::Output(OutputOf { creator, key }) => {
                (Vec::new(), vec![Location::Record(creator.clone(), *key)])
            }
        };
        // What closed a log is left where whoever did so died, and keeps nothing.
        let is_mark = self.is_closing();
        let references = match is_mark {
            true => References::default(),
            false => References { content, needs, shows, ..References::default() },
        };
        let document = Document { is_mark, ..Document::new(at, self.digest, self.bytes.to_vec(), references) };
        let taken = "the name was replaced there meanwhile";
        Document { what: self.uid.to_string(), uids: vec![self.uid], taken, ..document }
    }
}

/// The mark that an earlier version of a name keeps its content no more. Its entry stays, so that the log has no gap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrunedVersion {
    /// The name.
    pub uid: Uid,
    /// The digest of the entry; of what the name led to first, that of its document in `files`.
    pub entry: Digest,
    /// Who pruned it, and when.
    pub by: Moved,
}

impl PrunedVersion {
    /// The document.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        Ok(envelope::seal("pruned", self)?.0)
    }

    /// The mark for those who keep the lake in order.
    pub(crate) fn document(at: &Location, bytes: Vec<u8>) -> Result<Document> {
        let (mark, digest) = envelope::open::<Self>("pruned", &bytes, &at.path())?;
        Ok(Document { uids: vec![mark.uid], ..Document::new(at, digest, bytes, References::default()) })
    }
}

/// The kind of these documents.
pub(crate) const KIND: &str = "version";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lineage::PersonSource;
    use crate::{CallKey, CreatorName, ErrorKind};

    const BEFORE: &str = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";

    /// Every byte, for good: changing one is a new format version.
    const GOLDEN: [&str; 2] = [
        r#"{"datlake":"version","format":1,"nonce":"5a-7","home":"3f9a","uid":"reports/a.csv","n":1,"before":"af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262","moved":{"person":{"email":"ada@example.org","source":"config"},"host":"lovelace","at":"2026-11-28T08:00:00Z"},"output":{"creator":"shop/shop::report","key":"0101010101010101010101010101010101010101010101010101010101010101"},"digest":"#,
        r#"{"datlake":"version","format":1,"nonce":"5a-7","home":"3f9a","uid":"reports/a.csv","n":2,"before":"af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262","moved":{"person":{"email":"ada@example.org","source":"config"},"host":"lovelace","at":"2026-11-28T08:00:00Z"},"aside":true,"added":{"name":"a.csv","digest":"af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262","size":0,"person":{"email":"ada@example.org","source":"config"},"host":"lovelace","at":"2026-11-28T08:00:00Z"},"digest":"#,
    ];

    fn person() -> Person {
        Person { email: "ada@example.org".into(), source: PersonSource::Config }
    }

    fn moved() -> Moved {
        Moved { person: person(), host: "lovelace".into(), at: "2026-11-28T08:00:00Z".into() }
    }

    fn output() -> NameTarget {
        let creator = CreatorName::new("shop/shop::report").unwrap();
        NameTarget::Output(OutputOf { creator, key: CallKey::from_bytes([1; 32]) })
    }

    fn added() -> NameTarget {
        let Moved { person, host, at } = moved();
        let digest = BEFORE.parse().unwrap();
        NameTarget::Added(Added { name: "a.csv".into(), digest, size: 0, tree: false, source: None, person, host, at })
    }

    fn version(n: u64, target: NameTarget, aside: bool) -> Version {
        let (uid, first) = (Uid::chosen("reports/a.csv").unwrap(), BEFORE.parse().unwrap());
        let place = EntryPlace { uid: &uid, first, n, before: first };
        Version::create(place, target, moved(), aside, "3f9a", "5a-7").unwrap()
    }

    #[test]
    fn entries_have_these_bytes_for_good() {
        for (version, golden) in [version(1, output(), false), version(2, added(), true)].into_iter().zip(GOLDEN) {
            let text = std::str::from_utf8(version.bytes()).unwrap();
            assert_eq!(text, format!("{golden}\"{}\"}}\n", version.digest));
            let Version { uid, first, n, .. } = &version;
            let again = Version::parse(uid, first, *n, version.bytes().to_vec()).unwrap();
            assert_eq!(
                (again.digest, again.target, again.aside),
                (version.digest, version.target.clone(), version.aside)
            );
            let at = version.log().entry(version.n);
            let document = Document::parse(&at, version.bytes().to_vec()).unwrap();
            assert_eq!(document.references().needs[0].0, version.log().entry(version.n - 1));
        }
        let at = version(1, output(), false).log().entry(1);
        assert_eq!(at.path(), format!("names/reports/a.csv.datlake/{BEFORE}/fffffffffffffffe.datlake"));
    }

    #[test]
    fn marks_have_these_bytes_for_good() {
        let version = version(1, output(), false);
        let mark = PrunedVersion { uid: version.uid.clone(), entry: version.digest, by: moved() }.to_bytes().unwrap();
        let golden = format!(
            r#"{{"datlake":"pruned","format":1,"uid":"reports/a.csv","entry":"{}","by":{{"person":{{"email":"ada@example.org","source":"config"}},"host":"lovelace","at":"2026-11-28T08:00:00Z"}},"digest":"#,
            version.digest
        );
        assert!(std::str::from_utf8(&mark).unwrap().starts_with(&golden));
        let document = Document::parse(&version.log().entry(1), version.bytes().to_vec()).unwrap();
        let at = document.pruned_mark().unwrap();
        assert_eq!(at.path(), format!("names/reports/a.csv.datlake/{BEFORE}/{}.pruned.datlake", version.digest));
        let mark = Document::parse(&at, mark).unwrap();
        assert!(mark.references().content.is_empty() && mark.pruned_mark().is_none());
    }

    #[test]
    fn an_entry_that_closes_its_log_has_these_bytes_for_good_and_is_told_from_one_that_came_too_late() {
        let first = Name::create(Uid::chosen("reports/a.csv").unwrap(), output(), "3f9a", "5a-6").unwrap();
        let closing = Version::closing(&first, "3f9a", false, "5a-7").unwrap();
        let golden = format!(
            r#"{{"datlake":"version","format":1,"nonce":"5a-7","home":"3f9a","uid":"reports/a.csv","n":1,"before":"{}","moved":{{"person":{{"email":"","source":"login"}},"host":"","at":""}},"aside":true,"output":{{"creator":"shop/shop::report","key":"0101010101010101010101010101010101010101010101010101010101010101"}},"digest":"#,
            first.digest
        );
        assert!(std::str::from_utf8(closing.bytes()).unwrap().starts_with(&golden));
        let claimed = Version::closing(&first, "3f9a", true, "5a-7").unwrap();
        let golden = golden.replace(r#""host":"""#, r#""host":"3f9a""#);
        assert!(std::str::from_utf8(claimed.bytes()).unwrap().starts_with(&golden));
        assert!(claimed.is_closing() && claimed.is_closing_claimed_in("3f9a"));
        assert!(!claimed.is_closing_claimed_in("4f9a") && !closing.is_closing_claimed_in("3f9a"));
        let document = |version: &Version| {
            let at = version.log().entry(1);
            Document::parse(&at, version.bytes().to_vec()).unwrap()
        };
        assert!(document(&closing).is_mark && document(&closing).references().needs.is_empty());
        let late = [output(), added()].map(|target| version(1, target, true));
        assert!(late.iter().all(|version| !version.is_closing() && !document(version).is_mark));
    }

    #[test]
    fn an_entry_in_the_place_of_another_is_damaged() {
        let second = version(2, output(), false);
        let first = Digest::of(b"another document");
        for (n, first) in [(1, second.first), (3, second.first)] {
            let error = Version::parse(&second.uid, &first, n, second.bytes().to_vec()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt);
        }
        let entry = version(1, output(), false);
        let error = Version::parse(&entry.uid, &first, 1, entry.bytes().to_vec()).unwrap_err();
        assert!(error.to_string().contains("it follows another document"), "{error}");
    }
}
