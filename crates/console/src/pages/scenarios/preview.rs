//! The list that a scenario would make, beside its form.

use domain::{Scenario, Target};
use maud::{Markup, Render, html};
use resources::recommendations::{Preview, PreviewRequest, preview};
use web::workspaces::RequestedWorkspace;

use super::form::ScenarioForm;
use super::mistakes::Mistakes;
use super::removed;
use crate::page::{Frame, item_path};
use crate::pages::accuracy;
use crate::ui::form::{Field, InputKind, ReqlMistake, TextInput};
use crate::ui::{Callout, EmptyState, Icon, Unit, picture};

/// The number of entries of a preview.
const COUNT: usize = 8;

/// The fields that say for whom, or for what, the preview is. They belong to the form.
pub(super) fn fields(form: &ScenarioForm, target: Option<Target>) -> Markup {
    let of = match target {
        Some(Target::Item) => Some("Item"),
        Some(Target::Segment) => Some("Segment"),
        Some(Target::Query) => Some("Words searched for"),
        None | Some(Target::Any) => Some("Item, where the list is for one"),
        Some(Target::User) => None,
    };
    html! {
        (TextInput::new(Field::new("user", "Preview for the person").optional()
            .hint("Any of the ids; empty is somebody new"))
            .kind(InputKind::Code).value(&form.user))
        @if let Some(label) = of {
            (TextInput::new(Field::new("of", label).optional()).kind(InputKind::Code).value(&form.of))
        }
    }
}

/// The list, or what is missing for it.
pub(super) async fn list(
    frame: &Frame,
    workspace: &RequestedWorkspace,
    form: &ScenarioForm,
    scenario: Result<Scenario, Mistakes>,
) -> (bool, Markup) {
    let scenario = match scenario {
        Ok(scenario) => scenario,
        Err(mistakes) => return (false, mistake_of(form, &mistakes)),
    };
    let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let target = scenario.endpoint.target();
    let of = |wanted: &[Target]| given(&form.of).filter(|_| wanted.contains(&target));
    let request = PreviewRequest {
        user: given(&form.user),
        item: of(&[Target::Item, Target::Any]),
        segment: of(&[Target::Segment]),
        query: of(&[Target::Query]),
        endpoint: Some(scenario.endpoint),
        settings: scenario.settings,
        count: Some(COUNT),
        with_removed: true,
        with_accuracy: true,
        ..PreviewRequest::default()
    };
    match preview(workspace, request).await {
        Ok(preview) => {
            let shown = html! {
                (entries(frame, form, &preview))
                @if let Some(removed) = &preview.removed { (removed::render(removed)) }
                (accuracy_of(&preview))
            };
            (true, shown)
        }
        Err(failed) => {
            let expression = failed.mistakes.first();
            let text = match expression.map(|mistake| mistake.setting) {
                Some("filter") => Some(form.settings.filter.as_str()),
                _ => None,
            };
            let shown = html! {
                (Callout::warning("No preview").text(&failed.error.message))
                @if let Some((text, mistake)) = text.zip(expression) {
                    (ReqlMistake { text, column: mistake.column })
                }
            };
            (false, shown)
        }
    }
}

/// How accurate such lists are beside popular items, in a line that opens.
fn accuracy_of(preview: &Preview) -> Markup {
    match (&preview.accuracy, preview.not_measured) {
        (Some(accuracy), _) => {
            let ahead = accuracy.all.ahead;
            html! {
                details class="more" {
                    summary {
                        "Accuracy beside popular items: ahead by " (Unit::Share.text(ahead.value))
                        " (" (Unit::Share.interval_text(ahead.low, ahead.high)) ")"
                    }
                    (accuracy::render(accuracy))
                }
            }
        }
        (None, Some(why)) => {
            html! { p class="field-hint" { "Accuracy is not measured: " (why) "." } }
        }
        (None, None) => html! {},
    }
}

fn mistake_of(form: &ScenarioForm, mistakes: &Mistakes) -> Markup {
    let expression = mistakes.first_column();
    html! {
        (Callout::warning("Not yet").text(&mistakes.text()))
        @if let Some((_, column)) = expression.filter(|(field, _)| *field == "filter") {
            (ReqlMistake { text: &form.settings.filter, column })
        }
    }
}

fn entries(frame: &Frame, form: &ScenarioForm, preview: &Preview) -> Markup {
    if preview.items.is_empty() {
        return EmptyState {
            icon: Icon::Scenarios,
            title: "The list is empty",
            text: "No item passes. Widen the filter, or try another person.",
            next: None,
        }
        .render();
    }
    let workspace = frame.workspace.as_ref();
    html! {
        @if let Some(next) = &preview.followed_by {
            p class="field-hint" { "Nothing is left of this list, so that of the scenario “" (next) "” follows." }
        }
        @if preview.user_known == Some(false) {
            p class="field-hint" { "Nobody has the id “" (form.user) "”: this is what somebody new gets." }
        }
        ol class="preview-list" {
            @for item in &preview.items {
                @let title = item.title.as_deref().unwrap_or(&item.id);
                li {
                    (picture(&item.id, title, None))
                    span class="preview-words" {
                        @if let Some(workspace) = workspace.filter(|_| item.title.is_some()) {
                            a href=(item_path(workspace, &item.id)) { (title) }
                        } @else { span { (title) } }
                        @if let Some(reason) = item.because.first() {
                            span class="under" { "because of " (reason.title.as_deref().unwrap_or(&reason.id)) }
                        } @else if item.source == Some("trending") {
                            span class="under" { "popular now" }
                        }
                    }
                }
            }
        }
    }
}
