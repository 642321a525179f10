//! What people do with mappings, and what must not happen on the way.

use domain::Role;

use crate::page::encode;
use crate::pages::office::{Answer, Office, Visitor};

const MAPPINGS: &str = "/console/shop/mappings";
const EDIT: &str = "/console/shop/mappings/edit";
const TRY: &str = "/console/shop/mappings/edit/try";
const MESSAGE: &str =
    r#"{"type":"track","event":"Plan Chosen","userId":"ada","properties":{"sku":"a"}}"#;

/// The value of the hidden field with the revision.
fn revision(page: &Answer) -> String {
    let after = page.text.split("name=\"revision\" value=\"").nth(1).unwrap();
    after.split('"').next().unwrap().to_owned()
}

/// A form for a bookmark of `Plan Chosen`, with further fields that go before.
fn form(name: &str, item: &str, further: &str) -> String {
    format!(
        "{further}&name={}&enabled=true&trigger={}&action=addBookmark&fields_of=addBookmark\
         &directive-userId={}&directive-itemId={}&message={}",
        encode(name),
        encode("type = \"track\" and event = \"Plan Chosen\""),
        encode("{\"@path\": \"$.userId\"}"),
        encode(item),
        encode(MESSAGE),
    )
}

async fn save(visitor: &Visitor<'_>, name: &str, item: &str) -> Answer {
    let revision = revision(&visitor.get(EDIT).await);
    visitor.post(EDIT, &form(name, item, &format!("revision={revision}"))).await
}

const SKU: &str = "{\"@path\": \"$.properties.sku\"}";

#[tokio::test]
async fn a_mapping_is_tried_saved_changed_and_deleted() {
    let office = Office::with_shop().await;
    let editor = office.visitor(Role::Editor);
    editor.get(MAPPINGS).await.says(200, "These are the presets");
    let new = editor.get(&format!("{EDIT}?type=track&event=Plan%20Chosen")).await;
    let new = new.says(200, "event = &quot;Plan Chosen&quot;");
    assert!(new.text.contains("Saving makes the whole list"), "{}", new.text);
    let tried = editor.post(TRY, &form("", SKU, "")).await.says(200, "takes it");
    assert!(tried.text.contains("bookmarked <bdi>a</bdi> for <bdi>ada</bdi>"), "{}", tried.text);
    assert!(tried.text.contains("from /properties/sku"), "{}", tried.text);
    let page = save(&editor, "Plans", SKU).await.led(EDIT).location;
    editor.get(&page).await.says(200, "Saved: it holds");
    let list = editor.get(MAPPINGS).await.says(200, "own mappings");
    assert!(list.text.contains("Back to the presets"), "{}", list.text);
    let name = save(&editor, "Plans", SKU).await.says(422, "Nothing was saved");
    assert!(name.text.contains("There is another mapping of this name"), "{}", name.text);
    let renamed = format!("edited=Plans&revision={}", revision(&editor.get(EDIT).await));
    editor.post(EDIT, &form("Choices", SKU, &renamed)).await.led(EDIT);
    editor.get(&format!("{EDIT}?name=Plans")).await.says(404, "no mapping");
    let late = editor.post(EDIT, &form("Late", SKU, &renamed.replace("Plans", "Choices"))).await;
    late.says(422, "Nothing was saved");
    let delete = format!("{MAPPINGS}/delete?name=Choices");
    editor.get(&delete).await.says(200, "Delete mapping Choices?");
    editor.post(&delete, "confirm=yes").await.led(MAPPINGS);
    editor.get(&delete).await.says(404, "no mapping");
    editor.post(&format!("{MAPPINGS}/presets"), "confirm=yes").await.led(MAPPINGS);
    editor.get(MAPPINGS).await.says(200, "These are the presets");
}

#[tokio::test]
async fn a_wrong_directive_comes_back_beside_its_field_as_it_was_typed() {
    let office = Office::with_shop().await;
    let editor = office.visitor(Role::Editor);
    let wrong = save(&editor, "Plans", "$.properties.sku").await.says(422, "Nothing was saved");
    assert!(wrong.text.contains("id=\"field-directive-itemId-error\""), "{}", wrong.text);
    assert!(wrong.text.contains("A path is written {&quot;@path&quot;:"), "{}", wrong.text);
    let typed = "spellcheck=\"false\" autocapitalize=\"off\" aria-invalid=\"true\"";
    assert!(wrong.text.contains(typed), "{}", wrong.text);
    assert!(wrong.text.contains("\n$.properties.sku</textarea>"), "{}", wrong.text);
    let usual = format!("{}&default=itemId", form("Plans", "1", ""));
    let usual = editor.post(TRY, &usual).await.says(200, "product_id");
    assert!(!usual.text.contains(">1</textarea>"), "{}", usual.text);
}

