//! What journeys mean, told plainly: everything that happened is followed from the start, with
//! lists and loops alone. Nothing of it is what the fold uses.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use domain::{HoldBranch, Journey, JourneyAction, JourneyEntrance, Reentry, TraitChangeKind};
use serde_json::{Map, Value};
use state::{InstanceId, Moment, is_of_control_group, share_of};

/// When, and where in the journal.
pub(crate) type Place = (i64, u64);

const HOUR: i64 = 3_600_000;

/// What happened.
#[derive(Debug, Clone)]
pub(crate) enum What {
    Track {
        user: u8,
        name: String,
        at: i64,
        properties: Map<String, Value>,
    },
    Identify {
        user: u8,
        vip: bool,
    },
    Merge {
        target: u8,
        source: u8,
    },
    /// It was decided on a message: whose, of which way and step, and whether it was sent.
    Decided {
        user: u8,
        code: u64,
        step: u32,
        is_sent: bool,
    },
    /// Something was found: for whom, on which way and step, and until when is waited.
    Answered {
        user: u8,
        code: u64,
        step: u32,
        until: Option<i64>,
    },
    Publish(Box<Journey>),
    Nothing,
}

#[derive(Debug, Clone)]
pub(crate) struct Happened {
    pub(crate) now: i64,
    pub(crate) offset: u64,
    pub(crate) what: What,
}

#[derive(Debug, Clone, PartialEq)]
enum Waits {
    Until(i64),
    Engine,
    Message,
}

#[derive(Debug, Clone)]
struct Way {
    number: u32,
    plan: usize,
    value: Option<String>,
    entered: Place,
    node: String,
    since: i64,
    seen: Place,
    waits: Waits,
    step: u32,
    again: u32,
    context: BTreeMap<String, Map<String, Value>>,
}

#[derive(Debug, Clone, Default)]
struct Person {
    ways: Vec<Way>,
    done: BTreeSet<(u32, Option<String>)>,
    lately: Vec<Event>,
    /// By key the value, and when it was set.
    traits: BTreeMap<String, (i64, Value)>,
    is_member: bool,
}

/// An event of a person.
type Event = (Place, String, Map<String, Value>);

enum Meaning {
    Leaves(String),
    Moves(String),
    Again,
}

/// Where somebody is: journey, value, entry, node, since when, and until when if time says it.
pub(crate) type Position = (String, Option<String>, Place, String, i64, Option<i64>);

#[derive(Default)]
pub(crate) struct Naive {
    /// Every version that was published, with the number of its journey and when.
    plans: Vec<(u32, Place, Journey)>,
    people: BTreeMap<u8, Person>,
    entered_audience: Vec<u8>,
    triggered: VecDeque<(String, Place, Map<String, Value>)>,
    now: i64,
    /// How often what happened, by journey.
    pub(crate) counts: BTreeMap<(String, String), u64>,
}

enum Next {
    Inside,
    Left,
}

impl Naive {
    pub(crate) fn replay(happened: &[Happened]) -> Self {
        let mut naive = Self::default();
        happened.iter().for_each(|one| naive.follow(one));
        naive
    }

    pub(crate) fn positions(&self) -> BTreeMap<u8, Vec<Position>> {
        let position = |way: &Way| {
            let until = match way.waits {
                Waits::Until(at) => Some(at),
                Waits::Engine | Waits::Message => None,
            };
            let key = self.plans[way.plan].2.key.clone();
            (key, way.value.clone(), way.entered, way.node.clone(), way.since, until)
        };
        let all = self.people.iter().map(|(user, person)| {
            let mut positions: Vec<Position> = person.ways.iter().map(position).collect();
            positions.sort();
            (*user, positions)
        });
        all.filter(|(_, positions)| !positions.is_empty()).collect()
    }

    fn latest(&self, key: &str) -> Option<usize> {
        self.plans.iter().rposition(|(_, _, plan)| plan.key == key)
    }

    fn count(&mut self, plan: usize, what: &str) {
        let key = self.plans[plan].2.key.clone();
        *self.counts.entry((key, what.to_owned())).or_default() += 1;
    }

