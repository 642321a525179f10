//! What the blend of a model is made of, in words for people who train no models.

use engine::{Component, ModelConfig};
use serde::Serialize;

/// A part of a blend: all of its components of one algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct BlendPart {
    /// The algorithm: "neighbours", "spectral".
    pub algorithm: &'static str,
    /// What it is called.
    pub name: &'static str,
    /// What it goes by.
    pub explanation: &'static str,
    /// Its mean share of the scores in the lists that the model was judged by, in per cent. Those
    /// of all parts are 100 together. None where it was not measured.
    pub percent: Option<u32>,
}

impl BlendPart {
    /// The parts of a blend, the largest first, each algorithm once.
    /// `shares` has the share of each component, or nothing where they were not measured.
    pub fn all(components: &[Component], shares: &[f32]) -> Vec<Self> {
        let is_measured = shares.len() == components.len();
        let mut parts: Vec<(&ModelConfig, f64)> = Vec::new();
        for (n, component) in components.iter().enumerate() {
            let share = shares.get(n).map_or(0.0, |share| f64::from(share.max(0.0)));
            let is_same =
                |(model, _): &&mut (&ModelConfig, f64)| model.name() == component.model.name();
            match parts.iter_mut().find(is_same) {
                Some((_, sum)) => *sum += share,
                None => parts.push((&component.model, share)),
            }
        }
        parts.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        let percents = to_percents(&parts.iter().map(|(_, share)| *share).collect::<Vec<_>>());
        let parts = parts.iter().zip(percents);
        parts
            .map(|((model, _), percent)| Self::new(model, is_measured.then_some(percent)))
            .collect()
    }

    fn new(model: &ModelConfig, percent: Option<u32>) -> Self {
        let (name, explanation) = describe(model);
        Self { algorithm: model.name(), name, explanation, percent }
    }
}

fn describe(model: &ModelConfig) -> (&'static str, &'static str) {
    match model {
        ModelConfig::Neighbours(_) => (
            "Items that the same people chose",
            "Whoever chose one of two such items often chose the other one too.",
        ),
        ModelConfig::Spectral(_) => (
            "Tastes that many have in common",
            "A number of broad tastes explains most choices; an item fits where a person has the \
             taste that it serves.",
        ),
        ModelConfig::Ridge(_) => (
            "How items together predict others",
            "Each item of a history makes others more or less likely, beside what the rest of the \
             history says already.",
        ),
        ModelConfig::Sequence(_) => {
            ("What is chosen next", "After one item, many go on to the same others.")
        }
        ModelConfig::SequenceRidge(_) => (
            "How the last items together predict the next",
            "The latest items of a history, weighed together, say what comes right after them.",
        ),
        ModelConfig::Content(_) => (
            "Properties that items share",
            "Items that the catalog describes alike, such as those of one brand, genre or author.",
        ),
    }
}

/// The shares of weights, as whole per cents that add up to 100: those whose fractions are largest
/// are rounded up. All are 0 where the weights are.
fn to_percents(weights: &[f64]) -> Vec<u32> {
    let sum: f64 = weights.iter().sum();
    if sum <= 0.0 {
        return vec![0; weights.len()];
    }
    let exact: Vec<f64> = weights.iter().map(|weight| weight / sum * 100.0).collect();
    let mut percents: Vec<u32> = exact.iter().map(|share| *share as u32).collect();
    let mut by_fraction: Vec<usize> = (0..exact.len()).collect();
    by_fraction.sort_by(|one, other| exact[*other].fract().total_cmp(&exact[*one].fract()));
    let missing = 100_u32.saturating_sub(percents.iter().sum());
    for place in by_fraction.into_iter().take(missing as usize) {
        percents[place] += 1;
    }
    percents
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn component(model: Value) -> Component {
        let weighting = json!({ "half_life_days": null, "step_decay": 1.0 });
        let component = json!({ "model": model, "weighting": weighting, "weight": 0.25 });
        serde_json::from_value(component).unwrap()
    }

    #[test]
    fn each_part_is_named_once_and_the_shares_are_100_together() {
        let spectral = |rank: u32| {
            let config = json!({ "half_life_days": null, "rank": rank, "filter": 0.5,
                "iterations": 2, "seed": 0 });
            component(json!({ "spectral": config }))
        };
        let exponents = json!({ "source_exponent": 0.7, "target_exponent": 0.3, "smoothing": 2.0 });
        let config = json!({ "half_life_days": 30.0, "normalisation": exponents });
        let neighbours = component(json!({ "neighbours": config }));
        let components = [spectral(64), neighbours, spectral(256)];
        let parts = BlendPart::all(&components, &[0.2, 0.42, 0.38]);
        let shares: Vec<_> = parts.iter().map(|part| (part.algorithm, part.percent)).collect();
        assert_eq!(shares, [("spectral", Some(58)), ("neighbours", Some(42))]);
        assert!(parts.iter().all(|part| part.explanation.ends_with('.')));
        assert_eq!(BlendPart::all(&[], &[]), []);
        let unmeasured = BlendPart::all(&components, &[]);
        assert_eq!(unmeasured.len(), 2);
        assert!(unmeasured.iter().all(|part| part.percent.is_none()));
    }

    #[test]
    fn shares_are_rounded_so_that_nothing_is_missing() {
        assert_eq!(to_percents(&[1.0, 1.0, 1.0]), [34, 33, 33]);
        assert_eq!(to_percents(&[0.7, 0.2, 0.099, 0.001]), [70, 20, 10, 0]);
        assert_eq!(to_percents(&[3.0]), [100]);
        assert_eq!(to_percents(&[0.0, 0.0]), [0, 0]);
        assert_eq!(to_percents(&[]), [0_u32; 0]);
    }
}
