//! What every page has around it, and who looks at it.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use maud::{DOCTYPE, Markup, html};

use super::assets::{SCRIPT, STYLE};
use super::show::Said;
use crate::access::{Caller, PageSession};
use crate::problem::{Problem, Reply};

/// A part of the page that has a link at the top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Home,
    Files,
    Calls,
    Lineage,
    Repositories,
    Jobs,
    Tables,
    Dataflows,
    Events,
    Access,
    /// None of them.
    None,
}

impl Section {
    const ALL: [(Self, &'static str, &'static str); 10] = [
        (Self::Home, "Home", "/"),
        (Self::Jobs, "Jobs", "/jobs"),
        (Self::Files, "Files", "/files"),
        (Self::Calls, "Calls", "/calls"),
        (Self::Lineage, "Lineage", "/lineage"),
        (Self::Repositories, "Repositories", "/repositories"),
        (Self::Tables, "Tables", "/tables"),
        (Self::Dataflows, "Dataflows", "/dataflows"),
        (Self::Events, "Events", "/events"),
        (Self::Access, "Access", "/access"),
    ];

    /// Whether there is something in it for them.
    fn is_for(self, visitor: &Visitor) -> bool {
        let is_of_server = matches!(self, Self::Jobs | Self::Tables | Self::Dataflows | Self::Events | Self::Access);
        if is_of_server && visitor.is_alone {
            return false;
        }
        // Which file a call was given is part of what it is.
        !matches!(self, Self::Calls | Self::Lineage) || visitor.caller.reads_everything()
    }
}

/// Who looks at a page.
#[derive(Clone)]
pub(super) struct Visitor {
    pub(super) caller: Arc<Caller>,
    pub(super) session: PageSession,
    /// Whether the page is theirs alone, without a server's database.
    pub(super) is_alone: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Reply<Self> {
        let visitor = parts.extensions.get::<Self>().cloned();
        visitor.ok_or_else(|| Problem::internal(&"a page without a session asks whose it is"))
    }
}

impl Visitor {
    /// A form that changes something, with what shows that a page of this session sent it.
    pub(super) fn form(&self, action: &str, content: Markup) -> Markup {
        html! {
            form method="post" action=(action) {
                input type="hidden" name="form_token" value=(self.session.form_token);
                (content)
            }
        }
    }

    /// A page.
    pub(super) fn page(&self, section: Section, title: &str, content: Markup) -> Markup {
        self.live_page(section, title, None, content)
    }

    /// A page of which parts change, by events of these types behind the one with that id.
    pub(super) fn live_page(
        &self,
        section: Section,
        title: &str,
        events: Option<(&str, i64)>,
        content: Markup,
    ) -> Markup {
        let bar = html! {
            nav aria-label="Sections" {
                ul {
                    @for (of, name, address) in Section::ALL {
                        @if of.is_for(self) { li { a href=(address) aria-current=[(of == section).then_some("page")] { (name) } } }
                    }
                }
            }
            @if !self.is_alone {
                (self.form("/sign-out", html! {
                    span class="who" { (Said(self.caller.name())) }
                    button type="submit" { "Sign out" }
                }))
            }
        };
        framed(title, &bar, events, &content)
    }
}

/// A page for somebody whom nobody knows yet.
pub(super) fn bare_page(title: &str, content: &Markup) -> Markup {
    framed(title, &html! {}, None, content)
}

fn framed(title: &str, bar: &Markup, events: Option<(&str, i64)>, content: &Markup) -> Markup {
    let (kinds, seen) = events.unzip();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · datlake" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href=(STYLE.address());
                script src=(SCRIPT.address()) defer {}
            }
            body data-events=[kinds] data-seen=[seen] {
                a class="skip" href="#main" { "Skip to the content" }
                header { a class="brand" href="/" { "datlake" } (bar) }
                main id="main" tabindex="-1" {
                    (content)
                }
                p id="said" role="status" {}
            }
        }
    }
}
