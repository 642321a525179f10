//! The call that gets the same list, for the official clients: what differs from the defaults, and
//! every text quoted for its language.

use std::fmt::Write;

use domain::{Endpoint, ListSettings, Target, WorkspaceId};
use maud::{Markup, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use resources::recommendations::{COUNT_DEFAULT, PreviewRequest};
use serde_json::Value;

use crate::page::Server;
use crate::ui::CodeBlock;

/// Bytes of a path that stay as they are.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// The id of a visitor in code, where the list is for nobody in particular.
const VISITOR: &str = "id-of-the-visitor";

/// A call of the recommender API.
pub(super) struct Call<'a> {
    pub(super) server: &'a Server,
    pub(super) workspace: &'a WorkspaceId,
    pub(super) endpoint: Endpoint,
    pub(super) request: &'a PreviewRequest,
}

/// The parts of a call: the arguments that stand first, and the named ones.
struct Arguments {
    /// The name of the request in the clients.
    name: String,
    /// The path below the workspace.
    path: String,
    /// Names in the body, which are absent for those in the path, and values.
    first: Vec<(Option<&'static str>, Value)>,
    named: Vec<(&'static str, Value)>,
}

/// The blocks of code, and which settings calls do not have.
pub(super) fn code_blocks(call: &Call<'_>) -> Markup {
    let left_out = names_only_of_scenarios(&call.request.settings);
    html! {
        div class="stack" {
            @if !left_out.is_empty() {
                p class="muted" {
                    "Calls cannot set " (left_out.join(", ")) ": keep the settings as a scenario, and call that."
                }
            }
            (CodeBlock { id: "curl", label: "curl", code: &call.curl() })
            details class="more" {
                summary { "Python and JavaScript" }
                div class="stack" {
                    (CodeBlock { id: "python", label: "Python", code: &call.python() })
                    (CodeBlock { id: "node", label: "JavaScript (Node.js)", code: &call.node() })
                    (CodeBlock { id: "browser", label: "JavaScript (browser)", code: &call.browser() })
                }
            }
        }
    }
}

/// Settings that only scenarios have.
fn names_only_of_scenarios(settings: &ListSettings) -> Vec<&'static str> {
    let all = [
        (settings.exclude.is_some(), "what is left out"),
        (settings.constraints.is_some(), "the limit per property"),
    ];
    all.into_iter().filter(|(is_set, _)| *is_set).map(|(_, name)| name).collect()
}

impl Call<'_> {
    fn arguments(&self) -> Arguments {
        let PreviewRequest { user, item, segment, query, scenario, settings, count, .. } =
            self.request;
        let target = self.endpoint.target();
        let text = |text: &Option<String>| text.clone().map_or(Value::Null, Value::String);
        let encoded = |text: &Option<String>| {
            utf8_percent_encode(text.as_deref().unwrap_or(VISITOR), IN_PATH).to_string()
        };
        let visitor = Value::from(user.as_deref().unwrap_or(VISITOR));
        let word = self.endpoint.word();
        let mut letters = word.chars();
        let name: String =
            letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
        let entries = match self.endpoint {
            Endpoint::RecommendUsersToUser | Endpoint::RecommendUsersToItem => "users",
            Endpoint::RecommendItemSegmentsToUser
            | Endpoint::RecommendItemSegmentsToItem
            | Endpoint::RecommendItemSegmentsToItemSegment
            | Endpoint::SearchItemSegments => "item-segments",
            _ => "items",
        };
        let count = Value::from(count.unwrap_or(COUNT_DEFAULT));
        let mut named: Vec<(&'static str, Value)> = Vec::new();
        let users_of_item = self.endpoint == Endpoint::RecommendUsersToItem;
        let for_user = (Some("targetUserId"), text(user));
        let (path, first) = match target {
            Target::User => {
                let path = format!("recomms/users/{}/{entries}/", encoded(user));
                (path, vec![(None, visitor), (Some("count"), count)])
            }
            Target::Item if users_of_item => {
                let path = format!("recomms/items/{}/{entries}/", encoded(item));
                (path, vec![(None, text(item)), (Some("count"), count)])
            }
            Target::Item => {
                let path = format!("recomms/items/{}/{entries}/", encoded(item));
                (path, vec![(None, text(item)), for_user, (Some("count"), count)])
            }
            Target::Segment => {
                let first = (Some("contextSegmentId"), text(segment));
                (
                    format!("recomms/item-segments/{entries}/"),
                    vec![first, for_user, (Some("count"), count)],
                )
            }
            Target::Query => {
                let path = format!("search/users/{}/{entries}/", encoded(user));
                let query = (Some("searchQuery"), text(query));
                (path, vec![(None, visitor), query, (Some("count"), count)])
            }
            Target::Any => {
                let given = [("userId", user), ("itemId", item), ("searchQuery", query)];
                named.extend(
                    given.into_iter().filter_map(|(name, id)| Some((name, id.clone()?.into()))),
                );
                (
                    "recomms/composite/".to_owned(),
                    vec![(Some("scenario"), text(scenario)), (Some("count"), count)],
                )
            }
        };
        let number = |number: Option<f32>| {
            number.and_then(|number| number.to_string().parse().ok()).map(Value::Number)
        };
        let given = |text: &Option<String>| text.clone().map(Value::String);
        let said = |said: Option<Value>| said.filter(|said| !said.is_null());
        let options = [
            ("scenario", given(scenario).filter(|_| target != Target::Any)),
            ("filter", given(&settings.filter)),
            ("booster", given(&settings.booster)),
            ("logic", said(serde_json::to_value(settings.logic).ok())),
            ("diversity", number(settings.diversity)),
            ("minRelevance", said(serde_json::to_value(settings.min_relevance).ok())),
            ("rotationRate", number(settings.rotation_rate)),
            ("rotationTime", settings.rotation_time_s.map(Value::from)),
            ("userImpact", number(settings.user_impact)),
            // Whoever is new is made known by the call.
            ("cascadeCreate", user.is_none().then_some(Value::Bool(true))),
        ];
        named.extend(options.into_iter().filter_map(|(name, value)| Some((name, value?))));
        Arguments { name, path, first, named }
    }

    fn scheme(&self) -> &'static str {
        if self.server.is_https { "https" } else { "http" }
    }

