//! Journeys in the fold against a naive simulator: random graphs, and histories with late and
//! duplicated messages, merged people and new versions.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

mod graphs;
mod naive;

use std::collections::BTreeMap;

use domain::{
    Arrival, AudienceDefinition, Campaign, Destination, Envelope, Journey, Message, Timestamp,
    UserIdx, WorkspaceId, check_message,
};
use profiles::{ExternalId, ExternalIdType};
use proptest::prelude::*;
use serde_json::{Value, json};
use state::{
    CampaignDecision, CampaignEntry, CampaignMessage, Command, ConfigChange, ConfigCommand,
    DecisionOutcome, Entry, Expected, JourneyAnswer, JourneyEntry, JourneyFinding, Leave,
    Occurrence, Outcome, PreparedEntry, Stage, Views, apply,
};
use store::Store;
use tempfile::TempDir;

use self::graphs::{Step, graph, steps};
use self::naive::{Happened, Naive, Position, What, name_of};

const START: i64 = 1_767_225_600_000;
const MINUTE_MS: i64 = 60_000;
const USERS: u8 = 4;

/// The fold, with what happened as the naive simulator is told it.
struct Fold {
    _folder: TempDir,
    store: Store,
    views: Views,
    now: i64,
    happened: Vec<Happened>,
    messages: Vec<Message>,
}

