//! What was decided of messages of campaigns, and the campaigns themselves.

use domain::Timestamp;
use engine::{
    BusinessEvent, BusinessEventDone, CampaignDecision, CampaignEntry, CampaignMessage,
    CampaignRun, CampaignTrigger, CampaignWinner, DecisionOutcome, Entry, ExternalIdType, HandOver,
    HandOverOutcome, HandedMessage, HandedOver, Handing, Occurrence, TriggeredPerson,
    UnnamedPerson,
};

use super::{AT, commands};

pub(super) fn all() -> Vec<Entry> {
    let decision = |occurrence, outcome| CampaignDecision {
        at: AT,
        campaign: "welcome".to_owned(),
        number: 0,
        person: Some((ExternalIdType::UserId, "u1".to_owned())),
        occurrence,
        day: 19_675,
        outcome,
    };
    let sent = DecisionOutcome::Sent(CampaignMessage {
        channel: "crm".to_owned(),
        fields: r#"{"subject":"Welcome"}"#.to_owned(),
        variant: Some("b".to_owned()),
        items: vec!["shoe".to_owned()],
        is_first_of_day: true,
    });
    let refused = DecisionOutcome::Refused {
        reason: "missing_variable".to_owned(),
        detail: Some("content.subject: no name".to_owned()),
    };
    let run = CampaignRun {
        at: AT,
        campaign: "welcome".to_owned(),
        number: 0,
        day: 19_675,
        run: AT,
        next_user: 500,
        is_done: false,
        refused: vec![("run_limit".to_owned(), 3)],
        missed: 2,
        too_many: Some(9),
    };
    let erased = CampaignDecision { person: None, ..decision(Occurrence::Event(8), sent.clone()) };
    let trigger = CampaignTrigger {
        at: AT,
        campaign: "welcome".to_owned(),
        number: 0,
        id: Some("call 1".to_owned()),
        ignores_limits: true,
        people: vec![
            TriggeredPerson {
                person: Some((ExternalIdType::UserId, "u1".to_owned())),
                properties: r#"{"order":"7"}"#.to_owned(),
            },
            TriggeredPerson { person: None, properties: "{}".to_owned() },
        ],
    };
    let waits = || DecisionOutcome::Waits { until: Timestamp(AT.0 + 1) };
    let winner = CampaignWinner {
        at: AT,
        campaign: "welcome".to_owned(),
        number: 0,
        variant: "b".to_owned(),
        is_sure: true,
    };
    let facts = [
        CampaignEntry::Decision(decision(Occurrence::Event(7), sent)),
        CampaignEntry::Decision(decision(
            Occurrence::Run(AT),
            DecisionOutcome::Waits { until: Timestamp(AT.0 + 1) },
        )),
        CampaignEntry::Decision(decision(Occurrence::Run(AT), refused)),
        CampaignEntry::Decision(erased),
        CampaignEntry::Run(run),
        CampaignEntry::Trigger(trigger),
        CampaignEntry::Winner(winner),
        CampaignEntry::BusinessEvent(BusinessEvent {
            at: AT,
            name: "New Episode".to_owned(),
            id: Some("e7".to_owned()),
            items: vec!["e7".to_owned()],
            property: Some(("series".to_owned(), "s1".to_owned())),
            properties: r#"{"title":"Pilot"}"#.to_owned(),
        }),
        CampaignEntry::BusinessEventDone(BusinessEventDone {
            at: AT,
            campaign: "welcome".to_owned(),
            number: 0,
            offset: 9,
            is_missed: true,
        }),
        CampaignEntry::Decision(decision(Occurrence::Dated(9), waits())),
        CampaignEntry::Decision(decision(Occurrence::Triggered { offset: 9, nth: 1 }, waits())),
        CampaignEntry::Decision(decision(Occurrence::Journey { instance: 3, step: 2 }, waits())),
        handing(),
        handed_over(),
        CampaignEntry::Unnamed(UnnamedPerson {
            at: AT,
            campaign: "welcome".to_owned(),
            number: 0,
            user: 3,
            occurrence: Occurrence::Event(7),
        }),
    ];
    let command = |command| Entry::Command { received_at: AT, command: Box::new(command) };
    let changes = commands::campaigns().map(command).into_iter();
    changes.chain(facts.map(|fact| Entry::Campaign(Box::new(fact)))).collect()
}

fn handing() -> CampaignEntry {
    let message = |offset| HandedMessage { offset, mapping: "Campaigns".to_owned(), campaign: 0 };
    CampaignEntry::Handing(Handing {
        at: AT,
        destination: "crm".to_owned(),
        added_at: 1,
        messages: vec![message(9), message(10)],
    })
}

fn handed_over() -> CampaignEntry {
    let reason = "mailbox_unknown".to_owned();
    let outcomes = [
        HandOverOutcome::Taken,
        HandOverOutcome::TriedAgain,
        HandOverOutcome::Failed { reason },
        HandOverOutcome::Unknown,
    ];
    let message = |(offset, outcome)| HandOver {
        offset,
        mapping: "Campaigns".to_owned(),
        campaign: 0,
        outcome,
    };
    CampaignEntry::HandedOver(HandedOver {
        at: AT,
        destination: "crm".to_owned(),
        added_at: 1,
        messages: (9..).zip(outcomes).map(message).collect(),
    })
}
