//! External ids: their types, and how they are written.

use domain::{IdTypeName, Timestamp, UserIdx};
use serde::{Deserialize, Serialize};
use store::StoreError;
use store::key::{KeyBuf, KeyParts};
use xxhash_rust::xxh3::xxh3_64;

use crate::keys;

/// The code of ids of declared types. The name of the type follows, ended by a zero byte.
const DECLARED: u8 = 2;
/// As [`DECLARED`], for ids that may be of several people.
const SHARED: u8 = 3;
const END_OF_NAME: u8 = 0;

/// The types of external ids, ordered by their code on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExternalIdType {
    /// The source's own id of a known user.
    UserId,
    /// The id of a browser or device.
    AnonymousId,
    /// Any other type, by its name: never one of those above.
    Declared(IdTypeName),
}

impl ExternalIdType {
    /// The word for it in APIs.
    pub fn word(&self) -> &str {
        match self {
            Self::UserId => "user_id",
            Self::AnonymousId => "anonymous_id",
            Self::Declared(name) => name.as_str(),
        }
    }

    /// Parses the word of APIs; none where it has not the form of one.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "user_id" => Some(Self::UserId),
            "anonymous_id" => Some(Self::AnonymousId),
            other => IdTypeName::new(other).map(Self::Declared),
        }
    }

    /// Whether it is neither of the two that messages have in fields of their own.
    pub fn is_declared(&self) -> bool {
        matches!(self, Self::Declared(_))
    }

    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::UserId => 0,
            Self::AnonymousId => 1,
            Self::Declared(_) => DECLARED,
        }
    }

    /// The bytes before an id of the type where ids of all types stand together. No two types have
    /// the same, and none begins another.
    pub fn prefix(&self) -> Vec<u8> {
        match self {
            Self::Declared(name) => declared_prefix(DECLARED, name),
            other => vec![other.code()],
        }
    }
}

fn declared_prefix(code: u8, name: &IdTypeName) -> Vec<u8> {
    [&[code], name.as_str().as_bytes(), &[END_OF_NAME]].concat()
}

/// An external id with its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExternalId<'a> {
    /// The type; ids of different types are distinct.
    pub type_: ExternalIdType,
    /// The text of the id.
    pub value: &'a str,
}

impl ExternalId<'_> {
    /// Whether these are the bytes of the id, with the prefix of its type.
    pub(crate) fn is(&self, bytes: &[u8]) -> bool {
        match self.type_ {
            ExternalIdType::Declared(_) => {
                bytes.strip_prefix(&self.type_.prefix()[..]) == Some(self.value.as_bytes())
            }
            plain => bytes.split_first() == Some((&plain.code(), self.value.as_bytes())),
        }
    }

    pub(crate) fn hash(&self) -> u64 {
        match self.type_ {
            ExternalIdType::Declared(_) => xxh3_64(&self.bytes()),
            plain => xxh3_64(self.value.as_bytes()) ^ u64::from(plain.code()),
        }
    }

    /// The bytes of the id, behind the prefix of its type.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        [&self.type_.prefix(), self.value.as_bytes()].concat()
    }
}

/// The hash of an id, given as its bytes.
pub(crate) fn hash_bytes(bytes: &[u8]) -> u64 {
    match bytes[0] {
        DECLARED => xxh3_64(bytes),
        code => xxh3_64(&bytes[1..]) ^ u64::from(code),
    }
}

/// An external id of a profile, with its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identifier {
    /// The type; ids of different types are distinct.
    pub type_: ExternalIdType,
    /// The text of the id.
    pub value: String,
    /// Whether it finds the profile. An id of a type that is not unique finds nobody.
    pub is_unique: bool,
    /// When it was added to a profile.
    pub created_at: Timestamp,
    /// The id of the message that added it; empty for imports and commands.
    pub first_message_id: String,
    /// The source of that message; empty like the message id.
    pub source: String,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct IdentifierRecord {
    pub(crate) created_at: Timestamp,
    pub(crate) first_message_id: String,
    pub(crate) source: String,
}

/// The row of an id of a user.
pub(crate) fn row_key(user: UserIdx, id: ExternalId<'_>, is_unique: bool) -> Vec<u8> {
    let prefix = match id.type_ {
        ExternalIdType::Declared(name) if !is_unique => declared_prefix(SHARED, &name),
        type_ => type_.prefix(),
    };
    [&keys::user(user).build(), &prefix[..], id.value.as_bytes()].concat()
}

/// An id as its row names it.
pub(crate) struct RowId<'a> {
    pub(crate) user: UserIdx,
    pub(crate) id: ExternalId<'a>,
    pub(crate) is_unique: bool,
}

/// Reads a key of [`row_key`].
pub(crate) fn parse_row_key(key: &[u8]) -> Result<RowId<'_>, StoreError> {
    let parse = || {
        let mut parts = KeyParts::new(key);
        let (user, code) = (UserIdx(parts.u32()?), parts.u8()?);
        let rest = parts.text()?;
        let (type_, value) = match code {
            0 => (ExternalIdType::UserId, rest),
            1 => (ExternalIdType::AnonymousId, rest),
            DECLARED | SHARED => {
                let (name, value) = rest.split_once(char::from(END_OF_NAME))?;
                (ExternalIdType::Declared(IdTypeName::new(name)?), value)
            }
            _ => return None,
        };
        Some(RowId { user, id: ExternalId { type_, value }, is_unique: code != SHARED })
    };
    parse().ok_or(StoreError::Unreadable { what: "identifier" })
}

/// The beginning of the rows of a user's ids.
pub(crate) fn rows_of(user: UserIdx) -> KeyBuf {
    keys::user(user)
}