#[tokio::test]
async fn another_action_shows_its_fields_before_it_is_saved() {
    let office = Office::with_shop().await;
    let editor = office.visitor(Role::Editor);
    let form = form("Plans", SKU, "").replace("action=addBookmark&", "action=addRating&");
    let page = editor.post(EDIT, &form).await.says(422, "These are the fields of the new action");
    assert!(page.text.contains("name=\"directive-rating\""), "{}", page.text);
    let fragment = editor.post(&format!("{EDIT}/preview"), &form).await.text;
    assert!(fragment.contains("<template data-replaces=\"mapping-fields\">"), "{fragment}");
    editor.get(MAPPINGS).await.says(200, "These are the presets");
}

#[tokio::test]
async fn an_analyst_tries_and_changes_nothing() {
    let office = Office::with_shop().await;
    let analyst = office.visitor(Role::Analyst);
    let page = analyst.get(EDIT).await.says(200, "does not change them");
    assert!(!page.text.contains("Save"), "{}", page.text);
    analyst
        .post(TRY, &form("Plans", SKU, ""))
        .await
        .says(200, "bookmarked <bdi>a</bdi> for <bdi>ada</bdi>");
    let message = format!("message={}", encode(MESSAGE));
    let tried = analyst.post(&format!("{MAPPINGS}/try"), &message).await;
    tried.says(200, "No mapping takes the message");
    let no_json = analyst.post(&format!("{MAPPINGS}/try"), "message=%7B").await;
    no_json.says(422, "id=\"field-message-error\"");
    let refused = analyst.post(&format!("{MAPPINGS}/try"), "message=%7B%7D").await;
    refused.says(200, "The message would be refused");
    analyst.post(EDIT, &form("Plans", SKU, "")).await.says(403, "editor");
    let support = office.visitor(Role::Support);
    support.get(MAPPINGS).await.says(403, "analyst");
}

#[tokio::test]
async fn texts_of_others_are_text_and_names_of_any_kind_lead_to_their_mapping() {
    let office = Office::with_shop().await;
    let editor = office.visitor(Role::Editor);
    for hostile in ["..", "a/b?c=1&d#e", "<script>x()</script>", "\"><img src=x onerror=\"x()\">"] {
        let item = format!("{{\"@path\": {}}}", serde_json::json!(format!("$.{hostile}")));
        let page = save(&editor, hostile, &item).await.led(EDIT).location;
        let page = editor.get(&page).await.says(200, "Saved");
        let list = editor.get(MAPPINGS).await.says(200, "own mappings");
        let event = encode(hostile);
        let new = editor.get(&format!("{EDIT}?type=track&event={event}")).await.says(200, "Try it");
        let tried = editor.post(TRY, &form(hostile, &item, &format!("edited={event}"))).await;
        let tried = tried.says(200, "takes it");
        for text in [page.text, list.text, new.text, tried.text] {
            assert!(!text.contains("<script>x") && !text.contains("<img src=x"), "{text}");
        }
        editor.get(&format!("{MAPPINGS}/delete?name={event}")).await.says(200, "Delete mapping");
    }
}

#[tokio::test]
async fn mappings_of_another_destination_are_changed_alone() {
    let office = Office::with_shop().await;
    let editor = office.visitor(Role::Editor);
    let hook = "name=hook&settings%2Furl=https%3A%2F%2Fexample.com%2Fhook&settings%2Fsecret=shh";
    let new = "/console/shop/destinations/new?kind=webhook";
    editor.post(new, hook).await.led("/console/shop/destinations/hook");
    editor.get("/console/shop/destinations/hook").await.says(200, "mappings?destination=hook");
    let of_hook = |part: &str| format!("{MAPPINGS}{part}?destination=hook");
    let list = editor.get(&of_hook("")).await.says(200, "These are the presets");
    assert!(!list.text.contains("Events that no mapping takes"), "{}", list.text);
    let page = editor.get(&of_hook("/edit")).await.says(200, "this destination’s own");
    assert!(!page.text.contains("addDetailView"), "{}", page.text);
    let mapping = format!(
        "revision={}&name=Plans&enabled=true&trigger={}&action=send&fields_of=send\
         &directive-body={}&message={}",
        revision(&page),
        encode("type = \"track\" and event = \"Plan Chosen\""),
        encode("{\"plan\": {\"@path\": \"$.properties.sku\"}}"),
        encode(MESSAGE),
    );
    let saved = editor.post(&of_hook("/edit"), &mapping).await.led(&of_hook("/edit")).location;
    editor.get(&saved).await.says(200, "Saved: it holds");
    editor.get(&of_hook("")).await.says(200, "These are this destination’s own mappings");
    editor.get(MAPPINGS).await.says(200, "These are the presets");
    let settings = editor.get("/console/shop/destinations/hook/settings").await;
    settings.says(200, "It is set, and stays");
    let delete = format!("{}&name=Plans", of_hook("/delete"));
    editor.get(&delete).await.says(200, "not sent there any more");
    editor.post(&delete, "confirm=yes").await.led(&of_hook(""));
    editor.post(&of_hook("/presets"), "confirm=yes").await.led(&of_hook(""));
    editor.get(&of_hook("")).await.says(200, "These are the presets");
    editor.get(&format!("{MAPPINGS}?destination=gone")).await.says(404, "no destination");
}
