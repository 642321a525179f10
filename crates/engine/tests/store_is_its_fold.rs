//! A store is pair by pair the fold of its journal, however its entries were batched and however
//! often it was opened: `tastemaker verify` and the check of a restore rest on it.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use catalog::{CatalogFile, Format, ImportOptions, Property, read_file};
use domain::{
    Arrival, Endpoint, Envelope, Interaction, InteractionKind, PropertyType, Scenario, Timestamp,
    TraitDefinition, Violation, ViolationKind, WorkspaceId, check_message,
};
use engine::{
    CollectionKind, Command, ConfigChange, ConfigCommand, ConfirmedRemovals, DataFolder, Engine,
    EntityKind, Entry, Expected, ExternalIdType, ListImpression, LockedFolder, Member, Place,
    Segment, Segmentation, SegmentationCommand, SegmentationKind, Synonym, SynonymCommand,
};
use serde_json::json;
use testkit::Random;
use uuid::Uuid;

const RUNS: u64 = 12;
const ENTRIES: usize = 400;
const HOUR_MS: i64 = 3_600_000;

/// Makes entries of all kinds at times that go on.
struct Source {
    random: Random,
    at: Timestamp,
    n: u32,
    served: Vec<Uuid>,
}

impl Source {
    fn text(&mut self, prefix: &str, below: usize) -> String {
        format!("{prefix}{}", self.random.below(below))
    }

    fn served(&mut self) -> Entry {
        let lists = (0..1 + self.random.below(3))
            .map(|_| {
                self.n += 1;
                let [a, b, c, d] = self.n.to_be_bytes();
                let recomm_id = uuid::Builder::from_unix_timestamp_millis(
                    self.at.0 as u64,
                    &[0, 0, 0, 0, 0, 0, a, b, c, d],
                )
                .into_uuid();
                self.served.push(recomm_id);
                ListImpression {
                    recomm_id: Some(recomm_id),
                    user: Some((ExternalIdType::UserId, self.text("u", 9))),
                    at: self.at,
                    items: (0..4).map(|_| self.text("i", 12)).collect(),
                    place: Place::Trait(self.text("t", 3)),
                    group: None,
                    model: None,
                    rotates: self.random.chance(0.5),
                    n_next: 0,
                    request: None,
                }
            })
            .collect();
        Entry::ListImpressions { lists }
    }

    fn interaction(&mut self) -> Interaction {
        let kind = InteractionKind::ALL[self.random.below(InteractionKind::ALL.len())];
        let mut interaction = Interaction::new(self.text("u", 9), self.text("i", 12), kind);
        interaction.timestamp = Some(Timestamp(self.at.0 - self.random.below(10) as i64 * HOUR_MS));
        interaction.value = Some(0.5);
        if !self.served.is_empty() && self.random.chance(0.6) {
            let n = self.random.below(self.served.len());
            interaction.recomm_id = Some(self.served[n].to_string());
        }
        interaction
    }

    fn message(&mut self) -> Entry {
        let (id, user, anonymous) = (self.text("m", 5_000), self.text("u", 9), self.text("a", 5));
        let body = match self.random.below(8) {
            0 => {
                json!({ "type": "identify", "userId": user, "anonymousId": anonymous, "traits": { "n": self.n } })
            }
            1 => json!({ "type": "alias", "userId": user, "previousId": anonymous }),
            2 => json!({ "type": "track", "event": "no user" }),
            3 => json!({ "type": "page", "anonymousId": anonymous, "name": "home" }),
            4 => json!({
                "type": "track", "userId": user, "event": "Product List Viewed",
                "properties": { "products": [{ "sku": self.text("i", 12) }, { "sku": self.text("i", 12) }] },
            }),
            5 => json!({
                "type": "track", "userId": user, "event": "Product Clicked",
                "properties": { "sku": self.text("i", 12) },
            }),
            _ => json!({
                "type": "track", "userId": user, "event": "Product Viewed",
                "properties": { "product_id": self.text("i", 12) },
            }),
        };
        let mut body = body;
        body["messageId"] = id.into();
        // Sources of these names come and go.
        let source = self.text("n", 3);
        let arrival = Arrival { received_at: self.at, source: &source, peer_ip: None };
        match check_message(&body.to_string(), None, &Envelope::default(), &arrival) {
            Ok(mut message) => {
                if self.random.chance(0.2) {
                    message.violations.push(Violation {
                        kind: ViolationKind::WrongType,
                        event: message.event.clone(),
                        property: Some(self.text("p", 5)),
                        sample: Some("1".to_owned()),
                    });
                }
                Entry::Message(Box::new(message))
            }
            Err(rejection) => Entry::Rejected(rejection),
        }
    }

