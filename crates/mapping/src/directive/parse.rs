//! Reads directives from JSON.
//!
//! A mistake is a problem of the mapping, but for what stands inside of plain arrays and literals:
//! there it is an error of each message, as in the original.

use super::liquid;
use super::problem::{FieldProblem, Problems};
use super::replace::Replace;
use super::{ArrayPath, Case, Expr, If, TextSource};
use crate::path::Path;
use crate::value::{Object, Value, utf16_len};

/// How deep the JSON of a mapping's fields may be nested.
pub const DEPTH_MAX: usize = 64;
/// The longest pattern of `@replace`, in UTF-16 units.
pub const PATTERN_CHARS_MAX: usize = 10;
/// The longest replacement of `@replace`, in UTF-16 units.
pub const REPLACEMENT_CHARS_MAX: usize = 10;

/// The key whose directive takes all other fields as its `mapping`.
const ROOT_DIRECTIVE: &str = "__segment_internal_directive";

/// Reads the fields of a mapping.
pub(crate) fn parse_fields(fields: &Value<'static>) -> Result<Expr, Vec<FieldProblem>> {
    let mut problems = Problems::default();
    let fields = match move_under_root_directive(fields) {
        Ok(fields) => fields,
        Err(what) => {
            problems.under(ROOT_DIRECTIVE, |problems| problems.add(what));
            return Err(problems.found);
        }
    };
    let expr = parse(&fields, &mut problems);
    if problems.found.is_empty() { Ok(expr) } else { Err(problems.found) }
}

fn move_under_root_directive(fields: &Value<'static>) -> Result<Value<'static>, &'static str> {
    let root = fields.as_object().and_then(|fields| Some((fields, fields.get(ROOT_DIRECTIVE)?)));
    let Some((fields, root)) = root else { return Ok(fields.clone()) };
    let others = fields.iter().filter(|(key, _)| *key != ROOT_DIRECTIVE);
    let others = others.map(|(key, value)| (key.to_owned().into(), value.clone())).collect();
    let single = root.as_object().filter(|root| root.len() == 1);
    let (name, argument) = single
        .and_then(|root| root.iter().next())
        .ok_or("The root mapping must only have a single directive object")?;
    let mut argument =
        argument.as_object().cloned().ok_or("The root directive must be an object")?;
    argument.set("mapping", Value::Object(others));
    let mut root = Object::new();
    root.set(name.to_owned(), Value::Object(argument));
    Ok(Value::Object(root))
}

/// The first key with an `@`.
fn directive_name<'v>(object: &'v Object<'static>) -> Option<&'v str> {
    object.iter().map(|(key, _)| key).find(|key| key.starts_with('@'))
}

/// Reads a value and checks it.
fn parse(value: &Value<'static>, problems: &mut Problems) -> Expr {
    if problems.depth() >= DEPTH_MAX {
        problems.add(format!("is nested deeper than {DEPTH_MAX} levels"));
        return Expr::Raw(Value::Null);
    }
    match value {
        Value::Array(_) => parse_unchecked(value, problems.depth()),
        Value::Object(object) => match directive_name(object) {
            Some(name) => parse_checked_directive(name, object, problems),
            None => Expr::Map(
                object
                    .iter()
                    .map(|(key, value)| {
                        (key.to_owned(), problems.under(key, |problems| parse(value, problems)))
                    })
                    .collect(),
            ),
        },
        scalar => Expr::Raw(scalar.clone()),
    }
}

fn parse_checked_directive(name: &str, object: &Object<'static>, problems: &mut Problems) -> Expr {
    let n_names = object.iter().filter(|(key, _)| key.starts_with('@')).count();
    let n_others = object.iter().filter(|(key, _)| !key.starts_with('@') && *key != "_metadata");
    if n_names > 1 || n_others.count() > 0 {
        let n = if n_names > 1 { n_names } else { object.len() };
        problems.add(format!("should only have one @-prefixed key but it has {n} keys"));
        return Expr::Raw(Value::Null);
    }
    let argument = object.get(name).unwrap_or(&Value::Undefined);
    let is_known = super::resolve::is_directive(name);
    if !is_known {
        problems.add(format!("has an invalid directive: {name}"));
        return Expr::Raw(Value::Null);
    }
    problems.under(name, |problems| parse_directive(name, argument, &mut Mode::Checked(problems)))
}

