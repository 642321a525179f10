//! Files become versions, versions are activated atomically, and messages create items.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use catalog::{
    Catalog, CatalogFile, Format, ImportOptions, KEYSPACES, NamedBy, STAGED_VERSIONS_MAX, read_file,
};
use domain::{ItemIdx, Timestamp};
use store::{Read, Store};
use uuid::Uuid;

/// The rows or the report of a file, as text.
fn check(format: Format, file: &str, declared: &[(&str, &str)], skip_invalid: bool) -> String {
    let types =
        declared.iter().map(|(name, type_)| ((*name).to_owned(), type_.parse().unwrap())).collect();
    match read_file(
        file.as_bytes(),
        format,
        &ImportOptions { types, skip_invalid, ..ImportOptions::default() },
    ) {
        Ok((file, report)) => {
            let columns: Vec<String> =
                file.columns.iter().map(|c| format!("{}: {}", c.name, c.type_)).collect();
            let rows = file.rows.iter().map(|row| {
                let values: Vec<String> = row
                    .values
                    .iter()
                    .map(|v| v.as_ref().map_or("-".into(), |v| v.to_json().to_string()))
                    .collect();
                format!("{}  {}\n", row.item_id, values.join("  "))
            });
            format!(
                "{}\n{}invalid {}\n",
                columns.join(", "),
                rows.collect::<String>(),
                report.n_invalid
            )
        }
        Err(catalog::import::ImportError::Rows(report)) => {
            let lines = report
                .errors
                .iter()
                .map(|e| format!("  row {}: {}: {}\n", e.row, e.reason, e.detail));
            format!(
                "refused, {} of {} wrong {:?}\n{}",
                report.n_invalid,
                report.n_rows,
                report.reasons,
                lines.collect::<String>()
            )
        }
        Err(error) => format!("refused: {error}\n"),
    }
}

#[test]
fn csv_types_are_inferred_or_declared() {
    let file = "item_id,title,price,stock,sale,since,tags,code\n\
                a,\"One, two\",1.5,3,true,2020-01-02,x|y,007\n\
                b,Zwei,2,,false,2021-03-04T05:06:07Z,,12\n\
                c,,,-4,,,z,\n";
    insta::assert_snapshot!(check(Format::Csv, file, &[], false));
    insta::assert_snapshot!(check(
        Format::Csv,
        file,
        &[("code", "int"), ("stock", "double")],
        false
    ));
}

