//! Catalogs of locations in the journal, and items near a point.

use catalog::Point;
use domain::{CatalogSettings, ItemIdx};
use engine::LocationsError;

use super::*;

const BERLIN: Point = Point { latitude: 52.52, longitude: 13.405 };

fn import(engine: &Engine, catalog: &str, file: &str) -> Result<(), LocationsError> {
    let options = ImportOptions::default();
    let read = engine.read_locations(catalog, file.as_bytes(), Format::Csv, options);
    engine.import_locations(catalog, read.unwrap().0, &|_, _| Ok(()))
}

fn near(engine: &Engine, km: f64) -> Result<Vec<bool>, String> {
    let views = engine.snapshot();
    let near = views.items_near("shops", BERLIN, km)?;
    Ok((0..2).map(|item| near.has(ItemIdx(item))).collect())
}

#[test]
fn locations_are_there_after_a_restart_and_a_lost_store_and_say_what_is_near() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let items = "item_id,shop\na,mitte\nb,hamburg\n";
    let (file, _) = read_file(items.as_bytes(), Format::Csv, &ImportOptions::default()).unwrap();
    engine.import_catalog(file, &ConfirmedRemovals::default(), &|_, _| Ok(())).unwrap();
    assert!(near(&engine, 5.0).unwrap_err().contains("no catalog of locations \"shops\""));
    // More rows than one entry takes.
    let many = (0..1_200).map(|n| format!("s{n},0,{}\n", f64::from(n) / 10.0));
    let header = "location_id,latitude,longitude\nmitte,52.52,13.41\nhamburg,53.55,10\n";
    import(&engine, "shops", &many.fold(header.to_owned(), |file, row| file + &row)).unwrap();
    assert!(near(&engine, 5.0).unwrap_err().contains("catalog.location_property"));
    let location_property = [("shops".to_owned(), "shop".to_owned())].into();
    let catalog = CatalogSettings { location_property, ..CatalogSettings::default() };
    let config = WorkspaceConfig { catalog, ..(*engine.config()).clone() };
    engine.submit_blocking(vec![Entry::Configured(config)]).unwrap();

    drop(engine);
    let engine = open(folder.path());
    assert_eq!(near(&engine, 5.0).unwrap(), [true, false]);
    drop(engine);
    fs_err::remove_dir_all(folder.path().join("store")).unwrap();
    let engine = open(folder.path());
    assert_eq!(near(&engine, 5.0).unwrap(), [true, false]);
    assert_eq!(near(&engine, 300.0).unwrap(), [true, true]);

    let cancel = |n_done, _| if n_done == 0 { Ok(()) } else { Err(engine::Cancelled) };
    let read = engine.read_locations(
        "shops",
        "location_id,latitude,longitude\nother,1,1\n".as_bytes(),
        Format::Csv,
        ImportOptions::default(),
    );
    engine.import_locations("shops", read.unwrap().0, &cancel).unwrap_err();
    assert_eq!(engine.snapshot().locations.catalog("shops").unwrap().n_locations(), 1_202);
    for n in 0..4 {
        import(&engine, &format!("more{n}"), header).unwrap();
    }
    let error = import(&engine, "too_many", header).unwrap_err().to_string();
    assert!(error.contains("the limit is 5: remove one"), "{error}");
    engine.remove_locations("shops").unwrap();
    assert!(engine.remove_locations("shops").is_err());
}
