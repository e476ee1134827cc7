//! Accounts, what they may, and what they sign in with: seen, and ended.

use axum::extract::{Form, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::address::address;
use super::frame::{Section, Visitor};
use super::guard::PageRoutes;
use super::jobs::ROWS;
use super::show::{Said, at_seconds, badge, more, table};
use crate::access::{AccessRole, AccountKind, Credentials, KeyPair, ListedSession};
use crate::app::App;
use crate::database::now;
use crate::http::{Query, Right};
use crate::problem::{Problem, Reply};

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    after: String,
}

/// What is to end, by its id.
#[derive(Deserialize)]
struct Ended {
    id: String,
}

/// A grant that is to be taken back.
#[derive(Deserialize)]
struct TakenBack {
    account: String,
    role: String,
    pattern: String,
}

pub(super) fn routes(routes: PageRoutes) -> PageRoutes {
    routes
        .get("/access", Right::Account, overview)
        .get("/access/accounts", Right::Server(AccessRole::Admin), accounts)
        .get("/access/tokens", Right::Account, tokens)
        .get("/access/keys", Right::Account, key_pairs)
        .post("/access/tokens/revoke", Right::Account, revoke_token)
        .post("/access/keys/revoke", Right::Account, revoke_key_pair)
        .post("/access/sessions/revoke", Right::Account, revoke_session)
        .post("/access/grants/revoke", Right::Server(AccessRole::Admin), revoke_grant)
}

fn is_admin(visitor: &Visitor) -> bool {
    visitor.caller.needs_everywhere(AccessRole::Admin).is_ok()
}

/// Whose credentials they may see: all, or their own.
fn whose(visitor: &Visitor) -> Option<&str> {
    if is_admin(visitor) { None } else { Some(visitor.caller.name()) }
}

async fn overview(State(app): State<App>, visitor: Visitor, Query(asked): Query<Asked>) -> Reply<Markup> {
    let mut sessions = app.accounts().sessions(whose(&visitor), &asked.after, ROWS as i64 + 1).await?;
    let next = cut(&mut sessions).map(|last| last.id.clone());
    let grants = visitor.caller.grants();
    let rows =
        grants.iter().map(|grant| html! { td { (grant.role) } td { code { (Said(&grant.pattern.to_string())) } } });
    let content = html! {
        h1 { "Access" }
        (parts(&visitor))
        section aria-labelledby="may" {
            h2 id="may" { "What " (Said(visitor.caller.name())) " may" }
            (table("What is granted", &["Role", "On"], rows, "Nothing: an administrator grants it."))
        }
        section aria-labelledby="sessions" {
            h2 id="sessions" { "Who is signed in" }
            (session_table(&visitor, &sessions))
            (more(next.as_deref(), &["access"], &[]))
        }
    };
    Ok(visitor.page(Section::Access, "Access", content))
}

/// Links to the pages of this section.
fn parts(visitor: &Visitor) -> Markup {
    html! {
        nav class="choices" aria-label="Access" {
            a href="/access" { "Sessions" }
            @if is_admin(visitor) { a href="/access/accounts" { "Accounts" } }
            a href="/access/tokens" { "Tokens" }
            a href="/access/keys" { "Key pairs" }
        }
    }
}

fn session_table(visitor: &Visitor, sessions: &[ListedSession]) -> Markup {
    let rows = sessions.iter().map(|session| {
        let is_this = session.id == visitor.session.id;
        html! {
            td { (Said(session.account.as_deref().unwrap_or("root"))) @if is_this { " " (badge("this one")) } }
            td { (at_seconds(session.created_at)) }
            td { (at_seconds(session.expires_at)) }
            td { (end_button(visitor, "/access/sessions/revoke", &session.id, "Sign out", "session", session.account.as_deref().unwrap_or("root"))) }
        }
    });
    table("Sessions", &["Account", "Since", "Until", "End it"], rows, "Nobody.")
}

/// The button that ends something.
fn end_button(visitor: &Visitor, action: &str, id: &str, word: &str, what: &str, whose: &str) -> Markup {
    visitor.form(
        action,
        html! {
            input type="hidden" name="id" value=(id);
            button type="submit" class="ends" aria-label={ (word) ": the " (what) " " (id) " of " (whose) } { (word) }
        },
    )
}