#[test]
fn feeds_for_google_merchant_are_read_as_rss_and_as_atom() {
    let rss = r#"<?xml version="1.0"?>
        <rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel><title>Shop</title>
        <item>
            <g:id>lamp</g:id><title>Lamp &amp; <![CDATA[shade | oak]]></title>
            <link>https://shop.example/lamp</link><g:price>19.90 EUR</g:price>
            <g:additional_image_link>https://shop.example/1.jpg</g:additional_image_link>
            <g:additional_image_link>https://shop.example/2.jpg</g:additional_image_link>
            <g:shipping><g:country>DE</g:country><g:price>4.90 EUR</g:price></g:shipping>
        </item>
        <item><g:id>007</g:id><title>&#68;esk</title><g:price>120 EUR</g:price></item>
        </channel></rss>"#;
    insta::assert_snapshot!(check(Format::GoogleMerchant, rss, &[], false));
    let atom = r#"<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0">
        <title>Shop</title><entry><g:id>a</g:id><link href="https://shop.example/a?b=1&amp;c=2"/>
        <summary/></entry><entry><title>no id</title></entry><entry><g:id>a</g:id></entry></feed>"#;
    insta::assert_snapshot!(check(Format::GoogleMerchant, atom, &[], false));
    let refused = |xml: &str| check(Format::GoogleMerchant, xml, &[], false);
    let cut = refused("<rss><channel><item><g:id>a</g:id>\n</item><item><g:id>b");
    let crossed = refused("<rss><channel>\n<item></channel></item></rss>");
    let unknown = refused("<rss><item><g:id>&shop;</g:id></item></rss>");
    let page = refused("<html><body>Not found</body></html>");
    let deep = refused(&"<a>".repeat(100_000));
    let large = format!("<rss><item><g:id>a</g:id><t>{}</t></item></rss>", "x".repeat(300_000));
    let all = [cut, crossed, unknown, page, deep, refused(&large), refused("")];
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn wrong_rows_are_named_and_refuse_the_file_or_are_skipped() {
    let file = "item_id,price\na,1\n,2\na,3\nb,4,5\nc,cheap\n\"multi\nline\",6\nd,x\n";
    insta::assert_snapshot!(check(Format::Csv, file, &[("price", "double")], false));
    insta::assert_snapshot!(check(Format::Csv, file, &[("price", "double")], true));
    let no_id = check(Format::Csv, "sku,price\na,1\n", &[], false);
    insta::assert_snapshot!(no_id, @"refused: no column item_id; the file has: sku, price");
    let unknown = check(Format::Csv, "item_id,price\na,1\n", &[("prize", "int")], false);
    insta::assert_snapshot!(unknown, @r#"refused: a type is declared for column "prize", the file has: price"#);
    insta::assert_snapshot!(check(Format::Csv, "", &[], false), @"refused: the file is empty: its first line names the columns, one of them item_id");
    let unclosed = check(Format::Csv, "item_id,title\na,\"open\nb,x\n", &[], false);
    insta::assert_snapshot!(unclosed, @"refused: row 2: a quote is opened and never closed");
    let empty = check(Format::Csv, "item_id,title\n", &[], false);
    insta::assert_snapshot!(empty, @"refused: the file has no items: a catalog without any would withdraw all there are");
}

#[test]
fn a_refusal_says_what_helps() {
    let refused = |file: &str, skip_invalid| {
        let options = ImportOptions { skip_invalid, ..ImportOptions::default() };
        read_file(file.as_bytes(), Format::Csv, &options).unwrap_err().to_string()
    };
    for empty in ["", "\n", "\n\n"] {
        assert!(refused(empty, false).contains("the file is empty"), "{}", refused(empty, false));
    }
    assert!(refused("id_of_item,price\nx,1\n", false).contains("the file has: id_of_item, price"));
    let (none_good, one_good) = ("item_id,price\n,1\n", "item_id,price\n,1\nx,2\n");
    assert!(!refused(none_good, true).contains("skip_invalid"), "{}", refused(none_good, true));
    assert!(refused(one_good, false).contains("skip_invalid"), "{}", refused(one_good, false));
}

#[test]
fn json_lines() {
    let file = "{\"item_id\":\"a\",\"price\":1,\"tags\":[\"x\"],\"new\":true}\n\n\
                {\"id\":7,\"price\":2.5,\"title\":\"T\",\"new\":null}\n\
                {\"item_id\":\"c\",\"price\":\"cheap\"}\n[1]\n{\"price\":3}\n";
    insta::assert_snapshot!(check(Format::JsonLines, file, &[], false));
    insta::assert_snapshot!(check(Format::JsonLines, file, &[], true));
}

#[test]
fn a_column_keeps_its_type_and_what_does_not_fit_is_named_cell_by_cell() {
    let check = |file: &str, declared: &[(&str, &str)], skip_invalid, allow_bad_cells| {
        let types = |pairs: &[(&str, &str)]| -> std::collections::BTreeMap<_, _> {
            pairs.iter().map(|(name, type_)| ((*name).to_owned(), type_.parse().unwrap())).collect()
        };
        let (types, known) = (types(declared), types(&[("price", "double"), ("tags", "set")]));
        let options =
            ImportOptions { types, known, skip_invalid, allow_bad_cells, ..Default::default() };
        let read = read_file(file.as_bytes(), Format::Csv, &options);
        let report = |report: &catalog::ImportReport| {
            let cells = report
                .errors
                .iter()
                .map(|error| format!("{}:{}", error.row, error.column.as_deref().unwrap_or("-")));
            format!(
                "{} wrong, {} bad cells: {}",
                report.n_invalid,
                report.n_bad_cells,
                cells.collect::<Vec<_>>().join(" ")
            )
        };
        match read {
            Ok((file, told)) => {
                let types: Vec<_> =
                    file.columns.iter().map(|column| column.type_.to_string()).collect();
                format!("{} items, {}; {}", file.rows.len(), types.join(" "), report(&told))
            }
            Err(error @ catalog::import::ImportError::Rows(_)) => {
                let catalog::import::ImportError::Rows(told) = &error else { unreachable!() };
                format!("{error}; {}", report(told))
            }
            Err(error) => error.to_string(),
        }
    };
    let file = "item_id,price,tags,size\na,1,x,1\nb,n/a,x|y,2\n,3,z,3\nc,4,z,4\nd,?,z,5\n";
    insta::assert_snapshot!(check(file, &[], false, false), @"3 of 5 rows are invalid, so nothing was imported: correct the file, skip invalid rows (skip_invalid), import bad cells as empty (allow_bad_cells), or declare another type for a column (type=COLUMN=TYPE); 3 wrong, 2 bad cells: 3:price 4:- 6:price");
    insta::assert_snapshot!(check(file, &[], true, false), @"2 items, double set int; 3 wrong, 2 bad cells: 3:price 4:- 6:price");
    insta::assert_snapshot!(check(file, &[], true, true), @"4 items, double set int; 1 wrong, 2 bad cells: 3:price 4:- 6:price");
    insta::assert_snapshot!(check(file, &[("price", "string")], true, false), @"4 items, string set int; 1 wrong, 0 bad cells: 4:-");
    // Whole numbers do not turn prices into whole numbers, and a new column may be empty.
    assert!(
        check("item_id,price,tags\na,1,\nb,2,\n", &[], false, false)
            .starts_with("2 items, double set;")
    );
    // For a new property, one value of many does not turn numbers into texts; leading zeros do.
    let column = |last: &str| {
        (0..20).fold("item_id,new\n".to_owned(), |file, n| file + &format!("i{n},{n}.5\n"))
            + "z,"
            + last
            + "\n"
    };
    assert!(
        check(&column("n/a"), &[], false, true)
            .starts_with("21 items, double; 0 wrong, 1 bad cells: 22:new")
    );
    assert!(check(&column("n/a"), &[], false, false).starts_with("1 of 21 rows is invalid"));
    assert!(
        check(&column("007"), &[], false, false)
            .starts_with("21 items, string; 0 wrong, 0 bad cells")
    );
}

#[test]
fn semicolons_and_tabs_separate_as_commas_do() {
    let rows = |separator: &str| {
        let file = "item_id,title,price\na,\"One; two, three\",1.5\nb,Zwei,2\n";
        let (header, rest) = file.split_once('\n').unwrap();
        let rest = rest
            .replacen("a,", &format!("a{separator}"), 1)
            .replace(",1.5", &format!("{separator}1.5"));
        let rest = rest.replace("b,Zwei,", &format!("b{separator}Zwei{separator}"));
        check(Format::Csv, &format!("{}\n{rest}", header.replace(',', separator)), &[], false)
    };
    assert!(
        rows(",").starts_with("title: string, price: double\na  \"One; two, three\"  1.5"),
        "{}",
        rows(",")
    );
    assert_eq!((rows(";"), rows("\t")), (rows(","), rows(",")));
}

struct House {
    store: Store,
    catalog: Catalog,
    _folder: tempfile::TempDir,
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), &KEYSPACES).unwrap();
        Self { catalog: Catalog::load(&store).unwrap(), store, _folder: folder }
    }

    fn message(&mut self, item_id: &str) {
        self.name(item_id, NamedBy::Action);
    }

    fn name(&mut self, item_id: &str, by: NamedBy) {
        let mut batch = self.store.batch();
        self.catalog.get_or_create_named_item(&mut batch, item_id, by);
        batch.commit(0).unwrap();
    }

    fn import(&mut self, file: &str, activate: bool) {
        let (file, _) = read_file(file.as_bytes(), Format::Csv, &ImportOptions::default()).unwrap();
        let mut batch = self.store.batch();
        self.catalog.stage(&mut batch, Uuid::nil(), file.columns).unwrap();
        assert!(self.catalog.stage_items(&mut batch, Uuid::nil(), &file.rows));
        if activate {
            assert!(self.catalog.activate(&mut batch, Uuid::nil(), None, Timestamp(9)).unwrap());
        }
        batch.commit(0).unwrap();
    }

    /// Each item with its properties, those that may not be recommended in brackets; the same after
    /// a reload.
    fn picture(&self) -> String {
        let picture = |catalog: &Catalog| {
            let items = (0..catalog.n_items() as u32).map(ItemIdx).map(|item| {
                let properties = catalog.table().values(item.0);
                let shown: Vec<String> = properties
                    .iter()
                    .map(|(name, value)| format!("{name}={}", value.to_json()))
                    .collect();
                let line = format!("{} {}", catalog.item_id(item), shown.join(" "));
                if catalog.is_available(item) {
                    line.trim().to_owned()
                } else {
                    format!("({})", line.trim())
                }
            });
            let lines: Vec<String> = items.collect();
            assert_eq!(
                lines.iter().filter(|line| !line.starts_with('(')).count(),
                catalog.n_available()
            );
            lines.join("; ")
        };
        let picture_now = picture(&self.catalog);
        assert_eq!(picture(&Catalog::load(&self.store).unwrap()), picture_now);
        picture_now
    }
}

