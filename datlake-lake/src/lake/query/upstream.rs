//! What a file was made from, and what that was made from.

use std::collections::{HashMap, VecDeque};

use datlake_core::lineage::Input;
use datlake_core::record::NameTarget;
use datlake_core::{Digest, ErrorKind, Result, Uid, UidKind};
use datlake_store::wait;

use crate::lake::{Lake, refuse_in_body};
use crate::origin::Origin;
use crate::report::{Upstream, UpstreamFile, UpstreamState};

/// A file on the way up: where it stands among the nodes, and how far above the first.
struct Open {
    node: usize,
    level: usize,
}

impl Lake {
    /// The file called `uid`, which may be [abbreviated](Lake::resolve), and what it was made from, `depth` calls up.
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
        let file = self.file(self.resolve(uid)?.as_str())?;
        let first = unnamed(file.uid().cloned(), file.name().to_owned(), file.digest(), file.len());
        wait(self.climb(first, depth))
    }

    async fn climb(&self, first: UpstreamFile, depth: usize) -> Result<Upstream> {
        let mut seen = HashMap::<(Option<Uid>, Digest), usize>::from([((first.uid.clone(), first.digest), 0)]);
        let mut found = Upstream { nodes: vec![first], left_out: false };
        let mut open = VecDeque::from([Open { node: 0, level: 0 }]);
        while let Some(Open { node, level }) = open.pop_front() {
            let (origin, state) = self.origin_of(&found.nodes[node]).await?;
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
            (one.created_at, one.originator) = (Some(lineage.started_at), Some(lineage.person.email));
            one.call = Some((lineage.creator, lineage.key));
            if level == depth {
                found.left_out |= !lineage.inputs.is_empty();
                continue;
            }
            for Input { uid, name, digest, size, .. } in lineage.inputs {
                let next = found.nodes.len();
                let at = *seen.entry((uid.clone(), digest)).or_insert(next);
                if at == next {
                    found.nodes.push(unnamed(uid, name, digest, size));
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
        match Origin::of(self, uid).await {
            Ok(origin) => Ok((Some(origin), UpstreamState::Present)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok((None, UpstreamState::Removed)),
            Err(error) => Err(error),
        }
    }

    /// Where a file comes from whose call lost its key to another machine's.
    async fn lost(&self, uid: &Uid, node: &UpstreamFile) -> Result<Option<Origin>> {
        let (creator, key) = match uid.kind() {
            UidKind::Output { creator, key, .. } => (creator, key),
            UidKind::Member { .. } => return Ok(None),
            UidKind::Chosen => match self.catalog().name(uid).await?.map(|name| name.target) {
                Some(NameTarget::Output(output)) => (output.creator, output.key),
                _ => return Ok(None),
            },
        };
        let record = self.catalog().record_that_made(&creator, &key, uid, &node.digest).await?;
        record.map(|record| Ok(Origin::Call(Box::new(record.lineage()?)))).transpose()
    }
}

/// A file of which no more is known yet.
fn unnamed(uid: Option<Uid>, name: String, digest: Digest, size: u64) -> UpstreamFile {
    let (created_at, originator, call, inputs) = (None, None, None, Vec::new());
    UpstreamFile { uid, name, digest, size, state: UpstreamState::Unnamed, created_at, originator, call, inputs }
}
