//! The bar at the top. Its menus are popovers, which open and close without scripts.

use domain::WorkspaceId;
use maud::{Markup, PreEscaped, html};

use super::{Area, Frame};
use crate::theme::Theme;
use crate::ui::Icon;
use crate::ui::form::CSRF_FIELD;
use crate::{COMMON, ROOT};

pub(super) fn render(frame: &Frame) -> Markup {
    html! {
        header class="top" {
            @if frame.workspace.is_some() {
                button type="button" class="button button-quiet button-icon top-menu"
                    popovertarget="navigation" title="Menu" {
                    (Icon::Menu) span class="visually-hidden" { "Menu" }
                }
            }
            a class="top-brand" href={ (ROOT) "/" } { (brand()) }
            (workspace_switcher(frame))
            @if let Some(workspace) = &frame.workspace { (search(workspace)) }
            (account_menu(frame))
        }
    }
}

/// The mark and the name.
pub(super) fn brand() -> Markup {
    // A needle's groove: three arcs around a dot.
    let mark = "M16 6a10 10 0 0 1 10 10M16 11a5 5 0 0 1 5 5M6 16a10 10 0 0 0 10 10";
    html! {
        svg class="brand-mark" viewBox="0 0 32 32" width="28" height="28" aria-hidden="true" {
            rect width="32" height="32" rx="9" {}
            path d=(PreEscaped(mark)) {}
            circle cx="16" cy="16" r="2.4" {}
        }
        span class="brand-name" { "Tastemaker" }
    }
}

fn workspace_switcher(frame: &Frame) -> Markup {
    let current = frame.workspace.as_ref().map_or("All workspaces", WorkspaceId::as_str);
    html! {
        button type="button" class="button button-quiet switcher" popovertarget="workspaces" {
            span class="visually-hidden" { "Workspace: " }
            span class="switcher-name" { (current) }
            (Icon::Expand)
        }
        div class="menu menu-workspaces" id="workspaces" popover="" {
            p class="menu-title" id="workspaces-title" { "Workspaces" }
            ul aria-labelledby="workspaces-title" {
                @for workspace in &frame.workspaces {
                    @let is_current = frame.workspace.as_ref() == Some(workspace);
                    li {
                        a class="menu-item" href=(Area::Overview.path(workspace))
                            aria-current=[is_current.then_some("true")] {
                            span { (workspace) }
                            @if is_current { (Icon::Check) }
                        }
                    }
                }
            }
        }
    }
}

fn search(workspace: &WorkspaceId) -> Markup {
    html! {
        search class="top-search" {
            form action={ (ROOT) "/" (workspace) "/search" } {
                label class="visually-hidden" for="search" { "Search people and items" }
                (Icon::Search)
                input class="input" type="search" id="search" name="q" autocomplete="off"
                    placeholder="Search people and items" aria-keyshortcuts="/";
                kbd class="needs-script" aria-hidden="true" { "/" }
            }
        }
    }
}

fn account_menu(frame: &Frame) -> Markup {
    let account = &frame.account;
    let initials = initials(&account.name);
    html! {
        button type="button" class="button button-quiet button-icon account" popovertarget="account"
            title={ "Account of " (account.name) } {
            span class="avatar" aria-hidden="true" { (initials) }
            span class="visually-hidden" { "Account of " (account.name) }
        }
        div class="menu menu-account" id="account" popover="" {
            p class="menu-person" { strong { (account.name) } span { (account.role.word()) } }
            (theme_switch(frame.theme))
            button type="button" class="menu-item needs-script" data-help="" {
                (Icon::Keyboard) span { "Keyboard shortcuts" } kbd { "?" }
            }
            a class="menu-item" href={ (COMMON) "/account" } { (Icon::Person) span { "Your account" } }
            form method="post" action={ (COMMON) "/sign-out" } {
                input type="hidden" name=(CSRF_FIELD) value=(frame.csrf);
                button type="submit" class="menu-item" { (Icon::SignOut) span { "Sign out" } }
            }
        }
    }
}

/// Without scripts the theme is that of the system, and there is no switch.
fn theme_switch(theme: Theme) -> Markup {
    html! {
        fieldset class="choice theme-switch needs-script" {
            legend class="menu-title" { "Theme" }
            div class="choice-options" {
                @for option in Theme::ALL {
                    label class="choice-option" {
                        input type="radio" name="theme" value=(option.value())
                            checked[option == theme] autocomplete="off";
                        span {
                            (match option {
                                Theme::System => "System",
                                Theme::Light => "Light",
                                Theme::Dark => "Dark",
                            })
                        }
                    }
                }
            }
        }
    }
}

/// The first letters of the first two words.
fn initials(name: &str) -> String {
    let letters = name.split_whitespace().filter_map(|word| word.chars().next()).take(2);
    letters.flat_map(char::to_uppercase).collect()
}
