//! Entries of the installation's journal, and how they are written.
//!
//! As in the journals of workspaces, an encoded entry is three MessagePack values in a row: the
//! version of the encoding, the version of the build that wrote it, and the entry, with the names
//! of fields and variants. Names are permanent; a new field needs `#[serde(default)]`. Builds
//! before accounts wrote three variants by their number instead, which is below every version.

use domain::{Grant, Role, Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};

use super::{PasswordHash, SecretHash};

/// The version of the encoding. It stays the same when fields and variants are added.
const VERSION: u8 = 6;
/// The version of this build. It is written into each entry.
const BUILD: &str = env!("CARGO_PKG_VERSION");

/// One fact in the journal of the installation. It carries its time: the fold has no clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// When it was written; none in entries of builds before accounts.
    pub(super) at: Option<Timestamp>,
    /// Who did it; none in those.
    pub(super) by: Option<Actor>,
    /// The fact.
    pub(super) fact: Fact,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Fact {
    /// Something of the installation changed.
    Changed(Change),
    /// Something else was done, or was tried.
    Done(Deed),
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// A person with an account.
    Account {
        /// The e-mail address.
        email: String,
    },
    /// A program with an API key.
    ApiKey {
        /// The name of the key.
        name: String,
    },
    /// Whoever has the `admin_token` of the bootstrap file.
    BootstrapToken,
    /// The bootstrap file.
    BootstrapFile,
    /// Whoever runs commands on the data folder.
    CommandLine,
}

impl Actor {
    /// The kind of actor, in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Account { .. } => "account",
            Self::ApiKey { .. } => "api_key",
            Self::BootstrapToken => "bootstrap_token",
            Self::BootstrapFile => "bootstrap_file",
            Self::CommandLine => "command_line",
        }
    }

    /// The name among its kind.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Account { email } => Some(email),
            Self::ApiKey { name } => Some(name),
            Self::BootstrapToken | Self::BootstrapFile | Self::CommandLine => None,
        }
    }
}

/// A change of what belongs to the installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The bootstrap file sets its `admin_token`.
    SetBootstrapKey {
        /// The hash of the token.
        hash: SecretHash,
    },
    /// A new API key.
    AddApiKey {
        /// The name.
        name: String,
        /// What it opens.
        grant: Grant,
        /// The hash of the key.
        hash: SecretHash,
    },
    /// An API key is no longer valid.
    RemoveApiKey {
        /// The name.
        name: String,
    },
    /// A new account, with a password.
    AddAccount {
        /// The e-mail address.
        email: String,
        /// What the person may do.
        grant: Grant,
        /// The hash of the password.
        password: PasswordHash,
    },
    /// The rights of an account, or whether it may sign in. Ends its sessions.
    ChangeAccount {
        /// The e-mail address.
        email: String,
        /// What the person may do from now on.
        grant: Grant,
        /// Whether the person cannot sign in.
        is_disabled: bool,
    },
    /// An account is gone, with its sessions and its invitation.
    RemoveAccount {
        /// The e-mail address.
        email: String,
    },
    /// Another password. Ends the sessions of the account.
    SetPassword {
        /// The e-mail address.
        email: String,
        /// The hash of the password.
        password: PasswordHash,
    },
    /// An invitation, in place of an earlier one for the same address.
    Invite {
        /// The e-mail address.
        email: String,
        /// What the person may do; of an account that exists, what it may do already.
        grant: Grant,
        /// The hash of the invitation's secret.
        token: SecretHash,
    },
    /// An invitation is no longer valid.
    WithdrawInvitation {
        /// The e-mail address.
        email: String,
    },
    /// Somebody who was invited chose a password: for a new account, or another one for theirs.
    AcceptInvitation {
        /// The e-mail address.
        email: String,
        /// The hash of the invitation's secret.
        token: SecretHash,
        /// The hash of the password.
        password: PasswordHash,
    },
    /// Somebody signed in.
    OpenSession {
        /// The e-mail address.
        email: String,
        /// The hash of the session's token.
        token: SecretHash,
    },
    /// A session was used.
    UseSession {
        /// The hash of the session's token.
        token: SecretHash,
    },
    /// Somebody signed out.
    EndSession {
        /// The hash of the session's token.
        token: SecretHash,
    },
    /// Somebody signed out everywhere.
    EndSessions {
        /// The e-mail address.
        email: String,
    },
}

impl Change {
    /// What it does and to what, for the audit; none for what nobody does on purpose.
    pub(super) fn describe(&self) -> Option<(&'static str, Option<&str>)> {
        let (action, resource) = match self {
            Self::SetBootstrapKey { .. } => ("bootstrap_key.set", None),
            Self::AddApiKey { name, .. } => ("api_key.create", Some(name)),
            Self::RemoveApiKey { name } => ("api_key.delete", Some(name)),
            Self::AddAccount { email, .. } => ("account.create", Some(email)),
            Self::ChangeAccount { email, .. } => ("account.update", Some(email)),
            Self::RemoveAccount { email } => ("account.delete", Some(email)),
            Self::SetPassword { email, .. } => ("password.update", Some(email)),
            Self::Invite { email, .. } => ("invitation.create", Some(email)),
            Self::WithdrawInvitation { email } => ("invitation.delete", Some(email)),
            Self::AcceptInvitation { email, .. } => ("invitation.accept", Some(email)),
            Self::OpenSession { email, .. } => ("session.create", Some(email)),
            Self::UseSession { .. } => return None,
            Self::EndSession { .. } => ("session.delete", None),
            Self::EndSessions { email } => ("sessions.delete", Some(email)),
        };
        Some((action, resource.map(String::as_str)))
    }
}

