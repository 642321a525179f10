//! Previews of audiences: what they count, what they estimate, and that the kept members are the
//! same.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use conditions::{Condition, Event, Person, Surroundings, holds};
use domain::{
    Arrival, AudienceDefinition, Envelope, Timestamp, UserIdx, WorkspaceId, check_message,
};
use engine::{
    AudiencePreview, Channel, ConfigChange, Engine, EngineOptions, Entry, Expected, ManualClock,
    PREVIEW_SAMPLE_MAX, PreviewLimits, RequestBudget, TimelineQuery,
};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const NOW: i64 = 1_767_225_600_000;
const HOUR_MS: i64 = 3_600_000;
/// Long enough for everybody.
const NO_HURRY: PreviewLimits =
    PreviewLimits { time: Duration::from_secs(3_600), people: u64::MAX };

/// Conditions that ask for names and times.
const KEPT: [&str; 7] = [
    "did \"Order\" at least 2 times in the last 30 days",
    "did not \"Order\" in the last 20 days",
    "did \"View\" then not \"Order\" within 5 days in the last 40 days",
    "trait country = \"DE\" and did \"View\" between 10 and 40 days ago",
    "rfm promising of \"Order\"",
    "in audience buyers and not in audience germans",
    "not in audience buyers or trait address.city starts with \"B\"",
];
/// Conditions that test properties.
const FILTERED: [&str; 4] = [
    "did \"Order\" where total > 50 in the last 30 days",
    "did \"Order\" at most 1 time where total > 50 and trait country = \"DE\"",
    "did \"View\" then \"Order\" where total >= 30 within 10 days",
    "did \"Order\" exactly 2 times where total < 40 or in audience germans",
];

