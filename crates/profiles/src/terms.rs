//! The index by which people are searched: their external ids and the traits that identify them,
//! in lower case, in the order of their texts, so that the beginning of one is enough.

use domain::UserIdx;
use serde_json::Value;
use store::key::KeyBuf;
use store::{Batch, Read, Store, StoreError};

use crate::{ExternalId, ExternalIdType, Profiles};

/// The traits that identify people. Their order is that of their codes in the store: new ones are
/// added at the end.
pub const IDENTIFYING_TRAITS: [&str; 8] =
    ["email", "phone", "username", "name", "first_name", "last_name", "firstName", "lastName"];
/// Longer values of traits are found by their beginning of this length, in bytes.
const TERM_BYTES_MAX: usize = 512;
/// The code of the first trait, after those of the types of external ids.
const TRAIT_CODES_FROM: u8 = 2;
/// The code of ids of declared types. Behind the text stand a zero byte and the name of the type.
const DECLARED_CODE: u8 = 255;
const END_OF_TEXT: u8 = 0;
/// The bytes of the user index at the end of a key.
const USER_BYTES: usize = size_of::<u32>();

/// What a term is of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TermKind {
    /// An external id.
    Id(ExternalIdType),
    /// A trait, by its key: one of [`IDENTIFYING_TRAITS`].
    Trait(&'static str),
}

/// A person whom a search has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundPerson {
    /// The person.
    pub user: UserIdx,
    /// What the text is of the person.
    pub kind: TermKind,
    /// The whole text, in lower case for traits and ids that differ from it only so.
    pub text: String,
    /// Whether the text is the searched one, and does not only begin with it.
    pub is_whole: bool,
}

impl TermKind {
    /// The kinds with a code of their own, in the order in which what was found is listed.
    fn all() -> impl Iterator<Item = Self> {
        let ids = [ExternalIdType::UserId, ExternalIdType::AnonymousId].map(Self::Id);
        ids.into_iter().chain(IDENTIFYING_TRAITS.map(Self::Trait))
    }

    /// The kind of a trait; none if it does not identify people.
    fn of_trait(key: &str) -> Option<Self> {
        IDENTIFYING_TRAITS.into_iter().find(|known| *known == key).map(Self::Trait)
    }

    /// The word for it in APIs: the type of the id, or the key of the trait.
    pub fn word(&self) -> &str {
        match self {
            Self::Id(type_) => type_.word(),
            Self::Trait(key) => key,
        }
    }

    fn code(self) -> u8 {
        match self {
            Self::Id(ExternalIdType::Declared(_)) => DECLARED_CODE,
            Self::Id(type_) => type_.code(),
            Self::Trait(key) => {
                let position = IDENTIFYING_TRAITS.iter().position(|known| *known == key);
                TRAIT_CODES_FROM + position.unwrap_or_default() as u8
            }
        }
    }
}

impl From<ExternalId<'_>> for TermKind {
    fn from(id: ExternalId<'_>) -> Self {
        Self::Id(id.type_)
    }
}

impl Profiles {
    /// Finds people by an id or an identifying trait, or by how one begins; upper and lower case
    /// are alike. Whole texts come first, each person once.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn search(
        &self,
        store: &Store,
        text: &str,
        limit: usize,
    ) -> Result<Vec<FoundPerson>, StoreError> {
        let folded = fold(text);
        let mut found: Vec<FoundPerson> = Vec::new();
        if folded.is_empty() {
            return Ok(found);
        }
        let codes = TermKind::all().map(|kind| (kind.code(), Some(kind)));
        for (code, kind) in codes.chain([(DECLARED_CODE, None)]) {
            let prefix = KeyBuf::new().u8(code).text(&folded).build();
            for pair in store.scan(&self.keys.terms, &prefix).take(limit) {
                let (key, text) = pair?;
                let unreadable = || StoreError::Unreadable { what: "search term" };
                let (term, user) = key.split_last_chunk::<USER_BYTES>().ok_or_else(unreadable)?;
                // The bytes of a user may look like a text.
                if !term.starts_with(&prefix) {
                    continue;
                }
                let (kind, term) = match kind {
                    Some(kind) => (kind, term),
                    None => declared_term(term).ok_or_else(unreadable)?,
                };
                let text = if text.is_empty() { term[1..].to_vec() } else { text };
                let text = String::from_utf8(text).map_err(|_| unreadable())?;
                let user = UserIdx(u32::from_be_bytes(*user));
                let is_whole = term.len() == prefix.len();
                found.push(FoundPerson { user, kind, text, is_whole });
            }
        }
        found.sort_by_key(|person| !person.is_whole);
        let mut seen = rustc_hash::FxHashSet::default();
        found.retain(|person| seen.insert(person.user));
        found.truncate(limit);
        Ok(found)
    }

    pub(crate) fn add_term(
        &self,
        batch: &mut Batch<'_>,
        kind: TermKind,
        text: &str,
        user: UserIdx,
    ) {
        let folded = fold(text);
        // Texts that are in lower case already stand in the key alone.
        let value = if folded == text { "" } else { cut(text) };
        batch.put(&self.keys.terms, term_key(kind, &folded, user), value);
    }

    pub(crate) fn remove_term(
        &self,
        batch: &mut Batch<'_>,
        kind: TermKind,
        text: &str,
        user: UserIdx,
    ) {
        batch.remove(&self.keys.terms, term_key(kind, &fold(text), user));
    }

    /// Adds the term of a trait, given as JSON, if the trait identifies people.
    pub(crate) fn add_trait_term(
        &self,
        batch: &mut Batch<'_>,
        key: &str,
        json: &str,
        user: UserIdx,
    ) {
        if let Some((kind, text)) = TermKind::of_trait(key).zip(scalar_text(json)) {
            self.add_term(batch, kind, &text, user);
        }
    }

    /// Removes the term of a trait, given as JSON.
    pub(crate) fn remove_trait_term(
        &self,
        batch: &mut Batch<'_>,
        key: &str,
        json: &str,
        user: UserIdx,
    ) {
        if let Some((kind, text)) = TermKind::of_trait(key).zip(scalar_text(json)) {
            self.remove_term(batch, kind, &text, user);
        }
    }
}

/// The user is behind the text, at a fixed length, so that a scan finds all that begin alike.
fn term_key(kind: TermKind, folded: &str, user: UserIdx) -> Vec<u8> {
    let mut key = KeyBuf::new().u8(kind.code()).text(folded).build();
    if let TermKind::Id(type_ @ ExternalIdType::Declared(_)) = kind {
        key.push(END_OF_TEXT);
        key.extend_from_slice(type_.word().as_bytes());
    }
    key.extend_from_slice(&user.0.to_be_bytes());
    key
}

/// The kind of a term of a declared type, and the term without the name of the type.
fn declared_term(term: &[u8]) -> Option<(TermKind, &[u8])> {
    let end = term.iter().rposition(|byte| *byte == END_OF_TEXT)?;
    let name = std::str::from_utf8(&term[end + 1..]).ok()?;
    Some((TermKind::Id(ExternalIdType::from_word(name)?), &term[..end]))
}

fn fold(text: &str) -> String {
    cut(&cut(text).to_lowercase()).to_owned()
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(TERM_BYTES_MAX)]
}

/// The text of a JSON string or number that is not empty.
fn scalar_text(json: &str) -> Option<String> {
    match serde_json::from_str(json).ok()? {
        Value::String(text) if !text.is_empty() => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
