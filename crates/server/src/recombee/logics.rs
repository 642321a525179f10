//! The logics of lists: the vendor's names and ours, and what their settings say.

use domain::{AssetType, Endpoint, Entries, Exclusion, ListSettings, Logic};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::failure::Failure;
use super::parameters::{Parameters, check_id};

/// The divisor of percentages.
const PERCENT: f32 = 100.0;
/// The longest time that a setting may name, in seconds: 100 years.
const AGE_S_MAX: f64 = 100.0 * 365.25 * 86_400.0;

/// A logic as callers name it.
struct NamedLogic {
    /// The vendor's words for it, behind the domain: `ecommerce:`, `video:` or any other. One with
    /// its domain means something else in others.
    words: &'static [&'static str],
    /// None is what the endpoint does by itself.
    logic: Option<Logic>,
    settings: &'static [Setting],
}

/// A setting of a logic.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Setting {
    AssetType,
    ExcludeAlreadyRead,
    ExcludeAlreadyWatched,
    MaxAge,
    PersonalizationImpact,
    PersonalizedReordering,
    Picks,
    RecencyOrdering,
    TimePeriod,
    UserSegmentFilter,
    WatchingCompletedPercentage,
    WatchingStartedPercentage,
}

/// Settings for lists of videos, which any list may be.
const OF_VIDEOS: &[Setting] = &[Setting::AssetType, Setting::ExcludeAlreadyWatched];

const LOGICS: [NamedLogic; 16] = [
    NamedLogic { words: &["default", "homepage"], logic: None, settings: &[] },
    NamedLogic {
        words: &["search", "search:personalized"],
        logic: None,
        settings: &[Setting::PersonalizationImpact],
    },
    NamedLogic {
        words: &["personal", "personalized", "for-you"],
        logic: Some(Logic::Personal),
        settings: OF_VIDEOS,
    },
    NamedLogic {
        words: &[
            "similar",
            "related",
            "similar-items",
            "similar-products",
            "similar-content",
            "similar-ads",
            "more-like-this",
        ],
        logic: Some(Logic::Similar),
        settings: OF_VIDEOS,
    },
    NamedLogic {
        words: &["cross-sell", "complementary", "bought-together"],
        logic: Some(Logic::CrossSell),
        settings: &[],
    },
    NamedLogic {
        words: &["watch-next", "up-next"],
        logic: Some(Logic::WatchNext),
        settings: OF_VIDEOS,
    },
    NamedLogic {
        words: &["popular", "trending", "bestseller", "bestsellers", "most-viewed"],
        logic: Some(Logic::Trending),
        settings: &[Setting::AssetType, Setting::TimePeriod, Setting::UserSegmentFilter],
    },
    NamedLogic {
        words: &["recently-viewed", "watch-again", "last-seen"],
        logic: Some(Logic::RecentlyViewed),
        settings: &[Setting::MaxAge, Setting::RecencyOrdering],
    },
    NamedLogic {
        words: &["continue-watching"],
        logic: Some(Logic::ContinueWatching),
        settings: &[
            Setting::AssetType,
            Setting::WatchingCompletedPercentage,
            Setting::WatchingStartedPercentage,
        ],
    },
    NamedLogic {
        words: &["buy-again", "repeat-purchase", "reorder"],
        logic: Some(Logic::BuyAgain),
        settings: &[],
    },
    NamedLogic {
        words: &["editorial-picks"],
        logic: Some(Logic::Picks),
        settings: &[
            Setting::ExcludeAlreadyWatched,
            Setting::PersonalizedReordering,
            Setting::Picks,
        ],
    },
    NamedLogic {
        words: &["editors-picks"],
        logic: Some(Logic::Picks),
        settings: &[
            Setting::ExcludeAlreadyRead,
            Setting::ExcludeAlreadyWatched,
            Setting::PersonalizedReordering,
            Setting::Picks,
        ],
    },
    NamedLogic { words: &["similarly-purchasing"], logic: None, settings: &[] },
    NamedLogic { words: &["together"], logic: Some(Logic::Together), settings: &[Setting::MaxAge] },
    NamedLogic {
        words: &["content-based"],
        logic: Some(Logic::ContentBased),
        settings: &[Setting::MaxAge],
    },
    NamedLogic { words: &["newest"], logic: Some(Logic::Newest), settings: &[] },
];

