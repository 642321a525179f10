//! The bootstrap file: workspaces and their configurations. It is applied by the same commands as
//! the admin API uses, those that lead from the configuration in force to that of the file.
//! Applying it twice changes nothing the second time.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use domain::{
    Destination, InteractionWeights, PRESETS_LATEST, Scenario, Source, Token, TraitDefinition,
    WeakSignalWeights, WorkspaceConfig, WorkspaceId,
};
use engine::installation::{Actor, Deed, DeedOutcome, InstallationJournal};
use engine::{ConfigChange, DataFolder, Engine, Problem};
use serde::Deserialize;

use crate::configuration;

/// The content of a bootstrap file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bootstrap {
    /// The bearer token of the admin API.
    admin_token: Option<String>,
    #[serde(default, rename = "workspace")]
    pub(crate) workspaces: Vec<BootstrapWorkspace>,
    /// Whether resources that the file does not name are removed from its workspaces.
    #[serde(skip)]
    prunes: bool,
}

/// A workspace of the file. Keys that the file leaves out stay as they are.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BootstrapWorkspace {
    pub(crate) id: WorkspaceId,
    name: Option<String>,
    private_token: Option<String>,
    public_token: Option<String>,
    profile_token: Option<String>,
    #[serde(default, rename = "token")]
    tokens: Vec<Token>,
    public_user_properties: Option<Vec<String>>,
    public_merge_users: Option<bool>,
    #[serde(default, rename = "source")]
    sources: Vec<Source>,
    #[serde(default, rename = "trait")]
    traits: Vec<TraitDefinition>,
    interaction_weights: Option<InteractionWeights>,
    presets: Option<u32>,
    weak_signals: Option<WeakSignalWeights>,
    #[serde(default, rename = "scenario")]
    scenarios: Vec<Scenario>,
    #[serde(default, rename = "destination")]
    destinations: Vec<Destination>,
}

impl BootstrapWorkspace {
    /// The configuration of the file, with defaults for missing keys.
    fn to_config(&self) -> WorkspaceConfig {
        let file = self.clone();
        WorkspaceConfig {
            name: file.name,
            private_token: file.private_token,
            public_token: file.public_token,
            profile_token: file.profile_token,
            tokens: file.tokens,
            public_user_properties: file.public_user_properties.unwrap_or_default(),
            public_merge_users: file.public_merge_users.unwrap_or_default(),
            sources: file.sources,
            traits: file.traits,
            interaction_weights: file.interaction_weights.unwrap_or_default(),
            scenarios: file.scenarios,
            destinations: file.destinations,
            presets: file.presets.or(Some(PRESETS_LATEST)),
            weak_signals: file.weak_signals.unwrap_or_default(),
            ..WorkspaceConfig::empty(file.id)
        }
    }

    /// The configuration in force, overridden by the file.
    fn override_config(&self, in_force: &WorkspaceConfig) -> WorkspaceConfig {
        let (file, mut config) = (self.to_config(), in_force.clone());
        config.name = file.name.clone().or(config.name);
        config.public_merge_users = self.public_merge_users.unwrap_or(config.public_merge_users);
        if let Some(properties) = &self.public_user_properties {
            config.public_user_properties.clone_from(properties);
        }
        config.interaction_weights = self.interaction_weights.unwrap_or(config.interaction_weights);
        config.presets = self.presets.or(config.presets);
        config.weak_signals = self.weak_signals.unwrap_or(config.weak_signals);
        file.all_tokens().for_each(|token| config.put_token(token));
        for mut source in file.sources {
            // Senders know a source by its key: with another name it is the same one.
            config
                .sources
                .retain(|other| other.name == source.name || other.write_key != source.write_key);
            // A file without an earlier key says nothing of a rotation that goes on.
            let present = config.source(&source.name);
            let present = present.filter(|present| present.write_key == source.write_key);
            let under_way = || present.and_then(|present| present.earlier_key.clone());
            source.earlier_key = source.earlier_key.or_else(under_way);
            config.put_source(&source.name.clone(), source);
        }
        file.traits.into_iter().for_each(|trait_| config.put_trait(trait_));
        file.scenarios.into_iter().for_each(|scenario| config.put_scenario(scenario));
        file.destinations.into_iter().for_each(|put| config.put_destination(put));
        config
    }
}

impl Bootstrap {
    pub(crate) fn read(path: &Path, prunes: bool) -> Result<Self> {
        let bootstrap = Self { prunes, ..configuration::read(path)? };
        bootstrap.validate().with_context(|| format!("cannot use {}", path.display()))?;
        Ok(bootstrap)
    }

