//! The groups of pages.

use domain::WorkspaceId;

use crate::ROOT;
use crate::ui::Icon;

/// A group of pages, with its place in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Area {
    /// How the workspace is doing.
    Overview,
    /// Messages as they arrive.
    Live,
    /// Profiles of people.
    People,
    /// People for whom a condition holds.
    Audiences,
    /// Items and imports.
    Catalog,
    /// The playground of recommendations.
    TryIt,
    /// Scenarios and their A/B groups.
    Scenarios,
    /// Messages to people.
    Campaigns,
    /// Clicks, purchases and revenue.
    Results,
    /// Training runs and the model in use.
    Models,
    /// Segmentations, synonyms, series, groups.
    Segments,
    /// Who sends messages.
    Sources,
    /// What messages become.
    Mappings,
    /// Where messages go.
    Destinations,
    /// Sources, traits, accounts.
    Settings,
    /// Journal, store, background work.
    Operations,
}

impl Area {
    /// The navigation: groups with their areas.
    pub(super) const GROUPS: [(&'static str, &'static [Self]); 4] = [
        ("See", &[Self::Overview, Self::Live, Self::People, Self::Audiences, Self::Catalog]),
        ("Decide", &[Self::TryIt, Self::Scenarios, Self::Campaigns, Self::Results]),
        ("Improve", &[Self::Models, Self::Segments]),
        (
            "Run",
            &[Self::Sources, Self::Mappings, Self::Destinations, Self::Settings, Self::Operations],
        ),
    ];

    /// The name in the navigation.
    pub fn label(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Live => "Live",
            Self::People => "People",
            Self::Audiences => "Audiences",
            Self::Catalog => "Catalog",
            Self::TryIt => "Try it",
            Self::Scenarios => "Scenarios",
            Self::Campaigns => "Campaigns",
            Self::Results => "Results",
            Self::Models => "Models",
            Self::Segments => "Segments",
            Self::Sources => "Sources",
            Self::Mappings => "Mappings",
            Self::Destinations => "Destinations",
            Self::Settings => "Settings",
            Self::Operations => "Operations",
        }
    }

    /// The path of its first page in a workspace.
    pub fn path(self, workspace: &WorkspaceId) -> String {
        match self {
            Self::Overview => format!("{ROOT}/{workspace}"),
            _ => format!("{ROOT}/{workspace}/{}", self.label().to_lowercase().replace(' ', "-")),
        }
    }

    /// The key that opens it after `g`.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Overview => "o",
            Self::Live => "l",
            Self::People => "p",
            Self::Audiences => "n",
            Self::Catalog => "c",
            Self::TryIt => "t",
            Self::Scenarios => "s",
            Self::Campaigns => "k",
            Self::Results => "r",
            Self::Models => "m",
            Self::Segments => "e",
            Self::Sources => "u",
            Self::Mappings => "a",
            Self::Destinations => "d",
            Self::Settings => "x",
            Self::Operations => "w",
        }
    }

    pub(super) fn icon(self) -> Icon {
        match self {
            Self::Overview => Icon::Overview,
            Self::Live => Icon::Live,
            Self::People => Icon::People,
            Self::Audiences => Icon::Audiences,
            Self::Catalog => Icon::Catalog,
            Self::TryIt => Icon::TryIt,
            Self::Scenarios => Icon::Scenarios,
            Self::Campaigns => Icon::Campaigns,
            Self::Results => Icon::Results,
            Self::Models => Icon::Models,
            Self::Segments => Icon::Segments,
            Self::Sources => Icon::Sources,
            Self::Mappings => Icon::Mappings,
            Self::Destinations => Icon::Destinations,
            Self::Settings => Icon::Settings,
            Self::Operations => Icon::Operations,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_area_has_its_own_key_and_path() {
        let shop = WorkspaceId::new("shop").unwrap();
        let areas: Vec<Area> = Area::GROUPS.iter().flat_map(|(_, areas)| *areas).copied().collect();
        for (n, area) in areas.iter().enumerate() {
            for other in &areas[n + 1..] {
                assert_ne!(area.key(), other.key(), "{area:?} and {other:?}");
                assert_ne!(area.path(&shop), other.path(&shop), "{area:?} and {other:?}");
            }
        }
        assert_eq!(Area::TryIt.path(&shop), "/console/shop/try-it");
    }
}