/// Reads the logic of a call and its settings. `endpoint` is none if the call has several.
pub(super) fn read(
    parameters: &Parameters,
    endpoint: Option<Endpoint>,
) -> Result<ListSettings, Failure> {
    let wrong = || Failure::invalid("logic must be a name or an object with a name");
    let (name, settings) = match parameters.get("logic") {
        None => return Ok(ListSettings::default()),
        Some(Value::String(name)) if !name.starts_with('{') => (name.clone(), Map::new()),
        Some(_) => {
            let object =
                Parameters(parameters.object("logic").map_err(|_| wrong())?.unwrap_or_default());
            let name = object.0.get("name").and_then(Value::as_str).ok_or_else(wrong)?;
            let settings =
                object.object("settings").map_err(|failure| add_logic_name(name, failure))?;
            (name.to_owned(), settings.unwrap_or_default())
        }
    };
    let named = find_logic(&name).ok_or_else(|| unknown(&name))?;
    let by_itself = endpoint.map(Endpoint::default_logic);
    // Users like a user are what that endpoint lists by itself.
    let of_users = endpoint.is_some_and(|endpoint| endpoint.entries() == Entries::Users);
    let logic = named.logic.filter(|logic| *logic != Logic::Similar || !of_users).or(by_itself);
    let mut said = ListSettings { logic, ..defaults(&name) };
    let settings = Parameters(settings);
    for key in settings.0.keys() {
        let setting = named.settings.iter().find(|setting| setting.name() == key);
        let setting = setting.ok_or_else(|| unknown_setting(&name, key, named.settings))?;
        setting.read(&settings, &mut said).map_err(|failure| add_logic_name(&name, failure))?;
    }
    Ok(said)
}

/// The defaults of the vendor's logics where they differ from ours.
fn defaults(name: &str) -> ListSettings {
    let nothing = ListSettings::default();
    match name {
        "news:editors-picks" => ListSettings { reorder_picks: Some(true), ..nothing },
        "video:personal" => ListSettings { exclude: Some(Exclusion::Watched), ..nothing },
        _ => nothing,
    }
}

/// The vendor's names have a domain before the word; ours are words alone.
fn find_logic(name: &str) -> Option<&'static NamedLogic> {
    let with_word = |word: &str| LOGICS.iter().find(|named| named.words.contains(&word));
    match name.split_once(':') {
        Some((domain, word)) => {
            with_word(name).or_else(|| with_word(word).filter(|_| !domain.is_empty()))
        }
        None => {
            let own = Logic::deserialize(Value::from(name)).ok()?;
            LOGICS.iter().find(|named| named.logic == Some(own))
        }
    }
}

fn unknown(name: &str) -> Failure {
    let known = "recombee:default, recombee:homepage, recombee:personal, recombee:similar, recombee:popular, \
        recombee:recently-viewed, ecommerce:similar-products, ecommerce:cross-sell, ecommerce:bestseller, \
        ecommerce:buy-again, video:popular, video:continue-watching, video:more-like-this, video:watch-next, \
        video:editorial-picks, news:personal, news:related, news:editors-picks, search:personalized, \
        personal, similar, cross_sell, watch_next, trending, recently_viewed, continue_watching, buy_again, picks";
    Failure::invalid(format!("there is no logic {name:?}; there are: {known}"))
}

fn unknown_setting(name: &str, key: &str, known: &[Setting]) -> Failure {
    let known: Vec<&str> = known.iter().map(|setting| setting.name()).collect();
    let known = if known.is_empty() {
        "it has none".to_owned()
    } else {
        format!("there are: {}", known.join(", "))
    };
    add_logic_name(name, Failure::invalid(format!("there is no setting {key:?}; {known}")))
}