    fn follow(&mut self, Happened { now, offset, what }: &Happened) {
        self.pass_time(*now, *offset);
        self.now = *now;
        match what {
            What::Nothing => {}
            What::Track { user, name, at, properties } => {
                let user = self.know(*user);
                self.track(user, name, ((*at).min(*now), *offset), properties, *now);
            }
            What::Identify { user, vip } => {
                let user = self.know(*user);
                self.set(user, "vip", Value::from(*vip), *now);
            }
            What::Merge { target, source } => self.merge(*target, *source),
            What::Decided { user, code, step, is_sent } => {
                let user = *user;
                self.answer(user, (*code, *step, Waits::Message), |naive, way| {
                    naive.message(user, way, (*now, *offset), *is_sent)
                });
                self.catch_up_lately(user, *now);
            }
            What::Answered { user, code, step, until } => {
                let user = *user;
                self.answer(user, (*code, *step, Waits::Engine), |naive, way| match until {
                    Some(until) => {
                        way.waits = Waits::Until(*until);
                        Next::Inside
                    }
                    None => naive.go(user, way, "next", (*now, *offset)),
                });
                self.catch_up_lately(user, *now);
            }
            What::Publish(journey) => self.publish(journey, (*now, *offset)),
        }
        self.settle(*now, *offset);
    }

    fn know(&mut self, user: u8) -> u8 {
        self.person(user);
        user
    }

    /// Follows those who entered the audience.
    fn settle(&mut self, now: i64, offset: u64) {
        for _ in 0..10 {
            let entered = std::mem::take(&mut self.entered_audience);
            for user in entered {
                let ways = std::mem::take(&mut self.person(user).ways);
                for way in ways {
                    let goals = &self.plans[way.plan].2.goals;
                    match goals.iter().position(|goal| goal.audience.is_some()) {
                        Some(n) => self.leave(user, &way, &format!("goal {}", n + 1)),
                        None => self.person(user).ways.push(way),
                    }
                }
                let keys: BTreeSet<String> =
                    self.plans.iter().map(|(_, _, plan)| plan.key.clone()).collect();
                for key in keys {
                    let plan = self.latest(&key).unwrap();
                    if matches!(self.plans[plan].2.entry, JourneyEntrance::Audience { .. }) {
                        self.enter(user, plan, (now, offset), &Map::new(), &[], now);
                    }
                }
                self.enter_triggered(user);
            }
        }
        self.entered_audience.clear();
    }

    fn person(&mut self, user: u8) -> &mut Person {
        self.people.entry(user).or_default()
    }

    fn set(&mut self, user: u8, key: &str, value: Value, now: i64) {
        self.person(user).traits.insert(key.to_owned(), (now, value));
        self.look_at_membership(user);
    }

    fn look_at_membership(&mut self, user: u8) {
        let person = self.person(user);
        let is_member = person.traits.get("vip").is_some_and(|(_, value)| *value == true);
        let was_member = std::mem::replace(&mut person.is_member, is_member);
        if is_member && !was_member {
            self.entered_audience.push(user);
        }
    }

    fn due(&self, way: &Way) -> i64 {
        let stay = i64::from(self.plans[way.plan].2.timeout_s.unwrap_or(31_536_000)) * 1_000;
        match way.waits {
            Waits::Until(at) => at.min(way.entered.0 + stay),
            Waits::Engine | Waits::Message => way.entered.0 + stay,
        }
    }

    /// Ends what is due, in the order of its time.
    fn pass_time(&mut self, now: i64, offset: u64) {
        loop {
            let people = self.people.iter();
            let all = people.flat_map(|(user, one)| one.ways.iter().map(move |way| (user, way)));
            let first = all.map(|(user, way)| (self.due(way), *user)).min();
            let Some((due, user)) = first.filter(|(due, _)| *due <= now) else { break };
            self.now = due;
            self.catch_up_all(user, &[], due);
            self.enter_triggered(user);
            self.settle(due, offset);
        }
    }

    fn keep(&mut self, user: u8, way: Way, next: Next) {
        if matches!(next, Next::Inside) {
            self.person(user).ways.push(way);
        }
    }

    fn catch_up_lately(&mut self, user: u8, now: i64) {
        let lately = self.person(user).lately.clone();
        self.catch_up_all(user, &lately, now);
        self.enter_triggered(user);
    }

