//! What was made from a file, and what was made from that.

use std::collections::{BTreeSet, HashMap, VecDeque};

use datlake_core::lineage::{Input, Lineage};
use datlake_core::record::Record;
use datlake_core::{CallKey, CreatorName, Digest, Result, Uid, UidKind};
use datlake_store::wait;

use crate::file::{File, Tree};
use crate::lake::{Lake, refuse_in_body, unless_damaged};
use crate::report::{Damage, Downstream, DownstreamCall, OutputRow};

/// How far to follow what was made from a file.
#[derive(Clone, Copy, Debug)]
pub(in crate::lake) struct Bounds {
    /// In calls, one after another.
    pub(in crate::lake) depth: usize,
    /// In calls, all together.
    pub(in crate::lake) calls: usize,
}

/// Files whose readers are looked for: what is known of them under which digest.
pub(in crate::lake) type Read = HashMap<Digest, BTreeSet<Uid>>;

impl Lake {
    /// The calls that read the file called `uid`, which may be [abbreviated](Lake::resolve), and what was made from what they
    /// made, `depth` calls down and at most `limit` calls in all. Of a tree also those that read a file in it.
    ///
    /// # Errors
    /// As [`Lake::info`].
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_bytes("greetings/en.txt", b"hello")?;
    /// assert!(lake.downstream("greetings/en.txt", 10, 1000)?.nodes.is_empty());
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn downstream(&self, uid: &str, depth: usize, limit: usize) -> Result<Downstream> {
        refuse_in_body("look at what was made from a file")?;
        let file = self.file(self.resolve(uid)?.as_str())?;
        let mut read = Read::new();
        file_of(&file, &mut read)?;
        self.follow_readers(vec![read], &BTreeSet::new(), Bounds { depth, calls: limit })
    }

    /// What was made from what stands in `starts`. Calls among `without` are not followed and not shown.
    pub(in crate::lake) fn follow_readers(
        &self,
        starts: Vec<Read>,
        without: &BTreeSet<(CreatorName, CallKey)>,
        bounds: Bounds,
    ) -> Result<Downstream> {
        let mut found = Downstream::default();
        let mut places = HashMap::<(CreatorName, CallKey), Option<usize>>::new();
        // What each node was given.
        let mut inputs: Vec<Vec<Input>> = Vec::new();
        places.extend(without.iter().cloned().map(|call| (call, None)));
        // Whose outputs they are, how many calls below the file, and what to look for.
        let mut open: VecDeque<(Option<usize>, usize, Read)> = starts.into_iter().map(|read| (None, 0, read)).collect();
        while let Some((of, level, read)) = open.pop_front() {
            let contents = read.keys().copied().collect();
            for call in wait(self.catalog().readers(&contents))? {
                let place = match places.get(&call) {
                    // That it reads other content of this kind says nothing of these files.
                    Some(Some(place)) if !inputs[*place].iter().any(|input| reads(input, &read)) => continue,
                    Some(place) => *place,
                    None if level == bounds.depth || found.nodes.len() == bounds.calls => {
                        found.left_out += 1;
                        places.insert(call, None);
                        continue;
                    }
                    None => {
                        match self.node(&call, &read, &mut found)? {
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
                    None => &mut found.readers,
                    Some(of) => &mut found.nodes[of].readers,
                };
                if !readers.contains(&place) {
                    readers.push(place);
                }
            }
        }
        Ok(found)
    }

    fn node(&self, call: &(CreatorName, CallKey), read: &Read, found: &mut Downstream) -> Result<Verdict> {
        let (creator, key) = call;
        let read_record = wait(async {
            let Some(record) = self.catalog().record(creator, key).await? else { return Ok(None) };
            let made = self.catalog().made_by(&record).await?;
            Ok(Some((Record::lineage(&record)?, made)))
        });
        let (lineage, made) = match unless_damaged(read_record, format_args!("{creator}/{key}"), &mut found.damaged)? {
            Some(Some(of_call)) => of_call,
            // The index outlives what it speaks of.
            Some(None) => return Ok(Verdict::ReadsNot),
            None => return Ok(Verdict::Damaged),
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
                && let Some(file) = wait(self.find(&output.uid))?
                && let Err(error) = members_of(&file, &mut below)
            {
                found.damaged.push(Damage::new(&output.uid, &error));
            }
        }
        found.nodes.push(DownstreamCall {
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
pub(in crate::lake) fn file_of(file: &File, read: &mut Read) -> Result<()> {
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
