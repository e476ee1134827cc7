//! Lineage as one graph of files and calls.

mod alike;
mod contents;
mod draft;
mod pipeline;
mod preview;

use std::collections::{BTreeSet, HashSet};

use datlake_core::record::Record;
use datlake_core::{CallKey, CreatorName, Error, ErrorKind, Result, Uid};
use datlake_store::wait;

use self::draft::Draft;
use super::calls::LatestCalls;
use super::downstream::{Bounds, Read, file_of};
use super::upstream::ClimbStart;
use crate::lake::{AT_ONCE, Lake, refuse_in_body, unless_damaged};
use crate::report::{Damage, LineageGraph};

/// What was asked for.
struct Asked {
    starts: Vec<ClimbStart>,
    read: Read,
    /// Calls, where calls were asked for, and the files that they made.
    calls: Vec<(Record, Vec<Uid>)>,
    /// Calls of the creator whose records are damaged.
    damaged: Vec<Damage>,
}

impl Lake {
    /// What `asked` was made from, `up` calls up, and what was made from it, `down` calls down, with what the records say of those calls:
    /// at most `limit` calls each way. `asked` is the UID of a file, a call (`@creator/key`, or `creator/key`), both of which may be
    /// [abbreviated](Lake::resolve), or a creator, which stands for its latest calls, at most `limit`.
    ///
    /// # Errors
    /// As [`Lake::info`], where nothing is called so.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_bytes("greetings/en.txt", b"hello")?;
    /// let graph = lake.lineage_graph("greetings/en.txt", 10, 10, 1000)?;
    /// assert_eq!((graph.nodes.len(), graph.asked), (1, vec![0]));
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn lineage_graph(&self, asked: &str, up: usize, down: usize, limit: usize) -> Result<LineageGraph> {
        self.lineage_graph_by(asked, up, down, limit, &mut |creator, _| self.calls_of_creator(creator))
    }

    /// The same, where somebody else says which calls of a creator are the latest, without reading all.
    ///
    /// # Errors
    /// As [`lineage_graph`](Self::lineage_graph), and those of `latest`; where it finds nothing, there is no such creator.
    #[doc(hidden)]
    pub fn lineage_graph_by(
        &self,
        asked: &str,
        up: usize,
        down: usize,
        limit: usize,
        latest: LatestCalls<'_>,
    ) -> Result<LineageGraph> {
        refuse_in_body("look at a file's lineage")?;
        let Asked { starts, read, calls, damaged } = self.asked(asked, limit, latest)?;
        let (mut draft, count) = (Draft::default(), starts.len());
        let above = wait(self.climb(starts, Bounds { depth: up, calls: limit }, &mut |seen| draft.seen(seen)))?;
        draft.add_above(above, count, up > 0);
        for (record, made) in &calls {
            draft.add_outputs(&record.creator, &record.key, made);
        }
        if down > 0 {
            let bounds = Bounds { depth: down, calls: limit };
            let below = self.follow_readers(vec![read], &BTreeSet::new(), bounds, &mut |seen| draft.seen(seen))?;
            draft.add_below(below);
        }
        let mut graph = draft.into_graph();
        // One may be met below, too.
        let known: HashSet<String> = graph.damaged.iter().map(|damage| damage.what.clone()).collect();
        graph.damaged.extend(damaged.into_iter().filter(|damage| !known.contains(&damage.what)));
        Ok(graph)
    }

    fn asked(&self, text: &str, limit: usize, latest: LatestCalls<'_>) -> Result<Asked> {
        let mut asked = Asked { starts: Vec::new(), read: Read::default(), calls: Vec::new(), damaged: Vec::new() };
        let mut records: Vec<Record> = self.record_named(text)?.into_iter().collect();
        if records.is_empty() {
            match self.start_named(text) {
                Ok((start, file)) => {
                    asked.starts.push(start);
                    file_of(&file, &mut asked.read)?;
                    return Ok(asked);
                }
                Err(error) if is_absent(&error) => {
                    records = self.calls_named(text, limit, latest, &mut asked.damaged)?;
                    if records.is_empty() && asked.damaged.is_empty() {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        for record in records {
            asked.starts.push(ClimbStart::value(&record));
            asked.read.value(&record);
            let made = wait(self.catalog().made_by(&record))?;
            for file in &made {
                file_of(&self.file(file.as_str())?, &mut asked.read)?;
            }
            asked.calls.push((record, made));
        }
        Ok(asked)
    }

    /// The call `creator/key`, or the latest calls of a creator; none where nothing is called so.
    fn calls_named(
        &self,
        text: &str,
        limit: usize,
        latest: LatestCalls<'_>,
        damaged: &mut Vec<Damage>,
    ) -> Result<Vec<Record>> {
        match self.record_named(&format!("@{text}")) {
            Ok(Some(record)) => return Ok(vec![record]),
            Err(error) if !is_absent(&error) => return Err(error),
            _ => {}
        }
        match latest(text, limit) {
            Ok(calls) => self.latest_of(calls, limit, damaged),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    fn latest_of(
        &self,
        calls: Vec<(CreatorName, CallKey)>,
        limit: usize,
        damaged: &mut Vec<Damage>,
    ) -> Result<Vec<Record>> {
        let mut latest = Vec::new();
        wait(async {
            for (creator, key) in calls {
                let record = self.catalog().record(&creator, &key).await;
                let read = record.and_then(|record| record.map(|of| Ok((of.lineage()?.started_at, of))).transpose());
                if let Some((at, record)) = unless_damaged(read, format_args!("{creator}/{key}"), damaged)?.flatten() {
                    latest.push((at, key, record));
                }
                // Some are sorted at a time, and few are held.
                if latest.len() >= limit.saturating_mul(2).max(AT_ONCE) {
                    leave_latest(&mut latest, limit);
                }
            }
            Ok::<(), Error>(())
        })?;
        leave_latest(&mut latest, limit);
        Ok(latest.into_iter().map(|(_, _, record)| record).collect())
    }
}

/// Leaves the `limit` calls that were made last, those first.
fn leave_latest(calls: &mut Vec<(String, CallKey, Record)>, limit: usize) {
    calls.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    calls.truncate(limit);
}

/// Whether nothing is called so.
fn is_absent(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidInput)
}
