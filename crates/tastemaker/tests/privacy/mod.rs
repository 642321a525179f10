//! People's data on the command line.

use super::{run, write};

#[test]
fn a_search_of_nothing_proves_nothing_and_fails() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "ids.txt", "ann-000017\n");
    write(folder, "no-ids.txt", "\n");
    fs_err::create_dir_all(folder.join("empty/journal")).unwrap();
    fs_err::create_dir(folder.join("backup")).unwrap();
    write(folder, "backup/notes.txt", "of nobody");
    let scan = |place: &str, ids: &str| {
        run(folder, &["privacy", "scan", "--folder", place, "--ids-file", ids])
    };
    for (place, ids, why) in [
        ("missing", "ids.txt", "there is nothing to scan: there is no folder missing"),
        ("empty", "ids.txt", "there is nothing to scan: no file is below empty"),
        ("backup", "no-ids.txt", "there is nothing to scan for: the file has no id"),
    ] {
        let said = scan(place, ids);
        assert!(said.starts_with("exit 1") && said.contains(why), "{said}");
    }
    let clean = scan("backup", "ids.txt");
    assert!(clean.starts_with("exit 0") && clean.contains("1 file,"), "{clean}");
    write(folder, "backup/notes.txt", "of ann-000017");
    let found = scan("backup", "ids.txt");
    assert!(found.starts_with("exit 1") && found.contains("notes.txt"), "{found}");
}
