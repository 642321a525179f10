//! `GET /api/openapi.json`: the API as an OpenAPI 3.1 document, made of the handlers and of the
//! table of rights. `GET /api/docs`: the same as a page to read.

mod closed_parts;
mod page;

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Number, Value};
use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem};
use utoipa::openapi::schema::{Components, Object, Ref, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Content, Info, OpenApi, RefOr, Required, ResponseBuilder};
use utoipa::{PartialSchema, ToSchema};

use web::access::{Call, Requirement};
use web::error::{PROBLEM_MEDIA_TYPE, Problem};

use super::rights::CALLS;

/// Of answers that are in one way for all calls: the status, its name among the responses of the
/// document, and when it comes.
const SHARED_ANSWERS: [(&str, &str, &str); 5] = [
    ("401", "Unauthenticated", "The caller shows neither a valid key nor a session"),
    ("403", "Forbidden", "The caller's role is too small, or a CSRF token is missing"),
    ("429", "TooManyRequests", "Too much at once: `Retry-After` says when to try again"),
    ("503", "Unavailable", "Not at the moment: `Retry-After` says when to try again"),
    ("default", "Problem", "Another error, with its status"),
];
/// The schemes of authentication, by their names in the document.
const API_KEY: &str = "api_key";
const SESSION: &str = "session";
const SESSION_COOKIE: &str = "tastemaker_session";

/// The document and the page, as they are sent.
pub(super) struct Description {
    document: Bytes,
    page: page::Page,
}

impl Description {
    /// Both of a document that was completed.
    pub(super) fn new(document: &OpenApi) -> Self {
        let mut json = serde_json::to_value(document).expect("the document is JSON");
        shorten_numbers(&mut json);
        Self { document: json.to_string().into(), page: page::Page::new(document) }
    }
}

/// Defaults of single precision come widened: each number gets the digits that it needs.
fn shorten_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let narrow = number.as_f64().filter(|_| number.is_f64()).map(|wide| wide as f32);
            let short = narrow.and_then(|narrow| narrow.to_string().parse().ok());
            if let Some(short) = short.and_then(Number::from_f64) {
                *number = short;
            }
        }
        Value::Array(values) => values.iter_mut().for_each(shorten_numbers),
        Value::Object(fields) => fields.values_mut().for_each(shorten_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// Describes the API as an OpenAPI document.
#[utoipa::path(
    get,
    path = "/api/openapi.json",
    responses((status = 200, description = "Done", content_type = "application/json")),
)]
pub(super) async fn document(Extension(description): Extension<Arc<Description>>) -> Response {
    let media_type = [(header::CONTENT_TYPE, "application/json")];
    (media_type, description.document.clone()).into_response()
}

/// Describes the API as a page to read.
#[utoipa::path(
    get,
    path = "/api/docs",
    responses((status = 200, description = "Done", content_type = "text/html")),
)]
pub(super) async fn page(Extension(description): Extension<Arc<Description>>) -> Response {
    description.page.respond()
}

/// Adds to the descriptions of the handlers what the table of rights and the paths say: roles,
/// errors, parameters of the path, names.
pub(super) fn complete(document: &mut OpenApi) {
    document.info = Info::new("Tastemaker", env!("CARGO_PKG_VERSION"));
    document.info.description = Some(
        "Administers an installation and its workspaces. Calls with a session that change \
         something need the header `X-CSRF-Token` with the token that signing in gave."
            .to_owned(),
    );
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations_mut(item) {
            let row = CALLS.iter().find(|call| call.method == method && call.path == path);
            complete_operation(operation, method, path, row);
        }
    }
    let components = document.components.get_or_insert_with(Components::new);
    components.schemas.insert("Problem".to_owned(), Problem::schema());
    let mut schemas = Vec::new();
    Problem::schemas(&mut schemas);
    components.schemas.extend(schemas);
    closed_parts::dissolve(&mut components.schemas);
    for (_, name, when) in SHARED_ANSWERS {
        let content = Content::new(Some(Ref::from_schema_name("Problem")));
        let answer = ResponseBuilder::new().description(when).content(PROBLEM_MEDIA_TYPE, content);
        components.responses.insert(name.to_owned(), answer.build().into());
    }
    let key = Http::new(HttpAuthScheme::Bearer);
    components.add_security_scheme(API_KEY, SecurityScheme::Http(key));
    let cookie = ApiKey::Cookie(ApiKeyValue::new(SESSION_COOKIE));
    components.add_security_scheme(SESSION, SecurityScheme::ApiKey(cookie));
}

