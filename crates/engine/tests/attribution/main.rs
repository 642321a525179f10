//! What became of recommendations: who is counted where, for how long, and that nothing but the
//! entries matters.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

mod counting;
mod expiry;
mod recording;

use std::path::Path;
use std::sync::Arc;

use domain::{Day, Interaction, InteractionKind, Timestamp, WorkspaceId};
use engine::{
    Command, Engine, EntityKind, Entry, ExternalIdType, Kpis, ListImpression, Place, RequestBudget,
};
use uuid::Uuid;

const DAY_MS: i64 = 24 * 3_600 * 1_000;
/// Noon of the first day, 2023-11-15.
const NOON: i64 = 19_676 * DAY_MS + DAY_MS / 2;

fn open(folder: &Path) -> Engine {
    Engine::open(WorkspaceId::new("shop").unwrap(), folder, &|_, _| {}).unwrap()
}

fn unlimited() -> Arc<RequestBudget> {
    Arc::new(RequestBudget::unlimited())
}

/// Noon, so many days after the first.
fn noon(day: u32) -> Timestamp {
    Timestamp(NOON + i64::from(day) * DAY_MS)
}

fn id(at: Timestamp, n: u32) -> Uuid {
    let [a, b, c, d] = n.to_be_bytes();
    uuid::Builder::from_unix_timestamp_millis(at.0 as u64, &[0, 0, 0, 0, 0, 0, a, b, c, d])
        .into_uuid()
}

fn place(scenario: &str) -> Place {
    let scenario = Some(scenario.to_owned());
    Place::Scenario { endpoint: "recommendItemsToUser".to_owned(), scenario }
}

/// A list of the scenario `home` for the user `u<n>`, under the id of its time and `n`.
fn list(at: Timestamp, n: u32) -> ListImpression {
    ListImpression {
        recomm_id: Some(id(at, n)),
        user: Some((ExternalIdType::UserId, format!("u{n}"))),
        at,
        items: vec!["i1".to_owned(), "i2".to_owned()],
        place: place("home"),
        group: None,
        model: None,
        rotates: true,
        n_next: 0,
        request: None,
    }
}

fn served(lists: Vec<ListImpression>) -> Entry {
    Entry::ListImpressions { lists }
}

/// The user `u<n>` does something that cites an id.
fn cites(kind: InteractionKind, n: u32, id: &str, at: Timestamp) -> Entry {
    let mut interaction = Interaction::new(format!("u{n}"), "i1", kind);
    (interaction.recomm_id, interaction.timestamp) = (Some(id.to_owned()), Some(at));
    interaction.price = Some(12.5);
    interaction.value = Some(0.5);
    let command = Command::AddInteraction { interaction, cascade_create: true };
    Entry::Command { received_at: at, command: Box::new(command) }
}

fn add_users(engine: &Engine, n_users: u32) {
    let add = |n| Command::Add { kind: EntityKind::User, id: format!("u{n}") };
    let entry = |n| Entry::Command { received_at: noon(0), command: Box::new(add(n)) };
    engine.submit_blocking((0..n_users).map(entry).collect()).unwrap();
}

/// Nothing but the clock goes on, to a time that so many entries in a row agree upon.
fn pass_time(engine: &Engine, to: Timestamp) {
    let at = |n| Timestamp(to.0 - n * engine::SAMPLE_INTERVAL_MS);
    let entries = (0..engine::SAMPLES as i64).rev().map(|n| Entry::Resumed { received_at: at(n) });
    engine.submit_blocking(entries.collect()).unwrap();
}

fn later(at: Timestamp, ms: i64) -> Timestamp {
    Timestamp(at.0 + ms)
}

fn all(engine: &Engine) -> Kpis {
    engine.snapshot().attribution.kpis(Day(0), Day(u32::MAX))
}

fn lines(kpis: &Kpis) -> String {
    let mut text = String::new();
    for row in &kpis.rows {
        let place = match &row.place {
            Place::Trait(key) => format!("trait {key}"),
            Place::Scenario { endpoint, scenario } => format!("{endpoint} {scenario:?}"),
        };
        let kinds = InteractionKind::ALL
            .map(|kind| format!("{kind} {}", row.counts.interactions.count(kind)));
        text += &format!(
            "{} {place} {:?}: {} to {} users, {}, revenue {}, {} clicked, {} converted\n",
            row.day,
            row.group,
            row.counts.recommendations,
            row.counts.users,
            kinds.join(", "),
            row.counts.revenue,
            row.counts.clicked_recommendations,
            row.counts.converted_recommendations,
        );
    }
    for day in &kpis.interactions {
        let kinds = InteractionKind::ALL.map(|kind| format!("{kind} {}", day.counts.count(kind)));
        text += &format!("{} {}\n", day.day, kinds.join(", "));
    }
    text
}

/// Asks again after a restart, and after a restart without the store.
fn check_reloaded(folder: &Path, engine: Engine, ask: impl Fn(&Engine) -> String) -> String {
    let before = ask(&engine);
    drop(engine);
    assert_eq!(ask(&open(folder)), before);
    fs_err::remove_dir_all(folder.join("store")).unwrap();
    assert_eq!(ask(&open(folder)), before);
    before
}
