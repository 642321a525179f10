//! The reference evaluator: walks the tree for one row, with values of dynamic types.

use crate::context::{Context, InteractionKind};
use crate::conversions;
use crate::functions::Function;
use crate::geo::{Region, earth_distance, to_place};
use crate::limits::{STEPS_MAX, VALUE_WEIGHT_MAX};
use crate::math::Math;
use crate::operators::{arithmetic, compare, reduce};
use crate::rows::{Column, Rows, at, set_at, to_seconds};
use crate::syntax::{LambdaOp, LogicOp, NodeKind, Source, Tree};
use crate::value::{Set, Value};

/// Evaluates a tree for a row; null where it needs too many steps.
pub(crate) fn evaluate(tree: &Tree, rows: &dyn Rows, context: &dyn Context, row: u32) -> Value {
    try_evaluate(tree, rows, context, row).unwrap_or(Value::Null)
}

/// Evaluates a tree for a row; none where it needs too many steps.
pub(crate) fn try_evaluate(
    tree: &Tree,
    rows: &dyn Rows,
    context: &dyn Context,
    row: u32,
) -> Option<Value> {
    let mut evaluation =
        Evaluation { rows, context, row, steps_left: STEPS_MAX, variables: Vec::new() };
    let value = evaluation.evaluate(tree);
    (evaluation.steps_left > 0).then_some(value)
}

