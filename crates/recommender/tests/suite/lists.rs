//! Properties of personal lists, and of lists in general.

use domain::{
    Exclusion, Fallback, InteractionKind, InteractionWeights, ItemIdx, ListRequest, Logic,
    PropertyValue, Relevance, Timestamp, UserIdx,
};
use proptest::prelude::*;
use recommender::{
    ColdStartItems, Eligibility, Facet, FacetValues, Features, FeaturesBuilder, Histories,
    HistoryEntry, Impression, Model, Origin, Recommendation, RecommendedItem, RelevanceShares,
    Request, recommend,
};

use crate::fixtures::{
    DAY_S, GROUP_ITEMS, allow_all, checkerboard, entry, groups, items_of, list_of, sources, train,
};

#[test]
fn a_checkerboard_gives_each_user_the_one_item_that_is_missing() {
    let (n_users, n_items) = (40, 20);
    let histories = checkerboard(n_users, n_items);
    let trained = train(&histories, n_items as usize);
    for user in 0..n_users {
        let history = histories.row(UserIdx(user));
        let eligibility = Eligibility::new(&allow_all, Exclusion::Interacted, history, []);
        let list =
            list_of(Some(&trained.model), &histories, history, &eligibility, n_items as usize, 3);
        let first = &list[0];
        assert_eq!(first.item.0 % 2, user % 2, "user {user}");
        assert_eq!(first.origin, Origin::Model);
        // The user has seen all other items of the group; popular items of the other group follow.
        assert!(
            list[1..]
                .iter()
                .all(|item| item.item.0 % 2 != user % 2 && item.origin == Origin::Trending)
        );

        // The score is the sum over history items and channels; the explanation holds its terms.
        let contribution = |history_item: &HistoryEntry| -> f32 {
            let channels = trained.model.channels.iter().map(|channel| {
                let weighed =
                    channel.weighting.weigh(history, &trained.model.parameters.interaction_weights);
                let weight = weighed
                    .iter()
                    .find(|(entry, _)| entry.item == history_item.item)
                    .map_or(0.0, |(_, weight)| *weight);
                weight * channel.related.get(history_item.item.pos(), first.item.0)
            });
            channels.sum()
        };
        let contributions: Vec<f32> = history.iter().map(contribution).collect();
        let sum: f32 = contributions.iter().sum();
        assert!((sum - first.score).abs() <= 1e-4 * first.score, "{sum} {}", first.score);
        let positive_sum: f32 = contributions.iter().filter(|value| **value > 0.0).sum();
        for explained in &first.explanation {
            let n = history.iter().position(|entry| entry.item == explained.item).unwrap();
            assert!((contributions[n] / positive_sum - explained.share).abs() < 1e-4);
        }
        assert!(first.explanation.windows(2).all(|pair| pair[0].share >= pair[1].share));
        assert!(
            first.explanation.iter().map(|contribution| contribution.share).sum::<f32>()
                <= 1.0 + 1e-5
        );
    }
    assert!(trained.search.blend.ndcg > trained.search.popularity.ndcg);
}

#[test]
fn what_somebody_did_with_an_item_is_no_reason_for_the_item_itself() {
    let (n_users, n_items) = (40, 20);
    let histories = checkerboard(n_users, n_items);
    let trained = train(&histories, n_items as usize);
    let history = histories.row(UserIdx(0));
    let eligibility = Eligibility::new(&allow_all, Exclusion::None, history, []);
    let list =
        list_of(Some(&trained.model), &histories, history, &eligibility, n_items as usize, 20);
    let own: Vec<_> =
        list.iter().filter(|item| history.iter().any(|entry| entry.item == item.item)).collect();
    assert!(!own.is_empty());
    for item in own {
        assert!(item.explanation.iter().all(|reason| reason.item != item.item), "{item:?}");
        assert!(item.explanation.iter().all(|reason| reason.share.is_finite()), "{item:?}");
    }
}

#[test]
fn without_a_history_or_a_model_the_popular_items_come() {
    let mut histories = Histories::default();
    for (user, item) in [(0, 2), (1, 2), (2, 1)] {
        histories.add(UserIdx(user), entry(item, InteractionKind::Purchase, 0));
    }
    let eligibility = Eligibility::new(&allow_all, Exclusion::Purchased, &[], []);
    let ids = |model| {
        let list = list_of(model, &histories, &[], &eligibility, 3, 5);
        assert!(list.iter().all(|item| item.origin == Origin::Trending));
        list.iter().map(|item| item.item.0).collect::<Vec<_>>()
    };
    assert_eq!(ids(None), [2, 1, 0]);
    let trained = train(&histories, 3);
    assert_eq!(ids(Some(&trained.model)), [2, 1, 0]);
    let nothing = train(&Histories::default(), 0);
    assert_eq!(ids(Some(&nothing.model)), [0, 1, 2]);
}

