//! Resolves directives for a message.

use super::shapes::{clean_nulls, flatten, merge};
use super::{ArrayPath, Case, Expr, If, TextSource, template};
use crate::path::Path;
use crate::payload::Scope;
use crate::value::{Object, Value};

/// The most directives that one mapping may resolve for one message; a shape counts once for each
/// element.
pub const RESOLVE_STEPS_MAX: usize = 100_000;
/// The most bytes of values that one mapping may produce for one message, on the way too.
pub const RESOLVE_BYTES_MAX: usize = 1 << 20;

/// The names of all directives.
const DIRECTIVES: [&str; 13] = [
    "@path",
    "@template",
    "@if",
    "@case",
    "@replace",
    "@arrayPath",
    "@literal",
    "@flatten",
    "@json",
    "@merge",
    "@transform",
    "@excludeWhenNull",
    "@liquid",
];

pub(super) fn is_directive(name: &str) -> bool {
    DIRECTIVES.contains(&name)
}

/// A directive that failed for a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct ResolveError {
    /// The place in the fields, as a JSON pointer.
    pub place: String,
    /// What is wrong.
    pub what: String,
}

impl ResolveError {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self { place: String::new(), what: what.into() }
    }

    fn under(mut self, key: &str) -> Self {
        self.place = format!("/{}{}", key.replace('~', "~0").replace('/', "~1"), self.place);
        self
    }
}

/// What is left of the bounds of one mapping and message.
#[derive(Debug)]
pub(crate) struct Budget {
    steps: usize,
    bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { steps: RESOLVE_STEPS_MAX, bytes: RESOLVE_BYTES_MAX }
    }
}

impl Budget {
    fn step(&mut self) -> Result<(), ResolveError> {
        let what = || format!("the mapping takes more than {RESOLVE_STEPS_MAX} steps");
        self.steps = self.steps.checked_sub(1).ok_or_else(|| ResolveError::new(what()))?;
        Ok(())
    }

    pub(super) fn bytes(&mut self, bytes: usize) -> Result<(), ResolveError> {
        let what = || format!("the mapping makes more than {RESOLVE_BYTES_MAX} bytes");
        self.bytes = self.bytes.checked_sub(bytes).ok_or_else(|| ResolveError::new(what()))?;
        Ok(())
    }

    fn charged<'a>(&mut self, value: Value<'a>) -> Result<Value<'a>, ResolveError> {
        self.bytes(value.weight())?;
        Ok(value)
    }
}

type Resolved<'a> = Result<Value<'a>, ResolveError>;

impl Expr {
    /// The value for a message; `undefined` where there is none.
    pub(crate) fn resolve<'a>(&self, scope: Scope<'a, '_>, budget: &mut Budget) -> Resolved<'a> {
        budget.step()?;
        match self {
            Self::Raw(value) => Ok(value.clone()),
            Self::List(items) => {
                let items = items.iter().enumerate().map(|(n, item)| {
                    item.resolve(scope, budget).map_err(|error| error.under(&n.to_string()))
                });
                Ok(Value::Array(items.collect::<Result<_, _>>()?))
            }
            Self::Map(members) => Ok(Value::Object(resolve_members(members, scope, budget)?)),
            Self::Path(TextSource::Fixed(path)) => budget.charged(scope.get(path)),
            Self::Path(TextSource::Resolved(expr)) => {
                let path = text("@path", &expr.resolve(scope, budget)?)?;
                budget.charged(scope.get(&Path::new(&path)))
            }
            Self::Template(TextSource::Fixed(text)) => template::render(text, scope, budget),
            Self::Template(TextSource::Resolved(expr)) => {
                let text = text("@template", &expr.resolve(scope, budget)?)?;
                template::render(&text, scope, budget)
            }
            Self::If(choice) => choice.resolve(scope, budget),
            Self::Case(case) => case.resolve(scope, budget),
            Self::Replace(replace) => replace.resolve(scope, budget),
            Self::ArrayPath(array) => array.resolve(scope, budget),
            Self::Literal(value) => value.resolve(scope, budget),
            Self::Flatten { value, separator, omits_arrays } => {
                let separator = separator.resolve(scope, budget)?;
                let Value::String(separator) = separator else {
                    return Err(ResolveError::new("@flatten requires a string separator"));
                };
                let value = value.resolve(scope, budget)?;
                flatten(value, &separator, *omits_arrays, budget)
            }
            Self::Json { value, encodes } => {
                let value = value.resolve(scope, budget)?;
                resolve_json(value, *encodes, budget)
            }
            Self::Merge { objects, direction } => {
                let direction = direction.resolve(scope, budget)?;
                let mut resolved = objects
                    .iter()
                    .map(|object| object.resolve(scope, budget))
                    .collect::<Result<Vec<_>, _>>()?;
                if direction.as_text().as_deref() == Some("left") {
                    resolved.reverse();
                }
                Ok(merge(resolved))
            }
            Self::Transform { apply, mapping } => {
                let whole = scope_type(scope);
                if whole != "object" {
                    return Err(ResolveError::new(format!("data must be an object, got {whole}")));
                }
                let output = apply.resolve(scope, budget)?.without_undefined();
                mapping.resolve(Scope::Value(&output, scope.rules()), budget)
            }
            Self::ExcludeWhenNull(value) => match value.resolve(scope, budget)? {
                Value::Null => Ok(Value::Undefined),
                value => Ok(clean_nulls(value)),
            },
            Self::Liquid(template) => template.render(scope, budget),
            Self::Fails(what) => Err(ResolveError::new(what.as_str())),
        }
    }
}