/// The value of `random()` at a place of the expression, in [0, 1).
pub(crate) fn draw_random(seed: u64, row: u32, column: u32) -> f64 {
    // The finaliser of SplitMix64 (Steele, Lea, Flood 2014), which leaves no trace of the order of
    // rows and columns.
    let mut bits =
        seed ^ (u64::from(row) << 32 | u64::from(column)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    // A double holds 53 bits.
    ((bits ^ (bits >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

struct Evaluation<'e> {
    rows: &'e dyn Rows,
    context: &'e dyn Context,
    row: u32,
    /// At zero everything is null, so that the evaluation ends soon.
    steps_left: usize,
    variables: Vec<Value>,
}

impl Evaluation<'_> {
    fn evaluate(&mut self, tree: &Tree) -> Value {
        self.charge(1);
        if self.steps_left == 0 {
            return Value::Null;
        }
        match &tree.kind {
            NodeKind::Constant(value) => value.clone(),
            NodeKind::Exhausted => self.give_up(),
            NodeKind::Property(name) => self.read_property(name),
            NodeKind::Variable(variable) => self.variables[*variable].clone(),
            NodeKind::Not(operand) => Value::Boolean(!self.holds(operand)),
            NodeKind::Negate(operand) => {
                self.evaluate(operand).number().map_or(Value::Null, |number| number.negate().into())
            }
            NodeKind::Plus(operand) => {
                self.evaluate(operand).number().map_or(Value::Null, Value::from)
            }
            NodeKind::Logic(LogicOp::And, operands) => {
                Value::Boolean(operands.iter().all(|operand| self.holds(operand)))
            }
            NodeKind::Logic(LogicOp::Or, operands) => {
                Value::Boolean(operands.iter().any(|operand| self.holds(operand)))
            }
            NodeKind::Arithmetic(first, links) => {
                let first = self.evaluate(first);
                links.iter().fold(first, |left, link| {
                    let right = self.evaluate(&link.right);
                    self.charge_value(arithmetic(link.op, &left, &right))
                })
            }
            NodeKind::Comparison(first, links) => {
                let mut left = self.evaluate(first);
                Value::Boolean(links.iter().all(|link| {
                    let right = self.evaluate(&link.right);
                    let holds = compare(link.op, &left, &right);
                    left = right;
                    holds
                }))
            }
            NodeKind::If { condition, then, otherwise } => {
                let chosen = if self.holds(condition) { then } else { otherwise };
                self.evaluate(chosen)
            }
            NodeKind::Set(elements) => {
                let elements = elements.iter().map(|element| self.evaluate(element)).collect();
                self.charge_value(Value::Set(Set::new(elements)))
            }
            NodeKind::Array(elements) => {
                let elements = elements.iter().map(|element| self.evaluate(element)).collect();
                self.charge_value(Value::Array(elements))
            }
            NodeKind::Index(base, index) => {
                let (base, index) = (self.evaluate(base), self.evaluate(index));
                find_element(&base, &index).cloned().unwrap_or(Value::Null)
            }
            NodeKind::Lookup(source, key) => self.look_up(source, key),
            NodeKind::Call(Function::Random, _) => {
                Value::Double(draw_random(self.context.seed(), self.row, tree.column))
            }
            NodeKind::Call(function, arguments) => {
                let arguments: Vec<_> =
                    arguments.iter().map(|argument| self.evaluate(argument)).collect();
                if arguments.contains(&Value::Null) {
                    return Value::Null;
                }
                let value = self.call(*function, &arguments).unwrap_or(Value::Null);
                self.charge_value(value)
            }
            NodeKind::Lambda { op, variable, body, collection } => {
                self.evaluate_lambda(*op, *variable, body, collection)
            }
        }
    }

    fn holds(&mut self, tree: &Tree) -> bool {
        self.evaluate(tree).holds()
    }

    fn read_property(&mut self, name: &str) -> Value {
        if name == self.rows.subject().id_property() {
            return Value::text(self.rows.id(self.row));
        }
        let row = self.row;
        let value = match self.rows.column(name) {
            None => None,
            Some(Column::Int(values)) => at(values, row).map(Value::Int),
            Some(Column::Double(values)) => at(values, row).map(Value::Double),
            Some(Column::Boolean(values)) => at(values, row).map(Value::Boolean),
            Some(Column::Timestamp(values)) => {
                at(values, row).map(|ms| Value::Timestamp(to_seconds(ms)))
            }
            Some(Column::String(values, texts)) => {
                at(values, row).map(|id| Value::text(texts.text(id)))
            }
            Some(Column::Set(values, texts)) => {
                let ids = set_at(values, row).unwrap_or_default();
                self.charge(ids.len());
                Some(Value::Set(Set::new(
                    ids.iter().map(|id| Value::text(texts.text(*id))).collect(),
                )))
            }
        };
        value.unwrap_or(Value::Null)
    }

    fn look_up(&mut self, source: &Source, key: &Tree) -> Value {
        let item = match source {
            Source::Item(item) => self.evaluate(item),
            _ => Value::Null,
        };
        let key = self.evaluate(key);
        let Some(key) = key.as_text() else {
            return Value::Null;
        };
        match source {
            Source::ContextItem => self.context.context_item(key),
            Source::ContextUser => self.context.context_user(key),
            Source::ContextSegment => self.context.context_segment(key),
            Source::Item(_) => {
                item.as_text().map_or(Value::Null, |item| self.context.item_value(item, key))
            }
        }
    }

    /// Calls a function; none where an argument has a type that it does not take.
    fn call(&mut self, function: Function, arguments: &[Value]) -> Option<Value> {
        let text = |place: usize| arguments.get(place).and_then(Value::as_text);
        let texts = |values: &[Value]| -> Option<Vec<_>> {
            values.iter().map(|value| value.as_text().map(Into::into)).collect()
        };
        Some(match function {
            Function::Now => Value::Timestamp(self.context.now_s()),
            Function::Random => unreachable!("chance needs the place of the call"),
            Function::Size => Value::Int(match text(0) {
                Some(text) => text.chars().count() as i64,
                None => arguments[0].elements()?.len() as i64,
            }),
            Function::Reduce => {
                let (op, elements) = (text(0)?, arguments[1].elements()?);
                let mut elements = elements.iter().cloned();
                let first = elements.next()?;
                elements.fold(first, |left, right| self.charge_value(reduce(op, &left, &right)))
            }
            Function::Math(math) => {
                let arguments = match arguments {
                    [only] if math.takes_many() => only.elements().unwrap_or(arguments),
                    _ => arguments,
                };
                let numbers: Option<Vec<_>> = arguments.iter().map(Value::number).collect();
                match (math, numbers) {
                    (_, Some(numbers)) if numbers.is_empty() => return None,
                    (_, Some(numbers)) => math.apply(&numbers).into(),
                    (Math::Max, None) => Value::String(texts(arguments)?.into_iter().max()?),
                    (Math::Min, None) => Value::String(texts(arguments)?.into_iter().min()?),
                    _ => return None,
                }
            }
            Function::Upper => Value::text(&text(0)?.to_uppercase()),
            Function::Lower => Value::text(&text(0)?.to_lowercase()),
            Function::Split => match (text(0)?, text(1)?) {
                (whole, "") => Value::Array([Value::text(whole)].into()),
                // One part more than the limit is enough to exceed it.
                (whole, separator) => Value::Array(
                    whole.split(separator).take(VALUE_WEIGHT_MAX + 1).map(Value::text).collect(),
                ),
            },
            Function::Boolean => conversions::to_boolean(&arguments[0]),
            Function::Number => conversions::to_number(&arguments[0]),
            Function::String => conversions::to_text(&arguments[0], text(1)),
            Function::Timestamp => conversions::to_timestamp(&arguments[0]),
            Function::DistanceOfPlaces => {
                Value::Double(earth_distance(to_place(&arguments[0])?, to_place(&arguments[1])?))
            }
            Function::Polygon => Value::Region(Region::polygon_from(&arguments[0])?.into()),
            Function::Radius => {
                let (centre, km) = (to_place(&arguments[0])?, arguments[1].number()?.as_f64());
                Value::Region(Region::Circle { centre, radius_metres: km * 1_000.0 }.into())
            }
            Function::SegmentItems => self.context.segment_items(text(0)?, text(1)?),
            Function::ItemSegments => self.context.item_segments(text(0)?, text(1)?),
            Function::UserInteractions => {
                let kinds = arguments[1].elements()?.iter();
                let kinds: Option<Vec<_>> =
                    kinds.map(|kind| kind.as_text().and_then(InteractionKind::from_name)).collect();
                let n = match arguments.get(2) {
                    Some(Value::Int(n)) => Some(usize::try_from(*n).ok()?),
                    _ => None,
                };
                self.context.user_interactions(text(0)?, &kinds?, n)
            }
            Function::Count(kind) => {
                let count =
                    self.context.interaction_count(kind, text(0)?, &texts(&arguments[1..])?)?;
                Value::Double(count)
            }
        })
    }

    fn evaluate_lambda(
        &mut self,
        op: LambdaOp,
        variable: usize,
        body: &Tree,
        collection: &Tree,
    ) -> Value {
        let collection = self.evaluate(collection);
        let Some(elements) = collection.elements() else {
            return Value::Null;
        };
        let mut found = Vec::new();
        for element in elements {
            // A lambda that is evaluated alone, as a constant part, has no variables of outer
            // lambdas.
            self.variables.resize(variable, Value::Null);
            self.variables.push(element.clone());
            let value = self.evaluate(body);
            match op {
                LambdaOp::Exists if value.holds() => return Value::Boolean(true),
                LambdaOp::Select if value.holds() => found.push(element.clone()),
                LambdaOp::Map => found.push(value),
                LambdaOp::Exists | LambdaOp::Select => {}
            }
            if self.steps_left == 0 {
                return Value::Null;
            }
        }
        match (op, &collection) {
            (LambdaOp::Exists, _) => Value::Boolean(false),
            (LambdaOp::Select, Value::Array(_)) => self.charge_value(Value::Array(found.into())),
            _ => self.charge_value(Value::Set(Set::new(found))),
        }
    }

    /// Charges the weight of a value that the evaluation made. A value over the limit ends the
    /// evaluation.
    fn charge_value(&mut self, value: Value) -> Value {
        let weight = value.weight();
        self.charge(weight);
        if weight > VALUE_WEIGHT_MAX { self.give_up() } else { value }
    }

    /// Makes the whole evaluation null: a part that could not be computed must not turn into true
    /// behind a `not`.
    fn give_up(&mut self) -> Value {
        self.steps_left = 0;
        Value::Null
    }

    fn charge(&mut self, steps: usize) {
        self.steps_left = self.steps_left.saturating_sub(steps);
    }
}

fn find_element<'v>(base: &'v Value, index: &Value) -> Option<&'v Value> {
    match (base, index) {
        (Value::Array(elements), Value::Int(index)) => elements.get(usize::try_from(*index).ok()?),
        (Value::Dictionary(entries), Value::String(name)) => entries.get(name),
        _ => None,
    }
}
