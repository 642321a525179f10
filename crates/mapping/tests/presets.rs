//! Every preset, with messages that it maps and refuses, as one table.

use domain::{Arrival, Envelope, PRESETS_LATEST, Timestamp, check_message};
use mapping::{Action, LISTED_ITEMS_MAX, presets, presets_in_set};

fn check(cases: &[&str]) -> String {
    let arrival =
        Arrival { received_at: Timestamp(1_700_000_000_000), source: "web", peer_ip: None };
    cases
        .iter()
        .map(|text| {
            let text = text.replacen('{', r#"{"userId":"u","messageId":"m","#, 1);
            let message = check_message(&text, None, &Envelope::default(), &arrival).expect(&text);
            let actions = presets().map(&message);
            let lines: String =
                actions.iter().map(|action| format!("    {}\n", line(action))).collect();
            format!("{text}\n{}", if lines.is_empty() { "    -\n".to_owned() } else { lines })
        })
        .collect()
}

fn line(result: &Result<Action, mapping::MappingError>) -> String {
    match result {
        Err(error) => format!("refused: {error}"),
        Ok(Action::AddInteraction(i)) => {
            let parts = [
                ("value", i.value),
                ("amount", i.amount),
                ("price", i.price),
                ("profit", i.profit),
            ];
            let numbers: String =
                parts.iter().filter_map(|(name, n)| n.map(|n| format!(" {name} {n}"))).collect();
            let texts = [("recomm", &i.recomm_id), ("session", &i.session_id)];
            let texts: String = texts
                .iter()
                .filter_map(|(name, t)| t.as_ref().map(|t| format!(" {name} {t}")))
                .collect();
            let at = i.timestamp.map_or("-".to_owned(), |at| at.to_string());
            format!("add {} {} x {} at {at}{numbers}{texts}", i.kind, i.user_id, i.item_id)
        }
        Ok(Action::DeleteInteractions(s)) => {
            let at = s.timestamp.map_or("any time".to_owned(), |at| at.to_string());
            format!("delete {} {} x {} at {at}", s.kind, s.user_id, s.item_id)
        }
        Ok(Action::AddWeakSignals { user_id, item_ids, kind, timestamp }) => {
            let at = timestamp.map_or("-".to_owned(), |at| at.to_string());
            format!("weak {kind} {user_id} x {} at {at}", item_ids.join(" "))
        }
        Ok(Action::MergeUsers { target_user_id, source_user_id }) => {
            format!("merge {source_user_id} into {target_user_id}")
        }
    }
}

#[test]
fn there_are_fourteen_in_the_first_set_and_sixteen_in_the_second() {
    let count = |set: u32| presets_in_set(set).len();
    assert_eq!([0, 1, 2].map(count), [0, 14, 16]);
    assert_eq!(count(PRESETS_LATEST), presets().len(), "new workspaces get them all");
    let names = |set| presets_in_set(set).iter().map(|preset| preset.name.as_str());
    for set in 1..=PRESETS_LATEST {
        assert!(names(set).take(count(set - 1)).eq(names(set - 1)), "sets keep their order");
    }
}

#[test]
fn only_the_first_fifty_items_of_a_list_count() {
    let products: Vec<String> =
        (0..LISTED_ITEMS_MAX + 9).map(|n| format!(r#"{{"sku":"s{n}"}}"#)).collect();
    let body = format!(
        r#"{{"type":"track","event":"Product List Viewed","properties":{{"products":[{}]}}}}"#,
        products.join(",")
    );
    let table = check(&[&body]);
    let (_, items) = table.split_once("weak ").unwrap();
    assert_eq!(items.split(' ').filter(|word| word.starts_with('s')).count(), LISTED_ITEMS_MAX);
}

#[test]
fn amounts_whose_price_no_number_holds_are_refused() {
    let one = r#"{"type":"track","event":"Product Added","properties":{"sku":"s","quantity":1e9,"price":1e308}}"#;
    let two = r#"{"type":"track","event":"Order Completed","properties":{"products":[
        {"sku":"s","price":1e308},{"sku":"s","price":1e308}]}}"#;
    let table = check(&[one, two]);
    assert_eq!(
        table.matches("price of the whole amount is beyond all numbers").count(),
        2,
        "{table}"
    );
}

