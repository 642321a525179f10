//! Snapshots of format 9, in which what was kept of events for a computed trait was a row of its
//! own, are loaded with what each person had.

use std::collections::BTreeMap;
use std::sync::Arc;

use conditions::{Computation, Condition, Event, KeptEvents, Tracked};
use domain::{
    Arrival, AudienceDefinition, ComputedTraitDefinition, Envelope, Message, Timestamp, UserIdx,
    check_message,
};
use serde_json::{Value, json};
use state::{
    Command, ConfigChange, ConfigCommand, Entry, Expected, PreparedEntry, Views, apply, format9,
};
use store::Read as _;
use tempfile::TempDir;

use super::*;

const NOW: i64 = 1_767_225_600_000;
/// The numbers of computed traits are their places.
const TRAITS: [&str; 4] = [
    r#"{"key": "spent", "type": "sum", "event": "Order", "property": "total"}"#,
    r#"{"key": "n_big", "type": "count", "event": "Order", "where": "total > 5", "last": "30 days"}"#,
    r#"{"key": "seen", "type": "unique_list", "event": "View", "property": "total"}"#,
    r#"{"key": "n_views", "type": "count", "event": "View"}"#,
];
const AUDIENCE: &str = "did \"Order\" at least 2 times where total > 5 in the last 30 days";
/// Of whom there are other events: some have only one of the two, the fourth has none.
const ORDERS: [(&str, &str, i64); 9] = [
    ("a", "Order", 4),
    ("b", "View", 7),
    ("c", "Order", 6),
    ("d", "Other", 1),
    ("c", "View", 1),
    ("e", "Order", 8),
    ("a", "Order", 9),
    ("c", "Order", 7),
    ("c", "View", 2),
];

struct Fold {
    folder: TempDir,
    store: Store,
    views: Views,
    /// The events by the index of the person.
    events: BTreeMap<u32, Vec<Event>>,
}

impl Fold {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), &Views::KEYSPACES.concat()).unwrap();
        let views = Views::load(&store, &shop()).unwrap();
        Self { folder, store, views, events: BTreeMap::new() }
    }

    fn apply(&mut self, entry: Entry) {
        let mut batch = self.store.batch();
        let mappings = Arc::clone(&self.views.setup.mappings);
        let (offset, entry) = (self.views.applied, PreparedEntry::new(entry, &mappings));
        apply(&mut self.views, &mut batch, offset, entry).unwrap();
        self.views.flush(&mut batch);
        batch.commit(self.views.applied).unwrap();
    }

    fn configure(&mut self, change: ConfigChange) {
        let command = ConfigCommand { change, expected: Expected::Anything };
        let command = Box::new(Command::Configure(Box::new(command)));
        self.apply(Entry::Command { received_at: Timestamp(NOW), command });
    }

    fn track(&mut self, (user, event, total): (&str, &str, i64)) {
        let id = format!("m{}", self.views.applied);
        let body = json!({ "type": "track", "userId": user, "event": event, "messageId": id,
            "properties": { "total": total } });
        let received_at = Timestamp(NOW + self.views.applied as i64 * 1_000);
        let arrival = Arrival { received_at, source: "web", peer_ip: None };
        let message: Message =
            check_message(&body.to_string(), None, &Envelope::default(), &arrival).unwrap();
        let event = Event::from_message(&message);
        self.apply(Entry::Message(Box::new(message)));
        let user = self.views.profiles.ids().user_by_id(user).unwrap();
        self.events.entry(user.0).or_default().extend(event);
    }

    /// The values of everybody, and whether they are in the audience.
    fn answers(&self) -> Vec<(Vec<Value>, bool)> {
        let answers = self.events.keys().map(|user| {
            let user = UserIdx(*user);
            let values = self.views.computed_traits.values(&self.store, user).unwrap();
            let memberships = self.views.audiences.memberships(&self.store, user).unwrap();
            (values.into_iter().map(|(_, one)| one.value).collect(), !memberships.is_empty())
        });
        answers.collect()
    }
}

fn shop() -> WorkspaceId {
    WorkspaceId::new("shop").unwrap()
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).unwrap()
}

