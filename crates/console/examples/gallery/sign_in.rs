use console::page::{Frame, bare};
use console::ui::Button;
use console::ui::form::{Field, Form, InputKind, TextInput};
use maud::{Markup, html};

pub(crate) fn page(frame: &Frame) -> Markup {
    let body = html! {
        (Form {
            action: "/console/-/sign-in",
            csrf: &frame.csrf,
            preview: None,
            body: html! {
                (TextInput::new(Field::new("email", "E-mail address"))
                    .kind(InputKind::Email)
                    .value("imke@example.com")
                    .autocomplete("username"))
                (TextInput::new(Field::new("password", "Password").error(Some(
                    "Address or password is wrong. After 7 more attempts this address waits 15 minutes.",
                )))
                    .kind(InputKind::Password)
                    .autocomplete("current-password"))
                div class="actions" { (Button::primary("Sign in")) }
            },
        })
        p class="bare-note" {
            "No account yet? An owner of your workspace can send you an invitation."
        }
    };
    bare("Sign in", frame.theme, &body)
}