    fn catch_up_all(&mut self, user: u8, events: &[Event], now: i64) {
        let ways = std::mem::take(&mut self.person(user).ways);
        for mut way in ways {
            let next = self.catch_up(user, &mut way, events, now);
            self.keep(user, way, next);
        }
    }

    fn answer(
        &mut self,
        user: u8,
        (code, step, waits): (u64, u32, Waits),
        with: impl Fn(&mut Self, &mut Way) -> Next,
    ) {
        let ways = std::mem::take(&mut self.person(user).ways);
        for mut way in ways {
            let entered = Moment { at: domain::Timestamp(way.entered.0), offset: way.entered.1 };
            let id = InstanceId { journey: way.number, entered };
            let next = match id.code() == code && way.step == step && way.waits == waits {
                true => with(self, &mut way),
                false => Next::Inside,
            };
            self.keep(user, way, next);
        }
    }

    fn action(&self, way: &Way) -> JourneyAction {
        let nodes = &self.plans[way.plan].2.nodes;
        nodes.iter().find(|node| node.name == way.node).unwrap().action.clone()
    }

    fn message(&mut self, user: u8, way: &mut Way, place: Place, is_sent: bool) -> Next {
        let JourneyAction::Message { within_s, .. } = self.action(way) else { unreachable!() };
        match (is_sent, within_s) {
            (false, _) => self.go(user, way, "refused", place),
            (true, None) => self.go(user, way, "sent", place),
            (true, Some(seconds)) => {
                way.waits = Waits::Until(place.0 + i64::from(seconds) * 1_000);
                way.seen = place;
                Next::Inside
            }
        }
    }

    fn track(
        &mut self,
        user: u8,
        name: &str,
        place: Place,
        properties: &Map<String, Value>,
        now: i64,
    ) {
        let event: Event = (place, name.to_owned(), properties.clone());
        let mut events = self.person(user).lately.clone();
        if self.moves(name) {
            events.push(event.clone());
            events.sort_by_key(|(place, ..)| *place);
            let lately = &mut self.person(user).lately;
            lately.retain(|(place, ..)| place.0 >= now - HOUR);
            if place.0 >= now - HOUR {
                lately.push(event.clone());
                lately.sort_by_key(|(place, ..)| *place);
                let n_old = lately.len().saturating_sub(20);
                lately.drain(..n_old);
            }
        }
        self.catch_up_all(user, &events, now);
        if place.0 >= now - 24 * HOUR {
            let keys: BTreeSet<String> =
                self.plans.iter().map(|(_, _, plan)| plan.key.clone()).collect();
            for key in keys {
                let plan = self.latest(&key).unwrap();
                let JourneyEntrance::Event { event: wanted, filters, audience } =
                    self.plans[plan].2.entry.clone()
                else {
                    continue;
                };
                let is_member = audience.is_none() || self.person(user).is_member;
                if wanted == name && passes(filters.as_deref(), properties) && is_member {
                    self.enter(user, plan, place, properties, &events, now);
                }
            }
        }
        self.enter_triggered(user);
    }

    /// Whether any version of a journey waits for events of a name.
    fn moves(&self, name: &str) -> bool {
        self.plans.iter().any(|(_, _, plan)| {
            let waits = plan.nodes.iter().any(|node| match &node.action {
                JourneyAction::HoldUntil { branches, .. } => {
                    branches.iter().any(|branch| branch.event == name)
                }
                _ => false,
            });
            waits
                || plan.exits.iter().any(|exit| exit.event == name)
                || plan.goals.iter().any(|goal| goal.event.as_deref() == Some(name))
        })
    }

