//! The fields of an in-app message: what they may be, and how they are kept.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value, json};

/// The fields of a message.
const FIELDS: [&str; 14] = [
    "display",
    "slot",
    "title",
    "text",
    "image",
    "url",
    "html",
    "buttons",
    "items",
    "priority",
    "expires_after_s",
    "show",
    "max_views",
    "pages",
];
const DISPLAYS: [&str; 5] = ["banner", "modal", "fullscreen", "inbox", "native"];
const SHOWS: [&str; 2] = ["once", "until_dismissed"];

const TITLE_CHARS_MAX: usize = 200;
const TEXT_CHARS_MAX: usize = 4_000;
const ADDRESS_BYTES_MAX: usize = 2_048;
const SLOT_BYTES_MAX: usize = 64;
const BUTTONS_MAX: usize = 3;
const LABEL_CHARS_MAX: usize = 60;
const ITEMS_MAX: usize = 20;
const PRIORITY_DEFAULT: u64 = 50;
const PRIORITY_MAX: u64 = 100;
const EXPIRES_AFTER_S_MIN: u64 = 60;
/// A year.
const EXPIRES_AFTER_S_MAX: u64 = 31_536_000;
/// Thirty days.
const EXPIRES_AFTER_S_DEFAULT: u64 = 2_592_000;
const VIEWS_MAX: u64 = 1_000;
const PATTERNS_MAX: usize = 20;
/// The most bytes of a message as it is kept.
const MESSAGE_BYTES_MAX: usize = 65_536;

/// Checks the templates of a campaign: their fields, and the values that nothing is filled into.
///
/// # Errors
/// A sentence that names the field and the mistake.
pub fn check_in_app_fields(content: &BTreeMap<String, String>) -> Result<(), String> {
    let is_constant = |text: &str| !text.contains("{{") && !text.contains("{%");
    for (field, text) in content {
        check_name(field)?;
        if is_constant(text) {
            read(field, text).map_err(|what| format!("content.{field} {what}"))?;
        }
    }
    if !content.contains_key("display") {
        return Err(format!("content.display is missing: one of {}", DISPLAYS.join(", ")));
    }
    if content.values().all(|text| is_constant(text)) {
        let fields = content.iter().map(|(field, text)| (field.clone(), text.as_str().into()));
        make_in_app(&fields.collect())?;
    }
    Ok(())
}

/// Makes of the texts of fields the message as it is kept and given to pages.
///
/// # Errors
/// A sentence that names the field and the mistake.
pub fn make_in_app(fields: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let mut made = Map::new();
    for (field, value) in fields {
        check_name(field)?;
        let text = value.as_str().unwrap_or_default();
        let read = read(field, text).map_err(|what| format!("content.{field} {what}"))?;
        made.extend(read.map(|value| (field.clone(), value)));
    }
    let display = made.get("display").and_then(Value::as_str).unwrap_or_default().to_owned();
    match (display.as_str(), made.contains_key("slot")) {
        ("", _) => {
            return Err(format!("content.display is missing: one of {}", DISPLAYS.join(", ")));
        }
        ("native", false) => {
            return Err("content.slot is missing: the name of the place in the page".to_owned());
        }
        ("native", true) | (_, false) => {}
        (_, true) => return Err("content.slot is for display native alone".to_owned()),
    }
    let shown = ["title", "text", "image", "html", "items"];
    if !shown.into_iter().any(|field| made.contains_key(field)) {
        return Err(format!("content has nothing to show: one of {}", shown.join(", ")));
    }
    let stays = matches!(display.as_str(), "inbox" | "native");
    let show = made.remove("show");
    let is_once = show.map_or(!stays, |show| show == "once");
    let views_max = made.remove("max_views").unwrap_or_else(|| u64::from(is_once).into());
    made.insert("views_max".to_owned(), views_max);
    made.insert("ends_by_click".to_owned(), (!stays).into());
    made.entry("priority").or_insert(PRIORITY_DEFAULT.into());
    made.entry("expires_after_s").or_insert(EXPIRES_AFTER_S_DEFAULT.into());
    match serde_json::to_string(&made).map_or(usize::MAX, |text| text.len()) {
        0..=MESSAGE_BYTES_MAX => Ok(made),
        n => Err(format!("content has {n} bytes: it must have at most {MESSAGE_BYTES_MAX}")),
    }
}

fn check_name(field: &str) -> Result<(), String> {
    match FIELDS.contains(&field) {
        true => Ok(()),
        false => {
            let known = FIELDS.join(", ");
            Err(format!("content.{field} is no field of an in-app message: they are {known}"))
        }
    }
}

/// The value of a field; none where the text is empty.
fn read(field: &str, text: &str) -> Result<Option<Value>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let value: Value = match field {
        "display" => one_of(text, &DISPLAYS)?.into(),
        "show" => one_of(text, &SHOWS)?.into(),
        "slot" => check_slot(text)?.into(),
        "title" => at_most(text, TITLE_CHARS_MAX)?.into(),
        "text" => at_most(text, TEXT_CHARS_MAX)?.into(),
        "image" => check_image(text)?.into(),
        "url" => check_address(text)?.into(),
        "html" => return Ok(Some(clean(text)).filter(|html| !html.is_empty()).map(Value::from)),
        "buttons" => return read_buttons(text),
        "items" => return read_items(text),
        "priority" => number(text, 0, PRIORITY_MAX)?.into(),
        "expires_after_s" => number(text, EXPIRES_AFTER_S_MIN, EXPIRES_AFTER_S_MAX)?.into(),
        "max_views" => number(text, 1, VIEWS_MAX)?.into(),
        _ => read_patterns(text)?,
    };
    Ok(Some(value))
}

