//! Whose new data is refused.
//!
//! Suppressed ids are kept as keyed hashes. The key is made by whoever asks first and journalled
//! with that: neither the journal nor the store holds an id of a suppressed person, but who has the
//! key can try ids.

use std::collections::BTreeMap;

use hmac::{Hmac, Mac};
use profiles::ExternalIdType;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::people::People;

/// The length of the key of a workspace, in bytes.
pub const PERSON_KEY_BYTES: usize = 32;
pub(crate) const HASH_BYTES: usize = 16;
/// The types of ids by which people are suppressed.
const TYPES: [ExternalIdType; 2] = [ExternalIdType::UserId, ExternalIdType::AnonymousId];

/// The hash of an external id by the key of a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PersonHash(pub(crate) [u8; HASH_BYTES]);

impl PersonHash {
    /// The hash as hexadecimal digits.
    pub fn to_hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The key by which a workspace hashes ids.
#[derive(Clone)]
pub struct PersonKey(Hmac<Sha256>);

impl PersonKey {
    /// A key of [`PERSON_KEY_BYTES`]; none of another length.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(bytes).ok();
        mac.filter(|_| bytes.len() == PERSON_KEY_BYTES).map(Self)
    }

    /// The hash by which an id is suppressed: that of the id without the white space around it. The
    /// text of a declared type is suppressed as a user id: it is refused wherever it stands.
    pub fn hash(&self, type_: ExternalIdType, id: &str) -> PersonHash {
        self.hash_text(type_, trim_id(id))
    }

    /// The hashes under which a text may be suppressed, as an id of whichever type. Earlier
    /// versions have suppressed ids with the white space around them.
    pub fn hashes(&self, id: &str) -> impl Iterator<Item = PersonHash> {
        let texts = [Some(trim_id(id)), Some(id).filter(|id| *id != trim_id(id))];
        let of_text = move |text| TYPES.into_iter().map(move |type_| self.hash_text(type_, text));
        texts.into_iter().flatten().flat_map(of_text)
    }

    fn hash_text(&self, type_: ExternalIdType, id: &str) -> PersonHash {
        let mut mac = self.0.clone();
        let type_ = if type_.is_declared() { ExternalIdType::UserId } else { type_ };
        mac.update(&type_.prefix());
        mac.update(id.as_bytes());
        let bytes: [u8; 32] = mac.finalize().into_bytes().into();
        PersonHash(std::array::from_fn(|n| bytes[n]))
    }
}

/// A hashed id with the hash by which all ids of the person are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuppressedId {
    /// The hash of the id.
    pub id: PersonHash,
    /// The hash of one id of the person, the same for all of them. Where the id is suppressed as
    /// one of another hash already, both are one person from then on.
    pub person: PersonHash,
}

/// The people whose new data is refused.
#[derive(Clone, Default)]
pub struct Suppressed {
    pub(crate) key: Option<PersonKey>,
    /// The person of each suppressed id.
    pub(crate) ids: BTreeMap<PersonHash, PersonHash>,
}

impl People for Suppressed {
    /// Whether new data with this id is refused. Its type does not matter: whoever is suppressed by
    /// a user id is not welcome with the same text as an anonymous id.
    fn has(&self, _: ExternalIdType, id: &str) -> bool {
        self.has_any(id)
    }

    fn has_any(&self, id: &str) -> bool {
        let Some(key) = self.key.as_ref().filter(|_| !self.is_empty()) else { return false };
        key.hashes(id).any(|hash| self.ids.contains_key(&hash))
    }
}

impl Suppressed {
    /// Whether all these ids are suppressed as those of one person.
    pub fn holds_as_one(&self, ids: &[PersonHash]) -> bool {
        let mut people = ids.iter().map(|id| self.ids.get(id));
        match people.next() {
            Some(first) => first.is_some() && people.all(|person| person == first),
            None => true,
        }
    }

    /// How many ids are suppressed.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether nobody is suppressed.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

/// An id without the white space around it; one of nothing else stays as it is.
fn trim_id(id: &str) -> &str {
    match id.trim() {
        "" => id,
        trimmed => trimmed,
    }
}
