//! Several catalogs in a workspace: each file takes the place of the items of its own.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use catalog::{Catalog, CatalogFile, Format, ImportOptions, KEYSPACES, NotOffered, read_file};
use domain::{CatalogSettings, ItemIdx, PropertyValue, Timestamp};
use store::Store;
use uuid::Uuid;

struct House {
    store: Store,
    catalog: Catalog,
    _folder: tempfile::TempDir,
}

fn read(catalog: Option<&str>, file: &str) -> CatalogFile {
    let options = ImportOptions { catalog: catalog.map(str::to_owned), ..ImportOptions::default() };
    read_file(file.as_bytes(), Format::Csv, &options).unwrap().0
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), &KEYSPACES).unwrap();
        Self { catalog: Catalog::load(&store).unwrap(), store, _folder: folder }
    }

    fn import(&mut self, catalog: Option<&str>, file: &str) -> bool {
        let (columns, rows) = read(catalog, file).into_staged();
        let (import, mut batch) = (Uuid::new_v4(), self.store.batch());
        self.catalog.stage(&mut batch, import, columns).unwrap();
        self.catalog.stage_items(&mut batch, import, &rows);
        let done = self.catalog.activate(&mut batch, import, catalog, Timestamp(1)).unwrap();
        batch.commit(0).unwrap();
        done
    }

    /// The available items, each with its catalog and its values; the same after a reload.
    fn picture(&self) -> String {
        let picture = |catalog: &Catalog| {
            let items = (0..catalog.n_items() as u32).map(ItemIdx);
            let lines = items.filter(|item| catalog.is_available(*item)).map(|item| {
                let values = catalog.table().values(item.0).into_iter();
                let values: String =
                    values.map(|(name, value)| format!(" {name}={}", value.to_json())).collect();
                format!("{}:{}{values}", catalog.catalog_of(item), catalog.item_id(item))
            });
            lines.collect::<Vec<_>>().join("; ")
        };
        let now = picture(&self.catalog);
        assert_eq!(picture(&Catalog::load(&self.store).unwrap()), now);
        now
    }
}

#[test]
fn a_file_takes_the_place_of_the_items_of_its_catalog_alone() {
    let mut house = House::new();
    assert!(house.import(None, "item_id,price\na,1\nb,2\n"));
    assert!(house.import(Some("music"), "item_id,artist,price\nm,Nina,9\nn,Otis,8\n"));
    let music = "music:m artist=\"Nina\" price=9; music:n artist=\"Otis\" price=8";
    assert_eq!(house.picture(), format!("items:a price=1; items:b price=2; {music}"));
    let counts = house.catalog.count_by_catalog().into_iter().collect::<Vec<_>>();
    assert_eq!(counts, [("items".to_owned(), 2), ("music".to_owned(), 2)]);

    // A column that only other items have stays, one that nothing has any more goes.
    assert!(house.import(None, "item_id,size\nb,7\nc,8\n"));
    let properties: Vec<&str> =
        house.catalog.table().properties().map(|property| property.name.as_str()).collect();
    assert_eq!(properties, ["size", "artist", "price"]);
    assert_eq!(house.picture(), format!("items:b size=7; {music}; items:c size=8"));

    // What is set since is carried as it is, and what is deleted stays so.
    let mut batch = house.store.batch();
    let values = [("price", Some(PropertyValue::Int(5)))];
    let item = house.catalog.set(&mut batch, "m", &values, Timestamp(2));
    assert_eq!(house.catalog.catalog_of(item), "music");
    let deleted = house.catalog.item("n").unwrap();
    house.catalog.delete(&mut batch, deleted);
    batch.commit(0).unwrap();
    assert!(house.import(None, "item_id,size\nb,7\n"));
    assert_eq!(house.picture(), "items:b size=7; music:m artist=\"Nina\" price=5");

    assert!(house.import(Some("music"), "item_id,artist\no,Etta\n"));
    assert_eq!(house.picture(), "items:b size=7; music:o artist=\"Etta\"");
    // A version is all catalogs as they were.
    let (mut batch, version) = (house.store.batch(), house.catalog.versions()[1].version);
    assert!(house.catalog.activate_previous(&mut batch, version, Timestamp(3)).unwrap());
    batch.commit(0).unwrap();
    assert_eq!(house.picture(), "items:b size=7; music:m artist=\"Nina\" price=5");
}

#[test]
fn a_property_has_one_type_in_all_catalogs() {
    let mut house = House::new();
    assert!(house.import(Some("music"), "item_id,price\nm,9\n"));
    assert!(!house.import(None, "item_id,price\na,cheap\n"), "texts beside numbers");
    assert_eq!(house.picture(), "music:m price=9");
    // What was given up is no version, and takes no place of one under way.
    assert_eq!(house.catalog.versions().len(), 1);
    assert!(house.import(None, "item_id,price\na,3\n"));
    assert_eq!(house.picture(), "music:m price=9; items:a price=3");
}

#[test]
fn an_item_is_offered_in_lists_of_its_catalog() {
    let mut house = House::new();
    assert!(house.import(None, "item_id\na\n"));
    let reason = |house: &House, id: &str, of: Option<&str>| {
        let settings = CatalogSettings::default();
        let offered = house.catalog.offered(&settings, Timestamp(9)).of_catalog(of);
        offered.reason_against(house.catalog.item(id).unwrap())
    };
    assert_eq!(reason(&house, "a", Some("items")), None);
    assert_eq!(reason(&house, "a", Some("music")), Some(NotOffered::OtherCatalog));
    assert!(house.import(Some("music"), "item_id\nm\n"));
    assert_eq!([None, Some("items")].map(|of| reason(&house, "a", of)), [None, None]);
    assert_eq!(reason(&house, "m", Some("items")), Some(NotOffered::OtherCatalog));
    assert_eq!([None, Some("music")].map(|of| reason(&house, "m", of)), [None, None]);
    assert_eq!(reason(&house, "m", Some("books")), Some(NotOffered::OtherCatalog));
}

#[test]
fn the_column_of_the_catalog_is_seen_by_nobody_else() {
    let mut house = House::new();
    assert!(house.import(Some("music"), "item_id,price\nm,9\n"));
    let file = read(Some("music"), "item_id,price\nm,9\n");
    let mut changes = catalog::CatalogChanges::from_columns(&house.catalog, &file);
    changes.count(&house.catalog, &file.columns, &file.rows);
    assert!(changes.is_empty(), "{changes:?}");
    let mut batch = house.store.batch();
    assert!(!house.catalog.delete_property(&mut batch, "$catalog"));
    batch.commit(0).unwrap();
    let refused =
        read_file("item_id,$catalog\na,music\n".as_bytes(), Format::Csv, &ImportOptions::default());
    assert!(refused.unwrap_err().to_string().contains("no column can be named"));
}
