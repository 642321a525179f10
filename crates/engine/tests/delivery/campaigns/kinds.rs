//! Campaigns of all kinds: runs, dates, counted events, variants, control groups, best times.

use domain::{
    AudienceDefinition, BestTime, CampaignEvery, CampaignVariant, ControlGroup, ControlGroups,
    Interaction, InteractionKind, LocalTime, PastZones, VariantObjective, VariantTest,
};
use engine::{BusinessEvent, TrainingOptions};
use state::KeptCampaign;

use super::*;

const DAY_MS: i64 = 24 * HOUR_MS;

impl Shop {
    fn change(&self, change: ConfigChange) {
        self.engine().change_config(change, Expected::Anything).unwrap();
    }

    fn kept(&self) -> KeptCampaign {
        self.engine().snapshot().campaigns.by_key()["hello"].clone()
    }

    fn await_kept(&self, what: &str, holds: impl Fn(&KeptCampaign) -> bool) {
        await_that(what, || holds(&self.kept()).then_some(()));
    }

    /// Who got how many.
    fn numbers(&self) -> BTreeMap<String, usize> {
        let mut numbers = BTreeMap::new();
        for (who, _) in self.received() {
            *numbers.entry(who).or_insert(0) += 1;
        }
        numbers
    }

    fn await_numbers(&self, expected: &[(&str, usize)]) {
        let expected: BTreeMap<String, usize> =
            expected.iter().map(|(who, n)| ((*who).to_owned(), *n)).collect();
        await_that("so many are there", || (self.numbers() == expected).then_some(()));
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(self.numbers(), expected, "and no further one");
    }
}

fn daily(at: &str) -> CampaignStart {
    CampaignStart::Recurring {
        every: CampaignEvery::Day,
        at: ClockTime::parse(at).unwrap(),
        days: Vec::new(),
        month_days: Vec::new(),
        on_last_day: false,
        from: None,
        until: None,
    }
}

fn with_variants(start: CampaignStart, variants: Vec<CampaignVariant>) -> Campaign {
    Campaign { variants, ..campaign(start) }
}

fn variant(key: &str) -> CampaignVariant {
    CampaignVariant {
        key: key.to_owned(),
        content: [("subject".to_owned(), key.to_owned())].into(),
        ..CampaignVariant::default()
    }
}

#[test]
fn a_daily_campaign_runs_every_day_and_makes_up_for_the_latest_run_alone() {
    let mut shop = Shop::new();
    shop.identify("ada", json!({ "email": "x@shop.example" }));
    // It is midnight: the run of seven o'clock yesterday is not of this campaign.
    shop.put_campaign(&campaign(daily("07:00"))).unwrap();
    shop.pass(7 * HOUR_MS - 1);
    shop.await_numbers(&[]);
    shop.pass(1);
    shop.await_numbers(&[("ada", 1)]);
    shop.pass(DAY_MS);
    shop.await_numbers(&[("ada", 2)]);
    // Nothing runs for three days and an hour.
    let later = Timestamp(shop.engine().now().0 + 3 * DAY_MS + HOUR_MS);
    shop.engine = None;
    shop.clock.set(later);
    shop.restart();
    shop.await_numbers(&[("ada", 3)]);
    assert_eq!(shop.kept().missed_runs, 2);
    // What is later than it may be is missed as well.
    let options = DeliveryOptions { expires_after_s: Some(600), ..DeliveryOptions::default() };
    shop.put_campaign(&Campaign { options, ..campaign(daily("07:00")) }).unwrap();
    shop.pass(DAY_MS);
    shop.await_kept("the late run is missed", |kept| kept.missed_runs == 3);
    shop.await_numbers(&[("ada", 3)]);
}

