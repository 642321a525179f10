//! Reads variables, and records what was read.

use serde::Serialize;
use serde_json::Value;

use super::{Renderer, Source};
use crate::error::RenderError;
use crate::limits::RECORDED_BYTES_MAX;
use crate::output::Known;
use crate::parser::ROOTS;
use crate::syntax::{Expression, Key, Kind};
use crate::values::{Found, Step, step};

enum OwnedStep<'r> {
    Name(std::borrow::Cow<'r, str>),
    Position(i64),
}

impl OwnedStep<'_> {
    fn borrow(&self) -> Step<'_> {
        match self {
            Self::Name(name) => Step::Name(name),
            Self::Position(position) => Step::Position(*position),
        }
    }
}

impl<'r> Renderer<'r> {
    /// The value of an expression; nil where there is none.
    pub(super) fn read(&mut self, expression: &'r Expression) -> Result<Known, RenderError> {
        let offset = expression.span.start;
        self.spend(offset, 0)?;
        let (root, keys) = match &expression.kind {
            Kind::Literal(value) => return Ok(Known::new(value.clone(), false)),
            Kind::Empty | Kind::Blank => return Ok(Known::new("".into(), false)),
            Kind::Variable { root, keys } => (root.as_str(), keys),
        };
        let mut steps = Vec::with_capacity(keys.len());
        for key in keys {
            steps.push(match key {
                Key::Name(name) => OwnedStep::Name(name.as_str().into()),
                Key::Computed(key) => match self.read(key)?.value {
                    Value::String(name) => OwnedStep::Name(name.into()),
                    Value::Number(number) => match number.as_i64() {
                        Some(position) => OwnedStep::Position(position),
                        None => return Ok(Known::new(Value::Null, false)),
                    },
                    _ => return Ok(Known::new(Value::Null, false)),
                },
            });
        }
        let known = if ROOTS.contains(&root) {
            let from_people = matches!(root, "profile" | "event");
            Known::new(self.read_root(root, &steps, offset)?, from_people)
        } else {
            let Some(variable) = self.variables.get(root) else {
                return Ok(Known::new(Value::Null, false));
            };
            let value = follow(&variable.value, &steps);
            let mut known = Known::new(value, variable.from_people);
            if steps.is_empty() {
                known.makes = variable.makes;
            }
            known
        };
        self.check_value(&known.value, offset)?;
        Ok(known)
    }

    fn read_root(
        &mut self,
        root: &str,
        steps: &[OwnedStep<'_>],
        offset: usize,
    ) -> Result<Value, RenderError> {
        let pointer = pointer_of(root, steps);
        let value = match &self.source {
            Source::Recorded { recorded, .. } => {
                return Ok(recorded.values.get(&pointer).cloned().unwrap_or_default());
            }
            Source::Live { values, .. } => {
                values.root(root).map_or(Value::Null, |value| follow(value, steps))
            }
        };
        if !value.is_null() && !self.recorded.values.contains_key(&pointer) {
            self.check_value(&value, offset)?;
            self.count_recorded(&(&pointer, &value), offset)?;
            self.recorded.values.insert(pointer, value.clone());
        }
        Ok(value)
    }

    /// Counts the bytes of what is recorded.
    pub(super) fn count_recorded(
        &mut self,
        recorded: &impl Serialize,
        offset: usize,
    ) -> Result<(), RenderError> {
        struct Counter(usize);
        impl std::io::Write for Counter {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0 += bytes.len();
                Ok(bytes.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let mut counter = Counter(0);
        let what = format!("the message reads more than {RECORDED_BYTES_MAX} bytes; read less");
        let written = serde_json::to_writer(&mut counter, recorded);
        self.recorded_bytes += counter.0;
        if written.is_err() || self.recorded_bytes > RECORDED_BYTES_MAX {
            return Err(self.limit(offset, what));
        }
        Ok(())
    }
}

fn follow(value: &Value, steps: &[OwnedStep<'_>]) -> Value {
    let mut value = value;
    for (index, key) in steps.iter().enumerate() {
        match step(value, &key.borrow()) {
            Some(Found::Part(part)) => value = part,
            Some(Found::Size(size)) if index + 1 == steps.len() => return size.into(),
            _ => return Value::Null,
        }
    }
    value.clone()
}

fn pointer_of(root: &str, steps: &[OwnedStep<'_>]) -> String {
    let mut pointer = format!("/{root}");
    for step in steps {
        pointer.push('/');
        match step {
            OwnedStep::Name(name) => pointer.push_str(&name.replace('~', "~0").replace('/', "~1")),
            OwnedStep::Position(position) => pointer.push_str(&position.to_string()),
        }
    }
    pointer
}