#[derive(Debug, Clone)]
struct Human {
    country: Option<&'static str>,
    has_phone: bool,
    is_anonymous: bool,
    /// Hours ago, name, total.
    events: Vec<(i64, &'static str, i64)>,
}

fn human() -> impl Strategy<Value = Human> {
    let names = proptest::sample::select(vec!["Order", "View", "Other"]);
    let country = proptest::option::of(proptest::sample::select(vec!["DE", "FR"]));
    let events = vec((0..60 * 24_i64, names, 0..100_i64), 1..8);
    (country, any::<bool>(), any::<bool>(), events).prop_map(
        |(country, has_phone, is_anonymous, events)| Human {
            country,
            has_phone,
            is_anonymous,
            events,
        },
    )
}

struct Shop {
    clock: Arc<ManualClock>,
    engine: Engine,
    n_messages: AtomicU32,
}

impl Shop {
    fn open(folder: &Path) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp(NOW)));
        let options = EngineOptions { clock: clock.clone(), ..EngineOptions::default() };
        let id = WorkspaceId::new("shop").unwrap();
        let engine = Engine::open_with(id, folder, &options, &|_, _| {}).unwrap();
        Self { clock, engine, n_messages: AtomicU32::new(0) }
    }

    fn message(&self, mut body: Value, n: usize, human: &Human) -> Entry {
        let n_messages = self.n_messages.fetch_add(1, Ordering::Relaxed);
        body["messageId"] = format!("m{n_messages}").into();
        let id_key = if human.is_anonymous { "anonymousId" } else { "userId" };
        body[id_key] = format!("p{n}").into();
        let received_at = self.clock_now();
        let arrival = Arrival { received_at, source: "web", peer_ip: None };
        let message = check_message(&body.to_string(), None, &Envelope::default(), &arrival);
        Entry::Message(Box::new(message.unwrap()))
    }

    fn clock_now(&self) -> Timestamp {
        self.engine.now()
    }

    /// People send what they did.
    fn send(&self, people: &[Human]) {
        let mut entries = Vec::new();
        for (n, human) in people.iter().enumerate() {
            let mut traits = json!({ "email": format!("p{n}@shop.example") });
            if let Some(country) = human.country {
                traits["country"] = country.into();
                let city = if n.is_multiple_of(2) { "Berlin" } else { "Paris" };
                traits["address"] = json!({ "city": city });
            }
            if human.has_phone {
                traits["phone"] = "+49 30 1".into();
            }
            if human.country.is_some() || human.has_phone {
                entries.push(self.message(
                    json!({ "type": "identify", "traits": traits }),
                    n,
                    human,
                ));
            }
            for (hours, name, total) in &human.events {
                // Half an hour past, so that no window closes while the audience is worked out.
                let at = Timestamp(NOW - hours * HOUR_MS - HOUR_MS / 2).to_string();
                let properties = json!({ "total": total });
                let body = json!({ "type": "track", "event": name, "timestamp": at, "properties": properties });
                entries.push(self.message(body, n, human));
            }
        }
        for step in entries.chunks(500) {
            self.engine.submit_blocking(step.to_vec()).unwrap();
        }
    }

    fn keep(&self, key: &str, condition: &str) {
        let condition: Condition = condition.parse().unwrap();
        let condition = condition.to_string();
        let definition = AudienceDefinition {
            key: key.to_owned(),
            name: None,
            condition,
            likely: None,
            sync: None,
        };
        let change = ConfigChange::put_audience(&definition);
        self.engine.change_config(change, Expected::Anything).unwrap();
    }

    /// Until everybody is worked out.
    fn work_out(&self) {
        let now = self.clock_now().0 + 60_000;
        self.clock.set(Timestamp(now));
        self.engine.submit_blocking(vec![Entry::Tick { at: Timestamp(now) }]).unwrap();
    }

    /// Until the past of everybody is read.
    fn await_history(&self, key: &str) {
        let started = Instant::now();
        while self.engine.snapshot().audience_history(key).is_some() {
            assert!(started.elapsed() < Duration::from_secs(60), "it is read");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn preview(&self, condition: &str, limits: PreviewLimits) -> AudiencePreview {
        let condition: Condition = condition.parse().unwrap();
        let budget = Arc::new(RequestBudget::unlimited());
        self.engine.preview_audience(&condition, limits, &budget).unwrap()
    }

    /// Everybody for whom a condition holds, by all events.
    fn everybody(&self, condition: &str) -> BTreeSet<UserIdx> {
        let condition: Condition = condition.parse().unwrap();
        let config = self.engine.config();
        let parse = |audience: &AudienceDefinition| {
            (audience.key.clone(), audience.condition.parse::<Condition>().unwrap())
        };
        let audiences: BTreeMap<String, Condition> = config.audiences.iter().map(parse).collect();
        let n_users = self.engine.snapshot().profiles.ids().n_users() as u32;
        let query = TimelineQuery { limit: 1_000, ..TimelineQuery::default() };
        let is_one = |user: &UserIdx| {
            let (events, _) = self.engine.events(*user, &query).unwrap();
            let events: Vec<Event> =
                events.iter().filter_map(|event| Event::from_message(&event.message)).collect();
            let stored = self.engine.snapshot().stored_traits(*user).unwrap().into_iter();
            let traits: Map<String, Value> = stored
                .map(|(key, stored)| (key, serde_json::from_str(&stored.json).unwrap()))
                .collect();
            let surroundings = Surroundings {
                traits: &traits,
                accounts: &[],
                audiences: &audiences,
                answers: &[],
            };
            holds(&condition, &Person { events: &events, surroundings }, self.clock_now())
        };
        (0..n_users).map(UserIdx).filter(is_one).collect()
    }

    fn members(&self, key: &str) -> BTreeSet<UserIdx> {
        let members = self.engine.snapshot().audience_members(key, None, 10_000).unwrap();
        members.into_iter().map(|member| member.user).collect()
    }
}

/// People of whom some do what the conditions ask for.
fn crowd(n: usize) -> Vec<Human> {
    let human = |n: usize| {
        let event = |place: usize| {
            let name = ["Order", "View", "Other"][(n / 3 + place) % 3];
            ((n * 7 + place * 311) as i64 % (60 * 24), name, (n * 13 + place * 29) as i64 % 100)
        };
        Human {
            country: [Some("DE"), Some("FR"), None][n % 3],
            has_phone: n.is_multiple_of(5),
            is_anonymous: n % 4 == 1,
            events: (0..1 + n % 4).map(event).collect(),
        }
    };
    (0..n).map(human).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn a_preview_counts_for_whom_the_condition_holds_and_who_then_belongs(
        people in vec(human(), 1..40),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let shop = Shop::open(folder.path());
        shop.keep("buyers", "did \"Order\" in the last 25 days");
        shop.keep("germans", "trait country = \"DE\"");
        shop.send(&people);
        shop.work_out();
        for condition in KEPT.iter().chain(&FILTERED) {
            let everybody = shop.everybody(condition);
            let preview = shop.preview(condition, NO_HURRY);
            prop_assert!(preview.people.is_exact());
            prop_assert_eq!(preview.people.count, everybody.len() as u64, "{}", condition);
            prop_assert_eq!(preview.n_asked, preview.n_profiles);
            for overlap in &preview.overlaps {
                let both = shop.members(&overlap.audience).intersection(&everybody).count();
                prop_assert_eq!(overlap.both.count, both as u64, "{}", condition);
            }
            prop_assert_eq!(preview.sample.len(), everybody.len().min(PREVIEW_SAMPLE_MAX));
            for person in &preview.sample {
                prop_assert!(everybody.contains(&person.user));
                prop_assert_eq!(person.why.holds, Some(true));
            }
        }
        for (n, condition) in KEPT.iter().chain(&FILTERED).enumerate() {
            shop.keep(&format!("kept_{n}"), condition);
        }
        shop.work_out();
        for (n, condition) in KEPT.iter().chain(&FILTERED).enumerate() {
            shop.await_history(&format!("kept_{n}"));
            let members = shop.members(&format!("kept_{n}"));
            prop_assert_eq!(&members, &shop.everybody(condition), "{}", condition);
            prop_assert_eq!(members.len() as u64, shop.preview(condition, NO_HURRY).people.count);
        }
    }
}

#[test]
fn an_estimate_of_few_has_an_interval_around_the_truth() {
    let folder = tempfile::tempdir().unwrap();
    let shop = Shop::open(folder.path());
    shop.send(&crowd(1_500));
    for condition in KEPT.iter().chain(&FILTERED).filter(|text| !text.contains("audience")) {
        let truth = shop.everybody(condition).len() as u64;
        let few = shop.preview(condition, PreviewLimits { people: 300, ..NO_HURRY });
        assert!((250..800).contains(&few.n_asked), "{}", few.n_asked);
        assert!(!few.people.is_exact(), "{condition}");
        assert!(
            few.people.low <= truth && truth <= few.people.high,
            "{condition}: {few:?} {truth}"
        );
        assert!(few.people.high - few.people.low < 500, "{condition}: {few:?}");
        let all = shop.preview(condition, NO_HURRY);
        assert_eq!((all.people.count, all.n_asked), (truth, 1_500), "{condition}");
        for ((channel, few), (_, all)) in few.reach.iter().zip(&all.reach) {
            assert!(few.low <= all.count && all.count <= few.high, "{condition}: {channel:?}");
        }
    }
}

#[test]
fn an_audience_is_counted_at_once_and_reach_says_by_what_people_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let shop = Shop::open(folder.path());
    let people = crowd(300);
    shop.send(&people);
    shop.keep("germans", "trait country = \"DE\"");
    shop.work_out();
    let nobody_asked = shop.preview("in audience germans", PreviewLimits { people: 0, ..NO_HURRY });
    assert_eq!((nobody_asked.n_asked, nobody_asked.people.count), (0, 100));
    assert!(nobody_asked.people.is_exact());
    let preview = shop.preview("in audience germans", NO_HURRY);
    let count = |is_one: &dyn Fn(&Human) -> bool| {
        people.iter().filter(|human| human.country == Some("DE") && is_one(human)).count() as u64
    };
    let reach: BTreeMap<Channel, u64> =
        preview.reach.iter().map(|(channel, number)| (*channel, number.count)).collect();
    let expected = BTreeMap::from([
        (Channel::Email, 100),
        (Channel::Phone, count(&|human| human.has_phone)),
        (Channel::Push, 0),
        (Channel::UserId, count(&|human| !human.is_anonymous)),
        (Channel::AnonymousOnly, count(&|human| human.is_anonymous)),
    ]);
    assert_eq!(reach, expected);
}

