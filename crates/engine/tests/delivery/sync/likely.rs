//! Product-based audiences: the people most likely to act, kept like the members of any audience.

use std::collections::BTreeSet;

use domain::LikelyAudience;
use engine::{Response, TrainingOptions};
use profiles::ExternalIdType;
use state::{FoundAnswers, question_of_audience};

use super::*;

/// People of two tastes, `a` and `b`: each has acted on nine of the ten items of theirs, the n-th
/// not on the n-th item, where n counts in a circle.
const PEOPLE_PER_TASTE: usize = 40;
const ITEMS_PER_TASTE: usize = 10;

pub(super) fn act_on_both_tastes(shop: &Shop) {
    let interactions = ["a", "b"].into_iter().flat_map(|taste| {
        (0..PEOPLE_PER_TASTE).flat_map(move |person| {
            let others = (0..ITEMS_PER_TASTE).filter(move |n| *n != person % ITEMS_PER_TASTE);
            others.map(move |n| Interaction {
                timestamp: Some(Timestamp(START.0 - ((n * 7 + person) % 10) as i64 * DAY_MS)),
                ..Interaction::new(
                    format!("{taste}{person}"),
                    format!("{taste}-item-{n}"),
                    InteractionKind::DetailView,
                )
            })
        })
    });
    shop.engine().import_interactions(interactions.collect()).unwrap();
}

pub(super) fn train(shop: &Shop) {
    shop.engine().train(TrainingOptions::default(), &|_| {}).unwrap();
}

fn likely(settings: Value) -> LikelyAudience {
    serde_json::from_value(settings).unwrap()
}

fn put_likely(shop: &Shop, key: &str, settings: Value, sync: Option<SyncSettings>) {
    let definition = AudienceDefinition {
        key: key.to_owned(),
        name: None,
        condition: String::new(),
        likely: Some(likely(settings)),
        sync,
    };
    let change = ConfigChange::put_audience(&definition);
    shop.engine().change_config(change, Expected::Anything).unwrap();
}

pub(super) fn members(shop: &Shop, key: &str) -> BTreeSet<String> {
    let snapshot = shop.engine().snapshot();
    let members = snapshot.audience_members(key, None, 1_000).unwrap();
    let name = |user| snapshot.find_user_name(user).unwrap().unwrap().1;
    members.into_iter().map(|member| name(member.user)).collect()
}

/// Waits until the last search was by the model in use, and began behind `after`.
fn await_searched(shop: &Shop, key: &str, after: Timestamp) {
    let question = question_of_audience(key).to_string();
    await_that("people are looked for", || {
        let model = shop.engine().training().map(|training| training.version);
        let snapshot = shop.engine().snapshot();
        let last = snapshot.answers.questions().get(&question)?.last.as_ref()?;
        (last.at >= after && last.model == model).then_some(())
    });
}

pub(super) fn names(taste: &str, people: impl IntoIterator<Item = usize>) -> BTreeSet<String> {
    people.into_iter().map(|person| format!("{taste}{person}")).collect()
}

#[test]
fn those_of_the_same_taste_who_have_not_acted_are_found_and_go_to_destinations() {
    let (mut shop, crm) = (Shop::new(), Receiver::start());
    shop.put_destination("crm", &crm);
    act_on_both_tastes(&shop);
    train(&shop);
    let wanted = json!({ "items": ["a-item-3"], "size": 1_000 });
    put_likely(&shop, "fans", wanted, Some(SyncSettings::to(&["crm"])));
    await_searched(&shop, "fans", START);
    assert_eq!(members(&shop, "fans"), names("a", [3, 13, 23, 33]));
    let mut sent = await_values(&crm, "fans", 4);
    sent.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(sent, ["a13", "a23", "a3", "a33"].map(|id| pair(id, true)));

    // Who acts leaves at the next search, and not before.
    shop.view("a13", "a-item-3");
    shop.pass_time_to(Timestamp(START.0 + DAY_MS));
    await_searched(&shop, "fans", Timestamp(START.0 + DAY_MS));
    assert_eq!(members(&shop, "fans"), names("a", [3, 23, 33]));
    assert_eq!(await_values(&crm, "fans", 5)[4], pair("a13", false));
    {
        let snapshot = shop.engine().snapshot();
        let user = snapshot.profiles.ids().user_by_id("a13").unwrap();
        let stays = snapshot.audience_stays(user).unwrap();
        let stay = stays[0].1[0];
        assert!(stay.left.unwrap().0 - stay.entered.0 >= DAY_MS, "{stay:?}");
    }

    // Who is deleted is gone, and a lost store comes to the same.
    shop.command(Command::Delete { kind: EntityKind::User, id: "a23".to_owned() });
    assert_eq!(members(&shop, "fans"), names("a", [3, 33]));
    shop.engine = None;
    fs_err::remove_dir_all(shop.folder.path().join("store")).unwrap();
    shop.restart();
    assert_eq!(members(&shop, "fans"), names("a", [3, 33]));
    shop.await_looked_at();
    assert_eq!(crm.received().len(), 5, "nothing is sent twice");
}

