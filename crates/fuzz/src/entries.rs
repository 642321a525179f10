//! Decoding of journal entries.

use catalog::ItemRow;
use domain::{
    Arrival, Column, Envelope, Interaction, InteractionKind, MessageType, PropertyType,
    PropertyValue, Source, Timestamp, WorkspaceConfig, WorkspaceId, check_message,
};
use engine::{Command, EntityKind, Entry};

/// Bytes are refused, or decode to an entry that survives a round trip.
pub fn run(bytes: &[u8]) {
    let Ok(entry) = Entry::decode(bytes) else { return };
    let encoded = entry.encode();
    let again = Entry::decode(&encoded).expect("what was encoded decodes");
    // Bytes are compared, because NaN is not equal to itself.
    assert!(again.encode() == encoded, "{entry:?} is another entry after a round trip");
}

/// Encoded entries of several kinds.
pub fn seeds() -> Vec<Vec<u8>> {
    let received_at = Timestamp(1_700_000_000_000);
    let arrival = Arrival { received_at, source: "web", peer_ip: None };
    let check = |text, type_| check_message(text, Some(type_), &Envelope::default(), &arrival);
    let track = r#"{"messageId":"m","userId":"u","event":"Product Viewed","properties":{"sku":"i","price":2.5}}"#;
    let message = check(track, MessageType::Track).map(|message| Entry::Message(Box::new(message)));
    let rejected = check("{}", MessageType::Track).map_err(Entry::Rejected);
    let config = WorkspaceId::new("shop").map(|id| WorkspaceConfig {
        sources: vec![Source {
            bearer_tokens: vec!["token".to_owned()],
            ..Source::new("web", "key")
        }],
        ..WorkspaceConfig::empty(id)
    });
    let mut interaction = Interaction::new("u", "i", InteractionKind::Purchase);
    interaction.timestamp = Some(received_at);
    interaction.price = Some(9.5);
    let values = vec![Some(PropertyValue::Set(vec!["a".to_owned(), "b".to_owned()])), None];
    let column = |name: &str, type_| Column { name: name.to_owned(), type_ };
    let command = Command::SetValues {
        kind: EntityKind::Item,
        id: "i".to_owned(),
        values: r#"{"price":1}"#.to_owned(),
        cascade_create: true,
    };
    let entries = [
        Entry::Interactions { received_at, interactions: vec![interaction] },
        Entry::CatalogStaged {
            import: uuid::Uuid::from_u128(7),
            columns: vec![column("tags", PropertyType::Set), column("n", PropertyType::Int)],
        },
        Entry::CatalogItems {
            import: uuid::Uuid::from_u128(7),
            rows: vec![ItemRow { item_id: "i".to_owned(), values }],
        },
        Entry::CatalogActivated {
            import: uuid::Uuid::from_u128(7),
            received_at,
            catalog: Some("shoes".to_owned()),
        },
        Entry::ModelActivated { received_at, version: "000000000012".to_owned() },
        Entry::Command { received_at, command: Box::new(command) },
        Entry::Reset { received_at },
    ];
    let configured = config.map(Entry::Configured).ok();
    let all = entries.into_iter().chain(message.ok()).chain(rejected.err()).chain(configured);
    all.map(|entry| entry.encode()).collect()
}
