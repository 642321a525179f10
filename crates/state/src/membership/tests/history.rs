//! Definitions that are made in the middle of traffic, and whose past is read behind it, against
//! the plain evaluator over all messages.

use super::computed_traits::{READING, order};
use super::*;
use crate::{HistoryRequest, ReadHistory};

/// Audiences that test properties, two conditions for some keys.
const READING_AUDIENCES: [(&str, &str); 9] = [
    ("big", "did \"View\" at least 2 times where total > 3 in the last 3 days"),
    ("big", "did \"View\" at least 1 time where total > 5 in the last 4 days"),
    ("soon", "did \"View\" where ends within next 2 days or not trait vip exists"),
    ("none", "did not \"Order\" where total > 4 and did \"View\""),
    ("bought", "did \"View\" where total > 1 then \"Order\" within 1 day in the last 5 days"),
    ("earlier", "did \"Order\" where total < 5 between 1 and 3 days ago"),
    (
        "fresh",
        "rfm new of \"Order\" where total > 2 over 5 days recency (1 day, 2 days, 3 days, 4 days)",
    ),
    ("spender", "trait spent_3d > 6 or not trait usual exists"),
    ("both", "in audience big and not in audience none"),
];

/// What happens to a workspace.
#[derive(Debug, Clone)]
enum Happening {
    Step(Timed),
    Audience(usize),
    Trait(usize),
    /// The engine looks for people whose past is unread, and reads it.
    Read,
    /// What was read is journalled.
    Journal,
    Check,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        12 => step().prop_map(Happening::Step),
        2 => (0..READING_AUDIENCES.len()).prop_map(Happening::Audience),
        2 => (0..READING.len()).prop_map(Happening::Trait),
        2 => Just(Happening::Read),
        2 => Just(Happening::Journal),
        1 => Just(Happening::Check),
    ]
}

impl Fold {
    /// Reads the past of the next people.
    pub(super) fn read_step(&self, after: Option<UserIdx>) -> (Vec<ReadHistory>, Option<UserIdx>) {
        let step = self.views.unread_history(&self.store, after).unwrap();
        let read = |request: HistoryRequest| {
            let message = |offset| Some((offset, self.messages.get(&offset)?.clone()));
            let messages = request.offsets().filter_map(message).collect();
            ReadHistory { at: Timestamp(self.now), people: request.read(&messages) }
        };
        (step.requests.into_iter().map(read).collect(), step.last)
    }

    pub(super) fn journal(&mut self, read: Vec<ReadHistory>) {
        for history in read {
            let entry = Entry::ReadHistory(Box::new(history));
            assert_eq!(Entry::decode(&entry.encode()), Ok(entry.clone()));
            assert!(entry.fields().is_object(), "{entry:?}");
            self.apply(entry);
        }
    }

