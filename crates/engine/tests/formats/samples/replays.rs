//! Replays and back-fills.

use domain::{Interaction, InteractionKind, InteractionSelector, WeakSignalKind};
use engine::{
    BackFill, BackFillCommand, Command, Entry, ExternalIdType, NamedItem, ReplayCommand, SignalOf,
    UserBackFill, UserMerge,
};
use uuid::Uuid;

use super::AT;

const ID: Uuid = Uuid::from_u128(7);

pub(super) fn all() -> Vec<Entry> {
    let destination = "crm".to_owned();
    let replays = [
        ReplayCommand::Start {
            id: ID,
            destination: Some(destination.clone()),
            request: "{}".to_owned(),
            from: 3,
            until: 90,
        },
        ReplayCommand::Message { id: ID, destination, offset: 5 },
        ReplayCommand::Note { id: ID, reached: 40, replayed: 2, is_done: true },
    ];
    let back_fills = [change(), BackFillCommand::Done(done())];
    let commands = replays.map(Command::Replay).into_iter();
    let commands = commands.chain(back_fills.map(|one| Command::BackFill(Box::new(one))));
    commands.map(|command| Entry::Command { received_at: AT, command: Box::new(command) }).collect()
}

fn change() -> BackFillCommand {
    let signal = |kind| SignalOf { item_id: "lamp".to_owned(), kind, at_s: 1_700_000_000 };
    let selector = InteractionSelector {
        user_id: "u1".to_owned(),
        item_id: "i2".to_owned(),
        kind: InteractionKind::Bookmark,
        timestamp: Some(AT),
        session_id: None,
    };
    let added = Interaction {
        timestamp: Some(AT),
        ..Interaction::new("u1", "i2", InteractionKind::DetailView)
    };
    BackFillCommand::Change {
        merges: vec![UserMerge { target: "u1".to_owned(), source: "a9".to_owned() }],
        users: vec![UserBackFill {
            id_type: ExternalIdType::UserId,
            id: "u1".to_owned(),
            is_new: true,
            removed: vec![selector],
            added: vec![added],
            removed_signals: vec![signal(WeakSignalKind::Click)],
            added_signals: vec![signal(WeakSignalKind::ListView)],
        }],
        items: vec![NamedItem { item_id: "lamp".to_owned(), by_action: true, by_page: false }],
    }
}

fn done() -> BackFill {
    BackFill {
        id: ID,
        from: 3,
        until: 90,
        mappings: Some("[]".to_owned()),
        preset_set: 2,
        added: 1,
        removed: 1,
    }
}