    fn enter(
        &mut self,
        user: u8,
        plan: usize,
        place: Place,
        properties: &Map<String, Value>,
        events: &[Event],
        now: i64,
    ) {
        let (number, _, definition) = self.plans[plan].clone();
        let value = definition.per.as_ref().map(|per| properties.get(per).map(Value::to_string));
        let value = match value {
            Some(None) => return self.count(plan, "no_value"),
            Some(value) => value,
            None => None,
        };
        let person = self.person(user);
        let is_same = |way: &&Way| way.number == number && way.value == value;
        let is_inside = person.ways.iter().any(|way| is_same(&way));
        let was_inside = person.done.contains(&(number, value.clone()));
        let may = match definition.reentry {
            Reentry::Never => !is_inside && !was_inside,
            Reentry::AfterExit => !is_inside,
            Reentry::Always => definition.per.is_none() || !is_inside,
        };
        let is_twice = person.ways.iter().any(|way| way.number == number && way.entered == place);
        if !may || is_twice {
            return;
        }
        if person.ways.len() >= 25 {
            return self.count(plan, "too_many_instances");
        }
        if is_of_control_group(&definition.key, definition.control_percent, &name_of(user)) {
            return self.count(plan, "control_group");
        }
        self.count(plan, "entered");
        let context = BTreeMap::from([("entry".to_owned(), properties.clone())]);
        let mut way = Way {
            number,
            plan,
            value,
            entered: place,
            node: String::new(),
            since: place.0,
            seen: place,
            waits: Waits::Engine,
            step: 0,
            again: 0,
            context,
        };
        let first = definition.nodes[0].name.clone();
        let mut next = self.arrive(user, &mut way, &first, place);
        if matches!(next, Next::Inside) {
            next = self.catch_up(user, &mut way, events, now);
        }
        self.keep(user, way, next);
    }

    fn enter_triggered(&mut self, user: u8) {
        while let Some((key, place, properties)) = self.triggered.pop_front() {
            let plan = self.latest(&key).unwrap();
            self.enter(user, plan, place, &properties, &[], place.0);
        }
    }

    fn arrive(&mut self, user: u8, way: &mut Way, node: &str, place: Place) -> Next {
        (way.node, way.since, way.seen) = (node.to_owned(), place.0, place);
        (way.step, way.again) = (way.step + 1, 0);
        self.count(way.plan, &format!("at {node}"));
        let connector = match self.action(way) {
            JourneyAction::Exit => return self.left(user, way, "completed"),
            JourneyAction::Delay { seconds, .. } => {
                way.waits = Waits::Until(place.0 + i64::from(seconds) * 1_000);
                return Next::Inside;
            }
            JourneyAction::HoldUntil { timeout_s, .. } => {
                way.waits = Waits::Until(place.0 + i64::from(timeout_s) * 1_000);
                return Next::Inside;
            }
            JourneyAction::DelayUntil { .. } | JourneyAction::Send { .. } => {
                way.waits = Waits::Engine;
                return Next::Inside;
            }
            JourneyAction::Message { .. } => {
                way.waits = Waits::Message;
                return Next::Inside;
            }
            JourneyAction::Split { branches, .. } => {
                let mut conditions = branches.iter().map(|branch| branch.when.as_str());
                let found = conditions.position(|when| self.holds(user, way, when));
                found.map_or_else(|| "otherwise".to_owned(), |n| format!("branch {}", n + 1))
            }
            JourneyAction::Random { branches, sticky } => {
                let key = &self.plans[way.plan].2.key;
                let mut chance = format!("{key}\0{node}\0{}", name_of(user));
                if !sticky {
                    let (at, offset) = way.entered;
                    chance.push_str(&format!("\0{at}\0{offset}\0{}", way.step));
                }
                let shares = branches.iter().map(|branch| branch.percent);
                format!("branch {}", share_of(&chance, shares) + 1)
            }
            JourneyAction::UpdateProfile { changes, .. } => {
                for change in changes {
                    let present = self.person(user).traits.get(&change.key).cloned();
                    let present_at = present.as_ref().map(|(at, _)| *at);
                    let number = present.and_then(|(_, value)| value.as_i64()).unwrap_or(0);
                    let value = match change.change {
                        TraitChangeKind::Increment => {
                            Value::from(number + change.value.as_i64().unwrap())
                        }
                        _ => change.value.clone(),
                    };
                    let at = present_at.map_or(self.now, |at| at.max(self.now));
                    self.person(user).traits.insert(change.key, (at, value));
                }
                self.look_at_membership(user);
                "next".to_owned()
            }
            JourneyAction::Trigger { journey, .. } => {
                let properties = way.context["entry"].clone();
                self.triggered.push_back((journey, place, properties));
                "next".to_owned()
            }
        };
        self.go(user, way, &connector, place)
    }

