//! The bootstrap file: which workspaces there are and how they are set up. Applying it twice changes nothing the second time.

use std::path::Path;

use anyhow::{Context, Result, bail};
use domain::WorkspaceConfig;
use engine::{DataFolder, Engine, Entry};
use serde::Deserialize;

use crate::configuration;

/// What the file asks for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bootstrap {
    /// The bearer token of the admin API.
    admin_token: Option<String>,
    #[serde(default, rename = "workspace")]
    pub(crate) workspaces: Vec<WorkspaceConfig>,
}

impl Bootstrap {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let bootstrap: Self = configuration::read(path)?;
        bootstrap.validate().with_context(|| format!("cannot use {}", path.display()))?;
        Ok(bootstrap)
    }

    fn validate(&self) -> Result<()> {
        if self.admin_token.as_ref().is_some_and(String::is_empty) {
            bail!("admin_token is empty");
        }
        for (n, workspace) in self.workspaces.iter().enumerate() {
            workspace.validate()?;
            if self.workspaces[..n].iter().any(|other| other.id == workspace.id) {
                bail!("two workspaces have the id {}", workspace.id);
            }
        }
        Ok(())
    }

    /// Sets the admin token, where there is one.
    pub(crate) fn apply(&self, data: &DataFolder) -> Result<()> {
        if let Some(token) = &self.admin_token {
            data.set_admin_token(token)?;
        }
        Ok(())
    }
}

/// A write key names one source of one workspace.
pub(crate) fn check_write_keys(configs: &[WorkspaceConfig]) -> Result<()> {
    let sources =
        || configs.iter().flat_map(|config| config.sources.iter().map(move |source| (&config.id, source)));
    for (n, (workspace, source)) in sources().enumerate() {
        if let Some((other, same)) = sources().take(n).find(|(_, other)| other.write_key == source.write_key)
        {
            bail!(
                "source {:?} of workspace {workspace} has the write_key of source {:?} of workspace {other}: give each its own",
                source.name,
                same.name
            );
        }
    }
    Ok(())
}

/// Journals a configuration, unless it is the one in force.
pub(crate) fn configure(engine: &Engine, config: &WorkspaceConfig) -> Result<()> {
    if engine.config() != *config {
        engine.submit_blocking(vec![Entry::Configured(config.clone())])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::parse;

    #[test]
    fn mistakes_are_named() {
        let check = |text: &str| {
            let read = parse::<Bootstrap>(text).and_then(|bootstrap| bootstrap.validate());
            read.unwrap_err().to_string()
        };
        insta::assert_snapshot!(check("[[workspace]]\nid = \"shop\"\nwrite_kye = \"x\""));
        insta::assert_snapshot!(check("[[workspace]]\nid = \"Shop\""));
        insta::assert_snapshot!(check("[[workspace]]\nid = \"v1\""));
        insta::assert_snapshot!(check("[[workspace]]\nid = \"a\"\n[[workspace]]\nid = \"a\""), @"two workspaces have the id a");
        let trait_ = |rest| {
            check(&format!(
                "[[workspace]]\nid = \"a\"\n[[workspace.trait]]\nkind = \"recommended_items\"\n{rest}"
            ))
        };
        insta::assert_snapshot!(trait_("key = \"x\"\ncount = 0"), @r#"workspace a: trait "x": count must be 1 to 200"#);
        insta::assert_snapshot!(trait_("key = \"x y\""));
        insta::assert_snapshot!(trait_("key = \"x\"\nexclude = \"bought\""));
    }
}