async fn accounts(State(app): State<App>, visitor: Visitor, Query(asked): Query<Asked>) -> Reply<Markup> {
    let mut found = app.accounts().accounts_behind(&asked.after, ROWS as i64 + 1).await?;
    let next = cut(&mut found).map(|last| last.name.clone());
    let rows = found.iter().map(|account| {
        html! {
            td { (Said(&account.name)) }
            td { (if account.kind == AccountKind::Person { "person" } else { "program" }) }
            td { (at_seconds(account.created_at)) }
            td {
                @if account.grants.is_empty() { span class="quiet" { "nothing" } }
                ul class="plain" {
                    @for grant in &account.grants {
                        li {
                            (grant.role) " on " code { (Said(&grant.pattern.to_string())) } " "
                            (visitor.form("/access/grants/revoke", html! {
                                input type="hidden" name="account" value=(account.name);
                                input type="hidden" name="role" value=(grant.role);
                                input type="hidden" name="pattern" value=(grant.pattern);
                                button type="submit" class="ends"
                                    aria-label={ "Take back: " (grant.role) " on " (grant.pattern) " of " (account.name) } { "Take back" }
                            }))
                        }
                    }
                }
            }
        }
    });
    let content = html! {
        h1 { "Accounts" }
        (parts(&visitor))
        (table("Accounts", &["Account", "Kind", "Since", "May"], rows, "There is none: `datlake user create` makes one."))
        (more(next.as_deref(), &["access", "accounts"], &[]))
    };
    Ok(visitor.page(Section::Access, "Accounts", content))
}

/// Takes the last of them away, where there is one more than a page has: what the next page is behind.
fn cut<T>(found: &mut Vec<T>) -> Option<&T> {
    let has_more = found.len() > ROWS;
    found.truncate(ROWS);
    found.last().filter(|_| has_more)
}

async fn tokens(State(app): State<App>, visitor: Visitor, Query(asked): Query<Asked>) -> Reply<Markup> {
    credentials(&app, &visitor, Credentials::Tokens, &asked.after).await
}

async fn key_pairs(State(app): State<App>, visitor: Visitor, Query(asked): Query<Asked>) -> Reply<Markup> {
    credentials(&app, &visitor, Credentials::KeyPairs, &asked.after).await
}

async fn credentials(app: &App, visitor: &Visitor, table_of: Credentials, after: &str) -> Reply<Markup> {
    let (title, what, last) = match table_of {
        Credentials::Tokens => ("Tokens", "token", "tokens"),
        Credentials::KeyPairs => ("Key pairs", "key pair", "keys"),
    };
    let mut found = app.accounts().credentials(table_of, whose(visitor), after, ROWS as i64 + 1).await?;
    let next = cut(&mut found).map(|last| last.id.clone());
    let action = address(&["access", last, "revoke"], &[]);
    let rows = found.iter().map(|one| {
        let word = state_of(one);
        html! {
            td { code { (Said(&one.id)) } }
            td { (Said(&one.account)) }
            td { (at_seconds(one.created_at)) }
            td { @match one.expires_at { Some(at) => (at_seconds(at)), None => "never" } }
            td { (badge(word)) }
            td { @if word == "good" { (end_button(visitor, &action, &one.id, "Revoke", what, &one.account)) } }
        }
    });
    let content = html! {
        h1 { (title) }
        (parts(visitor))
        (table(title, &["Id", "Account", "Since", "Ends", "State", "Revoke"], rows, "There is none."))
        (more(next.as_deref(), &["access", last], &[]))
    };
    Ok(visitor.page(Section::Access, title, content))
}

fn state_of(one: &KeyPair) -> &'static str {
    match (one.revoked_at, one.expires_at) {
        (Some(_), _) => "revoked",
        (None, Some(at)) if at <= now() => "ended",
        _ => "good",
    }
}

async fn revoke_token(State(app): State<App>, visitor: Visitor, Form(Ended { id }): Form<Ended>) -> Reply<Response> {
    check_own(&app, &visitor, Credentials::Tokens, &id).await?;
    app.accounts().revoke_token(&id).await?;
    Ok(back("/access/tokens"))
}

async fn revoke_key_pair(State(app): State<App>, visitor: Visitor, Form(Ended { id }): Form<Ended>) -> Reply<Response> {
    check_own(&app, &visitor, Credentials::KeyPairs, &id).await?;
    app.accounts().revoke_key_pair(&id).await?;
    Ok(back("/access/keys"))
}

/// What is another's, who is no administrator has nothing to do with: it is not there.
async fn check_own(app: &App, visitor: &Visitor, table_of: Credentials, id: &str) -> Reply<()> {
    let missing = || Problem::not_found("there is no such token or key pair");
    if id.contains('\0') {
        return Err(missing());
    }
    let found = app.accounts().credential(table_of, id).await?;
    found.filter(|one| is_admin(visitor) || one.account == visitor.caller.name()).map(drop).ok_or_else(missing)
}

async fn revoke_session(State(app): State<App>, visitor: Visitor, Form(Ended { id }): Form<Ended>) -> Reply<Response> {
    if id.contains('\0') {
        return Err(Problem::not_found("there is no such session"));
    }
    app.accounts().revoke_session(&id, whose(&visitor)).await?;
    Ok(back("/access"))
}

async fn revoke_grant(State(app): State<App>, Form(back_to): Form<TakenBack>) -> Reply<Response> {
    let TakenBack { account, role, pattern } = back_to;
    if account.contains('\0') {
        return Err(Problem::not_found("there is no such account"));
    }
    app.accounts().revoke_grant(&account, role.parse()?, &pattern.parse()?).await?;
    Ok(back("/access/accounts"))
}

/// To a page that shows what is so now.
fn back(to: &'static str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
}
