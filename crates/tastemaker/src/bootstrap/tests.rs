//! Bootstrap files as people write them.

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
    assert_eq!(shop.engine.config().scenario("homepage").unwrap().endpoint, Endpoint::SearchItems);
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
    let is_noted = |action: &str| audit.records.iter().any(|record| record.deed.action == action);
    assert!(is_noted("source.put") && is_noted("token.put") && is_noted("settings.put"));
    let then = shop.engine.config();
    let second =
        "[[workspace]]\nid = \"shop\"\n[[workspace.source]]\nname = \"app\"\nwrite_key = \"k2\"\n";
    assert_eq!(shop.apply(second, false), 1);
    let mut expected = (*then).clone();
    expected.sources.extend(parse::<Bootstrap>(second).unwrap().workspaces[0].sources.clone());
    assert_eq!(*shop.engine.config(), expected);

    // Senders of the key k1 go on.
    let renamed =
        "[[workspace]]\nid = \"shop\"\n[[workspace.source]]\nname = \"site\"\nwrite_key = \"k1\"\n";
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
    let file =
        |keys: &str| parse::<Bootstrap>(&format!("[[workspace]]\nid = \"shop\"\n{keys}")).unwrap();
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
    let page = include_str!("../../../../docs/recommender-api.md");
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
    insta::assert_snapshot!(destination("name = \"shop\""), @r#"workspace a: destination "shop": kind is missing"#);
    insta::assert_snapshot!(destination("name = \"engine\"\nmappings = [{ name = \"Liked\" }]"));
}

#[test]
fn the_how_to_page_lists_every_logic_that_traits_take() {
    let page = include_str!("../../../../docs/bootstrap.md");
    let (_, section) = page.split_once("## workspace.trait\n").unwrap();
    let row = section.lines().find(|line| line.starts_with("| `logic`")).unwrap();
    let listed: Vec<&str> = row.split('|').nth(2).unwrap().split('`').skip(1).step_by(2).collect();
    for logic in domain::Logic::ALL {
        let word = serde_json::to_value(logic).unwrap();
        let definition = TraitDefinition { logic, ..TraitDefinition::recommended_items("t") };
        let is_taken = definition.list().validate_for_user().is_ok();
        assert_eq!(listed.contains(&word.as_str().unwrap()), is_taken, "{word}");
    }
}

#[test]
fn the_how_to_page_lists_every_key_and_no_other() {
    let page = include_str!("../../../../docs/bootstrap.md");
    let known = |text: &str| keys_known::<Bootstrap>(text);
    let in_workspace =
        |text: &str| known(&format!("[[workspace]]\nid = \"a\"\n{text}\nunknown = 1"));
    assert_eq!(keys_listed(page, "Top level"), known("unknown = 1"));
    assert_eq!(keys_listed(page, "workspace"), in_workspace(""));
    for (section, text) in [
        ("workspace.source", "[[workspace.source]]"),
        ("workspace.token", "[[workspace.token]]"),
        ("workspace.audience", "[[workspace.audience]]"),
        ("workspace.computed_trait", "[[workspace.computed_trait]]"),
        ("workspace.export", "[[workspace.export]]"),
        ("workspace.feed", "[[workspace.feed]]"),
        ("workspace.journey", "[[workspace.journey]]"),
        ("workspace.topic", "[[workspace.topic]]"),
        ("workspace.linked_content", "[[workspace.linked_content]]"),
        ("workspace.trait", "[[workspace.trait]]"),
        ("workspace.interaction_weights", "[workspace.interaction_weights]"),
        ("workspace.scenario", "[[workspace.scenario]]"),
        ("workspace.weak_signals", "[workspace.weak_signals]"),
        ("workspace.retention", "[workspace.retention]"),
        ("workspace.identity", "[workspace.identity]"),
        (
            "workspace.identity.id_type",
            "[workspace.identity]\nversion = 1\n[[workspace.identity.id_type]]",
        ),
        ("workspace.destination", "[[workspace.destination]]"),
    ] {
        assert_eq!(keys_listed(page, section), in_workspace(text), "{section}");
    }
    let sync = "[[workspace.audience]]\n[workspace.audience.sync]";
    let page = include_str!("../../../../docs/sync.md");
    assert_eq!(keys_listed(page, "Send one"), in_workspace(sync), "sync");
}

#[test]
fn the_example_of_the_page_about_journeys_works_as_it_is() {
    let page = include_str!("../../../../docs/journeys.md");
    let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let shop = Shop::new();
    assert!(shop.apply(example, false) > 0);
    let text = page.split("```\njourney").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert_eq!(shop.engine.config().journeys[0].to_text(), format!("journey{text}"));
}
