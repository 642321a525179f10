//! RSA public keys in PEM, and signatures that are checked with them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

/// The algorithm of an RSA key within a `PUBLIC KEY`: its object identifier (1.2.840.113549.1.1.1)
/// and NULL.
const RSA: [u8; 13] =
    [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

/// The tags of DER.
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

/// The range of the length of a modulus, in bytes.
const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=1_024;

/// Checks that a text is a public key that signatures can be checked with.
///
/// # Errors
/// Says what is expected.
pub fn check_public_key(pem: &str) -> Result<(), &'static str> {
    match read_key(pem) {
        Some(_) => Ok(()),
        None => Err("must be an RSA public key of 2,048 to 8,192 bits in PEM, which begins with \
                     -----BEGIN PUBLIC KEY-----"),
    }
}

/// Whether the owner of a key has signed something, with PKCS #1 v1.5 and SHA-256.
pub(super) fn verify(pem: &str, signed: &[u8], signature: &[u8]) -> bool {
    read_key(pem).is_some_and(|key| {
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(signed, signature).is_ok()
    })
}

/// The modulus and exponent of a key, as PKCS #1 has them.
fn read_key(pem: &str) -> Option<Vec<u8>> {
    let key = match decode(pem, "PUBLIC KEY") {
        Some(der) => {
            let (key, rest) = read_element(&der, SEQUENCE)?;
            let (algorithm, bits) = read_element(key, SEQUENCE)?;
            let (bits, rest_of_key) = read_element(bits, BIT_STRING)?;
            let (unused_bits, key) = bits.split_first()?;
            let is_rsa = algorithm == RSA && *unused_bits == 0;
            (is_rsa && rest.is_empty() && rest_of_key.is_empty()).then(|| key.to_vec())?
        }
        None => decode(pem, "RSA PUBLIC KEY")?,
    };
    let (numbers, rest) = read_element(&key, SEQUENCE)?;
    let (modulus, exponent) = read_element(numbers, INTEGER)?;
    read_element(exponent, INTEGER)?;
    let modulus = modulus.strip_prefix(&[0]).unwrap_or(modulus);
    (rest.is_empty() && MODULUS_BYTES.contains(&modulus.len())).then_some(key)
}

/// The bytes between the lines of a label.
fn decode(pem: &str, label: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once(&format!("-----BEGIN {label}-----"))?;
    let (inside, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let base64: String = inside.split_whitespace().collect();
    STANDARD.decode(base64).ok()
}

/// The content of the element at the beginning, and what follows it.
fn read_element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = der.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(*length), rest),
        0x81..=0x83 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    if *found != tag {
        return None;
    }
    rest.split_at_checked(length)
}
