//! `for` and `tablerow`.

use serde_json::{Value, json};

use super::{Interrupt, Renderer};
use crate::error::RenderError;
use crate::limits::TURNS_MAX;
use crate::output::Known;
use crate::syntax::{Expression, Loop, LoopSource};
use crate::values::kind_of;

/// What a loop goes over. A range is not made before it is met.
enum Elements {
    List(Vec<Value>, bool),
    Range(i64, usize),
}

impl<'r> Renderer<'r> {
    pub(super) fn repeat(&mut self, made: &'r Loop) -> Result<(), RenderError> {
        let offset = made.offset;
        let limit = self.whole(made.limit.as_ref(), "limit")?;
        let skip = self.whole(made.skip.as_ref(), "offset")?.unwrap_or(0);
        let columns = match &made.table {
            Some(columns) => self.whole(columns.as_ref(), "cols")?,
            None => None,
        };
        let elements = self.elements(&made.source, offset)?;
        let size = match &elements {
            Elements::List(items, _) => items.len(),
            Elements::Range(_, size) => *size,
        };
        let length = size.saturating_sub(skip).min(limit.unwrap_or(usize::MAX));
        if length == 0 {
            return self.nodes(&made.otherwise);
        }
        if self.turns.saturating_add(length) > TURNS_MAX && length > TURNS_MAX {
            return Err(self.too_many(offset));
        }
        let loop_name = if made.table.is_some() { "tablerowloop" } else { "forloop" };
        let outer_variable = self.variables.remove(made.variable.as_str());
        let outer_loop = self.variables.remove(loop_name);
        let parent = outer_loop.as_ref().map_or(Value::Null, |known| known.value.clone());
        let columns = columns.unwrap_or(length).clamp(1, length);
        for turn in 0..length {
            self.turns += 1;
            if self.turns > TURNS_MAX {
                return Err(self.too_many(offset));
            }
            let index = skip + if made.reversed { length - 1 - turn } else { turn };
            let known = match &elements {
                Elements::List(items, from_people) => {
                    Known::new(items[index].clone(), *from_people)
                }
                Elements::Range(first, _) => Known::new((first + index as i64).into(), false),
            };
            self.check_value(&known.value, offset)?;
            self.check_value(&parent, offset)?;
            let state = state_of(turn, length, columns, made.table.is_some(), &parent);
            self.variables.insert(&made.variable, known);
            self.variables.insert(loop_name, Known::new(state, false));
            if made.table.is_some() {
                self.open_cell(turn, columns);
            }
            self.nodes(&made.body)?;
            let interrupt = self.interrupt.take();
            let is_last = turn + 1 == length || interrupt == Some(Interrupt::Break);
            if made.table.is_some() {
                self.output.write("</td>");
                if is_last || (turn + 1) % columns == 0 {
                    self.output.write("</tr>\n");
                }
                self.check_output(offset)?;
            }
            if is_last {
                break;
            }
        }
        self.variables.remove(made.variable.as_str());
        self.variables.remove(loop_name);
        if let Some(known) = outer_variable {
            self.variables.insert(&made.variable, known);
        }
        if let Some(known) = outer_loop {
            self.variables.insert(loop_name, known);
        }
        Ok(())
    }

    fn open_cell(&mut self, turn: usize, columns: usize) {
        let (row, column) = (turn / columns + 1, turn % columns + 1);
        if column == 1 {
            self.output.write(&format!("<tr class=\"row{row}\">"));
        }
        self.output.write(&format!("<td class=\"col{column}\">"));
    }

    fn too_many(&self, offset: usize) -> RenderError {
        let what = format!("the loops take more than {TURNS_MAX} turns; give them a limit");
        self.limit(offset, what)
    }

    fn elements(&mut self, source: &'r LoopSource, offset: usize) -> Result<Elements, RenderError> {
        let list = match source {
            LoopSource::List(list) => self.read(list)?,
            LoopSource::Range(first, last) => {
                let (first, last) = (self.bound(first)?, self.bound(last)?);
                let size = last.checked_sub(first).map_or(usize::MAX, |between| {
                    usize::try_from(between).map_or(0, |between| between.saturating_add(1))
                });
                return Ok(Elements::Range(first, size));
            }
        };
        let from_people = list.from_people;
        let items = match list.value {
            Value::Null => Vec::new(),
            Value::Array(items) => items,
            Value::Object(members) => {
                members.into_iter().map(|(name, value)| json!([name, value])).collect()
            }
            Value::String(text) if text.is_empty() => Vec::new(),
            text @ Value::String(_) => vec![text],
            other => {
                let what = format!("a loop goes over a list, not over {}", kind_of(&other));
                return Err(self.wrong(offset, what));
            }
        };
        Ok(Elements::List(items, from_people))
    }

    fn bound(&mut self, expression: &'r Expression) -> Result<i64, RenderError> {
        let value = self.read(expression)?.value;
        if value.is_null() {
            return Err(self.missing(expression));
        }
        let parsed = value.as_i64().or_else(|| value.as_str()?.trim().parse().ok());
        parsed.ok_or_else(|| {
            let what = format!("a range has whole numbers at its ends, not {}", kind_of(&value));
            self.wrong(expression.span.start, what)
        })
    }

    fn whole(
        &mut self,
        expression: Option<&'r Expression>,
        name: &str,
    ) -> Result<Option<usize>, RenderError> {
        let Some(expression) = expression else { return Ok(None) };
        let value = self.read(expression)?.value;
        if value.is_null() {
            return Ok(None);
        }
        let whole = value.as_i64().or_else(|| value.as_str()?.trim().parse().ok());
        match whole.and_then(|whole| usize::try_from(whole).ok()) {
            Some(whole) => Ok(Some(whole)),
            None => {
                let what = format!("{name} is a whole number from 0");
                Err(self.wrong(expression.span.start, what))
            }
        }
    }
}

fn state_of(turn: usize, length: usize, columns: usize, is_table: bool, parent: &Value) -> Value {
    let mut state = json!({
        "index": turn + 1,
        "index0": turn,
        "rindex": length - turn,
        "rindex0": length - turn - 1,
        "first": turn == 0,
        "last": turn + 1 == length,
        "length": length,
    });
    if is_table {
        let column = turn % columns;
        state["col"] = (column + 1).into();
        state["col0"] = column.into();
        state["row"] = (turn / columns + 1).into();
        state["col_first"] = (column == 0).into();
        state["col_last"] = (column + 1 == columns || turn + 1 == length).into();
    } else {
        state["parentloop"] = parent.clone();
    }
    state
}
