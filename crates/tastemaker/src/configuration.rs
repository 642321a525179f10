//! Files that people write: TOML with no unknown keys, and errors that name the nearest known one.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use fs_err as fs;
use serde::de::DeserializeOwned;

/// Reads a file whose every key must be known.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path)?;
    parse(&text).with_context(|| format!("cannot use {}", path.display()))
}

pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T> {
    toml::from_str(text).map_err(|error| {
        let shown = error.to_string();
        match nearest_key(&shown) {
            Some(nearest) => anyhow!("{}\ndid you mean `{nearest}`?", shown.trim_end()),
            None => anyhow!("{}", shown.trim_end()),
        }
    })
}

/// Of the keys that the message says were expected, the one most like the unknown one.
fn nearest_key(message: &str) -> Option<&str> {
    let rest = message.split("unknown field `").nth(1)?;
    let mut quoted = rest.split('`').step_by(2);
    let unknown = quoted.next()?;
    let expected: Vec<&str> = rest.split('`').skip(2).step_by(2).collect();
    nearest(unknown, &expected)
}

/// Of what is known, what was probably meant.
pub(crate) fn nearest<'k>(unknown: &str, known: &[&'k str]) -> Option<&'k str> {
    let distances = known.iter().map(|known| (strsim::damerau_levenshtein(unknown, known), *known));
    let (_, nearest) =
        distances.min().filter(|(distance, known)| *distance <= known.len().max(unknown.len()) / 2)?;
    Some(nearest)
}
