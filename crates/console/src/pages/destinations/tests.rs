//! What people do with destinations, and what must not happen on the way.

use domain::Role;

use crate::page::encode;
use crate::pages::office::{Office, Visitor};

const LIST: &str = "/console/shop/destinations";
const NEW: &str = "/console/shop/destinations/new?kind=webhook";
const HOOK: &str = "/console/shop/destinations/hook";

fn form(fields: &[(&str, &str)]) -> String {
    let pairs = fields.iter().map(|(name, text)| format!("{}={}", encode(name), encode(text)));
    pairs.collect::<Vec<_>>().join("&")
}

const URL: (&str, &str) = ("settings/url", "https://example.com/hook");

async fn with_hook(editor: &Visitor<'_>) {
    let fields = [("name", "hook"), URL, ("settings/secret", "very secret"), ("enabled", "")];
    editor.post(NEW, &form(&fields)).await.led(HOOK);
}

#[tokio::test]
async fn a_destination_is_added_changed_and_removed() {
    let office = Office::with_shop().await;
    let editor = office.visitor(Role::Editor);
    editor.get(LIST).await.says(200, "No other destination yet");
    editor.get("/console/shop/destinations/new").await.says(200, "Standard Webhooks");
    editor.get(NEW).await.says(200, "Signing secret");
    with_hook(&editor).await;
    editor.get(&format!("{HOOK}?notice=added")).await.says(200, "Dead letters");
    let list = editor.get(LIST).await.says(200, "Webhook");
    assert!(list.text.contains(">off<") && !list.text.contains("No other"), "{}", list.text);
    let settings = format!("{HOOK}/settings");
    let page = editor.get(&settings).await.says(200, "It is set, and stays");
    assert!(!page.text.contains("very secret"), "{}", page.text);
    let headers = ("settings/headers", "x-shop: lamps\nx-place: here");
    let fields = [URL, headers, ("rules/block_fields", "traits.email\n\ncontext.ip\n")];
    editor.post(&settings, &form(&fields)).await.led(&settings);
    let page = editor.get(&settings).await.says(200, "traits.email\ncontext.ip");
    assert!(page.text.contains("x-place: here\nx-shop: lamps"), "{}", page.text);
    assert!(page.text.contains("It is set, and stays"), "an empty secret stays: {}", page.text);
    let fields = [URL, ("remove/secret", "true")];
    editor.post(&settings, &form(&fields)).await.led(&settings);
    let page = editor.get(&settings).await;
    assert!(!page.text.contains("It is set, and stays"), "{}", page.text);
    editor.get(&format!("{HOOK}/remove")).await.says(200, "Remove hook");
    editor.post(&format!("{HOOK}/remove"), "confirm=yes").await.led(LIST);
    editor.get(HOOK).await.says(404, "no destination");
}

#[tokio::test]
async fn mistakes_stand_beside_their_field_with_what_was_typed() {
    let office = Office::with_shop().await;
    let editor = office.visitor(Role::Editor);
    with_hook(&editor).await;
    let mapping = r#"[{"name":"All","trigger":"&","action":"send","fields":{}}]"#;
    let recombee = NEW.replace("webhook", "recombee");
    for (address, field, text) in [
        (NEW, "name", ""),
        (NEW, "name", "hook"),
        (NEW, "name", "new"),
        (NEW, "settings/url", ""),
        (NEW, "settings/batch_size", "many"),
        (NEW, "settings/batch_size", "99999"),
        (NEW, "settings/headers", "no colon"),
        (NEW, "rules/drop", "#"),
        (NEW, "rules/sample_percent", "101"),
        (NEW, "delivery/concurrency", "65"),
        (NEW, "delivery/requests_per_second", "0"),
        (NEW, "mappings", "{"),
        (NEW, "mappings", mapping),
        (&recombee, "settings/databaseId", ""),
    ] {
        let mut fields = vec![("name", "other"), URL];
        if address != NEW {
            fields.pop();
        }
        fields.retain(|(name, _)| *name != field);
        fields.push((field, text));
        let page = editor.post(address, &form(&fields)).await;
        let page = page.says(422, &format!("id=\"field-{field}-error\""));
        let typed = maud::html! { (text) }.into_string();
        assert!(page.text.contains(&typed), "{field} {text}");
    }
}

#[tokio::test]
async fn who_may_only_read_sees_settings_and_no_buttons() {
    let office = Office::with_shop().await;
    with_hook(&office.visitor(Role::Editor)).await;
    let analyst = office.visitor(Role::Analyst);
    let list = analyst.get(LIST).await.says(200, "hook");
    assert!(!list.text.contains("destinations/new"), "{}", list.text);
    let settings = analyst.get(&format!("{HOOK}/settings")).await.says(200, "https://example.com");
    assert!(!settings.text.contains("Try the connection"), "{}", settings.text);
    let engine = analyst.get("/console/shop/destinations/engine").await;
    engine.led("/console/shop/mappings");
}
