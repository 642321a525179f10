//! The rules of a destination: which messages it gets, and what of them, before its mappings.

mod edit;
mod parts;

use std::borrow::Cow;

use domain::workspace::{DROP_FILTERS_MAX, RULE_ENTRIES_MAX, RULE_ENTRY_BYTES_MAX};
use domain::{DestinationRules, Message};
use mapping::{Payload, Trigger};

use edit::{Edit, Fields, Part, hash_text};

/// The rules of a destination, ready to be applied.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    sources: Option<Vec<String>>,
    consent_categories: Vec<String>,
    drop: Vec<Trigger>,
    sample_percent: Option<f64>,
    block: Fields,
    allow: Option<Fields>,
    hash: Fields,
    /// Ids of the message that are hashed.
    hash_ids: Vec<Id>,
}

/// Rules that cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct RuleError {
    /// The rule, such as `drop[1]`.
    pub place: String,
    /// What is wrong with it, and what is expected.
    pub what: String,
}

/// Why a destination does not get a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Withheld {
    /// The destination does not take messages of the source.
    #[error("the destination takes no messages of this source")]
    Source,
    /// The user has not consented.
    #[error("the user has not consented to the category {category:?}")]
    Consent {
        /// The first category that is missing.
        category: String,
    },
    /// The sender excluded the destination.
    #[error("the message excludes the destination in its `integrations`")]
    Integrations,
    /// The user is not in the sample.
    #[error("the user is not in the sample of the destination")]
    Sample,
    /// A filter drops it.
    #[error("the filter {trigger:?} of the destination drops it")]
    Filter {
        /// The trigger that matches.
        trigger: String,
    },
}

impl Withheld {
    /// A short label, for counts.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Consent { .. } => "consent",
            Self::Integrations => "integrations",
            Self::Sample => "sample",
            Self::Filter { .. } => "filter",
        }
    }
}

/// The ids of a message that can be hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Id {
    User,
    Anonymous,
    Previous,
    Group,
}

impl Id {
    fn from_name(name: &str) -> Option<Self> {
        match name {
            "userId" => Some(Self::User),
            "anonymousId" => Some(Self::Anonymous),
            "previousId" => Some(Self::Previous),
            "groupId" => Some(Self::Group),
            _ => None,
        }
    }

    fn get(self, message: &Message) -> Option<&str> {
        let id = match self {
            Self::User => &message.user_id,
            Self::Anonymous => &message.anonymous_id,
            Self::Previous => &message.previous_id,
            Self::Group => &message.group_id,
        };
        id.as_deref()
    }

    fn set(self, message: &mut Message, text: String) {
        let id = match self {
            Self::User => &mut message.user_id,
            Self::Anonymous => &mut message.anonymous_id,
            Self::Previous => &mut message.previous_id,
            Self::Group => &mut message.group_id,
        };
        *id = Some(text);
    }
}

impl Rules {
    /// Reads rules.
    ///
    /// # Errors
    /// If a trigger or the place of a field cannot be read, a share is none, or a list is too long.
    pub fn compile(rules: &DestinationRules) -> Result<Self, RuleError> {
        let no_names = Vec::new();
        check_entries("sources", rules.sources.as_ref().unwrap_or(&no_names), RULE_ENTRIES_MAX)?;
        check_entries("consent_categories", &rules.consent_categories, RULE_ENTRIES_MAX)?;
        let drop = read_triggers(&rules.drop)?;
        let sample_percent = rules.sample_percent;
        if sample_percent.is_some_and(|percent| !(0.0..=100.0).contains(&percent)) {
            let what = "it must be a number from 0 to 100".to_owned();
            return Err(RuleError { place: "sample_percent".to_owned(), what });
        }
        let (hash_ids, hash_fields): (Vec<_>, Vec<_>) =
            rules.hash_fields.iter().partition(|name| Id::from_name(name).is_some());
        let hash_ids = hash_ids.into_iter().filter_map(|name| Id::from_name(name)).collect();
        check_entries("hash_fields", &rules.hash_fields, RULE_ENTRIES_MAX)?;
        let allow = rules.allow_fields.as_ref();
        Ok(Self {
            sources: rules.sources.clone(),
            consent_categories: rules.consent_categories.clone(),
            drop,
            sample_percent,
            block: read_fields("block_fields", &rules.block_fields)?,
            allow: allow.map(|fields| read_fields("allow_fields", fields)).transpose()?,
            hash: read_fields("hash_fields", hash_fields)?,
            hash_ids,
        })
    }