    fn validate(&self) -> Result<()> {
        if self.admin_token.as_ref().is_some_and(String::is_empty) {
            bail!("admin_token is empty");
        }
        for (n, workspace) in self.workspaces.iter().enumerate() {
            let config = workspace.to_config();
            config.validate()?;
            engine::check_config(&config).map_err(anyhow::Error::msg)?;
            if self.workspaces[..n].iter().any(|other| other.id == workspace.id) {
                bail!("two workspaces have the id {}", workspace.id);
            }
        }
        Ok(())
    }

    /// The workspaces of the file that do not exist yet.
    pub(crate) fn new_workspaces(
        &self,
        is_there: impl Fn(&WorkspaceId) -> bool,
    ) -> Vec<WorkspaceConfig> {
        self.workspaces
            .iter()
            .filter(|workspace| !is_there(&workspace.id))
            .map(BootstrapWorkspace::to_config)
            .collect()
    }

    /// Whether the file has another admin token than the one in force. `data` is none if the folder
    /// does not exist yet.
    pub(crate) fn changes_admin_token(&self, data: Option<&DataFolder>) -> bool {
        let is_set = |token: &String| data.is_some_and(|data| data.is_set_as_admin_token(token));
        self.admin_token.as_ref().is_some_and(|token| !is_set(token))
    }

    /// Sets the admin token of the file, if it has one.
    pub(crate) fn apply(&self, data: &DataFolder) -> Result<()> {
        if let Some(token) = &self.admin_token {
            data.set_admin_token(token)?;
        }
        Ok(())
    }

    /// The configuration that a workspace should have, given its present one.
    fn merge_config(&self, in_force: &WorkspaceConfig) -> WorkspaceConfig {
        match self.workspaces.iter().find(|workspace| workspace.id == in_force.id) {
            None => in_force.clone(),
            // Messages keep their meaning until the file names another set.
            Some(workspace) if self.prunes => WorkspaceConfig {
                presets: workspace.presets.or(in_force.presets),
                ..workspace.to_config()
            },
            Some(workspace) => workspace.override_config(in_force),
        }
    }
}

/// The configuration that each workspace should have: that of the file merged with the present one.
/// Changes nothing.
///
/// # Errors
/// If the merged configuration of a workspace is invalid, or two sources have the same write key.
pub(crate) fn merge_configs(
    bootstrap: Option<&Bootstrap>,
    engines: &[Arc<Engine>],
) -> Result<Vec<WorkspaceConfig>> {
    let merge = |engine: &Arc<Engine>| {
        let in_force = engine.config();
        let Some(bootstrap) = bootstrap else { return Ok((*in_force).clone()) };
        let config = bootstrap.merge_config(&in_force);
        let checked = config.validate();
        checked.context("the bootstrap file conflicts with the configuration in force")?;
        Ok(config)
    };
    let configs = engines.iter().map(merge).collect::<Result<Vec<WorkspaceConfig>>>()?;
    check_write_keys(configs.iter())?;
    Ok(configs)
}

/// Puts configurations in force, and notes in the audit that the file did it. A workspace that
/// cannot journal its own (for example, because the disk is full) keeps the present one and reports
/// a problem.
pub(crate) fn configure_each(
    installation: &InstallationJournal,
    engines: &[Arc<Engine>],
    configs: &[WorkspaceConfig],
) {
    for (engine, config) in engines.iter().zip(configs) {
        let changes = ConfigChange::diff(&engine.config(), config);
        for change in &changes {
            let (workspace, resource) = (engine.id(), change.resource());
            match change.is_removal() {
                true => tracing::info!(%workspace, %resource, "taken away by the bootstrap file"),
                false => tracing::info!(%workspace, %resource, "set by the bootstrap file"),
            }
        }
        let outcome = match engine.configure_as(config) {
            Ok(_) => DeedOutcome::Done,
            Err(error) => {
                engine.report_problem(Problem::NotConfigured { why: error.to_string() });
                DeedOutcome::Failed
            }
        };
        for change in &changes {
            let noted = installation.note(
                engine.now(),
                &Actor::BootstrapFile,
                deed(engine, change, outcome),
            );
            if let Err(error) = noted {
                tracing::error!(
                    error = engine::describe_error(&error),
                    "the audit misses a record"
                );
            }
        }
    }
}

/// The record of a change that the file made.
fn deed(engine: &Engine, change: &ConfigChange, outcome: DeedOutcome) -> Deed {
    let resource = change.resource();
    let verb = if change.is_removal() { "delete" } else { "put" };
    Deed {
        action: format!("{}.{verb}", resource.word()),
        resource: resource.name().map(str::to_owned),
        workspace: Some(engine.id().clone()),
        outcome,
    }
}

