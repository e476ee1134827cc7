//! The right that a route needs, which is looked at before anything of the request but its head is read.

use std::sync::Arc;

use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::Operation;
use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::access::{AccessRole, Caller, Resource};
use crate::app::{App, missing};
use crate::problem::{Problem, Reply};

/// The right that a route needs. Each route has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    /// None: anybody may ask.
    Open,
    /// An account, whatever it may: what it gets is its own, or what it may see.
    Account,
    /// On the repository that the path names.
    Repository(AccessRole),
    /// On the branch or tag that the path names by this parameter.
    Reference(AccessRole, &'static str),
    /// On what the body names: the handler asks. Where the path names a repository, it may be read.
    Named(AccessRole),
}

impl Right {
    /// As the OpenAPI document says it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Open => "none",
            Self::Account => "account",
            Self::Repository(role) | Self::Reference(role, _) | Self::Named(role) => role.as_str(),
        }
    }
}

/// What the guard of a route knows.
#[derive(Clone)]
pub(super) struct Guard {
    pub(super) app: App,
    pub(super) right: Right,
}

/// Lets a request through that has the right, with who asks.
pub(super) async fn guard(
    State(guard): State<Guard>,
    path: RawPathParams,
    mut request: Request,
    next: Next,
) -> Response {
    let named = |wanted: &str| path.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.to_owned());
    let repository = named("repository");
    let reference = match guard.right {
        Right::Reference(_, parameter) => named(parameter),
        _ => None,
    };
    match guard.check(request.headers(), repository.as_deref(), reference.as_deref()).await {
        Ok(caller) => {
            if let Some(caller) = caller {
                request.extensions_mut().insert(Asker(Arc::new(caller)));
            }
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

impl Guard {
    async fn check(
        &self,
        headers: &HeaderMap,
        repository: Option<&str>,
        reference: Option<&str>,
    ) -> Reply<Option<Caller>> {
        if self.right == Right::Open {
            return Ok(None);
        }
        let caller = self.app.callers().of(headers).await?;
        if let Some(name) = repository {
            let resource = Resource::repository(name);
            // What is not theirs to know is not there.
            if !caller.sees(&resource) {
                return Err(missing(name));
            }
            match self.right {
                Right::Repository(role) => caller.needs(role, &resource)?,
                Right::Reference(role, _) => {
                    caller.needs(role, &Resource::reference(name, reference.unwrap_or_default()))?;
                }
                Right::Open | Right::Account | Right::Named(_) => {}
            }
        }
        Ok(Some(caller))
    }
}

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Asker(pub(crate) Arc<Caller>);

impl<S: Send + Sync> FromRequestParts<S> for Asker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Reply<Self> {
        let asker = parts.extensions.get::<Self>().cloned();
        asker.ok_or_else(|| Problem::internal(&"a route without a right asks who asks"))
    }
}

impl OperationInput for Asker {
    fn operation_input(_: &mut GenContext, _: &mut Operation) {}
}