    fn curl(&self) -> String {
        let Arguments { path, first, named, .. } = self.arguments();
        let first = first.into_iter().filter_map(|(name, value)| Some((name?, value)));
        let body: serde_json::Map<String, Value> = first
            .chain(named)
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let body = Value::Object(body).to_string().replace('\'', r"'\''");
        let (scheme, host, workspace) = (self.scheme(), &self.server.host, self.workspace);
        // What is encoded has nothing that a shell reads.
        format!(
            "# TOKEN is the private token of the workspace\n\
             target=\"/{workspace}/{path}?hmac_timestamp=$(date +%s)\"\n\
             sign=$(printf %s \"$target\" | openssl dgst -sha1 -hmac \"$TOKEN\" | sed 's/.* //')\n\
             curl -X POST \"{scheme}://{host}$target&hmac_sign=$sign\" \\\n  \
             -H 'content-type: application/json' \\\n  -d '{body}'"
        )
    }

    fn python(&self) -> String {
        let Arguments { name, first, named, .. } = self.arguments();
        let mut arguments: Vec<String> =
            first.iter().map(|(_, value)| python_literal(value)).collect();
        arguments.extend(
            named
                .iter()
                .map(|(name, value)| format!("{}={}", snake_case(name), python_literal(value))),
        );
        let (scheme, host, workspace) = (self.scheme(), &self.server.host, self.workspace);
        format!(
            "from recombee_api_client.api_client import RecombeeClient\n\
             from recombee_api_client.api_requests import {name}\n\n\
             client = RecombeeClient(\"{workspace}\", \"PRIVATE-TOKEN\", protocol=\"{scheme}\",\n    \
             options={{\"base_uri\": \"{host}\"}})\n\
             answer = client.send({name}(\n    {},\n))",
            arguments.join(",\n    ")
        )
    }

    fn node(&self) -> String {
        let (client, call) = self.javascript("PRIVATE-TOKEN", "recombee.requests.");
        format!("import recombee from 'recombee-api-client'\n\n{client}\n{call}")
    }

    fn browser(&self) -> String {
        let (client, call) = self.javascript("PUBLIC-TOKEN", "recombee.");
        format!("import recombee from 'recombee-js-api-client'\n\n{client}\n{call}")
    }

    fn javascript(&self, token: &str, requests: &str) -> (String, String) {
        let Arguments { name, first, named, .. } = self.arguments();
        let mut arguments: Vec<String> = first.iter().map(|(_, value)| value.to_string()).collect();
        let mut options = String::new();
        for (name, value) in &named {
            _ = write!(options, "\n    {name}: {value},");
        }
        if !options.is_empty() {
            arguments.push(format!("{{{options}\n  }}"));
        }
        let (host, workspace, is_https) = (&self.server.host, self.workspace, self.server.is_https);
        let client = format!(
            "const client = new recombee.ApiClient('{workspace}', '{token}', {{ baseUri: '{host}', useHttps: {is_https} }})"
        );
        let call = format!(
            "const answer = await client.send(\n  new {requests}{name}({}),\n)",
            arguments.join(", ")
        );
        (client, call)
    }
}

/// A text in JSON is one in Python too.
fn python_literal(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        other => other.to_string(),
    }
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_have_only_what_was_set_and_quote_every_text() {
        let server = Server { host: "shop.example:8080".to_owned(), is_https: false };
        let workspace = WorkspaceId::new("shop").unwrap();
        let request = PreviewRequest {
            user: Some("o'Neil $(id) `x` \"q\"/..".to_owned()),
            settings: ListSettings {
                filter: Some("'a' == \"it's\\n\" # ü\u{2028}\n${b}".to_owned()),
                diversity: Some(0.4),
                ..ListSettings::default()
            },
            ..PreviewRequest::default()
        };
        let endpoint = Endpoint::RecommendItemsToUser;
        let call = Call { server: &server, workspace: &workspace, endpoint, request: &request };
        let curl = call.curl();
        assert!(curl.contains(
            "/shop/recomms/users/o%27Neil%20%24%28id%29%20%60x%60%20%22q%22%2F../items/?"
        ));
        assert!(
            curl.contains(
                r#"-d '{"count":10,"diversity":0.4,"filter":"'\''a'\'' == \"it'\''s\\n\""#
            ),
            "{curl}"
        );
        let python = call.python();
        assert!(
            python.contains("from recombee_api_client.api_requests import RecommendItemsToUser")
        );
        assert!(python.contains(r#"    "o'Neil $(id) `x` \"q\"/..","#), "{python}");
        assert!(python.contains("diversity=0.4") && !python.contains("booster"), "{python}");
        let browser = call.browser();
        assert!(browser.contains("new recombee.RecommendItemsToUser(\"o'Neil"), "{browser}");
        let search = PreviewRequest { query: Some("x".to_owned()), ..PreviewRequest::default() };
        let call = Call { endpoint: Endpoint::SearchItems, request: &search, ..call };
        assert!(call.curl().contains("/search/users/id-of-the-visitor/items/"));
        assert!(
            call.python().contains("\"x\",\n    10,\n    cascade_create=True"),
            "{}",
            call.python()
        );
    }
}
