//! Who is signed in, the right that a page needs, and forms that only our own pages send.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Form, FromRequest as _, RawPathParams, Request, State};
use axum::handler::Handler;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use maud::html;
use serde::Deserialize;

use super::address::address;
use super::frame::{Section, Visitor, bare_page};
use super::show::Said;
use crate::access::is_same;
use crate::app::App;
use crate::audit::AuditLine;
use crate::http::{Parameters, Right, whole_body};
use crate::problem::{Problem, Reply, SaidProblem};

/// The most bytes that a form has.
const LARGEST: usize = 64 << 10;

/// What a page may do: nothing but what it says here, and nobody may put it into another.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Pages with their rights. There is no way to add one without a right.
pub(super) struct PageRoutes {
    app: App,
    router: Router<App>,
}

impl PageRoutes {
    pub(super) fn new(app: &App) -> Self {
        Self { app: app.clone(), router: Router::new() }
    }

    pub(super) fn get<H: Handler<T, App>, T: 'static>(self, path: &str, right: Right, handler: H) -> Self {
        let guard_state = PageGuard { app: self.app.clone(), right };
        let method = get(handler).route_layer(from_fn_with_state(guard_state, guard));
        Self { router: self.router.route(path, method), ..self }
    }

    /// Who only reads has none of these.
    pub(super) fn post<H: Handler<T, App>, T: 'static>(self, path: &str, right: Right, handler: H) -> Self {
        if self.app.is_alone() {
            return self;
        }
        let guard_state = PageGuard { app: self.app.clone(), right };
        let method = post(handler).route_layer(from_fn_with_state(guard_state, guard));
        Self { router: self.router.route(path, method), ..self }
    }

    pub(super) fn finish(self) -> Router {
        self.router.with_state(self.app)
    }
}

#[derive(Clone)]
struct PageGuard {
    app: App,
    right: Right,
}

/// Answers only who asks for this machine by its own name: a page of somebody else, whose name leads here now, has another.
pub(crate) fn for_own_host(router: Router, address: SocketAddr) -> Router {
    let port = address.port();
    let own = ["127.0.0.1", "localhost", "[::1]"].map(|host| format!("{host}:{port}"));
    router.layer(from_fn(move |request: Request, next: Next| {
        let said = host_of(request.headers(), request.uri());
        let is_own = said.is_some_and(|said| own.iter().any(|own| own == said));
        async move {
            if is_own {
                return next.run(request).await;
            }
            Problem::new(StatusCode::MISDIRECTED_REQUEST, "this page is for the machine that it is on").into_response()
        }
    }))
}

/// What a request calls this server.
fn host_of<'r>(headers: &'r HeaderMap, uri: &'r Uri) -> Option<&'r str> {
    let said = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    said.or(uri.authority().map(|authority| authority.as_str()))
}

/// What a form of ours has besides what it says.
#[derive(Deserialize)]
struct FormToken {
    #[serde(default)]
    form_token: String,
}

/// Lets a request through that has the right, and says what went wrong as a page.
async fn guard(State(guard): State<PageGuard>, path: RawPathParams, request: Request, next: Next) -> Response {
    let mut visitor = None;
    let answer = guard.answer(&mut visitor, &Parameters::of(&path), request, next).await;
    let mut response = answer.unwrap_or_else(Problem::into_response);
    if let Some(SaidProblem(message)) = response.extensions().get::<SaidProblem>() {
        response = shown(visitor.as_ref(), response.status(), message);
    }
    harden(response.headers_mut());
    response
}

impl PageGuard {
    async fn answer(
        &self,
        visitor: &mut Option<Visitor>,
        path: &Parameters,
        mut request: Request,
        next: Next,
    ) -> Reply<Response> {
        let is_form = *request.method() == Method::POST;
        if is_form && !is_own_page(request.headers(), request.uri()) {
            return Err(refused());
        }
        if self.right == Right::Open {
            return Ok(next.run(request).await);
        }
        let Some((caller, session)) = self.app.callers().of_session(request.headers()).await? else {
            return Ok(to_sign_in(&request));
        };
        let caller = Arc::new(caller);
        let who = visitor.insert(Visitor { caller: caller.clone(), session, is_alone: self.app.is_alone() });
        if is_form {
            request = with_token(request, &who.session.form_token).await?;
        }
        self.right.check(&self.app, &caller, request.method(), path).await?;
        request.extensions_mut().insert(who.clone());
        let line = AuditLine::of(&request, caller.name());
        let response = next.run(request).await;
        if let Some(line) = line {
            self.app.audit().keep(AuditLine { status: response.status().as_u16(), ..line }).await;
        }
        Ok(response)
    }
}

/// Whether a form comes from a page of this server, as far as browsers say it: all do.
fn is_own_page(headers: &HeaderMap, uri: &Uri) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let site = text(HeaderName::from_static("sec-fetch-site"));
    let host = host_of(headers, uri);
    let origin = text(header::ORIGIN).map(|origin| origin.split_once("://").map(|(_, host)| host));
    match (site, origin) {
        (None, None) => false,
        (site, origin) => site.is_none_or(|site| site == "same-origin") && origin.is_none_or(|origin| origin == host),
    }
}

/// The request, whose form has the token of its session.
async fn with_token(request: Request, expected: &str) -> Reply<Request> {
    let (parts, content) = request.into_parts();
    let bytes = whole_body(content, LARGEST).await?;
    let form =
        Form::<FormToken>::from_request(Request::from_parts(parts.clone(), Body::from(bytes.clone())), &()).await;
    match form {
        Ok(Form(FormToken { form_token })) if is_same(expected, &form_token) => {
            Ok(Request::from_parts(parts, Body::from(bytes)))
        }
        _ => Err(refused()),
    }
}

fn refused() -> Problem {
    let message = "this form was not sent by a page of this session: nothing was done; open the page anew, and send it from there";
    Problem::new(StatusCode::FORBIDDEN, message)
}

/// Who is not signed in does that first, and comes back.
fn to_sign_in(request: &Request) -> Response {
    let wanted = match *request.method() {
        Method::GET => request.uri().path_and_query().map_or("/", |wanted| wanted.as_str()),
        _ => "/",
    };
    let to = address(&["sign-in"], &[("to", if wanted == "/" { "" } else { wanted })]);
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
}

/// What went wrong, as a page.
fn shown(visitor: Option<&Visitor>, status: StatusCode, message: &str) -> Response {
    let title = status.canonical_reason().unwrap_or("Error");
    let content = html! {
        h1 { (title) }
        p class="problem" { (Said(message)) "." }
        p { a href="/" { "Home" } }
    };
    let page = match visitor {
        Some(visitor) => visitor.page(Section::None, title, content),
        None => bare_page(title, &content),
    };
    (status, page).into_response()
}

/// What all of them say to browsers.
fn harden(headers: &mut HeaderMap) {
    let mut say = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    say(header::CONTENT_SECURITY_POLICY, POLICY);
    // Of browsers that know no `frame-ancestors`.
    say(header::X_FRAME_OPTIONS, "DENY");
    // Nothing to others; our own pages are to know that a form came from one of them.
    say(header::REFERRER_POLICY, "same-origin");
    say(header::CACHE_CONTROL, "no-store");
    say(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    say(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
}
