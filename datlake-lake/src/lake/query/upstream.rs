//! What a file or a value was made from, and what that was made from.

use std::collections::{BTreeSet, HashMap, VecDeque};

use datlake_core::catalog::FileMeta;
use datlake_core::lineage::{Input, Lineage, ValueInput};
use datlake_core::record::{NameTarget, Record, ValueBytes};
use datlake_core::{CallKey, CreatorName, Digest, ErrorKind, Result, Uid, UidKind};
use datlake_store::wait;

use super::downstream::Bounds;
use crate::file::{File, Tree};
use crate::lake::versions::EarlierVersion;
use crate::lake::{Lake, refuse_in_body};
use crate::origin::Origin;
use crate::report::{Upstream, UpstreamFile, UpstreamState};

/// What tells nodes apart: a file by its UID, a value by the call that returned it; and either by content.
type Identity = (Option<Uid>, Option<(CreatorName, CallKey)>, Digest);

/// A file or a value to start from, and the version of it that was asked for.
pub(in crate::lake) struct ClimbStart {
    node: UpstreamFile,
    version: Option<EarlierVersion>,
}

impl ClimbStart {
    /// What the call returned that left `record`.
    pub(super) fn value(record: &Record) -> Self {
        Self { node: value(record.creator.clone(), record.key, record.value_digest), version: None }
    }
}

/// A file or a value on the way up: where it stands among the nodes, and how far above the first.
struct Open {
    node: usize,
    level: usize,
    /// When it was read; of the first `None`.
    read_at: Option<String>,
    version: Option<EarlierVersion>,
}