#[test]
fn an_audience_with_tests_of_properties_has_who_matched_before_it_was_made() {
    let folder = tempfile::tempdir().unwrap();
    let shop = Shop::open(folder.path());
    let event = (5, "Order", 80);
    let human = Human { country: None, has_phone: false, is_anonymous: false, events: vec![event] };
    shop.send(std::slice::from_ref(&human));
    let text = "did \"Order\" where total > 50 in the last 30 days";
    assert_eq!(shop.preview(text, NO_HURRY).people.count, 1, "a preview counts what was before");
    shop.keep("big", text);
    shop.work_out();
    shop.await_history("big");
    let condition: Condition = text.parse().unwrap();
    let why = || {
        let why = shop.engine.explain_condition(&condition, UserIdx(0)).unwrap();
        (why.holds, why.because.unwrap(), shop.members("big").len())
    };
    let once = "Order with these properties once in this time, the last on 2025-12-31 18:30 UTC";
    assert_eq!(why(), (Some(true), once.to_owned(), 1));
    shop.send(&[Human { events: vec![(4, "Order", 90)], ..human }]);
    let twice =
        "Order with these properties 2 times in this time, the last on 2025-12-31 19:30 UTC";
    assert_eq!(why(), (Some(true), twice.to_owned(), 1));
}

