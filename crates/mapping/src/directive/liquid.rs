//! `@liquid`: a template in the Liquid language.
//!
//! The fold has no clock, so a template is bounded by bytes instead of time: there are no loops,
//! the template is short, and every value on the way has a bound. For the same reason `date` knows
//! no `now`. Missing variables are empty, as in the original.

mod filters;
mod view;

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

use liquid_core::error::Error;
use liquid_core::model::{KString, KStringCow, KStringRef, ScalarCow, Value as LiquidValue};
use liquid_core::parser::parse;
use liquid_core::runtime::{PartialStore, Registers, RuntimeBuilder};
use liquid_core::{
    Language, ParseTag, Renderable, Result, Runtime, TagReflection, TagTokenIter,
    Template as Compiled, ValueCow,
};
use liquid_lib::stdlib;

use super::resolve::{Budget, ResolveError};
use crate::payload::Scope;
use crate::value::{Object, Value, utf16_len};

/// The longest template, in UTF-16 units.
pub const LIQUID_CHARS_MAX: usize = 1_000;
/// The most bytes of the output, and of every value on the way.
pub const LIQUID_BYTES_MAX: usize = 64 << 10;

const DISABLED_TAGS: [&str; 6] = ["case", "for", "include", "layout", "render", "tablerow"];

/// A template, parsed.
#[derive(Clone)]
pub(crate) struct Template {
    text: String,
    compiled: Arc<Compiled>,
}

impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Template").field(&self.text).finish()
    }
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn new(text: &str) -> std::result::Result<Self, String> {
        if utf16_len(text) > LIQUID_CHARS_MAX {
            return Err(format!(
                "liquid template values are limited to {LIQUID_CHARS_MAX} characters"
            ));
        }
        static LANGUAGE: LazyLock<Language> = LazyLock::new(language);
        // The parser believes some errors impossible; a template must not disprove it in the fold.
        let parsed = catch_unwind(|| parse(text, &LANGUAGE));
        let parsed = parsed.map_err(|_| "the template cannot be parsed".to_owned())?;
        let compiled = parsed.map_err(|error| first_line(&error))?;
        Ok(Self { text: text.to_owned(), compiled: Arc::new(Compiled::new(compiled)) })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn render<'a>(
        &self,
        scope: Scope<'a, '_>,
        budget: &mut Budget,
    ) -> std::result::Result<Value<'a>, ResolveError> {
        let whole = scope.whole();
        budget.bytes(whole.weight())?;
        let globals = match whole {
            Value::Object(object) => object,
            _ => Object::new(),
        };
        let mut out = BoundedWriter(Vec::new());
        let rendered = catch_unwind(AssertUnwindSafe(|| {
            let runtime = Lenient(RuntimeBuilder::new().set_globals(&globals).build());
            self.compiled.render_to(&mut out, &runtime)
        }));
        let rendered =
            rendered.map_err(|_| ResolveError::new("the template cannot be rendered"))?;
        rendered.map_err(|error| ResolveError::new(first_line(&error)))?;
        budget.bytes(out.0.len())?;
        Ok(Value::text(String::from_utf8_lossy(&out.0).into_owned()))
    }
}

/// The message of an error, without its trace.
fn first_line(error: &Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("liquid: ").unwrap_or(line).trim().to_owned()
}

fn language() -> Language {
    let mut language = Language::empty();
    let tags: Vec<Box<dyn ParseTag>> = vec![
        stdlib::AssignTag.into(),
        stdlib::BreakTag.into(),
        stdlib::ContinueTag.into(),
        stdlib::CycleTag.into(),
        stdlib::IncrementTag.into(),
        stdlib::DecrementTag.into(),
    ];
    let disabled = DISABLED_TAGS.map(|name| DisabledTag(name).into());
    for tag in tags.into_iter().chain(disabled) {
        language.tags.register(tag.reflection().tag().to_owned(), tag);
    }
    let blocks: Vec<Box<dyn liquid_core::ParseBlock>> = vec![
        stdlib::RawBlock.into(),
        stdlib::IfBlock.into(),
        stdlib::UnlessBlock.into(),
        stdlib::IfChangedBlock.into(),
        stdlib::CommentBlock.into(),
        stdlib::CaptureBlock.into(),
    ];
    for block in blocks {
        language.blocks.register(block.reflection().start_tag().to_owned(), block);
    }
    for filter in filters::all() {
        language.filters.register(filter.reflection().name().to_owned(), filter);
    }
    language
}

/// A tag that is an error wherever it stands.
#[derive(Clone, Copy)]
struct DisabledTag(&'static str);

impl TagReflection for DisabledTag {
    fn tag(&self) -> &str {
        self.0
    }

    fn description(&self) -> &str {
        "disabled"
    }
}

impl ParseTag for DisabledTag {
    fn parse(&self, _: TagTokenIter<'_>, _: &Language) -> Result<Box<dyn Renderable>> {
        Err(Error::with_msg(format!("tag \"{}\" is disabled", self.0)))
    }

    fn reflection(&self) -> &dyn TagReflection {
        self
    }
}

/// Refuses to grow beyond the bound.
struct BoundedWriter(Vec<u8>);

impl Write for BoundedWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > LIQUID_BYTES_MAX {
            let what = format!("the output has more than {LIQUID_BYTES_MAX} bytes");
            return Err(std::io::Error::other(what));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Variables that do not exist are nil.
struct Lenient<R>(R);

impl<R: Runtime> Runtime for Lenient<R> {
    fn partials(&self) -> &dyn PartialStore {
        self.0.partials()
    }

    fn name(&self) -> Option<KStringRef<'_>> {
        self.0.name()
    }

    fn roots(&self) -> std::collections::BTreeSet<KStringCow<'_>> {
        self.0.roots()
    }

    fn try_get(&self, path: &[ScalarCow<'_>]) -> Option<ValueCow<'_>> {
        self.0.try_get(path).map(filters::settle_cow)
    }

    fn get(&self, path: &[ScalarCow<'_>]) -> Result<ValueCow<'_>> {
        Ok(self.try_get(path).unwrap_or(ValueCow::Owned(LiquidValue::Nil)))
    }

    fn set_global(&self, name: KString, value: LiquidValue) -> Option<LiquidValue> {
        self.0.set_global(name, value)
    }

    fn set_index(&self, name: KString, value: LiquidValue) -> Option<LiquidValue> {
        self.0.set_index(name, value)
    }

    fn get_index<'a>(&'a self, name: &str) -> Option<ValueCow<'a>> {
        self.0.get_index(name)
    }

    fn registers(&self) -> &Registers {
        self.0.registers()
    }
}
