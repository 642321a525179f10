//! What there is of segmentations and synonyms.

use state::{Segmentation, Synonym};

use crate::Engine;

impl Engine {
    /// All segmentations in the order of their ids.
    pub fn segmentations(&self) -> Vec<Segmentation> {
        self.shared.views.read().segmentations.all().cloned().collect()
    }

    /// The segmentation of an id.
    pub fn segmentation(&self, id: &str) -> Option<Segmentation> {
        self.shared.views.read().segmentations.get(id).cloned()
    }

    /// All synonyms, oldest first.
    pub fn synonyms(&self) -> Vec<Synonym> {
        self.synonyms_page(0, usize::MAX)
    }

    /// At most `count` synonyms, oldest first, after the first `offset`.
    pub fn synonyms_page(&self, offset: usize, count: usize) -> Vec<Synonym> {
        let views = self.shared.views.read();
        views.synonyms.all().skip(offset).take(count).cloned().collect()
    }
}
