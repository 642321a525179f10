//! Icons, drawn into the page where they stand, so that fragments bring their own.

use maud::{Markup, PreEscaped, Render, html};

/// A picture of 20 by 20, drawn with lines in the colour of the text. It is decoration: the words
/// beside it say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Icon {
    /// The overview.
    Overview,
    /// Messages as they arrive.
    Live,
    /// People.
    People,
    /// One person.
    Person,
    /// People for whom a condition holds.
    Audiences,
    /// The catalog.
    Catalog,
    /// The playground.
    TryIt,
    /// Scenarios.
    Scenarios,
    /// Campaigns.
    Campaigns,
    /// Models.
    Models,
    /// Results.
    Results,
    /// Segmentations, synonyms, series, groups.
    Segments,
    /// Sources.
    Sources,
    /// Mappings.
    Mappings,
    /// Destinations.
    Destinations,
    /// Settings.
    Settings,
    /// Operations.
    Operations,
    /// Text search.
    Search,
    /// A menu of pages.
    Menu,
    /// More choices behind it.
    Expand,
    /// To the next page.
    Next,
    /// To the page before.
    Previous,
    /// Increased, or moved up.
    Up,
    /// Decreased, or moved down.
    Down,
    /// Done, or yes.
    Check,
    /// Closed, removed, or no.
    Cross,
    /// Worth knowing.
    Info,
    /// Needs attention.
    Warning,
    /// Failed.
    Error,
    /// To the clipboard.
    Copy,
    /// Something new.
    Add,
    /// Held for now.
    Pause,
    /// Goes on.
    Play,
    /// To a file.
    Download,
    /// From a file.
    Upload,
    /// Conditions that narrow a list.
    Filter,
    /// Bought.
    Purchase,
    /// Looked at.
    View,
    /// Kept in mind.
    Bookmark,
    /// Keys of the keyboard.
    Keyboard,
    /// The end of a session.
    SignOut,
}

impl Icon {
    fn paths(self) -> &'static str {
        match self {
            Self::Overview => "M3 3h6v8H3zM11 3h6v5h-6zM3 13h6v4H3zM11 10h6v7h-6z",
            Self::Live => "M2 10h3l2.5-6 5 12 2.5-6h3",
            Self::People => {
                "M7.5 9.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2 17c0-3 2.4-5 5.5-5s5.5 2 5.5 5\
                 M13.5 3.8a3 3 0 0 1 0 5.4M15 12.4c1.9.7 3 2.4 3 4.6"
            }
            Self::Person => {
                "M10 9.5a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4zM4 17c0-3 2.6-5 6-5s6 2 6 5"
            }
            Self::Audiences => {
                "M10 17.5a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15zM10 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM6.5 14.5c0-2 1.5-3 3.5-3s3.5 1 3.5 3"
            }
            Self::Catalog => "M10 2.5l7 3.7v7.6l-7 3.7-7-3.7V6.2zM3 6.2l7 3.8 7-3.8M10 10v7.5",
            Self::TryIt => {
                "M7.5 2.5h5M8.5 2.5v5L3.7 15.6A1.3 1.3 0 0 0 4.8 17.5h10.4a1.3 1.3 0 0 0 1.1-1.9L11.5 7.5v-5M6.2 12h7.6"
            }
            Self::Scenarios => "M4 3v14M4 4h11l-2.5 3.5L15 11H4",
            Self::Campaigns => {
                "M3 8v4h3l7 4V4L6 8zM6 12l1.2 5h2.3L8.4 13.3M16 7.5c1 .7 1.5 1.5 1.5 2.5s-.5 1.8-1.5 2.5"
            }
            Self::Models => "M10 2.5v3M10 14.5v3M2.5 10h3M14.5 10h3M6 6h8v8H6z",
            Self::Results => "M3 3v14h14M6.5 13V9.5M10 13V6M13.5 13v-5",
            Self::Segments => {
                "M3 3h5.5v5.5H3zM11.5 3H17v5.5h-5.5zM3 11.5h5.5V17H3zM14.25 11.5a2.75 2.75 0 1 0 0 5.5 2.75 2.75 0 0 0 0-5.5z"
            }
            Self::Sources => "M3 4h6v4H3zM3 12h6v4H3zM9 6h3v8H9M12 10h5M14.5 7.5L17 10l-2.5 2.5",
            Self::Mappings => {
                "M3 5h4l6 10h4M3 15h4l6-10h4M14.5 2.5L17 5l-2.5 2.5M14.5 12.5L17 15l-2.5 2.5"
            }
            Self::Destinations => "M2.5 10h8M8 7.5l2.5 2.5L8 12.5M11 4V3h6.5v14H11v-1",
            Self::Settings => "M3 6h8M15 6h2M13 4v4M3 14h2M9 14h8M7 12v4",
            Self::Operations => "M3 4h14v5H3zM3 11h14v5H3zM6 6.5h.01M6 13.5h.01",
            Self::Search => "M9 15A6 6 0 1 0 9 3a6 6 0 0 0 0 12zM13.5 13.5L17.5 17.5",
            Self::Menu => "M3 5.5h14M3 10h14M3 14.5h14",
            Self::Expand => "M6 8l4 4 4-4",
            Self::Next => "M8 5l5 5-5 5",
            Self::Previous => "M12 5l-5 5 5 5",
            Self::Up => "M10 16V4M5 9l5-5 5 5",
            Self::Down => "M10 4v12M5 11l5 5 5-5",
            Self::Check => "M4 10.5l4 4 8-9",
            Self::Cross => "M5 5l10 10M15 5L5 15",
            Self::Info => "M10 17.5a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15zM10 9.3v4.5M10 6.3v.1",
            Self::Warning => "M10 3L1.8 16.8h16.4zM10 8v4M10 14.3v.1",
            Self::Error => "M6.8 2.5h6.4l4.3 4.3v6.4l-4.3 4.3H6.8l-4.3-4.3V6.8zM10 6v5M10 13.7v.1",
            Self::Copy => "M7 7h9.5v9.5H7zM13 7V3.5H3.5V13H7",
            Self::Add => "M10 4v12M4 10h12",
            Self::Pause => "M7 4v12M13 4v12",
            Self::Play => "M6 4l10 6-10 6z",
            Self::Download => "M10 3v10M5.5 9l4.5 4.5L14.5 9M3 17h14",
            Self::Upload => "M10 14V4M5.5 8L10 3.5 14.5 8M3 17h14",
            Self::Filter => "M3 4h14l-5.5 6.5v5L8.5 17v-6.5z",
            Self::Purchase => "M4 6.5h12l1 10.5H3zM7 9V6a3 3 0 0 1 6 0v3",
            Self::View => {
                "M1.5 10S4.5 4.5 10 4.5 18.5 10 18.5 10 15.5 15.5 10 15.5 1.5 10 1.5 10zM10 12.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z"
            }
            Self::Bookmark => "M5 3h10v14l-5-4-5 4z",
            Self::Keyboard => "M2 5h16v10H2zM5 8h.01M8 8h.01M11 8h.01M14 8h.01M6 12h8",
            Self::SignOut => "M8 3H3.5v14H8M12.5 6l4 4-4 4M16 10H7.5",
        }
    }
}

impl Render for Icon {
    fn render(&self) -> Markup {
        let paths = PreEscaped(self.paths());
        html! {
            svg class="icon" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" {
                path d=(paths) {}
            }
        }
    }
}
