//! Where items come from beside one logic: the fallback of a list, and the parts of a mix.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Ref, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::Logic;

/// The most logics of a fallback chain.
pub const CHAIN_MAX: usize = 5;
/// The most parts of a mix.
pub const MIX_PARTS_MAX: usize = 5;
/// The largest weight of a part of a mix. Only the ratios count.
const MIX_WEIGHT_MAX: f32 = 1_000.0;
/// The words of [`Fallback`]; any other fallback is a list of logics.
const WORDS: [&str; 3] = ["none", "trending", "personal"];

/// The source of further items where the logic finds too few.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fallback {
    /// No fallback: the list stays short.
    None,
    /// Items that are popular now.
    Trending,
    /// Items predicted from the user's history, then trending items.
    Personal,
    /// The items of these logics, each of them in the places that those before it left open.
    #[serde(untagged)]
    Chain(Vec<Logic>),
}

impl Fallback {
    /// The logics that fill up the list, in order.
    pub fn logics(&self) -> &[Logic] {
        match self {
            Self::None => &[],
            Self::Trending => &[Logic::Trending],
            Self::Personal => &[Logic::Personal, Logic::Trending],
            Self::Chain(logics) => logics,
        }
    }

    /// Checks a chain.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub(super) fn validate(&self) -> Result<(), String> {
        let Self::Chain(logics) = self else { return Ok(()) };
        if !(1..=CHAIN_MAX).contains(&logics.len()) {
            let n = logics.len();
            return Err(format!("fallback has {n} logics, it must have 1 to {CHAIN_MAX}"));
        }
        for (n, logic) in logics.iter().enumerate() {
            if logics[..n].contains(logic) {
                return Err(format!("fallback names {} twice", logic.word()));
            }
            if *logic == Logic::Similar {
                return Err(
                    "fallback names similar, which is for lists that are for an item: take \
                            another"
                        .to_owned(),
                );
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Fallback {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;

        impl<'de> Visitor<'de> for Form {
            type Value = Fallback;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one of `none`, `trending`, `personal`, or a list of logics")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Fallback, E> {
                match word {
                    "none" => Ok(Fallback::None),
                    "trending" => Ok(Fallback::Trending),
                    "personal" => Ok(Fallback::Personal),
                    _ => Err(E::unknown_variant(word, &WORDS)),
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut words: A) -> Result<Fallback, A::Error> {
                let mut logics = Vec::new();
                while let Some(logic) = words.next_element()? {
                    logics.push(logic);
                }
                Ok(Fallback::Chain(logics))
            }
        }

        deserializer.deserialize_any(Form)
    }
}

impl PartialSchema for Fallback {
    fn schema() -> RefOr<Schema> {
        let words = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(WORDS));
        let logics = ArrayBuilder::new().items(Ref::from_schema_name(Logic::name()));
        let forms = OneOfBuilder::new().item(words).item(logics).description(Some(
            "The source of further items where the logic finds too few: a word, or the logics \
             that fill up the list, in order",
        ));
        forms.into()
    }
}

impl ToSchema for Fallback {
    fn name() -> Cow<'static, str> {
        "Fallback".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Logic::name().into_owned(), Logic::schema()));
    }
}

/// A part of a mix: the items of one logic, with their weight among the others.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MixPart {
    /// Where the items of the part come from.
    pub logic: Logic,
    /// How many places the part gets, beside the weights of the others: above 0, up to 1,000.
    pub weight: f32,
}

/// Checks the parts of a mix.
///
/// # Errors
/// A sentence that names the key.
pub(super) fn check_mix(mix: &[MixPart]) -> Result<(), String> {
    if mix.len() > MIX_PARTS_MAX {
        return Err(format!("mix has {} parts, it must have up to {MIX_PARTS_MAX}", mix.len()));
    }
    for (n, MixPart { logic, weight }) in mix.iter().enumerate() {
        if !(*weight > 0.0 && *weight <= MIX_WEIGHT_MAX) {
            return Err(format!(
                "mix.{n}.weight is {weight}, it must be above 0, up to {MIX_WEIGHT_MAX}"
            ));
        }
        if mix[..n].iter().any(|other| other.logic == *logic) {
            return Err(format!("mix names {} twice", logic.word()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fallback_is_a_word_or_a_list_of_logics() {
        for (json, fallback) in [
            (r#""none""#, Fallback::None),
            (r#""personal""#, Fallback::Personal),
            (r#"["together","newest"]"#, Fallback::Chain(vec![Logic::Together, Logic::Newest])),
        ] {
            assert_eq!(serde_json::from_str::<Fallback>(json).unwrap(), fallback);
            assert_eq!(serde_json::to_string(&fallback).unwrap(), json);
        }
        let error = serde_json::from_str::<Fallback>(r#""newest""#).unwrap_err().to_string();
        assert!(error.contains("unknown variant `newest`"), "{error}");
        let error = serde_json::from_str::<Fallback>("[\"new\"]").unwrap_err().to_string();
        assert!(error.contains("unknown variant `new`"), "{error}");
    }

    #[test]
    fn chains_and_mixes_are_bounded_and_name_nothing_twice() {
        let chain = |logics: &[Logic]| Fallback::Chain(logics.to_vec()).validate().is_ok();
        assert!(chain(&[Logic::Together, Logic::Trending]));
        assert!(!chain(&[]) && !chain(&[Logic::Newest; 2]) && !chain(&[Logic::Similar]));
        let mix = |weights: &[(Logic, f32)]| {
            let parts =
                weights.iter().map(|(logic, weight)| MixPart { logic: *logic, weight: *weight });
            check_mix(&parts.collect::<Vec<_>>()).is_ok()
        };
        assert!(mix(&[(Logic::Personal, 70.0), (Logic::Newest, 30.0)]));
        assert!(!mix(&[(Logic::Personal, 0.0)]) && !mix(&[(Logic::Personal, f32::NAN)]));
        assert!(!mix(&[(Logic::Newest, 1.0), (Logic::Newest, 1.0)]));
    }
}