#[test]
#[ignore = "a measurement: PEOPLE=200000 cargo test --release -p engine --test engine -- --ignored --nocapture people_per_second"]
fn people_per_second() {
    let n: usize = std::env::var("PEOPLE").map_or(20_000, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let shop = Shop::open(folder.path());
    shop.send(&crowd(n));
    for condition in KEPT.iter().chain(&FILTERED).filter(|text| !text.contains("audience")) {
        let started = Instant::now();
        let preview = shop.preview(condition, PreviewLimits::default());
        let ms = started.elapsed().as_millis() as u64;
        let rate = preview.n_asked * 1_000 / ms.max(1);
        println!("{rate:>9} people/s, {} of {n} in {ms} ms: {condition}", preview.n_asked);
    }
}

#[test]
fn people_are_found_by_traits_of_their_accounts() {
    let folder = tempfile::tempdir().unwrap();
    let shop = Shop::open(folder.path());
    let mut settings = shop.engine.config().settings();
    settings.identity = Some(domain::Identity::default());
    shop.engine.change_config(ConfigChange::put_settings(&settings), Expected::Anything).unwrap();
    let human = Human { country: None, has_phone: false, is_anonymous: false, events: Vec::new() };
    let group = |n, account: &str, plan: &str| {
        let body = json!({ "type": "group", "groupId": account, "traits": { "plan": plan } });
        shop.message(body, n, &human)
    };
    let entries = vec![
        group(0, "a", "pro"),
        group(1, "a", "pro"),
        group(1, "b", "free"),
        group(2, "b", "free"),
        shop.message(json!({ "type": "track", "event": "Order" }), 3, &human),
    ];
    shop.engine.submit_blocking(entries).unwrap();
    let counts = |condition: &str| shop.preview(condition, NO_HURRY).people.count;
    assert_eq!(counts("account trait plan = \"pro\""), 2);
    assert_eq!(counts("account trait plan != \"pro\""), 2);
    assert_eq!(counts("not account trait plan = \"pro\""), 2);
    assert_eq!(counts("not account trait plan exists and did \"Order\""), 1);
    let condition: Condition = "account trait plan = \"pro\"".parse().unwrap();
    let why = |user: &str| {
        let user = shop.engine.find_user(user).unwrap();
        let why = shop.engine.explain_condition(&condition, user).unwrap();
        (why.holds, why.because.unwrap())
    };
    assert_eq!(why("p1"), (Some(true), "of 2 accounts: plan = \"pro\", \"free\"".to_owned()));
    assert_eq!(why("p2"), (Some(false), "the account has plan = \"free\"".to_owned()));
    assert_eq!(why("p3"), (Some(false), "a member of no account".to_owned()));
}
