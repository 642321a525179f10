//! What is kept in memory to be fast stays within its budget.

use std::sync::Arc;

use domain::{Column, Endpoint, ListSettings, PropertyType, PropertyValue, WorkspaceId};
use engine::{
    ConfirmedRemovals, Engine, EngineOptions, ListOptions, MemoryBudget, MemoryPart,
    RecommendationRequest, RequestBudget,
};

const MIB: usize = 1_024 * 1_024;
const FILTER_BYTES: usize = 40_000;
/// Small, so that a debug build fills it in seconds.
const BUDGET_BYTES: usize = 64 * MIB;

/// A filter of about 40 kB that no other is like.
fn filter(n: usize) -> String {
    let mut text = format!("'price' > {n}");
    for m in 0.. {
        let term = format!(" or 'price' == {m}");
        if text.len() + term.len() > FILTER_BYTES {
            break;
        }
        text += &term;
    }
    text
}

#[test]
fn a_thousand_long_filters_stay_within_the_budget() {
    let folder = tempfile::tempdir().unwrap();
    let memory = MemoryBudget::new(BUDGET_BYTES);
    let options = EngineOptions { memory: Arc::clone(&memory), ..EngineOptions::default() };
    let id = WorkspaceId::new("shop").unwrap();
    let engine = Engine::open_with(id, folder.path(), &options, &|_, _| {}).unwrap();
    let rows = (0..50).map(|n| catalog::ItemRow {
        item_id: format!("i{n}"),
        values: vec![Some(PropertyValue::Int(n))],
    });
    let columns = vec![Column { name: "price".to_owned(), type_: PropertyType::Int }];
    let file = catalog::CatalogFile { columns, rows: rows.collect(), catalog: None };
    engine.import_catalog(file, &ConfirmedRemovals::default(), &|_, _| Ok(())).unwrap();
    let ask = |n: usize| {
        let settings = ListSettings { filter: Some(filter(n)), ..ListSettings::default() };
        let options = ListOptions { settings, ..ListOptions::default() };
        let request = RecommendationRequest::new(Endpoint::RecommendItemsToUser, 5);
        let budget = Arc::new(RequestBudget::unlimited());
        engine
            .request_recommendations(&RecommendationRequest { options, ..request }, &budget)
            .unwrap();
    };
    let bytes = |part: MemoryPart| memory.bytes_by_part()[part as usize].1;
    let mut most = 0;
    for n in 0..1_000 {
        ask(n);
        most = most.max(bytes(MemoryPart::Expressions));
        let total: usize = memory.bytes_by_part().iter().map(|(_, n_bytes)| n_bytes).sum();
        assert!(total <= BUDGET_BYTES, "{total}");
    }
    // Many times their texts, and all of it counted.
    assert!((BUDGET_BYTES / 8..=BUDGET_BYTES / 4).contains(&most), "{most}");
    ask(999);
    drop(engine);
    assert!(
        memory.bytes_by_part().iter().all(|(_, n_bytes)| *n_bytes == 0),
        "everything is given back"
    );
}
