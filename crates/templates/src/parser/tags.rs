//! Tags without a body.

use serde_json::Value;

use super::{Arguments, LOOP_ROOTS, Parser, ROOTS, suggest};
use crate::error::TemplateError;
use crate::lexer::Token;
use crate::limits::{COUNT_MAX, NOT_SENT_DAYS_MAX, OFFSET_MAX};
use crate::syntax::{Expression, Kind, Linked, Node, Recommend};

const RECOMMEND_OPTIONS: [&str; 4] = ["count", "min", "offset", "not_sent_days"];

const RESERVED: [&str; 7] = ["nil", "null", "true", "false", "empty", "blank", "in"];

impl Parser<'_> {
    /// The name of a variable that a tag defines.
    pub(super) fn definition(
        &mut self,
        arguments: &mut Arguments,
    ) -> Result<String, TemplateError> {
        let at = arguments.place();
        let Some((name, at)) = arguments.name() else {
            return Err(self.error(at, "the name of a variable is missing here"));
        };
        let name_ref = name.as_str();
        if ROOTS.contains(&name_ref)
            || LOOP_ROOTS.contains(&name_ref)
            || RESERVED.contains(&name_ref)
        {
            let what = format!("{name} has a meaning already; choose another name");
            return Err(self.error(at, what));
        }
        self.defined.insert(name.clone());
        Ok(name)
    }

    pub(super) fn assign(&mut self, arguments: &mut Arguments) -> Result<Node, TemplateError> {
        let name = self.definition(arguments)?;
        self.expect(arguments, "=")?;
        let chain = self.chain(arguments)?;
        if chain.raw {
            let what = "raw belongs where a value is printed; remove it from assign";
            return Err(self.error(chain.input.span.start, what));
        }
        Ok(Node::Assign { name, chain })
    }

    pub(super) fn cycle(
        &mut self,
        arguments: &mut Arguments,
        offset: usize,
    ) -> Result<Node, TemplateError> {
        let start = arguments.place();
        let mut values = vec![self.expression(arguments)?];
        let mut group = None;
        if arguments.take(":") {
            let named = values.remove(0);
            group = Some(self.source[named.span].to_owned());
            values.push(self.expression(arguments)?);
        }
        while arguments.take(",") {
            values.push(self.expression(arguments)?);
        }
        let group = group.unwrap_or_else(|| self.source[start..arguments.end].trim().to_owned());
        Ok(Node::Cycle { group, values, offset })
    }

    /// The quoted name that `recommend`, `item` and `linked` begin with.
    fn quoted(
        &self,
        arguments: &mut Arguments,
        tag: &str,
        what: &str,
    ) -> Result<String, TemplateError> {
        let at = arguments.place();
        match arguments.tokens.next() {
            Some((Token::Text(text), _)) if !text.trim().is_empty() => Ok(text),
            _ => Err(self.error(at, format!("{tag} needs the {what} in quotes"))),
        }
    }

    /// ` as name` at the end of a tag.
    fn named(&mut self, arguments: &mut Arguments) -> Result<String, TemplateError> {
        if !arguments.take_name("as") {
            let at = arguments.place();
            return Err(self.error(at, "write \"as\" and the name of a variable at the end"));
        }
        self.definition(arguments)
    }

    pub(super) fn recommend(
        &mut self,
        arguments: &mut Arguments,
        offset: usize,
    ) -> Result<Node, TemplateError> {
        let definition = self.quoted(arguments, "recommend", "name of a recommendation")?;
        let mut made = Recommend {
            definition,
            count: 1,
            min: 1,
            skip: 0,
            not_sent_days: None,
            name: String::new(),
            offset,
        };
        loop {
            arguments.take(",");
            if arguments.take_name("as") {
                made.name = self.definition(arguments)?;
                break;
            }
            let at = arguments.place();
            let Some((option, _)) = arguments.name() else {
                return Err(self.error(at, "write \"as\" and the name of a variable at the end"));
            };
            let value = self.option(arguments)?;
            match option.as_str() {
                "count" => made.count = self.whole(&value, "count", 1, COUNT_MAX)?,
                "min" => made.min = self.whole(&value, "min", 0, COUNT_MAX)?,
                "offset" => made.skip = self.whole(&value, "offset", 0, OFFSET_MAX)?,
                "not_sent_days" => {
                    let days = self.whole(&value, "not_sent_days", 1, NOT_SENT_DAYS_MAX)?;
                    made.not_sent_days = Some(days as u32);
                }
                option => {
                    let near = suggest(option, RECOMMEND_OPTIONS.into_iter());
                    return Err(self.error(at, format!("recommend knows no {option}{near}")));
                }
            }
        }
        if made.min > made.count {
            let (min, count) = (made.min, made.count);
            let what = format!("min {min} is more than count {count}; raise count or lower min");
            return Err(self.error(offset, what));
        }
        Ok(Node::Recommend(made))
    }

    fn whole(
        &self,
        value: &Expression,
        name: &str,
        least: usize,
        most: usize,
    ) -> Result<usize, TemplateError> {
        let number = match &value.kind {
            Kind::Literal(Value::Number(number)) => number.as_u64(),
            _ => None,
        };
        let number = number.and_then(|number| usize::try_from(number).ok());
        number.filter(|number| (least..=most).contains(number)).ok_or_else(|| {
            let what = format!("{name} is a whole number from {least} to {most}");
            self.error(value.span.start, what)
        })
    }

    pub(super) fn item(
        &mut self,
        arguments: &mut Arguments,
        offset: usize,
    ) -> Result<Node, TemplateError> {
        let catalog = self.quoted(arguments, "item", "name of a catalog")?;
        arguments.take(",");
        if !arguments.take_name("id") {
            let at = arguments.place();
            return Err(self.error(at, "write id: and the id of the item"));
        }
        let id = self.option(arguments)?;
        let name = self.named(arguments)?;
        Ok(Node::Item { catalog, id, name, offset })
    }

    pub(super) fn linked(
        &mut self,
        arguments: &mut Arguments,
        offset: usize,
    ) -> Result<Node, TemplateError> {
        let api = self.quoted(arguments, "linked", "name of an external API")?;
        let mut parameters: Vec<(String, Expression)> = Vec::new();
        let mut default = None;
        loop {
            arguments.take(",");
            if arguments.take_name("as") {
                let name = self.definition(arguments)?;
                return Ok(Node::Linked(Linked { api, parameters, default, name, offset }));
            }
            let at = arguments.place();
            let Some((parameter, at)) = arguments.name() else {
                return Err(self.error(at, "write \"as\" and the name of a variable at the end"));
            };
            let is_default = parameter == "default";
            if parameters.iter().any(|(known, _)| *known == parameter)
                || is_default && default.is_some()
            {
                return Err(self.error(at, format!("{parameter} is given twice; remove one")));
            }
            let value = self.option(arguments)?;
            match is_default {
                true => default = Some(value),
                false => parameters.push((parameter, value)),
            }
        }
    }

    pub(super) fn abort(
        &mut self,
        arguments: &mut Arguments,
        offset: usize,
    ) -> Result<Node, TemplateError> {
        let reason = match arguments.tokens.peek() {
            Some(_) => Some(self.expression(arguments)?),
            None => None,
        };
        Ok(Node::Abort { reason, offset })
    }
}