#[test]
fn dates_run_once_each_and_a_run_for_too_many_does_not_begin() {
    let shop = Shop::new();
    for user in ["ada", "ben", "cy"] {
        shop.identify(user, json!({ "email": "x@shop.example" }));
    }
    let dates = [1, 2].map(|hours| Timestamp(START.0 + hours * HOUR_MS)).to_vec();
    let mut twice = campaign(CampaignStart::Dates { dates });
    twice.options.safety_people_max = Some(2);
    shop.put_campaign(&twice).unwrap();
    shop.pass(HOUR_MS);
    shop.await_kept("it is refused", |kept| {
        kept.run.is_some_and(|run| run.is_done && run.too_many == Some(3))
    });
    shop.await_numbers(&[]);
    twice.options.safety_people_max = Some(3);
    shop.put_campaign(&twice).unwrap();
    shop.await_numbers(&[]);
    shop.pass(HOUR_MS);
    shop.await_numbers(&[("ada", 1), ("ben", 1), ("cy", 1)]);
    shop.pass(DAY_MS);
    shop.await_numbers(&[("ada", 1), ("ben", 1), ("cy", 1)]);
}

#[test]
fn a_run_comes_to_each_by_their_own_clock_and_who_is_past_it_waits_for_the_next_day() {
    let shop = Shop::new();
    for (user, zone) in [("tokyo", "Asia/Tokyo"), ("home", "UTC"), ("york", "America/New_York")] {
        shop.identify(user, json!({ "email": "x@shop.example", "timezone": zone }));
    }
    // Six o'clock is past where it is nine in the morning.
    let mut early = campaign(CampaignStart::At { at: Timestamp(START.0 + 6 * HOUR_MS) });
    early.options.local_time = LocalTime::Person;
    shop.put_campaign(&early).unwrap();
    shop.await_refused("hello", &[("zone_past", 1)]);
    shop.pass(6 * HOUR_MS - 1);
    shop.await_numbers(&[]);
    shop.pass(1);
    shop.await_numbers(&[("home", 1)]);
    shop.pass(5 * HOUR_MS);
    shop.await_numbers(&[("home", 1), ("york", 1)]);
    // The next day, at six there: 21 hours after the time at home, less a day.
    early.start = CampaignStart::At { at: Timestamp(START.0 + 30 * HOUR_MS) };
    early.options.past_zones = PastZones::NextDay;
    shop.pass(14 * HOUR_MS);
    shop.put_campaign(&early).unwrap();
    shop.pass(5 * HOUR_MS);
    shop.await_numbers(&[("home", 2), ("york", 1)]);
    shop.pass(5 * HOUR_MS);
    shop.await_numbers(&[("home", 2), ("york", 2)]);
    shop.pass(10 * HOUR_MS);
    shop.await_numbers(&[("home", 2), ("tokyo", 1), ("york", 2)]);
}

#[test]
fn a_birthday_is_greeted_every_year_and_follows_the_trait() {
    let mut shop = Shop::new();
    let with = |birthday: &str| json!({ "email": "x@shop.example", "birthday": birthday });
    shop.identify("ada", with("1990-01-03"));
    shop.identify("none", json!({ "email": "x@shop.example" }));
    shop.identify("odd", with("soon"));
    let start = CampaignStart::Date {
        of_trait: "birthday".to_owned(),
        offset_s: -86_400,
        at: Some(ClockTime::parse("08:00").unwrap()),
        each_year: true,
    };
    shop.put_campaign(&campaign(start)).unwrap();
    shop.await_kept("ada waits", |kept| kept.n_waiting == 1);
    // Somebody comes later, and somebody else was born on another day than they said.
    shop.identify("ben", with("1980-01-05"));
    shop.identify("ben", with("1980-01-04"));
    shop.await_kept("two wait", |kept| kept.n_waiting == 2);
    shop.pass(DAY_MS + 8 * HOUR_MS - 1);
    shop.await_numbers(&[]);
    shop.pass(1);
    shop.await_numbers(&[("ada", 1)]);
    shop.pass(DAY_MS);
    shop.await_numbers(&[("ada", 1), ("ben", 1)]);
    shop.engine = None;
    fs_err::remove_dir_all(shop.folder.path().join("store")).unwrap();
    shop.restart();
    shop.pass(363 * DAY_MS);
    shop.await_numbers(&[("ada", 1), ("ben", 1)]);
    shop.pass(DAY_MS);
    shop.await_numbers(&[("ada", 2), ("ben", 1)]);
    shop.pass(DAY_MS);
    shop.await_numbers(&[("ada", 2), ("ben", 2)]);
    assert!(shop.refused("hello").is_empty(), "{:?}", shop.refused("hello"));
}

