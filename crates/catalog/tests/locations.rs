//! Catalogs of locations: what is near a point, and how a file takes the place of another.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use catalog::import::ImportError;
use catalog::{
    Catalog, CatalogFile, Format, ImportOptions, KEYSPACES, LOCATION_KEYSPACES, Locations, Point,
    RowKind, read_file,
};
use domain::{ItemIdx, Timestamp};
use store::Store;
use uuid::Uuid;

const BERLIN: Point = Point { latitude: 52.52, longitude: 13.405 };
const SHOPS: &str = "location_id,latitude,longitude,name\n\
                     potsdam,52.39,13.06,Potsdam\n\
                     7,52.52,13.41,Mitte\n\
                     hamburg,53.55,10.0,Hamburg\n";

fn read(file: &str) -> Result<CatalogFile, ImportError> {
    let options = ImportOptions { rows: RowKind::Locations, ..ImportOptions::default() };
    Ok(read_file(file.as_bytes(), Format::Csv, &options)?.0)
}

struct Opened {
    _folder: tempfile::TempDir,
    store: Store,
}

impl Opened {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let names: Vec<&str> = KEYSPACES.into_iter().chain(LOCATION_KEYSPACES).collect();
        let store = Store::open(folder.path(), &names).unwrap();
        Self { _folder: folder, store }
    }

    fn change(&self, what: impl FnOnce(&mut store::Batch<'_>)) {
        let mut batch = self.store.batch();
        what(&mut batch);
        let position = self.store.position().unwrap() + 1;
        batch.commit(position).unwrap();
    }

    /// Stages a file, and puts it in force unless told otherwise.
    fn import(&self, locations: &mut Locations, name: &str, file: &str, is_ended: bool) {
        let (import, file) = (Uuid::new_v4(), read(file).unwrap());
        self.change(|batch| {
            locations.stage(batch, import, name.to_owned(), file.columns).unwrap();
            assert!(locations.stage_rows(batch, import, file.rows));
            if is_ended {
                assert!(locations.activate(batch, import, Timestamp(1)).unwrap());
            }
        });
    }

    fn load(&self) -> Locations {
        Locations::load(&self.store).unwrap()
    }
}

fn near(locations: &Locations, km: f64) -> Vec<String> {
    let near = locations.catalog("shops").unwrap().within(BERLIN, km);
    near.iter().map(|near| format!("{} {:.1}", near.location_id, near.km)).collect()
}

#[test]
fn what_is_within_a_distance_comes_with_the_nearest_first_also_after_a_reload() {
    let opened = Opened::new();
    let mut locations = opened.load();
    opened.import(&mut locations, "shops", SHOPS, true);
    for locations in [&locations, &opened.load()] {
        assert_eq!(near(locations, 5.0), ["7 0.3"]);
        assert_eq!(near(locations, 30.0), ["7 0.3", "potsdam 27.5"]);
        assert_eq!(near(locations, 300.0).len(), 3);
        let shops = locations.catalog("shops").unwrap();
        assert_eq!(shops.values("potsdam").unwrap().len(), 3);
        assert!(shops.values("bonn").is_none());
        assert_eq!(shops.columns().count(), 3);
    }
    // Around the pole and across the date line.
    let point = |latitude, longitude| Point { latitude, longitude };
    assert!(point(89.9, 0.0).km_to(point(89.9, 180.0)) < 23.0);
    assert!(point(0.0, 179.9).km_to(point(0.0, -179.9)) < 23.0);
    let file = "location_id,latitude,longitude\npole,89.9,180\nisland,0,-179.9\n";
    opened.import(&mut locations, "ends", file, true);
    let ends = locations.catalog("ends").unwrap();
    assert_eq!(ends.within(point(89.9, 0.0), 23.0).len(), 1);
    assert_eq!(ends.within(point(0.0, 179.9), 23.0)[0].location_id, "island");
}

#[test]
fn a_catalog_is_replaced_whole_and_an_import_that_does_not_end_changes_nothing() {
    let opened = Opened::new();
    let mut locations = opened.load();
    opened.import(&mut locations, "shops", SHOPS, true);
    let other = "location_id,latitude,longitude\n7,52.5,13.4\n";
    opened.import(&mut locations, "shops", other, false);
    assert_eq!(near(&locations, 300.0).len(), 3);
    let mut locations = opened.load();
    assert_eq!(near(&locations, 300.0).len(), 3);
    opened.import(&mut locations, "shops", other, true);
    assert_eq!(near(&locations, 300.0), ["7 2.2"]);
    // Two more imports that do not end take the room of the first.
    opened.import(&mut locations, "shops", other, false);
    opened.import(&mut locations, "malls", other, false);
    let mut locations = opened.load();
    assert_eq!(near(&locations, 300.0), ["7 2.2"]);
    opened.change(|batch| assert!(locations.remove(batch, "shops").unwrap()));
    let mut locations = opened.load();
    assert!(locations.catalogs().next().is_none());
    opened.change(|batch| assert!(!locations.remove(batch, "shops").unwrap()));
}

#[test]
fn items_are_near_by_the_ids_that_their_property_holds() {
    let opened = Opened::new();
    let mut locations = opened.load();
    opened.import(&mut locations, "shops", SHOPS, true);
    let shops = locations.catalog("shops").unwrap();
    let has = |property: &str, file: &str| {
        let opened = Opened::new();
        let mut items = Catalog::load(&opened.store).unwrap();
        let import = Uuid::new_v4();
        let (file, _) = read_file(file.as_bytes(), Format::Csv, &ImportOptions::default()).unwrap();
        opened.change(|batch| {
            items.stage(batch, import, file.columns).unwrap();
            items.stage_items(batch, import, &file.rows);
            items.activate(batch, import, None, Timestamp(1)).unwrap();
        });
        let near = shops.items_near(items.table(), property, BERLIN, 30.0);
        (0..4).map(|item| near.has(ItemIdx(item))).collect::<Vec<_>>()
    };
    let text = "item_id,shop\na,potsdam\nb,hamburg\nc,\n";
    assert_eq!(has("shop", text), [true, false, false, false]);
    let set = "item_id,shop\na,hamburg|potsdam\nb,hamburg|bonn\nc,7\n";
    assert_eq!(has("shop", set), [true, false, true, false]);
    assert_eq!(has("shop", "item_id,shop\na,7\nb,8\n"), [true, false, false, false]);
    assert_eq!(has("place", text), [false; 4]);
}

#[test]
fn rows_without_a_place_on_earth_refuse_the_file() {
    let wrong = |file: &str| read(file).unwrap_err();
    let error = wrong("item_id,latitude,longitude\na,1,2\n");
    assert_eq!(
        error.to_string(),
        "no column location_id; the file has: item_id, latitude, longitude"
    );
    assert_eq!(
        wrong("id,latitude\na,1\n").to_string(),
        "no column longitude; the file has: latitude"
    );
    let file = "id,latitude,longitude\na,91,2\nb,1,\nc,x,2\na,1,2\nd,1,-180\n";
    let ImportError::Rows(report) = wrong(file) else { unreachable!() };
    let errors = report.errors.iter().map(|error| format!("{}: {}", error.row, error.detail));
    assert_eq!(
        errors.collect::<Vec<_>>(),
        [
            "2: latitude is 91, it must be -90 to 90",
            "3: longitude is empty",
            "4: column \"latitude\" is double, the value is \"x\"",
            "4: latitude is empty",
            "5: \"a\" is in an earlier row"
        ]
    );
    assert_eq!(report.n_items, 1);
}
