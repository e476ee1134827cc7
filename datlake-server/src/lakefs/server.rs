//! What a client asks of the server itself: its configuration, and who asks.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;

use crate::app::App;
use crate::http::{Asker, NoContent, Right, Routes};
use crate::problem::Reply;

#[derive(Serialize, JsonSchema)]
struct Config {
    version_config: Version,
    storage_config: Storage,
}

#[derive(Serialize, JsonSchema)]
struct Version {
    version: &'static str,
}

#[derive(Serialize, JsonSchema)]
struct Storage {
    blockstore_type: &'static str,
    blockstore_namespace_example: &'static str,
    #[serde(rename = "blockstore_namespace_ValidityRegex")]
    blockstore_namespace_validity_regex: &'static str,
    pre_sign_support: bool,
    pre_sign_support_ui: bool,
    import_support: bool,
    import_validity_regex: &'static str,
}

#[derive(Serialize, JsonSchema)]
struct CurrentUser {
    user: User,
}

#[derive(Serialize, JsonSchema)]
struct User {
    id: String,
    /// Seconds since 1970.
    creation_date: i64,
}

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/healthcheck", Right::Open, "Whether the server is well", async || NoContent)
        .get("/config", Right::Account, "What the server can do", config)
        .get("/user", Right::Account, "Who asks", user)
}

async fn config(State(app): State<App>) -> Reply<Json<Config>> {
    let presigns = app.lake().signs_urls()?;
    // Clients of a store that presigns send what that kind of store wants.
    let blockstore_type = match app.lake().remote() {
        Some(remote) if presigns => match remote.split(':').next() {
            Some("s3" | "s3a") => "s3",
            Some("gs") => "gs",
            _ => "azure",
        },
        _ => "lake",
    };
    Ok(Json(Config {
        version_config: Version { version: env!("CARGO_PKG_VERSION") },
        storage_config: Storage {
            blockstore_type,
            blockstore_namespace_example: "lake://",
            blockstore_namespace_validity_regex: ".*",
            pre_sign_support: presigns,
            pre_sign_support_ui: false,
            import_support: true,
            import_validity_regex: "^(lake|file)://",
        },
    }))
}

async fn user(Asker(caller): Asker) -> Json<CurrentUser> {
    Json(CurrentUser { user: User { id: caller.name().to_owned(), creation_date: caller.created_at() } })
}
