//! The bootstrap file: which workspaces there are and how they are set up. Applying it twice changes nothing the second time.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use domain::WorkspaceConfig;
use engine::{DataFolder, Engine, Entry, Problem};
use serde::Deserialize;

use crate::configuration;

/// What the file asks for.
#[derive(Debug, Clone, Deserialize)]
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
            engine::check_config(workspace).map_err(anyhow::Error::msg)?;
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

/// What is to be in force in each workspace: what the file asks for, or what is in force. Changes nothing.
///
/// # Errors
/// Where what the file asks for does not go together with what is in force.
pub(crate) fn configs_asked_for(
    bootstrap: Option<&Bootstrap>,
    engines: &[Arc<Engine>],
) -> Result<Vec<WorkspaceConfig>> {
    let asked_for = |engine: &Arc<Engine>| {
        let in_force = (*engine.config()).clone();
        let mut asked = bootstrap.into_iter().flat_map(|bootstrap| &bootstrap.workspaces);
        match asked.find(|config| config.id == *engine.id()) {
            None => Ok(in_force),
            Some(asked) => with_scenarios_of(asked, in_force),
        }
    };
    let configs = engines.iter().map(asked_for).collect::<Result<Vec<WorkspaceConfig>>>()?;
    check_write_keys(&configs)?;
    Ok(configs)
}

/// Puts configurations in force. A workspace that cannot write it down (its disk is full, say) goes on with what is in force.
pub(crate) fn configure_each(engines: &[Arc<Engine>], configs: &[WorkspaceConfig]) {
    for (engine, config) in engines.iter().zip(configs) {
        if let Err(error) = configure(engine, config) {
            engine.report_problem(Problem::NotConfigured { why: format!("{error:#}") });
        }
    }
}

