//! Identity resolution as callers see it, also after a reload.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use domain::{Timestamp, UserIdx};
use profiles::{
    ExternalIdType, FoundPerson, KEYSPACES, Origin, Profiles, StoredTrait, TimelineQuery,
};
use proptest::prelude::*;
use store::Store;

struct Fixture {
    store: Store,
    profiles: Profiles,
    position: u64,
    _folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), &KEYSPACES).unwrap();
        let profiles = Profiles::load(&store).unwrap();
        Self { store, profiles, position: 0, _folder: folder }
    }

    /// Applies a message with these ids, empty for none, and returns its user.
    fn message(&mut self, user_id: &str, anonymous_id: &str) -> UserIdx {
        let mut batch = self.store.batch();
        let (offset, now) = (self.position, Timestamp(1_000 * self.position as i64));
        let origin = Origin { offset, received_at: now, message_id: "m", source: "web" };
        let some = |id: &'static str| (!id.is_empty()).then_some(id);
        let (user_id, anonymous_id) = (leak(user_id), leak(anonymous_id));
        let (user, _) =
            self.profiles.resolve(&mut batch, some(user_id), some(anonymous_id), origin).unwrap();
        self.profiles.add_message(&mut batch, user, now, offset, Some("E"));
        self.position += 1;
        batch.commit(self.position).unwrap();
        user
    }

    fn merge(&mut self, target: &str, source: &str) {
        let mut batch = self.store.batch();
        let origin = Origin::import(self.position, Timestamp(0));
        self.profiles.merge_ids(&mut batch, target, source, origin).unwrap();
        self.position += 1;
        batch.commit(self.position).unwrap();
    }

    /// Removes an id from its user.
    fn release(&mut self, id: &str) {
        let Some(user) = self.profiles.ids().user_by_id(id) else { return };
        let mut batch = self.store.batch();
        self.profiles.release_id(&mut batch, user, id).unwrap();
        assert_ne!(self.profiles.ids().user_by_id(id), Some(user));
        self.position += 1;
        batch.commit(self.position).unwrap();
    }

    /// Prints each profile with its primary user id, its ids and the offsets of its timeline.
    fn print(&self, profiles: &Profiles) -> String {
        let ids = profiles.ids();
        let users = (0..ids.n_users() as u32).map(UserIdx).filter(|user| ids.is_alive(*user));
        users
            .map(|user| {
                let identifiers = profiles.identifiers(&self.store, user).unwrap();
                let words: Vec<String> = identifiers
                    .iter()
                    .map(|id| format!("{}:{}", id.type_.word(), id.value))
                    .collect();
                let query = TimelineQuery { ascending: true, limit: 1_000, ..Default::default() };
                let page = profiles.timeline(&self.store, user, &query).unwrap();
                let offsets: Vec<u64> = page.entries.iter().map(|entry| entry.offset).collect();
                let name = ids.user_id(user).unwrap_or("-");
                format!("{} {name} [{}] events {offsets:?}\n", user.0, words.join(" "))
            })
            .collect()
    }
}

impl Fixture {
    /// All ids with their users, as a search for their beginnings finds them.
    fn searched(&self) -> Vec<(String, u32)> {
        let find = |prefix| self.profiles.search(&self.store, prefix, 100).unwrap();
        let found = [find("U"), find("A")].concat();
        let mut found: Vec<_> = found.into_iter().map(|one| one.user.0).collect();
        found.sort_unstable();
        found.dedup();
        let names = found.into_iter().flat_map(|user| {
            let ids = self.profiles.identifiers(&self.store, UserIdx(user)).unwrap();
            ids.into_iter().map(move |id| (id.value, user))
        });
        names.collect()
    }

    /// All ids with their users, as the profiles have them.
    fn stored(&self) -> Vec<(String, u32)> {
        let users = (0..self.profiles.ids().n_users() as u32).map(UserIdx);
        let alive = users.filter(|user| self.profiles.ids().is_alive(*user));
        let names = alive.flat_map(|user| {
            let ids = self.profiles.identifiers(&self.store, user).unwrap();
            ids.into_iter().map(move |id| (id.value, user.0))
        });
        names.collect()
    }

