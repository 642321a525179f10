//! How long mapping takes with twenty presets' worth of triggers. It prints figures and judges
//! nothing: `cargo test --release -p mapping --test speed -- --ignored --nocapture`.

use std::time::Instant;

use domain::{Arrival, Envelope, Timestamp, check_message};
use mapping::{Mappings, Payload, presets};

const N: u32 = 200_000;

fn report(what: &str, mut run: impl FnMut()) {
    (0..N / 10).for_each(|_| run());
    let start = Instant::now();
    (0..N).for_each(|_| run());
    println!("{what:<58} {:7.3} us", start.elapsed().as_secs_f64() * 1e6 / f64::from(N));
}

/// The presets, and four mappings whose triggers look into the message.
fn twenty() -> Mappings {
    let own = [
        r#"{"name":"1","trigger":"type = \"track\" and properties.price > 100","action":"addBookmark","use_defaults":true}"#,
        r#"{"name":"2","trigger":"contains(event, \"Wish\") and traits.plan = \"pro\"","action":"addBookmark","use_defaults":true}"#,
        r#"{"name":"3","trigger":"type = \"identify\" and context.app.name != null","action":"addBookmark","use_defaults":true}"#,
        r#"{"name":"4","trigger":"match(properties.page, \"/shop*\")","action":"addBookmark","use_defaults":true}"#,
    ];
    let presets: Vec<String> = presets().iter().map(|preset| preset.to_json()).collect();
    let own = own.map(str::to_owned);
    Mappings::from_json(&format!("[{}]", [presets, own.to_vec()].concat().join(",")))
        .expect("a message")
}

#[test]
#[ignore = "it measures"]
fn microseconds_per_message() {
    let mappings = twenty();
    let context = r#""context":{"ip":"::1","library":{"name":"analytics.js","version":"2.1.0"},"page":{"path":"/shop/1","referrer":"","title":"Shop","url":"https://shop.example/1"},"userAgent":"Mozilla/5.0 (X11; Linux x86_64)"}"#;
    let message = |rest: &str| {
        format!(
            r#"{{"type":"track","userId":"u","anonymousId":"a","messageId":"m",{context},{rest}}}"#
        )
    };
    let products: Vec<String> = (0..5)
        .map(|n| format!(r#"{{"product_id":"p{n}","sku":"s{n}","name":"Product {n}","quantity":{n},"price":9.5}}"#))
        .collect();
    let cases = [
        (
            "no mapping matches",
            message(r#""event":"Signed Up","properties":{"plan":"pro","price":5,"page":"/x"}"#),
        ),
        (
            "a view",
            message(
                r#""event":"Product Viewed","properties":{"product_id":"p","sku":"s","name":"Product","price":9.5,"category":"c"}"#,
            ),
        ),
        (
            "an order of five lines",
            message(&format!(
                r#""event":"Order Completed","properties":{{"order_id":"o","total":95,"products":[{}]}}"#,
                products.join(",")
            )),
        ),
    ];
    let arrival =
        Arrival { received_at: Timestamp(1_700_000_000_000), source: "web", peer_ip: None };
    for (what, text) in cases {
        let message = check_message(&text, None, &Envelope::default(), &arrival).unwrap();
        println!("{what}: {} bytes", text.len());
        report("  accepted message, actions for our own engine", || {
            std::hint::black_box(mappings.map(std::hint::black_box(&message)));
        });
        report("  JSON text, triggers only", || {
            let payload = Payload::of_json(std::hint::black_box(&text)).unwrap();
            std::hint::black_box(mappings.matching(&payload));
        });
        report("  JSON text, checked payloads for a destination", || {
            let payload = Payload::of_json(std::hint::black_box(&text)).unwrap();
            for (mapping, _) in mappings.matching(&payload) {
                let _ = std::hint::black_box(mapping.check(&payload, mapping::Mode::Single));
            }
        });
    }
}
