//! Values, filters and conditions.

use serde_json::Value;

use super::{Arguments, Parser, suggest};
use crate::error::TemplateError;
use crate::filters;
use crate::lexer::Token;
use crate::limits::DEPTH_MAX;
use crate::syntax::{Call, Chain, Condition, Expression, Key, Kind, Operator, Test};

impl Arguments {
    /// The offset of what comes next.
    pub(super) fn place(&mut self) -> usize {
        let end = self.end;
        self.tokens.peek().map_or(end, |(_, span)| span.start)
    }

    /// Takes a symbol if it comes next.
    pub(super) fn take(&mut self, symbol: &str) -> bool {
        self.tokens
            .next_if(|(token, _)| matches!(token, Token::Symbol(found) if *found == symbol))
            .is_some()
    }

    pub(super) fn take_name(&mut self, name: &str) -> bool {
        self.tokens
            .next_if(|(token, _)| matches!(token, Token::Name(found) if found == name))
            .is_some()
    }

    /// Takes a name if one comes next, with its offset.
    pub(super) fn name(&mut self) -> Option<(String, usize)> {
        let (token, span) = self.tokens.next_if(|(token, _)| matches!(token, Token::Name(_)))?;
        match token {
            Token::Name(name) => Some((name, span.start)),
            _ => None,
        }
    }
}

impl Parser<'_> {
    pub(super) fn expect(
        &self,
        arguments: &mut Arguments,
        symbol: &str,
    ) -> Result<(), TemplateError> {
        if arguments.take(symbol) {
            return Ok(());
        }
        Err(self.error(arguments.place(), format!("{symbol:?} is missing here")))
    }

    /// `: value` after the name of an option.
    pub(super) fn option(
        &mut self,
        arguments: &mut Arguments,
    ) -> Result<Expression, TemplateError> {
        self.expect(arguments, ":")?;
        self.expression(arguments)
    }

    pub(super) fn expression(
        &mut self,
        arguments: &mut Arguments,
    ) -> Result<Expression, TemplateError> {
        let Some((token, span)) = arguments.tokens.next() else {
            return Err(self.error(arguments.end, "a value or a variable is missing here"));
        };
        let literal = |value| Ok(Expression { kind: Kind::Literal(value), span: span.clone() });
        let root = match token {
            Token::Text(text) => return literal(Value::String(text)),
            Token::Integer(integer) => return literal(integer.into()),
            Token::Float(float) => return literal(float.into()),
            Token::Symbol(symbol) => {
                let what = format!("a value or a variable is missing before {symbol:?}");
                return Err(self.error(span.start, what));
            }
            Token::Name(name) => name,
        };
        let kind = match root.as_str() {
            "nil" | "null" => Kind::Literal(Value::Null),
            "true" => Kind::Literal(Value::Bool(true)),
            "false" => Kind::Literal(Value::Bool(false)),
            "empty" => Kind::Empty,
            "blank" => Kind::Blank,
            _ => return self.variable(root, span, arguments),
        };
        Ok(Expression { kind, span })
    }

    fn variable(
        &mut self,
        root: String,
        mut span: std::ops::Range<usize>,
        arguments: &mut Arguments,
    ) -> Result<Expression, TemplateError> {
        let mut keys = Vec::new();
        arguments.depth += 1;
        if arguments.depth > DEPTH_MAX {
            let what = format!("indexes stand in indexes at most {DEPTH_MAX} deep");
            return Err(self.error(span.start, what));
        }
        loop {
            if arguments.take(".") {
                let at = arguments.place();
                let Some((name, at)) = arguments.name() else {
                    let what = "a name is missing after the point; names with other characters are written [\"...\"]";
                    return Err(self.error(at, what));
                };
                span.end = at + name.len();
                keys.push(Key::Name(name));
            } else if arguments.take("[") {
                let key = self.expression(arguments)?;
                span.end = arguments.place() + 1;
                self.expect(arguments, "]")?;
                keys.push(match key.kind {
                    Kind::Literal(Value::String(name)) => Key::Name(name),
                    _ => Key::Computed(key),
                });
            } else {
                break;
            }
        }
        arguments.depth -= 1;
        self.used.push((root.clone(), span.start));
        Ok(Expression { kind: Kind::Variable { root, keys }, span })
    }

    pub(super) fn chain(&mut self, arguments: &mut Arguments) -> Result<Chain, TemplateError> {
        let input = self.expression(arguments)?;
        let mut chain = Chain { input, filters: Vec::new(), raw: false };
        while arguments.take("|") {
            let Some((name, offset)) = arguments.name() else {
                let what = "the name of a filter is missing after \"|\"";
                return Err(self.error(arguments.place(), what));
            };
            if chain.raw {
                let what = "raw is the last filter; move it to the end";
                return Err(self.error(offset, what));
            }
            if name == "raw" {
                chain.raw = true;
                continue;
            }
            chain.filters.push(self.call(&name, offset, arguments)?);
        }
        Ok(chain)
    }

    fn call(
        &mut self,
        name: &str,
        offset: usize,
        arguments: &mut Arguments,
    ) -> Result<Call, TemplateError> {
        let Some(filter) = filters::find(name) else {
            let near = suggest(name, filters::names());
            return Err(self.error(offset, format!("there is no filter {name}{near}")));
        };
        let mut call = Call { filter, arguments: Vec::new(), allow_false: None, offset };
        if arguments.take(":") {
            loop {
                if filter.name == "default" && arguments.take_name("allow_false") {
                    call.allow_false = Some(self.option(arguments)?);
                } else {
                    call.arguments.push(self.expression(arguments)?);
                }
                if !arguments.take(",") {
                    break;
                }
            }
        }
        let given = call.arguments.len();
        if given < filter.arguments.0 || given > filter.arguments.1 {
            let what = format!("{name} is written {}", filter.usage);
            return Err(self.error(offset, what));
        }
        Ok(call)
    }

    pub(super) fn condition(
        &mut self,
        arguments: &mut Arguments,
    ) -> Result<Condition, TemplateError> {
        let mut alternatives = vec![vec![self.test(arguments)?]];
        loop {
            if arguments.take_name("or") {
                alternatives.push(vec![self.test(arguments)?]);
            } else if arguments.take_name("and") {
                let test = self.test(arguments)?;
                if let Some(last) = alternatives.last_mut() {
                    last.push(test);
                }
            } else {
                return Ok(Condition { alternatives, negated: false });
            }
        }
    }

    fn test(&mut self, arguments: &mut Arguments) -> Result<Test, TemplateError> {
        let left = self.expression(arguments)?;
        let operators = [
            ("==", Operator::Equal),
            ("!=", Operator::Different),
            ("<>", Operator::Different),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        let found = operators.into_iter().find(|(symbol, _)| arguments.take(symbol));
        let operator = match found {
            Some((_, operator)) => operator,
            None if arguments.take_name("contains") => Operator::Contains,
            None if arguments.take("=") => {
                let what = "two values are compared by ==, not by =";
                return Err(self.error(left.span.end, what));
            }
            None => return Ok(Test::Truth(left)),
        };
        Ok(Test::Comparison(left, operator, self.expression(arguments)?))
    }
}
