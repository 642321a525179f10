//! The message that a person would get, beside the form of its campaign.

use domain::WorkspaceId;
use maud::{Markup, html};
use resources::campaign_preview::{CampaignEstimate, ShownCampaignPreview};
use serde_json::{Map, Value};

use super::content::reach;
use super::words;
use crate::page::mappings_path;
use crate::pages::audiences::preview::number;
use crate::pages::calculation::sentence;
use crate::pages::people::address;
use crate::ui::{Callout, RelativeTime};

/// The field that is shown as a page of its own.
const HTML_FIELD: &str = "html";

/// What is shown, and with what.
pub(super) struct Shown<'a> {
    pub(super) workspace: &'a WorkspaceId,
    pub(super) preview: &'a ShownCampaignPreview,
    pub(super) estimate: &'a CampaignEstimate,
    pub(super) channel: &'a str,
    /// The kind of the channel.
    pub(super) kind: &'a str,
    /// The name of the event that begins the campaign.
    pub(super) event: Option<&'a str>,
    pub(super) now: domain::Timestamp,
}

pub(super) fn render(shown: &Shown<'_>) -> Markup {
    let Shown { workspace, preview, now, .. } = shown;
    html! {
        (how_many(shown))
        @match &preview.person {
            None => { (Callout::info("Nobody to show it for yet").text("No person has come in, or the audience is empty.")) }
            Some(person) => {
                p {
                    "As "
                    a href=(address::person(workspace, &person.path_name(), "")) { bdi { (person.title()) } }
                    " would get it now"
                    @if let Some(at) = preview.event_at {
                        ", by their event of " (RelativeTime { at, now: *now })
                    }
                    "."
                }
            }
        }
        @if let (Some(event), Some(_), None) = (shown.event, &preview.person, preview.event_at) {
            @let title = format!("This person has not done “{event}” yet");
            (Callout::info(&title).text("The template has no event, as if the message had a time."))
        }
        @if let Some(refused) = &preview.refused {
            @let words = words::reason(&refused.reason);
            @let callout = Callout::warning("This person would not get it now");
            @match &refused.detail {
                Some(detail) => { (callout.text(&format!("{words}: {detail}"))) }
                None => { (callout.text(&format!("{words}."))) }
            }
        }
        @if let Some(until) = preview.waits_until {
            (Callout::info("It would wait").text(&format!("It would be checked again at {until}.")))
        }
        @if let Some(problem) = &preview.channel_problem {
            @let mappings = mappings_path(workspace, shown.channel);
            (Callout::warning("The channel would send nothing of this").text(&sentence(problem))
                .way_out("Its mappings", &mappings))
        }
        @if let Some(fields) = &preview.fields { (message(fields)) }
    }
}

/// How many people it is for, and how many of them the channel reaches.
fn how_many(shown: &Shown<'_>) -> Markup {
    let CampaignEstimate { people, reach: by_channel } = shown.estimate;
    let reached = reach(shown.kind).and_then(|(word, what)| {
        by_channel.iter().find(|own| own.channel == word).map(|own| (own.people, what))
    });
    html! {
        p class="campaign-reach" {
            "For " strong { (number(*people)) (if people.high == 1 { " person" } else { " people" }) }
            @if let Some((reached, what)) = reached {
                ", of whom " strong { (number(reached)) } " " (what)
            }
            "."
        }
    }
}

/// The fields; HTML as the mail program of a desk and of a phone show it. Nothing in the frames
/// runs, and nothing is loaded from elsewhere.
fn message(fields: &Map<String, Value>) -> Markup {
    let html_text = fields.get(HTML_FIELD).and_then(Value::as_str);
    html! {
        dl class="message-fields" {
            @for (name, value) in fields.iter().filter(|(name, _)| *name != HTML_FIELD) {
                div {
                    dt { (name) }
                    dd { bdi { (value.as_str().map_or_else(|| value.to_string(), str::to_owned)) } }
                }
            }
        }
        @if let Some(text) = html_text {
            div class="mail-frames" {
                figure tabindex="0" {
                    figcaption { "On a desk" }
                    iframe class="mail-frame" title="The mail on a desk" sandbox="" srcdoc=(text) {}
                }
                figure tabindex="0" {
                    figcaption { "On a phone" }
                    iframe class="mail-frame mail-frame-phone" title="The mail on a phone" sandbox="" srcdoc=(text) {}
                }
            }
            p class="muted" { "Pictures from elsewhere are not loaded here." }
        }
    }
}
