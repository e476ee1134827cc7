//! Objects that somebody else put by a signed URL: read as they are now, or not at all.

use datlake_core::{Error, ErrorKind, Location, Result};
use object_store::ObjectStoreExt as _;
use tokio::sync::mpsc;

use super::failure::Failed;
use super::retry::patiently;
use super::{ObjectStore, unexpected};
use crate::runtime;
use crate::signing::PutByOthers;

impl ObjectStore {
    /// What is at `at`, by the tag that it has now.
    pub(crate) async fn put_by_others(&self, at: &Location) -> Result<Option<PutByOthers>> {
        let at = at.clone();
        self.on_network(|shared| async move {
            let key = shared.key(&at)?;
            let client = shared.client()?;
            let found = match patiently(|| shared.ask("look for", &key, client.objects.head(&key))).await {
                Err(Failed::Absent) => return Ok(None),
                found => found.map_err(unexpected)?,
            };
            let Some(tag) = found.e_tag else {
                let message = format!("{} gives objects no tags, by which one is read as it is", shared.address.shown);
                return Err(Error::new(ErrorKind::Unsupported, message));
            };
            let (size, (told, chunks)) = (found.size, mpsc::channel(1));
            let bare = tag.trim_matches('"').to_owned();
            runtime::detach(async move {
                let (send, mut comes) = mpsc::channel(1);
                let reading = async {
                    let read = shared.download_of(&key, 0..size, Some(&tag), send).await;
                    read.map(drop)
                };
                let telling = async {
                    while let Some(chunk) = comes.recv().await {
                        if told.send(Ok(chunk.bytes)).await.is_err() {
                            break;
                        }
                    }
                    // Nobody listens any more: reading ends.
                    drop(comes);
                };
                let (read, ()) = tokio::join!(reading, telling);
                if let Err(error) = read {
                    let _ = told.send(Err(error)).await;
                }
            });
            Ok(Some(PutByOthers { tag: bare, size, chunks }))
        })
        .await
    }
}
