//! Renders a template within the bounds of `limits`.

mod loops;
mod reading;
mod tags;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::content::{Content, Recorded, Values};
use crate::error::{Place, RenderError};
use crate::filters::Makes;
use crate::limits::{OUTPUT_BYTES_MAX, STEP_BYTES, STEPS_MAX, VALUE_BYTES_MAX};
use crate::output::{Known, Output};
use crate::syntax::{Chain, Condition, Expression, Kind, Node, Operator, Test};
use crate::values;
use crate::{Form, Template};

/// A text, and what it was made from.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// The text.
    pub text: String,
    /// What [`Template::render_again`] needs.
    pub recorded: Recorded,
}

pub(crate) fn render(
    template: &Template,
    values: &Values,
    content: &mut dyn Content,
) -> Result<Rendered, RenderError> {
    let mut renderer = Renderer::new(template, Source::Live { values, content });
    renderer.nodes(&template.nodes)?;
    let text = renderer.output.finish(template.form)?;
    Ok(Rendered { text, recorded: renderer.recorded })
}

pub(crate) fn render_again(
    template: &Template,
    recorded: &Recorded,
) -> Result<String, RenderError> {
    let mut renderer = Renderer::new(template, Source::Recorded { recorded, answered: 0 });
    renderer.nodes(&template.nodes)?;
    renderer.output.finish(template.form)
}

/// Where values and answers come from.
enum Source<'r> {
    Live { values: &'r Values, content: &'r mut dyn Content },
    Recorded { recorded: &'r Recorded, answered: usize },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Interrupt {
    Break,
    Continue,
}

struct Renderer<'r> {
    template: &'r Template,
    source: Source<'r>,
    output: Output,
    /// What tags have defined.
    variables: BTreeMap<&'r str, Known>,
    /// How often each `cycle` was met.
    cycles: BTreeMap<&'r str, usize>,
    /// Ids of items that `recommend` has put into the message.
    given: Vec<String>,
    recorded: Recorded,
    recorded_bytes: usize,
    interrupt: Option<Interrupt>,
    steps: usize,
    turns: usize,
    calls: usize,
}

impl<'r> Renderer<'r> {
    fn new(template: &'r Template, source: Source<'r>) -> Self {
        Self {
            template,
            source,
            output: Output::new(template.form),
            variables: BTreeMap::new(),
            cycles: BTreeMap::new(),
            given: Vec::new(),
            recorded: Recorded::default(),
            recorded_bytes: 0,
            interrupt: None,
            steps: 0,
            turns: 0,
            calls: 0,
        }
    }

    fn place(&self, offset: usize) -> Place {
        Place::of(&self.template.source, offset)
    }

    fn limit(&self, offset: usize, what: String) -> RenderError {
        RenderError::Limit { what, place: self.place(offset) }
    }

    fn wrong(&self, offset: usize, what: String) -> RenderError {
        RenderError::Value { what, place: self.place(offset) }
    }

    fn missing(&self, expression: &Expression) -> RenderError {
        let variable = self.template.source[expression.span.clone()].to_owned();
        RenderError::Missing { variable, place: self.place(expression.span.start) }
    }

    /// Counts a step, and those of the bytes that it handles.
    fn spend(&mut self, offset: usize, bytes: usize) -> Result<(), RenderError> {
        self.steps += 1 + bytes / STEP_BYTES;
        if self.steps <= STEPS_MAX {
            return Ok(());
        }
        let what = format!("the template takes more than {STEPS_MAX} steps; shorten its loops");
        Err(self.limit(offset, what))
    }

    /// Counts the bytes of a value, which are bounded.
    fn check_value(&mut self, value: &Value, offset: usize) -> Result<(), RenderError> {
        let bytes = values::weight(value);
        if bytes > VALUE_BYTES_MAX {
            let what = format!("a value has more than {VALUE_BYTES_MAX} bytes; read a part of it");
            return Err(self.limit(offset, what));
        }
        self.spend(offset, bytes)
    }

