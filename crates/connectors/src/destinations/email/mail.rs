//! A mail: its fields are checked, and it is written in the form of the internet (RFC 5322, MIME).

use std::collections::BTreeMap;
use std::time::SystemTime;

use lettre::Address;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart, SinglePart};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::address::read_address;
use super::text::{text_of_html, with_preheader};
use crate::kind::{Made, RequestError, object_field, text_field};

/// The longest subject and name, in bytes: a line of a header has at most 998 (RFC 5322, 2.1.1).
const LINE_BYTES_MAX: usize = 500;
/// The longest value of a further header and the longest address to unsubscribe, in bytes.
const HEADER_BYTES_MAX: usize = 900;
/// The most further headers.
const HEADERS_MAX: usize = 20;
/// The longest name of a header, in bytes.
const HEADER_NAME_BYTES_MAX: usize = 76;
/// The longest HTML or text, in bytes.
const CONTENT_BYTES_MAX: usize = 512 * 1_024;
/// The longest category, in bytes: that of a label in the DNS.
const CATEGORY_BYTES_MAX: usize = 63;

/// Headers that a mail has by its fields, or that servers add on its way. Those that begin with
/// `content-`, `resent-` or `arc-` are refused too.
const RESERVED: [&str; 21] = [
    "from",
    "sender",
    "to",
    "cc",
    "bcc",
    "subject",
    "date",
    "message-id",
    "reply-to",
    "mime-version",
    "dkim-signature",
    "domainkey-signature",
    "return-path",
    "received",
    "received-spf",
    "authentication-results",
    "delivered-to",
    "list-id",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "errors-to",
];

/// Who sends.
#[derive(Debug, Clone)]
pub(super) struct From {
    pub(super) address: Address,
    pub(super) name: Option<String>,
    pub(super) reply_to: Option<Address>,
}

/// The checked fields of a mail to one person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mail {
    /// Where it goes, with the domain in ASCII.
    pub(super) to: String,
    pub(super) to_name: Option<String>,
    pub(super) subject: String,
    /// With the preheader.
    pub(super) html: Option<String>,
    pub(super) text: String,
    pub(super) reply_to: Option<String>,
    /// Further headers by name.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) unsubscribe_url: Option<String>,
    pub(super) category: Option<String>,
}

fn wrong(field: &str, what: impl Into<String>) -> RequestError {
    RequestError { field: field.to_owned(), what: what.into() }
}

fn check_length(field: &str, text: &str, bytes_max: usize) -> Result<(), RequestError> {
    match text.len() {
        n if n > bytes_max => Err(wrong(field, format!("has {n} bytes, the limit is {bytes_max}"))),
        _ => Ok(()),
    }
}

/// A text for a line of a header: white space, line breaks too, becomes single spaces.
///
/// # Errors
/// If it is too long, or has another control character.
pub(super) fn read_line(field: &str, text: &str) -> Result<String, RequestError> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    check_length(field, &line, LINE_BYTES_MAX)?;
    if line.chars().any(char::is_control) {
        return Err(wrong(field, "has a control character"));
    }
    Ok(line)
}

/// A further header.
///
/// # Errors
/// If it is one that the mail has anyway, its name is none, or its value would be more than one
/// header.
fn read_header(name: &str, value: &Value) -> Result<String, RequestError> {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if name.is_empty() || name.len() > HEADER_NAME_BYTES_MAX || !name.bytes().all(is_letter) {
        let what = format!(
            "has the name {name:?}: a name has 1 to {HEADER_NAME_BYTES_MAX} letters, digits, \
             hyphens and underscores"
        );
        return Err(wrong("headers", what));
    }
    let lower = name.to_ascii_lowercase();
    let is_of_a_kind = ["content-", "resent-", "arc-"].iter().any(|kind| lower.starts_with(kind));
    if RESERVED.contains(&lower.as_str()) || is_of_a_kind {
        return Err(wrong("headers", format!("has {name}, which the mail has by itself")));
    }
    let value = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        _ => return Err(wrong("headers", format!("has {name}, which should be a text"))),
    };
    check_length("headers", &value, HEADER_BYTES_MAX)?;
    if value.chars().any(char::is_control) {
        let what = format!("has {name} with a line break or another control character");
        return Err(wrong("headers", what));
    }
    Ok(value)
}

fn read_unsubscribe_url(url: &str) -> Result<String, RequestError> {
    let field = "unsubscribe_url";
    check_length(field, url, HEADER_BYTES_MAX)?;
    // The header has it between angle brackets, and lists with commas (RFC 2369).
    let is_of_url = |byte: u8| byte.is_ascii_graphic() && !b"<>\",\\".contains(&byte);
    match url.strip_prefix("https://") {
        Some(rest) if !rest.is_empty() && rest.bytes().all(is_of_url) => Ok(url.to_owned()),
        _ => Err(wrong(field, "should be https://…, with other characters than ASCII as %…")),
    }
}

