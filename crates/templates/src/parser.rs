//! Makes the tree of a template.

mod expressions;
mod tags;

use std::collections::BTreeSet;
use std::ops::Range;

use crate::error::TemplateError;
use crate::lexer::{self, Piece, Spanned, Token, error};
use crate::limits::{DEPTH_MAX, TEMPLATE_BYTES_MAX};
use crate::syntax::{Chain, Kind, Loop, LoopSource, Node};

/// What a template may read without defining it.
pub(crate) const ROOTS: [&str; 6] =
    ["profile", "event", "campaign", "now", "preferences_url", "unsubscribe_url"];
const LOOP_ROOTS: [&str; 2] = ["forloop", "tablerowloop"];
const TAGS: [&str; 16] = [
    "if",
    "unless",
    "case",
    "for",
    "tablerow",
    "break",
    "continue",
    "cycle",
    "assign",
    "capture",
    "recommend",
    "item",
    "linked",
    "abort",
    "raw",
    "comment",
];

pub(crate) fn parse(source: &str) -> Result<Vec<Node>, TemplateError> {
    if source.len() > TEMPLATE_BYTES_MAX {
        let what = format!("a template has at most {TEMPLATE_BYTES_MAX} bytes; shorten it");
        return Err(error(source, TEMPLATE_BYTES_MAX, what));
    }
    let mut pieces = lexer::cut(source)?.into_iter();
    let mut parser = Parser {
        source,
        pieces: &mut pieces,
        defined: BTreeSet::new(),
        used: Vec::new(),
        depth: 0,
        loops: 0,
    };
    let (nodes, _) = parser.block(None, &[])?;
    parser.check_variables()?;
    Ok(nodes)
}

struct Parser<'s> {
    source: &'s str,
    pieces: &'s mut std::vec::IntoIter<Piece>,
    /// Variables that tags of the template define.
    defined: BTreeSet<String>,
    /// Roots of all variables, with their places.
    used: Vec<(String, usize)>,
    /// Blocks that are open here.
    depth: usize,
    loops: usize,
}

/// A tag: its name and what follows it.
pub(super) struct Tag {
    name: String,
    arguments: Arguments,
    offset: usize,
}

/// Tokens that are read one after the other.
pub(super) struct Arguments {
    tokens: std::iter::Peekable<std::vec::IntoIter<Spanned>>,
    end: usize,
    depth: usize,
}

