//! Reports against a plain recomputation from all that was decided and all that people did: late,
//! repeated, and by people who turn out to be one.

mod recomputation;

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    Arrival, Campaign, Envelope, Identity, Message, Timestamp, UserIdx, WorkspaceConfig,
    WorkspaceId, check_message,
};
use profiles::{ExternalId, ExternalIdType};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use store::Store;
use tempfile::TempDir;

use self::recomputation::{Buy, Cells, Kept, recompute, recompute_group};
use super::standing::{PersonStanding, settle};
use super::*;
use crate::campaigns::{CampaignEntry, CampaignMessage, Occurrence, message_id};
use crate::fold::{PreparedEntry, apply};
use crate::views::Views;
use crate::{Command, EntityKind, Entry};

const BEGUN: i64 = 1_767_225_600_000;
const MINUTE_MS: i64 = 60_000;
/// Steps of one operation, so that some happen on one day and some after it.
const STEP_MS: i64 = 40 * MINUTE_MS;
const DAY_MS: i64 = 86_400_000;
/// By campaign how long conversions count, in minutes, and the least total that does.
const GOALS: [(i64, f64); 2] = [(180, 0.0), (400, 50.0)];
const ITEMS: [&str; 2] = ["lamp", "shoe"];

struct Fold {
    _folder: TempDir,
    store: Store,
    views: Views,
}

fn campaign(n: usize) -> Campaign {
    let (minutes, least) = GOALS[n];
    let conversion = json!({ "event": "Order Completed", "where": format!("total >= {least}"),
        "within_s": minutes * 60, "revenue": "total" });
    let campaign = json!({ "key": format!("c{n}"), "status": "running", "channel": "mail",
        "start": { "type": "event", "event": "Never" }, "content": { "to": "x" },
        "control_percent": 50, "conversion": conversion });
    serde_json::from_value(campaign).unwrap()
}

impl Fold {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), &Views::KEYSPACES.concat()).unwrap();
        let id = WorkspaceId::new("shop").unwrap();
        let views = Views::load(&store, &id).unwrap();
        let mut fold = Self { _folder: folder, store, views };
        fold.apply(Entry::Tick { at: Timestamp(BEGUN) });
        let limits = ["user_id", "anonymous_id"].map(|name| json!({ "name": name, "limit": 100 }));
        let identity = json!({ "version": 1, "id_type": limits });
        let identity: Identity = serde_json::from_value(identity).unwrap();
        fold.apply(Entry::Configured(WorkspaceConfig {
            identity: Some(identity),
            campaigns: vec![campaign(0), campaign(1)],
            ..WorkspaceConfig::empty(id)
        }));
        fold
    }

    fn apply(&mut self, entry: Entry) {
        let mut batch = self.store.batch();
        let offset = self.views.applied;
        apply(&mut self.views, &mut batch, offset, PreparedEntry::unmapped(entry)).unwrap();
        self.views.flush(&mut batch);
        batch.commit(self.views.applied).unwrap();
    }

    fn message(&mut self, message: Message) {
        self.apply(Entry::Message(Box::new(message)));
    }

    fn person(&self, id: &str) -> UserIdx {
        let type_ = type_of(id);
        self.views.profiles.ids().user_by_external_id(ExternalId { type_, value: id }).unwrap()
    }

    fn reports(&self) -> &CampaignReports {
        &self.views.campaign_reports
    }
}

fn type_of(id: &str) -> ExternalIdType {
    match id.starts_with('u') {
        true => ExternalIdType::UserId,
        false => ExternalIdType::AnonymousId,
    }
}

fn track(at: i64, now: i64, source: &str, body: Value, ids: &[&str]) -> Message {
    let mut body = body;
    body["timestamp"] = Timestamp(at).to_string().into();
    for id in ids {
        let key = if id.starts_with('u') { "userId" } else { "anonymousId" };
        body[key] = (*id).into();
    }
    let arrival = Arrival { received_at: Timestamp(now), source, peer_ip: None };
    check_message(&body.to_string(), None, &Envelope::default(), &arrival).unwrap()
}

