//! One who reads the stream: first what the database has, then what comes.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use datlake::Result;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::event::{ServerEvent, read_events};
use super::hub::EventHub;
use super::seen::may_see;
use crate::access::{Caller, Callers};

/// So many events are read at a time.
const PAGE: usize = 64;
/// Who was up to date and is so many events behind cannot keep up.
const FAR_BEHIND: i64 = 1024;
/// What a caller may see is looked up anew where the last look is older.
const LOOKED: Duration = Duration::from_secs(10);

/// One who reads the stream.
pub(crate) struct Follower {
    hub: EventHub,
    callers: Callers,
    /// With what it asked: its token may be revoked, and its session end, while it reads.
    headers: HeaderMap,
    caller: Arc<Caller>,
    looked: Instant,
    kinds: Option<BTreeSet<String>>,
    /// The last event that was read.
    seen: i64,
    read: VecDeque<Arc<ServerEvent>>,
    receiver: Option<Receiver<Arc<ServerEvent>>>,
    /// Whether the database has more than was read.
    has_more: bool,
    is_over: bool,
}

/// What comes next.
#[derive(Debug)]
pub(crate) enum NextEvent {
    Came(Arc<ServerEvent>),
    /// Nothing more: it is too far behind, for this reason.
    Lagged(&'static str),
}

impl Follower {
    /// Reads what is behind `after`, or what comes from now on, of these types or of all.
    pub(crate) async fn new(
        hub: &EventHub,
        callers: &Callers,
        caller: &Arc<Caller>,
        headers: HeaderMap,
        kinds: Option<BTreeSet<String>>,
        after: Option<i64>,
    ) -> Result<Self> {
        let last = hub.last_id().await?;
        let (hub, callers, caller, looked) = (hub.clone(), callers.clone(), caller.clone(), Instant::now());
        let (seen, read, receiver) = (after.unwrap_or(last), VecDeque::new(), None);
        Ok(Self { hub, callers, headers, caller, looked, kinds, seen, read, receiver, has_more: true, is_over: false })
    }

    /// What comes next; `None` where the stream ends because the server does, or whoever reads may not any more.
    pub(crate) async fn next(&mut self) -> Option<NextEvent> {
        while !self.is_over {
            if let Some(event) = self.read.pop_front() {
                self.seen = event.id;
                match self.is_for_them(&event).await {
                    Some(true) => return Some(NextEvent::Came(event)),
                    Some(false) => continue,
                    None => return None,
                }
            }
            let went_on = if self.has_more { self.read_page().await } else { self.wait().await };
            match went_on {
                Ok(None) => {}
                Ok(Some(why)) => {
                    self.is_over = true;
                    return Some(NextEvent::Lagged(why));
                }
                Err(error) => {
                    tracing::warn!(%error, "events cannot be read: a stream of them ends");
                    self.is_over = true;
                }
            }
        }
        None
    }

    /// Reads on in the database; a reason where that is not possible.
    async fn read_page(&mut self) -> Result<Option<&'static str>> {
        // A database that was restored has fewer.
        let last = self.hub.last_id().await?;
        if self.seen > last {
            return Ok(Some("there is no event with that id: begin anew without it"));
        }
        let page = read_events(self.hub.database(), self.seen, PAGE as i64).await?;
        // What comes next is the next one, unless that is forgotten.
        let next = page.first().map_or(last + 1, |event| event.id);
        if self.seen > 0 && next > self.seen + 1 {
            return Ok(Some("events behind that id were forgotten: begin anew without it, and look at what there is"));
        }
        let end = page.last().map_or(self.seen, |event| event.id);
        if page.len() < PAGE {
            match self.receiver {
                // What is committed from now on comes by itself. What was until now is read once more.
                None => match self.hub.subscribe(end) {
                    Some(receiver) => self.receiver = Some(receiver),
                    None => self.is_over = true,
                },
                Some(_) => self.has_more = false,
            }
        }
        self.read = page.into_iter().map(Arc::new).collect();
        Ok(None)
    }

    /// Waits for what comes; a reason where that is lost.
    async fn wait(&mut self) -> Result<Option<&'static str>> {
        let Some(receiver) = &mut self.receiver else { return Ok(None) };
        match receiver.recv().await {
            Ok(event) => {
                if event.id > self.seen {
                    self.read.push_back(event);
                }
            }
            Err(RecvError::Closed) => self.is_over = true,
            // Many came at once, or it reads slowly. The database has them all.
            Err(RecvError::Lagged(_)) => {
                let last = self.hub.last_id().await?;
                if last - self.seen > FAR_BEHIND {
                    return Ok(Some("this client cannot keep up, and is cut off: go on with `Last-Event-ID`"));
                }
                self.has_more = true;
            }
        }
        Ok(None)
    }

    /// Whether they want the event and may see it; `None` where they may not ask any more.
    async fn is_for_them(&mut self, event: &ServerEvent) -> Option<bool> {
        if self.kinds.as_ref().is_some_and(|kinds| !kinds.contains(&event.r#type)) {
            return Some(false);
        }
        if self.looked.elapsed() > LOOKED {
            // Whatever is wrong with it: with the same token they may ask again.
            self.caller = Arc::new(self.callers.of_either(&self.headers).await.ok()?);
            self.looked = Instant::now();
        }
        Some(may_see(&self.caller, event))
    }
}
