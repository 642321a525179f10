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
pub const STEPS_MAX: usize = 500_000;
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
/// Bytes of what is kept to make a text again, as JSON.
pub const RECORDED_BYTES_MAX: usize = 512 << 10;
/// Bytes of an MJML document, of the HTML that it becomes, and of HTML whose text part is made.
pub const MAIL_BYTES_MAX: usize = 2 << 20;
/// Levels of elements in elements of MJML, and of HTML whose text part is made.
pub const ELEMENTS_DEPTH_MAX: usize = 100;
