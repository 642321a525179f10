//! What the pages of settings have around them: tabs, notices, addresses.

use axum::response::{IntoResponse, Redirect, Response};
use domain::{Right, WorkspaceId};
use maud::{Markup, Render, html};
use serde::Deserialize;
use web::access::{Caller, MadeResource};

use crate::page::{Area, Frame};
use crate::ui::{Callout, Tab, tabs};
use crate::{COMMON, ROOT};

/// Parameters of pages that say what became of the last form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Noticed {
    pub(super) notice: Option<Notice>,
}

/// What became of the last form. Addresses carry these words only, never a text.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Notice {
    Saved,
    Removed,
    On,
    Off,
    OverlapEnded,
    Withdrawn,
}

impl Notice {
    fn word(self) -> &'static str {
        match self {
            Self::Saved => "saved",
            Self::Removed => "removed",
            Self::On => "on",
            Self::Off => "off",
            Self::OverlapEnded => "overlap_ended",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl Render for Notice {
    fn render(&self) -> Markup {
        let title = match self {
            Self::Saved => "Saved. It is in force now.",
            Self::Removed => "Removed.",
            Self::On => "Switched on: its messages are taken again.",
            Self::Off => "Switched off: its messages are refused from now on.",
            Self::OverlapEnded => "The earlier key is refused from now on.",
            Self::Withdrawn => "Withdrawn: the link leads nowhere any more.",
        };
        Callout::success(title).announced().render()
    }
}

/// Leads on after a form, with a notice there.
pub(super) fn lead_to(path: &str, notice: Notice) -> Response {
    Redirect::to(&format!("{path}?notice={}", notice.word())).into_response()
}

/// The same where the form made something.
pub(super) fn lead_to_new(path: &str, name: &str) -> Response {
    let mut response = lead_to(path, Notice::Saved);
    response.extensions_mut().insert(MadeResource(name.to_owned()));
    response
}

/// The path of a part of a workspace's settings.
pub(super) fn path(workspace: &WorkspaceId, part: &str) -> String {
    match part {
        "" => Area::Settings.path(workspace),
        part => format!("{ROOT}/{workspace}/settings/{part}"),
    }
}

const OF_WORKSPACE: [(&str, &str); 6] = [
    ("", "Sources"),
    ("tokens", "Tokens"),
    ("traits", "Recommended items"),
    ("computed-traits", "Computed traits"),
    ("identity", "Identity"),
    ("general", "Weights and more"),
];
const OF_INSTALLATION: [(&str, &str); 5] = [
    ("workspaces", "Workspaces"),
    ("accounts", "Accounts"),
    ("api-keys", "API keys"),
    ("audit", "Audit"),
    ("limits", "Limits"),
];

/// The tabs of a workspace's settings, and for owners those of the installation.
pub(super) fn workspace_tabs(frame: &Frame, workspace: &WorkspaceId, current: &str) -> Markup {
    let parts = OF_WORKSPACE.map(|(part, label)| (path(workspace, part), label, part));
    html! {
        (tab_list(&format!("Settings of {workspace}"), &parts, current))
        @if frame.may_open(&format!("{COMMON}/accounts")) {
            p class="bare-note" {
                "For all workspaces: "
                @for (n, (part, label)) in OF_INSTALLATION.into_iter().enumerate() {
                    @if n > 0 { ", " }
                    a href={ (COMMON) "/" (part) } { (label) }
                }
            }
        }
    }
}

/// The tabs of the installation.
pub(super) fn installation_tabs(current: &str) -> Markup {
    let parts = OF_INSTALLATION.map(|(part, label)| (format!("{COMMON}/{part}"), label, part));
    tab_list("Settings of all workspaces", &parts, current)
}

fn tab_list(label: &str, parts: &[(String, &str, &str)], current: &str) -> Markup {
    let parts = parts.iter().map(|(href, label, part)| Tab {
        label,
        href,
        count: None,
        is_current: *part == current,
    });
    tabs(label, &parts.collect::<Vec<_>>())
}

/// Whether somebody may change a workspace.
pub(super) fn may_change(caller: &Caller) -> bool {
    caller.grant.role.has(Right::ChangeWorkspace)
}
