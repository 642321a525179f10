//! Tokens of a workspace: any number of each kind, so that one is replaced without an outage.

use serde::{Deserialize, Serialize};

use super::{WorkspaceConfig, is_token};

/// The interface that a token gives access to.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// Signs calls of the recommender API from servers.
    Private,
    /// Signs calls of the recommender API from browsers.
    Public,
    /// The HTTP Basic user of the Profile API.
    Profile,
}

impl TokenKind {
    /// Every kind, in the order of the configuration keys.
    pub const ALL: [Self; 3] = [Self::Private, Self::Public, Self::Profile];

    /// The word for the kind. It is also the name of the token under the configuration key
    /// `<word>_token`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Public => "public",
            Self::Profile => "profile",
        }
    }
}

/// A named secret. The name serves to replace and to revoke it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// 1 to [`TOKEN_NAME_BYTES_MAX`] characters of a-z, A-Z, 0-9, `_`, `-` and `.`. The words of
    /// the kinds are the names of `private_token`, `public_token` and `profile_token`.
    pub name: String,
    /// The interface that it gives access to.
    pub kind: TokenKind,
    /// The secret, in plain text.
    pub token: String,
}

/// The longest name of a token, in bytes.
pub const TOKEN_NAME_BYTES_MAX: usize = 100;
/// The most tokens of a workspace beside `private_token`, `public_token` and `profile_token`: each
/// signature may have to be compared with every one of its kind.
pub const TOKENS_MAX: usize = 20;

impl WorkspaceConfig {
    /// Every token: those of the three keys of their own, then the further ones.
    pub fn all_tokens(&self) -> impl Iterator<Item = Token> + '_ {
        let own = TokenKind::ALL.into_iter().filter_map(|kind| {
            let token = self.token_key(kind).clone()?;
            Some(Token { name: kind.word().to_owned(), kind, token })
        });
        own.chain(self.tokens.iter().cloned())
    }

    /// The secrets of a kind.
    pub fn secrets(&self, kind: TokenKind) -> impl Iterator<Item = &str> {
        let others = self.tokens.iter().filter(move |token| token.kind == kind);
        self.token_key(kind).as_deref().into_iter().chain(others.map(|token| token.token.as_str()))
    }

    /// The token of a name.
    pub fn token(&self, name: &str) -> Option<Token> {
        self.all_tokens().find(|token| token.name == name)
    }

    /// Adds a token or replaces the one of its name.
    pub fn put_token(&mut self, token: Token) {
        match TokenKind::ALL.into_iter().find(|kind| kind.word() == token.name) {
            Some(kind) => *self.token_key_mut(kind) = Some(token.token),
            None => super::put_named(&mut self.tokens, token, |token| &token.name),
        }
    }

    /// Removes a token; false where there is none of this name.
    pub fn remove_token(&mut self, name: &str) -> bool {
        match TokenKind::ALL.into_iter().find(|kind| kind.word() == name) {
            Some(kind) => self.token_key_mut(kind).take().is_some(),
            None => super::remove_named(&mut self.tokens, name, |token| &token.name),
        }
    }

    fn token_key(&self, kind: TokenKind) -> &Option<String> {
        match kind {
            TokenKind::Private => &self.private_token,
            TokenKind::Public => &self.public_token,
            TokenKind::Profile => &self.profile_token,
        }
    }

    fn token_key_mut(&mut self, kind: TokenKind) -> &mut Option<String> {
        match kind {
            TokenKind::Private => &mut self.private_token,
            TokenKind::Public => &mut self.public_token,
            TokenKind::Profile => &mut self.profile_token,
        }
    }

    /// # Errors
    /// A sentence that names the token and what is wrong with it.
    pub(super) fn check_tokens(&self) -> Result<(), String> {
        if self.tokens.len() > TOKENS_MAX {
            return Err(format!("{} tokens exceed the limit of {TOKENS_MAX}", self.tokens.len()));
        }
        for (n, token) in self.tokens.iter().enumerate() {
            let name = &token.name;
            let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
            if !(1..=TOKEN_NAME_BYTES_MAX).contains(&name.len()) || !name.bytes().all(is_allowed) {
                return Err(format!(
                    "token {name:?}: name must be 1 to {TOKEN_NAME_BYTES_MAX} characters of a-z, A-Z, 0-9, '_', '-' and '.'"
                ));
            }
            if TokenKind::ALL.iter().any(|kind| kind.word() == name) {
                return Err(format!(
                    "token {name:?}: this name belongs to the key {name}_token; choose another"
                ));
            }
            if !is_token(&token.token) {
                return Err(format!("token {name:?}: token must be {}", super::token_form()));
            }
            if self.tokens[..n].iter().any(|other| other.name == *name) {
                return Err(format!("two tokens are named {name:?}"));
            }
            if let Some(same) =
                self.all_tokens().find(|it| it.token == token.token && it.name != *name)
            {
                return Err(format!(
                    "token {name:?}: token is that of token {:?}: each needs its own",
                    same.name
                ));
            }
        }
        Ok(())
    }
}