/// Reads a value inside of a plain array or a literal: mistakes are errors when it is resolved.
fn parse_unchecked(value: &Value<'static>, depth: usize) -> Expr {
    if depth >= DEPTH_MAX {
        return Expr::Fails(format!("nested deeper than {DEPTH_MAX} levels"));
    }
    match value {
        Value::Array(items) => {
            Expr::List(items.iter().map(|item| parse_unchecked(item, depth + 1)).collect())
        }
        Value::Object(object) => match directive_name(object) {
            Some(name) if super::resolve::is_directive(name) => {
                let argument = object.get(name).unwrap_or(&Value::Undefined);
                parse_directive(name, argument, &mut Mode::Unchecked(depth + 1))
            }
            Some(name) => Expr::Fails(format!("{name} is not a valid directive, got undefined")),
            None => Expr::Map(
                object
                    .iter()
                    .map(|(key, value)| (key.to_owned(), parse_unchecked(value, depth + 1)))
                    .collect(),
            ),
        },
        scalar => Expr::Raw(scalar.clone()),
    }
}

/// Whether mistakes are problems of the mapping.
enum Mode<'p> {
    Checked(&'p mut Problems),
    /// With the depth so far.
    Unchecked(usize),
}

/// The types that an argument may have. A directive is always allowed, but for the last ones.
#[derive(Clone, Copy, PartialEq)]
enum Wants {
    Anything,
    Text,
    Object,
    FixedText,
    FixedBool,
    Array,
}

impl Mode<'_> {
    fn value(&mut self, key: &str, value: &Value<'static>) -> Expr {
        match self {
            Self::Checked(problems) => problems.under(key, |problems| parse(value, problems)),
            Self::Unchecked(depth) => parse_unchecked(value, *depth + 1),
        }
    }

    fn raw(&mut self, value: &Value<'static>) -> Expr {
        let is_directive = value.as_object().is_some_and(|object| directive_name(object).is_some());
        match self {
            Self::Checked(problems) if is_directive => parse(value, problems),
            Self::Checked(problems) => parse_unchecked(value, problems.depth()),
            Self::Unchecked(depth) => parse_unchecked(value, *depth),
        }
    }

    fn problem(&mut self, what: impl Into<String>) {
        if let Self::Checked(problems) = self {
            problems.add(what);
        }
    }

    fn under(&mut self, key: &str, read: impl FnOnce(&mut Mode<'_>)) {
        match self {
            Self::Checked(problems) => {
                problems.under(key, |problems| read(&mut Mode::Checked(problems)));
            }
            Self::Unchecked(_) => {}
        }
    }

    /// Checks the type of an argument.
    fn expect(&mut self, value: &Value<'static>, wants: Wants) {
        let Self::Checked(problems) = self else { return };
        let is_directive = value.as_object().is_some_and(|object| directive_name(object).is_some());
        let found = if is_directive { "directive" } else { value.type_name() };
        let (is_right, expected) = match wants {
            Wants::Anything => (true, ""),
            Wants::Text => (is_directive || found == "string", "a string or a mapping directive"),
            Wants::Object => {
                (is_directive || found == "object", "an object or a mapping directive")
            }
            Wants::FixedText => (found == "string", "a string"),
            Wants::FixedBool => (found == "boolean", "a boolean"),
            Wants::Array => (found == "array", "an array"),
        };
        if !is_right {
            problems.add_type(expected, found);
        }
    }

    /// The options of a directive: an object without directives of its own.
    fn options<'v>(
        &mut self,
        value: &'v Value<'static>,
        wanted: &[(&str, Wants, bool)],
    ) -> Option<&'v Object<'static>> {
        let object = value.as_object();
        let name = object.and_then(directive_name);
        let (Some(object), None) = (object, name) else {
            if let Self::Checked(problems) = self {
                let found = if name.is_some() { "directive" } else { value.type_name() };
                problems.add_type("an object", found);
            }
            return object;
        };
        for (key, wants, is_required) in wanted {
            match object.get(key) {
                Some(value) => self.under(key, |mode| mode.expect(value, *wants)),
                None if *is_required => {
                    self.problem(format!("should have field {key:?} but it doesn't"));
                }
                None => {}
            }
        }
        Some(object)
    }
}

fn parse_directive(name: &str, argument: &Value<'static>, mode: &mut Mode<'_>) -> Expr {
    match name {
        "@path" => {
            mode.expect(argument, Wants::Text);
            Expr::Path(text_source(argument, mode, Path::new))
        }
        "@template" => {
            mode.expect(argument, Wants::Text);
            Expr::Template(text_source(argument, mode, str::to_owned))
        }
        "@literal" => Expr::Literal(Box::new(mode.raw(argument))),
        "@excludeWhenNull" => Expr::ExcludeWhenNull(Box::new(mode.raw(argument))),
        "@if" => parse_if(argument, mode),
        "@case" => parse_case(argument, mode),
        "@replace" => parse_replace(argument, mode),
        "@arrayPath" => parse_array_path(argument, mode),
        "@flatten" => parse_flatten(argument, mode),
        "@json" => parse_json(argument, mode),
        "@merge" => parse_merge(argument, mode),
        "@transform" => parse_transform(argument, mode),
        _ => parse_liquid(argument, mode),
    }
}

