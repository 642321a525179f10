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

/// The expected key that is most similar to the unknown one.
fn nearest_key(message: &str) -> Option<&str> {
    let rest = message.split("unknown field `").nth(1)?;
    let mut quoted = rest.split('`').step_by(2);
    let unknown = quoted.next()?;
    let expected: Vec<&str> = rest.split('`').skip(2).step_by(2).collect();
    nearest(unknown, &expected)
}

/// The known name that was probably meant.
pub(crate) fn nearest<'k>(unknown: &str, known: &[&'k str]) -> Option<&'k str> {
    let distances = known.iter().map(|known| (strsim::damerau_levenshtein(unknown, known), *known));
    let (_, nearest) = distances
        .min()
        .filter(|(distance, known)| *distance <= known.len().max(unknown.len()) / 2)?;
    Some(nearest)
}

/// For tests: the keys that a file may have, and those that a page of the documentation lists.
#[cfg(test)]
pub(crate) mod documented {
    use std::collections::BTreeSet;

    use serde::de::DeserializeOwned;

    /// The keys that the program names when it refuses a text for its only unknown key.
    pub(crate) fn keys_known<T: DeserializeOwned>(text: &str) -> BTreeSet<String> {
        let Err(error) = toml::from_str::<T>(text) else { panic!("no key of {text:?} is unknown") };
        let message = error.to_string();
        let (_, expected) = message.split_once("unknown field `").expect("a key is unknown");
        expected.split('`').skip(2).step_by(2).map(str::to_owned).collect()
    }

    /// The keys in the first column of the table below this heading.
    pub(crate) fn keys_listed(page: &str, heading: &str) -> BTreeSet<String> {
        let (_, section) =
            page.split_once(&format!("\n## {heading}\n")).expect("the page has the heading");
        let section = section.split("\n## ").next().unwrap_or(section);
        let first_cells =
            section.lines().filter_map(|line| line.strip_prefix("| `")?.split('|').next());
        let keys = first_cells.flat_map(|cell| cell.split('`').step_by(2)).map(str::trim);
        keys.filter(|key| !key.is_empty()).map(str::to_owned).collect()
    }
}
