//! One entry or more of every variant, with every field set somewhere: what the fixtures hold and
//! what the encoding is pinned by.

mod campaigns;
mod commands;
mod journeys;
mod replays;
mod training;

use catalog::ItemRow;
use domain::{
    Arrival, Column, Envelope, Interaction, InteractionKind, MessageType, PropertyType,
    PropertyValue, Rejection, RejectionReason, Source, Timestamp, TraitDefinition, Violation,
    ViolationKind, WorkspaceConfig, WorkspaceId, check_message,
};
use engine::{
    Command, DeadLetter, DeliveryProgress, Entry, ExternalIdType, FoundAnswers, FoundBy,
    ListImpression, NamingValue, OpenDelivery, PastEvents, PersonHistory, PersonKey, Place,
    Progress, ReadHistory, RegulationCommand, RegulationStatus, RegulationType, SentValue,
    SuppressedId, SyncSubject,
};
use serde_json::{Value, json};
use uuid::Uuid;

/// When all of it arrived.
pub(crate) const AT: Timestamp = Timestamp(1_700_000_000_000);

/// The users who view and buy enough for a training run.
const USERS: u32 = 12;

pub(crate) fn entries() -> Vec<Entry> {
    let mut entries = vec![Entry::Reset { received_at: AT }, Entry::Configured(config())];
    entries.extend(catalog());
    entries.extend(messages());
    entries.extend(REASONS.map(rejected));
    entries.push(Entry::ListImpressions { lists: served() });
    entries.push(Entry::Interactions { received_at: AT, interactions: interactions() });
    entries.extend(
        commands::all()
            .into_iter()
            .map(|command| Entry::Command { received_at: AT, command: Box::new(command) }),
    );
    entries.push(Entry::Trained(Box::new(training::refused())));
    entries.push(Entry::ModelActivated { received_at: AT, version: "000000000007".to_owned() });
    entries.push(Entry::Resumed { received_at: AT });
    entries.extend(since_version_6());
    entries.extend(since_the_fixtures());
    entries
}

/// A deletion by an id of another type, and the past of people, with every kind of what events come
/// to.
fn histories() -> Vec<Entry> {
    let event = |total: f64| conditions::Event {
        name: "Order".to_owned(),
        timestamp: AT,
        properties: json!({ "total": total, "ends": "2023-12-01" }).as_object().unwrap().clone(),
    };
    let of = |key: &str, events: Vec<Option<PastEvents>>| {
        let person = |(n, events)| PersonHistory {
            key: key.to_owned(),
            person: (ExternalIdType::UserId, format!("u{n}")),
            until: 7,
            events,
        };
        let people = events.into_iter().enumerate().map(person).collect();
        Entry::ReadHistory(Box::new(ReadHistory { at: AT, people }))
    };
    let condition = "did \"Order\" where total > 5 then \"Order\" within 1 day \
                     or did \"Order\" where ends within next 2 days";
    let condition: conditions::Condition = condition.parse().unwrap();
    let mut tracked = conditions::Tracked::new(&condition);
    tracked.add_read(&condition, &event(9.0));
    let computed = [
        json!({ "key": "c", "type": "sum", "event": "Order", "property": "total" }),
        json!({ "key": "c", "type": "first", "event": "Order", "property": "ends" }),
        json!({ "key": "c", "type": "unique_list", "event": "Order", "property": "ends" }),
        json!({ "key": "c", "type": "sum", "event": "Order", "property": "total", "last": "9 days" }),
        json!({ "key": "c", "type": "last", "event": "Order", "property": "ends", "session": "1 hour" }),
    ];
    let kept = computed.into_iter().map(|definition| {
        let computation =
            conditions::Computation::new(&serde_json::from_value(definition).unwrap()).unwrap();
        let mut kept = conditions::KeptEvents::new(&computation);
        kept.add(&computation, &computation.contribution(&event(0.1)).unwrap());
        Some(PastEvents::Trait(kept))
    });
    vec![of("big", vec![Some(PastEvents::Audience(tracked)), None]), of("c", kept.collect())]
}

