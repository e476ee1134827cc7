//! A server: it listens, answers, and ends what it has begun before it goes.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use datlake::{Error, ErrorKind, Lake, Result};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};

use crate::access::Accounts;
use crate::app::App;
use crate::gateway::with_gateway;
use crate::http::{Routes, about, every_request};
use crate::lakefs;
use crate::settings::ServerSettings;

/// The longest that a client may take for the head of a request.
const HEAD: Duration = Duration::from_secs(30);
/// The longest that requests go on after the server was told to end.
const GOING: Duration = Duration::from_secs(30);

/// A server that listens, and answers once it is [run](Server::run).
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    accounts: Accounts,
    router: Router,
}

impl Server {
    /// Opens what it needs, and listens.
    ///
    /// # Errors
    /// As [`Accounts::open`]; [`ErrorKind::Io`] where it cannot listen there.
    pub async fn bind(lake: &Lake, settings: &ServerSettings) -> Result<Self> {
        let accounts = Accounts::open(settings).await?;
        let app = App::new(lake, accounts.clone(), settings);
        let routes = Routes::new(&app).nest("/api/v1", lakefs::routes(Routes::new(&app)));
        let router = about(routes).map_err(|problem| Error::new(ErrorKind::Value, problem.message()))?;
        let failed = |e| Error::io("listen at", settings.listen, e);
        let listener = TcpListener::bind(settings.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, accounts, router: every_request(router, |router| with_gateway(router, &app)) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its accounts.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Answers until `end` is ready. Requests that are under way then are answered, for half a minute at most; nobody is let in any more.
    pub async fn run(self, end: impl Future<Output = ()> + Send) {
        let (mut end, graceful) = (pin!(end), GracefulShutdown::new());
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => answer(stream, self.router.clone(), &graceful),
                    // It has too many open files, or the client has gone: others are let in.
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                },
                () = &mut end => break,
            }
        }
        drop(self.listener);
        tracing::info!("ending");
        if tokio::time::timeout(GOING, graceful.shutdown()).await.is_err() {
            tracing::warn!("some requests were still under way, and are cut off");
        }
        self.accounts.database().close().await;
    }
}

fn answer(stream: TcpStream, router: Router, graceful: &GracefulShutdown) {
    // What is small is not held back for more.
    let _ = stream.set_nodelay(true);
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD);
    builder.http2().timer(TokioTimer::new());
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)).into_owned();
    let watched = graceful.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = watched.await {
            tracing::debug!(error, "a connection ended");
        }
    });
}