impl Lake {
    /// The file called `uid`, which may be [abbreviated](Lake::resolve), or the value of a call (`@creator/key`), and what it was
    /// made from, `depth` calls up.
    ///
    /// # Errors
    /// As [`Lake::info`].
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_bytes("greetings/en.txt", b"hello")?;
    /// assert_eq!(lake.upstream("greetings/en.txt", 10)?.nodes.len(), 1);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn upstream(&self, uid: &str, depth: usize) -> Result<Upstream> {
        refuse_in_body("look at a file's lineage")?;
        let start = match self.record_named(uid)? {
            Some(record) => ClimbStart::value(&record),
            None => self.start_named(uid)?.0,
        };
        wait(self.climb(vec![start], Bounds { depth, calls: usize::MAX }, &mut |_| {}))
    }

    /// The file called `uid`, which may be abbreviated.
    pub(super) fn start_named(&self, uid: &str) -> Result<(ClimbStart, File)> {
        let asked = self.resolve(uid)?;
        let file = self.file(asked.as_str())?;
        let node = unnamed(file.uid().cloned(), file.name().to_owned(), file.digest(), file.len());
        let node = UpstreamFile { tree: file.is_tree(), ..node };
        Ok((ClimbStart { node, version: wait(self.version_asked(&asked))? }, file))
    }

    /// What `starts` were made from: they are the first of the nodes. `seen` gets the lineage of each call that is met.
    pub(super) async fn climb(
        &self,
        starts: Vec<ClimbStart>,
        bounds: Bounds,
        seen: &mut (dyn FnMut(&Lineage) + Send),
    ) -> Result<Upstream> {
        let mut places = HashMap::new();
        let (mut found, mut open) = (Upstream { nodes: Vec::new(), left_out: false }, VecDeque::new());
        for ClimbStart { node, version } in starts {
            let next = found.nodes.len();
            if *places.entry(identity(&node)).or_insert(next) == next {
                found.nodes.push(node);
                open.push_back(Open { node: next, level: 0, read_at: None, version });
            }
        }
        let mut followed = 0;
        while let Some(Open { node, level, read_at, version }) = open.pop_front() {
            let one = &mut found.nodes[node];
            let (origin, state) = match (one.value, version) {
                (true, _) => self.origin_of_value(one).await?,
                (false, Some(version)) => self.origin_of_version(one, version).await?,
                (false, None) => self.origin_of(one, read_at.as_deref()).await?,
            };
            let one = &mut found.nodes[node];
            one.state = state;
            let lineage = match origin {
                None => continue,
                Some(Origin::Added(added)) => {
                    (one.created_at, one.originator, one.tree) = (Some(added.at), Some(added.person.email), added.tree);
                    continue;
                }
                Some(Origin::Call(lineage)) => *lineage,
            };
            seen(&lineage);
            one.tree |= lineage.outputs.iter().any(|output| output.tree && Some(&output.uid) == one.uid.as_ref());
            one.unknown = lineage.unknown().into_iter().map(str::to_owned).collect();
            one.values_left_out = lineage.values_left_out;
            let read_at = Some(lineage.started_at);
            (one.created_at, one.originator) = (read_at.clone(), Some(lineage.person.email));
            one.call = Some((lineage.creator, lineage.key));
            if level == bounds.depth || followed == bounds.calls {
                found.left_out |= !lineage.inputs.is_empty() || !lineage.values.is_empty();
                continue;
            }
            followed += 1;
            let files = lineage.inputs.into_iter().map(|input| {
                let Input { uid, name, digest, size, .. } = input;
                unnamed(uid, name, digest, size)
            });
            let values =
                lineage.values.into_iter().map(|ValueInput { creator, key, digest, .. }| value(creator, key, digest));
            let mut inputs = BTreeSet::new();
            for above in files.chain(values) {
                let next = found.nodes.len();
                let at = *places.entry(identity(&above)).or_insert(next);
                if at == next {
                    found.nodes.push(above);
                    open.push_back(Open { node: at, level: level + 1, read_at: read_at.clone(), version: None });
                }
                // Two arguments may hold the same file.
                if inputs.insert(at) {
                    found.nodes[node].inputs.push(at);
                }
            }
        }
        Ok(found)
    }

    async fn origin_of(
        &self,
        node: &mut UpstreamFile,
        read_at: Option<&str>,
    ) -> Result<(Option<Origin>, UpstreamState)> {
        let Some(uid) = node.uid.clone() else { return Ok((None, UpstreamState::Unnamed)) };
        let now = self.find(&uid).await?.map(|file| file.digest());
        // A name may have led to the same content before, by another call.
        if let (Some(read_at), Some(name)) = (read_at, chosen(&uid))
            && now.is_some()
            && let Some(version) = self.version_in(&uid, name, &node.digest, read_at).await?
        {
            let (origin, state) = self.origin_of_version(node, version).await?;
            return match now == Some(node.digest) {
                true => {
                    (node.version, node.replaced_by) = (None, None);
                    Ok((origin, if state == UpstreamState::Replaced { UpstreamState::Present } else { state }))
                }
                false => Ok((origin, state)),
            };
        }
        match now {
            None => return Ok((self.lost(&uid, node).await?, UpstreamState::Removed)),
            Some(now) if now != node.digest => {
                return Ok((self.lost(&uid, node).await?, UpstreamState::Replaced));
            }
            Some(_) => {}
        }
        or_removed(Origin::of(self, &uid, &node.digest).await, UpstreamState::Present)
    }

    /// The version of a name in which `uid` had this content: the name itself, or a file in the tree that it led to.
    async fn version_in(
        &self,
        uid: &Uid,
        name: Uid,
        content: &Digest,
        read_at: &str,
    ) -> Result<Option<EarlierVersion>> {
        if self.catalog().named(&name).await?.is_none_or(|named| named.entries == 0) {
            return Ok(None);
        }
        let had: Box<dyn Fn(&FileMeta) -> bool + Send> = match uid.kind() {
            UidKind::Member { path, .. } => {
                let lake = self.clone();
                Box::new(move |tree: &FileMeta| {
                    let tree = Tree::try_from(File::known(&lake, tree.clone()));
                    // What is not here any more says nothing.
                    let member = tree.and_then(|tree| tree.find(&path)).ok().flatten();
                    member.is_some_and(|member| member.digest() == *content)
                })
            }
            _ => Box::new(|file: &FileMeta| file.digest == *content),
        };
        let found = self.catalog().version_that(&name, Some(read_at), &*had).await?;
        found.map(|found| EarlierVersion::new(&name, found)).transpose()
    }

    /// What a version of a name comes from, and whether it was replaced.
    async fn origin_of_version(
        &self,
        node: &mut UpstreamFile,
        version: EarlierVersion,
    ) -> Result<(Option<Origin>, UpstreamState)> {
        let Some(uid) = node.uid.clone() else { return Ok((None, UpstreamState::Unnamed)) };
        let EarlierVersion { address, target, replaced_by } = version;
        let state = if replaced_by.is_some() { UpstreamState::Replaced } else { UpstreamState::Present };
        if replaced_by.is_some() {
            let path = match uid.kind() {
                UidKind::Member { path, .. } => format!("//{path}"),
                _ => String::new(),
            };
            (node.version, node.replaced_by) = (Some(format!("{address}{path}")), replaced_by);
        }
        or_removed(Origin::of_target(self.catalog(), &uid, target).await, state)
    }

    async fn origin_of_value(&self, node: &mut UpstreamFile) -> Result<(Option<Origin>, UpstreamState)> {
        let Some((creator, key)) = &node.call else { return Ok((None, UpstreamState::Unnamed)) };
        let Some(mut record) = self.catalog().record(creator, key).await? else {
            return Ok((None, UpstreamState::Removed));
        };
        let mut state = UpstreamState::Present;
        if record.value_digest != node.digest {
            state = UpstreamState::Replaced;
            match self.catalog().record_that_returned(creator, key, &node.digest).await? {
                Some(lost) => record = lost,
                None => return Ok((None, state)),
            }
        }
        node.size = match &record.value {
            ValueBytes::Inline(bytes) => bytes.len() as u64,
            ValueBytes::Blob(digest) => self.size_of(digest).await?.unwrap_or(0),
        };
        Ok((Some(Origin::Call(Box::new(record.lineage()?))), state))
    }

    /// Where a file comes from whose call lost its key to another machine's.
    async fn lost(&self, uid: &Uid, node: &UpstreamFile) -> Result<Option<Origin>> {
        let (creator, key) = match uid.kind() {
            UidKind::Output { creator, key, .. } => (creator, key),
            UidKind::Member { .. } | UidKind::Committed { .. } => return Ok(None),
            UidKind::Chosen => match self.catalog().target(uid).await? {
                Some(NameTarget::Output(output)) => (output.creator, output.key),
                _ => return Ok(None),
            },
        };
        let record = self.catalog().record_that_made(&creator, &key, uid, &node.digest).await?;
        record.map(|record| Ok(Origin::Call(Box::new(record.lineage()?)))).transpose()
    }
}

