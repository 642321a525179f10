//! Interned texts of a table's values, with reference counts.

use std::num::NonZeroU32;
use std::sync::Arc;

use reql::TextId;
use rustc_hash::FxHashMap;

/// Each distinct text once. Ids of unused texts are reused.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    texts: Vec<Arc<str>>,
    n_uses: Vec<u32>,
    ids: FxHashMap<Arc<str>, TextId>,
    free: Vec<TextId>,
}

impl Texts {
    /// Adds a reference to a text and returns its id.
    pub(crate) fn acquire(&mut self, text: &str) -> TextId {
        if let Some(&id) = self.ids.get(text) {
            self.n_uses[slot(id)] += 1;
            return id;
        }
        let text: Arc<str> = text.into();
        let id = match self.free.pop() {
            Some(id) => {
                self.texts[slot(id)] = Arc::clone(&text);
                self.n_uses[slot(id)] = 1;
                id
            }
            None => {
                self.texts.push(Arc::clone(&text));
                self.n_uses.push(1);
                TextId(NonZeroU32::new(self.texts.len() as u32).expect("one was added"))
            }
        };
        self.ids.insert(text, id);
        id
    }

    /// Removes a reference; the last one frees text and id.
    pub(crate) fn release(&mut self, id: TextId) {
        let n_uses = &mut self.n_uses[slot(id)];
        *n_uses -= 1;
        if *n_uses == 0 {
            self.ids.remove(&self.texts[slot(id)]);
            self.texts[slot(id)] = "".into();
            self.free.push(id);
        }
    }
}

impl reql::Texts for Texts {
    fn text(&self, id: TextId) -> &str {
        &self.texts[slot(id)]
    }

    fn id(&self, text: &str) -> Option<TextId> {
        self.ids.get(text).copied()
    }
}

fn slot(id: TextId) -> usize {
    id.0.get() as usize - 1
}

#[cfg(test)]
mod tests {
    use reql::Texts as _;

    use super::*;

    #[test]
    fn a_text_lives_as_long_as_it_is_used() {
        let mut texts = Texts::default();
        let (a, b) = (texts.acquire("a"), texts.acquire("b"));
        assert_eq!(texts.acquire("a"), a);
        texts.release(a);
        assert_eq!((texts.id("a"), texts.text(a)), (Some(a), "a"));
        texts.release(a);
        assert_eq!(texts.id("a"), None);
        assert_eq!(texts.acquire("c"), a);
        assert_eq!((texts.id("c"), texts.id("b")), (Some(a), Some(b)));
    }
}
