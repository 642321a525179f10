//! Type-checks a tree against a schema.

use crate::context::InteractionCount;
use crate::error::{ErrorKind, ReqlError};
use crate::functions::{COLLECTION, Function};
use crate::kind::{Schema, Subject, Type};
use crate::syntax::{ArithmeticOp, CompareOp, LambdaOp, Link, NodeKind, Source, Tree};
use crate::value::Value;

/// The operators that `reduce` knows.
const REDUCERS: [&str; 10] = ["+", "-", "*", "/", "%", "&", "max", "min", "and", "or"];

/// The sign of the ratings that `num_item_ratings` counts.
const RATING_SIGNS: [&str; 2] = ["negative", "positive"];

/// Infers the type of a tree's value.
///
/// # Errors
/// A property is unknown, or an operand or argument has the wrong type.
pub(crate) fn infer_type(tree: &Tree, schema: &dyn Schema) -> Result<Type, ReqlError> {
    Checker { schema }.infer(tree)
}

struct Checker<'s> {
    schema: &'s dyn Schema,
}

type Checked = Result<Type, ReqlError>;

fn refuse<T>(column: u32, message: String) -> Result<T, ReqlError> {
    Err(ReqlError::new(ErrorKind::Type, column, message))
}

impl Checker<'_> {
    fn infer(&self, tree: &Tree) -> Checked {
        match &tree.kind {
            NodeKind::Constant(value) => Ok(type_of_value(value)),
            NodeKind::Exhausted => Ok(Type::Null),
            NodeKind::Property(name) => {
                self.infer_property(self.schema.subject(), name, tree.column)
            }
            NodeKind::Variable(_) => Ok(Type::Any),
            NodeKind::Not(operand) => self.check_boolean("not", operand),
            NodeKind::Negate(operand) | NodeKind::Plus(operand) => match self.infer(operand)? {
                known if known.is_open() => Ok(known),
                Type::Int => Ok(Type::Int),
                Type::Double | Type::Timestamp => Ok(Type::Double),
                other => refuse(tree.column, format!("a sign needs a number, not {other}")),
            },
            NodeKind::Logic(_, operands) => {
                operands
                    .iter()
                    .try_for_each(|operand| self.check_boolean("and / or", operand).map(drop))?;
                Ok(Type::Boolean)
            }
            NodeKind::Arithmetic(first, links) => {
                self.infer_chain(first, links, combine_arithmetic)
            }
            NodeKind::Comparison(first, links) => {
                self.infer_chain(first, links, combine_comparison)?;
                Ok(Type::Boolean)
            }
            NodeKind::If { condition, then, otherwise } => {
                self.check_boolean("if", condition)?;
                Ok(self.infer(then)?.or(self.infer(otherwise)?))
            }
            NodeKind::Set(elements) => self.check_elements(elements, Type::Set),
            NodeKind::Array(elements) => self.check_elements(elements, Type::Array),
            NodeKind::Index(base, index) => self.infer_index(base, index),
            NodeKind::Lookup(source, key) => self.infer_lookup(source, key),
            NodeKind::Call(function, arguments) => self.infer_call(*function, arguments),
            NodeKind::Lambda { op, body, collection, .. } => {
                self.infer_lambda(*op, body, collection)
            }
        }
    }

    fn infer_property(&self, subject: Subject, name: &str, column: u32) -> Checked {
        if name == subject.id_property() {
            return Ok(Type::String);
        }
        let (found, of) = match subject {
            Subject::Items => (self.schema.item_property(name), "items"),
            Subject::Users => (self.schema.user_property(name), "users"),
            Subject::Segments => (self.schema.segment_property(name), "segments"),
        };
        found.ok_or_else(|| {
            ReqlError::new(
                ErrorKind::UnknownProperty,
                column,
                format!("{of} have no property '{name}'"),
            )
        })
    }

    fn infer_context_user_property(&self, name: &str, column: u32) -> Checked {
        if name == Subject::Users.id_property() {
            return Ok(Type::String);
        }
        self.schema.context_user_property(name).ok_or_else(|| {
            let nearest = self.schema.nearest_context_user_property(name);
            let hint = nearest.map_or_else(String::new, |name| format!("; did you mean '{name}'?"));
            let message = format!("users have no property '{name}'{hint}");
            ReqlError::new(ErrorKind::UnknownProperty, column, message)
        })
    }

    fn check_boolean(&self, of: &str, operand: &Tree) -> Checked {
        match self.infer(operand)? {
            Type::Boolean | Type::Null | Type::Any => Ok(Type::Boolean),
            other => refuse(operand.column, format!("{of} needs boolean, not {other}")),
        }
    }

    fn check_elements(&self, elements: &[Tree], result: Type) -> Checked {
        elements.iter().try_for_each(|element| self.infer(element).map(drop))?;
        Ok(result)
    }

    fn infer_chain<Op: Copy>(
        &self,
        first: &Tree,
        links: &[Link<Op>],
        combine: fn(Op, Type, Type) -> Result<Type, String>,
    ) -> Checked {
        let mut left = self.infer(first)?;
        for link in links {
            let right = self.infer(&link.right)?;
            left = combine(link.op, left, right).or_else(|message| refuse(link.column, message))?;
        }
        Ok(left)
    }

    fn infer_index(&self, base: &Tree, index: &Tree) -> Checked {
        let (base_type, index_type) = (self.infer(base)?, self.infer(index)?);
        let wanted = match base_type {
            Type::Null => return Ok(Type::Null),
            Type::Any => &[Type::Int, Type::String][..],
            Type::Array => &[Type::Int],
            Type::Dictionary => &[Type::String],
            other => return refuse(base.column, format!("{other} has no elements to index")),
        };
        if index_type.is_open() || wanted.contains(&index_type) {
            return Ok(Type::Any);
        }
        refuse(index.column, format!("{base_type} is not indexed by {index_type}"))
    }

    fn infer_lookup(&self, source: &Source, key: &Tree) -> Checked {
        if let Source::Item(item) = source {
            let item_type = self.infer(item)?;
            if !item_type.is_open() && item_type != Type::String {
                return refuse(
                    item.column,
                    format!("item_values takes the id of an item, not {item_type}"),
                );
            }
        }
        let key_type = self.infer(key)?;
        if !key_type.is_open() && key_type != Type::String {
            return refuse(
                key.column,
                format!("the name of a property is a string, not {key_type}"),
            );
        }
        let subject = match source {
            Source::ContextItem | Source::Item(_) => Subject::Items,
            Source::ContextUser => Subject::Users,
            Source::ContextSegment => Subject::Segments,
        };
        match (source, &key.kind) {
            (Source::ContextUser, NodeKind::Constant(Value::String(name))) => {
                self.infer_context_user_property(name, key.column)
            }
            (_, NodeKind::Constant(Value::String(name))) => {
                self.infer_property(subject, name, key.column)
            }
            _ => Ok(Type::Any),
        }
    }

    fn infer_call(&self, function: Function, arguments: &[Tree]) -> Checked {
        let signature = function.signature();
        let (mut all_int, mut types) = (true, Vec::new());
        for (place, argument) in arguments.iter().enumerate() {
            let found = self.infer(argument)?;
            let wanted =
                signature.argument_types(place).expect("the parser checks the number of arguments");
            if !found.is_open() && !wanted.contains(&found) {
                let wanted: Vec<_> = wanted.iter().map(Type::to_string).collect();
                let (name, wanted) = (signature.name, wanted.join(" or "));
                let message =
                    format!("argument {} of {name} must be {wanted}, not {found}", place + 1);
                return refuse(argument.column, message);
            }
            all_int &= found == Type::Int;
            types.push(found);
        }
        if let Function::Math(math) = function
            && math.takes_many()
            && !all_int
        {
            return self.infer_aggregate(signature.name, signature.result, arguments, &types);
        }
        match (function, arguments.first().map(|argument| &argument.kind)) {
            (Function::Reduce, Some(NodeKind::Constant(Value::String(op))))
                if !REDUCERS.contains(&&**op) =>
            {
                refuse(
                    arguments[0].column,
                    format!("reduce knows {}, not {op:?}", REDUCERS.join(" ")),
                )
            }
            (Function::Count(InteractionCount::Ratings), _) => {
                for sign in &arguments[1..] {
                    if let NodeKind::Constant(Value::String(word)) = &sign.kind
                        && !RATING_SIGNS.contains(&&**word)
                    {
                        let known = RATING_SIGNS.join(" and ");
                        return refuse(
                            sign.column,
                            format!("ratings are counted by {known}, not {word:?}"),
                        );
                    }
                }
                Ok(signature.result)
            }
            (Function::Math(math), _) if all_int && math.keeps_int() => Ok(Type::Int),
            _ => Ok(signature.result),
        }
    }

    /// Infers the type of `max`, `min` or `avg` of numbers, of texts, or of the elements of one
    /// collection.
    fn infer_aggregate(
        &self,
        name: &str,
        of_numbers: Type,
        arguments: &[Tree],
        types: &[Type],
    ) -> Checked {
        let is_text = |found: &Type| *found == Type::String;
        let has_number = types.iter().any(|found| found.is_number());
        if let Some(place) = types.iter().position(|found| COLLECTION.contains(found))
            && types.len() > 1
        {
            return refuse(
                arguments[place].column,
                format!("{name} takes one {} alone", types[place]),
            );
        }
        if let Some(place) = types.iter().position(is_text)
            && has_number
        {
            return refuse(
                arguments[place].column,
                format!("{name} takes numbers or strings, not both"),
            );
        }
        let is_known = has_number || types.contains(&Type::Null);
        Ok(match () {
            () if types.iter().any(is_text) => Type::String,
            () if is_known || name == "avg" => of_numbers,
            () => Type::Any,
        })
    }

    fn infer_lambda(&self, op: LambdaOp, body: &Tree, collection: &Tree) -> Checked {
        let collection_type = self.infer(collection)?;
        if !collection_type.is_open() && !COLLECTION.contains(&collection_type) {
            let message = format!("a lambda runs through a set or an array, not {collection_type}");
            return refuse(collection.column, message);
        }
        match op {
            LambdaOp::Map => self.infer(body).map(|_| Type::Set),
            LambdaOp::Select => self.check_boolean("select", body).map(|_| collection_type),
            LambdaOp::Exists => self.check_boolean("exists", body),
        }
    }
}

