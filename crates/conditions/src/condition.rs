//! The types of conditions.

use domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Period;

/// What must be true of a person.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// How often the person did something.
    Event(EventCondition),
    /// What a trait of the person is: set by a source, computed or recommended.
    Trait(Filter),
    /// What a trait of an account is to which the person belongs: of one of them, if there are
    /// several.
    Account(Filter),
    /// Being a member of the audience with this key.
    Audience(String),
    /// Having done two things in order.
    Funnel(Funnel),
    /// Being in a group by recency and frequency.
    Rfm(Rfm),
    /// Being recommended something.
    Recommended(Recommended),
    /// Every part, two or more.
    All(Vec<Condition>),
    /// At least one part, of two or more.
    Any(Vec<Condition>),
    /// The contrary.
    Not(Box<Condition>),
}

/// The number of matching events within a window.
#[derive(Debug, Clone, PartialEq)]
pub struct EventCondition {
    /// Which events.
    pub event: EventMatch,
    /// How many of them.
    pub count: Count,
    /// When they happened.
    pub window: Window,
}

/// Events by their name and properties.
#[derive(Debug, Clone, PartialEq)]
pub struct EventMatch {
    /// The name of track messages; `Page Viewed` and `Screen Viewed` for pages and screens.
    pub name: String,
    /// All must hold.
    pub filters: Vec<Filter>,
}

/// A test of a property or a trait, of a person or an account.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    /// A name, or names separated by dots into nested objects. `$` stands for each element of a
    /// list: the test holds if it does for one of them.
    pub path: String,
    /// The test.
    pub test: Test,
}

/// A test of one value.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// There is a value other than null, or there is none.
    Exists(bool),
    /// Equal, with the same type.
    Equals(Scalar),
    /// Not equal. A missing value is not equal to anything.
    NotEquals(Scalar),
    /// Equal to one of these.
    AnyOf(Vec<Scalar>),
    /// A number that compares so.
    Number(Comparison, f64),
    /// A text that contains, starts or ends so.
    Text(TextTest, String),
    /// No text that contains this; also a missing value.
    NotContains(String),
    /// A text that contains one of these.
    ContainsAny(Vec<String>),
    /// An instant before or after a fixed one.
    Date(DateTest, Timestamp),
    /// An instant in relation to now.
    Relative(RelativeTest, Period),
    /// A list with this item.
    Has(Scalar),
    /// A list with one of these items.
    HasAny(Vec<Scalar>),
    /// A list with all of these items.
    HasAll(Vec<Scalar>),
    /// A list with this item among its first ones.
    HasFirst {
        /// The item.
        item: Scalar,
        /// How many of the list's first items count.
        among: u32,
    },
    /// A list whose number of items compares so.
    Size(Comparison, u32),
}

/// A single value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Scalar {
    /// A text.
    Text(String),
    /// A finite number.
    Number(f64),
    /// True or false.
    Boolean(bool),
}

/// How two numbers compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// <
    Less,
    /// <=
    AtMost,
    /// >
    More,
    /// >=
    AtLeast,
}

/// Tests of texts. Upper and lower case differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextTest {
    /// The text stands somewhere.
    Contains,
    /// The text stands at the start.
    StartsWith,
    /// The text stands at the end.
    EndsWith,
}

/// Tests of an instant against a fixed one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateTest {
    /// Earlier.
    Before,
    /// Later.
    After,
}

/// Tests of an instant `v` against now, with a period `p`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelativeTest {
    /// `now - p < v <= now`.
    WithinLast,
    /// `now < v <= now + p`.
    WithinNext,
    /// `v <= now - p`.
    BeforeLast,
    /// `v > now + p`.
    AfterNext,
}

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// This often or more.
    AtLeast(u32),
    /// This often or less.
    AtMost(u32),
    /// Just this often.
    Exactly(u32),
}

/// When an event counts. `at` is its timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// Always.
    Ever,
    /// While `now < at + period`. An event whose timestamp lies ahead counts at once.
    Last(Period),
    /// While `at + nearest <= now < at + farthest`.
    Between {
        /// The shorter period.
        nearest: Period,
        /// The longer period.
        farthest: Period,
    },
    /// If it happened at this instant or later.
    Since(Timestamp),
}

/// One thing and then another, or then not. A pair of events is in order if the second is later
/// than the first, and less than `within` later.
#[derive(Debug, Clone, PartialEq)]
pub struct Funnel {
    /// What was done first.
    pub first: EventMatch,
    /// What followed, or did not.
    pub second: EventMatch,
    /// Whether the second must not follow. It holds once `within` is over.
    pub is_absent: bool,
    /// The longest time between them.
    pub within: Period,
    /// When the first event counts.
    pub window: Window,
}