impl Fold {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), &Views::KEYSPACES.concat()).unwrap();
        let views = Views::load(&store, &WorkspaceId::new("shop").unwrap()).unwrap();
        let (happened, messages) = (Vec::new(), Vec::new());
        let mut fold = Self { _folder: folder, store, views, now: START, happened, messages };
        let destination: Destination =
            serde_json::from_value(json!({ "name": "crm", "kind": "webhook",
                "settings": { "url": "https://crm.example.com" } }))
            .unwrap();
        fold.configure(ConfigChange::put_destination(&destination));
        let audience: AudienceDefinition =
            serde_json::from_value(json!({ "key": "vip", "condition": "trait vip = true" }))
                .unwrap();
        fold.configure(ConfigChange::put_audience(&audience));
        let campaign: Campaign = serde_json::from_value(json!({ "key": "note",
            "status": "running", "channel": "crm", "start": { "type": "triggered" },
            "content": { "text": "Hello" } }))
        .unwrap();
        fold.configure(ConfigChange::put_campaign(&campaign));
        fold
    }

    fn apply(&mut self, entry: Entry) -> Outcome {
        let mut batch = self.store.batch();
        let offset = self.views.applied;
        let mappings = std::sync::Arc::clone(&self.views.setup.mappings);
        let prepared = PreparedEntry::new(entry, &mappings);
        let outcome = apply(&mut self.views, &mut batch, offset, prepared).unwrap();
        self.views.flush(&mut batch);
        batch.commit(self.views.applied).unwrap();
        outcome
    }

    /// Applies an entry, and tells the naive simulator.
    fn tell(&mut self, entry: Entry, what: What) -> Outcome {
        let (now, offset) = (self.now, self.views.applied);
        self.happened.push(Happened { now, offset, what });
        self.apply(entry)
    }

    fn configure(&mut self, change: ConfigChange) {
        let command = ConfigCommand { change, expected: Expected::Anything };
        let command = Box::new(Command::Configure(Box::new(command)));
        let entry = Entry::Command { received_at: Timestamp(self.now), command };
        let outcome = self.apply(entry);
        assert_eq!(outcome, Outcome::Applied);
    }

    fn publish(&mut self, journey: &Journey) {
        let (now, offset) = (self.now, self.views.applied);
        let what = What::Publish(Box::new(journey.clone()));
        self.happened.push(Happened { now, offset, what });
        self.configure(ConfigChange::put_journey(journey));
        self.views.setup.config.validate().unwrap();
        self.tick();
    }

    fn tick(&mut self) {
        self.tell(Entry::Tick { at: Timestamp(self.now) }, What::Nothing);
    }

    fn message(&self, mut body: Value) -> Message {
        body["messageId"] = format!("m{}", self.views.applied).into();
        let arrival = Arrival { received_at: Timestamp(self.now), source: "web", peer_ip: None };
        check_message(&body.to_string(), None, &Envelope::default(), &arrival).unwrap()
    }

    fn user(&self, user: u8) -> Option<UserIdx> {
        let (type_, name) = (ExternalIdType::UserId, name_of(user));
        self.views.profiles.ids().user_by_external_id(ExternalId { type_, value: &name })
    }

    fn number_of(&self, wanted: UserIdx) -> u8 {
        (0..USERS).find(|user| self.user(*user) == Some(wanted)).unwrap()
    }

    fn take(&mut self, wait_min: i64, step: Step) {
        self.now += wait_min * MINUTE_MS;
        match step {
            Step::Track { user, name, total, order, late_min } => {
                let at = self.now - late_min * MINUTE_MS;
                let properties = json!({ "total": total, "order": order });
                let message = self.message(json!({ "type": "track", "userId": name_of(user),
                    "event": name, "timestamp": Timestamp(at).to_string(),
                    "properties": properties }));
                let properties = properties.as_object().unwrap().clone();
                let what = What::Track { user, name: name.to_owned(), at, properties };
                self.messages.push(message.clone());
                self.tell(Entry::Message(Box::new(message)), what);
            }
            Step::Identify { user, vip } => {
                let message = self.message(json!({ "type": "identify", "userId": name_of(user),
                    "timestamp": Timestamp(self.now).to_string(), "traits": { "vip": vip } }));
                self.messages.push(message.clone());
                self.tell(Entry::Message(Box::new(message)), What::Identify { user, vip });
            }
            Step::Again(n) => {
                // Ids of messages are remembered for a day at least.
                let is_fresh = |one: &&Message| self.now - one.received_at.0 <= 24 * 60 * MINUTE_MS;
                if let Some(message) = self.messages.get(n).filter(is_fresh).cloned() {
                    let message = Message { received_at: Timestamp(self.now), ..message };
                    let outcome = self.tell(Entry::Message(Box::new(message)), What::Nothing);
                    assert_eq!(outcome, Outcome::Duplicate);
                }
            }
            Step::Merge { target, source } => {
                let known = [self.user(target), self.user(source)];
                if let [Some(one), Some(other)] = known
                    && one != other
                {
                    let command = Command::MergeUsers {
                        target: name_of(target),
                        source: name_of(source),
                        cascade_create: false,
                    };
                    let (received_at, command) = (Timestamp(self.now), Box::new(command));
                    let entry = Entry::Command { received_at, command };
                    self.tell(entry, What::Merge { target, source });
                    // The id of the source is another person's from now on.
                    let name = name_of(source);
                    self.messages.retain(|one| one.user_id.as_ref() != Some(&name));
                }
            }
            Step::Decide(is_sent) => self.decide(is_sent),
            Step::Answer(minutes) => self.answer(minutes),
            Step::Publish(journey) => self.publish(&journey),
            Step::Wait => {}
        }
        self.tick();
    }

    /// Decides on all messages that are due, as the engine does.
    fn decide(&mut self, is_sent: bool) {
        let number = self.views.campaigns.by_key()["note"].number;
        let now = Timestamp(self.now);
        for due in self.views.campaigns.due(&self.store, number, now, 100).unwrap() {
            let Occurrence::Journey { instance: code, step } = due.waiting.occurrence else {
                panic!("{due:?}")
            };
            let user = self.number_of(due.user);
            let outcome = match is_sent {
                true => DecisionOutcome::Sent(CampaignMessage {
                    channel: "crm".to_owned(),
                    fields: "{}".to_owned(),
                    variant: None,
                    items: Vec::new(),
                    is_first_of_day: false,
                }),
                false => DecisionOutcome::Refused { reason: "no".to_owned(), detail: None },
            };
            let decision = CampaignDecision {
                at: now,
                campaign: "note".to_owned(),
                number,
                person: Some((ExternalIdType::UserId, name_of(user))),
                occurrence: due.waiting.occurrence,
                day: 0,
                outcome,
            };
            let entry = Entry::Campaign(Box::new(CampaignEntry::Decision(decision)));
            let outcome = self.tell(entry, What::Decided { user, code, step, is_sent });
            assert!(matches!(outcome, Outcome::Applied | Outcome::Duplicate));
        }
    }

    /// Finds what people wait for, as the engine does.
    fn answer(&mut self, minutes: i64) {
        let until = self.now + minutes * MINUTE_MS;
        for asked in self.views.journeys.asked(&self.store, 100).unwrap() {
            let user = self.number_of(asked.user);
            let instance = asked.instance;
            let key = self.views.journeys.directory().key(instance.journey).unwrap().to_owned();
            let kept = &self.views.journeys.by_key()[&key];
            let version = kept.versions.version(instance.version).unwrap();
            let node = &version.plan.definition.nodes[usize::from(instance.node)];
            let (finding, until) = match &node.action {
                domain::JourneyAction::Send { destination, .. } => {
                    let (destination, properties) = (destination.clone(), "{}".to_owned());
                    (JourneyFinding::Sent { destination, properties }, None)
                }
                _ => (JourneyFinding::Until(Timestamp(until)), Some(until)),
            };
            let (code, step) = (instance.id().code(), instance.step);
            let answer = JourneyAnswer {
                at: Timestamp(self.now),
                journey: key,
                number: instance.journey,
                person: Some((ExternalIdType::UserId, name_of(user))),
                entered: instance.entered,
                step,
                finding,
            };
            let entry = Entry::Journey(Box::new(JourneyEntry::Answer(answer)));
            self.tell(entry, What::Answered { user, code, step, until });
        }
    }

    fn positions(&self) -> BTreeMap<u8, Vec<Position>> {
        let mut all = BTreeMap::new();
        let directory = self.views.journeys.directory();
        let mut inside = 0;
        for user in 0..USERS {
            let Some(index) = self.user(user) else { continue };
            let row = self.views.journeys.person(&self.store, index).unwrap();
            let mut positions: Vec<Position> = row
                .instances
                .iter()
                .map(|one| {
                    let key = directory.key(one.journey).unwrap();
                    let version = directory.journey(key).unwrap().version(one.version).unwrap();
                    let until = match one.stage {
                        Stage::Until(until) => Some(until.0),
                        Stage::Asked | Stage::Message => None,
                    };
                    let node = version.plan.node_name(one.node).to_owned();
                    let entered = (one.entered.at.0, one.entered.offset);
                    (key.to_owned(), one.value.clone(), entered, node, one.since.0, until)
                })
                .collect();
            positions.sort();
            // Two ids may be one person's.
            let is_first = (0..user).all(|other| self.user(other) != Some(index));
            if is_first && !positions.is_empty() {
                inside += positions.len() as u64;
                all.insert(index.0 as u8, positions);
            }
        }
        let kept = self.views.journeys.by_key().values();
        let counted: u64 = kept.flat_map(|kept| kept.inside.values()).sum();
        assert_eq!(counted, inside, "the counts say how many are inside");
        all
    }

    /// The naive positions by the same numbers.
    fn told(&self, naive: &Naive) -> BTreeMap<u8, Vec<Position>> {
        let by_user = naive.positions().into_iter();
        by_user.map(|(user, positions)| (self.user(user).unwrap().0 as u8, positions)).collect()
    }

    fn counts(&self) -> BTreeMap<(String, String), u64> {
        let mut counts = BTreeMap::new();
        for (key, kept) in self.views.journeys.by_key() {
            let mut add = |what: String, n: u64| {
                if n > 0 {
                    counts.insert((key.clone(), what), n);
                }
            };
            add("entered".to_owned(), kept.counts.entered);
            for (why, n) in &kept.counts.not_entered {
                add(why.clone(), *n);
            }
            for (why, n) in &kept.counts.left {
                add(format!("left: {why}"), *n);
            }
            for (node, counted) in &kept.counts.nodes {
                add(format!("at {node}"), counted.entered);
            }
        }
        counts
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let naive = Naive::replay(&self.happened);
        prop_assert_eq!(self.positions(), self.told(&naive), "{:#?}", &self.happened);
        prop_assert_eq!(self.counts(), naive.counts, "{:#?}", &self.happened);
        Ok(())
    }

    fn reload(&mut self) {
        self.views = Views::load(&self.store, &WorkspaceId::new("shop").unwrap()).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn positions_are_those_of_the_naive_simulator(
        journeys in (graph("main"), graph("begun"), graph("club")),
        history in steps(),
    ) {
        let mut fold = Fold::new();
        for journey in [&journeys.1, &journeys.0, &journeys.2] {
            fold.publish(journey);
        }
        for (wait_min, step, is_checked) in history {
            fold.take(wait_min, step);
            if is_checked {
                fold.check()?;
                fold.reload();
            }
        }
        fold.check()?;
    }
}

#[test]
fn reasons_to_leave_have_words_of_their_own() {
    let all = [Leave::Completed, Leave::Timeout, Leave::Stopped, Leave::Merged];
    let words: std::collections::BTreeSet<String> = all.iter().map(Leave::word).collect();
    assert_eq!(words.len(), all.len());
}
