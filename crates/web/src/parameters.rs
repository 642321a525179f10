//! Query parameters, read by the names and types of a struct. Mistakes are told by their name, with
//! what the parameter takes.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, DeserializeOwned, IntoDeserializer, Visitor};
use serde::{Deserializer, forward_to_deserialize_any};

use crate::error::ApiError;

/// Whether the query of a request was read, for a front end that must not pass over one: it stands
/// among the extensions of the request, and is asked once the answer is there.
#[derive(Debug, Clone, Default)]
pub struct QueryUse(Arc<AtomicBool>);

impl QueryUse {
    /// Whether the handler has read the parameters.
    pub fn was_read(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Query parameters as the fields of a struct, which says with `deny_unknown_fields` that there are
/// no others. A field that is a list takes a parameter that comes several times.
pub struct Parameters<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        if let Some(QueryUse(was_read)) = parts.extensions.get() {
            was_read.store(true, Ordering::Relaxed);
        }
        let pairs = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Query(pairs) = pairs.map_err(|error| ApiError::invalid(error.body_text()))?;
        read(pairs).map(Self).map_err(ApiError::from)
    }
}

fn read<T: DeserializeOwned>(pairs: Vec<(String, String)>) -> Result<T, Mistake> {
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, text) in pairs {
        texts.entry(name).or_default().push(text);
    }
    let given = texts.into_iter().map(|(name, texts)| (name.clone(), Parameter { name, texts }));
    T::deserialize(MapDeserializer::new(given))
}

/// A sentence about a parameter.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
struct Mistake {
    what: String,
    /// The name of the parameter; none where one is missing that nobody has named.
    parameter: Option<String>,
}

impl From<Mistake> for ApiError {
    fn from(Mistake { what, parameter }: Mistake) -> Self {
        let error = Self::invalid(what);
        match parameter {
            Some(name) => error.of_parameter(name),
            None => error,
        }
    }
}

impl de::Error for Mistake {
    fn custom<T: Display>(what: T) -> Self {
        Self { what: what.to_string(), parameter: None }
    }

    fn missing_field(name: &'static str) -> Self {
        let what = format!("query parameter {name} is missing");
        Self { what, parameter: Some(name.to_owned()) }
    }

    fn unknown_field(name: &str, known: &'static [&'static str]) -> Self {
        let known = match known {
            [] => "this path takes none".to_owned(),
            known => format!("there are: {}", known.join(", ")),
        };
        let what = format!("there is no query parameter {name:?}; {known}");
        Self { what, parameter: Some(name.to_owned()) }
    }

    fn unknown_variant(_: &str, known: &'static [&'static str]) -> Self {
        Self::custom(format_args!("one of {}", known.join(", ")))
    }
}

/// A parameter with all that is given for it.
struct Parameter {
    name: String,
    texts: Vec<String>,
}

impl Parameter {
    /// The text of a parameter that comes once.
    fn text(&self) -> Result<&str, Mistake> {
        match self.texts.as_slice() {
            [text] => Ok(text),
            texts => Err(self.told(format!(
                "query parameter {} comes {} times: send it once",
                self.name,
                texts.len()
            ))),
        }
    }

    fn parse<T: std::str::FromStr>(&self, takes: &str) -> Result<T, Mistake> {
        self.text()?.parse().map_err(|_| self.mistake(takes))
    }

    fn mistake(&self, takes: impl Display) -> Mistake {
        let text = self.texts.join(", ");
        self.told(format!("query parameter {} is {text:?}, it must be {takes}", self.name))
    }

    fn told(&self, what: String) -> Mistake {
        Mistake { what, parameter: Some(self.name.clone()) }
    }
}

impl<'de> IntoDeserializer<'de, Mistake> for Parameter {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Parameter {
    type Error = Mistake;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_str(self.text()?)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_bool(self.parse("true or false")?)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_u32(self.parse(&format!("a whole number from 0 to {}", u32::MAX))?)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_u64(self.parse("a whole number")?)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_f32(self.parse("a number")?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_f64(self.parse("a number")?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_some(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        let word: de::value::StrDeserializer<'_, Mistake> = self.text()?.into_deserializer();
        word.deserialize_enum(name, variants, visitor).map_err(|takes| self.mistake(takes))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        let Self { name, texts } = self;
        let each = texts.into_iter().map(|text| Self { name: name.clone(), texts: vec![text] });
        visitor.visit_seq(SeqDeserializer::new(each))
    }

    /// A parameter that nobody asks for may come as often as it likes.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u128 char str string bytes byte_buf unit unit_struct
        newtype_struct tuple tuple_struct map struct identifier
    }
}

/// Checks that a parameter, where it is given, is one of the words that there are.
///
/// # Errors
/// Names the parameter and the words.
pub fn one_of(name: &str, given: Option<&str>, words: &[&str]) -> Result<(), ApiError> {
    match given.filter(|given| !words.contains(given)) {
        None => Ok(()),
        Some(given) => {
            let words = words.join(", ");
            let what = format!("query parameter {name} is {given:?}, it must be one of {words}");
            Err(ApiError::invalid(what).of_parameter(name))
        }
    }
}

/// A number of things within its range, by the parameter's name.
pub fn count(
    name: &str,
    wanted: Option<usize>,
    default: usize,
    max: usize,
) -> Result<usize, ApiError> {
    match wanted {
        None => Ok(default),
        Some(wanted) if (1..=max).contains(&wanted) => Ok(wanted),
        Some(wanted) => {
            let what = format!("{name} is {wanted}, it must be from 1 to {max}");
            Err(ApiError::invalid(what).of_parameter(name))
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::Relevance;
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Deserialize, Serialize)]
    #[serde(deny_unknown_fields)]
    struct Example {
        limit: Option<usize>,
        seconds: Option<u32>,
        share: Option<f32>,
        relevance: Option<Relevance>,
        verbose: Option<bool>,
        #[serde(default)]
        drop: Vec<String>,
        user: Option<String>,
    }

    fn check(query: &str) -> String {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let pairs = pairs.map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        match read::<Example>(pairs) {
            Ok(example) => format!("{query}: {}", serde_json::to_string(&example).unwrap()),
            Err(mistake) => format!("{query}: {mistake} ({:?})", mistake.parameter),
        }
    }

    #[test]
    fn parameters_are_read_by_their_types_and_mistakes_say_what_they_take() {
        let lines = [
            "",
            "limit=5&seconds=7&share=0.25&relevance=high&verbose=true&drop=a&drop=b&user=7",
            "limit=x",
            "limit=-1",
            "seconds=4294967296",
            "share=half",
            "relevance=huge",
            "verbose=yes",
            "limit=1&limit=2",
            "limti=1",
        ];
        insta::assert_snapshot!(lines.map(check).join("\n"));
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct None {}
        #[derive(Debug, Deserialize)]
        struct Anything {}
        let pairs = vec![("a".to_owned(), "b".to_owned()); 2];
        let none = read::<None>(pairs.clone()).unwrap_err();
        insta::assert_snapshot!(none, @r#"there is no query parameter "a"; this path takes none"#);
        read::<Anything>(pairs).unwrap();
    }
}