#[test]
fn what_presets_make_of_messages() {
    insta::assert_snapshot!(check(&[
        r#"{"type":"page","name":"Home"}"#,
        r#"{"type":"page"}"#,
        r#"{"type":"screen","name":"Player"}"#,
        r#"{"type":"track","event":"Product Viewed","properties":{"product_id":"p","sku":"s","recomm_id":"r"}}"#,
        r#"{"type":"track","event":"Product Viewed","properties":{"product_id":null,"sku":507,"timestamp":1600000000}}"#,
        r#"{"type":"track","event":"Product Viewed","properties":{"product_id":""}}"#,
        r#"{"type":"track","event":"Product Viewed"}"#,
        r#"{"type":"track","event":"Product Viewed","properties":{"sku":"s","timestamp":"then"}}"#,
        r#"{"type":"track","event":"Product Added","properties":{"sku":"s","quantity":"2","price":1.1}}"#,
        r#"{"type":"track","event":"Product Added","properties":{"quantity":2}}"#,
        r#"{"type":"track","event":"Product Added","properties":{"sku":"s","quantity":"two"}}"#,
        r#"{"type":"track","event":"Product Removed","properties":{"sku":"s"}}"#,
        r#"{"type":"track","event":"Order Completed","properties":{"products":[{"product_id":"a","quantity":3,"price":2,"profit":0.5},{"sku":"b"}]}}"#,
        r#"{"type":"track","event":"Order Completed","properties":{"products":{"sku":"lone"}}}"#,
        r#"{"type":"track","event":"Order Completed","properties":{"products":[{"sku":"a","price":2},{"sku":"b"},{"sku":"a","quantity":3,"price":2}]}}"#,
        r#"{"type":"track","event":"Order Completed","properties":{"products":[{"sku":"a"},{"price":1}]}}"#,
        r#"{"type":"track","event":"Order Completed","properties":{"products":[]}}"#,
        r#"{"type":"track","event":"Order Completed"}"#,
        r#"{"type":"track","event":"Product Added to Wishlist","properties":{"sku":"s"}}"#,
        r#"{"type":"track","event":"Product Removed from Wishlist","properties":{"sku":"s","timestamp":"2021-09-01"}}"#,
        r#"{"type":"track","event":"Product Shared","properties":{"sku":"s"}}"#,
        r#"{"type":"track","event":"Video Playback Started","properties":{"content_asset_ids":["v1","v2"],"session":"x"}}"#,
        r#"{"type":"track","event":"Video Content Playing","properties":{"content_asset_id":"v","position":30,"total_length":120}}"#,
        r#"{"type":"track","event":"Video Content Playing","properties":{"content_asset_id":"v","position":130,"total_length":120}}"#,
        r#"{"type":"track","event":"Video Content Playing","properties":{"content_asset_id":"v","position":-1,"total_length":120}}"#,
        r#"{"type":"track","event":"Video Content Playing","properties":{"content_asset_id":"v","position":0,"total_length":0}}"#,
        r#"{"type":"track","event":"Video Content Playing","properties":{"content_asset_id":"v"}}"#,
        r#"{"type":"track","event":"Video Playback Paused","properties":{"content_asset_ids":["v"],"position":1,"total_length":2}}"#,
        r#"{"type":"track","event":"Video Playback Completed","properties":{"content_asset_id":"v"}}"#,
        r#"{"type":"alias","previousId":"old"}"#,
        r#"{"type":"track","event":"Product Clicked","properties":{"product_id":"p","sku":"s","position":3,"recomm_id":"r"}}"#,
        r#"{"type":"track","event":"Product Clicked","properties":{"position":3}}"#,
        r#"{"type":"track","event":"Product List Viewed","properties":{"list_id":"l","products":[{"product_id":"p","position":1},{"sku":7},{"sku":"p"}]}}"#,
        r#"{"type":"track","event":"Product List Viewed","properties":{"products":[{"product_id":"p"},{"name":"P"}]}}"#,
        r#"{"type":"track","event":"Product List Viewed","properties":{"products":[]}}"#,
        r#"{"type":"track","event":"Product List Viewed","properties":{"category":"c"}}"#,
        r#"{"type":"track","event":"Products Searched","properties":{"query":"q"}}"#,
        r#"{"type":"track","event":"Something Else"}"#,
        r#"{"type":"identify","traits":{"a":1}}"#,
    ]));
}

#[test]
fn the_how_to_page_lists_every_preset_with_its_event_and_no_other() {
    let page = include_str!("../../../docs/events.md");
    let mut listed: Vec<(&str, Option<&str>)> = page
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split(" | ");
            let name = cells.next()?.trim_end_matches('`');
            let event =
                cells.next()?.strip_prefix("track `").map(|event| event.trim_end_matches('`'));
            Some((name, event))
        })
        .collect();
    let event = |preset: &'static mapping::Mapping| {
        preset.trigger.reach().events.as_ref().and_then(|events| events.first())
    };
    let mut known: Vec<(&str, Option<&str>)> = presets()
        .iter()
        .map(|preset| (preset.name.as_str(), event(preset).map(String::as_str)))
        .collect();
    listed.sort_unstable();
    known.sort_unstable();
    assert_eq!(listed, known);
}

#[test]
fn a_mapping_that_fails_names_the_place_in_the_message() {
    let place = |event: &str, properties: &str| {
        let text = format!(
            r#"{{"type":"track","userId":"u","event":"{event}","properties":{properties}}}"#
        );
        let arrival = Arrival { received_at: Timestamp(0), source: "web", peer_ip: None };
        let message = check_message(&text, None, &Envelope::default(), &arrival).unwrap();
        let made = presets().map_by_mapping(&message);
        let errors = made.into_iter().filter_map(|(_, made)| made.err());
        errors.map(|error| error.place).collect::<Vec<_>>().join(" ")
    };
    for (event, properties, expected) in [
        ("Product Viewed", r#"{}"#, "/properties/product_id"),
        ("Product Viewed", r#"{"sku":[]}"#, "/properties/sku"),
        ("Product Added", r#"{"product_id":"a","price":"n/a"}"#, "/properties/price"),
        (
            "Order Completed",
            r#"{"products":[{"sku":"a"},{"sku":"b","price":"14,90"}]}"#,
            "/properties/products/1/price",
        ),
        ("Order Completed", r#"{"products":{"sku":""}}"#, "/properties/products/sku"),
        ("Order Completed", r#"{"products":"a"}"#, "/properties/products"),
        ("Order Completed", r#"{}"#, "/properties/products"),
    ] {
        assert_eq!(place(event, properties), expected, "{event} {properties}");
    }
}