/// What the files of version 6 do not have either: they were written before it came.
pub(crate) fn since_the_fixtures() -> Vec<Entry> {
    let command = Command::SwitchItem { id: "lamp".to_owned(), is_on: false };
    let switched = Entry::Command { received_at: AT, command: Box::new(command) };
    let command = Command::RemoveExternalId {
        user_id: "ann".to_owned(),
        id_type: ExternalIdType::from_word("email").unwrap(),
        id: "ann@example.com".to_owned(),
    };
    let removed = Entry::Command { received_at: AT, command: Box::new(command) };
    let mut entries = vec![switched, removed, rejected(RejectionReason::IdInvalid), violating()];
    entries.extend(
        [
            RejectionReason::TypeNotAllowed,
            RejectionReason::EventBlocked,
            RejectionReason::Unplanned,
            RejectionReason::PlanViolated,
        ]
        .map(rejected),
    );
    entries.extend(delivery());
    entries.extend(replays::all());
    entries.extend(regulations());
    let command = |command| Entry::Command { received_at: AT, command: Box::new(command) };
    entries.extend(commands::audiences().map(command));
    entries.extend(commands::computed_traits().map(command));
    entries.extend(syncs());
    entries.extend(commands::exports_and_feeds().map(command));
    entries.extend(commands::locations().map(command));
    entries.push(enriched());
    entries.push(command(commands::trait_with_holdout()));
    entries.extend(histories());
    entries.extend(found());
    entries.push(command(commands::trait_with_look_back()));
    entries.push(command(recount()));
    entries.push(command(commands::export_of_one_audience()));
    let catalog = Some("music".to_owned());
    entries.push(Entry::CatalogActivated { import: uuid::Uuid::nil(), received_at: AT, catalog });
    entries.push(command(commands::trait_of_a_catalog()));
    entries.push(command(commands::computed_trait_of_accounts()));
    entries.extend(campaigns::all());
    entries.extend(journeys::all());
    entries.push(rejected(RejectionReason::SubscriptionInvalid));
    entries.push(command(commands::settings_of_subscriptions()));
    entries
}

/// Values of others that name people who were deleted.
fn recount() -> Command {
    let person = (ExternalIdType::UserId, "u1".to_owned());
    let values = vec![NamingValue { key: "friends".to_owned(), person }];
    Command::Regulate(Box::new(RegulationCommand::Recount { id: RECOMM_ID, values }))
}

/// Answers to conditions that follow from models, and an audience that is made of items.
fn found() -> Vec<Entry> {
    let answers = FoundAnswers {
        at: AT,
        question: "recommended item \"lamp\"".to_owned(),
        people: vec![
            (ExternalIdType::UserId, "u1".to_owned(), true),
            (ExternalIdType::AnonymousId, "device-1".to_owned(), false),
        ],
        ended: None,
    };
    let by = FoundBy {
        at: AT,
        definition: r#"{"items":["lamp"],"size":10}"#.to_owned(),
        model: Some("000000000007".to_owned()),
        n_interested: 12,
    };
    let ended = FoundAnswers {
        question: "in audience lamps".to_owned(),
        people: Vec::new(),
        ended: Some(by),
        ..answers.clone()
    };
    let command =
        Entry::Command { received_at: AT, command: Box::new(commands::likely_audience()) };
    vec![command, Entry::Found(Box::new(answers)), Entry::Found(Box::new(ended))]
}