    /// Leaves the node by a connector.
    fn go(&mut self, user: u8, way: &mut Way, connector: &str, place: Place) -> Next {
        let numbered = |n: &str| n.parse::<usize>().unwrap() - 1;
        let target = match (self.action(way), connector) {
            (JourneyAction::Message { sent, .. }, "sent") => sent,
            (JourneyAction::Message { refused, .. }, _) => refused,
            (JourneyAction::HoldUntil { timeout, .. }, "timeout") => timeout,
            (JourneyAction::HoldUntil { branches, .. }, other) => {
                branches[numbered(&other[6..])].next.clone()
            }
            (JourneyAction::Split { otherwise, .. }, "otherwise") => otherwise,
            (JourneyAction::Split { branches, .. }, other) => {
                branches[numbered(&other[7..])].next.clone()
            }
            (JourneyAction::Random { branches, .. }, other) => {
                branches[numbered(&other[7..])].next.clone()
            }
            (
                JourneyAction::Delay { next, .. }
                | JourneyAction::DelayUntil { next, .. }
                | JourneyAction::UpdateProfile { next, .. }
                | JourneyAction::Send { next, .. }
                | JourneyAction::Trigger { next, .. },
                _,
            ) => next,
            (JourneyAction::Exit, _) => None,
        };
        match target.filter(|target| target != "end") {
            Some(target) => self.arrive(user, way, &target, place),
            None => self.left(user, way, "completed"),
        }
    }

    fn left(&mut self, user: u8, way: &Way, why: &str) -> Next {
        self.leave(user, way, why);
        Next::Left
    }

    fn leave(&mut self, user: u8, way: &Way, why: &str) {
        self.count(way.plan, &format!("left: {why}"));
        self.person(user).done.insert((way.number, way.value.clone()));
    }

    fn catch_up(&mut self, user: u8, way: &mut Way, events: &[Event], now: i64) -> Next {
        loop {
            let due = self.due(way);
            let first = events.iter().find_map(|event| Some((event, self.meaning(way, event)?)));
            let next = match first.filter(|(event, _)| event.0 < (due, 0)) {
                Some((event, meaning)) => self.take(user, way, event, meaning),
                None if due <= now => self.end_wait(user, way, due),
                None => return Next::Inside,
            };
            if matches!(next, Next::Left) {
                return next;
            }
        }
    }

    /// What an event means for somebody on a way; none if nothing.
    fn meaning(&self, way: &Way, (place, name, properties): &Event) -> Option<Meaning> {
        let plan = &self.plans[way.plan].2;
        let same = |same_value: bool| {
            let per = plan.per.as_ref().and_then(|per| properties.get(per)).map(Value::to_string);
            !same_value || per == way.value
        };
        if *place > way.entered {
            for (n, goal) in plan.goals.iter().enumerate() {
                let is_its = goal.event.as_ref() == Some(name);
                if is_its && passes(goal.filters.as_deref(), properties) {
                    return Some(Meaning::Leaves(format!("goal {}", n + 1)));
                }
            }
            for (n, exit) in plan.exits.iter().enumerate() {
                let is_its = exit.event == *name && same(exit.same_value);
                if is_its && passes(exit.filters.as_deref(), properties) {
                    return Some(Meaning::Leaves(format!("exit {}", n + 1)));
                }
            }
        }
        let JourneyAction::HoldUntil { branches, .. } = self.action(way) else { return None };
        if *place <= way.seen {
            return None;
        }
        let fits = |branch: &HoldBranch| {
            let is_its = branch.event == *name && same(branch.same_value);
            is_its && passes(branch.filters.as_deref(), properties)
        };
        let n = branches.iter().position(fits)?;
        Some(match branches[n].again {
            true => Meaning::Again,
            false => Meaning::Moves(format!("event {}", n + 1)),
        })
    }

    fn take(&mut self, user: u8, way: &mut Way, event: &Event, meaning: Meaning) -> Next {
        let (place, _, properties) = event;
        match meaning {
            Meaning::Leaves(why) => self.left(user, way, &why),
            Meaning::Moves(connector) => {
                way.context.insert(way.node.clone(), properties.clone());
                self.go(user, way, &connector, *place)
            }
            Meaning::Again if way.again < 100 => {
                let JourneyAction::HoldUntil { timeout_s, .. } = self.action(way) else {
                    unreachable!()
                };
                way.again += 1;
                (way.seen, way.since) = (*place, place.0);
                way.waits = Waits::Until(place.0 + i64::from(timeout_s) * 1_000);
                Next::Inside
            }
            Meaning::Again => self.go(user, way, "timeout", *place),
        }
    }

