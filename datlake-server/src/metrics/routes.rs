//! `/metrics`.

use aide::generate::GenContext;
use aide::openapi::{MediaType, Operation, Response as Documented};
use aide::operation::OperationOutput;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use super::stored::StoredFigures;
use crate::access::AccessRole;
use crate::app::App;
use crate::http::{Right, Routes};
use crate::problem::{Problem, Reply};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Figures as Prometheus reads them.
struct OpenMetrics(String);

impl IntoResponse for OpenMetrics {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, OPEN_METRICS)], self.0).into_response()
    }
}

impl OperationOutput for OpenMetrics {
    type Inner = Self;

    fn operation_response(_: &mut GenContext, _: &mut Operation) -> Option<Documented> {
        let content = [("application/openmetrics-text".to_owned(), MediaType::default())].into_iter().collect();
        Some(Documented {
            description: "Figures, in the OpenMetrics text format".to_owned(),
            content,
            ..Documented::default()
        })
    }

    fn inferred_responses(
        ctx: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<aide::openapi::StatusCode>, Documented)> {
        let response = Self::operation_response(ctx, operation);
        response.map(|response| (Some(aide::openapi::StatusCode::Code(200)), response)).into_iter().collect()
    }
}

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/metrics", Right::Server(AccessRole::Reader), "Figures for Prometheus", metrics)
}

async fn metrics(State(app): State<App>) -> Reply<OpenMetrics> {
    let stored = StoredFigures::ask(app.database()).await?;
    let mut registry = Registry::with_prefix("datlake");
    app.metrics().register(&mut registry);
    stored.register(&mut registry);
    let mut text = String::new();
    encode(&mut text, &registry).map_err(|e| Problem::internal(&e))?;
    Ok(OpenMetrics(text))
}
