//! Requests to this server since it was started.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Where the counts of a histogram end, in seconds.
const SECONDS: [f64; 9] = [0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0, 300.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: String,
    /// As the OpenAPI document has it: never what a client wrote.
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRoute {
    route: String,
}

/// Requests to this server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct RequestMetrics {
    answered: Family<Answered, Counter>,
    took: Family<OfRoute, Histogram, fn() -> Histogram>,
    received: Counter,
    sent: Counter,
    going: Gauge,
}

impl Default for RequestMetrics {
    fn default() -> Self {
        let took = Family::new_with_constructor((|| Histogram::new(SECONDS)) as fn() -> Histogram);
        let (answered, received, sent, going) = Default::default();
        Self { answered, took, received, sent, going }
    }
}

impl RequestMetrics {
    /// Adds them to what is shown.
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("http_requests", "Requests that were answered", self.answered.clone());
        let took = "From the head of a request to the head of its answer";
        registry.register_with_unit("http_request_duration", took, Unit::Seconds, self.took.clone());
        let received = "What requests said that their bodies have";
        registry.register_with_unit("http_received", received, Unit::Bytes, self.received.clone());
        let sent = "What answers said that their bodies have";
        registry.register_with_unit("http_sent", sent, Unit::Bytes, self.sent.clone());
        registry.register("http_requests_in_progress", "Requests whose answer has not begun", self.going.clone());
    }
}

/// One request more, whatever becomes of it.
struct Going<'a>(&'a Gauge);

impl Drop for Going<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Measures a request.
pub(crate) async fn measured(State(metrics): State<RequestMetrics>, request: Request, next: Next) -> Response {
    metrics.going.inc();
    let _going = Going(&metrics.going);
    let method = match request.method().as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "OPTIONS" | "PATCH") => known.to_owned(),
        _ => "other".to_owned(),
    };
    // Those of the gateway, and those to nothing, have no route.
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    metrics.received.inc_by(length(request.headers()));
    let began = Instant::now();
    let response = next.run(request).await;
    metrics.took.get_or_create(&OfRoute { route: route.clone() }).observe(began.elapsed().as_secs_f64());
    metrics.sent.inc_by(length(response.headers()));
    let status = response.status().as_u16();
    metrics.answered.get_or_create(&Answered { method, route, status }).inc();
    response
}

fn length(headers: &HeaderMap) -> u64 {
    headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok()).unwrap_or(0)
}
