//! Buttons, and links that look like them. A link goes somewhere, a button changes something.

use maud::{Markup, Render, html};

use super::Icon;

#[derive(Clone, Copy)]
enum Look {
    Primary,
    Secondary,
    Quiet,
    Danger,
}

/// A button of a form, or a link where it has an address.
pub struct Button<'a> {
    label: &'a str,
    look: Look,
    href: Option<&'a str>,
    icon: Option<Icon>,
    named: Option<(&'a str, &'a str)>,
    sends_to: Option<&'a str>,
    is_disabled: bool,
    is_icon_only: bool,
    copies: Option<&'a str>,
    previews: Option<(&'a str, &'a str)>,
}

impl<'a> Button<'a> {
    fn new(label: &'a str, look: Look) -> Self {
        Self {
            label,
            look,
            href: None,
            icon: None,
            named: None,
            sends_to: None,
            is_disabled: false,
            is_icon_only: false,
            copies: None,
            previews: None,
        }
    }

    /// The one main action of a page or form.
    pub fn primary(label: &'a str) -> Self {
        Self::new(label, Look::Primary)
    }

    /// Any other action.
    pub fn secondary(label: &'a str) -> Self {
        Self::new(label, Look::Secondary)
    }

    /// An action that stays in the background, such as in rows of tables.
    pub fn quiet(label: &'a str) -> Self {
        Self::new(label, Look::Quiet)
    }

    /// An action that takes something away.
    pub fn danger(label: &'a str) -> Self {
        Self::new(label, Look::Danger)
    }

    /// Makes it a link.
    pub fn href(mut self, href: &'a str) -> Self {
        self.href = Some(href);
        self
    }

    /// Puts an icon before the label.
    pub fn icon(mut self, icon: Icon) -> Self {
        self.icon = Some(icon);
        self
    }

    /// Shows the icon alone; the label is for screen readers and the tooltip.
    pub fn icon_only(mut self, icon: Icon) -> Self {
        self.is_icon_only = true;
        self.icon(icon)
    }

    /// Sends a name and value with the form, which tells several buttons apart.
    pub fn named(mut self, name: &'a str, value: &'a str) -> Self {
        self.named = Some((name, value));
        self
    }

    /// Sends its form to another address than the form says.
    pub fn sends_to(mut self, action: &'a str) -> Self {
        self.sends_to = Some(action);
        self
    }

    /// Cannot be pressed now. Say beside it why.
    pub fn disabled(mut self, is_disabled: bool) -> Self {
        self.is_disabled = is_disabled;
        self
    }

    /// Copies the text of the element with this id. Shown only where scripts run.
    pub fn copies(mut self, id: &'a str) -> Self {
        self.copies = Some(id);
        self
    }

    /// Sends this as `action` with the preview of its form, which changes the form. `name` says it
    /// to screen readers, and begins with the label. Shown only where scripts run.
    pub fn previews(mut self, action: &'a str, name: &'a str) -> Self {
        self.previews = Some((action, name));
        self
    }
}

impl Render for Button<'_> {
    fn render(&self) -> Markup {
        let look = match self.look {
            Look::Primary => "button-primary",
            Look::Secondary => "button-secondary",
            Look::Quiet => "button-quiet",
            Look::Danger => "button-danger",
        };
        let shape = if self.is_icon_only { " button-icon" } else { "" };
        let needs_script = self.copies.is_some() || self.previews.is_some();
        let scripted = if needs_script { " needs-script" } else { "" };
        let title = self.is_icon_only.then_some(self.label);
        let inner = html! {
            @if let Some(icon) = self.icon { (icon) }
            span class=[self.is_icon_only.then_some("visually-hidden")] { (self.label) }
        };
        html! {
            @if let Some(href) = self.href {
                a class={ "button " (look) (shape) } href=(href) title=[title] { (inner) }
            } @else {
                button class={ "button " (look) (shape) (scripted) } title=[title]
                    type=(if needs_script { "button" } else { "submit" })
                    name=[self.named.map(|(name, _)| name)]
                    value=[self.named.map(|(_, value)| value)]
                    formaction=[self.sends_to]
                    disabled[self.is_disabled] data-copy=[self.copies]
                    data-preview-action=[self.previews.map(|(action, _)| action)]
                    aria-label=[self.previews.map(|(_, name)| name)] { (inner) }
            }
        }
    }
}
