//! A server: it listens, answers, and ends what it has begun before it goes.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use datlake::{Error, ErrorKind, Lake, Result};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::access::Accounts;
use crate::app::App;
use crate::audit::AuditWriter;
use crate::connection::answer;
use crate::gateway::{end_uploads, with_gateway};
use crate::http::{Routes, about, every_request};
use crate::settings::{ClientPatience, ServerSettings};
use crate::{admin, dataflows, datasets, events, jobs, lakefs, lineage, metrics, page, schedules, tables, workers};

/// The longest that requests go on after the server was told to end.
const GOING: Duration = Duration::from_secs(30);

/// A server that listens, and answers once it is [run](Server::run).
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    app: App,
    audit_writer: AuditWriter,
    keep_events: Option<Duration>,
    patience: ClientPatience,
    router: Router,
}

impl Server {
    /// Opens what it needs, and listens.
    ///
    /// # Errors
    /// As [`Accounts::open`]; [`ErrorKind::Io`] where it cannot listen there.
    pub async fn bind(lake: &Lake, settings: &ServerSettings) -> Result<Self> {
        let accounts = Accounts::open(settings).await?;
        let (app, audit_writer) = App::new(lake, accounts, settings)?;
        let failed = |e| Error::io("listen at", settings.listen, e);
        let listener = TcpListener::bind(settings.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (patience, keep_events) = (settings.patience, settings.keep_events);
        let router = if settings.alone { page_alone(&app, address, patience)? } else { whole(&app, patience)? };
        Ok(Self { listener, address, app, audit_writer, keep_events, patience, router })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// An address at which an administrator signs in on the page: the root, or an account of a person who may do everything. It is good once, and
    /// for a quarter of an hour, and is kept nowhere. `None` where there is no such account.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] where the database cannot be reached.
    pub async fn sign_in_link(&self) -> Result<Option<String>> {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            // Which is no address to go to.
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        let path = page::sign_in_link(&self.app).await?;
        Ok(path.map(|path| format!("http://{address}{path}")))
    }

    /// Its accounts.
    pub fn accounts(&self) -> &Accounts {
        self.app.accounts()
    }

    /// Answers until `end` is ready. Requests that are under way then are answered, for half a minute at most; nobody is let in any more.
    pub async fn run(self, end: impl Future<Output = ()> + Send) {
        let (mut end, graceful) = (pin!(end), GracefulShutdown::new());
        let background = background(&self.app, self.audit_writer, self.keep_events);
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, peer)) => answer(stream, peer, self.router.clone(), &graceful, self.patience),
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
        // These go on until somebody ends them.
        self.app.events().end();
        if tokio::time::timeout(GOING, graceful.shutdown()).await.is_err() {
            tracing::warn!("some requests were still under way, and are cut off");
        }
        background.iter().for_each(JoinHandle::abort);
        self.app.database().close().await;
    }
}

/// All routes, and S3.
fn whole(app: &App, patience: ClientPatience) -> Result<Router> {
    let all = [
        lakefs::routes,
        events::routes,
        jobs::routes,
        schedules::routes,
        workers::routes,
        dataflows::routes,
        tables::routes,
        datasets::routes,
        lineage::routes,
        admin::routes,
    ];
    let under = all.into_iter().fold(Routes::new(app), |routes, add| add(routes));
    let routes = metrics::routes(Routes::new(app).nest("/api/v1", under));
    let router = about(routes).map_err(|problem| Error::new(ErrorKind::Value, problem.message()))?;
    let measured = from_fn_with_state(app.metrics().clone(), metrics::measured);
    Ok(every_request(router.merge(page::routes(app)), patience, |router| with_gateway(router, app).layer(measured)))
}

/// The page, for one person of this machine.
fn page_alone(app: &App, address: SocketAddr, patience: ClientPatience) -> Result<Router> {
    if !address.ip().is_loopback() {
        let error = Error::new(ErrorKind::InvalidInput, format!("{address} is reached by other machines"));
        return Err(error.with_hint("the page without accounts is for this machine: `datlake serve` is for others"));
    }
    Ok(every_request(page::routes_alone(app), patience, |router| page::for_own_host(router, address)))
}

/// What goes on beside the requests.
fn background(app: &App, audit: AuditWriter, keep_events: Option<Duration>) -> [JoinHandle<()>; 7] {
    [
        tokio::spawn(events::forget_old_events(app.database(), keep_events)),
        tokio::spawn(app.events().hand_out()),
        tokio::spawn(jobs::watch_leases(app.database())),
        tokio::spawn(schedules::watch_due(app.database())),
        tokio::spawn(workers::keep_logs(app)),
        tokio::spawn(audit.write()),
        tokio::spawn(end_uploads(app)),
    ]
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}
