//! Code to paste that sends the first message, for each official library.

use maud::{Markup, html};
use serde_json::Value;

use crate::page::Server;
use crate::ui::CodeBlock;

/// What stands in the code where the write key is not known: it is shown once, when it is made.
pub(super) const KEY_PLACEHOLDER: &str = "WRITE_KEY";

/// The blocks of code, with the host of this server and a write key.
pub(super) fn code_blocks(server: &Server, write_key: &str, has_browser_library: bool) -> Markup {
    let host = server.base_url();
    // A JSON string is one of JavaScript, Python, Go and Java as well.
    let quoted = |text: &str| Value::from(text).to_string().replace('<', "\\u003c");
    let (key, url) = (quoted(write_key), quoted(&host));
    let tag = format!(
        "<script src=\"{host}/analytics.js/v1/{}/analytics.min.js\"></script>\n<script>\n  analytics.page()\n</script>",
        crate::page::encode(write_key)
    );
    let package = format!(
        "import {{ AnalyticsBrowser }} from \"@segment/analytics-next\"\n\nconst analytics = AnalyticsBrowser.load({{ writeKey: {key}, cdnURL: {url} }})\nanalytics.page()"
    );
    let node = format!(
        "import {{ Analytics }} from \"@segment/analytics-node\"\n\nconst analytics = new Analytics({{ writeKey: {key}, host: {url} }})\nanalytics.track({{ userId: \"ann\", event: \"Product Viewed\", properties: {{ product_id: \"lamp-7\" }} }})\nawait analytics.closeAndFlush()"
    );
    let python = format!(
        "import segment.analytics as analytics\n\nanalytics.write_key = {key}\nanalytics.host = {url}\nanalytics.track(\"ann\", \"Product Viewed\", {{\"product_id\": \"lamp-7\"}})\nanalytics.flush()"
    );
    let go = format!(
        "client, err := analytics.NewWithConfig({key}, analytics.Config{{Endpoint: {url}}})\nif err != nil {{\n\tlog.Fatal(err)\n}}\ndefer client.Close()\nclient.Enqueue(analytics.Track{{\n\tUserId:     \"ann\",\n\tEvent:      \"Product Viewed\",\n\tProperties: analytics.NewProperties().Set(\"product_id\", \"lamp-7\"),\n}})"
    );
    let java = format!(
        "Analytics analytics = Analytics.builder({key}).endpoint({url}).build();\nanalytics.enqueue(TrackMessage.builder(\"Product Viewed\")\n    .userId(\"ann\")\n    .properties(Map.of(\"product_id\", \"lamp-7\")));\nanalytics.flush();"
    );
    let curl = format!(
        "curl -u {}: {host}/v1/track \\\n  -H 'content-type: application/json' \\\n  -d '{{\"userId\":\"ann\",\"event\":\"Product Viewed\",\"properties\":{{\"product_id\":\"lamp-7\"}}}}'",
        quote_for_shell(write_key)
    );
    html! {
        div class="stack" {
            (CodeBlock { id: "snippet-tag", label: "Web page", code: &tag })
            @if !has_browser_library {
                p class="muted" {
                    "This server does not serve the library for pages yet: its operator names the \
                    folder of the package @segment/analytics-next as sources.analytics_js in the \
                    settings."
                }
            }
            (CodeBlock { id: "snippet-curl", label: "curl", code: &curl })
            details class="more" {
                summary { "JavaScript, Python, Go and Java" }
                div class="stack" {
                    (CodeBlock { id: "snippet-package", label: "JavaScript (browser)", code: &package })
                    (CodeBlock { id: "snippet-node", label: "JavaScript (Node.js)", code: &node })
                    (CodeBlock { id: "snippet-python", label: "Python", code: &python })
                    (CodeBlock { id: "snippet-go", label: "Go", code: &go })
                    (CodeBlock { id: "snippet-java", label: "Java", code: &java })
                }
            }
        }
    }
}

/// A text as one word of a POSIX shell.
fn quote_for_shell(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    match !text.is_empty() && text.bytes().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stays_inside_its_quotes_in_every_language() {
        let server = Server { host: "shop.example".to_owned(), is_https: true };
        let code = code_blocks(&server, "a'b\"c</script>$(x)", true).into_string();
        for expected in [
            "curl -u 'a'\\''b&quot;c&lt;/script&gt;$(x)': https://shop.example/v1/track",
            "writeKey: &quot;a'b\\&quot;c\\u003c/script&gt;$(x)&quot;",
            "/v1/a%27b%22c%3C%2Fscript%3E%24%28x%29/analytics.min.js",
        ] {
            assert!(code.contains(expected), "{expected}\n{code}");
        }
    }
}
