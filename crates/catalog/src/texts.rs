//! Texts of a table's values, each kept once as long as it is used.

use std::sync::Arc;

use rustc_hash::FxHashMap;

/// Stands for a text of one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextId(pub u32);

/// Which texts there are. Ids of texts that nobody uses any more are given out again.
#[derive(Debug, Default)]
pub struct Texts {
    texts: Vec<Arc<str>>,
    n_uses: Vec<u32>,
    ids: FxHashMap<Arc<str>, TextId>,
    free: Vec<TextId>,
}

impl Texts {
    /// The text of an id.
    pub fn text(&self, id: TextId) -> &str {
        &self.texts[id.0 as usize]
    }

    /// The id of a text that is used.
    pub fn id(&self, text: &str) -> Option<TextId> {
        self.ids.get(text).copied()
    }

    /// Counts one more use of a text.
    pub(crate) fn take(&mut self, text: &str) -> TextId {
        if let Some(id) = self.id(text) {
            self.n_uses[id.0 as usize] += 1;
            return id;
        }
        let text: Arc<str> = text.into();
        let id = match self.free.pop() {
            Some(id) => {
                self.texts[id.0 as usize] = Arc::clone(&text);
                self.n_uses[id.0 as usize] = 1;
                id
            }
            None => {
                self.texts.push(Arc::clone(&text));
                self.n_uses.push(1);
                TextId(self.texts.len() as u32 - 1)
            }
        };
        self.ids.insert(text, id);
        id
    }

    /// Counts one use less.
    pub(crate) fn release(&mut self, id: TextId) {
        let n_uses = &mut self.n_uses[id.0 as usize];
        *n_uses -= 1;
        if *n_uses == 0 {
            self.ids.remove(&self.texts[id.0 as usize]);
            self.texts[id.0 as usize] = "".into();
            self.free.push(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_lives_as_long_as_it_is_used() {
        let mut texts = Texts::default();
        let (a, b) = (texts.take("a"), texts.take("b"));
        assert_eq!(texts.take("a"), a);
        texts.release(a);
        assert_eq!((texts.id("a"), texts.text(a)), (Some(a), "a"));
        texts.release(a);
        assert_eq!(texts.id("a"), None);
        assert_eq!(texts.take("c"), a);
        assert_eq!((texts.id("c"), texts.id("b")), (Some(a), Some(b)));
    }
}
