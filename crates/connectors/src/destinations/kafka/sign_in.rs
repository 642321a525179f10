//! Signing in at a broker: PLAIN, and SCRAM (RFC 5802).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;

/// The most rounds that a broker may ask for: some 50 ms of work. Kafka's own limit is 16,384.
const ROUNDS_MAX: u32 = 50_000;

/// How a user is shown to a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mechanism {
    Plain,
    ScramSha256,
    ScramSha512,
}

impl Mechanism {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }

    fn mac(self, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        match self {
            Self::ScramSha512 => {
                let mut mac = Hmac::<Sha512>::new_from_slice(key).expect("any key is taken");
                parts.iter().for_each(|part| mac.update(part));
                mac.finalize().into_bytes().to_vec()
            }
            Self::Plain | Self::ScramSha256 => {
                let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key is taken");
                parts.iter().for_each(|part| mac.update(part));
                mac.finalize().into_bytes().to_vec()
            }
        }
    }

    fn hash(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::ScramSha512 => Sha512::digest(bytes).to_vec(),
            Self::Plain | Self::ScramSha256 => Sha256::digest(bytes).to_vec(),
        }
    }

    /// PBKDF2, of which SCRAM takes one block.
    fn salted_password(self, password: &str, salt: &[u8], rounds: u32) -> Vec<u8> {
        let mut block = self.mac(password.as_bytes(), &[salt, &1_u32.to_be_bytes()]);
        let mut sum = block.clone();
        for _ in 1..rounds {
            block = self.mac(password.as_bytes(), &[&block]);
            sum.iter_mut().zip(&block).for_each(|(sum, byte)| *sum ^= byte);
        }
        sum
    }
}

/// The only message of PLAIN.
pub(super) fn plain(user: &str, password: &str) -> Vec<u8> {
    format!("\0{user}\0{password}").into_bytes()
}

/// A conversation by SCRAM.
pub(super) struct Scram<'p> {
    mechanism: Mechanism,
    password: &'p str,
    nonce: String,
    first_bare: String,
}

impl<'p> Scram<'p> {
    /// Begins one, with a nonce that nobody can guess.
    pub(super) fn new(mechanism: Mechanism, user: &str, password: &'p str, nonce: String) -> Self {
        let user = user.replace('=', "=3D").replace(',', "=2C");
        let first_bare = format!("n={user},r={nonce}");
        Self { mechanism, password, nonce, first_bare }
    }

    /// The first message.
    pub(super) fn first(&self) -> Vec<u8> {
        format!("n,,{}", self.first_bare).into_bytes()
    }

    /// The last message, to the first of the broker, and what the broker must answer to it. None if
    /// the broker's makes no sense.
    pub(super) fn last(&self, challenge: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        let challenge = std::str::from_utf8(challenge).ok()?;
        let part = |key: &str| challenge.split(',').find_map(|part| part.strip_prefix(key));
        let nonce = part("r=").filter(|nonce| nonce.starts_with(&self.nonce))?;
        let salt = BASE64.decode(part("s=")?).ok()?;
        let rounds = part("i=")?.parse().ok().filter(|n| (1..=ROUNDS_MAX).contains(n))?;
        let salted = self.mechanism.salted_password(self.password, &salt, rounds);
        let without_proof = format!("c=biws,r={nonce}");
        let signed = format!("{},{challenge},{without_proof}", self.first_bare);
        let client_key = self.mechanism.mac(&salted, &[b"Client Key"]);
        let stored_key = self.mechanism.hash(&client_key);
        let mut proof = self.mechanism.mac(&stored_key, &[signed.as_bytes()]);
        proof.iter_mut().zip(&client_key).for_each(|(byte, key)| *byte ^= key);
        let server_key = self.mechanism.mac(&salted, &[b"Server Key"]);
        let expected = self.mechanism.mac(&server_key, &[signed.as_bytes()]);
        let last = format!("{without_proof},p={}", BASE64.encode(proof));
        Some((last.into_bytes(), format!("v={}", BASE64.encode(expected)).into_bytes()))
    }
}

/// Whether a broker gave the answer that only one that knows the password can give.
pub(super) fn is_expected(answer: &[u8], expected: &[u8]) -> bool {
    let signature = answer.split(|byte| *byte == b',').next().unwrap_or_default();
    signature.ct_eq(expected).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scram_is_that_of_the_rfcs_example() {
        // RFC 7677, section 3.
        let nonce = "rOprNGfwEbeRWgbNEkqO".to_owned();
        let scram = Scram::new(Mechanism::ScramSha256, "user", "pencil", nonce);
        assert_eq!(scram.first(), b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let challenge = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                          s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let (last, expected) = scram.last(challenge).unwrap();
        assert_eq!(
            String::from_utf8(last).unwrap(),
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert_eq!(expected, b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
        assert!(is_expected(&expected, &expected));
        assert!(!is_expected(b"e=other-error", &expected));
        assert_eq!(scram.last(b"r=another,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"), None);
    }
}