    fn check_output(&self, offset: usize) -> Result<(), RenderError> {
        if self.output.text.len() <= OUTPUT_BYTES_MAX {
            return Ok(());
        }
        let what = format!("the text has more than {OUTPUT_BYTES_MAX} bytes; shorten it");
        Err(self.limit(offset, what))
    }

    fn nodes(&mut self, nodes: &'r [Node]) -> Result<(), RenderError> {
        for node in nodes {
            if self.interrupt.is_some() {
                break;
            }
            self.node(node)?;
        }
        Ok(())
    }

    fn node(&mut self, node: &'r Node) -> Result<(), RenderError> {
        match node {
            Node::Text { text, offset } => {
                self.spend(*offset, text.len())?;
                self.output.write(text);
                self.check_output(*offset)
            }
            Node::Output(chain) => self.print(chain),
            Node::If { branches, otherwise } => {
                for (condition, body) in branches {
                    if self.holds(condition)? {
                        return self.nodes(body);
                    }
                }
                self.nodes(otherwise)
            }
            Node::Case { subject, whens, otherwise } => {
                for (wanted, body) in whens {
                    for value in wanted {
                        if self.compare(subject, Operator::Equal, value)? {
                            return self.nodes(body);
                        }
                    }
                }
                self.nodes(otherwise)
            }
            Node::For(made) => self.repeat(made),
            Node::Break => {
                self.interrupt = Some(Interrupt::Break);
                Ok(())
            }
            Node::Continue => {
                self.interrupt = Some(Interrupt::Continue);
                Ok(())
            }
            Node::Cycle { group, values, offset } => {
                self.spend(*offset, 0)?;
                let count = self.cycles.entry(group).or_default();
                let index = *count % values.len();
                *count += 1;
                let known = self.read(&values[index])?;
                self.write_value(&known, false, *offset)
            }
            Node::Assign { name, chain } => {
                let known = self.evaluate(chain)?;
                self.variables.insert(name, known);
                Ok(())
            }
            Node::Capture { name, body, offset } => self.capture(name, body, *offset),
            Node::Recommend(made) => self.recommend(made),
            Node::Item { catalog, id, name, offset } => self.item(catalog, id, name, *offset),
            Node::Linked(made) => self.linked(made),
            Node::Abort { reason, offset } => self.abort(reason.as_ref(), *offset),
        }
    }

    fn print(&mut self, chain: &'r Chain) -> Result<(), RenderError> {
        let known = self.evaluate(chain)?;
        if known.value.is_null() {
            return Err(self.missing(&chain.input));
        }
        self.write_value(&known, chain.raw, chain.input.span.start)
    }

    fn write_value(&mut self, known: &Known, raw: bool, offset: usize) -> Result<(), RenderError> {
        self.output.print(known, raw).map_err(|what| self.wrong(offset, what))?;
        self.check_output(offset)
    }

    fn capture(
        &mut self,
        name: &'r str,
        body: &'r [Node],
        offset: usize,
    ) -> Result<(), RenderError> {
        let outer = std::mem::replace(&mut self.output, Output::captured(self.template.form));
        self.nodes(body)?;
        let inner = std::mem::replace(&mut self.output, outer);
        let known = inner.into_captured().map_err(|what| self.wrong(offset, what))?;
        self.check_value(&known.value, offset)?;
        self.variables.insert(name, known);
        Ok(())
    }

