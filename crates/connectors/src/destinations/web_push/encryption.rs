//! Messages that only the browser of a subscription can read: RFC 8291, in one record of RFC 8188.

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use hkdf::Hkdf;
use p256::{PublicKey, SecretKey};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use sha2::Sha256;

/// The most bytes of a body that every push service takes (RFC 8030, section 7.2).
const BODY_BYTES_MAX: usize = 4_096;
/// The size of a record that the header gives: that of the largest body.
const RECORD_BYTES: u32 = BODY_BYTES_MAX as u32;
const SALT_BYTES: usize = 16;
const AUTH_BYTES: usize = 16;
const CONTENT_KEY_BYTES: usize = 16;
/// An uncompressed point of P-256.
const POINT_BYTES: usize = 65;
const SECRET_KEY_BYTES: usize = 32;
/// Salt, size of a record, length of the key, key.
const HEADER_BYTES: usize = SALT_BYTES + size_of::<u32>() + 1 + POINT_BYTES;
const TAG_BYTES: usize = 16;
/// Ends the last record.
const LAST_DELIMITER: u8 = 2;
/// The most bytes of a message.
pub(super) const MESSAGE_BYTES_MAX: usize = BODY_BYTES_MAX - HEADER_BYTES - TAG_BYTES - 1;

/// The keys of a subscription, which its browser made.
pub(super) struct BrowserKeys {
    public: PublicKey,
    auth: [u8; AUTH_BYTES],
}

impl BrowserKeys {
    /// Reads the keys as a browser gives them: base64url, with or without `=` at the end.
    ///
    /// # Errors
    /// The name of the key that is none, and what it should be.
    pub(super) fn read(p256dh: &str, auth: &str) -> Result<Self, (&'static str, String)> {
        let public = decode(p256dh).filter(|bytes| bytes.len() == POINT_BYTES);
        let public = public.and_then(|bytes| PublicKey::from_sec1_bytes(&bytes).ok());
        let wrong = || format!("should be a public key of P-256: {POINT_BYTES} bytes in base64url");
        let public = public.ok_or_else(|| ("p256dh", wrong()))?;
        let auth = decode(auth).and_then(|bytes| bytes.try_into().ok());
        let wrong = || format!("should be {AUTH_BYTES} bytes in base64url");
        Ok(Self { public, auth: auth.ok_or_else(|| ("auth", wrong()))? })
    }
}

/// The bytes of a text in base64url.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
}

/// A new secret key.
///
/// # Errors
/// If the operating system gives no random bytes.
pub(super) fn new_secret_key() -> Result<SecretKey, getrandom::Error> {
    loop {
        let mut bytes = [0; SECRET_KEY_BYTES];
        getrandom::fill(&mut bytes)?;
        // Nearly all numbers of this length are keys.
        if let Ok(key) = SecretKey::from_slice(&bytes) {
            return Ok(key);
        }
    }
}

/// The body of a request: a message of at most [`MESSAGE_BYTES_MAX`] bytes for one browser.
///
/// # Errors
/// If the operating system gives no random bytes.
pub(super) fn encrypt(message: &[u8], browser: &BrowserKeys) -> Result<Vec<u8>, getrandom::Error> {
    let mut salt = [0; SALT_BYTES];
    getrandom::fill(&mut salt)?;
    Ok(encrypt_by(message, browser, &new_secret_key()?, &salt))
}

fn encrypt_by(
    message: &[u8],
    browser: &BrowserKeys,
    our_key: &SecretKey,
    salt: &[u8; SALT_BYTES],
) -> Vec<u8> {
    let our_public = our_key.public_key().to_sec1_bytes();
    let shared = our_key.diffie_hellman(&browser.public);
    let info = [b"WebPush: info\0", &*browser.public.to_sec1_bytes(), &our_public].concat();
    let input = derive::<32>(&browser.auth, shared.raw_secret_bytes(), &info);
    seal_record(message, &input, salt, &our_public)
}

/// One record with its header. The key of the content follows from `input` and the salt.
fn seal_record(message: &[u8], input: &[u8], salt: &[u8; SALT_BYTES], key_id: &[u8]) -> Vec<u8> {
    let key = derive::<CONTENT_KEY_BYTES>(salt, input, b"Content-Encoding: aes128gcm\0");
    let nonce = derive::<12>(salt, input, b"Content-Encoding: nonce\0");
    let mut record = [message, &[LAST_DELIMITER]].concat();
    let key = UnboundKey::new(&AES_128_GCM, &key).expect("it has the length of a key");
    LessSafeKey::new(key)
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut record)
        .expect("short messages can be encrypted");
    let mut body = salt.to_vec();
    body.extend_from_slice(&RECORD_BYTES.to_be_bytes());
    body.push(key_id.len() as u8);
    body.extend_from_slice(key_id);
    body.extend_from_slice(&record);
    body
}

/// HKDF with SHA-256.
fn derive<const N: usize>(salt: &[u8], input: &[u8], info: &[u8]) -> [u8; N] {
    let mut output = [0; N];
    Hkdf::<Sha256>::new(Some(salt), input)
        .expand(info, &mut output)
        .expect("the output is short enough");
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<const N: usize>(text: &str) -> [u8; N] {
        decode(text).unwrap().try_into().unwrap()
    }

    #[test]
    fn a_record_is_that_of_rfc_8188_section_3_1() {
        let salt = bytes("I1BsxtFttlv3u_Oo94xnmw");
        let body =
            seal_record(b"I am the walrus", &bytes::<16>("yqdlZ-tYemfogSmv7Ws5PQ"), &salt, b"");
        let expected = "I1BsxtFttlv3u_Oo94xnmwAAEAAA-NAVub2qFgBEuQKRapoZu-IxkIva3MEB1PD-ly8Thjg";
        assert_eq!(URL_SAFE_NO_PAD.encode(body), expected);
    }

    #[test]
    fn a_message_is_that_of_rfc_8291_appendix_a() {
        let browser = BrowserKeys::read(
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            "BTBZMqHH6r4Tts7J_aSIgg",
        );
        let our_key = bytes::<32>("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw");
        let body = encrypt_by(
            b"When I grow up, I want to be a watermelon",
            &browser.unwrap(),
            &SecretKey::from_slice(&our_key).unwrap(),
            &bytes("DGv6ra1nlYgDCS1FRnbzlw"),
        );
        let expected = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml\
                        mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT\
                        pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
        assert_eq!(URL_SAFE_NO_PAD.encode(body), expected);
    }

    #[test]
    fn the_largest_message_fills_the_largest_body() {
        let key = new_secret_key().unwrap();
        let public = URL_SAFE_NO_PAD.encode(key.public_key().to_sec1_bytes());
        let browser = BrowserKeys::read(&public, "BTBZMqHH6r4Tts7J_aSIgg==").unwrap();
        let body = encrypt(&[b'a'; MESSAGE_BYTES_MAX], &browser).unwrap();
        assert_eq!((body.len(), MESSAGE_BYTES_MAX), (BODY_BYTES_MAX, 3_993));
    }
}