/// A group of people by how recently and how often they did something.
#[derive(Debug, Clone, PartialEq)]
pub struct Rfm {
    /// The group.
    pub group: RfmGroup,
    /// The event that counts, such as a purchase.
    pub event: EventMatch,
    /// How far back events count. Who did it never in this time is in no group.
    pub over: Period,
    /// The bounds of recency: a last event less than the first one ago scores 5, less than the
    /// second 4, then 3 and 2, else 1. Ascending.
    pub recency: [Period; 4],
    /// The bounds of frequency: this many events or more score 2, 3, 4 and 5, else 1. Ascending.
    pub frequency: [u32; 4],
}

/// The ten groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RfmGroup {
    /// Recency 5, frequency 4 or 5.
    Champions,
    /// Recency 3 or 4, frequency 4 or 5.
    Loyal,
    /// Recency 4 or 5, frequency 2 or 3.
    PotentialLoyalists,
    /// Recency 5, frequency 1.
    New,
    /// Recency 4, frequency 1.
    Promising,
    /// Recency 3, frequency 3.
    NeedAttention,
    /// Recency 3, frequency 1 or 2.
    AboutToSleep,
    /// Recency 1 or 2, frequency 3 or 4.
    AtRisk,
    /// Recency 1 or 2, frequency 5.
    CannotLose,
    /// Recency 1 or 2, frequency 1 or 2.
    Hibernating,
}

impl RfmGroup {
    /// Every group with its word.
    pub const WORDS: [(Self, &'static str); 10] = [
        (Self::Champions, "champions"),
        (Self::Loyal, "loyal"),
        (Self::PotentialLoyalists, "potential_loyalists"),
        (Self::New, "new"),
        (Self::Promising, "promising"),
        (Self::NeedAttention, "need_attention"),
        (Self::AboutToSleep, "about_to_sleep"),
        (Self::AtRisk, "at_risk"),
        (Self::CannotLose, "cannot_lose"),
        (Self::Hibernating, "hibernating"),
    ];

    /// The group of two scores from 1 to 5.
    pub fn of_scores(recency: u8, frequency: u8) -> Self {
        match (recency, frequency) {
            (5, 4..) => Self::Champions,
            (3 | 4, 4..) => Self::Loyal,
            (4.., 2 | 3) => Self::PotentialLoyalists,
            (5.., _) => Self::New,
            (4, _) => Self::Promising,
            (3, 3) => Self::NeedAttention,
            (3, _) => Self::AboutToSleep,
            (_, 5..) => Self::CannotLose,
            (_, 3 | 4) => Self::AtRisk,
            _ => Self::Hibernating,
        }
    }
}

impl Rfm {
    /// The bounds of recency that hold unless others are given, in days.
    pub const RECENCY_DAYS_DEFAULT: [i64; 4] = [7, 30, 90, 180];
    /// The bounds of frequency that hold unless others are given.
    pub const FREQUENCY_DEFAULT: [u32; 4] = [2, 3, 5, 10];
    /// How far back events count unless told otherwise, in days.
    pub const OVER_DAYS_DEFAULT: i64 = 365;

    /// [`Rfm::RECENCY_DAYS_DEFAULT`] as periods.
    pub fn recency_by_default() -> [Period; 4] {
        Self::RECENCY_DAYS_DEFAULT.map(|days| Period::from_days(days).expect("within bounds"))
    }

    /// [`Rfm::OVER_DAYS_DEFAULT`] as a period.
    pub fn over_by_default() -> Period {
        Period::from_days(Self::OVER_DAYS_DEFAULT).expect("within bounds")
    }
}

/// Something that a person may be recommended. Whether it is so follows from a model and is found
/// elsewhere ([`Answer`](crate::Answer)).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recommended {
    /// What is recommended.
    pub kind: RecommendedKind,
    /// The id of the item, or the brand or category.
    pub value: String,
}

/// What can be recommended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecommendedKind {
    /// An item, by its id.
    Item,
    /// A brand of items.
    Brand,
    /// A category of items.
    Category,
}

impl RecommendedKind {
    /// Every kind with its word.
    pub const WORDS: [(Self, &'static str); 3] =
        [(Self::Item, "item"), (Self::Brand, "brand"), (Self::Category, "category")];

    /// Its word, which is also the property that items have it in.
    pub fn word(self) -> &'static str {
        word_of(Self::WORDS.into_iter(), self)
    }
}

impl Comparison {
    /// Every comparison with its sign and its key in JSON.
    pub(crate) const WORDS: [(Self, &'static str, &'static str); 4] = [
        (Self::Less, "<", "less_than"),
        (Self::AtMost, "<=", "at_most"),
        (Self::More, ">", "more_than"),
        (Self::AtLeast, ">=", "at_least"),
    ];