#[test]
fn versions_switch_whole() {
    let mut house = House::new();
    house.message("a");
    house.message("b");
    assert_eq!(house.picture(), "a; b");
    house.import("item_id,price\na,1\nc,2\n", false);
    assert_eq!(house.picture(), "a; b; (c)");
    house.import("item_id,price\na,1\nc,2\n", true);
    assert_eq!(house.picture(), "a price=1; b; c price=2");
    house.import("item_id,title\nc,C\nd,D\n", true);
    assert_eq!(house.picture(), r#"(a); b; c title="C"; d title="D""#);
    // A message does not bring back what was withdrawn, and an unfinished import changes nothing.
    house.message("a");
    house.import("item_id,title\na,A\n", false);
    assert_eq!(house.picture(), r#"(a); b; c title="C"; d title="D""#);
}

/// Runs one step of an import in its own batch, on a newly loaded catalog.
fn step<T>(house: &mut House, step: impl FnOnce(&mut Catalog, &mut store::Batch<'_>) -> T) -> T {
    house.catalog = Catalog::load(&house.store).unwrap();
    let mut batch = house.store.batch();
    let result = step(&mut house.catalog, &mut batch);
    batch.commit(0).unwrap();
    result
}

fn read(file: &str) -> CatalogFile {
    read_file(file.as_bytes(), Format::Csv, &ImportOptions::default()).unwrap().0
}

#[test]
fn imports_that_are_under_way_together_do_not_mix() {
    let mut house = House::new();
    let files = ["item_id,price\na,1\nb,2\n", "item_id,title\nb,B\nc,C\n"].map(read);
    let ids = [Uuid::from_u128(1), Uuid::from_u128(2)];
    for (id, file) in ids.iter().zip(&files) {
        step(&mut house, |catalog, batch| catalog.stage(batch, *id, file.columns.clone()).unwrap());
    }
    for n in 0..2 {
        for (id, file) in ids.iter().zip(&files) {
            let row = std::slice::from_ref(&file.rows[n]);
            assert!(step(&mut house, |catalog, batch| catalog.stage_items(batch, *id, row)));
        }
    }
    let activate = |house: &mut House, id: Uuid| {
        step(house, |catalog, batch| catalog.activate(batch, id, None, Timestamp(9)).unwrap())
    };
    assert!(activate(&mut house, ids[1]));
    assert_eq!(house.picture(), r#"(a); b title="B"; c title="C""#);
    assert!(activate(&mut house, ids[0]));
    assert_eq!(house.picture(), "a price=1; b price=2; (c)");
    assert!(!activate(&mut house, ids[0]), "it is no longer under way");
    let versions: Vec<u32> =
        house.catalog.versions().iter().map(|version| version.version).collect();
    assert_eq!(versions, [1, 2], "the one that began last was activated first");
}

#[test]
fn the_import_that_began_first_is_given_up_for_one_too_many_and_leaves_nothing() {
    let mut house = House::new();
    let file = read("item_id,price\na,1\n");
    let n_pairs = |house: &House| -> usize {
        KEYSPACES
            .iter()
            .map(|name| house.store.scan(&house.store.keyspace(name), &[]).count())
            .sum()
    };
    let begin = |house: &mut House, n: usize| {
        let id = Uuid::from_u128(n as u128);
        step(house, |catalog, batch| {
            catalog.stage(batch, id, file.columns.clone()).unwrap();
            catalog.stage_items(batch, id, &file.rows)
        });
    };
    (0..STAGED_VERSIONS_MAX).for_each(|n| begin(&mut house, n));
    let n_before = n_pairs(&house);
    // A repeated import replaces its earlier attempt.
    begin(&mut house, 1);
    begin(&mut house, STAGED_VERSIONS_MAX);
    assert_eq!(n_pairs(&house), n_before);
    let is_under_way = |house: &mut House, n: usize| {
        let id = Uuid::from_u128(n as u128);
        step(house, |catalog, batch| catalog.stage_items(batch, id, &file.rows))
    };
    let under_way: Vec<usize> =
        (0..=STAGED_VERSIONS_MAX).filter(|n| is_under_way(&mut house, *n)).collect();
    assert_eq!(under_way, (1..=STAGED_VERSIONS_MAX).collect::<Vec<_>>());
    // The numbers of removed versions are not reused.
    for n in (1..=STAGED_VERSIONS_MAX).rev() {
        let id = Uuid::from_u128(n as u128);
        assert!(step(&mut house, |catalog, batch| catalog
            .activate(batch, id, None, Timestamp(9))
            .unwrap()));
    }
    let last = house.catalog.last_version();
    begin(&mut house, 9);
    assert_eq!((last, house.catalog.last_version()), (6, 7));
}

#[test]
fn two_versions_back_are_kept_as_they_were_left() {
    let mut house = House::new();
    let activate = |house: &mut House, version| {
        let mut batch = house.store.batch();
        let is_there = house.catalog.activate_previous(&mut batch, version, Timestamp(10)).unwrap();
        batch.commit(0).unwrap();
        is_there
    };
    let versions = |house: &House| {
        let versions = |catalog: &Catalog| -> Vec<(u32, u64)> {
            catalog.versions().iter().map(|version| (version.version, version.n_items)).collect()
        };
        let now = versions(&house.catalog);
        assert_eq!(versions(&Catalog::load(&house.store).unwrap()), now);
        now
    };
    house.import("item_id,price\na,1\nb,2\n", true);
    let mut batch = house.store.batch();
    let six = domain::PropertyValue::Int(6);
    house.catalog.set(&mut batch, "c", &[("price", Some(six))], Timestamp(9));
    batch.commit(0).unwrap();
    house.import("item_id,title\nwrong,Wrong\n", true);
    assert_eq!(house.picture(), r#"(a); (b); (c); wrong title="Wrong""#);
    assert_eq!(versions(&house), [(2, 1), (1, 3)]);
    let is_activated = activate(&mut house, 1);
    assert!(is_activated);
    assert_eq!(house.picture(), "a price=1; b price=2; c price=6; (wrong)");
    assert_eq!(versions(&house), [(1, 3), (2, 1)], "and the way forward is open");
    // An item that was deleted meanwhile stays deleted in every version.
    let mut batch = house.store.batch();
    house.catalog.delete(&mut batch, house.catalog.item("a").unwrap());
    let deleted = house.catalog.item("wrong").unwrap();
    house.catalog.delete(&mut batch, deleted);
    batch.commit(0).unwrap();
    activate(&mut house, 2);
    assert_eq!(house.picture(), "(a); (b); (c); (wrong)");
    activate(&mut house, 1);
    assert_eq!(house.picture(), "(a); b price=2; c price=6; (wrong)");

    for n in 3..6 {
        house.import(&format!("item_id,n\nb,{n}\n"), true);
    }
    assert_eq!(versions(&house), [(5, 1), (4, 1), (3, 1)]);
    let is_activated = activate(&mut house, 1);
    assert!(!is_activated, "it is too long ago");
    let n_kept =
        store::Read::scan(&house.store, &house.store.keyspace("catalog.item_values"), &[]).count();
    assert_eq!(n_kept, 3, "nothing is left of versions that are not kept");
}

#[test]
fn pages_are_items_only_where_there_is_no_catalog() {
    let mut house = House::new();
    house.name("Home", NamedBy::Page);
    assert_eq!(house.picture(), "Home");
    house.import("item_id\na\n", true);
    house.name("Checkout", NamedBy::Page);
    house.name("a", NamedBy::Page);
    assert_eq!(house.picture(), "(Home); a; (Checkout)");
    house.message("Home");
    assert_eq!(house.picture(), "Home; a; (Checkout)");
}
