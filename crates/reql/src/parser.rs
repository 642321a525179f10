//! Reads tokens into a tree, by descent through the classes of operators.

use std::sync::Arc;

use crate::error::{ErrorKind, ReqlError};
use crate::functions;
use crate::lexer::{Spanned, Token, tokenize};
use crate::limits::{ELSE_IFS_MAX, HEIGHT_MAX, NESTING_MAX, NODES_MAX, TEXT_BYTES_MAX};
use crate::syntax::{
    ArithmeticOp, CompareOp, LambdaOp, Link, LogicOp, Node, NodeKind, Source, Tree,
};
use crate::value::Value;

/// Parses a text.
///
/// # Errors
/// The text is no expression, or over a limit.
pub(crate) fn parse(text: &str) -> Result<Tree, ReqlError> {
    if text.len() > TEXT_BYTES_MAX {
        let message =
            format!("the expression has {} bytes, more than {TEXT_BYTES_MAX}", text.len());
        return Err(ReqlError::new(ErrorKind::TooLarge, 1, message));
    }
    let tokens = tokenize(text)?;
    let mut parser =
        Parser { tokens: &tokens, next: 0, nesting: 0, n_nodes: 0, variables: Vec::new() };
    let tree = parser.expression()?;
    match parser.token() {
        Token::End => Ok(tree),
        _ => Err(parser.expected("an operator or the end")),
    }
}

struct Parser<'t> {
    tokens: &'t [Spanned],
    next: usize,
    nesting: usize,
    n_nodes: usize,
    /// The variables of the lambdas around the next token, outermost first.
    variables: Vec<Arc<str>>,
}

type Parsed = Result<Tree, ReqlError>;