/// Something that happens, to one of a few people.
#[derive(Debug, Clone)]
enum Happening {
    /// A decision: sent with a variant and items, or the control group.
    Decided { campaign: usize, variant: usize, n_items: usize, is_control: bool },
    /// Something is told of an earlier message, some minutes late.
    Told { message: usize, event: usize, late_min: i64, is_item: bool, link: u32 },
    /// The person buys, and it is told some minutes late, once or twice.
    Bought { item: usize, total: u32, late_min: i64, is_repeated: bool },
    /// Both ids are one person's.
    Met { device: usize },
}

fn happening() -> impl Strategy<Value = (usize, Happening)> {
    let what = prop_oneof![
        4 => (0..2usize, 0..2usize, 0..3usize, prop::bool::weighted(0.3)).prop_map(
            |(campaign, variant, n_items, is_control)| Happening::Decided {
                campaign, variant, n_items, is_control
            }
        ),
        4 => (any::<usize>(), 0..MESSAGE_EVENTS, 0..300i64, any::<bool>(), 0..3u32)
            .prop_map(|(message, event, late_min, is_item, link)| Happening::Told {
                message, event, late_min, is_item, link
            }),
        4 => (0..2usize, 1..100u32, 0..500i64, any::<bool>()).prop_map(
            |(item, total, late_min, is_repeated)| Happening::Bought {
                item, total, late_min, is_repeated
            }
        ),
        1 => (0..3usize).prop_map(|device| Happening::Met { device }),
    ];
    (0..6usize, what)
}

const NAMES: [&str; MESSAGE_EVENTS] = [
    "Sent",
    "Delivered",
    "Failed",
    "Viewed",
    "Viewed",
    "Clicked",
    "Dismissed",
    "Unsubscribed",
    "Bounced",
    "Complained",
];