#[test]
fn a_new_item_goes_to_users_of_similar_items_before_any_training() {
    // Jazz for even users, metal for odd ones; item 20 is new jazz.
    let histories = checkerboard(40, 20);
    let mut builder = FeaturesBuilder::default();
    for item in 0..21u32 {
        let genre = if item % 2 == 0 { "jazz" } else { "metal" };
        builder.add(ItemIdx(item), &[("genre", PropertyValue::String(genre.to_owned()))]);
    }
    let features = std::sync::Arc::new(builder.finish(21));
    let model = train(&histories, 20).model;
    for model in [None, Some(&model)] {
        let cold = ColdStartItems::new(features.clone(), model);
        let sources = sources(model, &cold, &histories, 21);
        let request = ListRequest::new(3, Logic::Personal);
        for user in 0..40 {
            let history = histories.row(UserIdx(user));
            let eligibility = Eligibility::new(&allow_all, Exclusion::Interacted, history, []);
            let list =
                recommend(sources, &Request::new(&request, history, &eligibility)).into_items();
            let found =
                list.iter().find(|item| item.item.0 == 20 && item.origin == Origin::ColdStart);
            assert_eq!(found.is_some(), user % 2 == 0, "user {user}: {list:?}");
            if let Some(found) = found {
                let shares: f32 =
                    found.explanation.iter().map(|contribution| contribution.share).sum();
                assert!(
                    shares > 0.3
                        && found
                            .explanation
                            .iter()
                            .all(|contribution| contribution.item.0 % 2 == 0)
                );
                assert_eq!(
                    features.shared_property(found.explanation[0].item, found.item),
                    Some("genre")
                );
            }
        }
    }
}

#[test]
fn a_bad_rating_lowers_the_scores_of_related_items() {
    let mut histories = checkerboard(40, 20);
    let n_items = 20;
    let model = train(&histories, n_items).model;
    let rate = |item, value| {
        HistoryEntry::new(ItemIdx(item), InteractionKind::Rating, Timestamp(0), Some(value))
    };
    let count_even_items = |histories: &Histories| {
        let history = histories.row(UserIdx(40));
        let eligibility = Eligibility::new(&allow_all, Exclusion::Interacted, history, []);
        let list = list_of(Some(&model), histories, history, &eligibility, n_items, 20);
        let is_even_item = |item: &recommender::RecommendedItem| {
            item.origin == Origin::Model && item.item.0.is_multiple_of(2)
        };
        list.iter().filter(|item| is_even_item(item)).count()
    };
    histories.add(UserIdx(40), rate(0, 0.9));
    histories.add(UserIdx(40), rate(1, 0.9));
    let before = count_even_items(&histories);
    assert!(before > 4);
    histories.add(UserIdx(40), rate(2, -1.0));
    histories.add(UserIdx(40), rate(4, -1.0));
    assert!(count_even_items(&histories) < before);
}

#[test]
fn shown_items_step_back_and_recover() {
    let histories = checkerboard(40, 20);
    let model = train(&histories, 20).model;
    let request = |rotation_rate| ListRequest {
        rotation_rate,
        rotation_time_s: 100,
        ..ListRequest::new(4, Logic::Personal)
    };
    let items = |rate, shown: &[Impression], now_s| {
        items_of(&model, &histories, 0, &request(rate), shown, now_s)
    };
    let first = items(1.0, &[], 1_000);
    let shown: Vec<Impression> =
        first.iter().map(|&item| Impression { item: ItemIdx(item), at_s: 1_000 }).collect();
    assert_eq!(items(0.0, &shown, 1_000), first, "without a rate nothing rotates");
    let second = items(1.0, &shown, 1_000);
    assert!(second.iter().all(|item| !first.contains(item)), "{first:?} {second:?}");
    assert_eq!(
        items(1.0, &shown, 1_100),
        first,
        "after the rotation time the list is the same again"
    );
    assert_eq!(items(0.000_1, &shown, 1_000), first, "a small rate changes no order");
}

#[test]
fn relevance_excludes_items_unrelated_to_the_history() {
    let histories = checkerboard(40, 20);
    let mut model = train(&histories, 20).model;
    let request = |min_relevance| ListRequest {
        min_relevance,
        exclude: Exclusion::None,
        ..ListRequest::new(20, Logic::Personal)
    };
    let n = |model: &Model, level| items_of(model, &histories, 0, &request(level), &[], 0).len();
    assert_eq!(n(&model, Relevance::Low), 20);
    let medium = n(&model, Relevance::Medium);
    assert!(medium <= 10, "only the ten items of the user's group are related to the history");
    assert!(n(&model, Relevance::High) <= medium);
    model.parameters.relevance.high = f32::MAX;
    assert_eq!(n(&model, Relevance::High), 0);
}

