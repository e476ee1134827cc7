//! What pages are made with: a style and a script, which browsers keep until they are others.

use std::sync::OnceLock;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};

/// A file that is built in.
pub(super) struct Asset {
    path: &'static str,
    kind: &'static str,
    content: &'static str,
    address: OnceLock<String>,
}

pub(super) static STYLE: Asset = Asset::style("/page.css", include_str!("page.css"));
pub(super) static SCRIPT: Asset = Asset::script("/page.js", include_str!("page.js"));

impl Asset {
    pub(super) const fn style(path: &'static str, content: &'static str) -> Self {
        Self { path, kind: "text/css; charset=utf-8", content, address: OnceLock::new() }
    }

    pub(super) const fn script(path: &'static str, content: &'static str) -> Self {
        Self { path, kind: "text/javascript; charset=utf-8", content, address: OnceLock::new() }
    }

    /// Where it is, with a hash of its content, so that one that was kept is never taken for another.
    pub(super) fn address(&self) -> &str {
        self.address
            .get_or_init(|| format!("{}?v={}", self.path, &blake3::hash(self.content.as_bytes()).to_hex()[..16]))
    }

    pub(super) fn path(&self) -> &'static str {
        self.path
    }

    pub(super) fn answer(&self) -> Response {
        let mut response = ([(header::CONTENT_TYPE, self.kind)], self.content).into_response();
        let kept = HeaderValue::from_static("public, max-age=31536000, immutable");
        response.headers_mut().insert(header::CACHE_CONTROL, kept);
        response
    }
}