    fn command(&mut self) -> Command {
        let kind = if self.random.chance(0.5) { EntityKind::Item } else { EntityKind::User };
        let prefix = if kind == EntityKind::Item { "i" } else { "u" };
        let collection =
            if self.random.chance(0.5) { CollectionKind::Series } else { CollectionKind::Group };
        match self.random.below(20) {
            0 => Command::Add { kind, id: self.text(prefix, 12) },
            1 => Command::Delete { kind, id: self.text(prefix, 12) },
            2 => Command::AddProperty { kind, property: Property::new("p", PropertyType::Int) },
            3 if self.random.chance(0.3) => Command::DeleteProperty { kind, name: "p".to_owned() },
            4 => Command::AddCollection {
                kind: collection,
                id: self.text("c", 4),
                cascade_create: true,
            },
            5 => Command::DeleteCollection {
                kind: collection,
                id: self.text("c", 4),
                cascade_delete: false,
            },
            6 => {
                let member =
                    Member { is_collection: false, id: self.text("i", 12), time: self.n.into() };
                Command::InsertMember {
                    kind: collection,
                    id: self.text("c", 4),
                    member,
                    cascade_create: true,
                }
            }
            7 => Command::MergeUsers {
                target: self.text("u", 9),
                source: self.text("u", 9),
                cascade_create: true,
            },
            8 => {
                let kind = SegmentationKind::ManualReql { segments: Vec::new() };
                let segmentation =
                    Segmentation { id: self.text("s", 3), kind, title: None, description: None };
                Command::Segmentation(SegmentationCommand::Create(segmentation))
            }
            9 => {
                let segment =
                    Segment { id: self.text("g", 3), filter: "true".to_owned(), title: None };
                let segmentation_id = self.text("s", 3);
                Command::Segmentation(SegmentationCommand::AddSegment { segmentation_id, segment })
            }
            10 => Command::Synonym(SynonymCommand::Add(Synonym {
                id: self.text("y", 50),
                term: self.text("t", 9),
                synonym: self.text("t", 9),
                one_way: true,
            })),
            11 => Command::ActivateCatalog { version: 1 + self.random.below(5) as u32 },
            12 => {
                let filter = ["'p' > 3", "'price' > 3", "true"][self.random.below(3)];
                let endpoint = "recommendItemsToUser";
                let scenario =
                    json!({ "name": self.text("n", 3), "endpoint": endpoint, "filter": filter });
                Command::PutScenario { scenario: scenario.to_string() }
            }
            15 | 16 => Command::Configure(Box::new(self.config_command())),
            14 => Command::SwitchItem { id: self.text("i", 12), is_on: self.random.chance(0.5) },
            13 => Command::SetValues {
                kind,
                id: self.text(prefix, 12),
                values: json!({ "p": self.n }).to_string(),
                cascade_create: true,
            },
            _ => Command::AddInteraction { interaction: self.interaction(), cascade_create: true },
        }
    }

