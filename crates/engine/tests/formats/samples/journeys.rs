//! Facts about journeys, and the journeys themselves.

use engine::{
    CampaignDecision, CampaignEntry, Command, ConfigChange, ConfigCommand, DecisionOutcome,
    EnteringPerson, Entry, Expected, ExternalIdType, JourneyAnswer, JourneyEntry, JourneyFinding,
    JourneyTrigger, Moment, Occurrence,
};

use super::AT;

pub(super) fn all() -> Vec<Entry> {
    let journey = serde_json::json!({ "key": "order", "name": "Order", "status": "running",
                "entry": { "type": "triggered" }, "reentry": "always", "per": "order",
                "timeout_s": 864_000, "control_percent": 10,
                "exits": [{ "event": "Order Cancelled", "where": "total > 1",
                    "same_value": true }],
                "goals": [{ "name": "again", "event": "Order Completed" },
                    { "name": "buyer", "audience": "buyers" }],
                "moves": [{ "from": "earlier", "to": "wait" }],
                "nodes": [
                    { "name": "mail", "type": "message", "campaign": "ordered", "sent": "wait",
                        "refused": "end", "clicked": "tell", "within_s": 3_600 },
                    { "name": "wait", "type": "delay", "seconds": 600, "next": "morning" },
                    { "name": "morning", "type": "delay_until", "time": "09:00",
                        "days": ["monday"], "local_time": "person", "next": "hold" },
                    { "name": "hold", "type": "hold_until", "timeout_s": 600, "timeout": "parts",
                        "branches": [{ "event": "Order Shipped", "same_value": true,
                            "next": "halves" }, { "event": "Order Updated", "again": true }] },
                    { "name": "parts", "type": "split", "otherwise": "end",
                        "branches": [{ "when": "trait journey.entry.total > 100",
                            "next": "halves" }] },
                    { "name": "halves", "type": "random", "sticky": true, "branches": [
                        { "percent": 50, "next": "note" }, { "percent": 50, "next": "end" }] },
                    { "name": "note", "type": "update_profile", "next": "tell", "changes": [
                        { "trait": "orders", "change": "increment", "value": 1 }] },
                    { "name": "tell", "type": "send", "destination": "crm", "next": "out" },
                    { "name": "out", "type": "exit" },
                ] });
    let journey: domain::Journey = serde_json::from_value(journey).unwrap();
    let changes = [
        (ConfigChange::put_journey(&journey), Expected::Absent),
        (ConfigChange::RemoveJourney { key: "gone".to_owned() }, Expected::Present),
    ];
    let changes = changes.map(|(change, expected)| Entry::Command {
        received_at: AT,
        command: Box::new(Command::Configure(Box::new(ConfigCommand { change, expected }))),
    });
    let answer = |finding| {
        JourneyEntry::Answer(JourneyAnswer {
            at: AT,
            journey: "order".to_owned(),
            number: 2,
            person: Some((ExternalIdType::UserId, "u1".to_owned())),
            entered: Moment { at: AT, offset: 7 },
            step: 3,
            finding,
        })
    };
    let person = |id: &str| EnteringPerson {
        id: (ExternalIdType::UserId, id.to_owned()),
        properties: r#"{"order":"7"}"#.to_owned(),
    };
    let facts = [
        JourneyEntry::Trigger(JourneyTrigger {
            at: AT,
            journey: "order".to_owned(),
            people: vec![person("u1"), person("u2")],
        }),
        answer(JourneyFinding::Until(AT)),
        answer(JourneyFinding::Sent {
            destination: "crm".to_owned(),
            properties: r#"{"journey":"order"}"#.to_owned(),
        }),
    ];
    let decision = CampaignEntry::Decision(CampaignDecision {
        at: AT,
        campaign: "ordered".to_owned(),
        number: 1,
        person: Some((ExternalIdType::UserId, "u1".to_owned())),
        occurrence: Occurrence::Journey { instance: 9, step: 3 },
        day: 19_675,
        outcome: DecisionOutcome::Waits { until: AT },
    });
    let facts = facts.map(|fact| Entry::Journey(Box::new(fact)));
    let facts = facts.into_iter().chain([Entry::Campaign(Box::new(decision))]);
    changes.into_iter().chain(facts).collect()
}