    /// What a destination gets of a message. `names` are those by which `integrations` may call the
    /// destination.
    ///
    /// # Errors
    /// If it does not get the message.
    pub fn apply<'m>(
        &self,
        message: &'m Message,
        names: &[&str],
    ) -> Result<Cow<'m, Message>, Withheld> {
        self.check(message, names)?;
        let mut message = Cow::Borrowed(message);
        self.edit_part(&mut message, Part::Body);
        self.edit_part(&mut message, Part::Context);
        for id in &self.hash_ids {
            if let Some(hash) = id.get(&message).map(hash_text) {
                id.set(message.to_mut(), hash);
            }
        }
        Ok(message)
    }

    fn check(&self, message: &Message, names: &[&str]) -> Result<(), Withheld> {
        if self.sources.as_ref().is_some_and(|sources| !sources.contains(&message.source)) {
            return Err(Withheld::Source);
        }
        if let Some(category) = parts::missing_consent(message, &self.consent_categories) {
            return Err(Withheld::Consent { category: category.to_owned() });
        }
        if parts::is_excluded(message, names) {
            return Err(Withheld::Integrations);
        }
        if self.sample_percent.is_some_and(|percent| !is_in_sample(message, percent)) {
            return Err(Withheld::Sample);
        }
        if self.drop.is_empty() {
            return Ok(());
        }
        let payload = Payload::of_message(message);
        // A filter that cannot be evaluated drops: it may protect somebody.
        match self.drop.iter().find(|trigger| trigger.matches(&payload).unwrap_or(true)) {
            Some(trigger) => Err(Withheld::Filter { trigger: trigger.text().to_owned() }),
            None => Ok(()),
        }
    }

    fn edit_part(&self, message: &mut Cow<'_, Message>, part: Part) {
        let field = match part {
            Part::Body => message.body_field(),
            Part::Context => "context",
        };
        let edits = [
            (Edit::Block, Some(&self.block)),
            (Edit::Allow, self.allow.as_ref()),
            (Edit::Hash, Some(&self.hash)),
        ];
        for (edit, fields) in edits {
            let Some(fields) = fields else { continue };
            let Some(json) = part.of(message) else { return };
            if let Some(edited) = fields.apply(edit, field, json) {
                *part.of_mut(message.to_mut()) = edited;
            }
        }
    }
}

/// Whether a user belongs to the sample. A message without a user stands for itself.
fn is_in_sample(message: &Message, percent: f64) -> bool {
    let user = message.user_id.as_ref().or(message.anonymous_id.as_ref());
    let hash = xxhash_rust::xxh3::xxh3_64(user.unwrap_or(&message.message_id).as_bytes());
    // 53 bits are exact, so that 100 % is everybody.
    let share = (hash >> 11) as f64 / (1_u64 << 53) as f64;
    share * 100.0 < percent
}

fn read_triggers(texts: &[String]) -> Result<Vec<Trigger>, RuleError> {
    check_count("drop", texts.len(), DROP_FILTERS_MAX)?;
    let read = |(n, text): (usize, &String)| {
        let place = format!("drop[{n}]");
        Trigger::new(text).map_err(|error| RuleError { place, what: error.to_string() })
    };
    texts.iter().enumerate().map(read).collect()
}

fn read_fields<'a>(
    rule: &str,
    places: impl IntoIterator<Item = &'a String>,
) -> Result<Fields, RuleError> {
    let places: Vec<&String> = places.into_iter().collect();
    check_entries(rule, places.iter().copied(), RULE_ENTRIES_MAX)?;
    let mut fields = Fields::default();
    for (n, place) in places.into_iter().enumerate() {
        fields.add(place).map_err(|what| RuleError { place: format!("{rule}[{n}]"), what })?;
    }
    Ok(fields)
}

fn check_entries<'a>(
    rule: &str,
    entries: impl IntoIterator<Item = &'a String>,
    max: usize,
) -> Result<(), RuleError> {
    let mut count = 0;
    for (n, entry) in entries.into_iter().enumerate() {
        count = n + 1;
        if entry.is_empty() || entry.len() > RULE_ENTRY_BYTES_MAX {
            let what = format!("it must have 1 to {RULE_ENTRY_BYTES_MAX} bytes");
            return Err(RuleError { place: format!("{rule}[{n}]"), what });
        }
    }
    check_count(rule, count, max)
}

fn check_count(rule: &str, count: usize, max: usize) -> Result<(), RuleError> {
    if count <= max {
        return Ok(());
    }
    let what = format!("it has {count} entries, the limit is {max}");
    Err(RuleError { place: rule.to_owned(), what })
}