#[test]
fn relevance_is_measured_by_the_best_of_the_own_list_however_long_the_history() {
    let n_items = 11 * GROUP_ITEMS;
    let mut histories = groups(11, 12);
    // One user has a single taste, the other one all tastes: their scores are a tenth of the first
    // one's.
    let (one, all) = (UserIdx(histories.n_users() as u32), UserIdx(histories.n_users() as u32 + 1));
    histories.add(one, entry(0, InteractionKind::DetailView, DAY_S));
    (0..11).for_each(|group| {
        histories.add(all, entry(group * GROUP_ITEMS, InteractionKind::DetailView, DAY_S));
    });
    let mut model = train(&histories, n_items as usize).model;
    model.parameters.relevance = RelevanceShares { medium: 0.2, high: 0.6 };
    let list = |user: UserIdx, min_relevance| {
        let fallback = Fallback::None;
        let list = ListRequest {
            min_relevance,
            fallback,
            ..ListRequest::new(n_items as usize, Logic::Personal)
        };
        let history = histories.row(user);
        let eligibility = Eligibility::new(&allow_all, list.exclude, history, []);
        let cold = ColdStartItems::new(Features::empty(n_items as usize).into(), Some(&model));
        let found = recommend(
            sources(Some(&model), &cold, &histories, n_items as usize),
            &Request::new(&list, history, &eligibility),
        );
        found.into_items().into_iter().map(|item| item.score).collect::<Vec<f32>>()
    };
    assert!(list(one, Relevance::High).len() < list(one, Relevance::Low).len());
    for user in [one, all] {
        let everything = list(user, Relevance::Low);
        for (level, share) in [(Relevance::Medium, 0.2), (Relevance::High, 0.6)] {
            let relevant = list(user, level);
            let wanted = everything.iter().filter(|score| **score >= share * everything[0]).count();
            assert_eq!(relevant.len(), wanted, "{everything:?}");
            assert!(!relevant.is_empty());
        }
    }
}

#[test]
fn diversity_alternates_between_groups_of_items() {
    // A user of both groups, mostly of the even one: without diversity even items come first.
    let mut histories = checkerboard(40, 40);
    for item in [0, 2, 4, 6, 8, 1] {
        histories.add(UserIdx(40), entry(item, InteractionKind::DetailView, 40 * DAY_S));
    }
    let model = train(&histories, 40).model;
    let n_even = |diversity| {
        let request = ListRequest {
            diversity,
            exclude: Exclusion::Interacted,
            ..ListRequest::new(6, Logic::Personal)
        };
        let history = histories.row(UserIdx(40));
        let eligibility = Eligibility::new(&allow_all, request.exclude, history, []);
        let cold = ColdStartItems::new(Features::empty(40).into(), Some(&model));
        let list = recommend(
            sources(Some(&model), &cold, &histories, 40),
            &Request::new(&request, history, &eligibility),
        );
        list.into_items().iter().filter(|item| item.item.0 % 2 == 0).count()
    };
    assert!(n_even(0.0) >= 5, "{}", n_even(0.0));
    assert!(n_even(0.9) <= 4, "{}", n_even(0.9));
}

#[test]
fn values_of_a_property_are_ranked_by_what_their_items_score() {
    let histories = checkerboard(40, 20);
    let model = train(&histories, 20).model;
    let mut item_type = Facet::new();
    for item in 0..20u32 {
        // Items of the even group are of brands "even" and "both", two of them of "rare".
        let mut brands =
            vec![if item % 2 == 0 { "even" } else { "odd" }.to_owned(), "both".to_owned()];
        if item < 4 {
            brands.push(String::new());
            brands.push("rare".to_owned());
        }
        item_type.push(Some(&PropertyValue::Set(brands)));
    }
    let list = |user: u32, exclude| {
        let request = ListRequest {
            exclude,
            item_type: Some("brands".to_owned()),
            ..ListRequest::new(9, Logic::Personal)
        };
        let history = histories.row(UserIdx(user));
        let eligibility = Eligibility::new(&allow_all, exclude, history, []);
        let cold = ColdStartItems::new(Features::empty(20).into(), Some(&model));
        let values = FacetValues { facet: &item_type, allows: &|_| true, booster: None };
        let request =
            Request { values: Some(values), ..Request::new(&request, history, &eligibility) };
        match recommend(sources(Some(&model), &cold, &histories, 20), &request) {
            Recommendation::Values(values) => values,
            Recommendation::Items(items) => panic!("{items:?}"),
        }
    };
    let texts = |values: &[RecommendedItem<recommender::ValueIdx>]| {
        values.iter().map(|value| item_type.text(value.item).to_owned()).collect::<Vec<_>>()
    };
    let even = list(0, Exclusion::None);
    assert_eq!(texts(&even).len(), 4);
    assert!(texts(&even)[..2].contains(&"even".to_owned()), "{even:?}");
    let shares: f32 = even[0].explanation.iter().map(|contribution| contribution.share).sum();
    assert!(even[0].origin == Origin::Model && shares > 0.1 && shares < 1.001);
    assert!(even[0].explanation.iter().all(|contribution| contribution.item.0 % 2 == 0));
    assert_eq!(
        texts(&list(0, Exclusion::Interacted)),
        ["odd"],
        "brands of seen items are left out"
    );
}

