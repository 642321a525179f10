//! Files of interactions: every format says the same, and dates that cannot be are named.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::{run, write};

const USERS: [&str; 3] = ["u1", "u2", "007"];
const SECONDS: [i64; 3] = [1_600_000_000, 1_600_000_001, 1_600_000_002];
const VALUES: [f64; 3] = [0.5, -1.0, 0.25];

/// The rows as a Parquet file, with times in a unit of which so many are a second.
fn write_parquet(path: &Path, unit: &str, per_second: i64, compression: Compression) {
    let schema = format!(
        "message rows {{
            required binary user_id (UTF8); required binary item_id; required int64 timestamp {unit};
            optional binary kind (UTF8); optional double value; optional boolean note;
        }}"
    );
    let schema = Arc::new(parse_message_type(&schema).unwrap());
    let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
    let file = fs_err::File::create(path).unwrap().into_parts().0;
    let mut writer = SerializedFileWriter::new(file, schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let texts = |texts: [&str; 3]| texts.map(|text| ByteArray::from(text.as_bytes().to_vec()));
    let mut n = 0;
    while let Some(mut column) = group.next_column().unwrap() {
        match n {
            0 => column.typed::<ByteArrayType>().write_batch(&texts(USERS), None, None),
            1 => column.typed::<ByteArrayType>().write_batch(&texts(["a", "b", "c"]), None, None),
            2 => {
                let times = SECONDS.map(|second| second * per_second);
                column.typed::<Int64Type>().write_batch(&times, None, None)
            }
            3 => column.typed::<ByteArrayType>().write_batch(
                &texts(["rating"; 3]),
                Some(&[1; 3]),
                None,
            ),
            4 => column.typed::<DoubleType>().write_batch(&VALUES, Some(&[1; 3]), None),
            _ => {
                column.typed::<parquet::data_type::BoolType>().write_batch(&[], Some(&[0; 3]), None)
            }
        }
        .unwrap();
        column.close().unwrap();
        n += 1;
    }
    group.close().unwrap();
    writer.close().unwrap();
}

#[test]
fn the_same_interactions_come_from_files_of_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let csv = "user_id,item_id,timestamp,kind,value\n\
               u1,a,1600000000,rating,0.5\nu2,b,2020-09-13T12:26:41Z,rating,-1\n007,c,1600000002000,rating,0.25\n";
    write(folder, "plain.csv", csv);
    write(folder, "semicolons.csv", &csv.replace(',', ";"));
    write(folder, "tabs.tsv", &csv.replace(',', "\t"));
    write(
        folder,
        "lines.jsonl",
        "{\"user_id\":\"u1\",\"item_id\":\"a\",\"timestamp\":1600000000,\"kind\":\"rating\",\"value\":0.5,\"note\":[1]}\n\n\
         {\"item_id\":\"b\",\"user_id\":\"u2\",\"timestamp\":\"2020-09-13T12:26:41Z\",\"kind\":\"rating\",\"value\":-1}\n\
         {\"user_id\":\"007\",\"item_id\":\"c\",\"timestamp\":1600000002000,\"kind\":\"rating\",\"value\":0.25}\n",
    );
    let parquet = |name: &str, unit: &str, per_second: i64, compression: Compression| {
        write_parquet(&folder.join(name), unit, per_second, compression);
    };
    parquet("seconds.parquet", "", 1, Compression::UNCOMPRESSED);
    parquet("ms.parquet", "(TIMESTAMP_MILLIS)", 1_000, Compression::SNAPPY);
    parquet(
        "us.parquet",
        "(TIMESTAMP(MICROS,true))",
        1_000_000,
        Compression::ZSTD(Default::default()),
    );
    parquet("ns.parquet", "(TIMESTAMP(NANOS,true))", 1_000_000_000, Compression::SNAPPY);
    let import = |name: &str| {
        run(
            folder,
            &["import", "interactions", name, "--data", "data", "--workspace", "shop", "--json"],
        )
    };
    assert!(import("plain.csv").contains(r#""added":3"#));
    for name in [
        "semicolons.csv",
        "tabs.tsv",
        "lines.jsonl",
        "seconds.parquet",
        "ms.parquet",
        "us.parquet",
        "ns.parquet",
    ] {
        let told = import(name);
        assert!(told.contains(r#""added":0,"already_there":3,"invalid":0"#), "{name}: {told}");
    }
    let mut shown = Vec::new();
    write(folder, "none.parquet", csv);
    write(folder, "list.jsonl", "[1]\n");
    write(
        folder,
        "mixed.jsonl",
        "{\"user_id\":\"u\",\"item_id\":[\"a\"]}\n[1]\n{\"user_id\":7,\"item_id\":null}\n",
    );
    write(folder, "keys.jsonl", "{\"user\":\"u\",\"item_id\":\"a\"}\n");
    parquet("times.parquet", "(TIME(MICROS,true))", 1, Compression::UNCOMPRESSED);
    for name in ["none.parquet", "list.jsonl", "mixed.jsonl", "keys.jsonl", "times.parquet"] {
        shown.push(run(
            folder,
            &["import", "interactions", name, "--data", "data", "--workspace", "shop"],
        ));
    }
    insta::assert_snapshot!(shown.join("\n\n"));
}

#[test]
fn dates_beyond_tomorrow_are_named_and_refuse_a_file_or_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(
        folder,
        "future.csv",
        "user_id,item_id,timestamp\nu,a,1600000000\nu,b,2962-01-01\nu,c,99999999999\nu,d,4102444800\n",
    );
    let import = |more: &[&str]| {
        let arguments =
            ["import", "interactions", "future.csv", "--data", "data", "--workspace", "shop"];
        run(folder, &[&arguments[..], more].concat())
    };
    let refused = import(&[]);
    assert!(!folder.join("data").exists());
    insta::assert_snapshot!(refused);
    let skipped = import(&["--skip-invalid", "--json"]);
    assert!(skipped.contains(r#""added":2"#) && skipped.contains(r#""invalid":2"#), "{skipped}");
    write(folder, "users.csv", "user_id\nu\n");
    let offline = run(
        folder,
        &["offline", "--interactions", "future.csv", "--users", "users.csv", "--out", "o.csv"],
    );
    assert!(
        offline.contains("row 2 on line 3: timestamp is beyond tomorrow: \"2962-01-01\""),
        "{offline}"
    );
}

#[test]
fn interactions_from_a_pipe_are_refused_since_it_can_be_read_only_once() {
    let folder = tempfile::tempdir().unwrap();
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(b"user_id,item_id\nann,lamp-7\n").unwrap();
    drop(writer);
    let output = Command::new(env!("CARGO_BIN_EXE_tastemaker"))
        .args(["import", "interactions", "/dev/stdin", "--data", "data", "--workspace", "shop"])
        .current_dir(folder.path())
        .stdin(reader)
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && error.contains("write the interactions to a file first"),
        "{error}"
    );
    assert!(!folder.path().join("data").exists(), "no workspace is made for it");
}
