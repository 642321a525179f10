#![doc = include_str!("../README.md")]

pub mod catalog_files;
mod closeness;
mod edits;
pub mod entries;
pub mod expressions;
pub mod journals;
pub mod mappings;
pub mod messages;
pub mod mutation;
pub mod senders;
pub mod signatures;
pub mod templates;

use std::path::PathBuf;

/// One fuzz target.
#[derive(Clone, Copy)]
pub struct Body {
    /// The name on the command line and of the corpus folder.
    pub name: &'static str,
    /// Checks one input; panics where an invariant is violated.
    pub run: fn(&[u8]),
    /// Creates inputs that depend on the current version of a format.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Texts that mutations insert.
    pub dictionary: &'static [&'static str],
}

/// Every target.
pub const BODIES: [Body; 9] = [
    Body {
        name: "expressions",
        run: expressions::run,
        seeds: Vec::new,
        dictionary: expressions::DICTIONARY,
    },
    Body { name: "journal", run: journals::run, seeds: journals::seeds, dictionary: &[] },
    Body { name: "entries", run: entries::run, seeds: entries::seeds, dictionary: &[] },
    Body {
        name: "messages",
        run: messages::run,
        seeds: Vec::new,
        dictionary: messages::DICTIONARY,
    },
    Body {
        name: "catalog",
        run: catalog_files::run,
        seeds: Vec::new,
        dictionary: catalog_files::DICTIONARY,
    },
    Body {
        name: "mappings",
        run: mappings::run,
        seeds: Vec::new,
        dictionary: messages::DICTIONARY,
    },
    Body {
        name: "signatures",
        run: signatures::run,
        seeds: Vec::new,
        dictionary: signatures::DICTIONARY,
    },
    Body { name: "senders", run: senders::run, seeds: Vec::new, dictionary: senders::DICTIONARY },
    Body {
        name: "templates",
        run: templates::run,
        seeds: Vec::new,
        dictionary: templates::DICTIONARY,
    },
];

/// The folder of the kept corpora.
pub fn corpus_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

impl Body {
    /// The seeds and the kept inputs of a corpus folder, in the order of their names.
    ///
    /// # Errors
    ///
    /// When the folder of this body exists and cannot be read.
    pub fn load_corpus(&self, folder: &std::path::Path) -> std::io::Result<Vec<Vec<u8>>> {
        let mut inputs = (self.seeds)();
        let own = folder.join(self.name);
        if own.exists() {
            let entries = fs_err::read_dir(own)?.collect::<Result<Vec<_>, _>>()?;
            let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
            paths.sort();
            for path in paths {
                inputs.push(fs_err::read(path)?);
            }
        }
        if inputs.is_empty() {
            inputs.push(Vec::new());
        }
        Ok(inputs)
    }
}
