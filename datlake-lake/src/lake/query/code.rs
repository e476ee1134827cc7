//! The code of a call, as it was when it ran.

use std::collections::HashMap;

use datlake_core::explain::{Change, Difference};
use datlake_core::lineage::Lineage;
use datlake_core::record::Record;
use datlake_core::{CallKey, Closure, ClosureItem, CreatorName, Error, ErrorKind, Result, SourceTexts};
use datlake_store::wait;

use crate::lake::{Lake, refuse_in_body};
#[cfg(feature = "git")]
use crate::provenance::Checkout;
use crate::report::{CallSources, CodeExtent, ItemSource, SourceItem};

impl Lake {
    /// The code of the call that `call` means, as for [`explain`](Self::explain): the function, and everything it was found to
    /// depend on, as they were compiled. Of code that was in no commit the lake keeps the source files; others are looked for
    /// in the working directory and in git.
    ///
    /// # Errors
    /// As [`Lake::explain`]; [`ErrorKind::NotFound`] for a call without a table of its code.
    ///
    /// ```
    /// use datlake::{Lake, Result, file_creator};
    ///
    /// #[file_creator]
    /// fn double(n: u32) -> Result<u32> {
    ///     Ok(2 * n)
    /// }
    ///
    /// let lake = Lake::temp()?;
    /// let _current = lake.enter();
    /// double(4)?;
    /// let key = lake.history(Some("double"))?.calls[0].key;
    /// for item in lake.call_code(&format!("double/{key}"))?.items {
    ///     println!("// {}:{}\n{}", item.file, item.line, item.text.unwrap_or_default());
    /// }
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn call_code(&self, call: &str) -> Result<CallSources> {
        refuse_in_body("look at a call's code")?;
        let (creator, key) = self.made_by_call(call, "it has no code")?;
        wait(async {
            let lineage = self.record_present(&creator, &key).await?.lineage()?;
            let closure = self.code_table(&lineage, &format!("call {creator}/{}", key.short())).await?;
            let mut sources = Sources::of(self, &lineage, &closure).await?;
            let mut sorted: Vec<&ClosureItem> = closure.items.iter().collect();
            sorted.sort_by_key(|item| !item.is_root);
            let mut items = Vec::new();
            for item in sorted {
                let text = sources.text(item).await?;
                items.push(SourceItem { item: item.label.clone(), file: item.file.clone(), line: item.line, text });
            }
            let CodeExtent { notes, partial, .. } = CodeExtent::of(&closure);
            Ok(CallSources {
                creator: creator.clone(),
                key,
                started_at: lineage.started_at.clone(),
                originator: lineage.person.email.clone(),
                state: lineage.code.source.state,
                commit: lineage.code.source.commit.clone(),
                items,
                notes,
                partial,
            })
        })
    }

