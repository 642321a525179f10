//! Which items are offered by what their columns say.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use catalog::{Catalog, Format, ImportOptions, KEYSPACES, NamedBy, NotOffered, read_file};
use domain::{CatalogSettings, Timestamp};
use store::Store;
use uuid::Uuid;

const NOON: &str = "2026-03-01T12:00:00Z";

fn parse(at: &str) -> Timestamp {
    Timestamp::parse(at).unwrap()
}

/// Why each item of a file is not offered, by the settings that name a column after themselves.
fn reasons(file: &str, now: Timestamp) -> Vec<Option<NotOffered>> {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), &KEYSPACES).unwrap();
    let mut catalog = Catalog::load(&store).unwrap();
    let (file, _) = read_file(file.as_bytes(), Format::Csv, &ImportOptions::default()).unwrap();
    let (import, mut batch) = (Uuid::new_v4(), store.batch());
    let ids: Vec<String> = file.rows.iter().map(|row| row.item_id.clone()).collect();
    catalog.stage(&mut batch, import, file.columns).unwrap();
    catalog.stage_items(&mut batch, import, &file.rows);
    catalog.activate(&mut batch, import, None, Timestamp(1)).unwrap();
    let settings = CatalogSettings {
        available: Some("available".to_owned()),
        stock: Some("stock".to_owned()),
        valid_from: Some("from".to_owned()),
        valid_until: Some("until".to_owned()),
        ..CatalogSettings::default()
    };
    let offered = catalog.offered(&settings, now);
    ids.iter().map(|id| offered.reason_against(catalog.item(id).unwrap())).collect()
}

#[test]
fn an_item_is_offered_while_it_is_available_in_stock_and_valid() {
    use NotOffered::{NoLongerValid, NotYetValid, OutOfStock, Unavailable};
    let now = parse(NOON);
    let file = "item_id,available\na,true\nb,false\nc,\n";
    assert_eq!(reasons(file, now), [None, Some(Unavailable), None]);
    let file = "item_id,available\na,in_stock\nb,out_of_stock\nc,Out of stock\nd,preorder\n\
                e,https://schema.org/OutOfStock\n";
    let no = Some(Unavailable);
    assert_eq!(reasons(file, now), [None, no, no, None, no]);
    let file = "item_id,stock\na,3\nb,0\nc,-1\nd,\n";
    assert_eq!(reasons(file, now), [None, Some(OutOfStock), Some(OutOfStock), None]);
    assert_eq!(reasons("item_id,stock\na,0.5\nb,0.0\n", now), [None, Some(OutOfStock)]);
    // A column of another type says nothing, nor does one that is not there.
    assert_eq!(reasons("item_id,stock,available\na,none,1\n", now), [None]);

    let file = format!("item_id,from,until\na,{NOON},\nb,,{NOON}\nc,,\n");
    let at = |ms: i64| reasons(&file, Timestamp(now.0 + ms));
    assert_eq!(at(-1), [Some(NotYetValid), None, None]);
    assert_eq!(at(0), [None, Some(NoLongerValid), None]);
}

/// Lists that were sent are looked at again when the revision is another one.
#[test]
fn the_revision_is_another_one_whenever_an_item_is_turned_off_or_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), &KEYSPACES).unwrap();
    let mut catalog = Catalog::load(&store).unwrap();
    let mut batch = store.batch();
    let item = catalog.get_or_create_named_item(&mut batch, "a", NamedBy::Action);
    let mut revision = catalog.revision();
    for is_on in [false, true, false] {
        catalog.switch_item(&mut batch, item, is_on);
        assert_ne!(catalog.revision(), revision, "{is_on}");
        revision = catalog.revision();
        catalog.switch_item(&mut batch, item, is_on);
        assert_eq!(catalog.revision(), revision, "nothing has changed");
    }
}