/// Values on their way to destinations, and the wish to send all of them again.
fn syncs() -> Vec<Entry> {
    let audience = SentValue {
        at: AT,
        subject: SyncSubject::Audience("recent".to_owned()),
        person: (ExternalIdType::UserId, "u1".to_owned()),
        identifier: None,
        value: "true".to_owned(),
        detail: None,
        attached: None,
        since: AT,
        digest: 7,
        type_: MessageType::Identify,
        destinations: vec!["crm".to_owned()],
    };
    let email = ExternalIdType::from_word("email").unwrap();
    let list = SentValue {
        subject: SyncSubject::Trait("next".to_owned()),
        identifier: Some((email, "u1@example.com".to_owned())),
        value: r#"["i1"]"#.to_owned(),
        detail: Some(r#"{"items":[]}"#.to_owned()),
        attached: Some(r#"{"plan":"free"}"#.to_owned()),
        type_: MessageType::Track,
        ..audience.clone()
    };
    let again = |subject, destination: Option<&str>| {
        let destination = destination.map(str::to_owned);
        let command = Command::SyncAgain { subject, destination };
        Entry::Command { received_at: AT, command: Box::new(command) }
    };
    vec![
        Entry::Sync(Box::new(audience.clone())),
        again(audience.subject, Some("crm")),
        again(list.subject.clone(), None),
        Entry::Sync(Box::new(list)),
    ]
}

/// Progress of a destination, and what people do with dead letters.
fn delivery() -> Vec<Entry> {
    let (destination, mapping) = ("crm".to_owned(), "Everything".to_owned());
    let open = OpenDelivery { offset: 5, mappings: vec![mapping.clone()], since: AT, attempts: 2 };
    let dead = DeadLetter {
        offset: 6,
        mapping: mapping.clone(),
        at: AT,
        since: AT,
        attempts: 3,
        reason: "http_400".to_owned(),
        text: "answered 400".to_owned(),
    };
    let progress = Progress {
        place: 9,
        opened: vec![open],
        closed: vec![4],
        dead: vec![dead],
        delivered: 7,
        retried: 1,
        failed: [("http_400".to_owned(), 1)].into(),
    };
    let delivered =
        DeliveryProgress { at: AT, destination: destination.clone(), added_at: 2, progress };
    let commands = [
        Command::RetryDeadLetter {
            destination: destination.clone(),
            offset: 6,
            mapping: mapping.clone(),
            message: Some("{}".to_owned()),
        },
        Command::DropDeadLetter { destination, offset: 6, mapping },
    ];
    let command = |command| Entry::Command { received_at: AT, command: Box::new(command) };
    let commands = commands.map(command);
    [Entry::Delivered(Box::new(delivered))].into_iter().chain(commands).collect()
}

/// Every step of a regulation, and what is left of an entry of people who were deleted.
fn regulations() -> Vec<Entry> {
    let id = RECOMM_ID;
    let key = PersonKey::new(&[7; 32]).unwrap();
    let hash = key.hash(ExternalIdType::UserId, "u-gone");
    let user_ids = vec!["u-gone".to_owned()];
    let steps = [
        RegulationCommand::Begin {
            id,
            type_: RegulationType::SuppressWithDelete,
            n_people: 1,
            key: Some(vec![7; 32]),
        },
        RegulationCommand::Suppress { id, ids: vec![SuppressedId { id: hash, person: hash }] },
        RegulationCommand::Unsuppress { id, ids: vec![hash] },
        RegulationCommand::Delete {
            id,
            user_ids,
            anonymous_ids: vec!["a-gone".to_owned()],
            other_ids: Vec::new(),
        },
        RegulationCommand::End { id, status: RegulationStatus::Finished, receipt: "{}".to_owned() },
    ];
    let command = |step| Entry::Command {
        received_at: AT,
        command: Box::new(Command::Regulate(Box::new(step))),
    };
    let erased = [Entry::Erased { at: Some(AT) }, Entry::Erased { at: None }];
    steps.map(command).into_iter().chain(erased).collect()
}

/// A message with every kind of violation.
fn violating() -> Entry {
    let kinds = [
        ViolationKind::BlockedEvent,
        ViolationKind::BlockedProperty,
        ViolationKind::UnplannedEvent,
        ViolationKind::UnplannedProperty,
        ViolationKind::MissingProperty,
        ViolationKind::WrongType,
        ViolationKind::WrongPattern,
    ];
    let violation = |kind| Violation {
        kind,
        event: Some("Tour Booked".to_owned()),
        property: Some("seats".to_owned()),
        sample: Some("\"many\"".to_owned()),
    };
    let body = json!({ "type": "track", "messageId": "m-violating", "userId": "u1", "event": "Tour Booked" });
    let Entry::Message(mut message) = message(&body) else { unreachable!("it is a message") };
    message.violations = kinds.map(violation).into();
    Entry::Message(message)
}

/// What version 5 does not have.
pub(crate) fn since_version_6() -> Vec<Entry> {
    let scenarios = vec![r#"{"name":"gone","endpoint":"recommend_items_to_user"}"#.to_owned()];
    let noted = Command::NoteFittingScenarios { scenarios };
    let commands = std::iter::once(noted).chain(commands::configuration());
    let entry = |command| Entry::Command { received_at: AT, command: Box::new(command) };
    commands.map(entry).chain([Entry::Tick { at: AT }]).collect()
}

fn config() -> WorkspaceConfig {
    WorkspaceConfig {
        private_token: Some("private-0123456789".to_owned()),
        public_token: Some("public-0123456789".to_owned()),
        profile_token: Some("profile-0123456789".to_owned()),
        public_user_properties: vec!["language".to_owned()],
        sources: vec![Source {
            bearer_tokens: vec!["bearer-0123456789".to_owned()],
            ..Source::new("web", "write-0123456789")
        }],
        traits: vec![TraitDefinition::recommended_items("next")],
        // Version 5 began without.
        presets: None,
        ..WorkspaceConfig::empty(WorkspaceId::new("shop").unwrap())
    }
}

fn catalog() -> Vec<Entry> {
    let columns = PropertyType::ALL.map(|type_| Column { name: format!("{type_}_value"), type_ });
    let texts = |n| vec![format!("a{n}"), format!("b{n}")];
    let row = |n: i64| ItemRow {
        item_id: format!("i{n}"),
        values: vec![
            Some(PropertyValue::Int(-n)),
            Some(PropertyValue::Double(n as f64 / 4.0)),
            Some(PropertyValue::String(format!("Item {n}"))),
            Some(PropertyValue::Boolean(n % 2 == 0)),
            Some(PropertyValue::Timestamp(Timestamp(AT.0 - n))),
            Some(PropertyValue::Set(texts(n))),
            Some(PropertyValue::Image(format!("https://shop.example/{n}.png"))),
            (n % 3 > 0).then(|| PropertyValue::ImageList(texts(n))),
        ],
    };
    vec![
        Entry::CatalogStaged { import: uuid::Uuid::nil(), columns: columns.to_vec() },
        Entry::CatalogItems { import: uuid::Uuid::nil(), rows: (0..9).map(row).collect() },
        Entry::CatalogActivated { import: uuid::Uuid::nil(), received_at: AT, catalog: None },
    ]
}

fn message(body: &Value) -> Entry {
    let arrival = Arrival { received_at: AT, source: "web", peer_ip: None };
    Entry::Message(Box::new(
        check_message(&body.to_string(), None, &Envelope::default(), &arrival).unwrap(),
    ))
}

/// An event to which a column of the catalog was added.
fn enriched() -> Entry {
    let Entry::Message(mut enriched) = message(&json!({
        "type": "track", "messageId": "m-enriched", "userId": "u1", "event": "Product Viewed",
        "properties": { "product_id": "i1", "brand": "Oak" },
    })) else {
        unreachable!("a message is an entry of its own")
    };
    enriched.enriched = vec!["brand".to_owned()];
    Entry::Message(enriched)
}

fn messages() -> Vec<Entry> {
    let common = |type_: MessageType| {
        json!({
            "type": type_.word(), "messageId": format!("m-{type_}"), "userId": "u1", "anonymousId": "a1",
            "timestamp": "2023-11-14T10:00:00Z", "sentAt": "2023-11-14T10:00:01Z",
            "context": { "locale": "en" }, "integrations": { "All": true },
        })
    };
    let mut all: Vec<Value> = MessageType::ALL.map(common).into();
    all[0]["traits"] = json!({ "language": "en" });
    all[1]["event"] = "Product Viewed".into();
    all[1]["properties"] = json!({ "product_id": "i1", "price": 2.5 });
    all[2]["name"] = "Home".into();
    all[2]["category"] = "Shop".into();
    all[3]["name"] = "Home".into();
    all[4]["groupId"] = "g1".into();
    all[5]["previousId"] = "u-old".into();
    for n in 0..USERS * 6 {
        let event = if n % 3 == 0 { "Order Completed" } else { "Product Viewed" };
        let item = format!("i{}", (n * n + n / USERS) % 9);
        all.push(json!({
            "type": "track", "messageId": format!("e{n}"), "userId": format!("u{}", n % USERS), "event": event,
            "timestamp": AT.0 / 1_000 - 86_400 + i64::from(n),
            "properties": { "product_id": item, "products": [{ "product_id": item, "quantity": 1, "price": 3 }] },
        }));
    }
    all.iter().map(message).collect()
}

const REASONS: [RejectionReason; 22] = [
    RejectionReason::BadRequest,
    RejectionReason::EmptyBatch,
    RejectionReason::BatchTooLong,
    RejectionReason::MessageTooLarge,
    RejectionReason::TypeInvalid,
    RejectionReason::IdRequired,
    RejectionReason::IdNotString,
    RejectionReason::IdTooLong,
    RejectionReason::MessageIdInvalid,
    RejectionReason::EventNotDefined,
    RejectionReason::EventNotString,
    RejectionReason::PropertiesNotObject,
    RejectionReason::TraitsNotObject,
    RejectionReason::TraitsTooMany,
    RejectionReason::NameNotString,
    RejectionReason::CategoryNotString,
    RejectionReason::GroupIdInvalid,
    RejectionReason::PreviousIdInvalid,
    RejectionReason::ContextNotObject,
    RejectionReason::TimestampInvalid,
    RejectionReason::MappingFailed,
    RejectionReason::IdentityLimit,
];

fn rejected(reason: RejectionReason) -> Entry {
    Entry::Rejected(Box::new(Rejection {
        reason,
        detail: format!("a message with {}", reason.code()),
        source: "web".to_owned(),
        message_id: Some("m-rejected".to_owned()),
        type_: Some(MessageType::Track),
        received_at: AT,
        excerpt: "{}".to_owned(),
        violations: Vec::new(),
    }))
}

fn interactions() -> Vec<Interaction> {
    let full = |kind| Interaction {
        timestamp: Some(Timestamp(AT.0 - 3_600_000)),
        value: Some(0.5),
        amount: Some(2.0),
        price: Some(9.99),
        profit: Some(1.25),
        session_id: Some("s1".to_owned()),
        time_spent: Some(12.0),
        auto_presented: Some(true),
        recomm_id: Some(RECOMM_ID.to_string()),
        additional_data: Some(r#"{"shelf":4}"#.to_owned()),
        ..Interaction::new("u1", "i2", kind)
    };
    let bare = Interaction::new("u2", "i3", InteractionKind::Bookmark);
    InteractionKind::ALL.into_iter().map(full).chain([bare]).collect()
}

const RECOMM_ID: Uuid = Uuid::from_u128(0x018b_cfe5_6800_7000_8000_0000_0000_0001);

fn served() -> Vec<ListImpression> {
    let of_trait = ListImpression {
        recomm_id: None,
        user: Some((ExternalIdType::AnonymousId, "a1".to_owned())),
        at: AT,
        items: vec!["i1".to_owned(), "i2".to_owned()],
        place: Place::Trait("next".to_owned()),
        group: None,
        model: None,
        rotates: false,
        n_next: 0,
        request: None,
    };
    let of_call = ListImpression {
        recomm_id: Some(RECOMM_ID),
        user: Some((ExternalIdType::UserId, "u1".to_owned())),
        place: Place::Scenario {
            endpoint: "recommendItemsToUser".to_owned(),
            scenario: Some("home".to_owned()),
        },
        group: Some("a".to_owned()),
        model: Some("000000000007".to_owned()),
        rotates: true,
        request: Some("{}".to_owned()),
        ..of_trait.clone()
    };
    let next = ListImpression { items: vec!["i4".to_owned()], n_next: 1, ..of_call.clone() };
    vec![of_trait, of_call, next]
}
