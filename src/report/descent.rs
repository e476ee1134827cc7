//! What was made from a file, and what was made from that.

use std::collections::{BTreeSet, HashMap, VecDeque};

use datlake_core::lineage::{Input, Lineage};
use datlake_core::record::Record;
use datlake_core::{CallKey, CreatorName, Digest, Result, Uid, UidKind};
use serde::Serialize;

use super::files::is_damage;
use super::{Damage, OutputRow};
use crate::file::{File, Tree};
use crate::lake::{Lake, refuse_in_body};

/// The calls that read a file, and those that read what they made: a graph, in which each call stands once.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Descent {
    /// The calls that read the file itself, as positions among the nodes.
    pub readers: Vec<usize>,
    /// The calls, those nearest to the file first.
    pub nodes: Vec<Descendant>,
    /// How many calls that may have read some of it were not looked at, for `depth` or `limit`.
    pub left_out: u64,
    /// Calls whose records are damaged: whether they read it, and what they made, nobody can tell.
    pub damaged: Vec<Damage>,
}

/// A call in a [`Descent`].
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Descendant {
    /// The creator.
    pub creator: CreatorName,
    /// The key of the call.
    pub key: CallKey,
    /// When the body started.
    pub created_at: String,
    /// Who ran it.
    pub originator: String,
    /// The files it made, in order. A call that returned a value alone has none.
    pub outputs: Vec<OutputRow>,
    /// The calls that read one of them, as positions among the nodes.
    pub readers: Vec<usize>,
}

/// How far to follow what was made from a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// In calls, one after another.
    pub(super) depth: usize,
    /// In calls, all together.
    pub(super) calls: usize,
}

/// Files whose readers are looked for: what is known of them under which digest.
pub(super) type Read = HashMap<Digest, BTreeSet<Uid>>;

impl Lake {
    /// The calls that read the file called `uid`, which may be [abbreviated](Lake::resolve), and what was made from what they
    /// made, `depth` calls down and at most `limit` calls in all. Of a tree also those that read a file in it.
    ///
    /// # Errors
    /// As [`Lake::info`].
    ///
    /// ```
    /// # fn main() -> datlake::Result<()> {
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_bytes("greetings/en.txt", b"hello")?;
    /// assert!(lake.descent("greetings/en.txt", 10, 1000)?.nodes.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn descent(&self, uid: &str, depth: usize, limit: usize) -> Result<Descent> {
        refuse_in_body("look at what was made from a file")?;
        let file = self.file(self.resolve(uid)?.as_str())?;
        let mut read = Read::new();
        file_of(&file, &mut read)?;
        self.descend(vec![read], &BTreeSet::new(), Bounds { depth, calls: limit })
    }

    /// What was made from what stands in `starts`. Calls among `without` are not followed and not shown.
    pub(super) fn descend(
        &self,
        starts: Vec<Read>,
        without: &BTreeSet<(CreatorName, CallKey)>,
        bounds: Bounds,
    ) -> Result<Descent> {
        let mut descent = Descent::default();
        let mut places = HashMap::<(CreatorName, CallKey), Option<usize>>::new();
        // What each node was given.
        let mut inputs: Vec<Vec<Input>> = Vec::new();
        places.extend(without.iter().cloned().map(|call| (call, None)));
        // Whose outputs they are, how many calls below the file, and what to look for.
        let mut open: VecDeque<(Option<usize>, usize, Read)> = starts.into_iter().map(|read| (None, 0, read)).collect();
        while let Some((of, level, read)) = open.pop_front() {
            let contents = read.keys().copied().collect();
            for call in pollster::block_on(self.catalog().readers(&contents))? {
                let place = match places.get(&call) {
                    // That it reads other content of this kind says nothing of these files.
                    Some(Some(place)) if !inputs[*place].iter().any(|input| reads(input, &read)) => continue,
                    Some(place) => *place,
                    None if level == bounds.depth || descent.nodes.len() == bounds.calls => {
                        descent.left_out += 1;
                        places.insert(call, None);
                        continue;
                    }
                    None => {
                        match self.node(&call, &read, &mut descent)? {
                            // It may read what another has made.
                            Verdict::ReadsNot => continue,
                            Verdict::Damaged => {
                                places.insert(call, None);
                                continue;
                            }
                            Verdict::Reads(given, made) => {
                                let node = inputs.len();
                                inputs.push(given);
                                places.insert(call, Some(node));
                                open.push_back((Some(node), level + 1, made));
                                Some(node)
                            }
                        }
                    }
                };
                let Some(place) = place else { continue };
                let readers = match of {
                    None => &mut descent.readers,
                    Some(of) => &mut descent.nodes[of].readers,
                };
                if !readers.contains(&place) {
                    readers.push(place);
                }
            }
        }
        Ok(descent)
    }

    fn node(&self, call: &(CreatorName, CallKey), read: &Read, descent: &mut Descent) -> Result<Verdict> {
        let (creator, key) = call;
        let found = pollster::block_on(async {
            let Some(record) = self.catalog().record(creator, key).await? else { return Ok(None) };
            let made = self.catalog().made_by(&record).await?;
            Ok(Some((Record::lineage(&record)?, made)))
        });
        let (lineage, made) = match found {
            Ok(Some(found)) => found,
            // The index outlives what it speaks of.
            Ok(None) => return Ok(Verdict::ReadsNot),
            Err(error) if is_damage(&error) => {
                descent.damaged.push(Damage { what: format!("{creator}/{key}"), error: error.to_string() });
                return Ok(Verdict::Damaged);
            }
            Err(error) => return Err(error),
        };
        if !lineage.inputs.iter().any(|input| reads(input, read)) {
            return Ok(Verdict::ReadsNot);
        }
        let Lineage { creator, key, started_at, person, inputs, outputs, .. } = lineage;
        let outputs: Vec<_> =
            outputs.into_iter().filter(|output| made.contains(&output.uid)).map(OutputRow::from).collect();
        let mut below = Read::new();
        for output in &outputs {
            below.entry(output.digest).or_default().insert(output.uid.clone());
            if output.tree
                && let Some(file) = pollster::block_on(self.find(&output.uid))?
                && let Err(error) = members_of(&file, &mut below)
            {
                descent.damaged.push(Damage { what: output.uid.to_string(), error: error.to_string() });
            }
        }
        descent.nodes.push(Descendant {
            creator,
            key,
            created_at: started_at,
            originator: person.email,
            outputs,
            readers: Vec::new(),
        });
        Ok(Verdict::Reads(inputs, below))
    }
}

/// What a record says of a call that the index names.
enum Verdict {
    /// It is the last of the nodes now; what it was given, and what it made.
    Reads(Vec<Input>, Read),
    ReadsNot,
    Damaged,
}

/// Whether an input is one of those files: the same content under another name is another file.
fn reads(input: &Input, read: &Read) -> bool {
    match (read.get(&input.digest), &input.uid) {
        (Some(files), Some(uid)) => files.contains(uid),
        _ => false,
    }
}

/// `file`, and of a tree the files in it.
pub(super) fn file_of(file: &File, read: &mut Read) -> Result<()> {
    if let Some(uid) = file.uid() {
        read.entry(file.digest()).or_default().insert(uid.clone());
    }
    if file.is_tree() { members_of(file, read) } else { Ok(()) }
}

fn members_of(tree: &File, read: &mut Read) -> Result<()> {
    for member in Tree::try_from(tree.clone())?.files()? {
        if let Some(uid) = member.uid().filter(|uid| matches!(uid.kind(), UidKind::Member { .. })) {
            read.entry(member.digest()).or_default().insert(uid.clone());
        }
    }
    Ok(())
}