#[test]
fn exactly_as_many_are_chosen_as_are_wanted_and_the_rest_of_a_search_is_done_after_a_crash() {
    let mut shop = Shop::new();
    act_on_both_tastes(&shop);
    train(&shop);
    // As if the process had ended after a part of the first search.
    shop.engine = None;
    let options = EngineOptions { clock: shop.clock.clone(), ..EngineOptions::default() };
    let id = WorkspaceId::new("shop").unwrap();
    shop.engine = Some(Engine::open_with(id, shop.folder.path(), &options, &|_, _| {}).unwrap());
    let wanted = json!({ "items": ["b-item-1", "b-item-2"], "size": 5, "exclude_acted": false });
    put_likely(&shop, "few", wanted, None);
    let found = FoundAnswers {
        at: START,
        question: question_of_audience("few").to_string(),
        people: ["a1", "a2"].map(|id| (ExternalIdType::UserId, id.to_owned(), true)).into(),
        ended: None,
    };
    shop.engine().submit_blocking(vec![Entry::Found(Box::new(found))]).unwrap();
    assert_eq!(members(&shop, "few"), names("a", [1, 2]));

    shop.restart();
    await_searched(&shop, "few", START);
    let few = members(&shop, "few");
    assert_eq!(few.len(), 5);
    assert_eq!(shop.engine().snapshot().audiences.n_members("few"), Some(5));
    assert!(few.iter().all(|name| name.starts_with('b')), "{few:?}");

    // Among the members of another audience, and after a change of the definition.
    put_likely(&shop, "all", json!({ "items": ["b-item-0"], "size": 100 }), None);
    await_searched(&shop, "all", START);
    assert_eq!(members(&shop, "all"), names("b", [0, 10, 20, 30]));
    let wanted = json!({ "filter": "'itemId' == \"b-item-1\"", "size": 3, "among": "all",
        "exclude_acted": false });
    put_likely(&shop, "few", wanted, None);
    await_that("people are looked for among the members", || {
        let few = members(&shop, "few");
        (few.len() == 3 && few.is_subset(&members(&shop, "all"))).then_some(())
    });
    let again = json!({ "items": ["b-item-0"], "size": 100, "among": "few" });
    let definition = AudienceDefinition {
        key: "all".to_owned(),
        name: None,
        condition: String::new(),
        likely: Some(likely(again)),
        sync: None,
    };
    let change = ConfigChange::put_audience(&definition);
    let refused = shop.engine().change_config(change, Expected::Anything).unwrap_err().to_string();
    assert!(refused.contains("depends on itself"), "{refused}");
}

#[test]
fn a_preview_shows_how_many_of_the_best_acted_in_a_time_that_the_model_had_not_seen() {
    let shop = Shop::new();
    act_on_both_tastes(&shop);
    train(&shop);
    let asked = likely(json!({ "items": ["a-item-3", "a-item-4", "a-item-5"], "size": 10,
        "exclude_acted": false }));
    let budget = Arc::new(engine::RequestBudget::unlimited());
    let preview = || shop.engine().preview_likely(&asked, &budget).unwrap();
    let first = preview();
    assert_eq!((first.n_items, first.n_people, first.n_scored), (3, 80, 80));
    assert_eq!((first.interested, first.sample.len()), (engine::Estimate::exact(40), 5));
    assert_eq!(first.response, Response::TooFew { n_responders: 0, since: Some(START) });
    let names = first.sample.iter().map(|(user, _)| shop.engine().snapshot().find_user_name(*user));
    assert!(names.map(|name| name.unwrap().unwrap().1).all(|name| name.starts_with('a')));

    // Afterwards thirty of this taste act, and two of the other.
    shop.pass_time_to(Timestamp(START.0 + DAY_MS));
    (0..30).for_each(|person| shop.view(&format!("a{person}"), "a-item-4"));
    (0..2).for_each(|person| shop.view(&format!("b{person}"), "a-item-4"));
    let Response::Curve(curve) = preview().response else { panic!("it can be judged") };
    assert_eq!((curve.since, curve.n_people, curve.n_responders), (START, 80, 32));
    let all = curve.points.last().unwrap();
    assert_eq!((all.size, all.rate.value), (40, Some(0.75)));
}
