//! The frame around every page: navigation, search, account, and where one is.

mod address;
mod area;
mod header;
mod navigation;
mod of_request;
mod server;
mod shortcuts;

pub(crate) use address::{
    destination_path, encode, item_path, mappings_path, new_mapping_path, person_path,
};
pub use area::Area;
pub(crate) use server::Server;

use axum::response::{IntoResponse, Response};
use domain::{Role, WorkspaceId};
use maud::{DOCTYPE, Markup, Render, html};

use crate::theme::Theme;
use crate::{ROOT, assets};

/// What is the same on every page of a request: who looks, at which workspace.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The workspace that is looked at; none on pages about all of them.
    pub workspace: Option<WorkspaceId>,
    /// The workspaces that this account may see.
    pub workspaces: Vec<WorkspaceId>,
    /// Who looks.
    pub account: Account,
    /// The token of the session, for the forms of the frame.
    pub csrf: String,
    /// Light or dark.
    pub theme: Theme,
    /// Which pages the role may open.
    pub rights: PageRights,
}

/// Whether a role may open an address, by the tables of all pages. It comes with each request:
/// pages know their frame, and the frame knows no page.
#[derive(Debug, Clone, Copy)]
pub struct PageRights(pub fn(Role, &str) -> bool);

impl Frame {
    /// Whether who looks may open a page of the console, by the table of its rights. Links and
    /// buttons that lead to others are left out.
    pub fn may_open(&self, address: &str) -> bool {
        (self.rights.0)(self.account.role, address)
    }
}

/// Who is signed in.
#[derive(Debug, Clone)]
pub struct Account {
    /// The name that is shown.
    pub name: String,
    /// The role, which decides what the navigation and the buttons offer.
    pub role: Role,
}

/// A page in its frame.
pub struct Page<'a> {
    frame: &'a Frame,
    area: Option<Area>,
    title: &'a str,
    lead: Option<Markup>,
    above: Vec<(String, String)>,
    actions: Option<Markup>,
    notice: Option<Markup>,
    body: Markup,
}

impl<'a> Page<'a> {
    /// A page of an area. The title is the heading, and stands in the tab of the browser.
    pub fn new(frame: &'a Frame, area: Area, title: &'a str) -> Self {
        let mut page = Self {
            frame,
            area: Some(area),
            title,
            lead: None,
            above: Vec::new(),
            actions: None,
            notice: None,
            body: html! {},
        };
        if let Some(workspace) = &frame.workspace {
            page.above.push((workspace.to_string(), Area::Overview.path(workspace)));
            if title != area.label() {
                page.above.push((area.label().to_owned(), area.path(workspace)));
            }
        }
        page
    }

    /// A page that belongs to no area: about an error, or about the visitor.
    pub fn without_area(frame: &'a Frame, title: &'a str) -> Self {
        let mut page = Self { area: None, ..Self::new(frame, Area::Overview, title) };
        page.above.truncate(1);
        page
    }

    /// Adds a page above this one to the breadcrumbs, below the area.
    pub fn below(mut self, title: &str, path: &str) -> Self {
        self.above.push((title.to_owned(), path.to_owned()));
        self
    }

    /// A sentence below the heading.
    pub fn lead(mut self, lead: impl Render) -> Self {
        self.lead = Some(lead.render());
        self
    }

    /// Buttons beside the heading.
    pub fn actions(mut self, actions: Markup) -> Self {
        self.actions = Some(actions);
        self
    }

    /// What became of the last request: a callout above everything else.
    pub fn notice(mut self, notice: impl Render) -> Self {
        self.notice = Some(notice.render());
        self
    }

    /// The same where there is one to tell.
    pub fn notice_if(self, notice: Option<impl Render>) -> Self {
        match notice {
            Some(notice) => self.notice(notice),
            None => self,
        }
    }

    /// The content.
    pub fn body(mut self, body: Markup) -> Self {
        self.body = body;
        self
    }

    fn breadcrumbs(&self) -> Markup {
        html! {
            nav class="crumbs" aria-label="Breadcrumbs" {
                ol {
                    @for (title, path) in &self.above { li { a href=(path) { (title) } } }
                    li { span aria-current="page" { (self.title) } }
                }
            }
        }
    }
}

impl Render for Page<'_> {
    fn render(&self) -> Markup {
        let inner = html! {
            (header::render(self.frame))
            div class="shell" {
                (navigation::render(self.frame, self.area))
                main id="main" class="main" tabindex="-1" {
                    (self.breadcrumbs())
                    header class="page-head" {
                        div {
                            h1 { (self.title) }
                            @if let Some(lead) = &self.lead { p class="lead" { (lead) } }
                        }
                        @if let Some(actions) = &self.actions { div class="actions" { (actions) } }
                    }
                    @if let Some(notice) = &self.notice { (notice) }
                    (self.body)
                }
            }
            (shortcuts::render(self.frame))
        };
        let title = match &self.frame.workspace {
            Some(workspace) => format!("{} · {workspace} · Tastemaker", self.title),
            None => format!("{} · Tastemaker", self.title),
        };
        document(&title, self.frame.theme, &inner)
    }
}

impl IntoResponse for Page<'_> {
    fn into_response(self) -> Response {
        self.render().into_response()
    }
}

/// A page without navigation, for those who are not signed in: sign-in, invitations, errors.
pub fn bare(title: &str, theme: Theme, body: &Markup) -> Markup {
    let inner = html! {
        main id="main" class="bare" tabindex="-1" {
            p class="bare-brand" { (header::brand()) }
            div class="card bare-card" {
                h1 { (title) }
                (body)
            }
        }
    };
    document(&format!("{title} · Tastemaker"), theme, &inner)
}

fn document(title: &str, theme: Theme, inner: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" data-theme=(theme.value()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="stylesheet" href=(assets::path("console.css"));
                // Shows a page once it is whole, so that nothing moves while it comes in.
                link rel="expect" href="#announcer" blocking="render";
                link rel="icon" type="image/svg+xml" href=(assets::path("favicon.svg"));
                script type="module" src=(assets::path("main.js")) {}
                @for module in assets::modules() {
                    link rel="modulepreload" href=(assets::path(module));
                }
            }
            body data-root=(ROOT) {
                a class="skip" href="#main" { "Skip to content" }
                (inner)
                // Scripts say here what they did: "copied".
                div class="visually-hidden" id="announcer" role="status" {}
            }
        }
    }
}
