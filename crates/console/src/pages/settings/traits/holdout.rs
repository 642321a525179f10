//! The holdout of a trait: its controls, and what came of it.

use domain::{Holdout, InteractionKind};
use maud::{Markup, Render, html};
use resources::comparison::{Comparison, Measure, Verdict};
use resources::results::ShownRate;
use resources::traits::{HoldoutGroupResults, HoldoutResults};
use serde_json::{Map, Value, json};
use web::error::ApiError;

use super::super::typed::{Mistake, Typed};
use crate::pages::list_words::INTERACTIONS;
use crate::ui::chart::{Bar, BarChart};
use crate::ui::form::{Field, NumberInput, Select, field_group};
use crate::ui::{Callout, Cell, Column, Table, Tone, Unit};

/// The controls of a form.
const PERCENT: &str = "holdout_percent";
const GOAL: &str = "holdout_goal";

/// A definition's holdout as the controls have it.
pub(super) fn typed_of(holdout: Holdout) -> [(String, String); 2] {
    let goal = json!(holdout.goal).as_str().unwrap_or_default().to_owned();
    [(PERCENT.to_owned(), holdout.percent.to_string()), (GOAL.to_owned(), goal)]
}

/// Writes what was typed into the keys of a definition.
pub(in super::super) fn write(
    typed: &Typed,
    keys: &mut Map<String, Value>,
) -> Result<(), ApiError> {
    if typed.optional(PERCENT).is_none() {
        return Ok(());
    }
    let mut holdout = json!({ "percent": typed.number::<u8>(PERCENT)? });
    if let Some(goal) = typed.optional(GOAL) {
        holdout["goal"] = goal.into();
    }
    keys.insert("holdout".to_owned(), holdout);
    Ok(())
}

/// A mistake in a holdout belongs beside its control.
pub(in super::super) fn placed(mistake: Mistake) -> Mistake {
    mistake.moved(&["holdout", "holdout/percent"], PERCENT)
}

/// The controls, with a mistake beside them.
pub(in super::super) fn controls(typed: &Typed, mistake: &Mistake) -> Markup {
    let goals: Vec<(&str, &str)> =
        INTERACTIONS.into_iter().filter(|(word, _)| !word.is_empty()).collect();
    let goal = match typed.text(GOAL) {
        "" => "purchase",
        typed => typed,
    };
    let hint = format!(
        "So many of a hundred do not get it, and are compared with the others: 1 to {}; empty: nobody",
        Holdout::PERCENT_MAX
    );
    field_group(
        "Holdout",
        &html! { div class="fields" {
            (NumberInput {
                field: Field::new(PERCENT, "Held out").optional().hint(&hint)
                    .error(mistake.at(PERCENT)),
                value: typed.text(PERCENT),
                unit: "%",
            })
            (Select {
                field: Field::new(GOAL, "What is counted").hint("Another choice begins the count anew"),
                options: &goals,
                value: goal,
            })
        } },
    )
}

/// What the groups did, and what follows.
pub(super) fn section(results: &HoldoutResults) -> Markup {
    html! {
        section class="section" aria-labelledby="holdout-title" {
            div class="section-head" {
                h2 id="holdout-title" { "Holdout" }
                p {
                    @match &results.since {
                        Some(since) => { "Counted since " time datetime=(since) { (since.split('T').next().unwrap_or_default()) } }
                        None => "Nobody has entered yet",
                    }
                    ": what each group did after it would have had the trait"
                }
            }
            @if let Some(first) = results.comparisons.first() { (verdict(first)) }
            section class="card" { (chart(results)) }
            section class="card card-table" { (groups(results)) }
            section class="card card-table" { (lifts(results)) }
            p class="field-hint" {
                "The intervals hold however often you look. The days are those that it takes if as much comes on each as on those before."
            }
        }
    }
}

