//! From where in a message the value of a field can come, for explanations and errors.

use std::fmt;

use super::{Expr, TextSource};
use crate::path::Path;

/// The name of a member with its source.
pub(crate) type Member = (String, Expr);

impl Expr {
    /// The paths that are tried, in their order, each once. Those inside of `@arrayPath` are
    /// relative to its elements and not among them.
    pub(crate) fn paths(&self) -> Vec<&Path> {
        let mut paths = Vec::new();
        self.collect_paths(&mut paths);
        paths
    }

    fn collect_paths<'e>(&'e self, paths: &mut Vec<&'e Path>) {
        let mut add = |path: &'e Path| {
            if !paths.contains(&path) {
                paths.push(path);
            }
        };
        match self {
            Self::Path(TextSource::Fixed(path)) => add(path),
            Self::ArrayPath(array) => match &array.array {
                TextSource::Fixed(path) => add(path),
                TextSource::Resolved(expr) => expr.collect_paths(paths),
            },
            Self::Path(TextSource::Resolved(expr))
            | Self::Template(TextSource::Resolved(expr))
            | Self::Literal(expr)
            | Self::ExcludeWhenNull(expr)
            | Self::Flatten { value: expr, .. }
            | Self::Json { value: expr, .. }
            | Self::Transform { apply: expr, .. } => expr.collect_paths(paths),
            Self::If(choice) => {
                let parts =
                    [Some(&choice.operand), choice.then.as_ref(), choice.otherwise.as_ref()];
                parts.into_iter().flatten().for_each(|part| part.collect_paths(paths));
            }
            Self::Case(case) => case.value.collect_paths(paths),
            Self::Replace(replace) => replace.value().collect_paths(paths),
            Self::List(items) | Self::Merge { objects: items, .. } => {
                items.iter().for_each(|item| item.collect_paths(paths));
            }
            Self::Map(members) => {
                members.iter().for_each(|(_, member)| member.collect_paths(paths));
            }
            Self::Raw(_) | Self::Template(_) | Self::Liquid(_) | Self::Fails(_) => {}
        }
    }

    /// The members of an object, or of the shape of an array with the array's path.
    pub(crate) fn members(&self) -> Option<(Option<&Path>, &[Member])> {
        match self {
            Self::Map(members) => Some((None, members)),
            Self::ArrayPath(array) => match (&array.array, &array.shape) {
                (TextSource::Fixed(path), Some(Self::Map(members))) => Some((Some(path), members)),
                _ => None,
            },
            _ => None,
        }
    }
}

impl fmt::Display for Expr {
    /// The paths of the value, for people: `$.properties.product_id, else $.properties.sku`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Raw(value) => f.write_str(&value.print()),
            Self::Literal(value) => value.fmt(f),
            Self::Map(members) => {
                let members: Vec<String> =
                    members.iter().map(|(name, from)| format!("{name} from {from}")).collect();
                f.write_str(&members.join(", "))
            }
            Self::If(choice) => {
                let first = choice.then.as_ref().unwrap_or(&choice.operand);
                first.fmt(f)?;
                choice.otherwise.as_ref().map_or(Ok(()), |other| write!(f, ", else {other}"))
            }
            Self::Template(TextSource::Fixed(text)) => f.write_str(text),
            Self::Liquid(template) => f.write_str(template.text()),
            other => {
                let paths: Vec<&str> = other.paths().into_iter().map(Path::text).collect();
                f.write_str(&paths.join(", "))
            }
        }
    }
}