    fn end_wait(&mut self, user: u8, way: &mut Way, due: i64) -> Next {
        let stay = i64::from(self.plans[way.plan].2.timeout_s.unwrap_or(31_536_000)) * 1_000;
        if due >= way.entered.0 + stay {
            return self.left(user, way, "timeout");
        }
        let connector = match self.action(way) {
            JourneyAction::HoldUntil { .. } => "timeout",
            JourneyAction::Message { .. } => "sent",
            _ => "next",
        };
        self.go(user, way, connector, (due, 0))
    }

    fn holds(&self, user: u8, way: &Way, when: &str) -> bool {
        let person = &self.people[&user];
        let more = |value: Option<&Value>, than: &str| {
            value.and_then(Value::as_i64).is_some_and(|value| value > than.parse().unwrap())
        };
        if when == "in audience vip" {
            return person.is_member;
        }
        if when == "not in audience vip" {
            return !person.is_member;
        }
        if let Some(than) = when.strip_prefix("trait journey.entry.total > ") {
            return more(way.context["entry"].get("total"), than);
        }
        let than = when.strip_prefix("trait n > ").unwrap();
        more(person.traits.get("n").map(|(_, value)| value), than)
    }

    fn merge(&mut self, target: u8, source: u8) {
        if target == source {
            return;
        }
        let gone = self.people.remove(&source).unwrap_or_default();
        self.entered_audience.iter_mut().filter(|user| **user == source).for_each(|user| {
            *user = target;
        });
        let person = self.person(target);
        for (key, (at, value)) in gone.traits {
            let is_newer = person.traits.get(&key).is_none_or(|(present_at, present)| {
                (at, value.to_string()) > (*present_at, present.to_string())
            });
            if is_newer {
                person.traits.insert(key, (at, value));
            }
        }
        person.done.extend(gone.done);
        person.lately.extend(gone.lately);
        person.lately.sort_by_key(|(place, ..)| *place);
        let n_old = person.lately.len().saturating_sub(20);
        person.lately.drain(..n_old);
        person.is_member |= gone.is_member;
        let mut ways = std::mem::take(&mut person.ways);
        ways.extend(gone.ways);
        ways.sort_by_key(|way| way.entered);
        for way in ways {
            let definition = &self.plans[way.plan].2;
            let is_parallel = definition.reentry == Reentry::Always && definition.per.is_none();
            let kept = &self.people[&target].ways;
            let is_same = kept.iter().any(|one| {
                let is_one = one.number == way.number && one.value == way.value && !is_parallel;
                is_one || (one.number == way.number && one.entered == way.entered)
            });
            match is_same || kept.len() >= 25 {
                true => self.leave(target, &way, "merged"),
                false => self.person(target).ways.push(way),
            }
        }
        self.look_at_membership(target);
    }

    fn publish(&mut self, journey: &Journey, place: Place) {
        let present = self.latest(&journey.key);
        let number = match present {
            Some(plan) => self.plans[plan].0,
            None => self.plans.iter().map(|(number, ..)| number + 1).max().unwrap_or(0),
        };
        self.plans.push((number, place, journey.clone()));
        let plan = self.plans.len() - 1;
        let users: Vec<u8> = self.people.keys().copied().collect();
        for user in users {
            let ways = std::mem::take(&mut self.person(user).ways);
            for mut way in ways {
                let is_its = way.number == number;
                let to = journey.moves.iter().find(|one| is_its && one.from == way.node);
                let next = match to {
                    Some(one) => {
                        way.plan = plan;
                        self.arrive(user, &mut way, &one.to, place)
                    }
                    None => Next::Inside,
                };
                self.keep(user, way, next);
            }
            self.enter_triggered(user);
        }
    }
}

/// The id of a user.
pub(crate) fn name_of(user: u8) -> String {
    format!("u{user}")
}

fn passes(filters: Option<&str>, properties: &Map<String, Value>) -> bool {
    let Some(filters) = filters else { return true };
    let than: i64 = filters.strip_prefix("total > ").unwrap().parse().unwrap();
    properties.get("total").and_then(Value::as_i64).is_some_and(|total| total > than)
}