    fn config_command(&mut self) -> ConfigCommand {
        let (name, write_key) = (self.text("n", 3), self.text("k", 1_000_000));
        let source = domain::Source::new(&name, &write_key);
        let definition = TraitDefinition::recommended_items(self.text("t", 3));
        let scenario = Scenario::new(self.text("n", 3), Endpoint::SearchItems);
        let change = match self.random.below(6) {
            0 => ConfigChange::put_source(&self.text("n", 3), &source),
            1 => ConfigChange::RemoveSource { name: source.name },
            2 => ConfigChange::put_trait(&definition),
            3 => ConfigChange::RemoveTrait { key: definition.key },
            4 => ConfigChange::put_scenario(&scenario),
            _ => ConfigChange::RemoveScenario { name: scenario.name },
        };
        let expected = match self.random.below(4) {
            0 => Expected::Absent,
            1 => Expected::Present,
            2 => Expected::Revision(self.random.below(ENTRIES) as u64),
            _ => Expected::Anything,
        };
        ConfigCommand { change, expected }
    }

    fn entry(&mut self) -> Entry {
        self.n += 1;
        // Mostly minutes, at times days: ids of messages and old recommendations are forgotten.
        let hours = if self.random.chance(0.02) { self.random.below(24 * 40) } else { 0 };
        self.at = Timestamp(self.at.0 + 60_000 + hours as i64 * HOUR_MS);
        match self.random.below(20) {
            0..7 => self.message(),
            7..10 => self.served(),
            10 => {
                let interactions = (0..self.random.below(20)).map(|_| self.interaction()).collect();
                Entry::Interactions { received_at: self.at, interactions }
            }
            11 if self.random.chance(0.05) => Entry::Reset { received_at: self.at },
            _ => Entry::Command { received_at: self.at, command: Box::new(self.command()) },
        }
    }

    fn catalog(&mut self) -> CatalogFile {
        let rows: String = (0..5)
            .map(|_| self.random.below(14))
            .collect::<std::collections::BTreeSet<_>>()
            .iter()
            .fold("item_id,title,price\n".to_owned(), |csv, n| {
                csv + &format!("i{n},Title {n},{n}.5\n")
            });
        read_file(rows.as_bytes(), Format::Csv, &ImportOptions::default()).unwrap().0
    }
}

fn run(seed: u64) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let shop = WorkspaceId::new("shop").unwrap();
    let mut source = Source {
        random: Random::new(seed),
        at: Timestamp(1_700_000_000_000),
        n: 0,
        served: Vec::new(),
    };
    let mut n_left = ENTRIES;
    let store = folder.path().join("workspaces/shop/store");
    while n_left > 0 {
        if source.random.chance(0.2) && store.exists() {
            fs_err::remove_dir_all(&store).unwrap();
        }
        let data = DataFolder::open(folder.path()).unwrap();
        let engine: Engine = data.open_workspace(&shop, &|_, _| {}).unwrap();
        for _ in 0..1 + source.random.below(30) {
            let n = (1 + source.random.below(30)).min(n_left);
            n_left -= n;
            engine.submit_blocking((0..n).map(|_| source.entry()).collect()).unwrap();
            // The next ones, lost stores and the comparison at the end begin with it.
            if source.random.chance(0.01) {
                let taken = engine.take_snapshot(true, &|_| Ok(()));
                assert!(taken.unwrap_or_else(|error| panic!("seed {seed}: {error}")).is_checked);
            }
            if source.random.chance(0.05) {
                // All that a file may take away: items, and the one property that no file has.
                let confirmed = ConfirmedRemovals {
                    n_withdrawn: Some(u64::MAX),
                    dropped: vec!["p".to_owned()],
                };
                engine.import_catalog(source.catalog(), &confirmed, &|_, _| Ok(())).unwrap();
            }
        }
    }
    let found =
        LockedFolder::lock(folder.path()).unwrap().verify_workspace(&shop, &|_| {}).unwrap();
    assert_eq!(found.problems, [], "seed {seed}");
    found.pairs
}

#[test]
fn a_store_is_the_fold_of_its_journal_whatever_the_batches_and_restarts_were() {
    let first = u64::from(std::process::id()) << 16;
    println!("seeds from {first} on");
    let pairs: u64 = (first..first + RUNS).map(run).sum();
    assert!(pairs > 100 * RUNS, "hardly anything was compared: {pairs} pairs");
}