    /// The call that `call` means. Of a file that somebody added, `why_not` ends the error.
    pub(super) fn made_by_call(&self, call: &str, why_not: &str) -> Result<(CreatorName, CallKey)> {
        self.call_meant(call)?.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("no call made `{call}`: somebody added it, so {why_not}"))
        })
    }

    /// The record of a call that was there a moment ago.
    pub(super) async fn record_present(&self, creator: &CreatorName, key: &CallKey) -> Result<Record> {
        self.catalog().record(creator, key).await?.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("call {creator}/{} has just been removed", key.short()))
        })
    }

    /// The table of a call's code; `whose` begins the error.
    pub(super) async fn code_table(&self, lineage: &Lineage, whose: &str) -> Result<Closure> {
        let none = |what: &str| Error::new(ErrorKind::NotFound, format!("{whose} {what}"));
        let Some(digest) = lineage.code.closure else {
            let error = none("has no table of its code: nothing looked for more than the function itself");
            return Err(error.with_hint("`closure = \"none\"` and `version` turn that off"));
        };
        let table = self.catalog().closure(&digest).await?;
        table.ok_or_else(|| match self.is_offline() {
            true => none("has a table of its code that is not on this machine")
                .with_hint("the lake is offline, and the remote may have it"),
            false => none("has a table of its code that is not there any more"),
        })
    }

    /// The sources of items that were edited.
    pub(super) async fn edited(
        &self,
        differences: &[Difference],
        was: (&Lineage, &Closure),
        now: (&Lineage, &Closure),
    ) -> Result<Vec<ItemSource>> {
        let mut old_sources = Sources::of(self, was.0, was.1).await?;
        let mut new_sources = Sources::of(self, now.0, now.1).await?;
        let mut found = Vec::new();
        for difference in differences {
            let is_it = |item: &&ClosureItem| match difference {
                Difference::Code => item.is_root,
                Difference::Item { item: label, change: Change::Edited, .. } => item.label == *label,
                _ => false,
            };
            let of = |closure: &Closure| closure.items.iter().filter(is_it).cloned().collect::<Vec<_>>();
            // Several variants may have one name.
            let (old, new) = (of(was.1), of(now.1));
            let changed =
                |item: &&ClosureItem, others: &[ClosureItem]| others.iter().all(|other| other.hash != item.hash);
            let old_item = old.iter().find(|item| item.is_root || changed(item, &new));
            let new_item = new.iter().find(|item| item.is_root || changed(item, &old));
            let Some((old, new)) = old_item.zip(new_item) else { continue };
            let (was, now) = (old_sources.text(old).await?, new_sources.text(new).await?);
            found.push(ItemSource { item: new.label.clone(), was, now });
        }
        Ok(found)
    }
}

/// Where the source files of a call's code are looked for.
struct Sources<'a> {
    lake: &'a Lake,
    closure: &'a Closure,
    /// What the lake keeps.
    kept: SourceTexts,
    /// Files that were found, or not, by their names in the table.
    found: HashMap<String, Option<Vec<u8>>>,
    #[cfg(feature = "git")]
    code: &'a datlake_core::lineage::CodeLineage,
    #[cfg(feature = "git")]
    checkout: Checkout,
}

impl<'a> Sources<'a> {
    async fn of(lake: &'a Lake, lineage: &'a Lineage, closure: &'a Closure) -> Result<Self> {
        let list = match &lineage.code.source_texts {
            Some(list) => lake.catalog().small_content(list).await?,
            None => None,
        };
        Ok(Self {
            lake,
            closure,
            kept: SourceTexts::parse(&list.unwrap_or_default()),
            found: HashMap::new(),
            #[cfg(feature = "git")]
            code: &lineage.code,
            #[cfg(feature = "git")]
            checkout: Checkout::here(),
        })
    }

    /// The lines of an item, as they were compiled.
    async fn text(&mut self, item: &ClosureItem) -> Result<Option<String>> {
        if !self.found.contains_key(&item.file) {
            let bytes = self.bytes(&item.file).await?;
            self.found.insert(item.file.clone(), bytes);
        }
        Ok(self.found.get(&item.file).and_then(Option::as_deref).and_then(|bytes| lines(bytes, item)))
    }

    async fn bytes(&self, file: &str) -> Result<Option<Vec<u8>>> {
        let Some((_, blob)) = self.closure.sources.iter().find(|(name, _)| name == file) else { return Ok(None) };
        let kept = match self.kept.find(blob) {
            Some(text) => self.lake.catalog().small_content(&text.digest).await?,
            None => None,
        };
        Ok(kept.or_else(|| self.elsewhere(file, blob)))
    }

    #[cfg(feature = "git")]
    fn elsewhere(&self, file: &str, blob: &str) -> Option<Vec<u8>> {
        self.checkout.bytes(self.code, self.closure, file, blob)
    }

    /// Only git knows sources by what they were.
    #[cfg(not(feature = "git"))]
    #[expect(clippy::unused_self, reason = "as with the feature")]
    fn elsewhere(&self, _: &str, _: &str) -> Option<Vec<u8>> {
        None
    }
}

/// Of a source file the lines of an item.
fn lines(bytes: &[u8], item: &ClosureItem) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().skip(item.line.checked_sub(1)? as usize);
    let count = (item.last_line.checked_sub(item.line)? + 1) as usize;
    Some(lines.take(count).flat_map(|line| [line, "\n"]).collect())
}
