//! What people do with campaigns, and what must not happen on the way.

use domain::{Arrival, Envelope, Role, check_message};
use engine::Entry;
use serde_json::json;

use crate::page::encode;
use crate::pages::office::{Office, Visitor};

const LIST: &str = "/console/shop/campaigns";
const NEW: &str = "/console/shop/campaigns/new";
const HELLO: &str = "/console/shop/campaigns/of/hello";

fn form(fields: &[(&str, &str)]) -> String {
    let pairs = fields.iter().map(|(name, text)| format!("{}={}", encode(name), encode(text)));
    pairs.collect::<Vec<_>>().join("&")
}

const FIELDS: [(&str, &str); 6] = [
    ("key", "hello"),
    ("channel", "mail"),
    ("start", "event"),
    ("start/event", "Signed Up"),
    ("content/to", "{{ profile.traits.email }}"),
    ("content/html", "<p style=\"color:red\">Hello {{ profile.traits.name }}</p>"),
];

fn with(name: &'static str, text: &'static str) -> String {
    let mut fields: Vec<(&str, &str)> =
        FIELDS.into_iter().filter(|(own, _)| *own != name).collect();
    fields.push((name, text));
    form(&fields)
}

/// A shop with a channel.
async fn with_channel(office: &Office) -> Visitor<'_> {
    let editor = office.visitor(Role::Editor);
    let fields = [("name", "mail"), ("settings/url", "https://example.com/mail"), ("enabled", "")];
    let new = "/console/shop/destinations/new?kind=webhook";
    editor.post(new, &form(&fields)).await.led("/console/shop/destinations/mail");
    editor
}

/// Somebody with an address and a name comes in.
async fn identify(office: &Office, name: &str) {
    let workspace = office.app.workspaces.handle("shop").ok().unwrap();
    let arrival =
        Arrival { received_at: workspace.now().ok().unwrap(), source: "web", peer_ip: None };
    let body = json!({ "type": "identify", "messageId": "m1", "userId": "ada",
        "traits": { "email": "ada@example.com", "name": name } });
    let message = check_message(&body.to_string(), None, &Envelope::default(), &arrival).unwrap();
    let entries = vec![Entry::Message(Box::new(message))];
    workspace.submit::<web::error::ApiError>(entries).await.unwrap();
}

#[tokio::test]
async fn a_campaign_is_made_started_stopped_changed_and_removed() {
    let office = Office::with_shop().await;
    let analyst = office.visitor(Role::Analyst);
    let empty = analyst.get(LIST).await.says(200, "No channel yet");
    assert!(!empty.text.contains("destinations/new"), "{}", empty.text);
    let editor = with_channel(&office).await;
    editor.get(LIST).await.says(200, "No campaign yet");
    editor.get(NEW).await.says(200, "mail (Webhook)");
    editor.post(NEW, &form(&FIELDS)).await.led(HELLO);
    let page = editor
        .get(&format!("{HELLO}?notice=saved"))
        .await
        .says(200, "As soon as “Signed Up” happens");
    assert!(
        page.text.contains(">draft<") && page.text.contains("No message was held back"),
        "{}",
        page.text
    );
    editor.post(&format!("{HELLO}/start"), "").await.led(&format!("{HELLO}?notice=started"));
    editor.get(LIST).await.says(200, ">running<");
    let edit = format!("{HELLO}/edit");
    editor.get(&edit).await.says(200, "{{ profile.traits.email }}");
    editor.post(&edit, &with("name", "Hello to all")).await.led(HELLO);
    let page = editor.get(HELLO).await.says(200, "Hello to all");
    assert!(page.text.contains(">running<"), "it stays what it is: {}", page.text);
    editor.post(&format!("{HELLO}/stop"), "").await.led(&format!("{HELLO}?notice=stopped"));
    editor.get(HELLO).await.says(200, ">stopped<");
    editor.get(&format!("{HELLO}/remove")).await.says(200, "Remove hello");
    editor.post(&format!("{HELLO}/remove"), "confirm=yes").await.led(LIST);
    editor.get(HELLO).await.says(404, "no campaign");
}

