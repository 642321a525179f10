//! Who acted on each item in a look-back window: an index of the live matrix, from items to people.
//!
//! It makes the question "what else did people do who did this?" cheap for any item: the rows of
//! the item's latest people are read, and no others. Those rows are read when the question is
//! asked, so the index may be some seconds old; what has left the window meanwhile does not count.

use domain::{InteractionKind, ItemIdx, UserIdx};
use rustc_hash::FxHashMap;

use crate::{Histories, HistoryEntry};

/// The most people of an item that are kept, the latest ones.
const PEOPLE_PER_ITEM_MAX: usize = 500;
/// The most people of all items that are kept while they are counted, 8 bytes each. Where there are
/// more, fewer of each item are kept.
const PEOPLE_MAX: usize = 8 << 20;

/// The interactions that count: positive ones of a kind, since some seconds before now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LookBack {
    /// The length of the window, in seconds.
    pub length_s: u32,
    /// The only kind that counts; none for all kinds.
    pub kind: Option<InteractionKind>,
}

impl LookBack {
    /// The interactions of a row (oldest first) that count in the window that ends at `now_s`, the
    /// latest first.
    fn interactions(self, row: &[HistoryEntry], now_s: u32) -> impl Iterator<Item = &HistoryEntry> {
        let first_s = now_s.saturating_sub(self.length_s);
        let recent = &row[row.partition_point(|entry| entry.at_s < first_s)..];
        let is_of_kind =
            move |entry: &HistoryEntry| self.kind.is_none_or(|kind| entry.kind == kind);
        recent.iter().rev().filter(move |entry| is_of_kind(entry) && entry.strength() > 0.0)
    }
}

/// The people of each item in a window, as of the moment at which they were counted.
#[derive(Debug)]
pub struct PeopleByItem {
    look_back: LookBack,
    items: Vec<ItemPeople>,
    n_people: u32,
}

/// The people of one item.
#[derive(Debug, Default)]
struct ItemPeople {
    /// The latest of them, in any order.
    latest: Box<[UserIdx]>,
    /// The number of all of them.
    n: u32,
}

/// How many people acted on an item and on others.
#[derive(Debug, Default)]
pub struct Companions {
    /// The people who acted on the item: all, or the latest ones.
    pub n_people: u32,
    /// How many of them acted on each other item, by its index.
    pub by_item: FxHashMap<u32, u32>,
}

impl PeopleByItem {
    /// The interactions that it covers.
    pub fn look_back(&self) -> LookBack {
        self.look_back
    }

    /// The number of people who acted on anything in the window.
    pub fn n_people(&self) -> u32 {
        self.n_people
    }

    /// The number of people who acted on an item in the window.
    pub fn n_people_of(&self, item: ItemIdx) -> u32 {
        self.items.get(item.pos()).map_or(0, |people| people.n)
    }

    /// The memory in use, in bytes.
    pub fn n_bytes(&self) -> usize {
        let latest: usize = self.items.iter().map(|people| size_of_val(&*people.latest)).sum();
        latest + self.items.len() * size_of::<ItemPeople>()
    }

    /// Counts on what else the latest people of an item acted in the window that ends at `now_s`.
    /// Reads up to [`PEOPLE_PER_ITEM_MAX`] rows.
    pub fn count_companions(&self, histories: &Histories, item: ItemIdx, now_s: u32) -> Companions {
        let mut companions = Companions::default();
        let mut acted_on = Vec::new();
        let latest = self.items.get(item.pos()).map_or(&[][..], |people| &people.latest);
        for user in latest {
            acted_on.clear();
            let interactions = self.look_back.interactions(histories.row(*user), now_s);
            acted_on.extend(interactions.map(|entry| entry.item));
            // The person may have left the window since the index was made.
            if !acted_on.contains(&item) {
                continue;
            }
            companions.n_people += 1;
            acted_on.sort_unstable();
            acted_on.dedup();
            for other in acted_on.iter().filter(|other| **other != item) {
                *companions.by_item.entry(other.0).or_default() += 1;
            }
        }
        companions
    }
}

/// Counts the people of each item, some users at a time.
pub struct PeopleCounter {
    look_back: LookBack,
    now_s: u32,
    items: Vec<CountedPeople>,
    n_people: u32,
    /// The number of people who are kept, over all items.
    n_kept: usize,
    /// The most people of an item that are kept.
    per_item_max: usize,
    people_max: usize,
}

/// The people of one item, as far as they are counted.
#[derive(Default)]
struct CountedPeople {
    /// Up to twice as many as are kept in the end, with the time of their last action.
    latest: Vec<(u32, UserIdx)>,
    n: u32,
    /// Who was counted last.
    last: Option<UserIdx>,
}

impl PeopleCounter {
    /// Begins to count, for the window that ends at `now_s` (seconds since 1970).
    pub fn new(look_back: LookBack, now_s: u32) -> Self {
        Self {
            look_back,
            now_s,
            items: Vec::new(),
            n_people: 0,
            n_kept: 0,
            per_item_max: PEOPLE_PER_ITEM_MAX,
            people_max: PEOPLE_MAX,
        }
    }

    /// Counts these users, who have not been counted. O(their interactions in the window).
    pub fn add(&mut self, histories: &Histories, users: impl Iterator<Item = UserIdx>) {
        for user in users {
            let mut interactions =
                self.look_back.interactions(histories.row(user), self.now_s).peekable();
            self.n_people += u32::from(interactions.peek().is_some());
            for entry in interactions {
                self.add_person(user, entry);
            }
        }
    }