/// The rows of people as format 9 had them: values, what was kept of events, audiences.
fn rows_of_people(fold: &Fold, since: u64) -> [Vec<Pair>; 3] {
    let [mut values, mut kept_events, mut audiences] = [const { Vec::new() }; 3];
    let condition: Condition = AUDIENCE.parse().unwrap();
    for (user, events) in &fold.events {
        let mut of_person = Vec::new();
        let known = fold.views.computed_traits.values(&fold.store, UserIdx(*user)).unwrap();
        for (number, definition) in (0_u32..).zip(TRAITS) {
            let definition: ComputedTraitDefinition = serde_json::from_str(definition).unwrap();
            let computation = Computation::new(&definition).unwrap();
            let mut kept = KeptEvents::new(&computation);
            let contributions = events.iter().filter_map(|event| computation.contribution(event));
            let n = contributions.map(|one| kept.add(&computation, &one)).count();
            if n > 0 {
                let (_, value) = known.iter().find(|(key, _)| *key == definition.key).unwrap();
                let due = kept.next_change(&computation, Timestamp(NOW));
                // They stood in the order in which they came to the person.
                of_person.insert(0, (number, value.value.to_string(), value.changed_at, due));
                let key = [user.to_be_bytes(), number.to_be_bytes()].concat();
                kept_events.push((key, encode(&kept)));
            }
        }
        let mut tracked = Tracked::new(&condition);
        for event in events {
            tracked.add(&condition, event);
        }
        let memberships = fold.views.audiences.memberships(&fold.store, UserIdx(*user)).unwrap();
        let entered = memberships.first().map(|(_, entered)| *entered);
        let key = user.to_be_bytes().to_vec();
        if !of_person.is_empty() {
            values.push((key.clone(), encode(&of_person)));
        }
        audiences.push((key, encode(&(since + 1, vec![(0_u32, since, tracked, entered, false)]))));
    }
    [values, kept_events, audiences]
}

/// A snapshot file of a store as format 9 had it, with blocks of one row.
fn write_format_9(path: &Path, fold: &Fold, since: u64) {
    let [values, kept_events, audiences] = rows_of_people(fold, since);
    let mut keyspaces: Vec<&str> = Views::KEYSPACES.concat();
    let place = keyspaces.iter().position(|name| *name == format9::COMPUTED_TRAIT_VALUES).unwrap();
    keyspaces.insert(place + 1, format9::COMPUTED_TRAIT_EVENTS);
    let header = Header {
        workspace: shop(),
        position: fold.views.applied,
        format: 9,
        written_by: "0.1.0".to_owned(),
        keyspaces: keyspaces.iter().map(|name| (*name).to_owned()).collect(),
    };
    let mut bytes = frame::encode(FrameKind::Header, 0, 0, &to_json(&header)).unwrap();
    let mut n_rows = BTreeMap::new();
    for (number, name) in (0..).zip(&keyspaces) {
        let rows = match *name {
            format9::COMPUTED_TRAIT_VALUES => values.clone(),
            format9::COMPUTED_TRAIT_EVENTS => kept_events.clone(),
            format9::AUDIENCE_PEOPLE => audiences.clone(),
            name => fold.store.scan(&fold.store.keyspace(name), &[]).map(Result::unwrap).collect(),
        };
        if !rows.is_empty() {
            n_rows.insert((*name).to_owned(), rows.len() as u64);
        }
        for (key, value) in rows {
            let mut raw = Vec::new();
            frame::add_row(&mut raw, &key, &value);
            bytes.extend(frame::encode(FrameKind::Rows, number, 1, &raw).unwrap());
        }
    }
    let footer = Footer { rows: n_rows, sha256: to_hex(&Sha256::digest(&bytes)) };
    bytes.extend(frame::encode(FrameKind::Footer, 0, 0, &to_json(&footer)).unwrap());
    fs::write(path, bytes).unwrap();
}

#[test]
fn rows_of_people_of_format_9_meet_what_was_kept_of_their_events() {
    let mut fold = Fold::new();
    for json in TRAITS {
        let definition: ComputedTraitDefinition = serde_json::from_str(json).unwrap();
        fold.configure(ConfigChange::put_computed_trait(&definition));
    }
    let since = fold.views.applied;
    fold.configure(ConfigChange::put_audience(&AudienceDefinition {
        key: "buyers".to_owned(),
        name: None,
        condition: AUDIENCE.to_owned(),
        likely: None,
        sync: None,
    }));
    ORDERS.into_iter().for_each(|order| fold.track(order));
    assert_eq!(fold.events.len(), 5);

    let mut loaded = Fold::new();
    let path = loaded.folder.path().join("format9.snapshot");
    write_format_9(&path, &fold, since);
    SnapshotFile::open(&path, &shop()).unwrap().fill(&loaded.store).unwrap();
    loaded.views = Views::load(&loaded.store, &shop()).unwrap();
    loaded.events = fold.events.clone();
    assert_eq!(loaded.answers(), fold.answers());
    assert_eq!(loaded.answers()[2], (vec![json!(2), json!(2), json!([1, 2]), json!(13)], true));

    // What was kept counts on, and nothing is left of the keyspace that is gone.
    for order in [("c", "Order", 8), ("a", "Order", 6), ("b", "View", 3), ("d", "Order", 9)] {
        fold.track(order);
        loaded.track(order);
        assert_eq!(loaded.answers(), fold.answers(), "{order:?}");
    }
    assert_eq!(loaded.answers()[0], (vec![json!(2), json!(0), json!([]), json!(19)], true));
}
