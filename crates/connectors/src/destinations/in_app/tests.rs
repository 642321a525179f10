use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{check_in_app_fields, make_in_app};

fn fields(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[test]
fn a_message_has_its_rules_whatever_is_left_out() {
    let made = make_in_app(&fields(json!({ "display": "modal", "title": " Hello " }))).unwrap();
    assert_eq!(
        Value::Object(made),
        json!({
            "display": "modal", "title": "Hello", "views_max": 1, "ends_by_click": true,
            "priority": 50, "expires_after_s": 2_592_000,
        })
    );
    let made = make_in_app(&fields(json!({
        "display": "inbox", "text": "x", "priority": "7", "expires_after_s": "60", "title": " ",
        "pages": "/a/* /b", "buttons": r#"[{"label": "Go", "url": "/go"}, {"label": "No", "url": ""}]"#,
    })));
    assert_eq!(
        Value::Object(made.unwrap()),
        json!({
            "display": "inbox", "text": "x", "views_max": 0, "ends_by_click": false, "priority": 7,
            "expires_after_s": 60, "pages": ["/a/*", "/b"],
            "buttons": [{ "label": "Go", "url": "/go" }, { "label": "No" }],
        })
    );
    let views = |show: Value| make_in_app(&fields(show)).unwrap()["views_max"].clone();
    let banner = |more: &str, value: &str| {
        let mut banner = fields(json!({ "display": "banner", "text": "x" }));
        banner.insert(more.to_owned(), value.into());
        views(Value::Object(banner))
    };
    assert_eq!(banner("show", "until_dismissed"), 0);
    assert_eq!(banner("max_views", "3"), 3);
}

#[test]
fn what_no_page_can_show_is_refused_with_its_place() {
    let long = "x".repeat(201);
    let items = |items: Value| items.to_string();
    for (field, text, said) in [
        ("display", "popup", "one of banner, modal"),
        ("title", long.as_str(), "201 characters"),
        ("url", "javascript:alert(1)", "it must begin with"),
        ("url", "//evil.example", "it must begin with"),
        ("url", "/\\evil.example", "it must begin with"),
        ("url", "https://a.example/ x", "it must begin with"),
        ("image", "data:image/png;base64,AA", "it must begin with"),
        ("buttons", "[{}]", "[0] has no label"),
        ("buttons", r#"[{"label": "a", "url": "javascript:x"}]"#, "[0] url is"),
        ("buttons", r#"[{"label": "a", "action": "x"}]"#, "[0] must have a label"),
        ("buttons", "[1, 2, 3, 4]", "4 entries"),
        ("items", r#"{"id": "a"}"#, "list of objects"),
        ("items", &items(json!([{ "title": "a" }])), "[0] has no id"),
        ("items", &items(json!([{ "id": "a", "url": "data:x" }])), "[0] url is"),
        ("priority", "101", "0 to 100"),
        ("expires_after_s", "59", "60 to"),
        ("pages", "episodes", "begin with /"),
        ("slot", "hero", "for display native alone"),
        ("subject", "x", "is no field"),
    ] {
        let mut message = fields(json!({ "display": "modal", "text": "x" }));
        message.insert(field.to_owned(), text.into());
        let error = make_in_app(&message).unwrap_err();
        assert!(error.contains(said) && error.contains(field), "{field}: {error}");
        // The same is said when the campaign is saved.
        let content: BTreeMap<String, String> = message
            .iter()
            .map(|(field, text)| (field.clone(), text.as_str().unwrap().to_owned()))
            .collect();
        assert_eq!(check_in_app_fields(&content).unwrap_err(), error);
    }
    let nothing = make_in_app(&fields(json!({ "display": "modal", "url": "/" }))).unwrap_err();
    assert!(nothing.contains("nothing to show"), "{nothing}");
    let native = make_in_app(&fields(json!({ "display": "native", "text": "x" }))).unwrap_err();
    assert!(native.contains("content.slot is missing"), "{native}");
    let large = make_in_app(&fields(json!({ "display": "modal",
        "items": json!([{ "id": "a", "text": "x".repeat(70_000) }]).to_string() })));
    assert!(large.unwrap_err().contains("at most 65536"));
}

#[test]
fn html_keeps_texts_and_links_and_loses_what_runs() {
    let html = r#"<p onclick="x()">Hi <a href="https://shop.example/a">there</a>
        <a href="javascript:x()">no</a><script>x()</script><style>p{}</style>
        <iframe src="https://evil.example"></iframe><img src="https://shop.example/i.png" onerror="x()">"#;
    let made = make_in_app(&fields(json!({ "display": "modal", "html": html }))).unwrap();
    let html = made["html"].as_str().unwrap();
    for gone in ["onclick", "javascript", "script", "style", "iframe", "onerror", "x()"] {
        assert!(!html.contains(gone), "{gone}: {html}");
    }
    for kept in ["Hi ", "https://shop.example/a", "target=\"_blank\"", "i.png"] {
        assert!(html.contains(kept), "{kept}: {html}");
    }
}

#[test]
fn templates_are_checked_when_they_are_filled() {
    let content = |more: &str, text: &str| {
        let fields = [("display", "modal"), ("title", "{{ event.properties.name }}"), (more, text)];
        fields.map(|(field, text)| (field.to_owned(), text.to_owned())).into()
    };
    assert_eq!(check_in_app_fields(&content("url", "{{ item.url }}")), Ok(()));
    assert!(check_in_app_fields(&content("url", "ftp://a")).is_err());
}
