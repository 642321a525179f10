//! Imports of catalogs: what they would change, what must be confirmed, and the way back; scenarios
//! that do not fit any more.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use catalog::{CatalogChanges, Format, ImportOptions};
use domain::{Endpoint, Scenario, TraitDefinition, WorkspaceConfig, WorkspaceId};
use engine::{
    Command, ConfigChange, ConfirmedRemovals, Engine, Entry, Expected, MissingEntities,
    RecommendationRequest, RequestBudget, Segmentation, SegmentationCommand, SegmentationKind,
};

fn open(folder: &Path) -> Engine {
    Engine::open(WorkspaceId::new("shop").unwrap(), folder, &|_, _| {}).unwrap()
}

/// So many items with a price and a brand, from the first number on.
fn file(first: usize, n: usize) -> String {
    (first..first + n).fold("item_id,price,brand\n".to_owned(), |csv, n| {
        csv + &format!("i{n},{n}.5,b{}\n", n % 3)
    })
}

fn import(engine: &Engine, file: &str, n_withdrawn: Option<u64>) -> Result<CatalogChanges, String> {
    import_confirmed(
        engine,
        file,
        &ConfirmedRemovals { n_withdrawn, ..ConfirmedRemovals::default() },
    )
}

fn import_confirmed(
    engine: &Engine,
    file: &str,
    confirmed: &ConfirmedRemovals,
) -> Result<CatalogChanges, String> {
    let (file, _) =
        engine.read_catalog(file.as_bytes(), Format::Csv, &ImportOptions::default()).unwrap();
    engine.import_catalog(file, confirmed, &|_, _| Ok(())).map_err(|error| error.to_string())
}

fn put(engine: &Engine, name: &str, settings: &str) {
    let json = format!("{{\"endpoint\": \"recommendItemsToUser\", {settings}}}");
    let change = ConfigChange::put_scenario(&Scenario::from_json(name, json.as_bytes()).unwrap());
    engine.change_config(change, Expected::Anything).unwrap();
}

/// The ids of a list of a scenario, in their order, or why there is none.
fn list(engine: &Engine, scenario: &str) -> String {
    let request = RecommendationRequest {
        user_id: Some("nobody".to_owned()),
        scenario: Some(scenario.to_owned()),
        missing: MissingEntities::Ignored,
        ..RecommendationRequest::new(Endpoint::RecommendItemsToUser, 100)
    };
    match engine.request_recommendations(&request, &Arc::new(RequestBudget::unlimited())) {
        Ok(response) => {
            let mut ids: Vec<String> =
                response.recommended.into_iter().map(|entry| entry.id).collect();
            ids.sort();
            ids.join(" ")
        }
        Err(error) => error.to_string(),
    }
}

#[test]
fn an_import_that_withdraws_more_than_a_tenth_must_say_how_many() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    assert_eq!(import(&engine, &file(0, 40), None).unwrap().n_new, 40);
    let preview = |text: &str, n_withdrawn| {
        let options = ImportOptions::default();
        let confirmed = ConfirmedRemovals { n_withdrawn, ..ConfirmedRemovals::default() };
        engine.preview_catalog(|| Ok(text.as_bytes()), Format::Csv, &options, &confirmed).unwrap()
    };
    let one = "item_id,price,size\ni3,3.5,L\n";
    let previewed = preview(one, None);
    insta::assert_json_snapshot!(previewed);
    let refused = import(&engine, one, None).unwrap_err();
    assert_eq!(previewed.refused.join(""), refused);
    insta::assert_snapshot!(refused, @"the file leaves out 39 of 40 items and would withdraw them, so nothing was imported: add them to the file, or confirm the number (confirm=39)");
    assert!(import(&engine, one, Some(38)).is_err(), "fewer were confirmed");
    assert_eq!((engine.counts().catalog_version, engine.counts().available_items), (1, 40));
    // A tenth goes, one more does not.
    assert_eq!(import(&engine, &file(4, 40), None).unwrap().n_withdrawn, 4);
    assert!(import(&engine, &file(9, 40), None).is_err());
    let changes = import(&engine, "item_id,price,brand\ni4,4.5,b1\ni5,5,b2\n", Some(38)).unwrap();
    assert_eq!((changes.n_unchanged, changes.n_changed, changes.n_withdrawn), (1, 1, 38));
    assert_eq!(preview(one, Some(2)).refused, [""; 0], "it would be imported");
}