fn read_category(category: &str) -> Result<String, RequestError> {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_edge = |c: char| c == '.' || c == '-';
    if category.len() > CATEGORY_BYTES_MAX
        || !category.bytes().all(is_letter)
        || category.starts_with(is_edge)
        || category.ends_with(is_edge)
        || category.contains("..")
    {
        let what = format!(
            "should have 1 to {CATEGORY_BYTES_MAX} letters, digits, hyphens, underscores and dots"
        );
        return Err(wrong("category", what));
    }
    Ok(category.to_ascii_lowercase())
}

/// HTML or text, with one kind of line ends.
fn read_content(made: &Made<'_>, field: &str) -> Result<Option<String>, RequestError> {
    let Some(content) = text_field(made, field) else { return Ok(None) };
    check_length(field, &content, CONTENT_BYTES_MAX)?;
    if content.contains('\0') {
        return Err(wrong(field, "has a NUL character"));
    }
    Ok(Some(content.replace("\r\n", "\n").replace('\r', "\n")))
}

impl Mail {
    /// Checks the fields of an action.
    ///
    /// # Errors
    /// The first field that is missing or wrong.
    pub(super) fn read(made: &Made<'_>) -> Result<Self, RequestError> {
        let address = |field: &str, text: String| {
            let read = read_address(&text).map(|address| address.to_string());
            read.map_err(|what| wrong(field, what))
        };
        let line = |field: &str| -> Result<Option<String>, RequestError> {
            let read = text_field(made, field).map(|text| read_line(field, &text)).transpose()?;
            Ok(read.filter(|line| !line.is_empty()))
        };
        let to = text_field(made, "to").ok_or_else(|| wrong("to", "is missing"))?;
        let to = address("to", to)?;
        let subject = line("subject")?.ok_or_else(|| wrong("subject", "is missing"))?;
        let html = read_content(made, "html")?;
        let text = match (read_content(made, "text")?, &html) {
            (Some(text), _) => text,
            (None, None) => return Err(wrong("html", "is missing, and text too")),
            (None, Some(html)) => text_of_html(html),
        };
        let preheader = line("preheader")?;
        let html = html.map(|html| match &preheader {
            Some(preheader) => with_preheader(&html, preheader),
            None => html,
        });
        let headers = object_field(made, "headers");
        if headers.len() > HEADERS_MAX {
            let what = format!("has {} headers, the limit is {HEADERS_MAX}", headers.len());
            return Err(wrong("headers", what));
        }
        let header =
            |(name, value): (&String, &Value)| Ok((name.clone(), read_header(name, value)?));
        let given = |field: &str| text_field(made, field);
        Ok(Self {
            to,
            to_name: line("to_name")?,
            subject,
            html,
            text,
            reply_to: given("reply_to").map(|text| address("reply_to", text)).transpose()?,
            headers: headers.iter().map(header).collect::<Result<_, RequestError>>()?,
            unsubscribe_url: given("unsubscribe_url")
                .map(|url| read_unsubscribe_url(&url))
                .transpose()?,
            category: given("category").map(|category| read_category(&category)).transpose()?,
        })
    }

    /// The headers, but those of the time and of the parts, each as people read it.
    pub(super) fn headers(&self, from: &From, delivery_id: &str) -> Vec<(String, String)> {
        let mailbox = |address: &str, name: Option<&str>| match name {
            Some(name) => format!("{name} <{address}>"),
            None => address.to_owned(),
        };
        let own = from.reply_to.as_ref().map(Address::to_string);
        let domain = from.address.domain();
        let mut headers = vec![
            ("From", mailbox(from.address.as_ref(), from.name.as_deref())),
            ("To", mailbox(&self.to, self.to_name.as_deref())),
            ("Subject", self.subject.clone()),
            // The same however often the mail is sent, so that repeats can be known.
            ("Message-ID", format!("<{delivery_id}@{domain}>")),
        ];
        headers.extend(self.reply_to.clone().or(own).map(|address| ("Reply-To", address)));
        if let Some(category) = &self.category {
            headers.push(("List-Id", format!("<{category}.{domain}>")));
        }
        if let Some(url) = &self.unsubscribe_url {
            headers.push(("List-Unsubscribe", format!("<{url}>")));
            headers.push(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
        }
        let owned = headers.into_iter().map(|(name, value)| (name.to_owned(), value));
        owned.chain(self.headers.clone()).collect()
    }

    /// The mail as it is sent: lines end with CR and LF, all bytes are ASCII.
    pub(super) fn write(&self, from: &From, delivery_id: &str, now: SystemTime) -> Vec<u8> {
        let checked = "the fields were checked";
        let to: Address = self.to.parse().expect(checked);
        let mut builder = Message::builder()
            .from(Mailbox::new(from.name.clone(), from.address.clone()))
            .to(Mailbox::new(self.to_name.clone(), to))
            .date(now);
        for (name, value) in self.headers(from, delivery_id) {
            if name != "From" && name != "To" {
                let name = HeaderName::new_from_ascii(name).expect(checked);
                builder = builder.raw_header(HeaderValue::new(name, value));
            }
        }
        let text = SinglePart::plain(self.text.clone());
        let message = match &self.html {
            None => builder.singlepart(text),
            Some(html) => {
                let html = SinglePart::html(html.clone());
                builder.multipart(MultiPart::alternative().singlepart(text).singlepart(html))
            }
        };
        message.expect("it has a sender and one receiver").formatted()
    }
}
