//! The table of all kinds of objects: what each is, in one row.
//!
//! Whoever needs it hands a macro that takes the rows: `layout` makes places of them, `document` readers. A row that leaves
//! something out does not compile there.

/// Hands the table to the macro `$make`.
///
/// The folder is a prefix of the path, and the rest is spelled and parsed below it; kinds may share a folder. `examples` are for
/// tests. `is` says what objects of the kind are to a lake and, of a document, how it is read.
macro_rules! kinds {
    ($make:ident) => {
        $make! {
            /// `datlake.json`: format version and lake id.
            Lake in "" {
                path: "datlake.json".to_owned(),
                parse: |rest| (rest == "datlake.json").then_some(Self::Lake),
                examples: |_of| vec![Self::Lake],
                is: Passing,
            }

            /// `blobs/3f/3f9a…`: content.
            Blob(digest: Digest) in "blobs" {
                path: { let hex = digest.to_string(); format!("{}/{hex}", &hex[..2]) },
                parse: |rest| Some(Self::Blob(rest.split_once('/')?.1.parse().ok()?)),
                examples: |of| vec![Self::Blob(of.digest)],
                is: Content,
            }

            /// `locations/<range>/<pack>.datlake`: which files of a range of a tree rest in a pack.
            PackedIn(range: Digest, pack: Digest) in "locations" {
                path: format!("{range}/{pack}{LEAF}"),
                parse: |rest| {
                    let (range, pack) = rest.strip_suffix(LEAF)?.split_once('/')?;
                    Some(Self::PackedIn(range.parse().ok()?, pack.parse().ok()?))
                },
                examples: |of| vec![Self::PackedIn(of.digest, Digest::of(of.digest.as_bytes()))],
                is: Attached |at, bytes| PackLocations::document(at, range, pack, bytes),
            }

            /// `files/<uid>.datlake`: a chosen name.
            Name(uid: Uid) in "files" {
                path: format!("{uid}{LEAF}"),
                parse: |rest| Some(Self::Name(Uid::chosen(rest.strip_suffix(LEAF)?).ok()?)),
                examples: |of| vec![Self::Name(of.uid.clone())],
                is: Root |_at, bytes| Name::parse(uid, bytes).map(Name::document),
            }

            /// `calls/<creator>/<key>.datlake`: a call record.
            Record(creator: CreatorName, key: CallKey) in "calls" {
                path: [creator.as_str(), "/", key.hex().as_ref(), LEAF].concat(),
                parse: |rest| call(rest).map(|(creator, key)| Self::Record(creator, key)),
                examples: |of| vec![Self::Record(of.creator.clone(), of.key)],
                is: Root |at, bytes| CallDocument::parse(creator, key, bytes)?.document(at),
            }

            /// `calls/<creator>/<key>.alt/<digest>.datlake`: the record of a call that lost its key to another's, by its own digest.
            Superseded(creator: CreatorName, key: CallKey, digest: Digest) in "calls" {
                path: format!("{creator}/{key}{BESIDE}/{digest}{LEAF}"),
                parse: |rest| {
                    let (of, digest) = rest.strip_suffix(LEAF)?.rsplit_once('/')?;
                    let (creator, key) = of.strip_suffix(BESIDE)?.rsplit_once('/')?;
                    Some(Self::Superseded(CreatorName::new(creator).ok()?, key.parse().ok()?, digest.parse().ok()?))
                },
                examples: |of| vec![Self::Superseded(of.creator.clone(), of.key, of.digest)],
                is: Root |at, bytes| CallDocument::parse(creator, key, bytes)?.document(at),
            }

            /// `names/<uid>.datlake/<first>/<n>.datlake`: the entry `n` of the log of a chosen name, whose document in `files` has the
            /// digest `first`. Spelled counting down, so that what was appended last is listed first.
            Version(uid: Uid, first: Digest, n: u64) in "names" {
                path: format!("{uid}{LEAF}/{first}/{:016x}{LEAF}", u64::MAX - n),
                parse: |rest| {
                    let (of, n) = rest.strip_suffix(LEAF)?.rsplit_once('/')?;
                    let (uid, first) = of.rsplit_once('/')?;
                    let n = count(u64::MAX - u64::from_str_radix(n, 16).ok()?)?;
                    let uid = Uid::chosen(uid.strip_suffix(LEAF)?).ok()?;
                    (n > 0).then_some(Self::Version(uid, first.parse().ok()?, n))
                },
                examples: |of| vec![Self::Version(of.uid.clone(), of.digest, of.n.max(1)), Self::Version(of.uid.clone(), of.digest, 1)],
                is: Root |at, bytes| Version::parse(uid, first, *n, bytes).map(|version| version.document(at)),
            }

            /// `names/<uid>.datlake/<first>/<digest>.pruned.datlake`: the version whose entry has this digest keeps its content no more.
            Pruned(uid: Uid, first: Digest, entry: Digest) in "names" {
                path: format!("{uid}{LEAF}/{first}/{entry}.pruned{LEAF}"),
                parse: |rest| {
                    let (of, entry) = rest.strip_suffix(LEAF)?.strip_suffix(".pruned")?.rsplit_once('/')?;
                    let (uid, first) = of.rsplit_once('/')?;
                    let uid = Uid::chosen(uid.strip_suffix(LEAF)?).ok()?;
                    Some(Self::Pruned(uid, first.parse().ok()?, entry.parse().ok()?))
                },
                examples: |of| vec![Self::Pruned(of.uid.clone(), of.digest, of.digest)],
                is: Note |at, bytes| PrunedVersion::document(at, bytes),
            }

            /// `uses/<digest>/<creator>/<key>.datlake`: this call reads this content.
            Use(digest: Digest, creator: CreatorName, key: CallKey) in "uses" {
                path: format!("{digest}/{creator}/{key}{LEAF}"),
                parse: |rest| {
                    let (digest, of) = rest.split_once('/')?;
                    let (creator, key) = call(of)?;
                    Some(Self::Use(digest.parse().ok()?, creator, key))
                },
                examples: |of| vec![Self::Use(of.digest, of.creator.clone(), of.key)],
                is: Index,
            }

            /// `records/<creator>/<digest>.datlake`: a pack of copies of records of this creator, by the digest of its bytes.
            RecordPack(creator: CreatorName, digest: Digest) in "records" {
                path: format!("{creator}/{digest}{LEAF}"),
                parse: |rest| {
                    let (creator, digest) = rest.strip_suffix(LEAF)?.rsplit_once('/')?;
                    Some(Self::RecordPack(CreatorName::new(creator).ok()?, digest.parse().ok()?))
                },
                examples: |of| vec![Self::RecordPack(of.creator.clone(), of.digest)],
                is: Index,
            }

            /// `removed/<id>.datlake`: a tombstone.
            Tombstone(id: String) in "removed" {
                path: format!("{id}{LEAF}"),
                parse: |rest| Some(Self::Tombstone(rest.strip_suffix(LEAF)?.to_owned())),
                examples: |of| vec![Self::Tombstone(of.digest.to_string())],
                is: Note |at, bytes| Tombstone::document(at, bytes),
            }

            /// `claims/<key>/<n>.datlake`: somebody runs this call.
            Claim(key: CallKey, n: u64) in "claims" {
                path: format!("{key}/{n}{LEAF}"),
                parse: |rest| {
                    let (key, n) = rest.strip_suffix(LEAF)?.split_once('/')?;
                    Some(Self::Claim(key.parse().ok()?, count(n.parse().ok()?)?))
                },
                examples: |of| vec![Self::Claim(of.key, of.n)],
                is: Passing,
            }

            /// `claims/<key>/<n>.<beat>.datlake`: a heartbeat of who holds that claim.
            Beat(key: CallKey, n: u64, beat: u64) in "claims" {
                path: format!("{key}/{n}.{beat}{LEAF}"),
                parse: |rest| {
                    let (key, rest) = rest.strip_suffix(LEAF)?.split_once('/')?;
                    let (n, beat) = rest.split_once('.')?;
                    Some(Self::Beat(key.parse().ok()?, count(n.parse().ok()?)?, count(beat.parse().ok()?)?))
                },
                examples: |of| vec![Self::Beat(of.key, of.n, 3)],
                is: Passing,
            }

            /// `gc/<n>.datlake` and `gc/<n>.<stage>.datlake`: how far a collection has come.
            Collection(n: u64, stage: Stage) in "gc" {
                path: format!("{n}{}{LEAF}", stage.ending()),
                parse: |rest| {
                    let rest = rest.strip_suffix(LEAF)?;
                    let number = rest.split_once('.').map_or(rest, |(n, _)| n);
                    let (stage, _) = Stage::ALL.into_iter().find(|(_, ending)| *ending == &rest[number.len()..])?;
                    Some(Self::Collection(count(number.parse().ok()?)?, stage))
                },
                examples: |of| Stage::ALL.iter().map(|(stage, _)| Self::Collection(of.n, *stage)).collect(),
                is: Passing,
            }

            /// `rescued/<n>/<digest>.datlake`: somebody is about to name content that the collection `n` condemned.
            Rescued(n: u64, digest: Digest) in "rescued" {
                path: format!("{n}/{digest}{LEAF}"),
                parse: |rest| {
                    let (n, digest) = rest.strip_suffix(LEAF)?.split_once('/')?;
                    Some(Self::Rescued(count(n.parse().ok()?)?, digest.parse().ok()?))
                },
                examples: |of| vec![Self::Rescued(of.n, of.digest)],
                is: Passing,
            }

            /// `repositories/<name>.datlake`: a repository.
            Repository(name: RepositoryName) in "repositories" {
                path: format!("{name}{LEAF}"),
                parse: |rest| Some(Self::Repository(RepositoryName::new(rest.strip_suffix(LEAF)?).ok()?)),
                examples: |of| RepositoryName::new(&format!("0-{}", of.digest.short())).map(Self::Repository).into_iter().collect(),
                is: Root |at, bytes| RepositoryDocument::document(at, name, bytes),
            }

            /// `repos/<repository>/branches/<name>.datlake`: a branch of the repository whose document has this digest.
            Branch(repository: Digest, name: BranchName) in "repos" {
                path: format!("{repository}/branches/{name}{LEAF}"),
                parse: |rest| {
                    let (repository, name) = rest.strip_suffix(LEAF)?.split_once("/branches/")?;
                    Some(Self::Branch(repository.parse().ok()?, BranchName::new(name).ok()?))
                },
                examples: |of| BranchName::new("Main_1").map(|name| Self::Branch(of.digest, name)).into_iter().collect(),
                is: Root |at, bytes| BranchDocument::document(at, repository, name, bytes),
            }

            /// `repos/<repository>/tags/<name>.datlake`: a tag of that repository.
            Tag(repository: Digest, name: TagName) in "repos" {
                path: format!("{repository}/tags/{name}{LEAF}"),
                parse: |rest| {
                    let (repository, name) = rest.strip_suffix(LEAF)?.split_once("/tags/")?;
                    Some(Self::Tag(repository.parse().ok()?, TagName::new(name).ok()?))
                },
                examples: |of| TagName::new("a/v1.0").map(|name| Self::Tag(of.digest, name)).into_iter().collect(),
                is: Root |at, bytes| TagDocument::document(at, repository, name, bytes),
            }

            /// `repos/<repository>/log/<branch>/<first>/<n>.datlake`: the entry `n` of the log of the branch whose document has the
            /// digest `first`. Spelled counting down, as those of names.
            BranchEntry(repository: Digest, branch: BranchName, first: Digest, n: u64) in "repos" {
                path: format!("{repository}/log/{branch}/{first}/{:016x}{LEAF}", u64::MAX - n),
                parse: |rest| {
                    let (repository, rest) = rest.strip_suffix(LEAF)?.split_once("/log/")?;
                    let (of, n) = rest.rsplit_once('/')?;
                    let (branch, first) = of.split_once('/')?;
                    let n = count(u64::MAX - u64::from_str_radix(n, 16).ok()?)?;
                    let branch = BranchName::new(branch).ok()?;
                    (n > 0).then_some(Self::BranchEntry(repository.parse().ok()?, branch, first.parse().ok()?, n))
                },
                examples: |of| {
                    let branch = BranchName::new("Main_1").into_iter();
                    branch.map(|branch| Self::BranchEntry(of.digest, branch, of.digest, of.n.max(1))).collect()
                },
                is: Root |at, bytes| BranchEntry::document(at, (repository, branch, first), *n, bytes),
            }

            /// `repos/<repository>/commits/<id>.datlake`: this content is a commit of that repository.
            CommitMark(repository: Digest, id: Digest) in "repos" {
                path: format!("{repository}/commits/{id}{LEAF}"),
                parse: |rest| {
                    let (repository, id) = rest.strip_suffix(LEAF)?.split_once("/commits/")?;
                    Some(Self::CommitMark(repository.parse().ok()?, id.parse().ok()?))
                },
                examples: |of| vec![Self::CommitMark(of.digest, of.digest)],
                is: Index,
            }

            /// `uploads/<id>.datlake`: what somebody puts there by a signed URL. It is copied to content of the lake, and goes.
            Upload(id: Digest) in "uploads" {
                path: format!("{id}{LEAF}"),
                parse: |rest| Some(Self::Upload(rest.strip_suffix(LEAF)?.parse().ok()?)),
                examples: |of| vec![Self::Upload(of.digest)],
                is: Passing,
            }

            /// `parts/<id>/<digest>.datlake`: a part of an upload that comes in parts, by the digest of its bytes. What it is a part of is known elsewhere, and
            /// it goes.
            Part(id: Digest, content: Digest) in "parts" {
                path: format!("{id}/{content}{LEAF}"),
                parse: |rest| {
                    let (id, content) = rest.strip_suffix(LEAF)?.split_once('/')?;
                    Some(Self::Part(id.parse().ok()?, content.parse().ok()?))
                },
                examples: |of| vec![Self::Part(of.digest, of.digest)],
                is: Passing,
            }

            /// `unpushed/<path>`: the remote has not decided yet about the document at that path.
            Unpushed(of: Box<Location>) in "unpushed" {
                path: of.path(),
                parse: |rest| Some(Self::Unpushed(Box::new(Self::parse(rest).filter(|of| of.role() == Role::Root)?))),
                examples: |of| vec![Self::Record(of.creator.clone(), of.key).mark(), Self::Name(of.uid.clone()).mark()],
                is: Passing,
            }

            /// `made-up/<digest>.datlake`: a kind for tests, by which they see that one row is all that a kind needs.
            #[cfg(feature = "made-up")]
            MadeUp(digest: Digest) in "made-up" {
                path: format!("{digest}{LEAF}"),
                parse: |rest| Some(Self::MadeUp(rest.strip_suffix(LEAF)?.parse().ok()?)),
                examples: |of| vec![Self::MadeUp(of.digest)],
                is: Root |at, bytes| crate::made_up::document(at, bytes),
            }
        }
    };
}

pub(crate) use kinds;
