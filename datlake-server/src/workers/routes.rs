//! Claims and logs over HTTP.

use std::time::{Duration, Instant};

use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::{MediaType, Operation, ReferenceOr, RequestBody, Response as Documented, StatusCode as Code};
use aide::operation::OperationOutput;
use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use schemars::JsonSchema;
use serde::Deserialize;

use super::claim::{Claimant, claim};
use super::follow::LogReader;
use super::log::{PIECE, append};
use super::wire::{LogState, WorkerClaim, WorkerClaimed};
use crate::access::{AccessRole, Pattern};
use crate::app::App;
use crate::database::failed;
use crate::http::{Asker, At, JsonBody, Query, Right, Routes, check_name, whole_body};
use crate::jobs::{lease_of, one_run, own_run};
use crate::problem::{Problem, Reply};

/// The lease of a run that a worker has, unless it says.
const LEASE: f64 = 60.0;
/// The longest that is waited for a run.
const WAITS: f64 = 30.0;
/// How often it is looked for one.
const LOOK: Duration = Duration::from_millis(200);
const TEXT: &str = "text/plain; charset=utf-8";
const OCTETS: &str = "application/octet-stream";

/// A run in a path.
#[derive(Deserialize, JsonSchema)]
struct AtLog {
    job: String,
    run: String,
}

/// Where a piece begins.
#[derive(Deserialize, JsonSchema)]
struct AtOffset {
    /// How many bytes of the log are before it.
    offset: i64,
}

/// What of a log is asked for.
#[derive(Deserialize, JsonSchema)]
struct AskedLog {
    /// From there on.
    #[serde(default)]
    offset: i64,
    /// Whether more is waited for, as long as the run goes on.
    #[serde(default)]
    follow: bool,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    let (reader, writer) = (Right::Job(AccessRole::Reader), Right::Job(AccessRole::Writer));
    let log = "/jobs/{job}/runs/{run}/log";
    routes
        .post(
            "/workers/claim",
            Right::Account,
            "Claims a run that waits, of jobs in which the caller may write",
            claim_run,
        )
        .get(log, reader, "Reads what a worker has shipped of the log of a run, as it grows", read)
        .post(log, writer, "Appends to the log of a run; what was sent before is there once", write)
}

async fn claim_run(
    State(app): State<App>,
    Asker(caller): Asker,
    JsonBody(asked): JsonBody<WorkerClaim>,
) -> Reply<Json<WorkerClaimed>> {
    check_name("worker", &asked.worker, "worker")?;
    let lease = lease_of(Some(asked.lease_seconds.unwrap_or(LEASE)))?;
    let jobs = asked.jobs.as_deref().unwrap_or("*");
    let jobs: Pattern =
        format!("job:{jobs}").parse().map_err(|error: datlake::Error| Problem::from(error).of_field("jobs"))?;
    if !(0.0..=WAITS).contains(&asked.wait_seconds) {
        return Err(Problem::bad_request("`wait_seconds` is from 0 to 30").of_field("wait_seconds"));
    }
    let claimant = Claimant { caller: &caller, worker: &asked.worker, jobs: &jobs, lease };
    let until = Instant::now() + Duration::from_secs_f64(asked.wait_seconds);
    loop {
        let claimed = claim(app.database(), app.callers(), &claimant).await?;
        if claimed.is_some() || Instant::now() >= until || app.events().has_ended() {
            return Ok(Json(WorkerClaimed { claimed }));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// A piece of a log.
struct LogPiece(Bytes);

impl<S: Send + Sync> FromRequest<S> for LogPiece {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Reply<Self> {
        whole_body(request.into_body(), PIECE).await.map(Self)
    }
}

impl OperationInput for LogPiece {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        let content = [(OCTETS.to_owned(), MediaType::default())].into_iter().collect();
        let body = RequestBody { content, required: true, ..RequestBody::default() };
        operation.request_body = Some(ReferenceOr::Item(body));
    }
}

async fn write(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtLog>,
    Query(begins): Query<AtOffset>,
    LogPiece(piece): LogPiece,
) -> Reply<Json<LogState>> {
    check_name("job", &at.job, "job")?;
    if begins.offset < 0 {
        return Err(Problem::bad_request("`offset` is a number of bytes").of_field("offset"));
    }
    let mut change = app.change(&caller).await?;
    let (_, run) = own_run(&mut change, Some(&at.job), &at.run, &caller).await?;
    let state = append(&mut change, &run, begins.offset, &piece).await?;
    change.commit().await?;
    Ok(Json(state))
}

/// A log, as it comes.
struct LogContent(Response);

impl IntoResponse for LogContent {
    fn into_response(self) -> Response {
        self.0
    }
}

impl OperationOutput for LogContent {
    type Inner = String;

    fn operation_response(_: &mut GenContext, _: &mut Operation) -> Option<Documented> {
        let content = [(TEXT.to_owned(), MediaType::default())].into_iter().collect();
        Some(Documented { description: "The log".to_owned(), content, ..Documented::default() })
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<Code>, Documented)> {
        let response = Self::operation_response(ctx, operation);
        response.map(|response| (Some(Code::Code(200)), response)).into_iter().collect()
    }
}

async fn read(State(app): State<App>, At(at): At<AtLog>, Query(asked): Query<AskedLog>) -> Reply<LogContent> {
    check_name("job", &at.job, "job")?;
    if asked.offset < 0 {
        return Err(Problem::bad_request("`offset` is a number of bytes").of_field("offset"));
    }
    let mut connection = app.database().pool().acquire().await.map_err(|e| failed("read", e))?;
    let run = one_run(&mut connection, &at.job, &at.run).await?;
    drop(connection);
    let reader = LogReader::new(&app, &run.run_id, asked.offset, asked.follow);
    let pieces = stream::unfold(reader, |mut reader| async move {
        match reader.next().await {
            Ok(piece) => piece.map(|piece| (Ok(piece), reader)),
            // Whoever reads sees that it broke off.
            Err(problem) => Some((Err(std::io::Error::other(problem.message().to_owned())), reader)),
        }
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(TEXT)),
        // What programs write there is no page of ours, and grows.
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok(LogContent((headers, axum::body::Body::from_stream(pieces)).into_response()))
}
