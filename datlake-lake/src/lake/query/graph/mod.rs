//! Lineage as one graph of files and calls.

mod alike;
mod draft;
mod pipeline;

use std::collections::BTreeSet;

use datlake_core::record::Record;
use datlake_core::{CreatorName, Error, ErrorKind, Result};
use datlake_store::wait;

use self::draft::Draft;
use super::downstream::{Bounds, Read, file_of};
use super::upstream::ClimbStart;
use crate::lake::{Lake, refuse_in_body};
use crate::report::LineageGraph;

/// What was asked for.
struct Asked {
    starts: Vec<ClimbStart>,
    read: Read,
    /// Calls, where calls were asked for.
    records: Vec<Record>,
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
        refuse_in_body("look at a file's lineage")?;
        let Asked { starts, read, records } = self.asked(asked, limit)?;
        let (mut draft, count) = (Draft::default(), starts.len());
        let above = wait(self.climb(starts, Bounds { depth: up, calls: limit }, &mut |seen| draft.seen(seen)))?;
        draft.add_above(above, count, up > 0);
        for record in &records {
            let made = wait(self.catalog().made_by(record))?;
            draft.add_outputs(&record.creator, &record.key, &made);
        }
        if down > 0 {
            let bounds = Bounds { depth: down, calls: limit };
            let below = self.follow_readers(vec![read], &BTreeSet::new(), bounds, &mut |seen| draft.seen(seen))?;
            draft.add_below(below);
        }
        Ok(draft.into_graph())
    }

    fn asked(&self, text: &str, limit: usize) -> Result<Asked> {
        let mut asked = Asked { starts: Vec::new(), read: Read::default(), records: Vec::new() };
        asked.records.extend(self.record_named(text)?);
        if asked.records.is_empty() {
            match self.start_named(text) {
                Ok(start) => {
                    asked.starts.push(start);
                    file_of(&self.file(self.resolve(text)?.as_str())?, &mut asked.read)?;
                    return Ok(asked);
                }
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidInput) => {
                    asked.records = self.calls_named(text, limit)?;
                    if asked.records.is_empty() {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        for record in &asked.records {
            asked.starts.push(ClimbStart::value(record));
            asked.read.value(record);
            for made in wait(self.catalog().made_by(record))? {
                file_of(&self.file(made.as_str())?, &mut asked.read)?;
            }
        }
        Ok(asked)
    }

    /// The call `creator/key`, or the latest calls of a creator; none where nothing is called so.
    fn calls_named(&self, text: &str, limit: usize) -> Result<Vec<Record>> {
        let is_absent = |kind| matches!(kind, ErrorKind::NotFound | ErrorKind::InvalidInput);
        match self.record_named(&format!("@{text}")) {
            Ok(Some(record)) => return Ok(vec![record]),
            Err(error) if !is_absent(error.kind()) => return Err(error),
            _ => {}
        }
        let (creator, _) = match wait(self.creator_meant(text)) {
            Ok(meant) => meant,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let latest = self.latest_calls(&creator, limit)?;
        Ok(latest)
    }

    fn latest_calls(&self, creator: &CreatorName, limit: usize) -> Result<Vec<Record>> {
        let mut latest = Vec::new();
        wait(async {
            for (creator, key) in self.catalog().calls(Some(creator)).await? {
                // What cannot be read has no place among the latest: `verify` finds it.
                if let Ok(Some(record)) = self.catalog().record(&creator, &key).await
                    && let Ok(lineage) = record.lineage()
                {
                    latest.push((lineage.started_at, key, record));
                }
            }
            Ok::<(), Error>(())
        })?;
        latest.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        latest.truncate(limit);
        Ok(latest.into_iter().map(|(_, _, record)| record).collect())
    }
}
