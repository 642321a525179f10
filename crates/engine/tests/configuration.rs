//! The configuration of a workspace is the fold of its commands, with a revision for each resource.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::path::Path;
use std::sync::Arc;

use domain::{
    Endpoint, InteractionWeights, Scenario, Source, Token, TokenKind, TraitDefinition,
    WorkspaceConfig, WorkspaceId, WorkspaceSettings,
};
use engine::{
    Command, ConfigChange, ConfigCommand, ConfigError, DataFolder, Engine, Entry, Expected,
    Resource, Revisions, now,
};
use testkit::Random;

const RUNS: u64 = 8;
const COMMANDS: usize = 120;

fn open(folder: &Path) -> Engine {
    Engine::open(WorkspaceId::new("shop").unwrap(), folder, &|_, _| {}).unwrap()
}

fn source(name: &str, write_key: &str) -> Source {
    let (name, write_key) = (name.to_owned(), write_key.to_owned());
    Source {
        name,
        write_key,
        bearer_tokens: Vec::new(),
        enabled: true,
        earlier_key: None,
        oauth: None,
    }
}

fn token(name: &str, kind: TokenKind, token: &str) -> Token {
    Token { name: name.to_owned(), kind, token: token.to_owned() }
}

/// Configurations are equal whatever the order of their lists is.
fn sorted(mut config: WorkspaceConfig) -> WorkspaceConfig {
    config.sources.sort_by(|a, b| a.name.cmp(&b.name));
    config.tokens.sort_by(|a, b| a.name.cmp(&b.name));
    config.traits.sort_by(|a, b| a.key.cmp(&b.key));
    config.scenarios.sort_by(|a, b| a.name.cmp(&b.name));
    config
}

/// Any change, of few resources, so that they meet; some break a rule.
fn any_change(random: &mut Random) -> ConfigChange {
    let mut text = |prefix: &str, below: usize| format!("{prefix}{}", random.below(below));
    let (name, other, key) = (text("s", 4), text("s", 4), text("k", 9));
    let mut definition = TraitDefinition::recommended_items(text("t", 4));
    let mut scenario = Scenario::new(text("n", 4), Endpoint::RecommendItemsToUser);
    let names = ["private", "public", "profile", "spare", "second"];
    let token_name = names[random.below(names.len())];
    let kind = TokenKind::ALL[random.below(3)];
    match random.below(11) {
        0 => ConfigChange::put_source(&name, &source(&name, &key)),
        1 => ConfigChange::put_source(&name, &source(&other, &key)),
        2 => ConfigChange::RemoveSource { name },
        3 => ConfigChange::put_token(&token(token_name, kind, &key)),
        4 => ConfigChange::RemoveToken { name: token_name.to_owned() },
        5 => {
            definition.count = random.below(5) as u32;
            ConfigChange::put_trait(&definition)
        }
        6 => ConfigChange::RemoveTrait { key: definition.key },
        7 => {
            scenario.settings.filter = random.chance(0.5).then(|| "'a' > 1".to_owned());
            ConfigChange::put_scenario(&scenario)
        }
        8 => ConfigChange::RemoveScenario { name: scenario.name },
        9 => {
            let view = random.below(5) as f32 / 4.0;
            ConfigChange::put_interaction_weights(&InteractionWeights {
                view,
                ..Default::default()
            })
        }
        _ => {
            let name = random.chance(0.5).then_some(key);
            ConfigChange::put_settings(&WorkspaceSettings { name, ..Default::default() })
        }
    }
}

fn run(seed: u64) {
    let mut random = Random::new(seed);
    let folder = tempfile::tempdir().unwrap();
    let mut engine = open(folder.path());
    let (mut n_done, mut n_refused) = (0, 0);
    for _ in 0..COMMANDS {
        let before = engine.revised_config();
        let change = any_change(&mut random);
        let expected = match random.below(5) {
            0 => Expected::Absent,
            1 => Expected::Present,
            2 => Expected::Revision(before.1.revision(&change.resource())),
            3 => Expected::Revision(random.below(COMMANDS) as u64),
            _ => Expected::Anything,
        };
        match engine.change_config(change.clone(), expected) {
            Ok(()) => n_done += 1,
            Err(_) => {
                n_refused += 1;
                assert_eq!(engine.revised_config(), before, "seed {seed}: {change:?}");
            }
        }
        if random.chance(0.05) {
            let kept = engine.revised_config();
            drop(engine);
            if random.chance(0.5) {
                fs_err::remove_dir_all(folder.path().join("store")).unwrap();
            }
            engine = open(folder.path());
            assert_eq!(engine.revised_config(), kept, "seed {seed}");
        }
        if random.chance(0.02) {
            engine.reset().unwrap();
        }
    }
    assert!(n_done > 20 && n_refused > 20, "seed {seed}: {n_done} done, {n_refused} refused");

    // What leads from any configuration to this one are the changes between them.
    let (kept, _) = engine.revised_config();
    let other_folder = tempfile::tempdir().unwrap();
    let other = open(other_folder.path());
    for _ in 0..30 {
        other.change_config(any_change(&mut random), Expected::Anything).ok();
    }
    other.configure_as(&kept).unwrap();
    assert_eq!(sorted((*other.config()).clone()), sorted((*kept).clone()), "seed {seed}");
    assert_eq!(ConfigChange::diff(&other.config(), &kept), [], "seed {seed}");
}

#[test]
fn any_commands_give_the_same_configuration_after_a_restart_and_a_lost_store() {
    let first = u64::from(std::process::id()) << 16;
    println!("seeds from {first} on");
    (first..first + RUNS).for_each(run);
}

