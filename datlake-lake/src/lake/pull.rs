//! Fetching ahead of time.

use std::collections::{HashSet, VecDeque};

use datlake_core::record::{Record, Target, ValueBytes};
use datlake_core::{CallKey, CreatorName, Error, ErrorKind, Result, Uid, UidKind};
use datlake_store::{Wanted, offload};

use super::content::{each, once};
use super::{Content, Lake, concerns_one, refuse_in_body};
use crate::event::Event;
use crate::report::{Damage, Pull};

/// What is to be fetched, found while the documents come.
#[derive(Default)]
struct Plan {
    content: Vec<Content>,
    calls: HashSet<(CreatorName, CallKey)>,
    damaged: Vec<Damage>,
}

impl Lake {
    /// Fetches what the remote has: everything, or the files and folders `which`. Besides their content come the documents
    /// of the calls behind them, all the way up, so that those calls are hits also offline. What is here is not fetched
    /// again.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] without a remote; [`ErrorKind::NotFound`] for a UID or folder that there is not;
    /// [`ErrorKind::Context`] in a body; those of the stores.
    ///
    /// ```
    /// use datlake::Lake;
    /// # fn main() -> datlake::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let remote = format!("file://{}", folder.path().join("remote").display());
    /// # let machine = |name| Lake::builder().home(folder.path().join(name)).remote(&remote).open();
    /// machine("one")?.add_bytes("greetings/en.txt", b"hello")?;
    /// let other = machine("other")?;
    /// assert_eq!(other.pull(&[])?.fetched, 1);
    /// assert!(other.file("greetings/en.txt")?.is_local()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn pull(&self, which: &[&str]) -> Result<Pull> {
        pollster::block_on(self.pull_async(which))
    }

    /// The asynchronous twin of [`Lake::pull`].
    ///
    /// # Errors
    /// As [`Lake::pull`].
    pub async fn pull_async(&self, which: &[&str]) -> Result<Pull> {
        refuse_in_body("pull")?;
        let (lake, which) = (self.clone(), which.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        let plan = offload(move || pollster::block_on(lake.to_pull(&which))).await??;
        let mut report = Pull { damaged: plan.damaged, ..Pull::default() };
        let lake = self.clone();
        let content = once(plan.content);
        let fetched = each(content, move |content| {
            let fetched = pollster::block_on(lake.fetch(&content));
            (content, fetched)
        })
        .await?;
        for (content, fetched) in fetched {
            match fetched {
                Ok(came) => {
                    report.blobs += 1;
                    if came {
                        report.fetched += 1;
                        report.bytes += content.size.unwrap_or(0);
                    }
                }
                Err(error) if concerns_one(&error) => {
                    report.damaged.push(Damage::new(content.what, &error));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(report)
    }

    async fn to_pull(&self, which: &[String]) -> Result<Plan> {
        if self.catalog().remote.is_none() {
            let message = match self.is_offline() {
                true => "cannot pull: the lake is offline",
                false => "cannot pull: the lake has no remote; set DATLAKE_REMOTE, or `remote` in datlake.toml, to one",
            };
            return Err(Error::new(ErrorKind::Config, message));
        }
        self.learn_removals().await?;
        let mut plan = Plan::default();
        if which.is_empty() {
            for uid in self.catalog().names(None).await? {
                self.plan_file(&mut plan, &uid).await?;
            }
            for (creator, key) in self.catalog().calls(None).await? {
                self.plan_call(&mut plan, &creator, &key, true).await?;
            }
        }
        for text in which {
            let mut uids = self.below(text).await?;
            if uids.is_empty() {
                // Fails with the nearest names.
                uids.push(self.resolve(text)?);
                self.file(uids[0].as_str())?;
            }
            for uid in uids {
                self.plan_file(&mut plan, &uid).await?;
            }
        }
        Ok(plan)
    }

    /// The chosen names that `text` selects.
    async fn below(&self, text: &str) -> Result<Vec<Uid>> {
        let Ok(folder) = Uid::chosen(text.trim_end_matches('/')) else { return Ok(Vec::new()) };
        let mut uids = self.catalog().names(Some(&folder)).await?;
        if self.catalog().name(&folder).await?.is_some() {
            uids.push(folder);
        }
        Ok(uids)
    }

    async fn plan_file(&self, plan: &mut Plan, uid: &Uid) -> Result<()> {
        let planned = async {
            let origin = match uid.kind() {
                UidKind::Output { creator, key, .. } => Some((creator, key)),
                UidKind::Member { .. } => None,
                UidKind::Chosen => match self.catalog().name(uid).await?.map(|name| name.target) {
                    Some(Target::Output(output)) => Some((output.creator, output.key)),
                    _ => None,
                },
            };
            if let Some((creator, key)) = origin {
                self.plan_call(plan, &creator, &key, false).await?;
            }
            let Some(file) = self.find(uid).await? else { return Ok(()) };
            let (name, digest, size) = (file.name().to_owned(), file.digest(), file.len());
            let known = datlake_core::catalog::Known { uid: uid.clone(), name, digest, size, tree: file.is_tree() };
            plan.content.extend(self.content_of_file(known)?);
            Ok(())
        };
        match planned.await {
            Err(error) if concerns_one(&error) => {
                plan.damaged.push(Damage::new(uid, &error));
                Ok(())
            }
            done => done,
        }
    }

    /// Fetches the documents of a call and of those above it, and plans its outputs, if they are wanted.
    async fn plan_call(&self, plan: &mut Plan, creator: &CreatorName, key: &CallKey, outputs: bool) -> Result<()> {
        let mut open = VecDeque::from([(creator.clone(), *key, outputs)]);
        while let Some((creator, key, outputs)) = open.pop_front() {
            let first = plan.calls.insert((creator.clone(), key));
            if !first && !outputs {
                continue;
            }
            let planned = async {
                let Some(record) = self.catalog().record(&creator, &key).await? else { return Ok(Vec::new()) };
                if let ValueBytes::Blob(_) = record.value {
                    self.catalog().value(&record).await?;
                }
                if outputs {
                    plan.content.extend(self.content_of_call(&record)?.into_iter().filter(|one| one.size.is_some()));
                }
                self.above(&record).await
            };
            match planned.await {
                Ok(above) => open.extend(above.into_iter().map(|(creator, key)| (creator, key, false))),
                Err(error) if concerns_one(&error) => {
                    plan.damaged.push(Damage::new(format_args!("{creator}/{key}"), &error));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The calls that made what a call was given.
    async fn above(&self, record: &Record) -> Result<Vec<(CreatorName, CallKey)>> {
        let mut above = Vec::new();
        for uid in record.lineage()?.inputs.into_iter().filter_map(|input| input.uid) {
            let uid = match uid.kind() {
                UidKind::Member { tree, .. } => tree,
                _ => uid,
            };
            match uid.kind() {
                UidKind::Output { creator, key, .. } => above.push((creator, key)),
                _ => {
                    if let Some(Target::Output(output)) = self.catalog().name(&uid).await?.map(|name| name.target) {
                        above.push((output.creator, output.key));
                    }
                }
            }
        }
        Ok(above)
    }

    async fn fetch(&self, content: &Content) -> Result<bool> {
        let size = content.size.unwrap_or(0);
        let progress = |done| self.emit(&Event::Downloading { file: content.what.clone(), done, size });
        let wanted = Wanted { digest: &content.digest, size, what: &content.what, progress: &progress };
        let fetched = self.local_view().ensure(wanted).await?;
        if fetched {
            self.emit(&Event::Downloaded { file: content.what.clone(), size });
            self.relieve(Some(content.digest));
        }
        Ok(fetched)
    }
}
