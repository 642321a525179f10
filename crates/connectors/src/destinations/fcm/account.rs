//! A service account of Google, and the access tokens that it gets (OAuth 2, RFC 7523).

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use activation::Failure;
use reqwest::Method;
use ring::signature::RsaKeyPair;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;

use super::super::push::{INVALID_KEY, no_random_bytes, refused};
use crate::Outgoing;
use crate::outgoing::{HttpRequest, check_status, unreadable};
use crate::web_token::sign_rs256;

/// What a token may be used for.
const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
/// How long the claim that a token is asked for with is valid; the longest that is taken.
const CLAIM_VALID: Duration = Duration::from_secs(3_600);
/// A token is renewed when it is valid for no longer than this.
const RENEWED_BEFORE: Duration = Duration::from_secs(300);
/// The longest that a token is kept.
const TOKEN_KEPT_MAX: Duration = Duration::from_secs(3_600);

/// The members of a key file that are used; there are others.
#[derive(Deserialize)]
struct KeyFile {
    project_id: String,
    private_key_id: String,
    private_key: String,
    client_email: String,
}

/// The account, with the token that it has now.
pub(super) struct Account {
    pub(super) project_id: String,
    key_id: String,
    key: RsaKeyPair,
    email: String,
    token_url: String,
    /// Held while a token is fetched: whoever needs one meanwhile waits for it.
    token: Mutex<Option<Token>>,
}

#[derive(Clone)]
struct Token {
    text: String,
    until: Instant,
}

/// The answer of the token endpoint.
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expires_in: u64,
}

impl Account {
    /// Of a key file, as Google gives it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(file: &str, token_url: String) -> Result<Self, &'static str> {
        const NO_FILE: &str = "should be the JSON file of a service account's key, whole";
        let file: KeyFile = serde_json::from_str(file).map_err(|_| NO_FILE)?;
        let der = PrivatePkcs8KeyDer::from_pem_slice(file.private_key.as_bytes());
        let key = RsaKeyPair::from_pkcs8(der.map_err(|_| NO_FILE)?.secret_pkcs8_der());
        Ok(Self {
            project_id: file.project_id,
            key_id: file.private_key_id,
            key: key.map_err(|_| "has a private_key that is no RSA key of 2,048 bits or more")?,
            email: file.client_email,
            token_url,
            token: Mutex::new(None),
        })
    }

    /// A token that is valid for minutes at least, kept or new.
    ///
    /// # Errors
    /// If the endpoint gives none.
    pub(super) async fn token(&self, outgoing: &Outgoing) -> Result<String, Failure> {
        let mut kept = self.token.lock().await;
        if let Some(token) = kept.as_ref().filter(|token| Instant::now() < token.until) {
            return Ok(token.text.clone());
        }
        let token = self.fetch(outgoing).await?;
        let text = token.text.clone();
        *kept = Some(token);
        Ok(text)
    }

    /// Forgets a token that was not taken, unless there is another one already.
    pub(super) async fn forget(&self, text: &str) {
        let mut kept = self.token.lock().await;
        if kept.as_ref().is_some_and(|token| token.text == text) {
            *kept = None;
        }
    }

    async fn fetch(&self, outgoing: &Outgoing) -> Result<Token, Failure> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let claims = json!({"iss": self.email, "scope": SCOPE, "aud": self.token_url,
            "iat": now.as_secs(), "exp": (now + CLAIM_VALID).as_secs()});
        let assertion = sign_rs256(&self.key, Some(&self.key_id), &claims);
        let assertion = assertion.map_err(no_random_bytes)?;
        // Nothing in it needs to be encoded further.
        let form = format!(
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}"
        );
        let request = HttpRequest::json(Method::POST, self.token_url.clone(), form.into_bytes())
            .with_header("content-type", "application/x-www-form-urlencoded");
        let asked_at = Instant::now();
        let response = outgoing.request(request).await?;
        if matches!(response.status.as_u16(), 400 | 401 | 403) {
            return Err(refused(INVALID_KEY, &response));
        }
        check_status(&response)?;
        let answer: TokenAnswer = serde_json::from_slice(&response.body)
            .map_err(|error| unreadable(&format!("the token endpoint: {error}")))?;
        let valid = Duration::from_secs(answer.expires_in).min(TOKEN_KEPT_MAX);
        let until = asked_at + valid.saturating_sub(RENEWED_BEFORE);
        Ok(Token { text: answer.access_token, until })
    }
}