    /// A value through its filters. What has no value stays so up to `default`.
    fn evaluate(&mut self, chain: &'r Chain) -> Result<Known, RenderError> {
        let mut known = self.read(&chain.input)?;
        for call in &chain.filters {
            let is_default = call.filter.name == "default";
            if known.value.is_null() && !is_default {
                self.spend(call.offset, 0)?;
                continue;
            }
            if is_default && !self.takes_default(&known.value, call.allow_false.as_ref())? {
                continue;
            }
            let mut arguments = Vec::with_capacity(call.arguments.len());
            for argument in &call.arguments {
                let value = self.read(argument)?;
                let is_variable = matches!(argument.kind, Kind::Variable { .. });
                if value.value.is_null() && is_variable && !is_default {
                    return Err(self.missing(argument));
                }
                known.from_people |= value.from_people;
                arguments.push(value.value);
            }
            let run = call.filter.run;
            let input = std::mem::take(&mut known.value);
            known.value = run(input, &arguments)
                .map_err(|what| self.wrong(call.offset, format!("{}: {what}", call.filter.name)))?;
            // Without white space at its ends, markup is still markup.
            if !matches!(call.filter.name, "strip" | "lstrip" | "rstrip") {
                known.makes = self.notation(call.filter.makes);
            }
            self.check_value(&known.value, call.offset)?;
        }
        Ok(known)
    }

    /// What a filter makes is in the notation of the text only where the form is that one.
    fn notation(&self, makes: Makes) -> Makes {
        match (self.template.form, makes) {
            (Form::Html, Makes::Html | Makes::Markup)
            | (Form::Json, Makes::Json)
            | (Form::Url, Makes::Url) => makes,
            _ => Makes::Plain,
        }
    }

    fn takes_default(
        &mut self,
        value: &Value,
        allow_false: Option<&'r Expression>,
    ) -> Result<bool, RenderError> {
        if let (Value::Bool(false), Some(allowed)) = (value, allow_false) {
            return Ok(!values::is_true(&self.read(allowed)?.value));
        }
        Ok(!values::is_true(value) || values::is_empty(value))
    }

    fn holds(&mut self, condition: &'r Condition) -> Result<bool, RenderError> {
        let mut holds = false;
        for tests in &condition.alternatives {
            let mut all = true;
            for test in tests {
                let is_met = match test {
                    Test::Truth(expression) => match &expression.kind {
                        Kind::Empty | Kind::Blank => true,
                        _ => values::is_true(&self.read(expression)?.value),
                    },
                    Test::Comparison(left, operator, right) => {
                        self.compare(left, *operator, right)?
                    }
                };
                if !is_met {
                    all = false;
                    break;
                }
            }
            if all {
                holds = true;
                break;
            }
        }
        Ok(holds != condition.negated)
    }

    fn compare(
        &mut self,
        left: &'r Expression,
        operator: Operator,
        right: &'r Expression,
    ) -> Result<bool, RenderError> {
        let test = match (&left.kind, &right.kind) {
            (Kind::Empty, _) => Some((right, values::is_empty as fn(&Value) -> bool)),
            (_, Kind::Empty) => Some((left, values::is_empty as fn(&Value) -> bool)),
            (Kind::Blank, _) => Some((right, values::is_blank as fn(&Value) -> bool)),
            (_, Kind::Blank) => Some((left, values::is_blank as fn(&Value) -> bool)),
            _ => None,
        };
        if let Some((tested, test)) = test {
            let is_met = test(&self.read(tested)?.value);
            return Ok(match operator {
                Operator::Equal => is_met,
                Operator::Different => !is_met,
                _ => false,
            });
        }
        let (left, right) = (self.read(left)?.value, self.read(right)?.value);
        let order = || values::order(&left, &right);
        Ok(match operator {
            Operator::Equal => values::are_equal(&left, &right),
            Operator::Different => !values::are_equal(&left, &right),
            Operator::Contains => values::contains(&left, &right),
            Operator::Less => order().is_some_and(|order| order.is_lt()),
            Operator::LessOrEqual => order().is_some_and(|order| order.is_le()),
            Operator::Greater => order().is_some_and(|order| order.is_gt()),
            Operator::GreaterOrEqual => order().is_some_and(|order| order.is_ge()),
        })
    }
}
