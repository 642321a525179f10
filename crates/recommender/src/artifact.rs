//! Encoding of models as artifacts. The format is described in the crate's README.

use crate::{Channel, Model};

const MAGIC: [u8; 4] = *b"TMMD";
const VERSION: u8 = 5;
const HEADER_BYTES: usize = 9;
const ZSTD_LEVEL: i32 = 1;

/// The reason that bytes cannot be decoded as a model.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ArtifactError {
    /// The artifact was written in another format version.
    #[error(
        "model artifact has version {found}, this program reads version {VERSION}: the next start makes the model again from the journal"
    )]
    Version {
        /// The version in the artifact's header.
        found: u8,
    },
    /// The bytes differ from what was written.
    #[error("model artifact is damaged: {0}")]
    Damaged(&'static str),
}

/// Encodes a model as an artifact.
pub fn encode(model: &Model) -> Vec<u8> {
    let raw = postcard::to_stdvec(model).expect("a model of plain fields always encodes");
    let payload =
        zstd::bulk::compress(&raw, ZSTD_LEVEL).expect("compressing into memory does not fail");
    let mut bytes = MAGIC.to_vec();
    bytes.push(VERSION);
    bytes.extend_from_slice(&crc32fast::hash(&payload).to_le_bytes());
    bytes.extend_from_slice(&payload);
    bytes
}

/// The content of an artifact of any version, before it is decoded.
///
/// # Errors
/// The artifact is damaged.
pub fn decompress(bytes: &[u8]) -> Result<Vec<u8>, ArtifactError> {
    let payload = bytes.get(HEADER_BYTES..);
    decompress_payload(payload.ok_or(ArtifactError::Damaged("it does not start as one"))?)
}

fn decompress_payload(payload: &[u8]) -> Result<Vec<u8>, ArtifactError> {
    zstd::stream::decode_all(payload).map_err(|_| ArtifactError::Damaged("it does not decompress"))
}

/// Decodes an artifact and checks the shapes of its matrices.
///
/// # Errors
/// The artifact has another version or is damaged.
pub fn decode(bytes: &[u8]) -> Result<Model, ArtifactError> {
    if bytes.len() < HEADER_BYTES || bytes[..4] != MAGIC {
        return Err(ArtifactError::Damaged("it does not start as one"));
    }
    if bytes[4] != VERSION {
        return Err(ArtifactError::Version { found: bytes[4] });
    }
    let (header, payload) = bytes.split_at(HEADER_BYTES);
    if header[5..] != crc32fast::hash(payload).to_le_bytes() {
        return Err(ArtifactError::Damaged("the checksum is wrong"));
    }
    let raw = decompress_payload(payload)?;
    let model: Model =
        postcard::from_bytes(&raw).map_err(|_| ArtifactError::Damaged("it does not decode"))?;
    let n_items = model.n_items();
    let is_valid_channel = |channel: &Channel| {
        let related = &channel.related;
        related.n_rows() == n_items && related.n_columns() == n_items && related.is_valid()
    };
    let trending =
        model.popularity.by_kind.iter().flat_map(|(_, items)| items).map(|(item, _)| item);
    let in_range = trending.chain(&model.popularity.ranked).all(|&item| (item as usize) < n_items);
    if !in_range
        || model.buy_again.n_items() != n_items
        || !model.channels.iter().all(is_valid_channel)
    {
        return Err(ArtifactError::Damaged("its parts do not fit together"));
    }
    Ok(model)
}