#[test]
fn changes_of_different_resources_do_not_clash_and_those_of_one_do() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let put = |change, expected| engine.change_config(change, expected);
    let (web, app) = (source("web", "k1"), source("app", "k2"));
    put(ConfigChange::put_source("web", &web), Expected::Absent).unwrap();
    put(ConfigChange::put_source("app", &app), Expected::Absent).unwrap();
    let revision =
        |name: &str| engine.revised_config().1.revision(&Resource::Source(name.to_owned()));
    let (of_web, of_app) = (revision("web"), revision("app"));
    assert_ne!(of_web, of_app);

    let disabled = |source: &Source| Source { enabled: false, ..source.clone() };
    put(ConfigChange::put_source("web", &disabled(&web)), Expected::Revision(of_web)).unwrap();
    put(ConfigChange::put_source("app", &disabled(&app)), Expected::Revision(of_app)).unwrap();
    let stale = put(ConfigChange::put_source("web", &web), Expected::Revision(of_web)).unwrap_err();
    let now = revision("web");
    assert!(matches!(stale, ConfigError::Changed { revision, .. } if revision == now), "{stale:?}");
    let stale =
        put(ConfigChange::RemoveSource { name: "app".to_owned() }, Expected::Revision(of_app));
    assert!(matches!(stale, Err(ConfigError::Changed { .. })));

    // One that was removed and made again is another one.
    let before = revision("web");
    put(ConfigChange::RemoveSource { name: "web".to_owned() }, Expected::Revision(before)).unwrap();
    put(ConfigChange::put_source("web", &web), Expected::Absent).unwrap();
    assert!(put(ConfigChange::put_source("web", &web), Expected::Revision(before)).is_err());
}

#[test]
fn journals_of_earlier_versions_give_their_configuration_and_it_goes_on_from_there() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let config = WorkspaceConfig {
        sources: vec![source("web", "k1")],
        traits: vec![TraitDefinition::recommended_items("t")],
        private_token: Some("secret".to_owned()),
        ..WorkspaceConfig::empty(engine.id().clone())
    };
    let command = |command| Entry::Command { received_at: now(), command: Box::new(command) };
    let scenario = r#"{"name":"home","endpoint":"recommendItemsToUser"}"#.to_owned();
    engine.submit_blocking(vec![Entry::Configured(config.clone())]).unwrap();
    engine.submit_blocking(vec![command(Command::PutScenario { scenario })]).unwrap();
    let (in_force, revisions) = engine.revised_config();
    assert_eq!(in_force.scenarios.len(), 1);
    let whole = revisions.revision(&Resource::Token("private".to_owned()));
    assert_eq!(revisions.revision(&Resource::Trait("t".to_owned())), whole);
    assert!(revisions.revision(&Resource::Scenario("home".to_owned())) > whole);

    let expected = Expected::Revision(whole);
    engine
        .change_config(ConfigChange::RemoveToken { name: "private".to_owned() }, expected)
        .unwrap();
    engine.change_config(ConfigChange::RemoveTrait { key: "t".to_owned() }, expected).unwrap();
    engine
        .submit_blocking(vec![command(Command::DeleteScenario { name: "home".to_owned() })])
        .unwrap();
    let kept: (Arc<WorkspaceConfig>, Revisions) = engine.revised_config();
    let left = WorkspaceConfig { private_token: None, traits: Vec::new(), ..config };
    assert_eq!(*kept.0, left);
    drop(engine);
    fs_err::remove_dir_all(folder.path().join("store")).unwrap();
    assert_eq!(open(folder.path()).revised_config(), kept);
}

#[test]
fn a_workspace_in_the_trash_is_not_missed_and_its_id_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let data = DataFolder::open(folder.path()).unwrap();
    let id = WorkspaceId::new("shop").unwrap();
    let engine = data.open_workspace(&id, &|_, _| {}).unwrap();
    engine
        .change_config(ConfigChange::put_source("web", &source("web", "k")), Expected::Absent)
        .unwrap();
    drop(engine);
    let trash = data.trash_workspace(&id, now()).unwrap();
    assert_eq!(data.workspaces().unwrap(), []);
    let fresh = data.open_workspace(&id, &|_, _| {}).unwrap();
    assert_eq!(fresh.config().sources, []);
    drop(fresh);
    data.trash_workspace(&id, domain::Timestamp(now().0 + 1_000)).unwrap();

    // The first one is put back by hand.
    fs_err::rename(trash.join("shop"), folder.path().join("workspaces/shop")).unwrap();
    fs_err::rename(trash.join("shop.end"), folder.path().join("ends/shop.end")).unwrap();
    assert_eq!(data.open_workspace(&id, &|_, _| {}).unwrap().config().sources.len(), 1);
}

#[test]
fn a_command_may_not_leave_two_sources_with_one_name() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    for (name, key) in [("web", "k1"), ("app", "k2")] {
        engine
            .change_config(ConfigChange::put_source(name, &source(name, key)), Expected::Absent)
            .unwrap();
    }
    let renamed = ConfigChange::put_source("web", &source("app", "k1"));
    let refused = engine.change_config(renamed.clone(), Expected::Anything).unwrap_err();
    assert_eq!(refused.to_string(), "source \"app\" is there already");
    // Of one submission everything is done, or nothing.
    let commands = [ConfigChange::put_source("new", &source("new", "k3")), renamed];
    let command = |change| ConfigCommand { change, expected: Expected::Anything };
    assert!(engine.configure(commands.map(command).to_vec()).is_err());
    assert_eq!(engine.config().sources.len(), 2);
}
