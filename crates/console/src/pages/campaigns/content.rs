//! The fields of messages, by the kind of their channel.

/// A field that a channel takes.
pub(super) struct ContentField {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) hint: &'static str,
}

const fn field(name: &'static str, label: &'static str, hint: &'static str) -> ContentField {
    ContentField { name, label, hint }
}

const EMAIL: &[ContentField] = &[
    field("to", "To", "Such as {{ profile.traits.email }}; who has none is not reachable"),
    field("subject", "Subject", "One line"),
    field("preheader", "Preheader", "What lists of mails show after the subject"),
    field("mjml", "Mail in MJML", "It becomes HTML that mail programs and phones show well"),
    field("html", "Mail in HTML", "In place of MJML"),
    field("text", "Mail as text", "Made from the HTML if empty"),
];
const TEXT_MESSAGES: &[ContentField] = &[
    field("to", "To", "A telephone number, such as {{ profile.traits.phone }}"),
    field("text", "Text", "What the person reads"),
];
const DEVICE: &[ContentField] = &[
    field("token", "Device token", "Such as {{ profile.traits.push_token }}"),
    field("title", "Title", "The first line"),
    field("text", "Text", "What stands below the title"),
    field("url", "Link", "What a tap opens"),
    field("image", "Image", "The address of a picture"),
];
const BROWSER: &[ContentField] = &[
    field("endpoint", "Endpoint", "The address of the subscription of the person's browser"),
    field("p256dh", "Key p256dh", "Of the subscription"),
    field("auth", "Secret auth", "Of the subscription"),
    field("title", "Title", "The first line"),
    field("text", "Text", "What stands below the title"),
    field("url", "Link", "What a click opens"),
    field("image", "Image", "The address of a picture"),
];
const OTHERS: &[ContentField] = &[
    field("to", "To", "Where it goes; who has no value is not reachable"),
    field("subject", "Subject", "One line"),
    field("text", "Text", "Any number of lines"),
];

/// The fields that are offered for a channel of a kind. A campaign may have others too.
pub(super) fn fields(kind: &str) -> &'static [ContentField] {
    match kind {
        "email" => EMAIL,
        "text_messages" => TEXT_MESSAGES,
        "fcm" | "apns" => DEVICE,
        "web_push" => BROWSER,
        _ => OTHERS,
    }
}

/// The word by which the reach of a channel is counted, and what it takes; none of those that any
/// person can be reached by.
pub(super) fn reach(kind: &str) -> Option<(&'static str, &'static str)> {
    match kind {
        "email" => Some(("email", "have an e-mail address")),
        "text_messages" => Some(("phone", "have a telephone number")),
        "fcm" | "apns" | "web_push" => Some(("push", "have a device with a push token")),
        _ => None,
    }
}