#[test]
fn the_first_search_after_a_large_import_waits_for_the_index() {
    // With a token clients may search; without one, people who look through the catalog.
    for token in [Some("token".to_owned()), None] {
        let has_token = token.is_some();
        let folder = tempfile::tempdir().unwrap();
        let engine = open(folder.path());
        let config =
            WorkspaceConfig { private_token: token, ..WorkspaceConfig::empty(engine.id().clone()) };
        engine.submit_blocking(vec![Entry::Configured(config)]).unwrap();
        // An index that knows of no item, as a server has it from its start on.
        engine.refresh();
        import(&engine, &file(0, 3_000), None).unwrap();
        let request = RecommendationRequest {
            search_query: Some("b1".to_owned()),
            missing: MissingEntities::Ignored,
            ..RecommendationRequest::new(Endpoint::SearchItems, 5)
        };
        let found = std::thread::scope(|scope| {
            // Late enough that the search has begun.
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(200));
                engine.refresh();
            });
            engine.request_recommendations(&request, &Arc::new(RequestBudget::unlimited()))
        });
        let found = found.map(|found| found.recommended.len()).map_err(|error| error.to_string());
        assert_eq!(found, Ok(5), "with a token: {has_token}");
    }
}

#[test]
fn a_version_comes_back_as_it_was_also_without_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    import(&engine, &file(0, 5), None).unwrap();
    put(&engine, "home", r#""filter": "'price' > 2""#);
    let before = list(&engine, "home");
    assert_eq!(before, "i2 i3 i4");
    import(&engine, "item_id,price\nwrong,9\n", Some(5)).unwrap();
    assert_eq!(list(&engine, "home"), "wrong");
    engine.activate_catalog(1).unwrap();
    engine.activate_catalog(1).unwrap();
    assert_eq!(list(&engine, "home"), before);
    let versions = |engine: &Engine| {
        engine.catalog_versions().iter().map(|kept| kept.version).collect::<Vec<_>>()
    };
    assert_eq!(versions(&engine), [1, 2]);
    let missing = engine.activate_catalog(7).unwrap_err().to_string();
    insta::assert_snapshot!(missing, @"catalog version 7 is not kept; there are: 1, 2");
    drop(engine);
    fs_err::remove_dir_all(folder.path().join("store")).unwrap();
    let engine = open(folder.path());
    assert_eq!((list(&engine, "home"), versions(&engine)), (before, vec![1, 2]));
}

#[test]
fn a_property_in_use_goes_only_when_somebody_has_confirmed_it_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    import(&engine, "item_id,price,brand,size,title\ni0,1.5,b0,L,A\n", None).unwrap();
    let favourites = TraitDefinition {
        item_type: Some("brand".to_owned()),
        ..TraitDefinition::recommended_items("favourite_brands")
    };
    let config =
        WorkspaceConfig { traits: vec![favourites], ..WorkspaceConfig::empty(engine.id().clone()) };
    engine.submit_blocking(vec![Entry::Configured(config)]).unwrap();
    put(
        &engine,
        "cheap",
        r#""filter": "'price' < 2", "constraint": [{ "property": "brand", "max": 1 }]"#,
    );
    let sizes = SegmentationCommand::Create(Segmentation {
        id: "sizes".to_owned(),
        kind: SegmentationKind::AutoReql { expression: "{'size'}".to_owned() },
        title: None,
        description: None,
    });
    let command = Box::new(Command::Segmentation(sizes));
    engine.submit_blocking(vec![Entry::Command { received_at: engine::now(), command }]).unwrap();

    // Nobody uses the title.
    assert!(import(&engine, "item_id,price,brand,size\ni0,1.5,b0,L\n", None).is_ok());
    let without = "item_id,note\ni0,A\n";
    insta::assert_snapshot!(import(&engine, without, None).unwrap_err(), @r#"the file drops properties that are in use, so nothing was imported: "brand" by scenario "cheap" and trait "favourite_brands"; "price" by scenario "cheap"; "size" by segmentation "sizes": add the columns, or confirm that they go (drop=brand, drop=price, drop=size)"#);
    let dropping = |names: &[&str]| {
        let dropped = names.iter().map(|name| (*name).to_owned()).collect();
        import_confirmed(
            &engine,
            without,
            &ConfirmedRemovals { dropped, ..ConfirmedRemovals::default() },
        )
    };
    let of_one = dropping(&["price", "brand"]).unwrap_err();
    assert!(of_one.contains("size") && !of_one.contains("price"), "{of_one}");
    assert!(dropping(&["price", "brand", "size"]).is_ok());
}