fn type_of_value(value: &Value) -> Type {
    match value {
        Value::Null => Type::Null,
        Value::Boolean(_) => Type::Boolean,
        Value::Int(_) => Type::Int,
        Value::Double(_) => Type::Double,
        Value::Timestamp(_) => Type::Timestamp,
        Value::String(_) => Type::String,
        Value::Set(_) => Type::Set,
        Value::Array(_) => Type::Array,
        Value::Dictionary(_) => Type::Dictionary,
        Value::Region(_) => Type::Region,
    }
}

fn combine_arithmetic(op: ArithmeticOp, left: Type, right: Type) -> Result<Type, String> {
    use ArithmeticOp::{Add, Divide, Intersect, Subtract};
    let fits = |wanted: &dyn Fn(Type) -> bool| {
        (left.is_open() || wanted(left)) && (right.is_open() || wanted(right))
    };
    if left.is_open() && right.is_open() {
        Ok(Type::Any)
    } else if op != Intersect && fits(&Type::is_number) {
        let both_int = left == Type::Int && right == Type::Int;
        let may_be_null = left == Type::Null || right == Type::Null;
        Ok(match () {
            () if may_be_null => Type::Null,
            () if both_int && op != Divide => Type::Int,
            () => Type::Double,
        })
    } else if op == Add && fits(&|operand| operand == Type::String) {
        Ok(Type::String)
    } else if matches!(op, Add | Subtract | Intersect) && fits(&|operand| operand == Type::Set) {
        Ok(Type::Set)
    } else {
        Err(format!("the operator has no meaning between {left} and {right}"))
    }
}

/// Checks one link of a chain of comparisons; its right side is the left side of the next.
fn combine_comparison(op: CompareOp, left: Type, right: Type) -> Result<Type, String> {
    let comparable = match op {
        CompareOp::Equal | CompareOp::NotEqual => true,
        CompareOp::In | CompareOp::NotIn => match right {
            Type::Null | Type::Any | Type::Set | Type::Array => true,
            Type::String => left.is_open() || left == Type::String,
            Type::Region => left.is_open() || left == Type::Array,
            _ => false,
        },
        _ => {
            let ordered = |side: Type| side.is_number() || matches!(side, Type::String | Type::Set);
            match (left.is_open(), right.is_open()) {
                (true, true) => true,
                (true, false) => ordered(right),
                (false, true) => ordered(left),
                (false, false) => {
                    ordered(left) && (left == right || (left.is_number() && right.is_number()))
                }
            }
        }
    };
    if comparable {
        return Ok(right);
    }
    let mixes_time =
        matches!((left, right), (Type::Timestamp, Type::String) | (Type::String, Type::Timestamp));
    let hint = if mixes_time { "; an instant in words is timestamp(\"...\")" } else { "" };
    Err(format!("the operator has no meaning between {left} and {right}{hint}"))
}
