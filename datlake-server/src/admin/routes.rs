//! Health part by part, the configuration, and the audit trail.

use std::future::Future;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;

use crate::access::AccessRole;
use crate::app::App;
use crate::audit::{AuditedWrite, writes};
use crate::http::{List, PageAfter, Query, Right, Routes, list, most};
use crate::problem::{Problem, Reply};
use crate::settings::ConfigSummary;

/// A part that takes longer to answer is not well.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a server is.
#[derive(Serialize, JsonSchema)]
struct HealthReport {
    /// `ok`: what is not is 503.
    status: &'static str,
    /// Its parts, for a caller with credentials.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<HealthPart>,
}

/// A part of it.
#[derive(Serialize, JsonSchema)]
struct HealthPart {
    /// `database`, which is written to; `secrets`, of key pairs; or `lake`, with its remote.
    name: &'static str,
    /// How long it took to answer, in milliseconds.
    ms: u64,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    failing: Option<String>,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    let admin = Right::Server(AccessRole::Admin);
    routes
        .get("/admin/health", Right::Open, "Whether the server is well; with credentials, part by part", health)
        .get("/admin/config/summary", admin, "What the server was started with, without secrets", summary)
        .get("/admin/audit", admin, "Lists who asked for what write, the latest first", audit)
}

async fn health(State(app): State<App>, headers: HeaderMap) -> Reply<Json<HealthReport>> {
    let is_known = headers.contains_key(header::AUTHORIZATION) && app.callers().of(&headers).await.is_ok();
    let mut parts = Vec::new();
    if !is_known {
        parts.push(part("database", app.database().check()).await);
    } else {
        parts.push(part("database", app.database().check_writes()).await);
        parts.push(part("secrets", app.accounts().check_secrets()).await);
        // A name that nobody has: what answers that there is none is well.
        parts.push(part("lake", app.lake().exists_async("datlake/health")).await);
    }
    let failing: Vec<&str> = parts.iter().filter(|part| part.failing.is_some()).map(|part| part.name).collect();
    if failing.is_empty() {
        return Ok(Json(HealthReport { status: "ok", parts: if is_known { parts } else { Vec::new() } }));
    }
    let why = |part: &HealthPart| part.failing.as_ref().map(|why| format!("{}: {why}", part.name));
    let message = match is_known {
        true => parts.iter().filter_map(why).collect::<Vec<_>>().join("; "),
        false => "the server is not well; with credentials it says what is wrong".to_owned(),
    };
    Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, message))
}

async fn part<T>(name: &'static str, answers: impl Future<Output = datlake::Result<T>>) -> HealthPart {
    let began = Instant::now();
    let failing = match tokio::time::timeout(PATIENCE, answers).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => {
            tracing::warn!(%error, name, "a part is not well");
            Some(error.message().to_owned())
        }
        Err(_) => Some(format!("it does not answer within {PATIENCE:?}")),
    };
    HealthPart { name, ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX), failing }
}

async fn summary(State(app): State<App>) -> Reply<Json<ConfigSummary>> {
    Ok(Json(app.summary().clone()))
}

async fn audit(State(app): State<App>, Query(page): Query<PageAfter>) -> Reply<Json<List<AuditedWrite>>> {
    let most = most(page.amount);
    let mut found = writes(app.database(), &page.after, most + 1).await?;
    let has_more = found.len() > most;
    found.truncate(most);
    let next = found.last().filter(|_| has_more).map(|write| write.id.clone());
    Ok(Json(list(found, next)))
}
