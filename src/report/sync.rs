//! What of a lake is on this machine only, and what went to or came from the remote.

use datlake_core::catalog::Unpushed;
use datlake_core::lineage::Output;
use datlake_core::record::Target;
use datlake_core::{CallKey, CreatorName, ErrorKind, Result, Uid};
use serde::Serialize;

use super::files::is_damage;
use super::{Damage, RemoteState};
use crate::lake::{Lake, refuse_in_body};

/// Where a lake stands.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Status {
    /// The directory on this machine.
    pub home: String,
    /// The remote, without credentials; `None` without one, and offline.
    pub remote: Option<String>,
    /// Whether there is a remote that is not asked.
    pub offline: bool,
    /// What can be seen of the remote without asking a server; `None` without one, and offline.
    pub remote_state: Option<RemoteState>,
    /// What is wrong with it, and what to do.
    pub remote_problem: Option<String>,
    /// How many pieces of content are on this machine.
    pub blobs: u64,
    /// Their sizes together, in bytes.
    pub bytes: u64,
    /// How many bytes of content this machine keeps, about; `None` without a limit.
    pub cache_limit: Option<u64>,
    /// What the remote has not decided about.
    pub unpushed: Vec<UnpushedRow>,
    /// What cannot be read of that.
    pub damaged: Vec<Damage>,
}

/// A call or an added file that is on this machine only.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct UnpushedRow {
    /// The call; `None` for an added file.
    pub call: Option<(CreatorName, CallKey)>,
    /// The file, or the outputs of the call.
    pub uids: Vec<Uid>,
    /// Their sizes together, in bytes; of a tree: of its manifest.
    pub size: u64,
    /// When it was added, or when the body started.
    pub created_at: String,
    /// Who added it, or ran the call.
    pub originator: String,
}

/// What a push did.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Push {
    /// The calls and files that were to be pushed.
    pub items: Vec<PushRow>,
    /// How many pieces of content were sent.
    pub blobs: u64,
    /// Their sizes together, in bytes.
    pub bytes: u64,
}

/// A call or a file that was to be pushed.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct PushRow {
    /// The UID, or the call.
    pub what: String,
    /// How it ended.
    pub outcome: PushOutcome,
    /// Why, where it was not sent.
    pub why: Option<String>,
}

/// How the push of a call or a file ended.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PushOutcome {
    /// The remote has it.
    Sent,
    /// The remote had it already.
    There,
    /// Another machine made the same call first. Its record counts from now on; this machine's is kept beside it.
    Lost,
    /// A name belongs to something else there. It stays as it is on this machine, and unpushed.
    Taken,
    /// It cannot be read, or its content is missing; it stays unpushed.
    Failed,
}

/// What a pull did.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Pull {
    /// How many pieces of content are on this machine now, of those that were asked for.
    pub blobs: u64,
    /// How many of them had to be downloaded.
    pub fetched: u64,
    /// The sizes of those together, in bytes.
    pub bytes: u64,
    /// What could not be had.
    pub damaged: Vec<Damage>,
}

impl Lake {
    /// Where the lake stands, and what of it is on this machine only. No server is asked; of a remote in a folder it is seen
    /// whether it is there.
    ///
    /// # Errors
    /// [`ErrorKind::Context`] in a body; those of looking into the lake's directory.
    ///
    /// ```
    /// # fn main() -> datlake::Result<()> {
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_bytes("greetings/en.txt", b"hello")?;
    /// assert_eq!(lake.status()?.unpushed.len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn status(&self) -> Result<Status> {
        refuse_in_body("look at the state of the lake")?;
        pollster::block_on(async {
            let (mut unpushed, mut damaged) = (Vec::new(), Vec::new());
            for what in self.catalog().unpushed().await? {
                match self.unpushed_row(&what).await {
                    Ok(row) => unpushed.extend(row),
                    Err(error) if is_damage(&error) => {
                        damaged.push(Damage { what: shown(&what), error: error.to_string() });
                    }
                    Err(error) => return Err(error),
                }
            }
            let home = self.home().display().to_string();
            let (remote_state, remote_problem) = self.remote_state();
            let (remote, offline) = (self.remote(), self.is_offline());
            let (blobs, bytes) = self.content_here().await?;
            let cache_limit = self.cache_limit();
            Ok(Status {
                home,
                remote,
                offline,
                remote_state,
                remote_problem,
                blobs,
                bytes,
                cache_limit,
                unpushed,
                damaged,
            })
        })
    }

    /// `None` for what never came to be.
    async fn unpushed_row(&self, what: &Unpushed) -> Result<Option<UnpushedRow>> {
        let here = self.catalog().here();
        Ok(match what {
            Unpushed::Call(creator, key) => match here.record(creator, key).await? {
                None => None,
                Some(record) => {
                    let lineage = record.lineage()?;
                    Some(UnpushedRow {
                        call: Some((creator.clone(), *key)),
                        size: lineage.outputs.iter().map(|output| output.size).sum(),
                        uids: lineage.outputs.into_iter().map(|Output { uid, .. }| uid).collect(),
                        created_at: lineage.started_at,
                        originator: lineage.person.email,
                    })
                }
            },
            Unpushed::Added(uid) => match here.name(uid).await?.map(|name| name.target) {
                Some(Target::Added(added)) => Some(UnpushedRow {
                    call: None,
                    uids: vec![uid.clone()],
                    size: added.size,
                    created_at: added.at,
                    originator: added.person.email,
                }),
                _ => None,
            },
        })
    }
}

/// What is called how, for people.
pub(crate) fn shown(what: &Unpushed) -> String {
    match what {
        Unpushed::Call(creator, key) => format!("{creator}/{key}"),
        Unpushed::Added(uid) => uid.to_string(),
    }
}

/// Whether an error is about one object, and no reason to leave the others.
pub(crate) fn concerns_one(error: &datlake_core::Error) -> bool {
    is_damage(error) || error.kind() == ErrorKind::InvalidInput
}
