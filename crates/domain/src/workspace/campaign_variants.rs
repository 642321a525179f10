//! Other forms of the message of a campaign: by what people are, by shares, and as a test.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::audience::check_key;
use super::campaign::check_content;

/// The most variants of a campaign.
pub const VARIANTS_MAX: usize = 50;
/// The most variants of a test.
const TESTED_MAX: usize = 10;
/// The longest test, in seconds: 90 days.
const TEST_S_MAX: u32 = 7_776_000;

/// Another form of the message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CampaignVariant {
    /// The key by which reports and events name it.
    pub key: String,
    /// How many of a hundred people get it, always the same ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
    /// Who gets it: tests of traits, as a condition has them behind `where`. The first variant
    /// whose tests hold counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Who gets it: the members of the audience of this key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// Its fields, which stand in place of those of the campaign or beside them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub content: BTreeMap<String, String>,
    /// By name of a recommended-items trait for which templates ask, the one that answers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub recommend: BTreeMap<String, String>,
}

/// What the best variant has the most of, by person who got it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VariantObjective {
    /// People who clicked.
    Clicks,
    /// People who did what counts as conversion.
    Conversions,
    /// The revenue.
    Revenue,
}

/// How it is found out which variant is the best. Then everybody gets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VariantTest {
    /// What the best one has the most of.
    pub objective: VariantObjective,
    /// How many of a hundred people get a variant before the best one is known, 1 to 99; the others
    /// wait for it. Everybody if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
    /// How long after the first message the one that is ahead is taken, although it is not sure, in
    /// seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decide_after_s: Option<u32>,
    /// After how many people the one that is ahead is taken, although it is not sure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub people_max: Option<u64>,
}

/// Checks the variants of a campaign, and their test.
pub(super) fn check_variants(
    variants: &[CampaignVariant],
    test: Option<&VariantTest>,
) -> Result<(), String> {
    let n = variants.len();
    if n > VARIANTS_MAX {
        return Err(format!("{n} variants: there may be {VARIANTS_MAX}"));
    }
    for (n, variant) in variants.iter().enumerate() {
        let key = &variant.key;
        let in_variant = |what: String| format!("variant {key:?}: {what}");
        check_key(key).map_err(in_variant)?;
        if variants[..n].iter().any(|other| other.key == *key) {
            return Err(format!("two variants have the key {key:?}"));
        }
        check_content(&variant.content).map_err(|what| in_variant(format!("content{what}")))?;
        let ways = [variant.percent.is_some(), variant.when.is_some(), variant.audience.is_some()];
        let n_ways = ways.into_iter().filter(|is| *is).count();
        match (test.is_some(), n_ways) {
            (true, 0) | (false, 1) => {}
            (true, _) => {
                let what = "in a test variants have equal shares: leave percent, when and audience \
                            out";
                return Err(in_variant(what.to_owned()));
            }
            (false, _) => {
                let what = "who gets it is said by one of percent, when and audience, or by a test";
                return Err(in_variant(what.to_owned()));
            }
        }
    }
    check_shares(variants)?;
    test.map_or(Ok(()), |test| check_test(test, n))
}

fn check_shares(variants: &[CampaignVariant]) -> Result<(), String> {
    let n_shares = variants.iter().filter(|variant| variant.percent.is_some()).count();
    if n_shares > 0 && n_shares < variants.len() {
        return Err("either all variants have a percent, or none has".to_owned());
    }
    let percents = variants.iter().filter_map(|variant| variant.percent);
    match percents.map(u32::from).sum::<u32>() {
        0..=100 => Ok(()),
        sum => Err(format!("the percents of the variants are {sum}: they may be 100 together")),
    }
}

fn check_test(test: &VariantTest, n_variants: usize) -> Result<(), String> {
    if !(2..=TESTED_MAX).contains(&n_variants) {
        return Err(format!("test: there must be 2 to {TESTED_MAX} variants"));
    }
    if test.percent.is_some_and(|percent| !(1..=99).contains(&percent)) {
        return Err("test.percent must be 1 to 99".to_owned());
    }
    if test.percent.is_some() && test.decide_after_s.is_none() {
        return Err("test.percent needs test.decide_after_s: how long others wait".to_owned());
    }
    if test.decide_after_s.is_some_and(|wait_s| !(60..=TEST_S_MAX).contains(&wait_s)) {
        return Err(format!("test.decide_after_s must be 60 to {TEST_S_MAX} (90 days)"));
    }
    match test.people_max {
        Some(0) => Err("test.people_max must be 1 or more".to_owned()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{CampaignVariant, VariantTest, check_variants};

    fn check(variants: Value, test: Value) -> Result<(), String> {
        let variants: Vec<CampaignVariant> = serde_json::from_value(variants).unwrap();
        let test: Option<VariantTest> = serde_json::from_value(test).unwrap();
        check_variants(&variants, test.as_ref())
    }

    #[test]
    fn mistakes_in_variants_are_named() {
        let two = json!([{ "key": "a" }, { "key": "b" }]);
        let clicks = json!({ "objective": "clicks" });
        assert_eq!(check(two.clone(), clicks.clone()), Ok(()));
        for (variants, test, expected) in [
            (two.clone(), Value::Null, "one of percent, when and audience, or by a test"),
            (json!([{ "key": "a" }]), clicks.clone(), "2 to 10 variants"),
            (json!([{ "key": "a", "percent": 1 }, { "key": "b" }]), clicks, "equal shares"),
            (
                json!([{ "key": "a", "percent": 60 }, { "key": "b", "percent": 50 }]),
                Value::Null,
                "are 110",
            ),
            (
                json!([{ "key": "a", "percent": 60 }, { "key": "b", "when": "x = 1" }]),
                Value::Null,
                "either all variants have a percent",
            ),
            (
                json!([{ "key": "a", "when": "x = 1" }, { "key": "a", "when": "x = 2" }]),
                Value::Null,
                "two variants have the key \"a\"",
            ),
            (two, json!({ "objective": "clicks", "percent": 10 }), "needs test.decide_after_s"),
        ] {
            let mistake = check(variants.clone(), test).unwrap_err();
            assert!(mistake.contains(expected), "{variants}: {mistake}");
        }
    }
}