fn one_of<'t>(text: &'t str, words: &[&str]) -> Result<&'t str, String> {
    match words.contains(&text) {
        true => Ok(text),
        false => Err(format!("is {text:?}: it must be one of {}", words.join(", "))),
    }
}

fn at_most(text: &str, chars_max: usize) -> Result<&str, String> {
    match text.chars().count() {
        n if n > chars_max => Err(format!("has {n} characters: it must have at most {chars_max}")),
        _ => Ok(text),
    }
}

fn number(text: &str, min: u64, max: u64) -> Result<u64, String> {
    let number = text.parse().ok().filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| format!("is {text:?}: it must be a whole number, {min} to {max}"))
}

fn check_slot(text: &str) -> Result<&str, String> {
    let is_name = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
    match text.len() <= SLOT_BYTES_MAX && text.bytes().all(is_name) {
        true => Ok(text),
        false => {
            Err(format!("is {text:?}: it must be 1 to {SLOT_BYTES_MAX} letters, digits, - and _"))
        }
    }
}

/// Whether a text is an address of the web, or a path of the page's own host. Browsers read `\` as
/// `/`, and leave out tabs and line ends.
fn is_web_address(text: &str) -> bool {
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && c != '\\';
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    let is_remote = lower.starts_with("https://") || lower.starts_with("http://");
    let is_path = text.starts_with('/') && !text.starts_with("//");
    text.len() <= ADDRESS_BYTES_MAX && text.chars().all(is_plain) && (is_remote || is_path)
}

fn check_image(text: &str) -> Result<&str, String> {
    match is_web_address(text) {
        true => Ok(text),
        false => Err(format!("is {text:?}: it must begin with https:// or with one /")),
    }
}

fn check_address(text: &str) -> Result<&str, String> {
    let is_other = ["mailto:", "tel:"].iter().any(|scheme| text.starts_with(scheme))
        && text.len() <= ADDRESS_BYTES_MAX
        && !text.contains(|c: char| c.is_whitespace() || c.is_control());
    match is_other || is_web_address(text) {
        true => Ok(text),
        false => Err(format!(
            "is {text:?}: it must begin with https://, http://, mailto:, tel: or with one /"
        )),
    }
}

/// HTML without anything that runs or loads more than pictures.
fn clean(text: &str) -> String {
    static CLEANER: LazyLock<ammonia::Builder<'static>> = LazyLock::new(|| {
        let mut builder = ammonia::Builder::default();
        builder
            .url_schemes(["https", "http", "mailto", "tel"].into())
            .set_tag_attribute_value("a", "target", "_blank")
            .link_rel(Some("noopener noreferrer"));
        builder
    });
    CLEANER.clean(text).to_string().trim().to_owned()
}

fn read_list(text: &str, n_max: usize) -> Result<Vec<Value>, String> {
    let list: Vec<Value> = serde_json::from_str(text)
        .map_err(|error| format!("must be a list of objects as JSON: {error}"))?;
    match list.len() {
        n if n > n_max => Err(format!("has {n} entries: it must have at most {n_max}")),
        _ => Ok(list),
    }
}

fn read_buttons(text: &str) -> Result<Option<Value>, String> {
    let mut buttons = Vec::new();
    for (n, button) in read_list(text, BUTTONS_MAX)?.into_iter().enumerate() {
        let of_button = |what: String| format!("[{n}] {what}");
        let members = button.as_object().filter(|members| {
            members
                .iter()
                .all(|(key, value)| ["label", "url"].contains(&&**key) && value.is_string())
        });
        let Some(members) = members else {
            return Err(of_button("must have a label, perhaps a url, and nothing else".to_owned()));
        };
        let text_of = |key: &str| members.get(key).and_then(Value::as_str).unwrap_or("").trim();
        let label = match text_of("label") {
            "" => return Err(of_button("has no label".to_owned())),
            label => at_most(label, LABEL_CHARS_MAX)
                .map_err(|what| of_button(format!("label {what}")))?,
        };
        buttons.push(match text_of("url") {
            "" => json!({ "label": label }),
            url => {
                let url = check_address(url).map_err(|what| of_button(format!("url {what}")))?;
                json!({ "label": label, "url": url })
            }
        });
    }
    Ok((!buttons.is_empty()).then(|| buttons.into()))
}

/// Items keep all members, so that pages can draw them as they like. What our module draws is
/// checked.
fn read_items(text: &str) -> Result<Option<Value>, String> {
    let items = read_list(text, ITEMS_MAX)?;
    for (n, item) in items.iter().enumerate() {
        let Some(members) = item.as_object() else {
            return Err(format!("[{n}] must be an object"));
        };
        if !members.get("id").is_some_and(|id| id.is_string() && id != "") {
            return Err(format!("[{n}] has no id"));
        }
        for (member, check) in
            [("url", check_address as fn(&str) -> Result<&str, String>), ("image", check_image)]
        {
            if let Some(text) = members.get(member).and_then(Value::as_str) {
                check(text).map_err(|what| format!("[{n}] {member} {what}"))?;
            }
        }
    }
    Ok((!items.is_empty()).then(|| items.into()))
}

/// Paths on which a message is shown, `*` for any text.
fn read_patterns(text: &str) -> Result<Value, String> {
    let patterns: Vec<&str> = text.split_whitespace().collect();
    if patterns.len() > PATTERNS_MAX {
        return Err(format!("has {} paths: it must have at most {PATTERNS_MAX}", patterns.len()));
    }
    match patterns.iter().find(|path| !path.starts_with('/') || path.len() > ADDRESS_BYTES_MAX) {
        Some(path) => Err(format!("has {path:?}: paths begin with /, such as /episodes/*")),
        None => Ok(json!(patterns)),
    }
}
