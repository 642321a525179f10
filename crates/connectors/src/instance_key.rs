//! The key of an instance, by which credentials are sealed before they are journalled.
//!
//! A sealed value is `{"sealed": "..."}`: XChaCha20-Poly1305, base64, the nonce first. The nonce
//! follows from the key, the context and the text, so that sealing twice gives the same value, and
//! a configuration can be compared with another. The context, such as the destination and the
//! setting, is authenticated: a value that is moved elsewhere does not open.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD as BASE64, URL_SAFE_NO_PAD};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use fs_err as fs;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
const SEALED: &str = "sealed";

/// A secret of the instance, in a file that only its user may read.
#[derive(Clone)]
pub struct InstanceKey([u8; KEY_BYTES]);

/// Errors of keys and of sealed values.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The file holds something else.
    #[error("{0} is no key: it should have {KEY_BYTES} bytes. Put the right file back")]
    NoKey(PathBuf),
    /// The value was sealed by another key, or for another place.
    #[error("was sealed by another instance: enter it again")]
    OtherKey,
}

/// Whether a value is sealed.
pub fn is_sealed(value: &Value) -> bool {
    sealed_text(value).is_some()
}

fn sealed_text(value: &Value) -> Option<&str> {
    let members = value.as_object().filter(|members| members.len() == 1)?;
    members.get(SEALED)?.as_str()
}

impl InstanceKey {
    /// Reads the key of a file, which is made if it is not there.
    ///
    /// # Errors
    /// If it can neither be read nor made, or is no key.
    pub fn open(path: &Path) -> Result<Self, KeyError> {
        match fs::read(path) {
            Ok(bytes) => {
                let key = bytes.try_into().map_err(|_| KeyError::NoKey(path.to_owned()))?;
                Ok(Self(key))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::make(path),
            Err(error) => Err(error.into()),
        }
    }

    fn make(path: &Path) -> Result<Self, KeyError> {
        use std::io::Write as _;
        use std::os::unix::fs::OpenOptionsExt as _;
        let mut key = [0; KEY_BYTES];
        getrandom::fill(&mut key).map_err(std::io::Error::other)?;
        // Under another name first: a key that is half written would be no key for ever.
        let draft = path.with_extension("new");
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&draft)?;
        file.write_all(&key)?;
        file.sync_all()?;
        fs::rename(&draft, path)?;
        if let Some(folder) = path.parent() {
            fs::File::open(folder)?.sync_all()?;
        }
        Ok(Self(key))
    }

    /// A key for tests.
    pub fn of_bytes(key: [u8; KEY_BYTES]) -> Self {
        Self(key)
    }

    /// Seals a text for a context.
    pub fn seal(&self, context: &str, text: &str) -> Value {
        json!({ SEALED: BASE64.encode(self.seal_bytes(context, text)) })
    }

    /// Seals a text for a context, as a part of an address: whoever sees it cannot read it, nor
    /// make another.
    pub fn seal_token(&self, context: &str, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.seal_bytes(context, text))
    }

    fn seal_bytes(&self, context: &str, text: &str) -> Vec<u8> {
        let nonce = self.nonce(context, text);
        let payload = Payload { msg: text.as_bytes(), aad: context.as_bytes() };
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), payload);
        [&nonce[..], &sealed.expect("short texts can be sealed")].concat()
    }

    /// Opens a sealed value in its context.
    ///
    /// # Errors
    /// If it was sealed by another key or for another context.
    pub fn open_sealed(&self, context: &str, value: &Value) -> Result<String, KeyError> {
        let text = sealed_text(value).ok_or(KeyError::OtherKey)?;
        self.open_bytes(context, &BASE64.decode(text).map_err(|_| KeyError::OtherKey)?)
    }

    /// Opens what [`InstanceKey::seal_token`] made for the same context.
    ///
    /// # Errors
    /// If it was sealed by another key or for another context, or was changed.
    pub fn open_token(&self, context: &str, token: &str) -> Result<String, KeyError> {
        self.open_bytes(context, &URL_SAFE_NO_PAD.decode(token).map_err(|_| KeyError::OtherKey)?)
    }

    fn open_bytes(&self, context: &str, bytes: &[u8]) -> Result<String, KeyError> {
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(KeyError::OtherKey)?;
        let payload = Payload { msg: sealed, aad: context.as_bytes() };
        let text = self.cipher().decrypt(&XNonce::from(*nonce), payload);
        String::from_utf8(text.map_err(|_| KeyError::OtherKey)?).map_err(|_| KeyError::OtherKey)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.0.into())
    }

    fn nonce(&self, context: &str, text: &str) -> [u8; NONCE_BYTES] {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.0)
            .expect("keys of any length are taken");
        mac.update(&(context.len() as u64).to_le_bytes());
        mac.update(context.as_bytes());
        mac.update(text.as_bytes());
        let mac = mac.finalize().into_bytes();
        let mut nonce = [0; NONCE_BYTES];
        nonce.copy_from_slice(&mac[..NONCE_BYTES]);
        nonce
    }
}

impl std::fmt::Debug for InstanceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InstanceKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_opens_in_its_context_with_its_key_only() {
        let key = InstanceKey::of_bytes([1; KEY_BYTES]);
        let sealed = key.seal("shop/crm/token", "s3cret");
        assert!(is_sealed(&sealed) && !sealed.to_string().contains("s3cret"));
        assert_eq!(sealed, key.seal("shop/crm/token", "s3cret"));
        assert_eq!(key.open_sealed("shop/crm/token", &sealed).unwrap(), "s3cret");
        assert!(key.open_sealed("shop/other/token", &sealed).is_err());
        assert!(
            InstanceKey::of_bytes([2; KEY_BYTES]).open_sealed("shop/crm/token", &sealed).is_err()
        );
        assert!(key.open_sealed("shop/crm/token", &json!({SEALED: "abc"})).is_err());
    }

    #[test]
    fn the_file_is_made_once_and_is_nobody_elses() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("instance.key");
        let sealed = InstanceKey::open(&path).unwrap().seal("c", "text");
        assert_eq!(InstanceKey::open(&path).unwrap().open_sealed("c", &sealed).unwrap(), "text");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&path, "short").unwrap();
        assert!(InstanceKey::open(&path).unwrap_err().to_string().contains("is no key"));
    }
}