/// Lets it all happen, in the fold and as what the recomputation is made from.
fn play(all: &[(usize, Happening)]) -> (Fold, Vec<Kept>, Vec<Buy>) {
    const IDS: [&str; 6] = ["u0", "u1", "u2", "d0", "d1", "d2"];
    let mut fold = Fold::new();
    for (n, id) in IDS.iter().enumerate() {
        let body = json!({ "type": "track", "event": "Seen", "messageId": format!("seen{n}") });
        fold.message(track(BEGUN, BEGUN, "web", body, &[id]));
    }
    let (mut kept, mut buys): (Vec<Kept>, Vec<Buy>) = (Vec::new(), Vec::new());
    for (n, (who, what)) in all.iter().enumerate() {
        let now = BEGUN + (n as i64 + 1) * STEP_MS;
        let id = IDS[*who];
        match what {
            Happening::Decided { campaign, variant, n_items, is_control } => {
                let day = (now / DAY_MS) as u32;
                let variant = ["a", ""][*variant].to_owned();
                let items: Vec<&'static str> = ITEMS[..*n_items].to_vec();
                let outcome = match is_control {
                    true => DecisionOutcome::Refused {
                        reason: "control_group".to_owned(),
                        detail: None,
                    },
                    false => DecisionOutcome::Sent(CampaignMessage {
                        channel: "mail".to_owned(),
                        fields: "{}".to_owned(),
                        variant: Some(variant.clone()).filter(|variant| !variant.is_empty()),
                        items: items.iter().map(|item| (*item).to_owned()).collect(),
                        is_first_of_day: false,
                    }),
                };
                let decision = CampaignDecision {
                    at: Timestamp(now),
                    campaign: format!("c{campaign}"),
                    number: *campaign as u32,
                    person: Some((type_of(id), id.to_owned())),
                    occurrence: Occurrence::Run(Timestamp(now)),
                    day,
                    outcome,
                };
                let entry = Entry::Campaign(Box::new(CampaignEntry::Decision(decision)));
                // The second one is none.
                fold.apply(entry.clone());
                fold.apply(entry);
                kept.push(Kept {
                    id: id.to_owned(),
                    campaign: *campaign,
                    is_control: *is_control,
                    at: now,
                    day,
                    variant,
                    items: if *is_control { Vec::new() } else { items },
                    told: Vec::new(),
                    links: Vec::new(),
                    clicked_items: BTreeSet::new(),
                });
            }
            Happening::Told { message, event, late_min, is_item, link } => {
                let sent: Vec<&mut Kept> = kept.iter_mut().filter(|one| !one.is_control).collect();
                if sent.is_empty() {
                    continue;
                }
                let place = *message % sent.len();
                let message = sent.into_iter().nth(place).unwrap();
                let at = now - late_min * MINUTE_MS;
                let event = MessageEvent::ALL[*event];
                let number = crate::campaigns::number_message(
                    &fold.views.setup.config.id,
                    (&format!("c{}", message.campaign), message.campaign as u32),
                    (type_of(&message.id), &message.id),
                    Occurrence::Run(Timestamp(message.at)),
                );
                let mut properties = json!({ "message_id": message_id(number),
                    "machine": event == MessageEvent::ViewedByMachine });
                if event == MessageEvent::Clicked {
                    let url = format!("https://shop.example/{link}");
                    properties["url"] = url.as_str().into();
                    properties["link"] = (*link).into();
                    if *is_item {
                        properties["item_id"] = ITEMS[0].into();
                    }
                    message.links.push((*link, url));
                    if *is_item && message.items.contains(&ITEMS[0]) {
                        message.clicked_items.insert(ITEMS[0].to_owned());
                    }
                }
                let name = format!("Notification {}", NAMES[event as usize]);
                let body = json!({ "type": "track", "event": name,
                    "messageId": format!("told{n}"), "properties": properties });
                message.told.push((event, at));
                let told = track(at, now, "campaign", body.clone(), &[&message.id]);
                // What others say of it counts for nothing.
                let mut forged = track(at, now, "web", body, &[&message.id]);
                forged.message_id = format!("forged{n}");
                fold.message(forged);
                fold.message(told.clone());
                fold.message(told);
            }
            Happening::Bought { item, total, late_min, is_repeated } => {
                let at = now - late_min * MINUTE_MS;
                let (item, total) = (ITEMS[*item], f64::from(*total));
                let body = json!({ "type": "track", "event": "Order Completed",
                    "messageId": format!("buy{n}"),
                    "properties": { "total": total, "products": [{ "product_id": item }] } });
                let message = track(at, now, "web", body, &[id]);
                for _ in 0..=u8::from(*is_repeated) {
                    fold.message(message.clone());
                }
                buys.push(Buy { id: id.to_owned(), at, total, item });
            }
            Happening::Met { device } => {
                let device = format!("d{device}");
                let body = json!({ "type": "track", "event": "Met",
                    "messageId": format!("met{n}") });
                let user = IDS[*who % 3];
                fold.message(track(now, now, "web", body, &[user, &device]));
            }
        }
    }
    (fold, kept, buys)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn counts_are_those_of_a_recomputation(all in vec(happening(), 1..45)) {
        let (fold, kept, buys) = play(&all);
        for (campaign, number) in (0..GOALS.len()).zip(0..) {
            let (cells, mut people) = recompute(&fold, &kept, &buys, campaign);
            let found = fold.reports().cells(&fold.store, number, 0..u32::MAX).unwrap();
            let found: Cells = found.into_iter()
                .map(|cell| ((cell.day, cell.variant.unwrap_or_default()), cell.counts))
                .collect();
            prop_assert_eq!(found, cells);
            let counted = fold.reports().people(number).unwrap();
            people.groups = counted.groups.clone();
            (people.n_links, people.n_items) = (counted.n_links, counted.n_items);
            prop_assert_eq!(counted, &people);
            let groups = [(false, &people.groups.treated), (true, &people.groups.held_out)];
            for (is_control, group) in groups {
                let sum = group.sum();
                let found = (sum.people, sum.reached, sum.goals, sum.value());
                let expected = recompute_group(&fold, &kept, &buys, campaign, is_control);
                prop_assert_eq!(found, expected);
            }
            let mut links: BTreeMap<String, LinkCounts> = BTreeMap::new();
            let mut items: BTreeMap<String, ItemCounts> = BTreeMap::new();
            let sent = kept.iter().enumerate();
            let (minutes, least) = GOALS[campaign];
            for (_, one) in sent.filter(|(_, one)| one.campaign == campaign && !one.is_control) {
                let each: BTreeSet<&(u32, String)> = one.links.iter().collect();
                for (_, url) in &one.links {
                    links.entry(url.clone()).or_default().clicks += 1;
                }
                for (_, url) in each {
                    links.entry(url.clone()).or_default().messages += 1;
                }
                for item in &one.items {
                    let counts = items.entry((*item).to_owned()).or_default();
                    counts.shown += 1;
                    counts.clicked += i64::from(one.clicked_items.contains(*item));
                    let is_bought = buys.iter().any(|buy| {
                        fold.person(&buy.id) == fold.person(&one.id)
                            && buy.item == *item
                            && buy.total >= least
                            && (0..=minutes * MINUTE_MS).contains(&(buy.at - one.at))
                    });
                    counts.bought += i64::from(is_bought);
                }
            }
            let found = fold.reports().links(&fold.store, number).unwrap();
            prop_assert_eq!(found.into_iter().collect::<BTreeMap<_, _>>(), links);
            let found = fold.reports().items(&fold.store, number).unwrap();
            prop_assert_eq!(found.into_iter().collect::<BTreeMap<_, _>>(), items);
        }
        // What is forgotten stays counted.
        for user in (0..fold.views.profiles.ids().n_users() as u32).map(UserIdx) {
            let mut row = fold.reports().person(&fold.store, user).unwrap();
            let before = PersonStanding::of(&row);
            settle(&mut row, 0);
            prop_assert!(row.conversions.is_empty());
            prop_assert_eq!(PersonStanding::of(&row), before);
        }
    }
}

