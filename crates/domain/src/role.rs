//! Roles of callers of the admin API, and what each may do.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::WorkspaceId;

/// A set of rights that an account or an API key has.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees people, and what they need to understand a list; changes what people asked to be sent,
    /// and nothing else.
    Support,
    /// Reads everything of a workspace; changes nothing.
    Analyst,
    /// Changes workspaces.
    Editor,
    /// Changes everything, accounts included.
    Owner,
}

/// What a call of the admin API takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Right {
    /// To see people with their lists, and the items, scenarios and refused messages behind them.
    SeePeople,
    /// To change what people are subscribed to.
    ChangeSubscriptions,
    /// To read figures, models and configuration.
    ReadWorkspace,
    /// To change what a workspace has: catalog, configuration, models.
    ChangeWorkspace,
    /// To make and remove workspaces, accounts and keys, and to read the audit.
    Administer,
}

impl Role {
    /// All roles. Each has the rights of those before it.
    pub const ALL: [Self; 4] = [Self::Support, Self::Analyst, Self::Editor, Self::Owner];

    /// The word for it in APIs and files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Support => "support",
            Self::Analyst => "analyst",
            Self::Editor => "editor",
            Self::Owner => "owner",
        }
    }

    /// Whether it has a right.
    pub fn has(self, right: Right) -> bool {
        self >= right.least_role()
    }
}

impl Right {
    /// The role with the fewest rights that has this one.
    pub fn least_role(self) -> Role {
        match self {
            Self::SeePeople | Self::ChangeSubscriptions => Role::Support,
            Self::ReadWorkspace => Role::Analyst,
            Self::ChangeWorkspace => Role::Editor,
            Self::Administer => Role::Owner,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl std::str::FromStr for Role {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let named = Self::ALL.into_iter().find(|role| role.word() == word);
        named.ok_or_else(|| {
            let words = Self::ALL.map(Self::word).join(", ");
            format!("{word:?} is no role; there are: {words}")
        })
    }
}

/// The most workspaces that a grant may name.
pub const GRANT_WORKSPACES_MAX: usize = 100;

/// A role, in all workspaces or in some.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The role.
    pub role: Role,
    /// The workspaces that it is limited to; none where it holds for all, later ones included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspaces: Option<BTreeSet<WorkspaceId>>,
}

impl Grant {
    /// A role in all workspaces.
    pub fn everywhere(role: Role) -> Self {
        Self { role, workspaces: None }
    }

    /// Whether it covers a workspace.
    pub fn covers(&self, workspace: &str) -> bool {
        let is_named =
            |named: &BTreeSet<WorkspaceId>| named.iter().any(|named| named.as_str() == workspace);
        self.workspaces.as_ref().is_none_or(is_named)
    }

    /// Checks that it says something.
    ///
    /// # Errors
    /// If it names no workspace, too many, or limits an owner, who could take the limit away.
    pub fn validate(&self) -> Result<(), String> {
        match &self.workspaces {
            None => Ok(()),
            Some(_) if self.role == Role::Owner => Err(
                "workspaces: an owner administers all of them; leave it out, or choose another role"
                    .to_owned(),
            ),
            Some(named) if (1..=GRANT_WORKSPACES_MAX).contains(&named.len()) => Ok(()),
            Some(named) => Err(format!(
                "workspaces names {}, it must be 1 to {GRANT_WORKSPACES_MAX}, or left out for all",
                named.len()
            )),
        }
    }
}