    fn set_trait(&mut self, user: UserIdx, key: &str, json: &str, at: i64) {
        let mut batch = self.store.batch();
        let value =
            StoredTrait { json: json.to_owned(), updated_at: Timestamp(at), source: String::new() };
        self.profiles.set_trait(&mut batch, user, key, &value).unwrap();
        self.position += 1;
        batch.commit(self.position).unwrap();
    }

    /// Who is found, by what, and whether by the whole of it.
    fn find(&self, text: &str) -> String {
        let found = self.profiles.search(&self.store, text, 10).unwrap();
        let line = |one: FoundPerson| {
            let is_whole = if one.is_whole { "" } else { "..." };
            format!("{} {} {}{is_whole}", one.user.0, one.kind.word(), one.text)
        };
        found.into_iter().map(line).collect::<Vec<_>>().join(", ")
    }
}

#[test]
fn people_are_found_by_what_identifies_them_now_and_by_nothing_that_is_gone() {
    let mut fixture = Fixture::new();
    let ann = fixture.message("Ann", "");
    let bob = fixture.message("bob", "");
    fixture.set_trait(ann, "email", r#""Ann@Example.com""#, 5);
    fixture.set_trait(ann, "email", r#""older@example.com""#, 4);
    fixture.set_trait(ann, "plan", r#""annual""#, 5);
    fixture.set_trait(bob, "email", r#""bob@example.com""#, 6);
    fixture.set_trait(bob, "phone", "4917", 6);
    assert_eq!(fixture.find("ann"), "0 user_id Ann");
    assert_eq!(fixture.find("AN"), "0 user_id Ann...");
    assert_eq!(fixture.find("ann@"), "0 email Ann@Example.com...");
    assert_eq!(fixture.find("491"), "1 phone 4917...");
    assert_eq!(fixture.find("older") + &fixture.find("annual") + &fixture.find(""), "");
    fixture.merge("Ann", "bob");
    assert_eq!(fixture.find("bob"), "0 user_id bob");
    assert_eq!(fixture.find("bob@example.com"), "0 email bob@example.com");
    assert_eq!(fixture.find("ann@example.com"), "", "the merged value is newer");
    assert_eq!(fixture.find("4917"), "0 phone 4917");
    let merges = fixture.profiles.merges(&fixture.store, ann).unwrap();
    let named: Vec<_> = merges.iter().map(|merge| (&merge.merged, merge.n_ids)).collect();
    assert_eq!(named, [(&Some((ExternalIdType::UserId, "bob".to_owned())), 1)]);
    let mut batch = fixture.store.batch();
    fixture.profiles.delete(&mut batch, ann).unwrap();
    batch.commit(100).unwrap();
    for text in ["ann", "bob", "4917"] {
        assert_eq!(fixture.find(text), "", "{text}");
    }
    assert!(fixture.profiles.merges(&fixture.store, ann).unwrap().is_empty());
}

fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

#[test]
fn an_anonymous_history_moves_to_the_known_user() {
    let mut fixture = Fixture::new();
    fixture.message("", "phone");
    fixture.message("", "laptop");
    fixture.message("ann", "phone");
    fixture.message("ann", "");
    fixture.message("ann", "laptop");
    // Another person on Ann's laptop: the two are not merged.
    fixture.message("bob", "laptop");
    fixture.message("", "laptop");
    // Two known users are merged only on request.
    fixture.message("anna", "");
    fixture.merge("ann", "anna");
    fixture.merge("ann", "tablet");
    fixture.message("", "tablet");
    fixture.message("tablet", "");
    // Bob's own device does not make him Ann.
    fixture.message("bob", "watch");
    fixture.merge("bob", "watch");
    assert!(fixture.profiles.take_limits_reached().is_empty(), "it is his already");
    fixture.merge("ann", "watch");
    let told = fixture.profiles.take_limits_reached();
    let told: Vec<String> = told.iter().map(ToString::to_string).collect();
    assert!(
        told.len() == 1 && told[0].contains("\"watch\"") && told[0].contains("\"ann\""),
        "{told:?}"
    );
    insta::assert_snapshot!(fixture.print(&fixture.profiles), @r"
    0 ann [user_id:ann user_id:anna user_id:tablet anonymous_id:laptop anonymous_id:phone anonymous_id:tablet] events [0, 1, 2, 3, 4, 6, 7, 10, 11]
    2 bob [user_id:bob anonymous_id:watch] events [5, 12]
    ");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn every_id_has_one_owner_after_any_messages_and_a_reload(
        steps in prop::collection::vec((0u8..6, 0u8..4, 0u8..4), 1..25),
    ) {
        let mut fixture = Fixture::new();
        for (step, user, anonymous) in steps {
            let (user, anonymous) = (format!("u{user}"), format!("a{anonymous}"));
            match step {
                0 => { fixture.message(&user, ""); }
                1 => { fixture.message("", &anonymous); }
                2 | 3 => { fixture.message(&user, &anonymous); }
                4 => fixture.merge(&user, &anonymous.replace('a', "u")),
                _ => fixture.release(&user),
            }
            let printed = fixture.print(&fixture.profiles);
            for id in printed.split(['[', ']', ' ', '\n']).filter(|word| word.contains(':')) {
                prop_assert_eq!(printed.matches(&format!("{id} ")).count() + printed.matches(&format!("{id}]")).count(), 1);
            }
            prop_assert_eq!(fixture.searched(), fixture.stored());
            prop_assert_eq!(printed, fixture.print(&Profiles::load(&fixture.store).unwrap()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Values of one time, on people who are merged in any order and direction.
    #[test]
    fn which_trait_stays_does_not_depend_on_who_is_merged_into_whom(
        values in Just([r#""a""#, r#""b""#, "1", "true"]).prop_shuffle(),
        pairs in Just([(0, 1), (1, 2), (2, 3)]).prop_shuffle(),
        turned in any::<[bool; 3]>(),
    ) {
        let mut fixture = Fixture::new();
        for (n, value) in values.iter().enumerate() {
            let user = fixture.message(&format!("U{n}"), "");
            fixture.set_trait(user, "plan", value, 5);
        }
        for ((one, other), turned) in pairs.into_iter().zip(turned) {
            let (one, other) = if turned { (other, one) } else { (one, other) };
            fixture.merge(&format!("U{one}"), &format!("U{other}"));
        }
        let user = fixture.profiles.ids().user_by_id("U0").unwrap();
        let kept = fixture.profiles.stored_trait(&fixture.store, user, "plan").unwrap();
        prop_assert_eq!(kept.unwrap().json, "true");
    }
}

#[test]
fn pages_of_a_timeline_show_each_event_once() {
    let mut fixture = Fixture::new();
    for _ in 0..25 {
        fixture.message("ann", "");
    }
    for ascending in [true, false] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let query = TimelineQuery { ascending, after, limit: 7, ..Default::default() };
            let page = fixture.profiles.timeline(&fixture.store, UserIdx(0), &query).unwrap();
            seen.extend(page.entries.iter().map(|entry| entry.offset));
            after = page.entries.last().copied();
            if !page.has_more {
                break;
            }
        }
        let mut expected: Vec<u64> = (0..25).collect();
        if !ascending {
            expected.reverse();
        }
        assert_eq!(seen, expected);
    }
    let some = TimelineQuery {
        start: Some(Timestamp(3_000)),
        end: Some(Timestamp(5_000)),
        ascending: true,
        limit: 10,
        ..Default::default()
    };
    let page = fixture.profiles.timeline(&fixture.store, UserIdx(0), &some).unwrap();
    assert_eq!(page.entries.iter().map(|entry| entry.offset).collect::<Vec<_>>(), [3, 4]);
    let none = TimelineQuery { exclude: vec!["E".to_owned()], limit: 10, ..Default::default() };
    assert!(
        fixture.profiles.timeline(&fixture.store, UserIdx(0), &none).unwrap().entries.is_empty()
    );
}
