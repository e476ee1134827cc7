//! How slowly bytes may come and go: who waits for a client waits a bounded time for each piece.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

/// So many bytes a client moves while it is waited for as long as it is [patient](ClientPace::new): 1 KiB/s, where that is a minute.
const LEAST: u64 = 60 << 10;

/// Counts what is moved, and how long it is waited for.
pub(crate) struct ClientPace {
    patience: Duration,
    moved: u64,
    waited: Duration,
    since: Option<Instant>,
    end: Option<Pin<Box<Sleep>>>,
}

impl ClientPace {
    pub(crate) fn new(patience: Duration) -> Self {
        Self { patience, moved: 0, waited: Duration::ZERO, since: None, end: None }
    }

    /// So many bytes were moved, and nobody waits now.
    pub(crate) fn moved(&mut self, bytes: usize) {
        self.moved_at(Instant::now(), bytes);
    }

    fn moved_at(&mut self, now: Instant, bytes: usize) {
        self.waited += self.since.take().map_or(Duration::ZERO, |since| now.duration_since(since));
        self.moved += bytes as u64;
        if self.moved >= LEAST {
            (self.moved, self.waited) = (0, Duration::ZERO);
        }
    }

    /// It is waited for the client: ready once that is too long. Time in which nobody asks for more does not count.
    pub(crate) fn poll_too_long(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(at) = self.waits_until(Instant::now()) {
            match &mut self.end {
                Some(end) => end.as_mut().reset(at),
                None => self.end = Some(Box::pin(sleep_until(at))),
            }
        }
        match &mut self.end {
            Some(end) => end.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }

    /// Until when it may be waited, where nobody waited before.
    fn waits_until(&mut self, now: Instant) -> Option<Instant> {
        if self.since.is_some() {
            return None;
        }
        self.since = Some(now);
        Some(now + self.patience.saturating_sub(self.waited))
    }
}

/// Gives a request a body that breaks where it comes too slowly.
pub(crate) async fn paced(patience: Duration, request: Request, next: Next) -> Response {
    next.run(request.map(|body| Body::new(PacedBody { body, pace: ClientPace::new(patience) }))).await
}

struct PacedBody {
    body: Body,
    pace: ClientPace,
}

impl HttpBody for PacedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(found) => {
                let bytes = found.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()).map_or(0, Bytes::len);
                self.pace.moved(bytes);
                Poll::Ready(found)
            }
            Poll::Pending => {
                ready!(self.pace.poll_too_long(cx));
                Poll::Ready(Some(Err(axum::Error::new("the body comes too slowly"))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_trickles_ends_and_what_is_only_slow_goes_on() {
        let (second, mut now) = (Duration::from_secs(1), Instant::now());
        let mut slow = ClientPace::new(60 * second);
        for _ in 0..600 {
            assert!(slow.waits_until(now).unwrap() > now + second);
            now += second;
            slow.moved_at(now, 2 << 10);
        }
        // Nobody asks for more for an hour: that is not the client's.
        now += 3600 * second;
        assert_eq!(slow.waits_until(now), Some(now + 60 * second));
        assert_eq!(slow.waits_until(now + second), None);
        let mut trickles = ClientPace::new(60 * second);
        for seconds in 0..60 {
            assert_eq!(trickles.waits_until(now), Some(now + (60 - seconds) * second));
            now += second;
            trickles.moved_at(now, 1);
        }
        assert_eq!(trickles.waits_until(now), Some(now));
    }
}