    fn add_person(&mut self, user: UserIdx, entry: &HistoryEntry) {
        let item = entry.item.pos();
        if self.items.len() <= item {
            self.items.resize_with(item + 1, CountedPeople::default);
        }
        let people = &mut self.items[item];
        // The latest interaction comes first and counts.
        if people.last.replace(user) == Some(user) {
            return;
        }
        people.n += 1;
        people.latest.push((entry.at_s, user));
        self.n_kept += 1;
        if people.latest.len() >= 2 * self.per_item_max {
            self.n_kept -= people.keep_latest(self.per_item_max);
        }
        while self.n_kept > self.people_max && self.per_item_max > 1 {
            self.per_item_max /= 2;
            let dropped = self.items.iter_mut().map(|people| people.keep_latest(self.per_item_max));
            self.n_kept -= dropped.sum::<usize>();
        }
    }

    /// Ends the count.
    pub fn finish(self) -> PeopleByItem {
        let items = self.items.into_iter().map(|mut people| {
            people.keep_latest(self.per_item_max);
            let latest = people.latest.iter().map(|(_, user)| *user).collect();
            ItemPeople { latest, n: people.n }
        });
        PeopleByItem { look_back: self.look_back, items: items.collect(), n_people: self.n_people }
    }
}

impl CountedPeople {
    /// Keeps the `n` latest people and returns how many others there were.
    fn keep_latest(&mut self, n: usize) -> usize {
        let n_before = self.latest.len();
        if n_before > n {
            self.latest.select_nth_unstable_by(n, |a, b| b.cmp(a));
            self.latest.truncate(n);
        }
        n_before - self.latest.len()
    }
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;

    use super::*;

    const CART: InteractionKind = InteractionKind::CartAddition;

    fn entry(item: u32, kind: InteractionKind, at_s: i64) -> HistoryEntry {
        HistoryEntry::new(ItemIdx(item), kind, Timestamp(at_s * 1_000), None)
    }

    fn histories(rows: &[Vec<HistoryEntry>]) -> Histories {
        let mut histories = Histories::default();
        for (user, row) in (0..).zip(rows) {
            row.iter().for_each(|entry| histories.add(UserIdx(user), *entry));
        }
        histories
    }

    fn count(mut counter: PeopleCounter, histories: &Histories) -> PeopleByItem {
        // Steps of three users.
        let n_users = histories.n_users() as u32;
        for first in (0..n_users).step_by(3) {
            counter.add(histories, (first..n_users.min(first + 3)).map(UserIdx));
        }
        counter.finish()
    }

    #[test]
    fn people_count_once_and_only_within_the_window_and_of_the_kind() {
        let view = InteractionKind::DetailView;
        let mut rows = vec![
            vec![entry(0, CART, 95), entry(1, CART, 96), entry(1, CART, 97)],
            vec![entry(0, CART, 90), entry(2, CART, 91), entry(3, view, 92)],
            vec![entry(0, CART, 89), entry(1, CART, 95)],
            vec![entry(0, view, 95), entry(1, CART, 95)],
        ];
        let look_back = LookBack { length_s: 10, kind: Some(CART) };
        let mut histories = histories(&rows);
        let people = count(PeopleCounter::new(look_back, 100), &histories);
        let n_of = |item: u32| people.n_people_of(ItemIdx(item));
        assert_eq!((people.n_people(), [0, 1, 2, 3].map(n_of)), (4, [2, 3, 1, 0]));
        let companions = people.count_companions(&histories, ItemIdx(0), 100);
        let expected: FxHashMap<u32, u32> = [(1, 1), (2, 1)].into_iter().collect();
        assert_eq!((companions.n_people, companions.by_item), (2, expected));

        // Rows are read anew: what came since counts, and what has left the window does not.
        rows[0].push(entry(5, CART, 103));
        histories.add(UserIdx(0), rows[0][3]);
        let companions = people.count_companions(&histories, ItemIdx(0), 104);
        let expected: FxHashMap<u32, u32> = [(1, 1), (5, 1)].into_iter().collect();
        assert_eq!((companions.n_people, companions.by_item), (1, expected));
        assert_eq!(people.count_companions(&histories, ItemIdx(9), 104).n_people, 0);
        let all = LookBack { kind: None, ..look_back };
        assert_eq!(count(PeopleCounter::new(all, 100), &histories).n_people_of(ItemIdx(3)), 1);
    }

    #[test]
    fn the_latest_people_are_kept_within_the_limits() {
        let n_users = 3_000_u32;
        let at = |user: u32| 1_000 + i64::from(user * 7 % n_users);
        let rows: Vec<_> = (0..n_users).map(|user| vec![entry(user % 3, CART, at(user))]).collect();
        let histories = histories(&rows);
        let counter = || PeopleCounter::new(LookBack { length_s: 10_000, kind: Some(CART) }, 5_000);
        let check = |people: &PeopleByItem, n_kept: usize| {
            for item in 0..3 {
                let mut of_item: Vec<u32> = (0..n_users).filter(|user| user % 3 == item).collect();
                of_item.sort_unstable_by_key(|user| -at(*user));
                let mut expected = of_item[..n_kept].to_vec();
                expected.sort_unstable();
                let people = &people.items[item as usize];
                let mut kept: Vec<u32> = people.latest.iter().map(|user| user.0).collect();
                kept.sort_unstable();
                assert_eq!((people.n, kept), (1_000, expected));
            }
        };
        check(&count(counter(), &histories), PEOPLE_PER_ITEM_MAX);
        let small = PeopleCounter { people_max: 800, ..counter() };
        check(&count(small, &histories), PEOPLE_PER_ITEM_MAX / 4);
    }
}
