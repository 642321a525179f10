use console::page::{Area, Frame, Page};
use console::ui::form::{Checkbox, CodeArea, Field, Form, InputKind, Slider, TextInput};
use console::ui::{
    Badge, Button, Callout, Icon, JsonView, Meter, Progress, ProgressState, Tone, skeleton_lines,
};
use maud::{Markup, Render, html};

pub(crate) fn page(frame: &Frame) -> Markup {
    let broken = "{\"type\": \"track\",\n \"event\": Order Completed}";
    let body = html! {
        section class="card" {
            h2 { "Buttons" }
            div class="actions" {
                (Button::primary("Primary"))
                (Button::secondary("Secondary"))
                (Button::quiet("Quiet"))
                (Button::danger("Delete"))
                (Button::primary("With icon").icon(Icon::Add))
                (Button::secondary("Link").icon(Icon::Download).href("/console/music/components"))
                (Button::secondary("Icon only").icon_only(Icon::Filter))
                (Button::primary("Disabled").disabled(true))
            }
        }
        section class="card" {
            h2 { "Badges and meters" }
            div class="actions" {
                (Badge::new("neutral"))
                (Badge::of(Tone::Accent, "accent"))
                (Badge::of(Tone::Good, "accepted"))
                (Badge::of(Tone::Warning, "silent"))
                (Badge::of(Tone::Bad, "refused"))
            }
            (Meter { share: 0.2, tone: Tone::Neutral, label: Some("Neutral") })
            (Meter { share: 0.4, tone: Tone::Accent, label: Some("Accent") })
            (Meter { share: 0.6, tone: Tone::Good, label: Some("Good") })
            (Meter { share: 0.8, tone: Tone::Warning, label: Some("Warning") })
            (Meter { share: 1.0, tone: Tone::Bad, label: Some("Bad") })
        }
        (Callout::info("A note").text("Something worth knowing, with a link below.").way_out("Read more", "/console/music/components"))
        (Callout::success("Saved"))
        (Callout::warning("The disk is 93 % full").text("Ingestion stops at 97 %.").way_out("What takes the room", "/console/music/operations"))
        (Callout::error("The store cannot be written").text("No space left on device. Make room, then start the server again."))
        section class="card" {
            h2 { "Controls" }
            (Form {
                action: "/console/music/components",
                csrf: &frame.csrf,
                preview: None,
                body: html! {
                    div class="fields" {
                        (TextInput::new(Field::new("plain", "Plain")).value("Some text"))
                        (TextInput::new(Field::new("hinted", "With a hint").hint("At least 3 letters")).value("ab"))
                        (TextInput::new(Field::new("code", "Code").error(Some("No such id. Ids are compared exactly."))).kind(InputKind::Code).value("u-99999"))
                        (Slider { field: Field::new("slider", "Slider"), range: (0.0, 10.0), step: 1.0, value: 4.0, ends: ("less", "more") })
                    }
                    (CodeArea {
                        field: Field::new("lines", "Code of some lines").optional(),
                        value: "{\"@path\": \"$.userId\"}",
                        below: html! { p class="field-hint" { "Takes $.userId" } },
                    })
                    (Checkbox { field: Field::new("box", "A box to tick"), is_checked: false })
                },
            })
        }
        div class="columns" {
            (Progress { label: "Import of items", state: ProgressState::Done, detail: "1,480 items in 3.1 s", actions: None })
            (Progress { label: "Export", state: ProgressState::Cancelled, detail: "By Imke Sanders, 2 minutes ago", actions: None })
        }
        (JsonView { id: "broken", label: "A message that is not JSON", text: broken, marks: &[] })
        section class="card" { h2 { "Held places" } (skeleton_lines(4)) }
    };
    Page::new(frame, Area::Settings, "Components")
        .lead("What pages are made of.")
        .body(body)
        .render()
}