impl Parser<'_> {
    fn expression(&mut self) -> Parsed {
        self.nested(|parser| {
            let column = parser.column();
            if !parser.take_word("if") {
                return parser.disjunction();
            }
            let mut branches = Vec::new();
            let mut at = column;
            let mut otherwise = loop {
                let condition = parser.expression()?;
                parser.expect_word("then")?;
                branches.push((at, condition, parser.expression()?));
                parser.expect_word("else")?;
                at = parser.column();
                if !parser.take_word("if") {
                    break parser.expression()?;
                }
                if branches.len() > ELSE_IFS_MAX {
                    let message = format!("more than {ELSE_IFS_MAX} links of else if");
                    return Err(ReqlError::new(ErrorKind::TooLarge, at, message));
                }
            };
            for (column, condition, then) in branches.into_iter().rev() {
                otherwise =
                    parser.make_node(column, NodeKind::If { condition, then, otherwise })?;
            }
            Ok(otherwise)
        })
    }

    fn disjunction(&mut self) -> Parsed {
        self.logic(LogicOp::Or, "or", Self::conjunction)
    }

    fn conjunction(&mut self) -> Parsed {
        self.logic(LogicOp::And, "and", Self::negation)
    }

    fn logic(
        &mut self,
        op: LogicOp,
        word: &str,
        mut operand: impl FnMut(&mut Self) -> Parsed,
    ) -> Parsed {
        let column = self.column();
        let first = operand(self)?;
        if !self.is_word(word) {
            return Ok(first);
        }
        let mut operands = vec![first];
        while self.take_word(word) {
            operands.push(operand(self)?);
        }
        self.make_node(column, NodeKind::Logic(op, operands))
    }

    fn negation(&mut self) -> Parsed {
        let column = self.column();
        if !self.take_word("not") {
            return self.comparison();
        }
        let operand = self.nested(Self::negation)?;
        self.make_node(column, NodeKind::Not(operand))
    }

    fn comparison(&mut self) -> Parsed {
        let (first, links) = self.chain(Self::sum, |parser| {
            if parser.take_word("in") {
                return Ok(Some(CompareOp::In));
            }
            if parser.take_word("not") {
                parser.expect_word("in")?;
                return Ok(Some(CompareOp::NotIn));
            }
            Ok(parser.take_symbol(CompareOp::from_symbol))
        })?;
        self.finish_chain(first, links, NodeKind::Comparison)
    }

    fn sum(&mut self) -> Parsed {
        self.arithmetic(&["+", "-"], Self::product)
    }

    fn product(&mut self) -> Parsed {
        self.arithmetic(&["*", "/", "%", "&"], Self::sign)
    }

    fn arithmetic(&mut self, symbols: &[&str], operand: fn(&mut Self) -> Parsed) -> Parsed {
        let (first, links) = self.chain(operand, |parser| {
            Ok(parser.take_symbol(|symbol| {
                symbols.contains(&symbol).then_some(symbol).and_then(ArithmeticOp::from_symbol)
            }))
        })?;
        self.finish_chain(first, links, NodeKind::Arithmetic)
    }

    /// Parses operands with operators of one class between them.
    fn chain<Op>(
        &mut self,
        operand: fn(&mut Self) -> Parsed,
        operator: impl Fn(&mut Self) -> Result<Option<Op>, ReqlError>,
    ) -> Result<(Tree, Vec<Link<Op>>), ReqlError> {
        let first = operand(self)?;
        let mut links = Vec::new();
        loop {
            let column = self.column();
            let Some(op) = operator(self)? else {
                return Ok((first, links));
            };
            links.push(Link { op, column, right: operand(self)? });
        }
    }

    fn finish_chain<Op>(
        &mut self,
        first: Tree,
        links: Vec<Link<Op>>,
        kind: fn(Tree, Vec<Link<Op>>) -> NodeKind,
    ) -> Parsed {
        if links.is_empty() { Ok(first) } else { self.make_node(first.column, kind(first, links)) }
    }

    fn sign(&mut self) -> Parsed {
        let column = self.column();
        let kind: fn(Tree) -> NodeKind = match self.token() {
            Token::Symbol("-") => NodeKind::Negate,
            Token::Symbol("+") => NodeKind::Plus,
            _ => return self.indexed(),
        };
        self.next += 1;
        let operand = self.nested(Self::sign)?;
        self.make_node(column, kind(operand))
    }

    fn indexed(&mut self) -> Parsed {
        let mut tree = self.primary()?;
        while self.take("[") {
            let index = self.expression()?;
            self.expect("]")?;
            tree = self.make_node(tree.column, NodeKind::Index(tree, index))?;
        }
        Ok(tree)
    }

    fn primary(&mut self) -> Parsed {
        let column = self.column();
        let token = self.token().clone();
        if token != Token::End {
            self.next += 1;
        }
        match token {
            Token::Literal(value) => self.make_node(column, NodeKind::Constant(value)),
            Token::Property(name) => {
                let variable = self.variables.iter().rposition(|variable| *variable == name);
                self.make_node(
                    column,
                    variable.map_or(NodeKind::Property(name), NodeKind::Variable),
                )
            }
            Token::Symbol("(") => {
                let inner = self.expression()?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Symbol("{") => {
                let elements = self.list("}", Self::expression)?;
                self.make_node(column, NodeKind::Set(elements))
            }
            Token::Symbol("[") => {
                let elements = self.list("]", Self::expression)?;
                self.make_node(column, NodeKind::Array(elements))
            }
            Token::Word(word) => self.word(column, &word),
            Token::Symbol(_) | Token::End => {
                if token != Token::End {
                    self.next -= 1;
                }
                Err(self.expected("an expression"))
            }
        }
    }

    /// Parses the rest of a constant, a lookup or a call, after its first word.
    fn word(&mut self, column: u32, word: &str) -> Parsed {
        let source = match word {
            "true" => return self.make_node(column, NodeKind::Constant(Value::Boolean(true))),
            "false" => return self.make_node(column, NodeKind::Constant(Value::Boolean(false))),
            "null" => return self.make_node(column, NodeKind::Constant(Value::Null)),
            "and" | "or" | "not" | "in" | "if" | "then" | "else" | "lambda" => {
                self.next -= 1;
                return Err(self.expected("an expression"));
            }
            "map" => return self.lambda(column, LambdaOp::Map),
            "select" => return self.lambda(column, LambdaOp::Select),
            "exists" => return self.lambda(column, LambdaOp::Exists),
            "context_item" => Source::ContextItem,
            "context_user" => Source::ContextUser,
            "context_segment" => Source::ContextSegment,
            "item_values" => {
                self.expect("(")?;
                let item = self.expression()?;
                self.expect(")")?;
                Source::Item(item)
            }
            _ => return self.call(column, word),
        };
        if !matches!(source, Source::Item(_)) && self.take("(") {
            self.expect(")")?;
        }
        self.expect("[")?;
        let key = self.expression()?;
        self.expect("]")?;
        self.make_node(column, NodeKind::Lookup(source, key))
    }

    fn call(&mut self, column: u32, name: &str) -> Parsed {
        if functions::find_signatures(name).next().is_none() {
            let quoted = if self.token() == &Token::Symbol("(") {
                String::new()
            } else {
                format!("; a property is written in quotes: '{name}'")
            };
            let message = format!("there is no function {name}{quoted}");
            return Err(ReqlError::new(ErrorKind::Syntax, column, message));
        }
        let arguments = if self.take("(") { self.list(")", Self::expression)? } else { Vec::new() };
        match functions::find_signatures(name).find(|signature| signature.takes(arguments.len())) {
            Some(signature) => {
                self.make_node(column, NodeKind::Call(signature.function, arguments))
            }
            None => {
                let arities: Vec<_> =
                    functions::find_signatures(name).map(|signature| signature.arity()).collect();
                let (wanted, found) = (arities.join(" or "), arguments.len());
                let message = format!("the number of arguments of {name} is {wanted}, not {found}");
                Err(ReqlError::new(ErrorKind::Type, column, message))
            }
        }
    }

    /// Parses the arguments of a function with a lambda: a variable with a body, then the
    /// collection whose elements the variable takes.
    fn lambda(&mut self, column: u32, op: LambdaOp) -> Parsed {
        self.expect("(")?;
        self.expect_word("lambda")?;
        let Token::Property(name) = self.token().clone() else {
            return Err(self.expected("the variable of the lambda in single quotes"));
        };
        self.next += 1;
        self.expect(":")?;
        let variable = self.variables.len();
        self.variables.push(name);
        let body = self.expression()?;
        self.variables.pop();
        self.expect(",")?;
        let collection = self.expression()?;
        self.expect(")")?;
        self.make_node(column, NodeKind::Lambda { op, variable, body, collection })
    }

    /// Parses elements with commas between them, up to the closing bracket.
    fn list(
        &mut self,
        close: &'static str,
        element: fn(&mut Self) -> Parsed,
    ) -> Result<Vec<Tree>, ReqlError> {
        let mut elements = Vec::new();
        if self.take(close) {
            return Ok(elements);
        }
        loop {
            elements.push(element(self)?);
            if self.take(close) {
                return Ok(elements);
            }
            if !self.take(",") {
                return Err(self.expected(&format!("an operator, a comma or {close}")));
            }
        }
    }

    /// Runs a step of the descent one level of nesting deeper.
    fn nested(&mut self, step: impl FnOnce(&mut Self) -> Parsed) -> Parsed {
        if self.nesting == NESTING_MAX {
            let message = format!("the expression nests deeper than {NESTING_MAX} levels");
            return Err(ReqlError::new(ErrorKind::TooLarge, self.column(), message));
        }
        self.nesting += 1;
        let parsed = step(self);
        self.nesting -= 1;
        parsed
    }

    fn make_node(&mut self, column: u32, kind: NodeKind) -> Parsed {
        let mut node = Node { column, height: 1, kind };
        node.height += node.children().iter().map(|child| child.height).max().unwrap_or(0);
        self.n_nodes += 1;
        let too_large = |message| Err(ReqlError::new(ErrorKind::TooLarge, column, message));
        if node.height > HEIGHT_MAX {
            return too_large(format!("the expression is more than {HEIGHT_MAX} operations deep"));
        }
        if self.n_nodes > NODES_MAX {
            return too_large(format!("the expression has more than {NODES_MAX} parts"));
        }
        Ok(Arc::new(node))
    }

    fn token(&self) -> &Token {
        &self.tokens[self.next].token
    }

    fn column(&self) -> u32 {
        self.tokens[self.next].column
    }

    fn is_word(&self, wanted: &str) -> bool {
        matches!(self.token(), Token::Word(word) if word == wanted)
    }

    fn take_word(&mut self, wanted: &str) -> bool {
        let is_wanted = self.is_word(wanted);
        self.next += usize::from(is_wanted);
        is_wanted
    }

    fn expect_word(&mut self, wanted: &str) -> Result<(), ReqlError> {
        if self.take_word(wanted) { Ok(()) } else { Err(self.expected(wanted)) }
    }

    fn take(&mut self, wanted: &'static str) -> bool {
        let is_wanted = *self.token() == Token::Symbol(wanted);
        self.next += usize::from(is_wanted);
        is_wanted
    }

    fn expect(&mut self, wanted: &'static str) -> Result<(), ReqlError> {
        if self.take(wanted) { Ok(()) } else { Err(self.expected(wanted)) }
    }

    /// Takes the next token when it is a symbol with this meaning.
    fn take_symbol<Op>(&mut self, meaning: impl Fn(&str) -> Option<Op>) -> Option<Op> {
        let Token::Symbol(symbol) = self.token() else {
            return None;
        };
        let op = meaning(symbol)?;
        self.next += 1;
        Some(op)
    }

    fn expected(&self, wanted: &str) -> ReqlError {
        let message = format!("expected {wanted}, found {}", self.token());
        ReqlError::new(ErrorKind::Syntax, self.column(), message)
    }
}
