use std::path::Path;

use domain::{Interaction, InteractionKind, ListRequest, Logic, Timestamp, WorkspaceId};
use engine::{COMPARED_ITEMS, TrainingOptions};
use web::error::ErrorKind;

use super::*;

/// People of two tastes, some with long and some with short histories, and the model of it.
fn shop(folder: &Path) -> (Engine, String) {
    let engine = Engine::open(WorkspaceId::new("shop").unwrap(), folder, &|_, _| {}).unwrap();
    engine.import_interactions(views("a", 0, 80)).unwrap();
    let version = train(&engine);
    (engine, version)
}

fn views(items: &str, from: u32, n_users: u32) -> Vec<Interaction> {
    let of_user = |user: u32| {
        (0..user % 14 + 1).map(move |n| {
            let item = format!("{items}{}", user % 2 * 20 + (n * 7 + user) % 20);
            let at = 1_600_000_000_000 + i64::from(n * 11 + user % 7) * 86_400_000;
            let user_id = format!("u{user}");
            Interaction {
                timestamp: Some(Timestamp(at)),
                ..Interaction::new(user_id, item, InteractionKind::DetailView)
            }
        })
    };
    (from..from + n_users).flat_map(of_user).collect()
}

/// Another model, over more people with other items.
fn train_again(engine: &Engine) -> String {
    engine.import_interactions(views("b", 40, 80)).unwrap();
    train(engine)
}

fn train(engine: &Engine) -> String {
    let always = TrainingOptions { refusal_margin: f64::INFINITY, ..Default::default() };
    let training = engine.train(always, &|_| {}).unwrap();
    assert_eq!(training.refused, None);
    training.version
}

fn make(engine: &Engine, version: &str, against: Option<&str>) -> Result<ModelSamples, ApiError> {
    compare(engine, version, against.map(str::to_owned), &|| Ok(()))
}

fn refusal(made: Result<ModelSamples, ApiError>) -> (u16, String) {
    let error = made.unwrap_err();
    (error.kind.status().as_u16(), error.message)
}

#[test]
fn ten_people_have_their_lists_by_both_models_and_what_moves() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, first) = shop(folder.path());
    let second = train_again(&engine);
    engine.switch_item("b3", false).unwrap();
    let samples = make(&engine, &second, None).unwrap();
    assert_eq!((&samples.before, &samples.after), (&first, &second), "the one before");
    assert_eq!(samples.active.as_ref(), Some(&second));
    let lengths: Vec<usize> =
        samples.people.iter().map(|sampled| sampled.person.n_interactions).collect();
    assert_eq!(lengths.len(), COMPARED_PEOPLE);
    assert!(lengths.is_sorted_by(|one, next| one >= next), "{lengths:?}");
    assert!(lengths[0] >= 14 && lengths[9] == 1, "{lengths:?}");

    for sampled in &samples.people {
        let user = engine.find_user(&sampled.person.id);
        let list = engine.recommend(user, &ListRequest::new(COMPARED_ITEMS, Logic::Personal));
        let in_use: Vec<String> = list.unwrap().items.into_iter().map(|it| it.item_id).collect();
        let after: Vec<&str> = sampled
            .items
            .iter()
            .filter(|item| item.after.is_some())
            .map(|item| item.item.id.as_str())
            .collect();
        assert_eq!(after, in_use, "by the model in use it is the list that the person gets");
        assert!(sampled.items.iter().all(|item| item.item.id != "b3"), "it is turned off");
        let n_before = sampled.items.iter().filter(|item| item.before.is_some()).count();
        assert_eq!(n_before + sampled.count(Movement::New), sampled.items.len());
        assert_eq!(after.len() + sampled.count(Movement::Gone), sampled.items.len());
    }
    assert!(samples.people.iter().any(|sampled| sampled.count(Movement::New) > 0));

    let again = make(&engine, &second, Some(&first)).unwrap();
    assert_eq!(format!("{again:?}"), format!("{samples:?}"), "the same people and lists");
    let turned = make(&engine, &first, None).unwrap();
    assert_eq!((&turned.before, &turned.after), (&second, &first), "the one in use");
    for (one, other) in samples.people.iter().zip(&turned.people) {
        assert_eq!(one.person.id, other.person.id);
        assert_eq!(one.count(Movement::New), other.count(Movement::Gone));
        assert_eq!(one.count(Movement::Up), other.count(Movement::Down));
    }
}

#[test]
fn what_cannot_be_compared_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, first) = shop(folder.path());
    let only = format!("there is no other model than {first}: train one, and compare it then");
    assert_eq!(refusal(make(&engine, &first, None)), (404, only));
    let itself = format!("{first} is compared with itself: name another model");
    assert_eq!(refusal(make(&engine, &first, Some(&first))), (400, itself));
    let unknown = "no model 000000000007: `tastemaker models` lists those there are".to_owned();
    assert_eq!(refusal(make(&engine, "000000000007", None)), (404, unknown.clone()));
    assert_eq!(refusal(make(&engine, &first, Some("../../x"))).0, 404);

    let second = train_again(&engine);
    let left = || Err(ApiError::new(ErrorKind::Unavailable, "the caller has left"));
    let ended = compare(&engine, &second, None, &left);
    assert_eq!(refusal(ended), (503, "the caller has left".to_owned()));
    // Whoever asks while somebody else's comparison goes on.
    let meanwhile = compare(&engine, &second, None, &|| make(&engine, &first, None).map(|_| ()));
    let busy = "lists of two models are being compared: ask again in a moment".to_owned();
    assert_eq!(refusal(meanwhile), (429, busy));
    assert!(make(&engine, &first, None).is_ok(), "none goes on any more");

    let artifact = folder.path().join(format!("models/{first}.model"));
    fs_err::remove_file(artifact).unwrap();
    let gone = format!(
        "no list can be made by model {first}: its artifact is missing; there are artifacts of: {second}"
    );
    assert_eq!(refusal(make(&engine, &first, None)), (404, gone));
}
