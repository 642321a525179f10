//! Bounds of templates, of one render, and of mails. Whatever is over a bound is a clear error.

/// Bytes of a template's source.
pub const TEMPLATE_BYTES_MAX: usize = 256 << 10;
/// Levels of blocks in blocks, and of indexes in indexes (`a[b[c]]`).
pub const DEPTH_MAX: usize = 32;
/// Bytes of the text that one render makes.
pub const OUTPUT_BYTES_MAX: usize = 1 << 20;
/// Bytes of any value that is read, assigned, captured or made by a filter.
pub const VALUE_BYTES_MAX: usize = 256 << 10;
/// Steps of one render: one for each part of the template that is met, each turn of a loop, each
/// filter, and each [`STEP_BYTES`] of the values that they handle. This bounds time: about a tenth
/// of a second.
pub const STEPS_MAX: usize = 200_000;
/// How much more a value counts that a filter puts in order.
pub const ORDERING_FACTOR: usize = 4;
/// Bytes of values that count as one step.
pub const STEP_BYTES: usize = 64;
/// Turns of all loops of one render, nested ones multiplied.
pub const TURNS_MAX: usize = 20_000;
/// Calls of `recommend`, `item` and `linked` in one render.
pub const CONTENT_CALLS_MAX: usize = 50;
/// Items that one `recommend` asks for.
pub const COUNT_MAX: usize = 100;
/// Items that one `recommend` leaves out at the head of its list.
pub const OFFSET_MAX: usize = 1_000;
/// The most days for which `not_sent_days` of a `recommend` tag looks back.
pub const NOT_SENT_DAYS_MAX: usize = 365;
/// Characters of the reason of an `abort`.
pub const REASON_CHARS_MAX: usize = 200;
/// Bytes of what is kept to make a text again, as JSON.
pub const RECORDED_BYTES_MAX: usize = 512 << 10;
/// Bytes of an MJML document, of the HTML that it becomes, and of HTML whose text part is made.
pub const MAIL_BYTES_MAX: usize = 2 << 20;
/// Bytes that the HTML of an MJML document could have at worst: for each element
/// [`ELEMENT_HTML_BYTES`], and what it may inherit.
pub const MJML_WORK_BYTES_MAX: usize = 64 << 20;
/// Bytes of HTML around an MJML element, at most.
pub const ELEMENT_HTML_BYTES: usize = 4 << 10;
/// Attributes of one element of MJML or HTML.
pub const ATTRIBUTES_MAX: usize = 1_000;
/// Levels of elements in elements of MJML, and of HTML whose text part is made.
pub const ELEMENTS_DEPTH_MAX: usize = 100;