fn text_source<T>(
    argument: &Value<'static>,
    mode: &mut Mode<'_>,
    read: impl FnOnce(&str) -> T,
) -> TextSource<T> {
    match argument {
        Value::String(text) => TextSource::Fixed(read(text)),
        // A plain array or object was reported already, and fails when it is resolved.
        other => TextSource::Resolved(Box::new(mode.raw(other))),
    }
}

fn parse_if(argument: &Value<'static>, mode: &mut Mode<'_>) -> Expr {
    let Some(options) = mode.options(argument, &[]) else {
        return Expr::Fails("@if requires an object with an \"exists\" key".to_owned());
    };
    let mut read = |key: &str| Some((options.get(key)?, mode.value(key, options.get(key)?)));
    let (exists, blank) = (read("exists"), read("blank"));
    let (then, otherwise) = (read("then"), read("else"));
    let is_there = |operand: &Option<(&Value<'static>, Expr)>| {
        operand.as_ref().is_some_and(|(value, _)| value.is_truthy())
    };
    if !is_there(&exists) && !is_there(&blank) {
        let what = "@if requires an \"exists\" key or a \"blank\" key";
        mode.problem_if_absent(options, what);
        return Expr::Fails(what.to_owned());
    }
    let is_blank = exists.is_none();
    let Some((_, operand)) = exists.or(blank) else { return Expr::Raw(Value::Undefined) };
    let otherwise = otherwise.filter(|(value, _)| value.is_truthy());
    Expr::If(Box::new(If {
        is_blank,
        operand,
        then: then.map(|(_, expr)| expr),
        otherwise: otherwise.map(|(_, expr)| expr),
    }))
}

impl Mode<'_> {
    /// The original finds a missing operand only when a message comes; there it is too late.
    fn problem_if_absent(&mut self, options: &Object<'static>, what: &str) {
        if options.get("exists").is_none() && options.get("blank").is_none() {
            self.problem(what);
        }
    }
}

fn parse_case(argument: &Value<'static>, mode: &mut Mode<'_>) -> Expr {
    let wanted = [("operator", Wants::FixedText, false), ("value", Wants::Text, false)];
    let Some(options) = mode.options(argument, &wanted) else {
        return Expr::Fails("@case requires an object with a \"operator\" key".to_owned());
    };
    let operator = options.get("operator").filter(|operator| operator.is_truthy());
    let Some(operator) = operator else {
        return Expr::Fails("@case requires a \"operator\" key".to_owned());
    };
    let to_upper = match operator.as_text().as_deref() {
        Some("lower") => Some(false),
        Some("upper") => Some(true),
        _ => None,
    };
    match options.get("value").filter(|value| value.is_truthy()) {
        Some(value) => Expr::Case(Box::new(Case { to_upper, value: mode.value("value", value) })),
        None => Expr::Raw(Value::Undefined),
    }
}

fn parse_replace(argument: &Value<'static>, mode: &mut Mode<'_>) -> Expr {
    let wanted = [
        ("pattern", Wants::FixedText, true),
        ("replacement", Wants::FixedText, false),
        ("pattern2", Wants::FixedText, false),
        ("replacement2", Wants::FixedText, false),
        ("value", Wants::Text, true),
        ("ignorecase", Wants::FixedBool, false),
        ("global", Wants::FixedBool, false),
    ];
    let Some(options) = mode.options(argument, &wanted) else {
        return Expr::Fails("@replace requires an object with a \"pattern\" key".to_owned());
    };
    for (key, min, max) in [
        ("pattern", 1, PATTERN_CHARS_MAX),
        ("replacement", 0, REPLACEMENT_CHARS_MAX),
        ("pattern2", 0, PATTERN_CHARS_MAX),
        ("replacement2", 0, REPLACEMENT_CHARS_MAX),
    ] {
        let Some(len) = options.get(key).and_then(Value::as_text).map(|text| utf16_len(&text))
        else {
            continue;
        };
        if len < min {
            mode.under(key, |mode| {
                mode.problem(format!("should be a string of length {min} or greater"))
            });
        } else if len > max {
            mode.under(key, |mode| {
                mode.problem(format!("should be a string of length {max} or less"))
            });
        }
    }
    let value = options.get("value").filter(|value| value.is_truthy());
    let value = value.map(|value| mode.value("value", value));
    Replace::expr(options, value)
}