fn add_logic_name(name: &str, failure: Failure) -> Failure {
    Failure { message: format!("logic {name:?}: {}", failure.message), ..failure }
}

impl Setting {
    fn name(self) -> &'static str {
        match self {
            Self::AssetType => "assetType",
            Self::ExcludeAlreadyRead => "excludeAlreadyRead",
            Self::ExcludeAlreadyWatched => "excludeAlreadyWatched",
            Self::MaxAge => "maxAge",
            Self::PersonalizationImpact => "personalizationImpact",
            Self::PersonalizedReordering => "personalizedReordering",
            Self::Picks => "picks",
            Self::RecencyOrdering => "recencyOrdering",
            Self::TimePeriod => "timePeriod",
            Self::UserSegmentFilter => "userSegmentFilter",
            Self::WatchingCompletedPercentage => "watchingCompletedPercentage",
            Self::WatchingStartedPercentage => "watchingStartedPercentage",
        }
    }

    /// Takes the setting over from all of them.
    fn read(self, settings: &Parameters, result: &mut ListSettings) -> Result<(), Failure> {
        let name = self.name();
        let percentage = || -> Result<Option<f32>, Failure> {
            let percentage = settings.number_from(name, 0.0, f64::from(PERCENT))?;
            Ok(percentage.map(|percentage| percentage as f32 / PERCENT))
        };
        match self {
            Self::AssetType => {
                let word = settings.text(name)?;
                let type_ = word.map(|word| AssetType::deserialize(Value::from(word))).transpose();
                result.asset_type =
                    type_.map_err(|error| Failure::invalid(format!("{name}: {error}")))?;
            }
            Self::ExcludeAlreadyRead => {
                result.exclude = settings.boolean(name, false)?.then_some(Exclusion::Interacted);
            }
            Self::ExcludeAlreadyWatched => {
                result.exclude = settings.boolean(name, false)?.then_some(Exclusion::Watched);
            }
            Self::MaxAge | Self::TimePeriod => {
                result.max_age_s =
                    settings.number_from(name, 0.0, AGE_S_MAX)?.map(|age_s| age_s as u32);
            }
            Self::PersonalizationImpact => {
                result.user_impact =
                    settings.number_from(name, 0.0, 1.0)?.map(|impact| impact as f32);
            }
            Self::PersonalizedReordering => {
                result.reorder_picks = Some(settings.boolean(name, false)?)
            }
            Self::Picks => {
                let ids = settings.names(name)?.unwrap_or_default();
                result.picks =
                    Some(ids.into_iter().map(|id| check_id(name, id)).collect::<Result<_, _>>()?);
            }
            Self::RecencyOrdering => {
                result.oldest_first = match settings.text(name)? {
                    None => None,
                    Some("descending") => Some(false),
                    Some("ascending") => Some(true),
                    Some(other) => {
                        let what =
                            format!("{name} is {other:?}, it must be ascending or descending");
                        return Err(Failure::invalid(what));
                    }
                };
            }
            Self::UserSegmentFilter => {
                result.user_filter =
                    settings.text(name)?.filter(|text| !text.is_empty()).map(str::to_owned);
            }
            Self::WatchingCompletedPercentage => result.finished_from = percentage()?,
            Self::WatchingStartedPercentage => result.begun_from = percentage()?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_logic_of_ours_has_names_and_no_name_has_two() {
        for own in Logic::ALL {
            let word = serde_json::to_value(own).unwrap();
            let named = find_logic(word.as_str().unwrap());
            assert_eq!(named.and_then(|named| named.logic), Some(own), "{word}");
        }
        let words: Vec<&str> = LOGICS.iter().flat_map(|named| named.words).copied().collect();
        for (n, word) in words.iter().enumerate() {
            assert!(!words[..n].contains(word), "{word}");
        }
        assert!(
            find_logic("popular").is_none()
                && find_logic(":popular").is_none()
                && find_logic("x:popular").is_some()
        );
    }
}