fn verdict(comparison: &Comparison) -> Markup {
    let sentence = &comparison.sentence;
    let mut letters = sentence.chars();
    let title: String = letters.next().iter().flat_map(|first| first.to_uppercase()).collect();
    let title = title + letters.as_str();
    let callout = match comparison.verdict {
        Verdict::Better => Callout::success(&title),
        Verdict::Worse => Callout::warning(&title),
        Verdict::Alike | Verdict::TooEarly => Callout::info(&title),
    };
    callout.text("By the share of people who reached the goal.").render()
}

fn chart(results: &HoldoutResults) -> Markup {
    let goal = goal_words(results.goal);
    let labels = [
        format!("held out, {} % of people", results.percent),
        format!("with the trait, {} % of people", 100 - results.percent),
    ];
    let bar = |n: usize, rate: ShownRate, tone| Bar {
        label: &labels[n],
        value: rate.value.unwrap_or(0.0),
        interval: rate.value.map(|_| (rate.low, rate.high)),
        tone,
    };
    let bars = [
        bar(0, results.held_out.goal_rate, Tone::Neutral),
        bar(1, results.with_trait.goal_rate, Tone::Accent),
    ];
    let title = format!("People with the goal: {goal}");
    BarChart { title: &title, unit: Unit::Share, of: "Group", bars: &bars }.render()
}

fn goal_words(goal: InteractionKind) -> String {
    let word = json!(goal);
    let words = INTERACTIONS.iter().find(|(other, _)| word == *other).map(|(_, words)| *words);
    words.unwrap_or(goal.word()).to_lowercase()
}

fn groups(results: &HoldoutResults) -> Markup {
    let has_value = results.goal == InteractionKind::Purchase;
    let mut columns = vec![
        Column::text("Group"),
        Column::number("People"),
        Column::number("With the goal"),
        Column::number("Share"),
        Column::number("Goals"),
    ];
    if has_value {
        columns.push(Column::number("Paid"));
        columns.push(Column::number("Paid by a person"));
    }
    let count = |n: u64| Cell::new(Unit::Count("").text(n as f64));
    let row = |name: &'static str, group: &HoldoutGroupResults| {
        let mut cells = vec![
            Cell::new(name),
            count(group.people),
            count(group.reached),
            Cell::new(group.goal_rate.value.map_or_else(no_number, |rate| Unit::Share.text(rate))),
            count(group.goals),
        ];
        if has_value {
            let money = |value: f64| Unit::Money("").text(value);
            cells.push(Cell::new(money(group.value)));
            let by_person = group.value_per_person.value;
            cells.push(Cell::new(by_person.map_or_else(no_number, money)));
        }
        cells
    };
    let rows = [row("held out", &results.held_out), row("with the trait", &results.with_trait)];
    Table::new("What each group did", columns).rows(rows).captioned().render()
}

fn lifts(results: &HoldoutResults) -> Markup {
    let columns = vec![
        Column::text("With the trait, beside those held out"),
        Column::number("Lift"),
        Column::number("95 % interval"),
        Column::text("What follows"),
    ];
    let row = |comparison: &Comparison| {
        let bounds = comparison.low.zip(comparison.high);
        vec![
            Cell::new(measure_words(comparison.measure)),
            Cell::new(comparison.difference.map_or_else(no_number, |lift| Unit::Share.text(lift))),
            Cell::new(
                bounds.map_or_else(no_number, |(low, high)| Unit::Share.interval_text(low, high)),
            ),
            Cell::new(&comparison.sentence),
        ]
    };
    let rows = results.comparisons.iter().map(row);
    Table::new("Lift", columns).rows(rows).captioned().render()
}

fn measure_words(measure: Measure) -> &'static str {
    match measure {
        Measure::GoalsPerPerson => "Goals by a person",
        Measure::ValuePerPerson => "Paid by a person",
        Measure::GoalRate | Measure::ClickThroughRate | Measure::ConversionRate => {
            "People with the goal"
        }
    }
}

fn no_number() -> String {
    "–".to_owned()
}
