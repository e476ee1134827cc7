//! Who waits for events of this server. One task asks the database for all of them, so that a thousand clients cost what one costs.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use datlake::Result;
use tokio::sync::broadcast;
use tokio::sync::broadcast::{Receiver, Sender};

use super::event::{ServerEvent, last_id, read_events};
use crate::database::Database;

/// How often the database is asked for what other servers have committed. What this one commits is seen at once.
const POLL: Duration = Duration::from_millis(300);
/// So many events wait in memory for those who are slow, for all of them together.
const WAITING: usize = 256;

/// Who waits for events of this server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct EventHub {
    database: Database,
    state: Arc<Mutex<HubState>>,
}

struct HubState {
    /// Gone once the server ends.
    sender: Option<Sender<Arc<ServerEvent>>>,
    /// Up to which id events were handed out; `None` where nobody waits.
    at: Option<i64>,
}

impl EventHub {
    pub(crate) fn new(database: &Database) -> Self {
        let state = HubState { sender: Some(broadcast::channel(WAITING).0), at: None };
        Self { database: database.clone(), state: Arc::new(Mutex::new(state)) }
    }

    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    /// The id of the last event.
    pub(super) async fn last_id(&self) -> Result<i64> {
        last_id(&self.database).await
    }

    /// What comes from now on, for whoever has read to `seen`. What was committed before this, and is not in `seen`, is read from the
    /// database once more. `None` where the server ends.
    pub(super) fn subscribe(&self, seen: i64) -> Option<Receiver<Arc<ServerEvent>>> {
        let mut state = self.state();
        let receiver = state.sender.as_ref()?.subscribe();
        state.at.get_or_insert(seen);
        Some(receiver)
    }

    /// Ends all streams.
    pub(crate) fn end(&self) {
        self.state().sender = None;
    }

    /// Whether the server ends: nobody is to wait any more.
    pub(crate) fn has_ended(&self) -> bool {
        self.state().sender.is_none()
    }

    /// Hands out events, as long as the server runs.
    pub(crate) fn hand_out(&self) -> impl Future<Output = ()> + Send + use<> {
        let this = self.clone();
        async move {
            loop {
                let _ = tokio::time::timeout(POLL, this.database.committed().notified()).await;
                if let Err(error) = this.hand_out_new().await {
                    tracing::warn!(%error, "events cannot be read");
                }
            }
        }
    }

    async fn hand_out_new(&self) -> Result<()> {
        while let Some(at) = self.waited_for() {
            let page = read_events(&self.database, at, WAITING as i64).await?;
            let Some(last) = page.last().map(|event| event.id) else { return Ok(()) };
            let mut state = self.state();
            let Some(sender) = &state.sender else { return Ok(()) };
            for event in page {
                // Nobody waits any more: that is seen when it is asked next.
                let _ = sender.send(Arc::new(event));
            }
            state.at = Some(last);
        }
        Ok(())
    }

    /// Up to which id events were handed out, where somebody waits for more.
    fn waited_for(&self) -> Option<i64> {
        let mut state = self.state();
        let is_waited = state.sender.as_ref().is_some_and(|sender| sender.receiver_count() > 0);
        if !is_waited {
            state.at = None;
        }
        state.at
    }

    fn state(&self) -> std::sync::MutexGuard<'_, HubState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
