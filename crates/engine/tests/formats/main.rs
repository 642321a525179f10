//! Journals that earlier builds wrote: every later build opens them and gives the answers that were recorded.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

mod picture;
mod samples;

use std::path::{Path, PathBuf};

use domain::WorkspaceId;
use engine::{Engine, TrainingOptions};

/// The version of entries that this build writes.
const VERSION: u8 = 5;

fn open(folder: &Path) -> Engine {
    Engine::open(WorkspaceId::new("shop").unwrap(), folder, &|_, _| {}).unwrap()
}

fn fixture(version: u8) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/formats/v{version}.seg"))
}

/// A workspace whose journal is a fixture, with nothing else.
fn unpacked(version: u8) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs_err::create_dir(folder.path().join("journal")).unwrap();
    fs_err::copy(fixture(version), folder.path().join("journal/00000000000000000000.seg")).unwrap();
    folder
}

#[test]
fn a_journal_of_version_5_gives_the_answers_that_its_build_gave() {
    let folder = unpacked(5);
    insta::assert_snapshot!(picture::picture(&open(folder.path())));
}

/// Writes the fixture of the version that this build writes: once, when a version is new.
#[test]
#[ignore = "writes a fixture, which is never written again"]
fn write_fixture() {
    assert!(!fixture(VERSION).exists(), "the fixture of a version stays as it is");
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    for batch in samples::entries().chunks(20) {
        engine.submit_blocking(batch.to_vec()).unwrap();
    }
    engine.train(TrainingOptions::default(), &|_| {}).unwrap();
    assert!(engine.training().unwrap().refused.is_none(), "a model in use belongs to the fixture");
    drop(engine);
    fs_err::copy(folder.path().join("journal/00000000000000000000.seg"), fixture(VERSION)).unwrap();
}
