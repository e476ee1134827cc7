//! The right that a route needs, which is looked at before anything of the request but its head is read.

use std::sync::Arc;

use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::Operation;
use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::access::{AccessRole, Caller, Resource};
use crate::app::{App, missing};
use crate::audit::AuditLine;
use crate::database::failed;
use crate::deliveries::{dataflow_of_run, find};
use crate::problem::{Problem, Reply};

/// The right that a route needs. Each route has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    /// None: anybody may ask.
    Open,
    /// An account, whatever it may: what it gets is its own, or what it may see.
    Account,
    /// The same, or who is signed in on the page.
    AccountOrSession,
    /// On the repository that the path names.
    Repository(AccessRole),
    /// On the branch or tag that the path names by this parameter.
    Reference(AccessRole, &'static str),
    /// On the job that the path names.
    Job(AccessRole),
    /// On the table that the path names.
    Table(AccessRole),
    /// On the content at the bucket and path that the path names.
    Dataset(AccessRole),
    /// On the job of the dataflow that the path names, itself or by a run of it.
    Dataflow(AccessRole),
    /// On what the body names: the handler asks. Where the path names a repository, it may be read.
    Named(AccessRole),
    /// On everything.
    Server(AccessRole),
}

impl Right {
    /// As the OpenAPI document says it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Open => "none",
            Self::Account | Self::AccountOrSession => "account",
            Self::Repository(role)
            | Self::Reference(role, _)
            | Self::Job(role)
            | Self::Table(role)
            | Self::Dataset(role)
            | Self::Dataflow(role)
            | Self::Named(role)
            | Self::Server(role) => role.as_str(),
        }
    }

    /// On what, as the OpenAPI document says it.
    pub(super) fn on(self) -> &'static str {
        match self {
            Self::Open | Self::Account | Self::AccountOrSession => "nothing",
            Self::Repository(_) | Self::Reference(..) => "repository",
            Self::Job(_) => "job",
            Self::Table(_) => "table",
            Self::Dataset(_) => "dataset",
            Self::Dataflow(_) => "dataflow",
            Self::Named(_) => "named",
            Self::Server(_) => "server",
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
    match guard.check(request.method(), request.headers(), &Parameters::of(&path)).await {
        Ok(None) => next.run(request).await,
        Ok(Some(caller)) => {
            let line = AuditLine::of(&request, caller.name());
            request.extensions_mut().insert(Asker(Arc::new(caller)));
            let response = next.run(request).await;
            if let Some(line) = line {
                guard.app.audit().keep(AuditLine { status: response.status().as_u16(), ..line }).await;
            }
            response
        }
        Err(problem) => problem.into_response(),
    }
}

/// The parameters of a path.
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(crate) fn of(path: &RawPathParams) -> Self {
        Self(path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    fn named(&self, wanted: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    }

    /// The same, where the route has it.
    fn text(&self, wanted: &str) -> &str {
        self.named(wanted).unwrap_or_default()
    }
}

impl Guard {
    async fn check(&self, method: &Method, headers: &HeaderMap, path: &Parameters) -> Reply<Option<Caller>> {
        let caller = match self.right {
            Right::Open => return Ok(None),
            Right::AccountOrSession => self.app.callers().of_either(headers).await?,
            _ => self.app.callers().of(headers).await?,
        };
        self.right.check(&self.app, &caller, method, path).await?;
        refuse_encoded(method, headers)?;
        Ok(Some(caller))
    }
}

/// Nothing is decompressed here: of what is sent, its size is known.
fn refuse_encoded(method: &Method, headers: &HeaderMap) -> Reply<()> {
    let is_plain = |said: &HeaderValue| said.as_bytes().eq_ignore_ascii_case(b"identity");
    match headers.get_all(header::CONTENT_ENCODING).iter().all(is_plain) || method.is_safe() {
        true => Ok(()),
        false => {
            let message = "the body has a `Content-Encoding`, and this server decodes none: send it as it is";
            let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message);
            Err(problem.with_header(header::ACCEPT_ENCODING, "identity"))
        }
    }
}

impl Right {
    /// Refuses a caller without it.
    ///
    /// # Errors
    /// 403; 404 for what is not theirs to know.
    pub(crate) async fn check(self, app: &App, caller: &Caller, method: &Method, path: &Parameters) -> Reply<()> {
        let (role, resource) = match self {
            Self::Job(role) => (role, Resource::job(path.text("job"))),
            Self::Table(role) => (role, Resource::table(path.text("table"))),
            Self::Dataset(role) => (role, Resource::dataset(path.text("bucket"), path.text("path"))),
            Self::Dataflow(role) => return check_dataflow(app, role, caller, path).await,
            Self::Server(role) => return caller.needs_everywhere(role),
            _ => return self.check_repository(caller, path),
        };
        // What is not theirs to know is not there. Who wants to write learns what is missing, whether there is such a thing or not.
        if !caller.sees(&resource) && matches!(*method, Method::GET | Method::HEAD) {
            return Err(not_there(&resource));
        }
        caller.needs(role, &resource)
    }

    fn check_repository(self, caller: &Caller, path: &Parameters) -> Reply<()> {
        if let Some(name) = path.named("repository") {
            let resource = Resource::repository(name);
            // What is not theirs to know is not there.
            if !caller.sees(&resource) {
                return Err(missing(name));
            }
            match self {
                Self::Repository(role) => caller.needs(role, &resource)?,
                Self::Reference(role, parameter) => {
                    caller.needs(role, &Resource::reference(name, path.text(parameter)))?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// What is not theirs to know is not there, whatever they want of it: an id says nothing.
async fn check_dataflow(app: &App, role: AccessRole, caller: &Caller, path: &Parameters) -> Reply<()> {
    let mut connection = app.database().pool().acquire().await.map_err(|e| failed("read", e))?;
    let (id, found) = match path.named("dataflow") {
        Some(id) => (id, find(&mut connection, id).await?),
        None => (path.text("run"), dataflow_of_run(&mut connection, path.text("run")).await?),
    };
    let job = found.map(|found| Resource::job(&found.job)).filter(|job| caller.sees(job));
    caller.needs(role, &job.ok_or_else(|| no_dataflow(id))?)
}

/// The answer where there is no such dataflow, or no such run of one.
pub(crate) fn no_dataflow(id: &str) -> Problem {
    let shown: String = id.chars().take(80).flat_map(char::escape_debug).collect();
    Problem::not_found(format!("there is no dataflow, and no run of one, that is `{shown}`"))
}

/// The answer where there is no such thing, or it is not theirs to know.
pub(crate) fn not_there(resource: &Resource) -> Problem {
    let shown: String = resource.name().chars().take(200).flat_map(char::escape_debug).collect();
    Problem::not_found(format!("there is no {} `{shown}`", resource.kind()))
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
