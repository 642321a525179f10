//! Every command. Most change the state; some are refused by it, which is an answer too.

use catalog::{ItemRow, Property};
use domain::{
    AudienceDefinition, Column, ComputedTraitDefinition, ComputedTraitOf, ComputedTraitType,
    Endpoint, ExportFormat, Exportable, Feed, FeedFormat, Holdout, Interaction, InteractionKind,
    InteractionSelector, InteractionWeights, LikelyAudience, Logic, PropertyType, PropertyValue,
    Scenario, ScheduledExport, Source, Token, TokenKind, TraitDefinition, WorkspaceSettings,
};
use engine::{
    CollectionKind, Command, ConfigChange, ConfigCommand, EntityKind, Expected, LocationCommand,
    Member, RuleUpdate, Segment, Segmentation, SegmentationCommand, SegmentationKind, Synonym,
    SynonymCommand,
};
use serde_json::json;

use super::AT;

fn text(text: &str) -> String {
    text.to_owned()
}

pub(crate) fn all() -> Vec<Command> {
    [entities(), collections(), interactions(), lists(), segmentations(), synonyms()].concat()
}

fn entities() -> Vec<Command> {
    let property = Property {
        name: text("colour"),
        type_: PropertyType::String,
        role: Some(text("title")),
        settings: Some(text("{}")),
    };
    let user_property = |name, type_| Command::AddProperty {
        kind: EntityKind::User,
        property: Property::new(name, type_),
    };
    vec![
        Command::Add { kind: EntityKind::Item, id: text("lamp") },
        Command::Add { kind: EntityKind::User, id: text("ann") },
        Command::Add { kind: EntityKind::User, id: text("bob") },
        Command::Delete { kind: EntityKind::User, id: text("bob") },
        Command::Delete { kind: EntityKind::Item, id: text("nothing") },
        Command::AddProperty { kind: EntityKind::Item, property },
        user_property("age", PropertyType::Int),
        user_property("gone", PropertyType::Set),
        Command::DeleteProperty { kind: EntityKind::User, name: text("gone") },
        Command::SetValues {
            kind: EntityKind::Item,
            id: text("lamp"),
            values: text(r#"{"colour":"red"}"#),
            cascade_create: false,
        },
        Command::SetValues {
            kind: EntityKind::User,
            id: text("cleo"),
            values: text(r#"{"age":41}"#),
            cascade_create: true,
        },
        Command::MergeUsers { target: text("ann"), source: text("cleo"), cascade_create: true },
        Command::ActivateCatalog { version: 1 },
    ]
}

fn collections() -> Vec<Command> {
    let member = |is_collection, id, time| Member { is_collection, id: text(id), time };
    let insert = |kind, id, member| Command::InsertMember {
        kind,
        id: text(id),
        member,
        cascade_create: true,
    };
    let remove = |id, is_collection, member_id, time| Command::RemoveMember {
        kind: CollectionKind::Series,
        id: text(id),
        is_collection,
        member_id: text(member_id),
        time,
    };
    vec![
        Command::AddCollection {
            kind: CollectionKind::Series,
            id: text("season"),
            cascade_create: true,
        },
        Command::AddCollection {
            kind: CollectionKind::Group,
            id: text("family"),
            cascade_create: false,
        },
        insert(CollectionKind::Series, "season", member(false, "i1", 1.0)),
        insert(CollectionKind::Series, "season", member(false, "i2", 2.5)),
        insert(CollectionKind::Series, "season", member(false, "i2", 3.0)),
        insert(CollectionKind::Group, "family", member(true, "season", 0.0)),
        remove("season", false, "i2", Some(2.5)),
        remove("season", true, "i2", None),
        Command::AddCollection {
            kind: CollectionKind::Series,
            id: text("over"),
            cascade_create: false,
        },
        Command::DeleteCollection {
            kind: CollectionKind::Series,
            id: text("over"),
            cascade_delete: true,
        },
    ]
}

fn interactions() -> Vec<Command> {
    let mut bought = Interaction::new("ann", "lamp", InteractionKind::Purchase);
    bought.timestamp = Some(AT);
    bought.amount = Some(3.0);
    let played = Interaction {
        kind: InteractionKind::ViewPortion,
        session_id: Some(text("s1")),
        value: Some(0.25),
        ..bought.clone()
    };
    let delete = |timestamp, session_id| Command::DeleteInteractions {
        selector: InteractionSelector {
            user_id: text("ann"),
            item_id: text("lamp"),
            kind: InteractionKind::ViewPortion,
            timestamp,
            session_id,
        },
    };
    vec![
        Command::AddInteraction { interaction: bought, cascade_create: false },
        Command::AddInteraction { interaction: played, cascade_create: true },
        delete(Some(AT), Some(None)),
        delete(None, Some(Some(text("s2")))),
        delete(None, None),
    ]
}

fn lists() -> Vec<Command> {
    let put = |name| {
        Command::PutScenario {
        scenario:
            json!({ "name": name, "endpoint": "recommendItemsToUser", "filter": "'colour' == \"red\"" })
                .to_string(),
    }
    };
    vec![put("home"), put("over"), Command::DeleteScenario { name: text("over") }]
}

fn segmentations() -> Vec<Command> {
    let segment = |id: &str| Segment {
        id: text(id),
        filter: text("'colour' == \"red\""),
        title: Some(text("Red")),
    };
    let kinds = [
        ("values", SegmentationKind::Property { name: text("colour") }),
        ("computed", SegmentationKind::AutoReql { expression: text("{ 'colour' }") }),
        ("manual", SegmentationKind::ManualReql { segments: Vec::new() }),
        // Refused: segments are added one by one.
        ("filled", SegmentationKind::ManualReql { segments: vec![segment("first")] }),
    ];
    let create = |(id, kind)| {
        SegmentationCommand::Create(Segmentation {
            id: text(id),
            kind,
            title: Some(text("Title")),
            description: Some(text("Description")),
        })
    };
    let update = |id, rule, title, description| SegmentationCommand::Update {
        id: text(id),
        rule,
        title,
        description,
    };
    let of_segment = |id, title| SegmentationCommand::UpdateSegment {
        segmentation_id: text("manual"),
        id: text(id),
        filter: text("true"),
        title,
    };
    let changes = [
        update("values", RuleUpdate::Property(Some(text("string_value"))), Some(None), None),
        update("computed", RuleUpdate::AutoReql(None), None, Some(Some(text("Other")))),
        update("manual", RuleUpdate::ManualReql, Some(Some(text("Other"))), Some(None)),
        SegmentationCommand::AddSegment {
            segmentation_id: text("manual"),
            segment: segment("first"),
        },
        SegmentationCommand::AddSegment {
            segmentation_id: text("manual"),
            segment: segment("second"),
        },
        SegmentationCommand::AddSegment {
            segmentation_id: text("manual"),
            segment: segment("third"),
        },
        of_segment("first", Some(None)),
        of_segment("second", None),
        of_segment("third", Some(Some(text("Third")))),
        SegmentationCommand::DeleteSegment { segmentation_id: text("manual"), id: text("third") },
        SegmentationCommand::Delete { id: text("computed") },
    ];
    kinds.map(create).into_iter().chain(changes).map(Command::Segmentation).collect()
}

fn synonyms() -> Vec<Command> {
    let add = |id, one_way| {
        SynonymCommand::Add(Synonym {
            id: text(id),
            term: text("lamp"),
            synonym: text("light"),
            one_way,
        })
    };
    let all = [
        add("y0", false),
        SynonymCommand::DeleteAll,
        add("y1", true),
        add("y2", false),
        SynonymCommand::Delete { id: text("y2") },
    ];
    all.map(Command::Synonym).into()
}

/// Every change of a configuration, and everything that one may expect.
pub(crate) fn configuration() -> Vec<Command> {
    let put_source = |expected| {
        let source = Source::new("app", "app-0123456789");
        (ConfigChange::put_source("app", &source), expected)
    };
    let token =
        Token { name: text("second"), kind: TokenKind::Private, token: text("second-0123456789") };
    let settings =
        WorkspaceSettings { name: Some(text("The shop")), ..WorkspaceSettings::default() };
    let scenario = Scenario::new("cart", Endpoint::RecommendItemsToItem);
    let changes = [
        put_source(Expected::Absent),
        put_source(Expected::Revision(1)),
        (ConfigChange::RemoveSource { name: text("app") }, Expected::Present),
        (ConfigChange::put_token(&token), Expected::Anything),
        (ConfigChange::RemoveToken { name: text("second") }, Expected::Anything),
        (ConfigChange::put_trait(&TraitDefinition::recommended_items("soon")), Expected::Anything),
        (ConfigChange::RemoveTrait { key: text("soon") }, Expected::Anything),
        (ConfigChange::put_scenario(&scenario), Expected::Anything),
        (ConfigChange::RemoveScenario { name: text("cart") }, Expected::Anything),
        (ConfigChange::put_interaction_weights(&InteractionWeights::default()), Expected::Anything),
        (ConfigChange::put_settings(&settings), Expected::Anything),
    ];
    let command =
        |(change, expected)| Command::Configure(Box::new(ConfigCommand { change, expected }));
    changes.map(command).into()
}

/// A computed trait comes, and one goes.
pub(crate) fn computed_traits() -> [Command; 2] {
    let definition = ComputedTraitDefinition {
        key: text("spent_lately"),
        of: ComputedTraitOf::People,
        name: Some(text("Spent lately")),
        type_: ComputedTraitType::Sum,
        event: text("Order Completed"),
        property: Some(text("total")),
        filters: Some(text("currency = \"EUR\"")),
        last: Some(text("30 days")),
        session: None,
        sync: None,
    };
    let changes = [
        (ConfigChange::put_computed_trait(&definition), Expected::Absent),
        (ConfigChange::RemoveComputedTrait { key: text("gone") }, Expected::Present),
    ];
    changes
        .map(|(change, expected)| Command::Configure(Box::new(ConfigCommand { change, expected })))
}

/// An export and a feed come, and go.
pub(crate) fn exports_and_feeds() -> [Command; 4] {
    let export = ScheduledExport {
        name: text("nightly"),
        what: Exportable::Recommendations,
        only: None,
        format: ExportFormat::Parquet,
        into: text("lake"),
        every_hours: 24,
        paused: false,
    };
    let feed = Feed {
        name: text("shop"),
        url: text("https://shop.example/feed.xml"),
        format: FeedFormat::GoogleMerchant,
        every_minutes: 60,
        catalog: None,
        skip_invalid: true,
        allow_bad_cells: false,
        paused: false,
    };
    let changes = [
        (ConfigChange::put_export(&export), Expected::Absent),
        (ConfigChange::RemoveExport { name: text("gone") }, Expected::Present),
        (ConfigChange::put_feed(&feed), Expected::Absent),
        (ConfigChange::RemoveFeed { name: text("gone") }, Expected::Present),
    ];
    changes
        .map(|(change, expected)| Command::Configure(Box::new(ConfigCommand { change, expected })))
}

/// A campaign is made and removed.
pub(crate) fn campaigns() -> [Command; 2] {
    let campaign = serde_json::json!({
        "key": "welcome", "name": "Welcome", "status": "running", "channel": "crm",
        "topic": "news", "audience": "buyers",
        "start": { "type": "event", "event": "Signed Up", "where": "plan = \"pro\"",
            "after_s": 3_600, "unless": { "event": "Order Completed", "where": "total > 1" } },
        "content": { "subject": "Welcome" },
        "options": {
            "local_time": "person",
            "quiet_hours": { "windows": [{ "days": ["monday"], "from": "22:00", "to": "07:00" }],
                "then": "discard" },
            "cut_off": "23:00", "gap_s": 600, "ignores_channel_limits": true, "ignores_subscriptions": true,
            "people_per_day": 1, "people_per_run": 2, "messages_max": 3, "expires_after_s": 4 },
        "control_percent": 10,
    });
    let campaign: domain::Campaign = serde_json::from_value(campaign).unwrap();
    let changes = [
        (ConfigChange::put_campaign(&campaign), Expected::Absent),
        (ConfigChange::RemoveCampaign { key: text("gone") }, Expected::Present),
    ];
    changes
        .map(|(change, expected)| Command::Configure(Box::new(ConfigCommand { change, expected })))
}

/// A catalog of locations is imported and removed.
pub(crate) fn locations() -> [Command; 4] {
    let import = uuid::Uuid::from_u128(7);
    let column = |name: &str, type_| Column { name: text(name), type_ };
    let row = ItemRow {
        item_id: text("berlin"),
        values: vec![Some(PropertyValue::Double(52.5)), Some(PropertyValue::Double(13.4))],
    };
    let commands = [
        LocationCommand::Stage {
            import,
            catalog: text("shops"),
            columns: vec![
                column("latitude", PropertyType::Double),
                column("longitude", PropertyType::Double),
            ],
        },
        LocationCommand::Add { import, rows: vec![row] },
        LocationCommand::Activate { import },
        LocationCommand::Remove { catalog: text("gone") },
    ];
    commands.map(|command| Command::Locations(Box::new(command)))
}

/// A trait of which a tenth of the people are held out.
pub(crate) fn trait_with_holdout() -> Command {
    let definition = TraitDefinition {
        holdout: Some(Holdout { percent: 10, goal: InteractionKind::Purchase }),
        ..TraitDefinition::recommended_items("measured")
    };
    let (change, expected) = (ConfigChange::put_trait(&definition), Expected::Anything);
    Command::Configure(Box::new(ConfigCommand { change, expected }))
}

/// A trait that learns what people combined in a week.
pub(crate) fn trait_with_look_back() -> Command {
    let definition = TraitDefinition {
        logic: Logic::Together,
        learns_from_s: Some(604_800),
        ..TraitDefinition::recommended_items("combined")
    };
    let (change, expected) = (ConfigChange::put_trait(&definition), Expected::Anything);
    Command::Configure(Box::new(ConfigCommand { change, expected }))
}

/// A trait that lists items of one catalog.
pub(crate) fn trait_of_a_catalog() -> Command {
    let definition = TraitDefinition {
        catalog: Some(text("music")),
        ..TraitDefinition::recommended_items("albums")
    };
    let (change, expected) = (ConfigChange::put_trait(&definition), Expected::Anything);
    Command::Configure(Box::new(ConfigCommand { change, expected }))
}

/// An audience comes, and one goes.
pub(crate) fn audiences() -> [Command; 2] {
    let definition = AudienceDefinition {
        key: text("recent"),
        name: Some(text("Bought lately")),
        condition: text("did \"Order Completed\" in the last 30 days"),
        likely: None,
        sync: None,
    };
    let changes = [
        (ConfigChange::put_audience(&definition), Expected::Absent),
        (ConfigChange::RemoveAudience { key: text("gone") }, Expected::Present),
    ];
    changes
        .map(|(change, expected)| Command::Configure(Box::new(ConfigCommand { change, expected })))
}

/// An audience that is made of items comes.
pub(crate) fn likely_audience() -> Command {
    let likely = LikelyAudience {
        items: vec![text("lamp")],
        property: None,
        value: None,
        filter: None,
        size: 10,
        among: Some(text("recent")),
        exclude_acted: true,
        every_hours: 24,
    };
    let definition = AudienceDefinition {
        key: text("lamps"),
        name: None,
        condition: String::new(),
        likely: Some(likely),
        sync: None,
    };
    let change = ConfigChange::put_audience(&definition);
    Command::Configure(Box::new(ConfigCommand { change, expected: Expected::Anything }))
}

/// An export of the members of one audience comes.
pub(crate) fn export_of_one_audience() -> Command {
    let export = ScheduledExport {
        name: text("lamps"),
        what: Exportable::Audiences,
        only: Some(text("lamps")),
        format: ExportFormat::Csv,
        into: text("lake"),
        every_hours: 1,
        paused: true,
    };
    let change = ConfigChange::put_export(&export);
    Command::Configure(Box::new(ConfigCommand { change, expected: Expected::Anything }))
}

/// A computed trait of accounts comes.
pub(crate) fn computed_trait_of_accounts() -> Command {
    let definition = ComputedTraitDefinition {
        key: text("account_spent"),
        of: ComputedTraitOf::Accounts,
        name: None,
        type_: ComputedTraitType::Sum,
        event: text("Order Completed"),
        property: Some(text("total")),
        filters: None,
        last: Some(text("30 days")),
        session: None,
        sync: None,
    };
    let change = ConfigChange::put_computed_trait(&definition);
    Command::Configure(Box::new(ConfigCommand { change, expected: Expected::Anything }))
}

/// Settings with topics and linked content.
pub(crate) fn settings_of_subscriptions() -> Command {
    let settings = serde_json::json!({
        "name": "The shop", "public_url": "https://news.example.com",
        "topics": [{ "key": "news", "name": "News", "description": "Once a week.",
            "channels": ["email", "sms", "whatsapp", "push", "web_push", "in_app", "other"],
            "default": "unsubscribed" }],
        "linked_contents": [{ "name": "weather", "url": "https://api.example.com/{city}",
            "headers": { "authorization": { "sealed": "AAAA" } }, "timeout_ms": 1, "cache_s": 2,
            "bytes_max": 3 }],
    });
    let settings: WorkspaceSettings = serde_json::from_value(settings).unwrap();
    let (change, expected) = (ConfigChange::put_settings(&settings), Expected::Anything);
    Command::Configure(Box::new(ConfigCommand { change, expected }))
}
