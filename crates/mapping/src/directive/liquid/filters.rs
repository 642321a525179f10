//! The filters of Liquid templates: the standard ones, each with bounds, and the disabled ones.

use std::fmt;

use liquid_core::error::Error;
use liquid_core::model::Value as LiquidValue;
use liquid_core::parser::{FilterArguments, ParameterReflection};
use liquid_core::{
    Expression, Filter, FilterReflection, ParseFilter, Result, Runtime, ValueCow, ValueView,
};
use liquid_lib::stdlib;

use super::LIQUID_BYTES_MAX;

/// The longest product of text and replacement that a filter may build.
const PRODUCT_MAX: usize = 16 << 20;

const DISABLED: [&str; 20] = [
    "array_to_sentence_string",
    "concat",
    "find",
    "find_exp",
    "find_index",
    "find_index_exp",
    "group_by",
    "group_by_exp",
    "has",
    "has_exp",
    "map",
    "newline_to_br",
    "reject",
    "reject_exp",
    "reverse",
    "sort",
    "sort_natural",
    "uniq",
    "where_exp",
    "type",
];

pub(super) fn all() -> Vec<Box<dyn ParseFilter>> {
    let math: [Box<dyn ParseFilter>; 11] = [
        stdlib::Abs.into(),
        stdlib::AtLeast.into(),
        stdlib::AtMost.into(),
        stdlib::Ceil.into(),
        stdlib::DividedBy.into(),
        stdlib::Floor.into(),
        stdlib::Minus.into(),
        stdlib::Modulo.into(),
        stdlib::Plus.into(),
        stdlib::Round.into(),
        stdlib::Times.into(),
    ];
    let others: [Box<dyn ParseFilter>; 30] = [
        stdlib::Append.into(),
        stdlib::Capitalize.into(),
        stdlib::Compact.into(),
        stdlib::Date.into(),
        stdlib::Default.into(),
        stdlib::Downcase.into(),
        stdlib::Escape.into(),
        stdlib::EscapeOnce.into(),
        stdlib::First.into(),
        stdlib::Join.into(),
        stdlib::Last.into(),
        stdlib::Lstrip.into(),
        stdlib::Prepend.into(),
        stdlib::Remove.into(),
        stdlib::RemoveFirst.into(),
        stdlib::Replace.into(),
        stdlib::ReplaceFirst.into(),
        stdlib::Rstrip.into(),
        stdlib::Size.into(),
        stdlib::Slice.into(),
        stdlib::Split.into(),
        stdlib::Strip.into(),
        stdlib::StripHtml.into(),
        stdlib::StripNewlines.into(),
        stdlib::Truncate.into(),
        stdlib::TruncateWords.into(),
        stdlib::Upcase.into(),
        stdlib::UrlDecode.into(),
        stdlib::UrlEncode.into(),
        stdlib::Where.into(),
    ];
    let bounded = |is_math| move |inner| Bounded { inner, is_math }.into();
    math.into_iter()
        .map(bounded(true))
        .chain(others.into_iter().map(bounded(false)))
        .chain(DISABLED.map(|name| Disabled(name).into()))
        .collect()
}

/// A standard filter with bounds.
#[derive(Clone)]
struct Bounded {
    inner: Box<dyn ParseFilter>,
    is_math: bool,
}

impl ParseFilter for Bounded {
    fn parse(&self, arguments: FilterArguments<'_>) -> Result<Box<dyn Filter>> {
        let positional: Vec<Expression> = arguments.positional.collect();
        let inner = self.inner.parse(FilterArguments {
            positional: Box::new(positional.clone().into_iter()),
            keyword: arguments.keyword,
        })?;
        let name = self.inner.reflection().name().to_owned();
        Ok(Box::new(BoundedFilter { inner, name, is_math: self.is_math, positional }))
    }

    fn reflection(&self) -> &dyn FilterReflection {
        self.inner.reflection()
    }
}

#[derive(Debug)]
struct BoundedFilter {
    inner: Box<dyn Filter>,
    name: String,
    is_math: bool,
    positional: Vec<Expression>,
}

impl fmt::Display for BoundedFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl Filter for BoundedFilter {
    fn evaluate(&self, input: &dyn ValueView, runtime: &dyn Runtime) -> Result<LiquidValue> {
        let too_large =
            || Error::with_msg(format!("a value has more than {LIQUID_BYTES_MAX} bytes"));
        if matches!(self.name.as_str(), "replace" | "replace_first" | "join") {
            let mut longest = 1;
            for argument in &self.positional {
                longest = longest.max(argument.evaluate(runtime)?.to_kstr().len());
            }
            if longest.saturating_mul(input.to_kstr().len()) > PRODUCT_MAX {
                return Err(too_large());
            }
        }
        if self.name == "date" && is_clock(&input.to_kstr()) {
            return Err(Error::with_msg("\"now\" and \"today\" are no dates of the message"));
        }
        // Floats do not overflow, and divide as in the original.
        let float = input.as_scalar().filter(|_| self.is_math).and_then(|input| input.to_float());
        let output = match float {
            Some(float) => self.inner.evaluate(&LiquidValue::scalar(float), runtime)?,
            None => self.inner.evaluate(input, runtime)?,
        };
        let output = settle(output);
        if weight(&output) > LIQUID_BYTES_MAX { Err(too_large()) } else { Ok(output) }
    }
}

/// Whether a text stands for the time of a clock, which a template must not read.
fn is_clock(text: &str) -> bool {
    matches!(text.trim().to_lowercase().as_str(), "now" | "today")
}

/// Objects of the library are printed in a random order. So one that is not a part of the message
/// itself becomes the text by which all objects are printed.
pub(super) fn settle(value: LiquidValue) -> LiquidValue {
    match value {
        LiquidValue::Object(_) => LiquidValue::scalar("[object Object]"),
        LiquidValue::Array(items) => LiquidValue::Array(items.into_iter().map(settle).collect()),
        value => value,
    }
}

pub(super) fn settle_cow(value: ValueCow<'_>) -> ValueCow<'_> {
    match value {
        ValueCow::Owned(value) => ValueCow::Owned(settle(value)),
        // Values of the message, and what was assigned.
        ValueCow::Borrowed(value) => ValueCow::Borrowed(value),
    }
}

fn weight(value: &LiquidValue) -> usize {
    match value {
        LiquidValue::Array(items) => items.iter().map(weight).sum(),
        value => value.to_kstr().len() + 8,
    }
}

/// A filter that is an error wherever it stands.
#[derive(Clone, Copy)]
struct Disabled(&'static str);

impl FilterReflection for Disabled {
    fn name(&self) -> &str {
        self.0
    }

    fn description(&self) -> &str {
        "disabled"
    }

    fn positional_parameters(&self) -> &'static [ParameterReflection] {
        &[]
    }

    fn keyword_parameters(&self) -> &'static [ParameterReflection] {
        &[]
    }
}

impl ParseFilter for Disabled {
    fn parse(&self, _: FilterArguments<'_>) -> Result<Box<dyn Filter>> {
        Err(Error::with_msg(format!("filter \"{}\" is disabled", self.0)))
    }

    fn reflection(&self) -> &dyn FilterReflection {
        self
    }
}
