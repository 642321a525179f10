//! Events get columns of the items that they name before they are journalled.

use domain::message::MESSAGE_BYTES_MAX;
use domain::{CatalogSettings, Enrichment};

use super::*;

fn enrich(engine: &Engine, columns: &[&str]) {
    let enrichment = Enrichment {
        event: "Product Viewed".to_owned(),
        item_property: "product_id".to_owned(),
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
    };
    let catalog = CatalogSettings { enrich: vec![enrichment], ..CatalogSettings::default() };
    let config = WorkspaceConfig { catalog, ..(*engine.config()).clone() };
    engine.submit_blocking(vec![Entry::Configured(config)]).unwrap();
}

fn import(engine: &Engine, file: &str) {
    let (file, _) = read_file(file.as_bytes(), Format::Csv, &ImportOptions::default()).unwrap();
    engine.import_catalog(file, &ConfirmedRemovals::default(), &|_, _| Ok(())).unwrap();
}

/// Sends an event with these properties and returns it as it was journalled.
fn send(engine: &Engine, id: &str, event: &str, properties: &Value) -> domain::Message {
    let entry = message(&json!({
        "type": "track", "messageId": id, "userId": "u1", "event": event, "properties": properties,
    }));
    engine.submit_blocking(vec![entry]).unwrap();
    let user = engine.find_user("u1").unwrap();
    let query = TimelineQuery { ascending: true, limit: 100, ..Default::default() };
    let (events, _) = engine.events(user, &query).unwrap();
    events.into_iter().find(|event| event.message.message_id == id).unwrap().message
}

#[test]
fn an_event_gets_the_columns_of_its_items_and_keeps_what_it_says_itself() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    import(&engine, "item_id,brand,price,tags\n7,Oak,1.5,a|b\nx,Elm,2,a\ny,,3,\n");
    let properties = json!({ "product_id": 7, "price": 9.50, "note": 12345678901234567890123_f64 });
    let plain = send(&engine, "before", "Product Viewed", &properties);
    assert!(plain.enriched.is_empty());

    enrich(&engine, &["brand", "price", "tags", "gone"]);
    let sent = send(&engine, "one", "Product Viewed", &properties);
    assert_eq!(sent.enriched, ["brand", "tags"]);
    let body: Value = serde_json::from_str(sent.body.as_deref().unwrap()).unwrap();
    let mut expected = properties.clone();
    (expected["brand"], expected["tags"]) = ("Oak".into(), json!(["a", "b"]));
    assert_eq!(body, expected);

    let products = json!({ "products": [
        { "product_id": "x", "brand": "own" }, "odd", 3, null, { "product_id": "y" },
        { "product_id": "nothing" },
    ] });
    let sent = send(&engine, "many", "Product Viewed", &products);
    assert_eq!(sent.enriched, ["products.price", "products.tags"]);
    let body: Value = serde_json::from_str(sent.body.as_deref().unwrap()).unwrap();
    assert_eq!(
        body["products"],
        json!([
            { "product_id": "x", "brand": "own", "price": 2.0, "tags": ["a"] }, "odd", 3, null,
            { "product_id": "y", "price": 3.0 },
            { "product_id": "nothing" },
        ])
    );
    assert!(send(&engine, "other", "Product Added", &properties).enriched.is_empty());

    // What was added stays as it was, also after a replay.
    import(&engine, "item_id,brand,price,tags\n7,Ash,1.5,a|b\nx,Elm,2,a\ny,,3,\n");
    drop(engine);
    fs_err::remove_dir_all(folder.path().join("store")).unwrap();
    let engine = open(folder.path());
    let user = engine.find_user("u1").unwrap();
    let query = TimelineQuery { ascending: true, limit: 100, ..Default::default() };
    let (events, _) = engine.events(user, &query).unwrap();
    let one = events.iter().find(|event| event.message.message_id == "one").unwrap();
    assert!(one.message.body.as_ref().unwrap().contains("\"Oak\""));
}

#[test]
fn an_enriched_message_stays_within_the_size_of_a_message() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let long = "l".repeat(20_000);
    import(&engine, &format!("item_id,long,short\nx,{long},s\n"));
    enrich(&engine, &["long", "short"]);
    let properties = json!({ "product_id": "x", "note": "n".repeat(13_000) });
    let sent = send(&engine, "one", "Product Viewed", &properties);
    assert_eq!(sent.enriched, ["short"]);
    assert!(sent.text_bytes() <= MESSAGE_BYTES_MAX);
}
