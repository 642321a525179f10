//! Signatures of mails (DKIM: RFC 6376, with Ed25519: RFC 8463).

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use sha2::{Digest, Sha256};

/// The headers that are signed where a mail has them. `From` is signed once more than it is there,
/// so that no second one can be added.
const SIGNED: [&str; 11] = [
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "reply-to",
    "mime-version",
    "content-type",
    "list-id",
    "list-unsubscribe",
    "list-unsubscribe-post",
];

/// The longest line of base64 in the header, in bytes.
const LINE_BYTES_MAX: usize = 72;

/// Signs mails for a domain.
pub(super) struct Signer {
    domain: String,
    selector: String,
    key: Key,
}

enum Key {
    Rsa(Box<RsaKeyPair>),
    Ed25519(Ed25519KeyPair),
}

impl Key {
    /// The key of a file in PEM.
    ///
    /// # Errors
    /// What is wrong with it, behind the name of the setting.
    fn from_pem(pem: &str) -> Result<Self, String> {
        let der = PrivateKeyDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| "is no private key in PEM (-----BEGIN PRIVATE KEY-----)".to_owned())?;
        let refused = |why: ring::error::KeyRejected| {
            format!("is no RSA key of 2048 to 4096 bits and no Ed25519 key ({why})")
        };
        match der {
            PrivateKeyDer::Pkcs1(der) => {
                RsaKeyPair::from_der(der.secret_pkcs1_der()).map(Box::new).map(Self::Rsa)
            }
            PrivateKeyDer::Pkcs8(der) => {
                let der = der.secret_pkcs8_der();
                match Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
                    Ok(key) => Ok(Self::Ed25519(key)),
                    Err(_) => RsaKeyPair::from_pkcs8(der).map(Box::new).map(Self::Rsa),
                }
            }
            _ => return Err("is neither an RSA nor an Ed25519 key".to_owned()),
        }
        .map_err(refused)
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "rsa-sha256",
            Self::Ed25519(_) => "ed25519-sha256",
        }
    }

    fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                let random = SystemRandom::new();
                key.sign(&RSA_PKCS1_SHA256, &random, bytes, &mut signature)
                    .expect("the signature has the length of the key");
                signature
            }
            // What is signed is the hash of the headers (RFC 8463, section 3).
            Self::Ed25519(key) => key.sign(&Sha256::digest(bytes)).as_ref().to_vec(),
        }
    }
}

impl Signer {
    /// A signer with a key in PEM.
    ///
    /// # Errors
    /// What is wrong with the key, behind the name of the setting.
    pub(super) fn new(domain: &str, selector: &str, pem: &str) -> Result<Self, String> {
        let key = Key::from_pem(pem)?;
        Ok(Self { domain: domain.to_owned(), selector: selector.to_owned(), key })
    }

    /// A mail with the header `DKIM-Signature` before it. Its lines end with CR and LF.
    pub(super) fn sign(&self, mail: &[u8], time_s: u64) -> Vec<u8> {
        let (headers, body) = split(mail);
        let headers: Vec<(String, String)> =
            headers.iter().map(|line| relax_header(line)).collect();
        let find = |name: &str| headers.iter().find(|(other, _)| other == name);
        let signed: Vec<&(String, String)> = SIGNED.iter().filter_map(|name| find(name)).collect();
        let names: Vec<&str> = signed.iter().map(|(name, _)| name.as_str()).collect();
        let body_hash = STANDARD.encode(Sha256::digest(relax_body(body)));
        let unsigned = format!(
            "v=1; a={}; c=relaxed/relaxed; d={}; s={};\r\n t={time_s}; h={}:from;\r\n bh={body_hash};\r\n b=",
            self.key.algorithm(),
            self.domain,
            self.selector,
            names.join(":\r\n ")
        );
        let mut bytes = String::new();
        for (name, value) in signed {
            write!(bytes, "{name}:{value}\r\n").expect("a text takes everything");
        }
        let (name, value) = relax_header(&format!("DKIM-Signature: {unsigned}"));
        write!(bytes, "{name}:{value}").expect("a text takes everything");
        let signature = STANDARD.encode(self.key.sign(bytes.as_bytes()));
        let lines: Vec<&str> = (0..signature.len())
            .step_by(LINE_BYTES_MAX)
            .map(|at| &signature[at..signature.len().min(at + LINE_BYTES_MAX)])
            .collect();
        let header = format!("DKIM-Signature: {unsigned}{}\r\n", lines.join("\r\n "));
        [header.as_bytes(), mail].concat()
    }
}

/// The headers of a mail, each with its folded lines, and its body.
fn split(mail: &[u8]) -> (Vec<String>, &[u8]) {
    let end = mail.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap_or(mail.len());
    let mut headers: Vec<String> = Vec::new();
    for line in String::from_utf8_lossy(&mail[..end]).split("\r\n") {
        match headers.last_mut() {
            Some(last) if line.starts_with([' ', '\t']) => last.push_str(line),
            _ => headers.push(line.to_owned()),
        }
    }
    (headers, mail.get(end + 4..).unwrap_or_default())
}

/// A header in the form "relaxed": name in lower case, runs of white space as one space.
fn relax_header(header: &str) -> (String, String) {
    let (name, value) = header.split_once(':').unwrap_or((header, ""));
    let words: Vec<&str> = value.split_ascii_whitespace().collect();
    (name.trim_end().to_ascii_lowercase(), words.join(" "))
}

/// A body in the form "relaxed": runs of white space as one space, none at the end of lines, and no
/// empty lines at the end.
fn relax_body(body: &[u8]) -> Vec<u8> {
    let mut relaxed = Vec::with_capacity(body.len());
    for line in body.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut is_after_space = false;
        for byte in line {
            let is_space = matches!(byte, b' ' | b'\t');
            if !is_space {
                if is_after_space {
                    relaxed.push(b' ');
                }
                relaxed.push(*byte);
            }
            is_after_space = is_space;
        }
        relaxed.extend_from_slice(b"\r\n");
    }
    while relaxed.ends_with(b"\r\n\r\n") {
        relaxed.truncate(relaxed.len() - 2);
    }
    match relaxed.as_slice() {
        b"\r\n" => Vec::new(),
        _ => relaxed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_relaxed_as_in_the_rfc() {
        // RFC 6376, 3.4.5 and 3.4.4.
        assert_eq!(relax_body(b" C \r\nD \t E\r\n\r\n\r\n"), b" C\r\nD E\r\n");
        assert_eq!(relax_body(b"\r\n\r\n"), b"");
        assert_eq!(relax_body(b""), b"");
        assert_eq!(relax_body(b"a"), b"a\r\n");
        let (headers, body) = split(b"A: X\r\nB : Y\t\r\n\tZ  \r\n\r\nbody\r\n");
        let relaxed: Vec<_> = headers.iter().map(|header| relax_header(header)).collect();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(relaxed, [pair("a", "X"), pair("b", "Y Z")]);
        assert_eq!(body, b"body\r\n");
    }

    #[test]
    fn keys_that_sign_nothing_are_refused() {
        let public = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n";
        for pem in ["", "secret", public] {
            assert!(Signer::new("example.com", "s", pem).is_err(), "{pem:?}");
        }
    }
}
