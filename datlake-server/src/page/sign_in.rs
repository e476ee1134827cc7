//! Signing in and out.

use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use datlake::Result;
use maud::{Markup, html};
use serde::Deserialize;

use super::address::{address, is_own};
use super::frame::{Visitor, bare_page};
use super::guard::PageRoutes;
use crate::access::{SignedInBy, cookie_of};
use crate::app::App;
use crate::http::{Query, Right};
use crate::problem::{Problem, Reply};

#[derive(Deserialize)]
struct Asked {
    /// Where they come from.
    #[serde(default)]
    to: String,
    /// By which they sign in.
    #[serde(default)]
    link: String,
}

/// What somebody signs in with: a link, or a key pair, or a token alone.
#[derive(Deserialize)]
struct SigningIn {
    #[serde(default)]
    to: String,
    #[serde(default)]
    link: String,
    #[serde(default)]
    access_key_id: String,
    #[serde(default)]
    secret: String,
}

pub(super) fn routes(routes: PageRoutes) -> PageRoutes {
    routes.get("/sign-in", Right::Open, ask).post("/sign-in", Right::Open, sign_in).post(
        "/sign-out",
        Right::Account,
        sign_out,
    )
}

/// The path of a link by which an administrator signs in, once and soon; `None` where there is none who may do everything.
pub(crate) async fn link(app: &App) -> Result<Option<String>> {
    if app.is_alone() {
        return Ok(Some(address(&["sign-in"], &[("link", &app.links().make_lasting()?)])));
    }
    let Some((account, _)) = app.callers().administrator().await? else { return Ok(None) };
    Ok(Some(address(&["sign-in"], &[("link", &app.links().make(account)?)])))
}

async fn ask(State(app): State<App>, Query(Asked { to, link }): Query<Asked>) -> Reply<Response> {
    if app.is_alone() {
        return alone(&app, &link).await;
    }
    let page = match link.as_str() {
        "" => form(&to, None),
        // What opens links beforehand, to show or to check them, does not use it up.
        link => bare_page(
            "Sign in",
            &html! {
                h1 { "Sign in" }
                p { "This link signs its administrator in, once." }
                form method="post" action="/sign-in" {
                    input type="hidden" name="link" value=(link);
                    button type="submit" class="main" autofocus { "Sign in" }
                }
            },
        ),
    };
    Ok(page.into_response())
}

/// The page of one person: the link leads in as often as they follow it.
async fn alone(app: &App, link: &str) -> Reply<Response> {
    let Some((account, by)) = by_link(app, link) else {
        let content = html! { h1 { "Not found" } p { "`datlake ui` prints the address at which this page is." } };
        return Ok((StatusCode::UNAUTHORIZED, bare_page("Not found", &content)).into_response());
    };
    let session = app.accounts().begin_session(account.as_deref(), &by).await?;
    Ok(sent("/", Some(&session), false))
}

fn form(to: &str, wrong: Option<&str>) -> Markup {
    bare_page(
        "Sign in",
        &html! {
            h1 { "Sign in" }
            @if let Some(wrong) = wrong { p class="problem" role="alert" { (wrong) } }
            form method="post" action="/sign-in" class="stacked" {
                input type="hidden" name="to" value=(to);
                label { "Access key id" small { "empty, for a token" } input name="access_key_id" autocomplete="username" spellcheck="false"; }
                label { "Secret access key, or token" input name="secret" type="password" autocomplete="current-password" required; }
                button type="submit" class="main" { "Sign in" }
            }
            p class="quiet" { "An administrator makes them by " code { "datlake key create" } " or " code { "datlake token create" } "." }
        },
    )
}

async fn sign_in(State(app): State<App>, headers: HeaderMap, Form(said): Form<SigningIn>) -> Reply<Response> {
    let found = match said.link.as_str() {
        "" => app.callers().signing_in(said.access_key_id.trim(), said.secret.trim()).await?,
        link => by_link(&app, link),
    };
    let Some((account, by)) = found else {
        let wrong = match said.link.as_str() {
            "" => "There is no such key pair or token that is good.",
            _ => "This link was used, or is too old: a server says a new one when it begins.",
        };
        return Ok((StatusCode::UNAUTHORIZED, form(&said.to, Some(wrong))).into_response());
    };
    let session = app.accounts().begin_session(account.as_deref(), &by).await?;
    let to = if is_own(&said.to) { said.to } else { "/".to_owned() };
    Ok(sent(&to, Some(&session), is_secure(&headers)))
}

fn by_link(app: &App, link: &str) -> Option<(Option<String>, SignedInBy)> {
    match app.links().take(link)? {
        None => app.callers().root_hash().map(|hash| (None, SignedInBy::Root(hash))),
        account => Some((account, SignedInBy::Link)),
    }
}

async fn sign_out(State(app): State<App>, visitor: Visitor, headers: HeaderMap) -> Reply<Response> {
    app.accounts().revoke_session(&visitor.session.id, None).await.map_err(Problem::from)?;
    Ok(sent("/sign-in", None, is_secure(&headers)))
}

/// Whether the browser speaks TLS, to us or to a proxy: it says so itself of each form.
fn is_secure(headers: &HeaderMap) -> bool {
    headers.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"))
}

fn sent(to: &str, session: Option<&str>, is_secure: bool) -> Response {
    let headers = [(header::LOCATION, to.to_owned()), (header::SET_COOKIE, cookie_of(session, is_secure))];
    (StatusCode::SEE_OTHER, headers).into_response()
}