#[tokio::test]
async fn mistakes_stand_beside_their_field_with_what_was_typed() {
    let office = Office::with_shop().await;
    let editor = with_channel(&office).await;
    editor.post(NEW, &form(&FIELDS)).await.led(HELLO);
    for (field, text) in [
        ("key", "Not a key"),
        ("key", "hello"),
        ("channel", "nowhere"),
        ("start/event", ""),
        ("start/where", "price >"),
        ("start/after_s", "soon"),
        ("content/html", "{{ profile.traits.name | upcaze }}"),
        ("options/quiet_hours/windows", "at night"),
        ("options/gap_s", "10"),
        ("options/cut_off", "late"),
        ("options/people_per_day", "0"),
        ("control_percent", "100"),
        ("more/text", "without a name"),
    ] {
        let mut fields: Vec<(&str, &str)> =
            FIELDS.into_iter().filter(|(own, _)| *own != field && *own != "key").collect();
        if field != "key" {
            fields.push(("key", "other"));
        }
        fields.extend([(field, text), ("options/gap_s/unit", "seconds")]);
        let at = if field == "more/text" { "more/name" } else { field };
        let page = editor.post(NEW, &form(&fields)).await;
        let page = page.says(422, &format!("id=\"field-{at}-error\""));
        let typed = maud::html! { (text) }.into_string();
        assert!(page.text.contains(&typed), "{field} {text}");
    }
    editor.get(&format!("{LIST}/of/other")).await.says(404, "no campaign");
}

#[tokio::test]
async fn the_message_is_shown_escaped_in_a_frame_in_which_nothing_runs() {
    let office = Office::with_shop().await;
    let editor = with_channel(&office).await;
    let preview = format!("{LIST}/preview");
    let nobody = editor.post(&preview, &form(&FIELDS)).await;
    assert_eq!(nobody.status, 200, "{}", nobody.text);
    assert!(nobody.text.contains("Nobody to show it for yet"), "{}", nobody.text);
    let unknown = editor.post(&preview, &with("person", "who")).await;
    assert!(
        unknown.status == 422 && unknown.text.contains("nobody has the id"),
        "{}",
        unknown.text
    );
    let wrong = editor.post(&preview, &with("content/html", "{{ profile.")).await;
    assert!(wrong.status == 422 && wrong.text.contains("line 1"), "{}", wrong.text);
    identify(&office, "\"><b>Ada").await;
    let shown = editor.post(&preview, &with("person", "ada")).await;
    assert_eq!(shown.status, 200, "{}", shown.text);
    let text = "srcdoc=\"&lt;p style=&quot;color:red&quot;&gt;Hello &amp;quot;&amp;gt;&amp;lt;b&amp;gt;Ada&lt;/p&gt;\"";
    assert!(shown.text.contains(text), "{}", shown.text);
    assert!(shown.text.contains("sandbox=\"\""), "{}", shown.text);
    assert!(shown.text.contains("ada@example.com"), "{}", shown.text);
    assert!(shown.text.contains("has not done “Signed Up” yet"), "{}", shown.text);
    let lacking = editor.post(&preview, &with("content/to", "{{ profile.traits.phone }}")).await;
    assert!(lacking.text.contains("no address for this channel"), "{}", lacking.text);
    // Where another channel is chosen, its fields come along.
    assert!(!shown.text.contains("data-replaces"), "{}", shown.text);
    let other = editor.post(&preview, &with("edited", "channel")).await;
    assert!(other.text.contains("data-replaces=\"campaign-content\""), "{}", other.text);
    // Without scripts the page shows the same.
    let page = editor.post(NEW, &with("show", "true")).await.says(200, "srcdoc=");
    assert!(page.text.contains("Signed Up"), "{}", page.text);
}

#[tokio::test]
async fn who_may_only_read_sees_campaigns_and_no_buttons() {
    let office = Office::with_shop().await;
    with_channel(&office).await.post(NEW, &form(&FIELDS)).await.led(HELLO);
    let analyst = office.visitor(Role::Analyst);
    let list = analyst.get(LIST).await.says(200, "hello");
    assert!(!list.text.contains("campaigns/new"), "{}", list.text);
    let page = analyst.get(HELLO).await.says(200, "Signed Up");
    assert!(!page.text.contains("/start") && !page.text.contains("/edit"), "{}", page.text);
}