/// A write key names one source of one workspace.
fn check_write_keys(configs: &[WorkspaceConfig]) -> Result<()> {
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

/// What a file asks for, with the scenarios in force that it does not name: those were made over the API. A file that
/// names no set of presets leaves the one in force.
fn with_scenarios_of(asked: &WorkspaceConfig, in_force: WorkspaceConfig) -> Result<WorkspaceConfig> {
    let mut merged = asked.clone();
    merged.presets = asked.presets.or(in_force.presets);
    let others = in_force.scenarios.into_iter().filter(|scenario| asked.scenario(&scenario.name).is_none());
    merged.scenarios.extend(others);
    merged.validate().context("the file's scenarios and those made over the API do not go together")?;
    Ok(merged)
}

/// Journals a configuration, unless it is the one in force.
pub(crate) fn configure(engine: &Engine, config: &WorkspaceConfig) -> Result<()> {
    if *engine.config() != *config {
        engine.submit_blocking(vec![Entry::Configured(config.clone())])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use domain::{Endpoint, Scenario};

    use super::*;
    use crate::configuration::documented::{keys_known, keys_listed};
    use crate::configuration::parse;

    const SHOP: &str = r#"
[[workspace]]
id = "shop"

[[workspace.scenario]]
name = "homepage"
endpoint = "recommendItemsToUser"
filter = "'available'"

[[workspace.scenario.group]]
name = "diverse"
share = 0.5
diversity = 0.4

[[workspace.scenario.group]]
name = "same"
share = 0.5
"#;

    #[test]
    fn scenarios_of_the_file_win_by_name_and_those_of_the_api_stay() {
        let folder = tempfile::tempdir().unwrap();
        let bootstrap: Bootstrap = parse(SHOP).unwrap();
        bootstrap.validate().unwrap();
        let asked = &bootstrap.workspaces[0];
        let engine = Engine::open(asked.id.clone(), folder.path(), &|_, _| {}).unwrap();
        let apply = || {
            let merged = with_scenarios_of(asked, (*engine.config()).clone()).unwrap();
            configure(&engine, &merged).unwrap();
        };
        apply();
        let named = |name: &str| Scenario::new(name, Endpoint::SearchItems);
        assert!(engine.put_scenario(&named("api")).unwrap());
        assert!(!engine.put_scenario(&named("homepage")).unwrap());
        assert_eq!(engine.scenario("homepage").unwrap().endpoint, Endpoint::SearchItems);
        apply();
        let in_force = engine.config();
        assert_eq!(in_force.scenarios, [asked.scenarios[0].clone(), named("api")]);
        apply();
        assert_eq!(engine.config(), in_force);
        engine.delete_scenario("homepage").unwrap();
        apply();
        assert_eq!(engine.config(), in_force);
    }

    #[test]
    fn a_new_workspace_has_the_newest_presets_and_one_in_use_keeps_its_set_until_the_file_names_another() {
        let folder = tempfile::tempdir().unwrap();
        let file = |keys: &str| parse::<Bootstrap>(&format!("[[workspace]]\nid = \"shop\"\n{keys}")).unwrap();
        let id = file("").workspaces[0].id.clone();
        let engine = Arc::new(Engine::open(id.clone(), folder.path(), &|_, _| {}).unwrap());
        let set_after = |keys: &str| {
            let configs = configs_asked_for(Some(&file(keys)), std::slice::from_ref(&engine)).unwrap();
            configure_each(std::slice::from_ref(&engine), &configs);
            engine.config().preset_set()
        };
        assert_eq!(set_after(""), domain::PRESETS_LATEST);
        // As workspaces were configured before there were sets.
        let before = WorkspaceConfig { presets: None, ..WorkspaceConfig::empty(id) };
        engine.submit_blocking(vec![Entry::Configured(before)]).unwrap();
        assert_eq!(set_after("private_token = \"secret\""), 1);
        assert_eq!(set_after("presets = 2"), 2);
        assert_eq!(set_after(""), 2);
        let mistake = file("presets = 3").validate().unwrap_err().to_string();
        assert_eq!(mistake, "workspace shop: presets is 3, the sets are 1 to 2");
    }

    #[test]
    fn the_example_of_the_documentation_is_a_bootstrap_file() {
        let page = include_str!("../../../docs/recommender-api.md");
        let (example, _) = page.split_once("```toml\n").unwrap().1.split_once("```").unwrap();
        let bootstrap: Bootstrap = parse(example).unwrap();
        bootstrap.validate().unwrap();
        assert_eq!(bootstrap.workspaces[0].scenarios.len(), 2);
    }

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
        let scenario = |rest| {
            check(&format!("[[workspace]]\nid = \"a\"\n[[workspace.scenario]]\nname = \"home\"\n{rest}"))
        };
        let of_items = |rest| scenario(format!("endpoint = \"recommendItemsToUser\"\n{rest}"));
        insta::assert_snapshot!(of_items("filtre = \"'available'\""));
        insta::assert_snapshot!(of_items(
            "[[workspace.scenario.group]]\nname = \"b\"\nshare = 1\ndiverse = 0.2"
        ));
        insta::assert_snapshot!(of_items("diversity = 2"), @r#"workspace a: scenario "home": diversity is 2, it must be from 0 to 1"#);
        insta::assert_snapshot!(of_items("[workspace.scenario.promoted]\nfilter = \"'a\"\nshare = 0.2"));
        insta::assert_snapshot!(scenario("endpoint = \"recommendItem\"".to_owned()));
    }

    #[test]
    fn the_how_to_page_lists_every_key_and_no_other() {
        let page = include_str!("../../../docs/bootstrap.md");
        let known = |text: &str| keys_known::<Bootstrap>(text);
        let in_workspace = |text: &str| known(&format!("[[workspace]]\nid = \"a\"\n{text}\nunknown = 1"));
        assert_eq!(keys_listed(page, "Top level"), known("unknown = 1"));
        assert_eq!(keys_listed(page, "workspace"), in_workspace(""));
        for (section, text) in [
            ("workspace.source", "[[workspace.source]]"),
            ("workspace.trait", "[[workspace.trait]]"),
            ("workspace.interaction_weights", "[workspace.interaction_weights]"),
            ("workspace.scenario", "[[workspace.scenario]]"),
            ("workspace.weak_signals", "[workspace.weak_signals]"),
        ] {
            assert_eq!(keys_listed(page, section), in_workspace(text), "{section}");
        }
    }
}