#[test]
fn the_third_page_within_an_hour_begins_a_message() {
    let shop = Shop::new();
    shop.identify("ada", json!({ "email": "x@shop.example" }));
    let start = CampaignStart::Event {
        event: "Page Viewed".to_owned(),
        filters: Some("path starts with \"/shoes\"".to_owned()),
        count: Some(3),
        within_s: Some(3_600),
        after_s: 0,
        unless: None,
    };
    shop.put_campaign(&campaign(start)).unwrap();
    let view = |path: &str| {
        shop.send(json!({ "type": "page", "userId": "ada", "properties": { "path": path } }));
    };
    view("/shoes/1");
    view("/balls/1");
    shop.pass(HOUR_MS);
    view("/shoes/2");
    view("/shoes/3");
    shop.await_numbers(&[]);
    view("/shoes/4");
    shop.await_numbers(&[("ada", 1)]);
    // They are counted anew.
    view("/shoes/5");
    view("/shoes/6");
    shop.await_numbers(&[("ada", 1)]);
    view("/shoes/7");
    shop.await_numbers(&[("ada", 2)]);
}

#[test]
fn variants_go_by_what_people_are() {
    let shop = Shop::new();
    for (user, plan) in [("ada", "gold"), ("ben", "free"), ("cy", "none")] {
        shop.identify(user, json!({ "email": "x@shop.example", "plan": plan }));
    }
    let audience = json!({ "key": "free", "condition": "trait plan = \"free\"" });
    let audience: AudienceDefinition = serde_json::from_value(audience).unwrap();
    shop.change(ConfigChange::put_audience(&audience));
    let gold = CampaignVariant { when: Some("plan = \"gold\"".to_owned()), ..variant("gold") };
    let free = CampaignVariant { audience: Some("free".to_owned()), ..variant("free") };
    let start = CampaignStart::At { at: Timestamp(0) };
    let wrong = CampaignVariant { when: Some("plan = ".to_owned()), ..variant("gold") };
    let error = shop.put_campaign(&with_variants(start.clone(), vec![wrong])).unwrap_err();
    assert!(error.contains("variant \"gold\": when: "), "{error}");
    shop.put_campaign(&with_variants(start, vec![gold, free])).unwrap();
    shop.await_received(&[("ada", "gold"), ("ben", "free"), ("cy", "Hello you")]);
    let counts = shop.kept().variants.counts;
    assert_eq!(counts.values().map(|one| one.people).collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn shares_are_sticky_and_of_about_the_size_that_is_asked_for() {
    let shop = Shop::new();
    for n in 0..300 {
        shop.identify(&format!("u{n}"), json!({ "email": "x@shop.example" }));
    }
    let share = |key: &str, percent| CampaignVariant { percent: Some(percent), ..variant(key) };
    let dates = vec![START, Timestamp(START.0 + HOUR_MS)];
    let split = with_variants(CampaignStart::Dates { dates }, vec![share("a", 20), share("b", 30)]);
    shop.put_campaign(&split).unwrap();
    shop.await_kept("all have one", |kept| kept.counts.sent == 300);
    shop.pass(HOUR_MS);
    shop.await_kept("all have two", |kept| kept.counts.sent == 600);
    let counts = shop.kept().variants.counts;
    let (a, b) = (counts["a"].people, counts["b"].people);
    assert!((60..=200).contains(&a) && (110..=270).contains(&b), "{a} {b}");
    await_that("all are received", || (shop.received().len() == 600).then_some(()));
    let received = shop.received();
    for pair in received.chunks(2) {
        assert_eq!(pair[0], pair[1], "the same person gets the same variant");
    }
}

#[test]
fn the_rest_gets_the_variant_that_is_ahead_when_the_time_is_over() {
    let shop = Shop::new();
    for n in 0..40 {
        shop.identify(&format!("u{n}"), json!({ "email": "x@shop.example" }));
    }
    let test = VariantTest {
        objective: VariantObjective::Clicks,
        percent: Some(50),
        decide_after_s: Some(3_600),
        people_max: None,
    };
    let start = CampaignStart::At { at: Timestamp(0) };
    let mut tested = with_variants(start, vec![variant("a"), variant("b")]);
    tested.test = Some(test);
    shop.put_campaign(&tested).unwrap();
    shop.await_kept("everybody was looked at", |kept| kept.run.is_some_and(|run| run.is_done));
    let before = shop.kept();
    assert!(before.counts.sent > 0 && before.n_waiting > 0, "{before:?}");
    assert_eq!(before.counts.sent + before.n_waiting, 40);
    shop.pass(HOUR_MS);
    shop.await_kept("all have one", |kept| kept.counts.sent == 40 && kept.n_waiting == 0);
    let after = shop.kept();
    let winner = after.variants.winner.unwrap();
    assert_eq!((winner.variant.as_str(), winner.is_sure), ("a", false));
    let of = |kept: &KeptCampaign, key: &str| {
        kept.variants.counts.get(key).map_or(0, |counts| counts.people)
    };
    assert_eq!(of(&shop.kept(), "b"), of(&before, "b"), "nobody else got the other one");
}

#[test]
fn a_variant_may_take_its_recommendations_from_another_definition() {
    let shop = Shop::new();
    for n in 0..4 {
        for item in ["shoe", "ball"] {
            shop.track(&format!("u{n}"), "Product Viewed", json!({ "product_id": item }));
        }
    }
    shop.track("u0", "Product Viewed", json!({ "product_id": "shoe" }));
    shop.identify("ada", json!({ "email": "ada@shop.example" }));
    shop.track("ada", "Product Viewed", json!({ "product_id": "shoe" }));
    let seen = TraitDefinition::recommended_items("seen");
    let new = TraitDefinition {
        exclude: Some(Exclusion::Interacted),
        ..TraitDefinition::recommended_items("new")
    };
    shop.change(ConfigChange::put_trait(&seen));
    shop.change(ConfigChange::put_trait(&new));
    let mut other = CampaignVariant { percent: Some(100), ..variant("other") };
    other.content.clear();
    let mut offer = with_variants(CampaignStart::Triggered {}, vec![other]);
    let subject = "{% recommend \"seen\" count: 1 as items %}{{ items[0].id }}";
    offer.content.insert("subject".to_owned(), subject.to_owned());
    offer.variants[0].recommend = [("seen".to_owned(), "newer".to_owned())].into();
    let error = shop.put_campaign(&offer).unwrap_err();
    assert!(error.contains("no recommended-items trait \"newer\""), "{error}");
    offer.variants[0].recommend = [("seen".to_owned(), "new".to_owned())].into();
    shop.put_campaign(&offer).unwrap();
    shop.trigger(None, false, &[("ada", json!({}))]);
    shop.await_received(&[("ada", "ball")]);
}

#[test]
fn control_groups_of_the_workspace_hold_for_all_campaigns_but_those_that_say_otherwise() {
    let shop = Shop::new();
    for n in 0..200 {
        shop.identify(&format!("u{n}"), json!({ "email": "x@shop.example" }));
    }
    let groups = ControlGroups {
        system_percent: 20,
        groups: vec![ControlGroup { name: "spring".to_owned(), percent: 30 }],
    };
    let settings = shop.engine().config().settings();
    let settings = domain::WorkspaceSettings { control_groups: groups, ..settings };
    shop.change(ConfigChange::put_settings(&settings));
    let held = |shop: &Shop| shop.refused("hello").get("control_group").copied().unwrap_or(0);
    let mut run = campaign(CampaignStart::At { at: Timestamp(0) });
    run.control_group = Some("summer".to_owned());
    let error = shop.put_campaign(&run).unwrap_err();
    assert!(error.contains("the workspace has no such group"), "{error}");
    run.control_group = None;
    shop.put_campaign(&run).unwrap();
    shop.await_kept("all are looked at", |kept| kept.run.is_some_and(|run| run.is_done));
    let of_system = held(&shop);
    assert!((20..=65).contains(&of_system), "{of_system}");
    run.start = CampaignStart::At { at: Timestamp(1) };
    run.options.ignores_system_control = true;
    run.control_group = Some("spring".to_owned());
    shop.put_campaign(&run).unwrap();
    shop.await_kept("all are looked at again", |kept| {
        kept.run.is_some_and(|run| run.is_done && run.run == Timestamp(1))
    });
    let of_group = held(&shop) - of_system;
    assert!((35..=90).contains(&of_group), "{of_group}");
}

#[test]
fn a_message_goes_when_the_person_is_active() {
    let shop = Shop::new();
    let come = |user: &str| shop.identify(user, json!({ "email": "x@shop.example" }));
    // It is midnight. Ada is active at nine, the others at noon; nobody knows when the new one is.
    come("ada");
    come("ben");
    shop.pass(9 * HOUR_MS);
    shop.track("ada", "App Opened", json!({}));
    shop.pass(4 * HOUR_MS);
    for user in ["ben", "cy"] {
        come(user);
        shop.track(user, "App Opened", json!({}));
    }
    come("new");
    // At eight in the evening.
    let mut best = campaign(CampaignStart::Triggered {});
    best.options.best_time = Some(BestTime { event: "App Opened".to_owned() });
    shop.put_campaign(&best).unwrap();
    shop.pass(7 * HOUR_MS);
    let nobody = || json!({});
    shop.trigger(None, false, &[("ada", nobody()), ("ben", nobody()), ("new", nobody())]);
    shop.await_kept("they wait", |kept| kept.n_waiting == 3);
    shop.pass(12 * HOUR_MS);
    shop.await_numbers(&[("ada", 1)]);
    shop.pass(4 * HOUR_MS);
    shop.await_numbers(&[("ada", 1), ("ben", 1), ("new", 1)]);
}

#[test]
fn a_business_event_is_told_to_those_who_are_interested_in_its_items_once() {
    let mut shop = Shop::new();
    // Two tastes: each person has viewed nine of the ten items of theirs, the n-th not the n-th.
    let interactions = ["a", "b"].into_iter().flat_map(|taste| {
        (0..40).flat_map(move |person| {
            let viewed = (0..10).filter(move |n| *n != person % 10);
            viewed.map(move |n| Interaction {
                timestamp: Some(Timestamp(START.0 - ((n * 7 + person) % 10) * DAY_MS)),
                ..Interaction::new(
                    format!("{taste}{person}"),
                    format!("{taste}-item-{n}"),
                    InteractionKind::DetailView,
                )
            })
        })
    });
    shop.engine().import_interactions(interactions.collect()).unwrap();
    shop.engine().train(TrainingOptions::default(), &|_| {}).unwrap();
    for person in 0..40 {
        shop.identify(&format!("a{person}"), json!({ "email": "x@shop.example" }));
    }
    let start = CampaignStart::BusinessEvent {
        event: "Back In Stock".to_owned(),
        filters: Some("colour = \"red\"".to_owned()),
        size: 50,
        exclude_acted: true,
    };
    let mut back = campaign(start);
    back.content.insert("subject".to_owned(), "{{ event.properties.title }}".to_owned());
    shop.put_campaign(&back).unwrap();
    let tell = |shop: &Shop, id: &str, colour: &str, items: &[&str]| {
        let event = CampaignEntry::BusinessEvent(BusinessEvent {
            at: shop.engine().now(),
            name: "Back In Stock".to_owned(),
            id: Some(id.to_owned()),
            items: items.iter().map(|id| (*id).to_owned()).collect(),
            property: None,
            properties: json!({ "colour": colour, "title": id }).to_string(),
        });
        shop.engine().submit_blocking(vec![Entry::Campaign(Box::new(event))]).unwrap().remove(0)
    };
    assert_eq!(tell(&shop, "blue", "blue", &["a-item-0"]), Outcome::Applied);
    assert_eq!(tell(&shop, "red", "red", &["a-item-0"]), Outcome::Applied);
    assert_eq!(tell(&shop, "red", "red", &["a-item-0"]), Outcome::Duplicate);
    let four = [("a0", "red"), ("a10", "red"), ("a20", "red"), ("a30", "red")];
    shop.await_received(&four);
    // Neither a restart nor a lost store tells it again.
    shop.engine = None;
    fs_err::remove_dir_all(shop.folder.path().join("store")).unwrap();
    shop.restart();
    shop.await_received(&four);
    // What is about no item is for everybody whom the campaign is for, up to its size.
    back.start = CampaignStart::BusinessEvent {
        event: "Back In Stock".to_owned(),
        filters: None,
        size: 100,
        exclude_acted: false,
    };
    shop.put_campaign(&back).unwrap();
    tell(&shop, "all", "none", &[]);
    shop.await_kept("everybody is told", |kept| kept.counts.sent == 44);
}