fn complete_operation(operation: &mut Operation, method: &str, path: &str, row: Option<&Call>) {
    let words = path.split('/').skip(2).filter(|word| !word.is_empty());
    let words: Vec<&str> = words.map(|word| word.trim_matches(['{', '}'])).collect();
    operation.operation_id = Some(format!("{}_{}", method.to_lowercase(), words.join("_")));
    let tag = match words.as_slice() {
        ["workspaces", _, resource, ..] => resource,
        [resource, ..] => resource,
        [] => "api",
    };
    operation.tags = Some(vec![tag.to_owned()]);
    let of_path = path.split('/').filter_map(|word| word.strip_prefix('{')?.strip_suffix('}'));
    let of_path = of_path.map(|name| {
        let mut parameter = Parameter::new(name);
        parameter.parameter_in = ParameterIn::Path;
        parameter.required = Required::True;
        parameter.schema = Some(Object::with_type(Type::String).into());
        RefOr::T(parameter)
    });
    let of_query = operation.parameters.take().unwrap_or_default();
    let parameters: Vec<_> = of_path.chain(of_query).collect();
    operation.parameters = Some(parameters).filter(|parameters| !parameters.is_empty());
    let requirement = row.map_or(Requirement::Nothing, |call| call.requirement);
    let roles = match requirement {
        Requirement::Right(right) => vec![right.least_role().word()],
        Requirement::Caller | Requirement::Nothing => Vec::new(),
    };
    let is_open = requirement == Requirement::Nothing;
    operation.security = Some(match is_open {
        true => Vec::new(),
        false => [API_KEY, SESSION]
            .map(|scheme| SecurityRequirement::new(scheme, roles.clone()))
            .to_vec(),
    });
    let role = match (requirement, roles.first()) {
        (_, Some(role)) => format!("Takes the role {role}, or one with more rights."),
        (Requirement::Nothing, _) => "Takes no role.".to_owned(),
        _ => "Takes any role.".to_owned(),
    };
    operation.description = Some(match operation.description.take() {
        Some(text) if !text.is_empty() => format!("{text}\n\n{role}"),
        _ => role,
    });
    for (status, name, _) in SHARED_ANSWERS {
        let answer = RefOr::Ref(Ref::from_response_name(name));
        if !(is_open && status == "401") {
            operation.responses.responses.insert(status.to_owned(), answer);
        }
    }
}

/// The operations of a path, with their methods.
fn operations_mut(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let operations = [
        ("GET", &mut item.get),
        ("POST", &mut item.post),
        ("PUT", &mut item.put),
        ("PATCH", &mut item.patch),
        ("DELETE", &mut item.delete),
    ];
    operations.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// The operations of a path, with their methods.
fn operations(item: &PathItem) -> impl Iterator<Item = (&'static str, &Operation)> {
    let operations = [
        ("GET", &item.get),
        ("POST", &item.post),
        ("PUT", &item.put),
        ("PATCH", &item.patch),
        ("DELETE", &item.delete),
    ];
    operations.into_iter().filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::admin::document;

    #[test]
    fn the_document_and_the_table_of_rights_name_the_same_calls() {
        let document = document();
        let paths = document.paths.paths.iter();
        let described: BTreeSet<(&str, &str)> = paths
            .flat_map(|(path, item)| operations(item).map(|(method, _)| (method, path.as_str())))
            .collect();
        let rows: BTreeSet<(&str, &str)> =
            CALLS.iter().map(|call| (call.method, call.path)).collect();
        assert_eq!(described, rows);
    }

    #[test]
    fn the_page_has_every_call_and_the_place_that_each_kind_of_error_leads_to() {
        let document = document();
        let page = page::Page::new(&document).into_html();
        for call in CALLS {
            assert!(page.contains(call.path), "{} is missing", call.path);
        }
        for (_, kind) in web::error::ErrorKind::ALL {
            assert!(page.contains(&format!("id=\"error-{}\"", kind.code())), "{}", kind.code());
        }
        assert!(!page.contains("<script") && !page.contains("src="), "nothing is loaded");
    }
}