fn decided(who: usize, campaign: usize) -> (usize, Happening) {
    (who, Happening::Decided { campaign, variant: 0, n_items: 2, is_control: false })
}

#[test]
fn somebody_who_is_deleted_leaves_what_was_sent_and_nothing_that_they_did() {
    let bought = Happening::Bought { item: 0, total: 60, late_min: 0, is_repeated: false };
    let told =
        |event: usize| Happening::Told { message: 0, event, late_min: 0, is_item: true, link: 1 };
    let all = [decided(0, 0), (0, told(3)), (0, told(5)), (0, bought)];
    let (mut fold, ..) = play(&all);
    let user = fold.person("u0");
    assert_eq!(fold.reports().decisions(&fold.store, user).unwrap().len(), 1);
    let people = fold.reports().people(0).unwrap();
    assert_eq!((people.sent, people.click_through, people.view_through), (1, 1, 1));
    fold.apply(Entry::Command {
        received_at: Timestamp(BEGUN + DAY_MS),
        command: Box::new(Command::Delete { kind: EntityKind::User, id: "u0".to_owned() }),
    });
    let people = fold.reports().people(0).unwrap();
    assert_eq!((people.sent, people.click_through, people.view_through), (1, 0, 0));
    assert_eq!(people.groups.treated.sum().people, 0);
    let cells = fold.reports().cells(&fold.store, 0, 0..u32::MAX).unwrap();
    let sent = MessageCounts { sent: 1, people: 1, ..MessageCounts::default() };
    assert_eq!(cells[0].counts, sent);
    assert_eq!(fold.reports().decisions(&fold.store, user).unwrap(), []);
}

#[test]
fn a_person_has_so_many_decisions_and_the_counts_go_on() {
    let n = PERSON_MESSAGES_MAX + 30;
    let all: Vec<(usize, Happening)> = (0..n).map(|_| decided(0, 0)).collect();
    let (fold, ..) = play(&all);
    let user = fold.person("u0");
    assert_eq!(fold.reports().decisions(&fold.store, user).unwrap().len(), PERSON_MESSAGES_MAX);
    let cells = fold.reports().cells(&fold.store, 0, 0..u32::MAX).unwrap();
    assert_eq!(cells.iter().map(|cell| cell.counts.sent).sum::<i64>(), n as i64);
    assert_eq!(fold.reports().people(0).unwrap().sent, 1);
}

#[test]
fn a_campaign_that_is_gone_leaves_no_rows() {
    let (mut fold, ..) = play(&[decided(0, 0), decided(1, 1)]);
    let config =
        WorkspaceConfig { campaigns: vec![campaign(1)], ..(*fold.views.setup.config).clone() };
    fold.apply(Entry::Configured(config));
    assert!(fold.reports().people(0).is_none());
    assert!(fold.reports().cells(&fold.store, 0, 0..u32::MAX).unwrap().is_empty());
    assert!(fold.reports().items(&fold.store, 0).unwrap().is_empty());
    assert_eq!(fold.reports().people(1).unwrap().sent, 1);
}
