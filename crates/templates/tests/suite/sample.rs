//! One person, an event, and content that tests use.

use serde_json::{Value, json};
use templates::{Content, ContentError, Form, Item, RenderError, Request, Template, Values};

/// A person whose traits hold attacks as well.
pub(crate) fn values() -> Values {
    Values {
        profile: json!({
            "user_id": "u-1",
            "traits": {
                "first_name": "Jane",
                "city": "Plzeň",
                "age": 31,
                "spent": 1234.5,
                "vip": true,
                "old": false,
                "nothing": null,
                "empty": "",
                "born": "1995-03-31",
                "teams": ["Viktoria", "Arsenal"],
                "script": "<script>alert(1)</script>",
                "quotes": "\" onmouseover=\"alert(1)\" x='",
                "javascript": "JaVa\tScript:alert(1)",
                "entities": "&#106;avascript&colon;alert(1)",
                "data_url": " data:text/html,<script>alert(1)</script>",
                "style": "red;background:url(javascript:alert(1))/*",
                "comment": "--><script>alert(1)</script>",
                "lines": "Hello\r\nBcc: victim@example.com",
                "backwards": "abc\u{202E}def\u{0}\u{7}",
                "json": "\"},{\"admin\":true,\"a\":\"\\",
                "liquid": "{{ profile.user_id }}{% abort %}",
                "link": "https://shop.example/a?b=1&c=2",
                "app_link": "shop://product/1",
            },
        }),
        event: json!({
            "event": "Product Added",
            "properties": {
                "product_id": "p1",
                "price": 20,
                "tags": ["a", "b", "c"],
                "products": [
                    { "product_id": "p1", "title": "Ball", "price": 20, "brand": "Acme" },
                    { "product_id": "p2", "title": "shoes", "price": 90.5, "brand": "Other" },
                    { "product_id": "p3", "title": "Net", "price": 5, "brand": "Acme" },
                ],
            },
        }),
        campaign: json!({ "id": "c1", "name": "Spring" }),
        now: json!("2026-03-31T08:05:00+02:00"),
        preferences_url: json!("https://shop.example/preferences/t"),
        unsubscribe_url: json!("https://shop.example/preferences/t/unsubscribe"),
    }
}

/// Items `p1` to `p6`, the first with HTML in its description.
pub(crate) fn product(number: usize) -> Item {
    let product = json!({
        "id": format!("p{number}"),
        "title": format!("Product {number} & more"),
        "url": format!("https://shop.example/p{number}?a=1&b=2"),
        "image": format!("https://cdn.example/{number}.png"),
        "price": 10 * number,
        "html": "<b>bold</b>",
        "bad_url": "javascript:alert(1)",
    });
    match product {
        Value::Object(product) => product,
        _ => unreachable!(),
    }
}

/// Answers as a workspace with six products would, and remembers what it was asked.
#[derive(Debug, Default)]
pub(crate) struct Shop {
    pub(crate) asked: Vec<String>,
}

impl Content for Shop {
    fn recommend(&mut self, request: Request<'_>) -> Result<Vec<Item>, ContentError> {
        let Request { definition, count, offset, excluded, not_sent_days } = request;
        let lately = not_sent_days.map(|days| format!(" and those of {days} days"));
        let lately = lately.unwrap_or_default();
        let excluded_ids = excluded.join(",");
        self.asked.push(format!("{definition} {count} {offset} without {excluded_ids}{lately}"));
        let items = 1..=6;
        match definition {
            "for you" => Ok(items
                .skip(offset)
                .map(product)
                .filter(|item| !excluded.contains(&item["id"].as_str().unwrap().to_owned()))
                .take(count)
                .collect()),
            "careless" => Ok(items.chain(1..=6).map(product).collect()),
            "nothing" => Ok(Vec::new()),
            "nameless" => Ok(vec![Item::new()]),
            "huge" => Ok((0..100)
                .map(|number| {
                    let mut item = product(number);
                    item.insert("text".to_owned(), "x".repeat(10_000).into());
                    item
                })
                .collect()),
            other => Err(ContentError(format!("there is no recommendation {other}"))),
        }
    }

    fn item(&mut self, catalog: &str, id: &str) -> Result<Option<Item>, ContentError> {
        self.asked.push(format!("{catalog} {id}"));
        let number = id.strip_prefix('p').and_then(|number| number.parse().ok());
        Ok(number.filter(|number| (1..=6).contains(number)).map(product))
    }

    fn linked(&mut self, name: &str, parameters: &Item) -> Result<Value, ContentError> {
        self.asked.push(format!("{name} {}", Value::Object(parameters.clone())));
        match name {
            "weather" => Ok(json!({ "of": parameters, "sky": "sunny", "html": "<i>sun</i>" })),
            _ => Err(ContentError("no answer in 2 s".to_owned())),
        }
    }
}

pub(crate) fn render(source: &str, form: Form) -> Result<String, RenderError> {
    render_with(source, form, &values())
}

/// Renders, and once more from what was recorded and was kept as JSON.
pub(crate) fn render_with(
    source: &str,
    form: Form,
    values: &Values,
) -> Result<String, RenderError> {
    let template = Template::parse(source, form).unwrap();
    let rendered = template.render(values, &mut Shop::default())?;
    let kept = serde_json::to_string(&rendered.recorded).unwrap();
    let again = template.render_again(&serde_json::from_str(&kept).unwrap());
    assert_eq!(again.as_ref(), Ok(&rendered.text), "{source}");
    Ok(rendered.text)
}

pub(crate) fn check(source: &str, form: Form, expected: &str) {
    match render(source, form) {
        Ok(text) => assert_eq!(text, expected, "{source}"),
        Err(error) => panic!("{source}: {error}"),
    }
}

pub(crate) fn check_error(source: &str, form: Form, expected: &str) {
    assert_eq!(render(source, form).unwrap_err().to_string(), expected, "{source}");
}
