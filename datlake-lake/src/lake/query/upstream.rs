//! What a file or a value was made from, and what that was made from.

use std::collections::{HashMap, VecDeque};

use datlake_core::lineage::{Input, ValueInput};
use datlake_core::record::{NameTarget, Record, ValueBytes};
use datlake_core::{CallKey, CreatorName, Digest, ErrorKind, Result, Uid, UidKind};
use datlake_store::wait;

use crate::lake::{Lake, refuse_in_body};
use crate::origin::Origin;
use crate::report::{Upstream, UpstreamFile, UpstreamState};

/// What tells nodes apart: a file by its UID, a value by the call that returned it; and either by content.
type Identity = (Option<Uid>, Option<(CreatorName, CallKey)>, Digest);

/// A file or a value on the way up: where it stands among the nodes, and how far above the first.
struct Open {
    node: usize,
    level: usize,
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
        if let Some(record) = self.record_named(uid)? {
            let Record { creator, key, value_digest, .. } = record;
            return wait(self.climb(value(creator, key, value_digest), depth));
        }
        let file = self.file(self.resolve(uid)?.as_str())?;
        let first = unnamed(file.uid().cloned(), file.name().to_owned(), file.digest(), file.len());
        wait(self.climb(first, depth))
    }

    async fn climb(&self, first: UpstreamFile, depth: usize) -> Result<Upstream> {
        let mut seen = HashMap::from([(identity(&first), 0)]);
        let mut found = Upstream { nodes: vec![first], left_out: false };
        let mut open = VecDeque::from([Open { node: 0, level: 0 }]);
        while let Some(Open { node, level }) = open.pop_front() {
            let (origin, state) = match &found.nodes[node] {
                UpstreamFile { value: true, .. } => self.origin_of_value(&mut found.nodes[node]).await?,
                file => self.origin_of(file).await?,
            };
            let one = &mut found.nodes[node];
            one.state = state;
            let lineage = match origin {
                None => continue,
                Some(Origin::Added(added)) => {
                    (one.created_at, one.originator) = (Some(added.at), Some(added.person.email));
                    continue;
                }
                Some(Origin::Call(lineage)) => *lineage,
            };
            one.unknown = lineage.unknown().into_iter().map(str::to_owned).collect();
            one.values_left_out = lineage.values_left_out;
            (one.created_at, one.originator) = (Some(lineage.started_at), Some(lineage.person.email));
            one.call = Some((lineage.creator, lineage.key));
            if level == depth {
                found.left_out |= !lineage.inputs.is_empty() || !lineage.values.is_empty();
                continue;
            }
            let files = lineage
                .inputs
                .into_iter()
                .map(|Input { uid, name, digest, size, .. }| unnamed(uid, name, digest, size));
            let values =
                lineage.values.into_iter().map(|ValueInput { creator, key, digest, .. }| value(creator, key, digest));
            for above in files.chain(values) {
                let next = found.nodes.len();
                let at = *seen.entry(identity(&above)).or_insert(next);
                if at == next {
                    found.nodes.push(above);
                    open.push_back(Open { node: at, level: level + 1 });
                }
                // Two arguments may hold the same file.
                if !found.nodes[node].inputs.contains(&at) {
                    found.nodes[node].inputs.push(at);
                }
            }
        }
        Ok(found)
    }

    async fn origin_of(&self, node: &UpstreamFile) -> Result<(Option<Origin>, UpstreamState)> {
        let Some(uid) = &node.uid else { return Ok((None, UpstreamState::Unnamed)) };
        match self.find(uid).await? {
            None => return Ok((self.lost(uid, node).await?, UpstreamState::Removed)),
            Some(file) if file.digest() != node.digest => {
                return Ok((self.lost(uid, node).await?, UpstreamState::Replaced));
            }
            Some(_) => {}
        }
        match Origin::of(self, uid, &node.digest).await {
            Ok(origin) => Ok((Some(origin), UpstreamState::Present)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok((None, UpstreamState::Removed)),
            Err(error) => Err(error),
        }
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
            UidKind::Member { .. } => return Ok(None),
            UidKind::Chosen => match self.catalog().version_with(uid, &node.digest).await? {
                // What the name led to before.
                Some(_) => return Origin::of(self, uid, &node.digest).await.map(Some),
                None => match self.catalog().target(uid).await? {
                    Some(NameTarget::Output(output)) => (output.creator, output.key),
                    _ => return Ok(None),
                },
            },
        };
        let record = self.catalog().record_that_made(&creator, &key, uid, &node.digest).await?;
        record.map(|record| Ok(Origin::Call(Box::new(record.lineage()?)))).transpose()
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
        state: UpstreamState::Unnamed,
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
    let name = creator.as_str().rsplit(['/', ':']).next().unwrap_or_default().to_owned();
    UpstreamFile { value: true, call: Some((creator, key)), ..unnamed(None, name, digest, 0) }
}

fn identity(node: &UpstreamFile) -> Identity {
    (node.uid.clone(), node.call.clone().filter(|_| node.value), node.digest)
}