/// Something that was done or tried and changed nothing of the installation itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    /// What was done, such as `scenario.put`.
    pub action: String,
    /// To what, by its name.
    #[serde(default)]
    pub resource: Option<String>,
    /// In which workspace; none where it belongs to none.
    #[serde(default)]
    pub workspace: Option<WorkspaceId>,
    /// How it ended.
    pub outcome: DeedOutcome,
}

/// How something ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeedOutcome {
    /// It was done.
    Done,
    /// It was refused, and nothing was done.
    Refused,
    /// It failed, perhaps in part.
    Failed,
}

impl DeedOutcome {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// The entries of builds before accounts, told apart by their number. Their order is permanent.
#[derive(Serialize, Deserialize)]
enum PositionalEntry {
    /// SHA-256 of the token that the bootstrap file gives administrators.
    AdminToken([u8; 32]),
    /// SHA-256 of a further token, by its name.
    NamedToken { name: String, hash: [u8; 32] },
    /// An administrators' token is no longer valid.
    Revoked { name: String },
}

/// The highest first byte of a [`PositionalEntry`].
const POSITIONAL_MAX: u8 = 2;

impl From<PositionalEntry> for Entry {
    fn from(entry: PositionalEntry) -> Self {
        let change = match entry {
            PositionalEntry::AdminToken(hash) => Change::SetBootstrapKey { hash: SecretHash(hash) },
            PositionalEntry::NamedToken { name, hash } => Change::AddApiKey {
                name,
                grant: Grant::everywhere(Role::Owner),
                hash: SecretHash(hash),
            },
            PositionalEntry::Revoked { name } => Change::RemoveApiKey { name },
        };
        Self { at: None, by: None, fact: Fact::Changed(change) }
    }
}

impl Entry {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        let mut to = rmp_serde::Serializer::new(&mut bytes).with_struct_map();
        let written = BUILD.serialize(&mut to).and_then(|()| self.serialize(&mut to));
        written.expect("entries of plain fields always encode");
        bytes
    }

    /// # Errors
    /// If it was written by a later build, or the bytes are malformed: what was found.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, String> {
        match bytes.split_first() {
            Some((&VERSION, rest)) => {
                let mut from = rmp_serde::Deserializer::from_read_ref(rest);
                let written_by =
                    <&str>::deserialize(&mut from).map_err(|error| error.to_string())?;
                Self::deserialize(&mut from).map_err(|error| {
                    format!("an entry was written by Tastemaker {written_by}, and Tastemaker {BUILD} cannot read it ({error})")
                })
            }
            Some((..=POSITIONAL_MAX, _)) => postcard::from_bytes::<PositionalEntry>(bytes)
                .map(Self::from)
                .map_err(|error| error.to_string()),
            Some((found, _)) => Err(format!(
                "an entry has version {found}, and Tastemaker {BUILD} reads version {VERSION}: use the build that wrote it, or a later one"
            )),
            None => Err("an entry is empty".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_every_entry_are_pinned() {
        let grant = |role| Grant::everywhere(role);
        let limited = Grant {
            role: Role::Editor,
            workspaces: Some([WorkspaceId::new("shop").unwrap()].into()),
        };
        let hash = SecretHash([7; 32]);
        let email = || "ann@example.com".to_owned();
        let password: PasswordHash = serde_json::from_str(r#""$argon2id$""#).unwrap();
        let changes = [
            Change::SetBootstrapKey { hash },
            Change::AddApiKey { name: "ci".to_owned(), grant: limited, hash },
            Change::RemoveApiKey { name: "ci".to_owned() },
            Change::AddAccount {
                email: email(),
                grant: grant(Role::Owner),
                password: password.clone(),
            },
            Change::ChangeAccount {
                email: email(),
                grant: grant(Role::Analyst),
                is_disabled: true,
            },
            Change::RemoveAccount { email: email() },
            Change::SetPassword { email: email(), password: password.clone() },
            Change::Invite { email: email(), grant: grant(Role::Support), token: hash },
            Change::WithdrawInvitation { email: email() },
            Change::AcceptInvitation { email: email(), token: hash, password },
            Change::OpenSession { email: email(), token: hash },
            Change::UseSession { token: hash },
            Change::EndSession { token: hash },
            Change::EndSessions { email: email() },
        ];
        let deed = Deed {
            action: "scenario.put".to_owned(),
            resource: Some("homepage".to_owned()),
            workspace: Some(WorkspaceId::new("shop").unwrap()),
            outcome: DeedOutcome::Refused,
        };
        let actors = [
            Actor::Account { email: email() },
            Actor::ApiKey { name: "ci".to_owned() },
            Actor::BootstrapToken,
            Actor::BootstrapFile,
            Actor::CommandLine,
        ];
        let facts = changes.into_iter().map(Fact::Changed).chain([Fact::Done(deed)]);
        let mut lines = Vec::new();
        for (n, fact) in facts.enumerate() {
            let by = Some(actors[n % actors.len()].clone());
            let entry = Entry { at: Some(Timestamp(1_000)), by, fact };
            let bytes = entry.encode();
            assert_eq!(Entry::decode(&bytes).as_ref(), Ok(&entry));
            // The build's version is skipped: it is not the same for ever.
            lines.push(bytes[2 + BUILD.len()..].escape_ascii().to_string());
        }
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn unreadable_entries_say_why() {
        for bytes in [&[][..], &[3], &[9, 1], &[VERSION], &[0, 1, 2]] {
            assert!(Entry::decode(bytes).is_err(), "{bytes:?}");
        }
    }
}
