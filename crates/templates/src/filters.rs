//! The filters of the language, each a function of values. None reads a clock, and none makes a
//! value that is larger than a small multiple of the bound that its caller then checks.

mod arrays;
mod date;
mod numbers;
mod text;

use serde_json::Value;

use crate::values;

pub(crate) use text::ENCODED;

/// A filter.
#[derive(Debug)]
pub(crate) struct Filter {
    pub(crate) name: &'static str,
    /// The least and the most arguments.
    pub(crate) arguments: (usize, usize),
    /// How it is written, for errors and for the documentation.
    pub(crate) usage: &'static str,
    /// The notation that its result is in, which is not escaped once more.
    pub(crate) makes: Makes,
    pub(crate) run: fn(Value, &[Value]) -> Outcome,
}

/// Texts that are in the notation of a form already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Makes {
    Plain,
    Html,
    /// HTML with elements, which may not stand in an attribute.
    Markup,
    Json,
    Url,
}

/// A value, or what the input should have been.
pub(crate) type Outcome = Result<Value, String>;

macro_rules! filters {
    ($($name:literal $least:literal $most:literal $usage:literal $makes:ident $run:expr;)*) => {
        const FILTERS: &[Filter] = &[$(Filter {
            name: $name,
            arguments: ($least, $most),
            usage: $usage,
            makes: Makes::$makes,
            run: $run,
        }),*];
    };
}

filters! {
    "default" 1 1 "default: \"friend\"" Plain default;
    "append" 1 1 "append: \"!\"" Plain text::append;
    "prepend" 1 1 "prepend: \"Dear \"" Plain text::prepend;
    "capitalize" 0 0 "capitalize" Plain text::capitalize;
    "downcase" 0 0 "downcase" Plain text::downcase;
    "upcase" 0 0 "upcase" Plain text::upcase;
    "strip" 0 0 "strip" Plain text::strip;
    "lstrip" 0 0 "lstrip" Plain text::lstrip;
    "rstrip" 0 0 "rstrip" Plain text::rstrip;
    "strip_newlines" 0 0 "strip_newlines" Plain text::strip_newlines;
    "strip_html" 0 0 "strip_html" Plain text::strip_html;
    "remove" 1 1 "remove: \"-\"" Plain text::remove;
    "remove_first" 1 1 "remove_first: \"-\"" Plain text::remove_first;
    "replace" 2 2 "replace: \"-\", \" \"" Plain text::replace;
    "replace_first" 2 2 "replace_first: \"-\", \" \"" Plain text::replace_first;
    "truncate" 0 2 "truncate: 20" Plain text::truncate;
    "truncatewords" 0 2 "truncatewords: 5" Plain text::truncatewords;
    "split" 1 1 "split: \",\"" Plain text::split;
    "slice" 1 2 "slice: 0, 3" Plain text::slice;
    "escape" 0 0 "escape" Html text::escape;
    "newline_to_br" 0 0 "newline_to_br" Markup text::newline_to_br;
    "json" 0 0 "json" Json text::json;
    "url_encode" 0 0 "url_encode" Url text::url_encode;
    "url_decode" 0 0 "url_decode" Plain text::url_decode;
    "size" 0 0 "size" Plain arrays::size;
    "first" 0 0 "first" Plain arrays::first;
    "last" 0 0 "last" Plain arrays::last;
    "join" 0 1 "join: \", \"" Plain arrays::join;
    "concat" 1 1 "concat: others" Plain arrays::concat;
    "map" 1 1 "map: \"title\"" Plain arrays::map;
    "reverse" 0 0 "reverse" Plain arrays::reverse;
    "sort" 0 1 "sort: \"price\"" Plain arrays::sort;
    "sort_natural" 0 1 "sort_natural: \"title\"" Plain arrays::sort_natural;
    "uniq" 0 0 "uniq" Plain arrays::uniq;
    "compact" 0 0 "compact" Plain arrays::compact;
    "where" 1 2 "where: \"brand\", \"Acme\"" Plain arrays::filter_by;
    "abs" 0 0 "abs" Plain numbers::abs;
    "at_least" 1 1 "at_least: 1" Plain numbers::at_least;
    "at_most" 1 1 "at_most: 10" Plain numbers::at_most;
    "ceil" 0 0 "ceil" Plain numbers::ceil;
    "floor" 0 0 "floor" Plain numbers::floor;
    "round" 0 1 "round: 2" Plain numbers::round;
    "plus" 1 1 "plus: 1" Plain numbers::plus;
    "minus" 1 1 "minus: 1" Plain numbers::minus;
    "times" 1 1 "times: 2" Plain numbers::times;
    "divided_by" 1 1 "divided_by: 2" Plain numbers::divided_by;
    "modulo" 1 1 "modulo: 2" Plain numbers::modulo;
    "date" 1 1 "date: \"%d %B %Y\"" Plain date::date;
}

pub(crate) fn find(name: &str) -> Option<&'static Filter> {
    FILTERS.iter().find(|filter| filter.name == name)
}

pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    FILTERS.iter().map(|filter| filter.name).chain(["raw"])
}

pub(crate) fn all() -> &'static [Filter] {
    FILTERS
}

fn default(input: Value, arguments: &[Value]) -> Outcome {
    let takes = values::is_empty(&input) || matches!(input, Value::Bool(false) | Value::Null);
    Ok(if takes { arguments.first().cloned().unwrap_or_default() } else { input })
}

/// The text of a value; of a list the texts of its elements, one after the other.
fn text_of(value: &Value) -> Result<String, String> {
    values::text_of(value)
}

/// The text of an argument, or `otherwise` where it is not given.
fn argument(arguments: &[Value], index: usize, otherwise: &str) -> Result<String, String> {
    arguments.get(index).map_or_else(|| Ok(otherwise.to_owned()), text_of)
}

/// A whole number from an argument.
fn whole(arguments: &[Value], index: usize, otherwise: i64) -> Result<i64, String> {
    let Some(value) = arguments.get(index) else { return Ok(otherwise) };
    let parsed = value.as_i64().or_else(|| value.as_str()?.trim().parse().ok());
    parsed.ok_or_else(|| format!("{} is no whole number", name_of(value)))
}

/// How an error names a value: the start of a text, the kind of others.
fn name_of(value: &Value) -> String {
    const EXCERPT_CHARS: usize = 40;
    match value {
        Value::String(text) => {
            format!("{:?}", text.chars().take(EXCERPT_CHARS).collect::<String>())
        }
        Value::Number(number) => number.to_string(),
        other => values::kind_of(other).to_owned(),
    }
}