    /// Reads the past of everybody.
    pub(super) fn read_history(&mut self) {
        self.now += 1_000;
        self.apply(Entry::Tick { at: Timestamp(self.now) });
        let mut after = None;
        loop {
            let (read, last) = self.read_step(after);
            self.journal(read);
            after = last;
            if after.is_none() {
                break;
            }
        }
        assert!(self.views.unread_history.is_complete(), "everybody has an id");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn definitions_made_in_the_middle_of_traffic_have_the_whole_past(
        happenings in vec(happening(), 1..80),
    ) {
        let mut fold = Fold::new();
        let mut waiting = Vec::new();
        for happening in happenings {
            match happening {
                Happening::Step(timed) => fold.take(timed),
                Happening::Audience(n) if READING_AUDIENCES[n].0 == "both" => {
                    fold.configure(&[READING_AUDIENCES[0], READING_AUDIENCES[3], READING_AUDIENCES[n]]);
                }
                Happening::Audience(n) => fold.configure(&READING_AUDIENCES[n..=n]),
                Happening::Trait(n) => fold.compute(&READING[n..=n]),
                Happening::Read => waiting.extend(fold.read_step(None).0),
                Happening::Journal => fold.journal(std::mem::take(&mut waiting)),
                Happening::Check => {
                    fold.read_history();
                    fold.check_computed()?;
                }
            }
        }
        fold.read_history();
        fold.journal(waiting);
        fold.check_computed()?;

        let values = fold.all_computed();
        let mut again = Fold::new();
        for entry in std::mem::take(&mut fold.entries) {
            again.apply(entry);
        }
        again.conditions = std::mem::take(&mut fold.conditions);
        prop_assert_eq!(again.all_computed(), values);
        again.now = fold.now;
        again.check_computed()?;
    }
}

#[test]
fn nobody_enters_or_leaves_before_their_past_is_read() {
    let mut fold = Fold::new();
    fold.take((1, Some(0), None, order(5)));
    fold.take((1, Some(1), None, order(1)));
    fold.configure(&[("none", "did not \"Order\" where total > 4")]);
    fold.take((1, Some(0), None, order(1)));
    fold.take((1, Some(1), None, order(2)));
    let users = fold.people();
    let stays = |fold: &Fold, user| fold.views.audiences.stays(&fold.store, "none", user).unwrap();
    assert_eq!(fold.views.audiences.n_members("none"), Some(0));
    let progress = fold.views.audience_history("none").map(|one| (one.n_read, one.n_people));
    assert_eq!(progress, Some((0, 2)));
    fold.views = Views::load(&fold.store, &WorkspaceId::new("shop").unwrap()).unwrap();
    assert_eq!(fold.views.audience_history("none").map(|one| one.n_people), Some(2));
    fold.read_history();
    assert_eq!(fold.views.audience_history("none"), None);
    assert_eq!((stays(&fold, users[0]).len(), stays(&fold, users[1]).len()), (0, 1));
}

#[test]
fn the_past_of_a_computed_trait_is_told_until_it_is_read() {
    let mut fold = Fold::new();
    fold.take((1, Some(0), None, order(5)));
    fold.compute(&[r#"{"key":"spent","type":"sum","event":"Order","property":"total"}"#]);
    fold.take((1, Some(0), None, order(1)));
    let progress = |fold: &Fold, key| {
        let progress = fold.views.computed_trait_history(key);
        progress.map(|one| (one.n_read, one.n_people))
    };
    assert_eq!((progress(&fold, "spent"), progress(&fold, "none")), (Some((0, 1)), None));
    fold.read_history();
    assert_eq!(progress(&fold, "spent"), None);
}

#[test]
fn a_message_that_was_cut_counts_as_an_event_without_properties() {
    let mut fold = Fold::new();
    fold.take((1, Some(0), None, order(5)));
    fold.configure(&[
        ("any", "did \"Order\" where total != 7"),
        ("big", "did \"Order\" where total > 4"),
    ]);
    fold.messages.clear();
    fold.read_history();
    let n_members = |key| fold.views.audiences.n_members(key);
    assert_eq!((n_members("any"), n_members("big")), (Some(1), Some(0)));
}

#[test]
fn a_past_is_unread_beside_an_audience_whose_people_are_searched_for() {
    let mut fold = Fold::new();
    fold.take((1, Some(0), None, order(5)));
    fold.put_audience(&AudienceDefinition {
        key: "fans".to_owned(),
        name: None,
        condition: String::new(),
        likely: Some(serde_json::from_value(json!({ "items": ["lamp"], "size": 10 })).unwrap()),
        sync: None,
    });
    fold.configure(&[("big", "did \"Order\" where total > 4")]);
    fold.take((1, Some(0), None, order(1)));
    assert!(!fold.views.is_worked_out("big"), "its past is unread");
    assert!(!fold.views.is_worked_out("fans"), "nobody has looked for its people");
    fold.read_history();
    assert!(fold.views.is_worked_out("big"));
    assert_eq!(fold.views.audiences.n_members("big"), Some(1));
}