fn scope_type(scope: Scope<'_, '_>) -> &'static str {
    match scope {
        Scope::Payload(_) => "object",
        Scope::Value(value, _) => value.type_name(),
    }
}

/// Resolves the members of an object.
fn resolve_members<'a>(
    members: &[(String, Expr)],
    scope: Scope<'a, '_>,
    budget: &mut Budget,
) -> Result<Object<'a>, ResolveError> {
    members
        .iter()
        .map(|(key, expr)| match expr.resolve(scope, budget) {
            Ok(value) => Ok((key.clone().into(), value)),
            Err(error) => Err(error.under(key)),
        })
        .collect()
}

/// The text that a directive demands.
fn text(directive: &str, value: &Value<'_>) -> Result<String, ResolveError> {
    match value.as_text() {
        Some(text) => Ok(text.into_owned()),
        None => {
            let found = value.type_name();
            Err(ResolveError::new(format!("{directive}: expected string, got {found}")))
        }
    }
}

impl If {
    fn resolve<'a>(&self, scope: Scope<'a, '_>, budget: &mut Budget) -> Resolved<'a> {
        let operand = self.operand.resolve(scope, budget)?;
        let holds = !(operand.is_nullish() || self.is_blank && operand.loosely_equals_empty_text());
        let chosen = if holds { &self.then } else { &self.otherwise };
        chosen.as_ref().map_or(Ok(Value::Undefined), |chosen| chosen.resolve(scope, budget))
    }
}

impl Case {
    fn resolve<'a>(&self, scope: Scope<'a, '_>, budget: &mut Budget) -> Resolved<'a> {
        let value = self.value.resolve(scope, budget)?;
        let Some(text) = value.as_text() else { return Ok(value) };
        let changed = match self.to_upper {
            Some(true) => text.to_uppercase(),
            Some(false) => text.to_lowercase(),
            None => {
                let what = "operator key should have a value of \"lower\" or \"upper\"";
                return Err(ResolveError::new(what));
            }
        };
        budget.charged(Value::text(changed))
    }
}

impl ArrayPath {
    fn resolve<'a>(&self, scope: Scope<'a, '_>, budget: &mut Budget) -> Resolved<'a> {
        let array = match &self.array {
            TextSource::Fixed(path) => budget.charged(scope.get(path))?,
            TextSource::Resolved(expr) => expr.resolve(scope, budget)?,
        };
        let Some(shape) = &self.shape else { return Ok(array) };
        let mut element =
            |element: &Value<'a>| shape.resolve(Scope::Value(element, scope.rules()), budget);
        match &array {
            Value::Array(items) => {
                let items = items
                    .iter()
                    .enumerate()
                    .map(|(n, item)| element(item).map_err(|error| error.under(&n.to_string())));
                Ok(Value::Array(items.collect::<Result<_, _>>()?))
            }
            Value::Object(_) => Ok(Value::Array(vec![element(&array)?])),
            _ => Ok(array),
        }
    }
}

fn resolve_json<'a>(value: Value<'a>, encodes: bool, budget: &mut Budget) -> Resolved<'a> {
    if encodes {
        return match value {
            Value::Undefined => Ok(Value::Undefined),
            value => budget.charged(Value::text(value.to_json())),
        };
    }
    let Some(text) = value.as_text() else { return Ok(value) };
    match Value::from_json(&text).map(Value::into_owned) {
        Ok(decoded) => budget.charged(decoded),
        Err(_) => Ok(value),
    }
}
