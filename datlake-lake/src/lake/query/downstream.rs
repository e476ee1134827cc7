//! What was made from a file or a value, and what was made from that.

use std::collections::{BTreeSet, HashMap, VecDeque};

use datlake_core::lineage::{Input, Lineage, ValueInput};
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

/// Files and values whose readers are looked for: what is known of them under which digest.
#[derive(Default)]
pub(in crate::lake) struct Read {
    files: HashMap<Digest, BTreeSet<Uid>>,
    values: HashMap<Digest, BTreeSet<(CreatorName, CallKey)>>,
}

/// What a call was given.
struct Given {
    files: Vec<Input>,
    values: Vec<ValueInput>,
}

impl Read {
    /// A file with this content.
    fn file(&mut self, digest: Digest, uid: Uid) {
        self.files.entry(digest).or_default().insert(uid);
    }

    /// What the call returned that left `record`.
    pub(in crate::lake) fn value(&mut self, record: &Record) {
        self.values.entry(record.value_digest).or_default().insert((record.creator.clone(), record.key));
    }

    /// Whether what a call was given is some of it: the same content under another name is another file.
    fn has_some_of(&self, files: &[Input], values: &[ValueInput]) -> bool {
        let file = |input: &Input| match (self.files.get(&input.digest), &input.uid) {
            (Some(files), Some(uid)) => files.contains(uid) || files.iter().any(|file| file.is_same_path(uid)),
            _ => false,
        };
        let value = |value: &ValueInput| {
            let calls = self.values.get(&value.digest);
            calls.is_some_and(|calls| calls.contains(&(value.creator.clone(), value.key)))
        };
        files.iter().any(file) || values.iter().any(value)
    }
}

impl Lake {
    /// The calls that read the file called `uid`, which may be [abbreviated](Lake::resolve), and what was made from what they
    /// made, `depth` calls down and at most `limit` calls in all. Of a tree also those that read a file in it; of a call
    /// (`@creator/key`) those that were given what it returned.
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
        let mut read = Read::default();
        match self.record_named(uid)? {
            Some(record) => {
                for made in wait(self.catalog().made_by(&record))? {
                    file_of(&self.file(made.as_str())?, &mut read)?;
                }
                read.value(&record);
            }
            None => file_of(&self.file(self.resolve(uid)?.as_str())?, &mut read)?,
        }
        self.follow_readers(vec![read], &BTreeSet::new(), Bounds { depth, calls: limit }, &mut |_| {})
    }

    /// What was made from what stands in `starts`. Calls among `without` are not followed and not shown; `seen` gets the lineage of
    /// each that is.
    pub(in crate::lake) fn follow_readers(
        &self,
        starts: Vec<Read>,
        without: &BTreeSet<(CreatorName, CallKey)>,
        bounds: Bounds,
        seen: &mut dyn FnMut(&Lineage),
    ) -> Result<Downstream> {
        let mut found = Downstream::default();
        let mut places = HashMap::<(CreatorName, CallKey), Option<usize>>::new();
        // What each node was given.
        let mut inputs: Vec<Given> = Vec::new();
        places.extend(without.iter().cloned().map(|call| (call, None)));
        // Whose outputs they are, how many calls below the file, and what to look for.
        let mut open: VecDeque<(Option<usize>, usize, Read)> = starts.into_iter().map(|read| (None, 0, read)).collect();
        while let Some((of, level, read)) = open.pop_front() {
            let contents = read.files.keys().chain(read.values.keys()).copied().collect();
            for call in wait(self.catalog().readers(&contents))? {
                let place = match places.get(&call) {
                    // That it reads other content of this kind says nothing of these files.
                    Some(Some(place)) if !read.has_some_of(&inputs[*place].files, &inputs[*place].values) => continue,
                    Some(place) => *place,
                    None if level == bounds.depth || found.nodes.len() == bounds.calls => {
                        found.left_out += 1;
                        places.insert(call, None);
                        continue;
                    }
                    None => {
                        match self.node(&call, &read, &mut found, seen)? {
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

    fn node(
        &self,
        call: &(CreatorName, CallKey),
        read: &Read,
        found: &mut Downstream,
        seen: &mut dyn FnMut(&Lineage),
    ) -> Result<Verdict> {
        let (creator, key) = call;
        let read_record = wait(async {
            let Some(record) = self.catalog().record(creator, key).await? else { return Ok(None) };
            let made = self.catalog().made_by(&record).await?;
            Ok(Some((record, made)))
        });
        let read_record = read_record.and_then(|read| match read {
            Some((record, made)) => Ok(Some((record.lineage()?, record, made))),
            None => Ok(None),
        });
        let (lineage, record, made) =
            match unless_damaged(read_record, format_args!("{creator}/{key}"), &mut found.damaged)? {
                Some(Some(of_call)) => of_call,
                // The index outlives what it speaks of.
                Some(None) => return Ok(Verdict::ReadsNot),
                None => return Ok(Verdict::Damaged),
            };
        if !read.has_some_of(&lineage.inputs, &lineage.values) {
            return Ok(Verdict::ReadsNot);
        }
        seen(&lineage);
        let Lineage { creator, key, started_at, person, inputs: files, values, outputs, .. } = lineage;
        let outputs: Vec<_> =
            outputs.into_iter().filter(|output| made.contains(&output.uid)).map(OutputRow::from).collect();
        let mut below = Read::default();
        below.value(&record);
        for output in &outputs {
            below.file(output.digest, output.uid.clone());
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
        Ok(Verdict::Reads(Given { files, values }, below))
    }
}

/// What a record says of a call that the index names.
enum Verdict {
    /// It is the last of the nodes now; what it was given, and what it made.
    Reads(Given, Read),
    ReadsNot,
    Damaged,
}

/// `file`, and of a tree the files in it.
pub(in crate::lake) fn file_of(file: &File, read: &mut Read) -> Result<()> {
    if let Some(uid) = file.uid() {
        read.file(file.digest(), uid.clone());
    }
    if file.is_tree() { members_of(file, read) } else { Ok(()) }
}

fn members_of(tree: &File, read: &mut Read) -> Result<()> {
    for member in Tree::try_from(tree.clone())?.files()? {
        if let Some(uid) = member.uid().filter(|uid| matches!(uid.kind(), UidKind::Member { .. })) {
            read.file(member.digest(), uid.clone());
        }
    }
    Ok(())
}