/// Checks that no write key belongs to two sources.
///
/// # Errors
/// If one does.
pub(crate) fn check_write_keys<'c>(
    configs: impl Iterator<Item = &'c WorkspaceConfig> + Clone,
) -> Result<()> {
    let sources = || {
        configs
            .clone()
            .flat_map(|config| config.sources.iter().map(move |source| (&config.id, source)))
    };
    for (n, (workspace, source)) in sources().enumerate() {
        if let Some((other, same)) = sources().take(n).find(|(_, other)| {
            other.write_keys().any(|key| source.write_keys().any(|own| own == key))
        }) {
            bail!(
                "source {:?} of workspace {workspace} has the write_key of source {:?} of workspace {other}: give each its own",
                source.name,
                same.name
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use domain::Endpoint;
    use engine::installation::AuditFilter;
    use engine::{Entry, Expected};

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

    /// A workspace in a folder of its own.
    struct Shop {
        engine: Arc<Engine>,
        data: DataFolder,
        _folder: tempfile::TempDir,
    }

    impl Shop {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let id = WorkspaceId::new("shop").unwrap();
            let engine = Arc::new(Engine::open(id, folder.path(), &|_, _| {}).unwrap());
            let data = DataFolder::open(&folder.path().join("installation")).unwrap();
            Self { engine, data, _folder: folder }
        }

        /// How many entries the journal got by it.
        fn apply(&self, text: &str, prunes: bool) -> u64 {
            let bootstrap = Bootstrap { prunes, ..parse(text).unwrap() };
            bootstrap.validate().unwrap();
            let before = self.engine.counts().journal_entries;
            let engines = [Arc::clone(&self.engine)];
            let configs = merge_configs(Some(&bootstrap), &engines).unwrap();
            configure_each(self.data.installation(), &engines, &configs);
            let problems = self.engine.problems();
            let is_refused = |problem: &Problem| matches!(problem, Problem::NotConfigured { .. });
            assert!(!problems.iter().any(is_refused), "{problems:?}");
            self.engine.counts().journal_entries - before
        }

        fn put_scenario(&self, scenario: &Scenario) {
            let change = ConfigChange::put_scenario(scenario);
            self.engine.change_config(change, Expected::Anything).unwrap();
        }
    }

    #[test]
    fn scenarios_of_the_file_win_by_name_and_those_of_the_api_stay() {
        let shop = Shop::new();
        let file: Bootstrap = parse(SHOP).unwrap();
        let of_file = file.workspaces[0].scenarios[0].clone();
        assert_eq!(shop.apply(SHOP, false), 1);
        let named = |name: &str| Scenario::new(name, Endpoint::SearchItems);
        shop.put_scenario(&named("api"));
        shop.put_scenario(&named("homepage"));
        assert_eq!(
            shop.engine.config().scenario("homepage").unwrap().endpoint,
            Endpoint::SearchItems
        );
        assert_eq!(
            shop.apply(SHOP, false),
            2,
            "the scenario that fitted is noted before it is replaced"
        );
        let in_force = shop.engine.config();
        assert_eq!(in_force.scenarios, [of_file.clone(), named("api")]);
        assert_eq!(shop.apply(SHOP, false), 0, "nothing has changed");
        assert_eq!(shop.apply(SHOP, true), 1, "it names no other");
        assert_eq!(shop.engine.config().scenarios, [of_file]);
    }

    #[test]
    fn a_file_changes_what_it_names_and_takes_nothing_away_unless_it_prunes() {
        let shop = Shop::new();
        let first = "[[workspace]]\nid = \"shop\"\nname = \"Shop\"\nprivate_token = \"p\"\npublic_merge_users = true\n\
            [workspace.interaction_weights]\nview = 0.2\n[[workspace.source]]\nname = \"web\"\nwrite_key = \"k1\"\n\
            [[workspace.token]]\nname = \"second\"\nkind = \"private\"\ntoken = \"s\"\n\
            [[workspace.trait]]\nkey = \"t\"\nkind = \"recommended_items\"\n";
        assert_eq!(shop.apply(first, false), 6);
        let audit = shop.data.installation().audit(&AuditFilter::default(), None, 100).unwrap();
        assert!(audit.records.iter().all(|record| record.by == Actor::BootstrapFile));
        let is_noted =
            |action: &str| audit.records.iter().any(|record| record.deed.action == action);
        assert!(is_noted("source.put") && is_noted("token.put") && is_noted("settings.put"));
        let then = shop.engine.config();
        let second = "[[workspace]]\nid = \"shop\"\n[[workspace.source]]\nname = \"app\"\nwrite_key = \"k2\"\n";
        assert_eq!(shop.apply(second, false), 1);
        let mut expected = (*then).clone();
        expected.sources.extend(parse::<Bootstrap>(second).unwrap().workspaces[0].sources.clone());
        assert_eq!(*shop.engine.config(), expected);

        // Senders of the key k1 go on.
        let renamed = "[[workspace]]\nid = \"shop\"\n[[workspace.source]]\nname = \"site\"\nwrite_key = \"k1\"\n";
        assert_eq!(shop.apply(renamed, false), 2);
        let names = |shop: &Shop| -> Vec<String> {
            shop.engine.config().sources.iter().map(|source| source.name.clone()).collect()
        };
        assert_eq!(names(&shop), ["app", "site"]);

        let swapped = "[[workspace]]\nid = \"shop\"\n[[workspace.source]]\nname = \"app\"\nwrite_key = \"k1\"\n\
            [[workspace.source]]\nname = \"site\"\nwrite_key = \"k2\"\n";
        assert_eq!(shop.apply(swapped, false), 2, "keys may change places");
        shop.apply("[[workspace]]\nid = \"shop\"\n", true);
        assert_eq!(*shop.engine.config(), WorkspaceConfig::empty(shop.engine.id().clone()));
    }

    #[test]
    fn a_new_workspace_has_the_newest_presets_and_one_in_use_keeps_its_set_until_the_file_names_another()
     {
        let folder = tempfile::tempdir().unwrap();
        let file = |keys: &str| {
            parse::<Bootstrap>(&format!("[[workspace]]\nid = \"shop\"\n{keys}")).unwrap()
        };
        let id = file("").workspaces[0].id.clone();
        let engine = Arc::new(Engine::open(id.clone(), folder.path(), &|_, _| {}).unwrap());
        let data = DataFolder::open(&folder.path().join("installation")).unwrap();
        let set_after = |keys: &str| {
            let configs = merge_configs(Some(&file(keys)), std::slice::from_ref(&engine)).unwrap();
            configure_each(data.installation(), std::slice::from_ref(&engine), &configs);
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
            check(&format!(
                "[[workspace]]\nid = \"a\"\n[[workspace.scenario]]\nname = \"home\"\n{rest}"
            ))
        };
        let of_items = |rest| scenario(format!("endpoint = \"recommendItemsToUser\"\n{rest}"));
        insta::assert_snapshot!(of_items("filtre = \"'available'\""));
        insta::assert_snapshot!(of_items(
            "[[workspace.scenario.group]]\nname = \"b\"\nshare = 1\ndiverse = 0.2"
        ));
        insta::assert_snapshot!(of_items("diversity = 2"), @r#"workspace a: scenario "home": diversity is 2, it must be from 0 to 1"#);
        insta::assert_snapshot!(of_items(
            "[workspace.scenario.promoted]\nfilter = \"'a\"\nshare = 0.2"
        ));
        insta::assert_snapshot!(scenario("endpoint = \"recommendItem\"".to_owned()));
        let destination =
            |rest| check(&format!("[[workspace]]\nid = \"a\"\n[[workspace.destination]]\n{rest}"));
        insta::assert_snapshot!(destination("name = \"shop\""), @r#"workspace a: destination "shop": there is only "engine""#);
        insta::assert_snapshot!(destination(
            "name = \"engine\"\nmappings = [{ name = \"Liked\" }]"
        ));
    }

    #[test]
    fn the_how_to_page_lists_every_logic_that_traits_take() {
        let page = include_str!("../../../docs/bootstrap.md");
        let (_, section) = page.split_once("## workspace.trait\n").unwrap();
        let row = section.lines().find(|line| line.starts_with("| `logic`")).unwrap();
        let listed: Vec<&str> =
            row.split('|').nth(2).unwrap().split('`').skip(1).step_by(2).collect();
        for logic in domain::Logic::ALL {
            let word = serde_json::to_value(logic).unwrap();
            let definition = TraitDefinition { logic, ..TraitDefinition::recommended_items("t") };
            let is_taken = definition.list().validate_for_user().is_ok();
            assert_eq!(listed.contains(&word.as_str().unwrap()), is_taken, "{word}");
        }
    }

    #[test]
    fn the_how_to_page_lists_every_key_and_no_other() {
        let page = include_str!("../../../docs/bootstrap.md");
        let known = |text: &str| keys_known::<Bootstrap>(text);
        let in_workspace =
            |text: &str| known(&format!("[[workspace]]\nid = \"a\"\n{text}\nunknown = 1"));
        assert_eq!(keys_listed(page, "Top level"), known("unknown = 1"));
        assert_eq!(keys_listed(page, "workspace"), in_workspace(""));
        for (section, text) in [
            ("workspace.source", "[[workspace.source]]"),
            ("workspace.token", "[[workspace.token]]"),
            ("workspace.trait", "[[workspace.trait]]"),
            ("workspace.interaction_weights", "[workspace.interaction_weights]"),
            ("workspace.scenario", "[[workspace.scenario]]"),
            ("workspace.weak_signals", "[workspace.weak_signals]"),
            ("workspace.destination", "[[workspace.destination]]"),
        ] {
            assert_eq!(keys_listed(page, section), in_workspace(text), "{section}");
        }
    }
}
