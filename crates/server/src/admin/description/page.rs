//! The description of the API as a page: no scripts, nothing loaded.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Bytes;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};
use utoipa::openapi::path::{Operation, Parameter};
use utoipa::openapi::{OpenApi, Ref, RefOr, Required};

use web::error::ErrorKind;

use super::operations;

const STYLE: &str = include_str!("page.css");

/// The page, as it is sent.
pub(super) struct Page {
    html: Bytes,
    /// The content security policy: nothing but the style in the page.
    policy: String,
}

impl Page {
    pub(super) fn new(document: &OpenApi) -> Self {
        let hash = STANDARD.encode(Sha256::digest(STYLE));
        let policy = format!("default-src 'none'; style-src 'sha256-{hash}'");
        Self { html: show(document).into_string().into(), policy }
    }

    pub(super) fn respond(&self) -> Response {
        let policy = [(header::CONTENT_SECURITY_POLICY, self.policy.clone())];
        (policy, Html(self.html.clone())).into_response()
    }

    #[cfg(test)]
    pub(super) fn into_html(self) -> String {
        String::from_utf8(self.html.to_vec()).expect("a page is text")
    }
}

/// A call with all that is shown of it.
struct ShownCall<'d> {
    method: &'static str,
    path: &'d str,
    operation: &'d Operation,
}

fn show(document: &OpenApi) -> Markup {
    let mut groups: BTreeMap<&str, Vec<ShownCall<'_>>> = BTreeMap::new();
    for (path, item) in &document.paths.paths {
        for (method, operation) in operations(item) {
            let tag = operation.tags.iter().flatten().next().map_or("api", String::as_str);
            groups.entry(tag).or_default().push(ShownCall { method, path, operation });
        }
    }
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { "The API of Tastemaker" }
                // Our own text, which the policy knows by its hash.
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "The API of " (document.info.title) " " (document.info.version) }
                @if let Some(text) = &document.info.description { p { (text) } }
                p { "For programs: " a href="/api/openapi.json" { "the OpenAPI document" } "." }
                nav aria-label="Calls" {
                    ul {
                        @for tag in groups.keys() { li { a href={ "#" (tag) } { (tag) } } }
                        li { a href="#errors" { "errors" } }
                    }
                }
                main {
                    @for (tag, calls) in &groups {
                        section {
                            h2 id=(tag) { (tag) }
                            @for call in calls { (show_call(call)) }
                        }
                    }
                    (errors())
                }
            }
        }
    }
}

fn show_call(ShownCall { method, path, operation }: &ShownCall<'_>) -> Markup {
    let id = operation.operation_id.as_deref().unwrap_or_default();
    let text = operation.description.as_deref().unwrap_or_default();
    let parameters =
        operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
            RefOr::T(parameter) => Some(parameter),
            RefOr::Ref(_) => None,
        });
    let parameters: Vec<&Parameter> = parameters.collect();
    let takes = operation.request_body.as_ref().and_then(|body| match body {
        RefOr::T(body) => body.content.values().find_map(content_name),
        RefOr::Ref(_) => None,
    });
    let gives: Vec<(&String, Option<String>)> = operation
        .responses
        .responses
        .iter()
        .filter_map(|(status, answer)| match answer {
            RefOr::T(answer) => Some((status, answer.content.values().find_map(content_name))),
            RefOr::Ref(_) => None,
        })
        .collect();
    html! {
        article {
            h3 id=(id) { (method) " " (path) }
            p { (operation.summary.as_deref().unwrap_or_default()) }
            @for paragraph in text.split("\n\n") { p { (paragraph) } }
            @if !parameters.is_empty() {
                table {
                    @for parameter in &parameters {
                        tr {
                            th scope="row" { code { (parameter.name) } }
                            td { @if parameter.required == Required::True { "required" } }
                            td { (parameter.description.as_deref().unwrap_or_default()) }
                        }
                    }
                }
            }
            @if let Some(takes) = takes { p { "Takes " code { (takes) } "." } }
            p {
                "Answers "
                @for (n, (status, gives)) in gives.iter().enumerate() {
                    @if n > 0 { ", " }
                    (status)
                    @if let Some(gives) = gives { " with " code { (gives) } }
                }
                "."
            }
        }
    }
}

/// The name of the schema of a content.
fn content_name(content: &RefOr<utoipa::openapi::Content>) -> Option<String> {
    let RefOr::T(content) = content else { return None };
    match content.schema.as_ref()? {
        RefOr::Ref(Ref { ref_location, .. }) => Some(ref_location.rsplit('/').next()?.to_owned()),
        RefOr::T(_) => None,
    }
}

/// Several kinds may share a code.
fn errors() -> Markup {
    let mut seen = BTreeSet::new();
    html! {
        section {
            h2 id="errors" { "errors" }
            p { "All errors have the form of RFC 9457, with one of these codes." }
            @for (_, kind) in ErrorKind::ALL {
                @if seen.insert(kind.code()) {
                    h3 id={ "error-" (kind.code()) } { (kind.code()) }
                }
                p { (kind.status().as_u16()) ": " (kind.title()) "." }
            }
        }
    }
}