    /// Whether the values compare so.
    pub(crate) fn holds<T: PartialOrd>(self, one: T, other: T) -> bool {
        match self {
            Self::Less => one < other,
            Self::AtMost => one <= other,
            Self::More => one > other,
            Self::AtLeast => one >= other,
        }
    }
}

impl TextTest {
    /// Every test with its words and its key in JSON.
    pub(crate) const WORDS: [(Self, &'static str, &'static str); 3] = [
        (Self::Contains, "contains", "contains"),
        (Self::StartsWith, "starts with", "starts_with"),
        (Self::EndsWith, "ends with", "ends_with"),
    ];
}

impl DateTest {
    /// Every test with its word, which is its key in JSON.
    pub(crate) const WORDS: [(Self, &'static str); 2] =
        [(Self::Before, "before"), (Self::After, "after")];
}

impl RelativeTest {
    /// Every test with its words and its key in JSON.
    pub(crate) const WORDS: [(Self, &'static str, &'static str); 4] = [
        (Self::WithinLast, "within last", "within_last"),
        (Self::WithinNext, "within next", "within_next"),
        (Self::BeforeLast, "before last", "before_last"),
        (Self::AfterNext, "after next", "after_next"),
    ];
}

impl Count {
    /// Whether the number is such.
    pub(crate) fn holds(self, number: usize) -> bool {
        match self {
            Self::AtLeast(n) => number >= n as usize,
            Self::AtMost(n) => number <= n as usize,
            Self::Exactly(n) => number == n as usize,
        }
    }

    /// Whether the number is such, if it is `at_least` or more and `at_most` or less; none where
    /// that does not say.
    pub(crate) fn decide(self, at_least: usize, at_most: usize) -> Option<bool> {
        let (low, high) = (self.holds(at_least), self.holds(at_most));
        let is_between = at_least < self.number() as usize && (self.number() as usize) < at_most;
        let may_hit = matches!(self, Self::Exactly(_)) && is_between;
        (low == high && !may_hit).then_some(low)
    }

    /// The number that is compared with.
    pub(crate) fn number(self) -> u32 {
        match self {
            Self::AtLeast(n) | Self::AtMost(n) | Self::Exactly(n) => n,
        }
    }
}

impl Condition {
    /// A group of which every part must hold; a single part stands for itself. None without parts.
    pub fn all(parts: Vec<Self>) -> Option<Self> {
        group(parts, Self::All)
    }

    /// A group of which one part must hold; a single part stands for itself. None without parts.
    pub fn any(parts: Vec<Self>) -> Option<Self> {
        group(parts, Self::Any)
    }

    /// The parts directly below, in order.
    pub fn parts(&self) -> &[Self] {
        match self {
            Self::All(parts) | Self::Any(parts) => parts,
            Self::Not(part) => std::slice::from_ref(part),
            _ => &[],
        }
    }

    /// Calls `visit` with this condition and all below it, each before its parts.
    pub fn visit<'c>(&'c self, visit: &mut dyn FnMut(&'c Self)) {
        visit(self);
        for part in self.parts() {
            part.visit(visit);
        }
    }

    /// The keys of the audiences that the condition names, in order, each once.
    pub fn audiences(&self) -> Vec<&str> {
        let mut keys = Vec::new();
        self.visit(&mut |part| {
            if let Self::Audience(key) = part {
                keys.push(key.as_str());
            }
        });
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// The names of the events that the condition names, in order, each once.
    pub fn events(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.visit(&mut |part| match part {
            Self::Event(condition) => names.push(condition.event.name.as_str()),
            Self::Funnel(funnel) => names.extend([&*funnel.first.name, &*funnel.second.name]),
            Self::Rfm(rfm) => names.push(rfm.event.name.as_str()),
            _ => {}
        });
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether the condition asks for a trait.
    pub fn reads_traits(&self) -> bool {
        let mut reads = false;
        self.visit(&mut |part| reads |= matches!(part, Self::Trait(_)));
        reads
    }
}

fn group(mut parts: Vec<Condition>, of: fn(Vec<Condition>) -> Condition) -> Option<Condition> {
    match parts.len() {
        0 => None,
        1 => parts.pop(),
        _ => Some(of(parts)),
    }
}

impl Filter {
    /// The name at which the path begins: the key of a trait.
    pub fn key(&self) -> &str {
        self.path.split_once('.').map_or(&*self.path, |(first, _)| first)
    }

    /// Whether the test depends on the instant at which it is made.
    pub(crate) fn is_relative(&self) -> bool {
        matches!(self.test, Test::Relative(..))
    }
}

/// The word of a value in a table that has all values.
pub(crate) fn word_of<T: PartialEq>(
    mut words: impl Iterator<Item = (T, &'static str)>,
    wanted: T,
) -> &'static str {
    let (_, word) = words.find(|(value, _)| *value == wanted).expect("the table has every value");
    word
}
