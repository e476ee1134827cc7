//! Fetching ahead of time.

use std::collections::{HashSet, VecDeque};

#[cfg(doc)]
use datlake_core::ErrorKind;
use datlake_core::document::{Content, MadeFrom, Part, References, roots};
use datlake_core::{Location, Prefix, Result, StoreExt as _, Uid};
use datlake_store::{offload, wait};

use super::content::{LeftOutside, each, once};
use super::{Lake, concerns_one, no_call, refuse_in_body};
use crate::report::{Damage, Pull};

/// What is to be fetched, found while the documents come.
#[derive(Default)]
struct Plan {
    content: Vec<Content>,
    documents: HashSet<Location>,
    outside: LeftOutside,
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
    /// # let folder = tempfile::tempdir()?;
    /// # let remote = format!("file://{}", folder.path().join("remote").display());
    /// # let machine = |name| Lake::builder().home(folder.path().join(name)).remote(&remote).open();
    /// machine("one")?.add_bytes("greetings/en.txt", b"hello")?;
    /// let other = machine("other")?;
    /// assert_eq!(other.pull(&[])?.fetched, 1);
    /// assert!(other.file("greetings/en.txt")?.is_local()?);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn pull(&self, which: &[&str]) -> Result<Pull> {
        wait(self.pull_async(which))
    }

    /// The asynchronous twin of [`Lake::pull`].
    ///
    /// # Errors
    /// As [`Lake::pull`].
    pub async fn pull_async(&self, which: &[&str]) -> Result<Pull> {
        refuse_in_body("pull")?;
        let (lake, which) = (self.clone(), which.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        let plan = offload(move || wait(lake.to_pull(&which))).await??;
        let mut report = Pull { damaged: plan.damaged, outside: plan.outside.all(), ..Pull::default() };
        let lake = self.clone();
        let content = once(plan.content);
        let fetched = each(content, move |content| {
            let fetched = wait(lake.fetch(&content));
            (content, fetched)
        })
        .await?;
        for (content, fetched) in fetched {
            match fetched {
                Ok(came) => {
                    report.blobs += 1;
                    report.fetched += u64::from(came.is_some());
                    report.bytes += came.unwrap_or(0);
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
        let Some(remote) = &self.catalog().remote else { return Err(self.no_remote("pull")) };
        self.learn_removals().await?;
        self.forget_pruned();
        let mut plan = Plan::default();
        if which.is_empty() {
            for at in roots(&**remote).await? {
                self.plan_documents(&mut plan, at, true).await?;
            }
        }
        for text in which {
            if let Some((creator, key)) = self.resolve_call(text)? {
                if self.catalog().record(&creator, &key).await?.is_none() {
                    return Err(no_call(&creator, &key));
                }
                self.plan_documents(&mut plan, Location::Record(creator, key), true).await?;
                continue;
            }
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
        if self.catalog().named(&folder).await?.is_some() {
            uids.push(folder);
        }
        Ok(uids)
    }

    async fn plan_file(&self, plan: &mut Plan, uid: &Uid) -> Result<()> {
        self.plan_documents(plan, Location::of_file(uid), false).await?;
        let planned = async {
            let Some(file) = self.find(uid).await? else { return Ok(()) };
            let (name, digest, size) = (file.name().to_owned(), file.digest(), file.len());
            let known = datlake_core::catalog::FileMeta { uid: uid.clone(), name, digest, size, tree: file.is_tree() };
            plan.content.extend(self.at_rest(self.closure(vec![Content::of(&known)])?)?.contents);
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

    /// Fetches a document and those above it, and plans what it keeps apart, and its files, if they are wanted.
    async fn plan_documents(&self, plan: &mut Plan, at: Location, files: bool) -> Result<()> {
        let mut open = VecDeque::from([(at, files)]);
        while let Some((at, files)) = open.pop_front() {
            if !plan.documents.insert(at.clone()) && !files {
                continue;
            }
            let planned = async {
                let Some(document) = self.catalog().document(&at).await? else { return Ok(Vec::new()) };
                let is_pruned = self.is_pruned(&document).await?;
                let References { mut content, needs, shows, lineage, .. } = document.references;
                content.retain(|one| !is_pruned && (one.part == Part::Own || (files && one.part == Part::File)));
                let content = self.closure(content)?;
                plan.outside.note(&content);
                plan.content.extend(self.at_rest(content)?.contents);
                let above = lineage.iter().map(MadeFrom::document);
                let mut versions = Vec::new();
                if let (Some(begins), Some(remote)) = (document.begins, &self.catalog().remote) {
                    versions = remote.locations(&Prefix::EntriesOf(begins)).await?;
                }
                Ok(needs.into_iter().map(|(at, _)| at).chain(shows).chain(versions).chain(above).collect())
            };
            match planned.await {
                Ok(above) => open.extend(above.into_iter().map(|at| (at, false))),
                Err(error) if concerns_one(&error) => {
                    plan.damaged.push(Damage::new(at.title(), &error));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
