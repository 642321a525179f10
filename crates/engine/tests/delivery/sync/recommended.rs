//! Conditions about what people are recommended: answered by their lists, person by person.

use catalog::Property;
use domain::{Exclusion, PropertyType, TraitPeople};
use engine::{PreviewLimits, RequestBudget};

use super::likely::{act_on_both_tastes, members, names, train};
use super::*;

fn put_audience(shop: &Shop, key: &str, condition: &str, sync: Option<SyncSettings>) {
    let definition = AudienceDefinition {
        key: key.to_owned(),
        name: None,
        condition: condition.to_owned(),
        likely: None,
        sync,
    };
    let change = ConfigChange::put_audience(&definition);
    shop.engine().change_config(change, Expected::Anything).unwrap();
}

/// Gives items a brand.
fn put_brand(shop: &Shop, items: &[&str], brand: &str) {
    let property = Property::new("brand", PropertyType::String);
    shop.command(Command::AddProperty { kind: EntityKind::Item, property });
    for item in items {
        shop.command(Command::SetValues {
            kind: EntityKind::Item,
            id: (*item).to_owned(),
            values: json!({ "brand": brand }).to_string(),
            cascade_create: false,
        });
    }
}

#[test]
fn a_click_changes_a_list_and_what_follows_from_it_within_a_second() {
    let (mut shop, crm) = (Shop::new(), Receiver::start());
    shop.put_destination("crm", &crm);
    act_on_both_tastes(&shop);
    put_brand(&shop, &["a-item-5"], "Acme");
    train(&shop);
    shop.put_trait(TraitDefinition {
        count: 3,
        exclude: Some(Exclusion::Interacted),
        ..TraitDefinition::recommended_items("next")
    });
    put_audience(&shop, "listed", "recommended item \"a-item-5\"", None);
    put_audience(&shop, "acme", "recommended brand \"Acme\"", None);
    put_audience(
        &shop,
        "offer",
        "trait next has \"a-item-5\" in first 1 and in audience acme",
        Some(SyncSettings::to(&["crm"])),
    );
    let fifth = names("a", [5, 15, 25, 35]);
    await_that("everybody is asked", || (members(&shop, "offer").len() == 4).then_some(()));
    shop.await_looked_at();
    assert_eq!(members(&shop, "offer"), fifth);
    // The list that is asked for without a name has ten items, the last of them popular ones.
    let acme = members(&shop, "acme");
    assert!(acme.is_superset(&fifth), "{acme:?}");
    assert_eq!(members(&shop, "listed"), acme);
    assert_eq!(await_values(&crm, "offer", 4).len(), 4);

    // Somebody new comes to be alike with the last of some clicks.
    for n in [0, 1, 2, 3, 4, 6, 7, 8] {
        shop.view("newcomer", &format!("a-item-{n}"));
    }
    let clicked = std::time::Instant::now();
    shop.view("newcomer", "a-item-9");
    let sent = await_values(&crm, "offer", 5);
    assert!(clicked.elapsed() < Duration::from_secs(1), "{:?}", clicked.elapsed());
    assert_eq!(sent[4], pair("newcomer", true));
    shop.view("newcomer", "a-item-5");
    assert_eq!(await_values(&crm, "offer", 6)[5], pair("newcomer", false));

    // A lost store comes to the same, and what nobody asks any more is forgotten.
    let before = ["listed", "acme", "offer"].map(|key| members(&shop, key));
    shop.engine = None;
    fs_err::remove_dir_all(shop.folder.path().join("store")).unwrap();
    shop.restart();
    assert_eq!(["listed", "acme", "offer"].map(|key| members(&shop, key)), before);
    put_audience(&shop, "listed", "did \"Nothing\"", None);
    await_that("nobody is left", || members(&shop, "listed").is_empty().then_some(()));
    let snapshot = shop.engine().snapshot();
    let questions: Vec<&String> = snapshot.answers.questions().keys().collect();
    assert_eq!(questions, ["recommended brand \"Acme\"", "trait next has \"a-item-5\" in first 1"]);
}

#[test]
fn a_preview_makes_lists_and_counts_who_belongs_once_the_audience_is_kept() {
    let shop = Shop::new();
    act_on_both_tastes(&shop);
    put_brand(&shop, &["a-item-5", "b-item-2"], "Acme");
    // Enough people that not everybody is asked.
    let others =
        (0..300).map(|n| Interaction::new(format!("x{n}"), "c-item", InteractionKind::DetailView));
    shop.engine().import_interactions(others.collect()).unwrap();
    train(&shop);
    shop.put_trait(TraitDefinition {
        count: 3,
        exclude: Some(Exclusion::Interacted),
        ..TraitDefinition::recommended_items("next")
    });
    let preview = |text: &str, people: u64| {
        let (condition, budget) = (text.parse().unwrap(), Arc::new(RequestBudget::unlimited()));
        let limits = PreviewLimits { time: Duration::from_secs(600), people };
        shop.engine().preview_audience(&condition, limits, &budget).unwrap()
    };
    let first = "trait next has \"a-item-5\" in first 1";
    let conditions = [
        ("listed", "recommended item \"a-item-5\"".to_owned()),
        ("acme", "recommended brand \"Acme\"".to_owned()),
        ("first", first.to_owned()),
        ("rest", format!("recommended item \"a-item-5\" and not {first}")),
    ];
    let mut counts = Vec::new();
    for (key, condition) in &conditions {
        let found = preview(condition, u64::MAX);
        assert!(found.people.is_exact() && found.people.count > 0, "{key}: {found:?}");
        assert!(found.sample.iter().all(|one| one.why.holds == Some(true)), "{key}: {found:?}");
        let some = preview(condition, 64);
        assert!(some.n_asked < some.n_profiles && !some.people.is_exact(), "{key}: {some:?}");
        let interval = some.people.low..=some.people.high;
        assert!(interval.contains(&found.people.count), "{key}: {some:?} {found:?}");
        counts.push(found.people.count);
    }
    for (key, condition) in &conditions {
        put_audience(&shop, key, condition, None);
    }
    let kept = || conditions.each_ref().map(|(key, _)| members(&shop, key).len() as u64);
    await_that("everybody is asked", || (members(&shop, "first").len() == 4).then_some(()));
    shop.await_looked_at();
    assert_eq!(kept().to_vec(), counts);
    // What is found meanwhile for an audience that is kept is not needed for a preview.
    assert_eq!(preview(first, u64::MAX).people.count, 4);
}

#[test]
fn a_list_for_an_audience_that_asks_for_the_list_is_refused() {
    let shop = Shop::new();
    put_audience(&shop, "known", "did \"Order Completed\"", None);
    let who = Some(TraitPeople { audience: Some("known".to_owned()), include_anonymous: true });
    shop.put_trait(TraitDefinition { who, ..TraitDefinition::recommended_items("next") });
    let refused = |condition: &str| {
        let definition = AudienceDefinition {
            key: "known".to_owned(),
            name: None,
            condition: condition.to_owned(),
            likely: None,
            sync: None,
        };
        let change = ConfigChange::put_audience(&definition);
        shop.engine().change_config(change, Expected::Anything).unwrap_err().to_string()
    };
    let itself = refused("trait next has \"x\"");
    assert!(itself.contains("\"known\" depends on itself"), "{itself}");
    let detail = refused("trait next__detail exists");
    assert!(detail.contains("ask for \"next\""), "{detail}");
}
