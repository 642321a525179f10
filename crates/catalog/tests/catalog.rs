//! Files become versions, versions become current whole, and messages make items.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use catalog::{Catalog, Format, ImportOptions, KEYSPACES, NamedBy, read_file};
use domain::{ItemIdx, Timestamp};
use store::Store;

/// The rows or the report of a file, as text.
fn check(format: Format, file: &str, declared: &[(&str, &str)], skip_invalid: bool) -> String {
    let types = declared.iter().map(|(name, type_)| ((*name).to_owned(), type_.parse().unwrap())).collect();
    match read_file(file.as_bytes(), format, &ImportOptions { types, skip_invalid }) {
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
            format!("{}\n{}invalid {}\n", columns.join(", "), rows.collect::<String>(), report.n_invalid)
        }
        Err(catalog::import::ImportError::Rows(report)) => {
            let lines =
                report.errors.iter().map(|e| format!("  row {}: {}: {}\n", e.row, e.reason, e.detail));
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
    insta::assert_snapshot!(check(Format::Csv, file, &[("code", "int"), ("stock", "double")], false));
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
    insta::assert_snapshot!(check(Format::Csv, "", &[], false), @"refused: no column item_id; the file has:");
    let unclosed = check(Format::Csv, "item_id,title\na,\"open\nb,x\n", &[], false);
    insta::assert_snapshot!(unclosed, @"refused: row 2: a quote is opened and never closed");
    let empty = check(Format::Csv, "item_id,title\n", &[], false);
    insta::assert_snapshot!(empty, @"refused: the file has no items: a catalog without any would withdraw all there are");
}

#[test]
fn json_lines() {
    let file = "{\"item_id\":\"a\",\"price\":1,\"tags\":[\"x\"],\"new\":true}\n\n\
                {\"id\":7,\"price\":2.5,\"title\":\"T\",\"new\":null}\n\
                {\"item_id\":\"c\",\"price\":\"cheap\"}\n[1]\n{\"price\":3}\n";
    insta::assert_snapshot!(check(Format::JsonLines, file, &[], false));
    insta::assert_snapshot!(check(Format::JsonLines, file, &[], true));
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
        self.catalog.item_of_message(&mut batch, item_id, by);
        batch.commit(0).unwrap();
    }

    fn import(&mut self, file: &str, activate: bool) {
        let (file, _) = read_file(file.as_bytes(), Format::Csv, &ImportOptions::default()).unwrap();
        let mut batch = self.store.batch();
        self.catalog.stage(&mut batch, file.columns);
        self.catalog.stage_items(&mut batch, &file.rows);
        if activate {
            assert!(self.catalog.activate(&mut batch, Timestamp(9)).unwrap());
        }
        batch.commit(0).unwrap();
    }

    /// Each item with its properties, those that may not be recommended in brackets; the same after a reload.
    fn picture(&self) -> String {
        let picture = |catalog: &Catalog| {
            let items = (0..catalog.n_items() as u32).map(ItemIdx).map(|item| {
                let properties = catalog.table().values(item.0);
                let shown: Vec<String> =
                    properties.iter().map(|(name, value)| format!("{name}={}", value.to_json())).collect();
                let line = format!("{} {}", catalog.item_id(item), shown.join(" "));
                if catalog.is_available(item) { line.trim().to_owned() } else { format!("({})", line.trim()) }
            });
            let lines: Vec<String> = items.collect();
            assert_eq!(lines.iter().filter(|line| !line.starts_with('(')).count(), catalog.n_available());
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
