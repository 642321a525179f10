//! What was decided of messages of campaigns, and the campaigns themselves.

use domain::Timestamp;
use engine::{
    CampaignDecision, CampaignEntry, CampaignMessage, CampaignRun, DecisionOutcome, Entry,
    ExternalIdType, HandOver, HandOverOutcome, HandedMessage, HandedOver, Handing, Occurrence,
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
        outcome,
    };
    let sent = DecisionOutcome::Sent(CampaignMessage {
        channel: "crm".to_owned(),
        fields: r#"{"subject":"Welcome"}"#.to_owned(),
        day: 19_675,
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
        run: AT,
        next_user: 500,
        is_done: false,
        refused: vec![("not_reachable".to_owned(), 3)],
    };
    let erased = CampaignDecision { person: None, ..decision(Occurrence::Event(8), sent.clone()) };
    let facts = [
        CampaignEntry::Decision(decision(Occurrence::Event(7), sent)),
        CampaignEntry::Decision(decision(
            Occurrence::Run(AT),
            DecisionOutcome::Waits { until: Timestamp(AT.0 + 1) },
        )),
        CampaignEntry::Decision(decision(Occurrence::Run(AT), refused)),
        CampaignEntry::Decision(erased),
        CampaignEntry::Run(run),
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
