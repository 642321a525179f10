//! What the page looks like: neutral, in light and dark, for phones first, without scripts.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use engine::PREFERENCES_PATH;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use resources::subscriptions::{PreferencesPage, channel_field, topic_field};
use uuid::Uuid;

use super::NOTHING_FIELD;

const STYLE: &str = include_str!("page.css");

/// What became of the last request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notice {
    /// What was chosen is kept.
    Saved,
}

/// The choices of a person.
pub(super) fn preferences(token: &str, page: &PreferencesPage, notice: Option<Notice>) -> Response {
    let shown = &page.subscriptions;
    let wants_none = shown.channels.iter().all(|one| !one.wanted);
    let body = html! {
        h1 { "Which messages do you want?" }
        @if notice == Some(Notice::Saved) {
            p class="notice" role="status" { "Your choices are saved. They count from now on." }
        }
        @if wants_none && !shown.channels.is_empty() {
            p { "You get no messages at present." }
        }
        form method="post" action=(address(token, "")) {
            @if !shown.channels.is_empty() {
                fieldset {
                    legend { "How you hear from us" }
                    @for one in &shown.channels {
                        (switch(&channel_field(one.channel), one.channel.label(), None, one.wanted))
                    }
                }
            }
            @if !shown.topics.is_empty() {
                fieldset {
                    legend { "What you hear about" }
                    @for one in &shown.topics {
                        (switch(
                            &topic_field(&one.topic),
                            &one.name,
                            one.description.as_deref(),
                            one.wanted,
                        ))
                    }
                }
            }
            button class="main" type="submit" { "Save" }
            button type="submit" name=(NOTHING_FIELD) value="1" { "No messages at all" }
        }
        p class="note" {
            "Messages about what you ordered or asked for may still reach you."
        }
    };
    document(&page.workspace, "Your messages", &body).into_response()
}

/// Asks whether somebody wants to unsubscribe from what a message was about.
pub(super) fn question(token: &str, page: &PreferencesPage) -> Response {
    let body = html! {
        h1 { "Unsubscribe?" }
        p { "You will get no more messages " bdi { (page.about) } "." }
        form method="post" action=(address(token, "/unsubscribe")) {
            button class="main" type="submit" { "Unsubscribe" }
        }
        p { a href=(address(token, "")) { "Choose what you get instead" } }
    };
    document(&page.workspace, "Unsubscribe", &body).into_response()
}

/// Somebody has unsubscribed.
pub(super) fn unsubscribed(token: &str, page: &PreferencesPage) -> Response {
    let body = html! {
        h1 { "You are unsubscribed" }
        p role="status" { "You get no more messages " bdi { (page.about) } "." }
        p { a href=(address(token, "")) { "Choose what you get" } }
    };
    document(&page.workspace, "Unsubscribed", &body).into_response()
}

/// The link is not ours, or of nobody any more.
pub(super) fn nothing_here() -> Response {
    let body = html! {
        h1 { "This link is not valid" }
        p {
            "It may be cut off, or very old. Open it from the latest message that you got, or write to \
             the sender: they can unsubscribe you too."
        }
    };
    (StatusCode::NOT_FOUND, document("Your messages", "Link not valid", &body)).into_response()
}

/// The page cannot be shown, or what was chosen cannot be kept.
pub(super) fn out_of_order(status: StatusCode) -> Response {
    let body = html! {
        h1 { "That did not work" }
        p { "Nothing was changed. Please try again in a few minutes." }
    };
    (status, document("Your messages", "Try again", &body)).into_response()
}

fn address(token: &str, part: &str) -> String {
    format!("{PREFERENCES_PATH}/{token}{part}")
}

fn switch(name: &str, label: &str, about: Option<&str>, is_on: bool) -> Markup {
    let about_id = about.map(|_| format!("{name}.about"));
    html! {
        div class="switch" {
            label for=(name) { bdi { (label) } }
            input type="checkbox" role="switch" id=(name) name=(name) value="1" checked[is_on]
                aria-describedby=[about_id.as_deref()];
            @if let (Some(about), Some(id)) = (about, &about_id) {
                p class="about" id=(id) { bdi { (about) } }
            }
        }
    }
}

/// A page with its own style, and the policy that lets it in and nothing else.
struct Document(String, Markup);

fn document(workspace: &str, title: &str, body: &Markup) -> Document {
    let nonce = Uuid::new_v4().simple().to_string();
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · " (workspace) }
                style nonce=(nonce) { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    p class="sender" { bdi { (workspace) } }
                    (body)
                }
            }
        }
    };
    Document(nonce, markup)
}

impl IntoResponse for Document {
    fn into_response(self) -> Response {
        let Self(nonce, markup) = self;
        let policy = format!(
            "default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; base-uri 'none'; \
             frame-ancestors 'none'"
        );
        let policy = HeaderValue::from_str(&policy).expect("the policy is ASCII");
        ([(header::CONTENT_SECURITY_POLICY, policy)], markup).into_response()
    }
}