fn parse_array_path(argument: &Value<'static>, mode: &mut Mode<'_>) -> Expr {
    mode.expect(argument, Wants::Array);
    let Value::Array(items) = argument else {
        return Expr::Fails(format!("@arrayPath expected array, got {}", argument.type_name()));
    };
    let first = items.first().unwrap_or(&Value::Undefined);
    mode.under("0", |mode| mode.expect(first, Wants::Text));
    let array = match first {
        Value::String(path) => TextSource::Fixed(Path::new(path)),
        other => TextSource::Resolved(Box::new(mode.value("0", other))),
    };
    let shape = items.get(1).map(|shape| (shape, mode.value("1", shape)));
    let is_used = |shape: &Value<'static>| shape.as_object().is_some_and(|shape| !shape.is_empty());
    let shape = shape.filter(|(shape, _)| is_used(shape)).map(|(_, expr)| expr);
    Expr::ArrayPath(Box::new(ArrayPath { array, shape }))
}

fn parse_flatten(argument: &Value<'static>, mode: &mut Mode<'_>) -> Expr {
    let wanted = [
        ("value", Wants::Anything, true),
        ("separator", Wants::FixedText, true),
        ("omitArrays", Wants::FixedBool, false),
    ];
    let options = mode.options(argument, &wanted);
    let separator = options.and_then(|options| options.get("separator"));
    let (Some(options), Some(separator)) = (options, separator.filter(|value| value.is_truthy()))
    else {
        return Expr::Fails("@flatten requires a \"separator\" key".to_owned());
    };
    let value = options.get("value").map(|value| mode.value("value", value));
    Expr::Flatten {
        value: Box::new(value.unwrap_or(Expr::Raw(Value::Undefined))),
        separator: Box::new(mode.value("separator", separator)),
        omits_arrays: options.get("omitArrays").is_some_and(Value::is_truthy),
    }
}

fn parse_json(argument: &Value<'static>, mode: &mut Mode<'_>) -> Expr {
    let wanted = [("value", Wants::Anything, true), ("mode", Wants::FixedText, true)];
    let options = mode.options(argument, &wanted);
    let option = |key: &str| options.and_then(|options| options.get(key));
    let word = option("mode").and_then(Value::as_text);
    let encodes = match word.as_deref() {
        Some("encode") => true,
        Some("decode") => false,
        Some(_) => {
            mode.under("mode", |mode| mode.problem("should be \"encode\" or \"decode\""));
            return Expr::Raw(Value::Undefined);
        }
        None => return Expr::Fails("@json requires a \"mode\" key".to_owned()),
    };
    match option("value").filter(|value| value.is_truthy()) {
        Some(value) => Expr::Json { value: Box::new(mode.value("value", value)), encodes },
        None => Expr::Fails("@json requires a \"value\" key".to_owned()),
    }
}

fn parse_merge(argument: &Value<'static>, mode: &mut Mode<'_>) -> Expr {
    let wanted = [("objects", Wants::Array, true), ("direction", Wants::FixedText, false)];
    let options = mode.options(argument, &wanted);
    let option = |key: &str| options.and_then(|options| options.get(key));
    let Some(direction) = option("direction").filter(|value| value.is_truthy()) else {
        return Expr::Fails("@merge requires a \"direction\" key".to_owned());
    };
    if !direction.as_text().is_some_and(|word| matches!(word.as_ref(), "left" | "right")) {
        mode.under("direction", |mode| mode.problem("should be \"left\" or \"right\""));
    }
    let direction = Box::new(mode.value("direction", direction));
    let Some(Value::Array(objects)) = option("objects") else {
        return Expr::Fails("@merge requires a \"objects\" key".to_owned());
    };
    let objects = objects.iter().map(|object| {
        mode.under("objects", |mode| mode.expect(object, Wants::Object));
        mode.value("objects", object)
    });
    let objects = objects.collect();
    Expr::Merge { objects, direction }
}

fn parse_transform(argument: &Value<'static>, mode: &mut Mode<'_>) -> Expr {
    let wanted = [("apply", Wants::Object, true), ("mapping", Wants::Object, true)];
    let options = mode.options(argument, &wanted);
    let option = |key: &str| options.and_then(|options| options.get(key));
    let Some(mapping) = option("mapping").filter(|value| value.is_truthy()) else {
        return Expr::Fails("@transform requires a \"mapping\" key".to_owned());
    };
    let Some(apply) = option("apply").filter(|value| value.is_truthy()) else {
        return Expr::Fails("@transform requires a \"apply\" key".to_owned());
    };
    if apply.as_object().is_none() {
        return Expr::Fails("@transform \"apply\" key should be an object".to_owned());
    }
    Expr::Transform {
        apply: Box::new(mode.value("apply", apply)),
        mapping: Box::new(mode.value("mapping", mapping)),
    }
}

fn parse_liquid(argument: &Value<'static>, mode: &mut Mode<'_>) -> Expr {
    mode.expect(argument, Wants::FixedText);
    let Some(text) = argument.as_text() else {
        return Expr::Fails("liquid template value must be a string".to_owned());
    };
    match liquid::Template::new(&text) {
        Ok(template) => Expr::Liquid(template),
        Err(what) => {
            mode.problem(what.clone());
            Expr::Fails(what)
        }
    }
}