#[test]
fn a_scenario_that_does_not_fit_any_more_goes_on_with_what_does_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    import(&engine, &file(0, 6), None).unwrap();
    put(
        &engine,
        "cheap",
        r#""filter": "'price' < 2", "constraint": [{ "property": "brand", "max": 1 }]"#,
    );
    put(&engine, "new", r#""filter": "'colour' == \"red\"""#);
    let problems =
        |engine: &Engine| engine.problems().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!((list(&engine, "cheap"), problems(&engine).len()), ("i0 i1".to_owned(), 0));
    assert!(
        list(&engine, "new").contains("colour"),
        "it never fitted, and says why: {}",
        list(&engine, "new")
    );

    // A mistake in a new text leaves the old one in force.
    put(
        &engine,
        "cheap",
        r#""filter": "'prize' < 2", "constraint": [{ "property": "brand", "max": 1 }]"#,
    );
    assert_eq!(list(&engine, "cheap"), "i0 i1");
    insta::assert_snapshot!(problems(&engine).join("\n"));
    put(
        &engine,
        "cheap",
        r#""filter": "'price' < 4", "constraint": [{ "property": "brand", "max": 9 }]"#,
    );
    assert_eq!((list(&engine, "cheap"), problems(&engine).len()), ("i0 i1 i2 i3".to_owned(), 0));

    // A file without the columns.
    let without = "item_id,title\ni0,A\ni1,B\ni2,C\ni3,D\ni4,E\ni5,F\n";
    let confirmed = ConfirmedRemovals {
        dropped: vec!["price".to_owned(), "brand".to_owned()],
        ..ConfirmedRemovals::default()
    };
    let options = ImportOptions::default();
    let preview =
        engine.preview_catalog(|| Ok(without.as_bytes()), Format::Csv, &options, &confirmed);
    let preview = preview.unwrap();
    assert_eq!(preview.refused, [""; 0]);
    import_confirmed(&engine, without, &confirmed).unwrap();
    assert_eq!(list(&engine, "cheap"), "i0 i1 i2 i3 i4 i5");
    assert_eq!(preview.scenarios, problems(&engine), "it was said before");
    insta::assert_snapshot!(problems(&engine).join("\n"));
    let told = engine.scenario_problems("cheap");
    drop(engine);
    fs_err::remove_dir_all(folder.path().join("store")).unwrap();
    let engine = open(folder.path());
    assert_eq!(
        (list(&engine, "cheap"), engine.scenario_problems("cheap")),
        ("i0 i1 i2 i3 i4 i5".to_owned(), told)
    );
    assert_eq!(engine.scenario_problems("new"), [""; 0]);

    // As soon as it fits again, it is in force again.
    engine.activate_catalog(1).unwrap();
    assert_eq!((list(&engine, "cheap"), problems(&engine).len()), ("i0 i1 i2 i3".to_owned(), 0));
    let removal = ConfigChange::RemoveScenario { name: "cheap".to_owned() };
    engine.change_config(removal, Expected::Present).unwrap();
    put(&engine, "cheap", r#""filter": "'prize' < 2""#);
    assert!(list(&engine, "cheap").contains("prize"), "it is another one, which never fitted");
}

#[test]
fn a_cancelled_import_leaves_the_old_catalog_also_after_a_stop_in_the_middle() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    import(&engine, &file(0, 40), None).unwrap();
    let cancel_at = |engine: &Engine, share: f64| {
        let text = file(0, 30_000);
        let (file, _) =
            engine.read_catalog(text.as_bytes(), Format::Csv, &ImportOptions::default()).unwrap();
        let told = std::cell::Cell::new(0);
        let progress = |n_done: u64, n_items: u64| {
            told.set(n_done);
            if n_done as f64 >= share * n_items as f64 { Err(engine::Cancelled) } else { Ok(()) }
        };
        let error = engine.import_catalog(file, &ConfirmedRemovals::default(), &progress);
        (error.unwrap_err().to_string(), told.get())
    };
    let is_as_before = |engine: &Engine| {
        let counts = engine.counts();
        assert_eq!((counts.catalog_version, counts.available_items), (1, 40));
        assert_eq!(engine.catalog_versions().len(), 1);
    };
    let why = "the import was cancelled, so nothing was imported".to_owned();
    assert_eq!(cancel_at(&engine, 0.0), (why.clone(), 0));
    let (again, n_done) = cancel_at(&engine, 0.3);
    assert!(again == why && (1..30_000).contains(&n_done), "{n_done}");
    is_as_before(&engine);
    // All is written but the last step.
    assert_eq!(cancel_at(&engine, 1.0), (why, 30_000));
    is_as_before(&engine);
    drop(engine);
    let engine = open(folder.path());
    is_as_before(&engine);
    assert_eq!(import(&engine, &file(0, 60), None).unwrap().n_new, 20);
    assert_eq!(engine.counts().available_items, 60);
}
