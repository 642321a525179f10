//! The built-in mappings: files in `presets`, in numbered sets. Each set contains the ones before
//! it. The configuration of a workspace has the number of its set, so that a replay maps each
//! message as it was mapped first.
//!
//! Set 1: the fourteen mappings of the recommender destination, under its names. Set 2: weak
//! signals, which only our own engine knows.
//!
//! For our own engine, presets of pages and screens match only those with a name: views without one
//! are common and refer to no item, so they are no mistake.

use std::sync::{Arc, LazyLock};

use domain::PRESETS_LATEST;

use crate::action::engine_actions;
use crate::mapping::Mapping;
use crate::mappings::Mappings;
use crate::value::{Object, Value};

const FILES: [&str; 16] = [
    include_str!("../presets/page-viewed.json"),
    include_str!("../presets/product-viewed.json"),
    include_str!("../presets/product-added.json"),
    include_str!("../presets/product-removed.json"),
    include_str!("../presets/order-completed.json"),
    include_str!("../presets/product-added-to-wishlist.json"),
    include_str!("../presets/product-removed-from-wishlist.json"),
    include_str!("../presets/product-shared.json"),
    include_str!("../presets/video-playback-started.json"),
    include_str!("../presets/video-content-playing.json"),
    include_str!("../presets/video-playback-paused.json"),
    include_str!("../presets/video-playback-completed.json"),
    include_str!("../presets/screen-viewed.json"),
    include_str!("../presets/alias.json"),
    include_str!("../presets/product-clicked.json"),
    include_str!("../presets/product-list-viewed.json"),
];

struct Presets {
    /// All of them, for our own engine.
    all: Mappings,
    /// The number of the set that added each.
    set_of: Vec<u32>,
    /// The sets from 0 on, with those before them.
    in_set: Vec<Arc<Mappings>>,
    /// For a recommender destination.
    recommender: Mappings,
}

fn load() -> &'static Presets {
    static PRESETS: LazyLock<Presets> = LazyLock::new(|| {
        let files = FILES.map(read);
        let collect = |is_in: &dyn Fn(u32) -> bool| {
            let chosen = files.iter().filter(|file| is_in(file.set));
            Mappings::new(chosen.map(|file| file.engine.clone()).collect())
        };
        let sets = || 0..=PRESETS_LATEST;
        let recommender = files.iter().filter(|file| file.set == 1);
        Presets {
            all: collect(&|_| true),
            set_of: files.iter().map(|file| file.set).collect(),
            in_set: sets().map(|set| Arc::new(collect(&|other| other <= set))).collect(),
            recommender: Mappings::new(recommender.map(|file| file.original.clone()).collect()),
        }
    });
    &PRESETS
}

/// All presets for our own engine, in the order of their sets.
pub fn presets() -> &'static Mappings {
    &load().all
}

/// The presets of a numbered set, including those of lower sets.
pub fn presets_in_set(set: u32) -> &'static Arc<Mappings> {
    &load().in_set[set.min(PRESETS_LATEST) as usize]
}

/// The fourteen presets of the recommender destination, with its triggers.
pub fn recommender_presets() -> &'static Mappings {
    &load().recommender
}

/// The number of the set that added a preset.
pub(crate) fn set_of(name: &str) -> Option<u32> {
    let place = presets().iter().position(|preset| preset.name == name)?;
    load().set_of.get(place).copied()
}

/// A preset as the original and as our own engine has it.
struct File {
    set: u32,
    original: Mapping,
    engine: Mapping,
}

fn read(json: &str) -> File {
    let value = Value::from_json(json).expect("the files of presets are JSON").into_owned();
    let Value::Object(mut object) = value else { panic!("a preset is an object: {json}") };
    let set = object.remove("set").and_then(|set| set.as_number()).expect("a preset has a set");
    let engine_trigger = object.remove("engine_trigger");
    let original = read_mapping(object.clone());
    if let Some(trigger) = engine_trigger {
        object.set("trigger", trigger);
    }
    File { set: set as u32, original, engine: read_mapping(object) }
}

fn read_mapping(object: Object<'static>) -> Mapping {
    Mapping::from_value(engine_actions(), Value::Object(object))
        .unwrap_or_else(|problems| panic!("a preset is wrong: {problems:?}"))
}
