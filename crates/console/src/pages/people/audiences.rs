//! The audiences of a person: since when they belong to each, and why they do or do not.

use axum::extract::Path;
use axum::response::Response;
use maud::{Markup, html};
use resources::audience_preview::{self, PersonInAudience};
use resources::audiences;
use serde::Deserialize;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::Workspace;

use super::profile::Person;
use crate::page::Frame;
use crate::pages::audiences::preview::reasons;
use crate::ui::{Callout, Cell, Column, EmptyState, Icon, Table};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    /// The audience that is explained.
    why: Option<String>,
}

pub(super) async fn show(
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
    Parameters(Query { why }): Parameters<Query>,
) -> Result<Response, ApiError> {
    let person = match Person::find(&frame, &workspace, id).await? {
        Ok(person) => person,
        Err(nobody) => return Ok(nobody),
    };
    let all = audiences::list(&workspace).await?;
    let own = audiences::of_person(&workspace, person.name.clone()).await?;
    let explained = match why {
        Some(key) => Some(audience_preview::of_person(&workspace, person.name.clone(), key).await?),
        None => None,
    };
    let path = person.path("audiences");
    let columns = vec![Column::text("Audience"), Column::text("Belongs"), Column::text("Reasons")];
    let table = Table::new("Audiences", columns).rows(all.iter().map(|audience| {
        let stays = own.iter().find(|own| own.key == audience.key).map(|own| &own.stays);
        let last = stays.and_then(|stays| stays.last());
        let belongs = html! {
            @match last {
                Some(stay) => @match stay.left {
                    Some(left) => { "no, left " (person.time(left)) },
                    None => { "yes, since " (person.time(stay.entered)) },
                },
                None => "no",
            }
        };
        let name = audience.name.as_deref().unwrap_or(&audience.key);
        vec![
            Cell::new(html! { bdi { (name) } }),
            Cell::new(belongs),
            Cell::new(html! {
                a href={ (path) "?why=" (audience.key) } {
                    "Why" span class="visually-hidden" { " (" (name) ")" }
                }
            }),
        ]
    }));
    let body = html! {
        @if let Some(explained) = &explained { (explanation(explained)) }
        @if all.is_empty() {
            (EmptyState {
                icon: Icon::Audiences,
                title: "No audience yet",
                text: "Audiences that are made show here whether this person belongs to them, and why.",
                next: None,
            })
        } @else { section class="card card-table" { (table) } }
    };
    Ok(person.page(&frame, "audiences", &body))
}

fn explanation(explained: &PersonInAudience) -> Markup {
    let belongs = if explained.is_member { "belongs" } else { "does not belong" };
    html! {
        section class="card" {
            h2 { "Why the person " (belongs) " to " (explained.key) }
            @if explained.why.holds != explained.is_member {
                (Callout::info("The audience is being worked out")
                    .text("Its condition was changed just now: look again in a moment."))
            }
            (reasons(std::slice::from_ref(&explained.why)))
        }
    }
}
