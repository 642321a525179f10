//! JSON Web Tokens (RFC 7519), by which senders show who they are.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

/// A token of some claims, signed by ES256. `key_id` names the key where the receiver has several.
pub(crate) fn sign_es256(key: &SigningKey, key_id: Option<&str>, claims: &Value) -> String {
    let unsigned = unsigned("ES256", key_id, claims);
    let signature: Signature = key.sign(unsigned.as_bytes());
    format!("{unsigned}.{}", BASE64.encode(signature.to_bytes()))
}

/// As [`sign_es256`], by RS256.
///
/// # Errors
/// If the operating system gives no random bytes.
pub(crate) fn sign_rs256(
    key: &RsaKeyPair,
    key_id: Option<&str>,
    claims: &Value,
) -> Result<String, ring::error::Unspecified> {
    let unsigned = unsigned("RS256", key_id, claims);
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), unsigned.as_bytes(), &mut signature)?;
    Ok(format!("{unsigned}.{}", BASE64.encode(signature)))
}

/// The header and the claims, as they are signed.
fn unsigned(algorithm: &str, key_id: Option<&str>, claims: &Value) -> String {
    let mut header = json!({"typ": "JWT", "alg": algorithm});
    if let Some(key_id) = key_id {
        header["kid"] = key_id.into();
    }
    format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()))
}
