//! One connection: answered as long as its client asks, and takes what it is answered.
//!
//! A connection on which nobody asks ends, whatever of a request has come: half a head, or nothing at all. So does one whose client does not
//! take its answer. What is under way on others does not notice.

use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use hyper::Request;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tower::ServiceExt as _;

use crate::audit::ClientAddress;
use crate::http::ClientPace;
use crate::settings::ClientPatience;

/// Answers what is asked on a connection, until its client or `graceful` ends it, or patience does.
pub(crate) fn answer(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    graceful: &GracefulShutdown,
    patience: ClientPatience,
) {
    // What is small is not held back for more.
    let _ = stream.set_nodelay(true);
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(patience.head);
    builder.http2().timer(TokioTimer::new());
    let (under_way, watched) = UnderWay::new();
    let stream = Patient { stream, pace: ClientPace::new(patience.body), under_way: under_way.clone(), waits: None };
    let service = tower::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ClientAddress(peer));
        let (router, noted) = (router.clone(), under_way.begin());
        async move {
            let response = router.oneshot(request.map(Body::new)).await?;
            Ok::<_, std::convert::Infallible>(response.map(|body| Body::new(Noted { body, _noted: noted })))
        }
    });
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)).into_owned();
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        tokio::select! {
            ended = connection => {
                if let Err(error) = ended {
                    tracing::debug!(error, "a connection ended");
                }
            }
            () = nobody_asks(watched, patience.head) => tracing::debug!("nobody asked on a connection"),
        }
    });
}

/// How much is under way on a connection.
#[derive(Clone)]
struct UnderWay(watch::Sender<usize>);

impl UnderWay {
    fn new() -> (Self, watch::Receiver<usize>) {
        let (count, watched) = watch::channel(0);
        (Self(count), watched)
    }

    fn begin(&self) -> OneUnderWay {
        self.0.send_modify(|count| *count += 1);
        OneUnderWay(self.0.clone())
    }
}

/// It is under way until this is dropped.
struct OneUnderWay(watch::Sender<usize>);

impl Drop for OneUnderWay {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// Ready once nothing was under way for so long.
async fn nobody_asks(mut under_way: watch::Receiver<usize>, patience: Duration) {
    loop {
        let is_idle = *under_way.borrow_and_update() == 0;
        let mut changed = pin!(under_way.changed());
        let changed = match is_idle {
            true => tokio::time::timeout(patience, &mut changed).await,
            false => Ok(changed.await),
        };
        // The connection that counts is gone itself, or it was long enough.
        if !matches!(changed, Ok(Ok(()))) {
            return;
        }
    }
}

/// The body of an answer, which is under way until all of it was taken.
struct Noted {
    body: Body,
    _noted: OneUnderWay,
}

impl HttpBody for Noted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream that breaks where the other side does not take what is written.
struct Patient<S> {
    stream: S,
    pace: ClientPace,
    under_way: UnderWay,
    /// While it waits, what it writes is under way.
    waits: Option<OneUnderWay>,
}

impl<S> Patient<S> {
    fn written(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(done) => {
                self.pace.moved(*done.as_ref().unwrap_or(&0));
                self.waits = None;
                Poll::Ready(done)
            }
            Poll::Pending => {
                self.waits.get_or_insert_with(|| self.under_way.begin());
                ready!(self.pace.poll_too_long(cx));
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not take its answer")))
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn an_answer_that_nobody_takes_breaks_and_is_under_way_until_then() {
        let ((stream, mut other), (under_way, watched)) = (tokio::io::duplex(16), UnderWay::new());
        let mut stream = Patient { stream, pace: ClientPace::new(PATIENCE), under_way, waits: None };
        let mut bytes = [0; 16];
        stream.write_all(&bytes).await.unwrap();
        assert_eq!(*watched.borrow(), 0);
        let written = tokio::spawn(async move { stream.write_all(&[1; 16]).await.map(|()| stream) });
        while *watched.borrow() == 0 && !written.is_finished() {
            tokio::task::yield_now().await;
        }
        assert_eq!(*watched.borrow(), 1);
        let error = written.await.unwrap().err().unwrap();
        assert_eq!((error.kind(), *watched.borrow()), (io::ErrorKind::TimedOut, 0));
        other.read_exact(&mut bytes).await.unwrap();
    }

    #[tokio::test]
    async fn a_connection_is_idle_only_while_nothing_is_under_way() {
        let (under_way, watched) = UnderWay::new();
        let one = under_way.begin();
        let mut idle = pin!(nobody_asks(watched, PATIENCE));
        assert!(tokio::time::timeout(4 * PATIENCE, &mut idle).await.is_err());
        drop(one);
        idle.await;
    }
}
