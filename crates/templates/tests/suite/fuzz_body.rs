//! What the fuzz target does with its input; a test does the same with random bytes.

use serde_json::{Value, json};
use templates::{Content, ContentError, Form, Item, Request, Template, Values};

struct Echo;

impl Content for Echo {
    fn recommend(&mut self, request: Request<'_>) -> Result<Vec<Item>, ContentError> {
        let item =
            |n| Item::from_iter([("id".to_owned(), json!(n)), ("title".to_owned(), json!("<T>"))]);
        Ok((request.offset..request.offset + request.count).map(item).collect())
    }

    fn item(&mut self, catalog: &str, id: &str) -> Result<Option<Item>, ContentError> {
        Ok(Some(Item::from_iter([("id".to_owned(), json!(id)), (catalog.to_owned(), json!(1))])))
    }

    fn linked(&mut self, _: &str, parameters: &Item) -> Result<Value, ContentError> {
        Ok(Value::Object(parameters.clone()))
    }
}

/// Any text is refused, or renders to the same text twice. The first byte chooses the form; what
/// is after a zero byte is a trait.
pub(crate) fn parse_and_render(bytes: &[u8]) {
    const FORMS: [Form; 5] = [Form::Html, Form::Text, Form::Line, Form::Json, Form::Url];
    let Some((first, bytes)) = bytes.split_first() else { return };
    let form = FORMS[usize::from(*first) % FORMS.len()];
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let mut part = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let (source, text) = (part(), part());
    // Mails are made of whatever comes.
    let _ = templates::mjml_to_html(&source);
    let Ok(template) = Template::parse(&source, form) else { return };
    template.recommendations();
    template.variables();
    let values = Values {
        profile: json!({ "user_id": "u", "traits": { "a": text, "n": 3, "l": ["x", 1, null] } }),
        event: json!({ "event": "E", "properties": { "p": { "q": [1, 2, 3] } } }),
        campaign: json!({ "name": "C" }),
        now: json!("2026-03-31T08:05:00Z"),
        ..Values::default()
    };
    if let Ok(rendered) = template.render(&values, &mut Echo) {
        assert!(rendered.text.len() <= templates::limits::OUTPUT_BYTES_MAX);
        assert_eq!(template.render_again(&rendered.recorded), Ok(rendered.text));
    }
}