/// The chosen name of a file, or of the tree that it is in.
fn chosen(uid: &Uid) -> Option<Uid> {
    let name = match uid.kind() {
        UidKind::Member { tree, .. } => tree,
        _ => uid.clone(),
    };
    name.is_chosen().then_some(name)
}

/// What was removed comes from nowhere that is known.
fn or_removed(origin: Result<Origin>, state: UpstreamState) -> Result<(Option<Origin>, UpstreamState)> {
    match origin {
        Ok(origin) => Ok((Some(origin), state)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok((None, UpstreamState::Removed)),
        Err(error) => Err(error),
    }
}

/// A file of which no more is known yet.
fn unnamed(uid: Option<Uid>, name: String, digest: Digest, size: u64) -> UpstreamFile {
    UpstreamFile {
        uid,
        name,
        value: false,
        digest,
        size,
        tree: false,
        state: UpstreamState::Unnamed,
        version: None,
        replaced_by: None,
        created_at: None,
        originator: None,
        call: None,
        inputs: Vec::new(),
        unknown: Vec::new(),
        values_left_out: 0,
    }
}

/// What a call returned.
fn value(creator: CreatorName, key: CallKey, digest: Digest) -> UpstreamFile {
    let name = creator.function().to_owned();
    UpstreamFile { value: true, call: Some((creator, key)), ..unnamed(None, name, digest, 0) }
}

fn identity(node: &UpstreamFile) -> Identity {
    (node.uid.clone(), node.call.clone().filter(|_| node.value), node.digest)
}