#[test]
fn weights_of_kinds_change_the_list() {
    let mut histories = checkerboard(40, 20);
    histories.add(UserIdx(40), entry(0, InteractionKind::DetailView, 0));
    histories.add(UserIdx(40), entry(1, InteractionKind::Purchase, 0));
    let first = |weights: InteractionWeights| {
        let mut set = recommender::TrainingSet::snapshot(&histories, &[], 20)
            .with_interaction_weights(weights);
        let model = recommender::train(&mut set, &crate::fixtures::OPTIONS, "t", &|_| Ok(()))
            .unwrap()
            .model;
        assert_eq!(model.parameters.interaction_weights, weights);
        items_of(
            &model,
            &histories,
            40,
            &ListRequest { exclude: Exclusion::Interacted, ..ListRequest::new(1, Logic::Personal) },
            &[],
            0,
        )[0] % 2
    };
    assert_eq!(first(InteractionWeights::default()), 1, "a purchase weighs more");
    assert_eq!(
        first(InteractionWeights { purchase: 0.1, view: 1.0, ..InteractionWeights::default() }),
        0
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn lists_are_complete_distinct_and_keep_their_promises(
        rows in prop::collection::vec(prop::collection::vec((0u32..12, 0usize..6, 0i64..40), 0..12), 1..12),
        withdrawn in prop::collection::hash_set(0u32..14, 0..5),
        count in 0usize..16,
    ) {
        let mut histories = Histories::default();
        for (user, row) in rows.iter().enumerate() {
            for &(item, kind, day) in row {
                histories.add(UserIdx(user as u32), entry(item, InteractionKind::ALL[kind], day * 86_400));
            }
        }
        let n_items = histories.n_items();
        let model = train(&histories, n_items).model;
        let is_available = |item: ItemIdx| !withdrawn.contains(&item.0);
        for user in 0..rows.len() as u32 {
            let history = histories.row(UserIdx(user));
            for exclusion in [Exclusion::None, Exclusion::Purchased, Exclusion::Interacted] {
                let eligibility = Eligibility::new(&is_available, exclusion, history, [ItemIdx(3)]);
                for model in [None, Some(&model)] {
                    let list = list_of(model, &histories, history, &eligibility, n_items, count);
                    let mut items: Vec<u32> = list.iter().map(|item| item.item.0).collect();
                    prop_assert!(items.iter().all(|&item| eligibility.allows(ItemIdx(item))));
                    let n_eligible = (0..n_items as u32).filter(|&item| eligibility.allows(ItemIdx(item))).count();
                    prop_assert_eq!(items.len(), count.min(n_eligible));
                    items.sort_unstable();
                    items.dedup();
                    prop_assert_eq!(items.len(), list.len());
                    prop_assert_eq!(&list, &list_of(model, &histories, history, &eligibility, n_items, count));
                }
            }
        }
    }

    #[test]
    fn a_row_depends_on_what_is_in_it_not_on_the_order(
        mut entries in prop::collection::vec((0u32..9, 0usize..6, 0i64..1_000), 0..700),
        seed in any::<u64>(),
    ) {
        entries.sort_unstable();
        entries.dedup();
        let build = |entries: &[(u32, usize, i64)]| {
            let mut histories = Histories::default();
            for &(item, kind, at) in entries {
                histories.add(UserIdx(0), entry(item, InteractionKind::ALL[kind], at));
            }
            histories
        };
        let ordered = build(&entries);
        let n = entries.len().max(1);
        entries.rotate_left((seed % n as u64) as usize);
        entries.reverse();
        let other = build(&entries);
        prop_assert_eq!(ordered.row(UserIdx(0)), other.row(UserIdx(0)));
        let mut replaced = Histories::default();
        let all = entries.iter().map(|&(item, kind, at)| entry(item, InteractionKind::ALL[kind], at)).collect();
        replaced.replace_row(UserIdx(0), all);
        prop_assert_eq!(ordered.row(UserIdx(0)), replaced.row(UserIdx(0)));
    }
}
