//! What the server says of itself: that it is alive, and what it can be asked.

use aide::openapi::OpenApi;
use axum::http::header;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use axum::{Json, Router};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;

use super::right::Right;
use super::routes::Routes;
use crate::app::App;
use crate::problem::{Problem, Reply};

/// Whether the server is well.
#[derive(Serialize, JsonSchema)]
struct Health {
    /// `ok`.
    status: &'static str,
}

/// `/health`.
pub(crate) fn health(routes: Routes) -> Routes {
    routes.get("/health", Right::Open, "Whether the server is well", healthy)
}

async fn healthy(axum::extract::State(app): axum::extract::State<App>) -> Reply<Json<Health>> {
    app.accounts().database().check().await.map_err(Problem::from)?;
    Ok(Json(Health { status: "ok" }))
}

/// Adds `/health`, and what is made of the document of all routes: `/openapi.json` and `/docs`.
pub(crate) fn about(routes: Routes) -> Reply<Router> {
    let (router, document) = health(routes).finish();
    let json = Bytes::from(serde_json::to_vec(&document).map_err(|e| Problem::internal(&e))?);
    let page = page(&document);
    let openapi =
        move || std::future::ready(([(header::CONTENT_TYPE, "application/json")], json.clone()).into_response());
    let docs = move || {
        let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
        std::future::ready(([(header::CONTENT_SECURITY_POLICY, policy)], Html(page.clone())).into_response())
    };
    Ok(router.route("/openapi.json", get(openapi)).route("/docs", get(docs)))
}

/// A page that lists the routes, without a script or another host.
fn page(document: &OpenApi) -> String {
    let value = serde_json::to_value(document).unwrap_or_default();
    let mut rows = String::new();
    for (path, item) in value["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let text = |name: &str| escaped(operation[name].as_str().unwrap_or_default());
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let names: Vec<String> = parameters
                .filter(|parameter| parameter["in"] == "query")
                .filter_map(|parameter| parameter["name"].as_str().map(escaped))
                .collect();
            rows += &format!(
                "<tr><td>{}</td><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                method.to_uppercase(),
                escaped(path),
                text("summary"),
                names.join(", "),
                text("x-datlake-right")
            );
        }
    }
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>datlake: the API</title><style>body{{font:16px/1.5 sans-serif;margin:2rem;color-scheme:light dark}}\
         table{{border-collapse:collapse}}td,th{{padding:.2rem .8rem;text-align:left;vertical-align:top}}</style>\
         <h1>datlake {}</h1><p>Key pairs by HTTP Basic, or a token as <code>Authorization: Bearer</code>. \
         <a href=\"/openapi.json\">openapi.json</a> has the shapes of bodies and answers.</p>\
         <table><tr><th>Method<th>Path<th>What<th>Parameters<th>Right</tr>\n{rows}</table></html>",
        env!("CARGO_PKG_VERSION")
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
