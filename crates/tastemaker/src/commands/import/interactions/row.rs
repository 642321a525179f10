//! Texts of a row become an interaction, or what is wrong with it.

use domain::id::{ID_BYTES_MAX, check_addressable};
use domain::{Interaction, InteractionKind, Timestamp};

/// The columns of a row.
pub(super) const COLUMNS: [&str; 5] = ["user_id", "item_id", "timestamp", "kind", "value"];

/// A text for each of [`COLUMNS`], empty where there is none.
pub(super) type Texts<'a> = [&'a str; COLUMNS.len()];

/// An invalid row: the reason, which reports count, and the details.
pub(super) type Wrong = (&'static str, String);

const DAY_MS: i64 = 86_400_000;

/// The end of tomorrow, UTC: a later day, of whatever time zone, is a mistake in the file.
pub(super) fn end_of_tomorrow(now: Timestamp) -> Timestamp {
    Timestamp((now.0.div_euclid(DAY_MS) + 2) * DAY_MS)
}

/// The interaction of a row; `end` is the first instant that is too late for its timestamp.
pub(super) fn interaction(texts: &Texts<'_>, end: Timestamp) -> Result<Interaction, Wrong> {
    let [user_id, item_id, timestamp, kind, value] = *texts;
    let kind = match kind {
        "" => InteractionKind::DetailView,
        word => InteractionKind::from_word(word).ok_or_else(|| {
            let known: Vec<&str> = InteractionKind::ALL.iter().map(|kind| kind.word()).collect();
            ("kind is unknown", format!("{word:?}; known are {}", known.join(", ")))
        })?,
    };
    let mut interaction =
        Interaction::new(id(COLUMNS[0], user_id)?, id(COLUMNS[1], item_id)?, kind);
    interaction.timestamp = match timestamp {
        "" => None,
        text => Some(time(text, end)?),
    };
    let value = match value {
        "" => None,
        text => {
            let value = text.trim().parse::<f64>().ok().filter(|value| value.is_finite());
            Some(value.ok_or_else(|| ("value is not a number", format!("{text:?}")))?)
        }
    };
    let within = |low: f64| match value {
        Some(value) if (low..=1.0).contains(&value) => Ok(Some(value)),
        Some(value) => Err((
            "value is out of range",
            format!("a {kind} of {value}, it must be from {low} to 1"),
        )),
        None => Err(("value is missing", format!("a {kind} needs one"))),
    };
    match kind {
        InteractionKind::Rating => interaction.value = within(-1.0)?,
        InteractionKind::ViewPortion => interaction.value = within(0.0)?,
        InteractionKind::Purchase | InteractionKind::CartAddition => interaction.amount = value,
        InteractionKind::DetailView | InteractionKind::Bookmark => {}
    }
    Ok(interaction)
}

fn id<'a>(column: &str, text: &'a str) -> Result<&'a str, Wrong> {
    match text {
        "" => Err(("an id is missing", format!("column {column}"))),
        id if id.len() > ID_BYTES_MAX => Err((
            "an id is too long",
            format!("column {column}: {} bytes, the limit is {ID_BYTES_MAX}", id.len()),
        )),
        id => match check_addressable(id) {
            Ok(()) => Ok(id),
            Err(what) => Err(("an id cannot be used", format!("column {column}: it {what}"))),
        },
    }
}

fn time(text: &str, end: Timestamp) -> Result<Timestamp, Wrong> {
    match Timestamp::parse(text) {
        None => Err((
            "timestamp cannot be read",
            format!("{text:?} is neither ISO 8601 nor a Unix time from 1970 on"),
        )),
        Some(at) if at >= end => Err(("timestamp is beyond tomorrow", format!("{text:?} is {at}"))),
        Some(at) => Ok(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tomorrow_is_right_and_the_day_after_is_wrong() {
        let now = Timestamp::parse("2024-05-10T23:59:00Z").unwrap();
        let of = |timestamp| interaction(&["u", "i", timestamp, "", ""], end_of_tomorrow(now));
        assert_eq!(
            of("2024-05-11T23:59:59Z").unwrap().timestamp,
            Timestamp::parse("2024-05-11T23:59:59Z")
        );
        let wrong = |timestamp| {
            of(timestamp).map_err(|(reason, detail)| format!("{reason}: {detail}")).unwrap_err()
        };
        assert_eq!(
            wrong("2024-05-12"),
            "timestamp is beyond tomorrow: \"2024-05-12\" is 2024-05-12T00:00:00.000Z"
        );
        assert_eq!(
            wrong("2715374940"),
            "timestamp is beyond tomorrow: \"2715374940\" is 2056-01-17T22:49:00.000Z"
        );
        assert!(wrong("soon").starts_with("timestamp cannot be read"));
    }
}
