//! What a model has learned from people who are deleted.

use engine::{ModelContribution, TrainingOptions};

use super::*;

/// Views of people of two tastes.
fn view_items(engine: &Engine) {
    let views = (0..60u32).flat_map(|user| {
        (0..10u32).filter(move |n| *n != user % 10).map(move |n| {
            let days = i64::from((n * 7 + user) % 10);
            Interaction {
                timestamp: Some(domain::Timestamp(1_600_000_000_000 + days * 86_400_000)),
                ..Interaction::new(
                    format!("customer-{user:04}"),
                    format!("i{}", user % 2 * 10 + n),
                    InteractionKind::DetailView,
                )
            }
        })
    });
    engine.import_interactions(views.collect()).unwrap();
}

#[test]
fn the_next_training_is_due_after_a_deletion_and_the_receipt_says_when_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    view_items(&engine);
    let delete = |user: &str| regulate(&engine, RegulationType::DeleteInternal, user);
    let contribution = |id| engine.regulation(id).unwrap().unwrap().1.unwrap().contribution;
    let first = delete("customer-0001");
    assert_eq!(first.contribution, Some(ModelContribution::NoModel));
    let always = TrainingOptions { refusal_margin: f64::INFINITY, ..Default::default() };
    let is_due = || engine.is_training_due(1.0, u64::MAX);
    let run = engine.train(always, &|_| {}).unwrap();
    assert!(run.refused.is_none() && !is_due());
    let gone_at = |at| Some(ModelContribution::Gone { at });
    assert_eq!(contribution(first.id), gone_at(run.finished_at));

    let second = delete("customer-0002");
    assert_eq!(second.contribution, Some(ModelContribution::Due));
    assert_eq!(contribution(first.id), gone_at(run.finished_at), "that one's is gone");
    assert!(is_due());
    let accepted = engine.train(always, &|_| {}).unwrap();
    assert_eq!(contribution(second.id), gone_at(accepted.finished_at));
    let suppressed = regulate(&engine, RegulationType::SuppressOnly, "customer-0003");
    assert_eq!((suppressed.contribution, is_due()), (None, false), "nothing was deleted");
}