impl Parser<'_> {
    fn error(&self, offset: usize, what: impl Into<String>) -> TemplateError {
        error(self.source, offset, what)
    }

    fn arguments(&self, range: Range<usize>) -> Result<Arguments, TemplateError> {
        let end = range.end;
        let tokens = lexer::tokens(self.source, range)?.into_iter().peekable();
        Ok(Arguments { tokens, end, depth: 0 })
    }

    fn tag(&self, range: Range<usize>) -> Result<Tag, TemplateError> {
        let offset = range.start + self.source[range.clone()].len()
            - self.source[range.clone()].trim_start().len();
        let mut arguments = self.arguments(range)?;
        match arguments.tokens.next() {
            Some((Token::Name(name), _)) => Ok(Tag { name, arguments, offset }),
            _ => Err(self.error(offset, "a tag begins with its name, such as {% if ... %}")),
        }
    }

    /// The nodes up to one of the tags `ends`, which is returned.
    fn block(
        &mut self,
        opened: Option<(&str, usize)>,
        ends: &[&str],
    ) -> Result<(Vec<Node>, Option<Tag>), TemplateError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX
            && let Some((_, offset)) = opened
        {
            let what = format!("blocks stand in blocks at most {DEPTH_MAX} deep");
            return Err(self.error(offset, what));
        }
        let mut nodes = Vec::new();
        while let Some(piece) = self.pieces.next() {
            match piece {
                Piece::Text(range) if range.is_empty() => {}
                Piece::Text(range) => {
                    let offset = range.start;
                    nodes.push(Node::Text { text: self.source[range].to_owned(), offset });
                }
                Piece::Output(range) => {
                    let mut arguments = self.arguments(range)?;
                    let chain = self.chain(&mut arguments)?;
                    self.check_raw(&chain)?;
                    self.end(arguments)?;
                    nodes.push(Node::Output(chain));
                }
                Piece::Tag(range) => {
                    let tag = self.tag(range)?;
                    if ends.contains(&tag.name.as_str()) {
                        self.depth -= 1;
                        return Ok((nodes, Some(tag)));
                    }
                    nodes.push(self.node(tag, opened)?);
                }
            }
        }
        self.depth -= 1;
        match opened {
            None => Ok((nodes, None)),
            Some((name, offset)) => {
                let what = format!("{name} is not closed; write {{% end{name} %}} where it ends");
                Err(self.error(offset, what))
            }
        }
    }

    fn node(&mut self, tag: Tag, opened: Option<(&str, usize)>) -> Result<Node, TemplateError> {
        let Tag { name, mut arguments, offset } = tag;
        let node = match name.as_str() {
            "if" | "unless" => return self.if_block(&name, arguments, offset),
            "case" => return self.case_block(arguments, offset),
            "for" | "tablerow" => return self.loop_block(&name, arguments, offset),
            "capture" => return self.capture_block(arguments, offset),
            "break" | "continue" if self.loops == 0 => {
                let what = format!("{name} stands outside of a loop; write it inside of for");
                return Err(self.error(offset, what));
            }
            "break" => Node::Break,
            "continue" => Node::Continue,
            "cycle" => self.cycle(&mut arguments, offset)?,
            "assign" => self.assign(&mut arguments)?,
            "recommend" => self.recommend(&mut arguments, offset)?,
            "item" => self.item(&mut arguments, offset)?,
            "linked" => self.linked(&mut arguments, offset)?,
            "abort" => self.abort(&mut arguments, offset)?,
            "include" | "render" | "layout" | "section" => {
                let what = format!(
                    "{name} is not available: a template stands alone; write its text here"
                );
                return Err(self.error(offset, what));
            }
            name => return Err(self.misplaced(name, offset, opened)),
        };
        self.end(arguments)?;
        Ok(node)
    }

    fn misplaced(&self, name: &str, offset: usize, opened: Option<(&str, usize)>) -> TemplateError {
        let block = name.strip_prefix("end").filter(|block| TAGS.contains(block));
        let what = match (block, opened) {
            (Some(_), Some((open, _))) => {
                format!("{name} closes nothing here: {open} is open; write {{% end{open} %}} first")
            }
            (Some(block), None) => format!("{name} closes nothing; remove it, or open {block}"),
            (None, _) if matches!(name, "else" | "elsif" | "when") => {
                format!("{name} does not belong here; write it inside of if, unless, case or for")
            }
            (None, _) => format!("there is no tag {name}{}", suggest(name, TAGS.into_iter())),
        };
        self.error(offset, what)
    }

    fn if_block(
        &mut self,
        name: &str,
        mut arguments: Arguments,
        offset: usize,
    ) -> Result<Node, TemplateError> {
        let end = format!("end{name}");
        let mut condition = self.condition(&mut arguments)?;
        condition.negated = name == "unless";
        self.end(arguments)?;
        let mut branches = Vec::new();
        loop {
            let (body, closing) =
                self.block(Some((name, offset)), &["elsif", "else", end.as_str()])?;
            branches.push((condition, body));
            let Some(Tag { name: closing, mut arguments, .. }) = closing else {
                return Ok(Node::If { branches, otherwise: Vec::new() });
            };
            match closing.as_str() {
                "elsif" => condition = self.condition(&mut arguments)?,
                "else" => {
                    self.end(arguments)?;
                    let (otherwise, closing) = self.block(Some((name, offset)), &[end.as_str()])?;
                    self.end_of(closing)?;
                    return Ok(Node::If { branches, otherwise });
                }
                _ => {
                    self.end(arguments)?;
                    return Ok(Node::If { branches, otherwise: Vec::new() });
                }
            }
            self.end(arguments)?;
        }
    }

    fn case_block(
        &mut self,
        mut arguments: Arguments,
        offset: usize,
    ) -> Result<Node, TemplateError> {
        const ENDS: [&str; 3] = ["when", "else", "endcase"];
        let subject = self.expression(&mut arguments)?;
        self.end(arguments)?;
        let opened = Some(("case", offset));
        let (before, mut closing) = self.block(opened, &ENDS)?;
        let is_blank =
            |node: &Node| matches!(node, Node::Text { text, .. } if text.trim().is_empty());
        if !before.iter().all(is_blank) {
            let what = "nothing may stand between case and its first when; move it before case";
            return Err(self.error(offset, what));
        }
        let (mut whens, mut otherwise) = (Vec::new(), Vec::new());
        while let Some(Tag { name, mut arguments, offset: at }) = closing {
            let mut values = Vec::new();
            if name == "when" {
                values.push(self.expression(&mut arguments)?);
                while arguments.take(",") || arguments.take_name("or") {
                    values.push(self.expression(&mut arguments)?);
                }
            }
            self.end(arguments)?;
            if name == "endcase" {
                break;
            }
            let (body, next) = self.block(opened, &ENDS)?;
            if name == "when" {
                whens.push((values, body));
            } else if next.as_ref().is_some_and(|next| next.name != "endcase") {
                return Err(self.error(at, "else is the last part of case; move it down"));
            } else {
                otherwise = body;
            }
            closing = next;
        }
        Ok(Node::Case { subject, whens, otherwise })
    }

    fn loop_block(
        &mut self,
        name: &str,
        mut arguments: Arguments,
        offset: usize,
    ) -> Result<Node, TemplateError> {
        let variable = self.definition(&mut arguments)?;
        if !arguments.take_name("in") {
            let what = format!("write {{% {name} x in list %}}: \"in\" is missing");
            return Err(self.error(arguments.place(), what));
        }
        let source = if arguments.take("(") {
            let first = self.expression(&mut arguments)?;
            self.expect(&mut arguments, "..")?;
            let last = self.expression(&mut arguments)?;
            self.expect(&mut arguments, ")")?;
            LoopSource::Range(first, last)
        } else {
            LoopSource::List(self.expression(&mut arguments)?)
        };
        let mut made = Loop {
            variable,
            source,
            limit: None,
            skip: None,
            reversed: false,
            body: Vec::new(),
            otherwise: Vec::new(),
            table: (name == "tablerow").then_some(None),
            offset,
        };
        loop {
            arguments.take(",");
            let Some((option, at)) = arguments.name() else { break };
            match (option.as_str(), &mut made.table) {
                ("reversed", _) => made.reversed = true,
                ("limit", _) => made.limit = Some(self.option(&mut arguments)?),
                ("offset", _) => made.skip = Some(self.option(&mut arguments)?),
                ("cols", Some(_)) => made.table = Some(Some(self.option(&mut arguments)?)),
                (option, _) => {
                    let known = ["limit", "offset", "reversed", "cols"].into_iter();
                    let what = format!("{name} knows no {option}{}", suggest(option, known));
                    return Err(self.error(at, what));
                }
            }
        }
        self.end(arguments)?;
        let end = format!("end{name}");
        let ends = ["else", end.as_str()];
        self.loops += 1;
        let ends = if made.table.is_some() { &ends[1..] } else { &ends[..] };
        let (body, closing) = self.block(Some((name, offset)), ends)?;
        self.loops -= 1;
        made.body = body;
        if closing.as_ref().is_some_and(|closing| closing.name == "else") {
            self.end_of(closing)?;
            let (otherwise, closing) = self.block(Some((name, offset)), &[end.as_str()])?;
            made.otherwise = otherwise;
            self.end_of(closing)?;
        } else {
            self.end_of(closing)?;
        }
        Ok(Node::For(Box::new(made)))
    }

    fn capture_block(
        &mut self,
        mut arguments: Arguments,
        offset: usize,
    ) -> Result<Node, TemplateError> {
        let name = self.definition(&mut arguments)?;
        self.end(arguments)?;
        let (body, closing) = self.block(Some(("capture", offset)), &["endcapture"])?;
        self.end_of(closing)?;
        Ok(Node::Capture { name, body, offset })
    }

    fn end_of(&self, tag: Option<Tag>) -> Result<(), TemplateError> {
        tag.map_or(Ok(()), |tag| self.end(tag.arguments))
    }

    fn end(&self, mut arguments: Arguments) -> Result<(), TemplateError> {
        let Some((_, span)) = arguments.tokens.next() else { return Ok(()) };
        let what = format!("{} is too much here; remove it", &self.source[span.clone()]);
        Err(self.error(span.start, what))
    }

    fn check_raw(&self, chain: &Chain) -> Result<(), TemplateError> {
        match &chain.input.kind {
            Kind::Variable { root, .. }
                if chain.raw && matches!(root.as_str(), "profile" | "event") =>
            {
                let what =
                    format!("values of {root} come from people and are always escaped; remove raw");
                Err(self.error(chain.input.span.start, what))
            }
            _ => Ok(()),
        }
    }

    /// Every variable begins with a root, or is defined somewhere.
    fn check_variables(&self) -> Result<(), TemplateError> {
        let known = |name: &str| {
            ROOTS.contains(&name) || LOOP_ROOTS.contains(&name) || self.defined.contains(name)
        };
        let Some((name, offset)) = self.used.iter().find(|(name, _)| !known(name)) else {
            return Ok(());
        };
        let way_out = match name.as_str() {
            "Profile" | "user" | "User" | "traits" => "; write profile.traits.x".to_owned(),
            "Event" | "properties" => "; write event.properties.x".to_owned(),
            "Catalog" => {
                "; write {% item \"catalog\" id: event.properties.x as row %} before".to_owned()
            }
            "Linked" => "; write {% linked \"name\" as answer %} before".to_owned(),
            _ => suggest(name, ROOTS.into_iter().chain(self.defined.iter().map(String::as_str))),
        };
        Err(self.error(*offset, format!("there is no variable {name}{way_out}")))
    }
}

/// The known name that is nearest to a wrong one, or all of them.
pub(crate) fn suggest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> String {
    let known: Vec<&str> = known.collect();
    let near = known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .min();
    match near {
        Some((_, candidate)) => format!("; write {candidate}"),
        None => format!("; known are {}", known.join(", ")),
    }
}
