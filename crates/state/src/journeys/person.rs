//! A person with all their ways through journeys.

use std::collections::VecDeque;

use conditions::Event;
use domain::{JourneyEntrance, Reentry, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use xxhash_rust::xxh3::xxh3_64;

use super::directory::{Directory, Version, Versions};
use super::instance::{Entering, Instance, InstanceId, Moment, Stage, TimelineStep};
use super::plan::Plan;
use super::recent::RecentEvents;
use super::steps::{Leave, MessageResult, Mover, ToldEvent, World, is_of_control_group};
use super::tracked::{Run, Tracked};

/// The most ways of one person through journeys at one time.
pub const INSTANCES_MAX: usize = 25;
/// How many journeys and values are remembered through which a person went.
const DONE_MAX: usize = 200;
/// How many steps of a person are remembered for people to read.
pub const TIMELINE_MAX: usize = 100;
/// An event that happened longer ago begins no journey, in milliseconds: a day.
const LATE_MS_MAX: i64 = 86_400_000;
/// How many journeys one thing that happened begins by way of others.
const TRIGGERED_MAX: usize = 100;

/// Why somebody does not enter.
pub(crate) const CONTROL_GROUP: &str = "control_group";
const TOO_MANY: &str = "too_many_instances";
const NO_VALUE: &str = "no_value";

/// What [`World`] does for a person with all their ways through journeys.
pub trait PersonWorld: World {
    /// Counts somebody who would have entered.
    fn count_refused(&mut self, plan: &Plan, reason: &'static str);
}

/// What is kept of a person for journeys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JourneysOf {
    /// Where they are, in the order in which they entered.
    pub instances: Vec<Instance>,
    /// The journeys and values through which they went, the latest last.
    done: Vec<(u32, u64)>,
    recent: RecentEvents,
    /// What happened to them in journeys, the earliest first.
    pub timeline: Vec<TimelineStep>,
}

impl JourneysOf {
    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// When time alone moves the person; none where it does not.
    pub fn next_due(&self, directory: &Directory) -> Option<Timestamp> {
        let due = self.instances.iter().filter_map(|instance| {
            let plan = plan_of(directory, instance)?;
            let over = instance.entered.at.0.saturating_add(plan.timeout_ms());
            Some(match instance.stage {
                Stage::Until(due) => due.min(Timestamp(over)),
                Stage::Asked | Stage::Message => Timestamp(over),
            })
        });
        due.min()
    }

    /// The ways on which something must be found by the engine.
    pub fn asked(&self) -> impl Iterator<Item = &Instance> {
        self.instances.iter().filter(|instance| instance.stage == Stage::Asked)
    }

    /// Follows an event that is told now.
    ///
    /// # Errors
    /// Those of the world, as all of these functions.
    pub fn take_event<W: PersonWorld>(
        &mut self,
        directory: &Directory,
        seen: &ToldEvent,
        now: Timestamp,
        world: &mut W,
    ) -> Result<(), W::Error> {
        self.run(directory, world, |row, run| {
            row.follow_versions(run)?;
            let mut events = row.recent.seen();
            if directory.moves(&seen.event.name) {
                row.recent.add(seen, now);
                let place = events.partition_point(|known| known.moment < seen.moment);
                events.insert(place, seen.clone());
            }
            row.catch_up(run, &events, now)?;
            if seen.moment.at.0 < now.0 - LATE_MS_MAX {
                return Ok(());
            }
            for (key, versions) in directory.by_key() {
                let plan = &versions.latest().plan;
                if !plan.is_open() || !plan.is_entered_by(&seen.event) {
                    continue;
                }
                if let JourneyEntrance::Event { audience: Some(audience), .. } =
                    &plan.definition.entry
                    && !run.world.is_member(audience)?
                {
                    continue;
                }
                let properties = seen.event.properties.clone();
                let entering = Entering { moment: seen.moment, properties };
                row.enter(run, key, entering, &events, now)?;
            }
            Ok(())
        })
    }

    /// Follows that the person enters an audience.
    ///
    /// # Errors
    /// Those of the world.
    pub fn take_audience<W: PersonWorld>(
        &mut self,
        directory: &Directory,
        audience: &str,
        moment: Moment,
        world: &mut W,
    ) -> Result<(), W::Error> {
        self.run(directory, world, |row, run| {
            row.follow_versions(run)?;
            row.each(run, |mover| match mover.plan.goal_of_audience(audience) {
                Some(goal) => mover.leave(moment.at, Leave::Goal(goal)),
                None => Ok(true),
            })?;
            for (key, versions) in directory.by_key() {
                let plan = &versions.latest().plan;
                let is_its = matches!(&plan.definition.entry,
                    JourneyEntrance::Audience { audience: wanted } if wanted == audience);
                if is_its && plan.is_open() {
                    let entering = Entering { moment, properties: Map::new() };
                    row.enter(run, key, entering, &[], moment.at)?;
                }
            }
            Ok(())
        })
    }

    /// Lets time pass.
    ///
    /// # Errors
    /// Those of the world.
    pub fn pass_time<W: PersonWorld>(
        &mut self,
        directory: &Directory,
        now: Timestamp,
        world: &mut W,
    ) -> Result<(), W::Error> {
        self.run(directory, world, |row, run| {
            row.follow_versions(run)?;
            row.catch_up(run, &[], now)
        })
    }

    /// Lets the person enter a journey that calls and other journeys begin, or that has a time.
    ///
    /// # Errors
    /// Those of the world.
    pub fn begin<W: PersonWorld>(
        &mut self,
        directory: &Directory,
        key: &str,
        entering: Entering,
        world: &mut W,
    ) -> Result<(), W::Error> {
        self.run(directory, world, |row, run| {
            row.follow_versions(run)?;
            let now = entering.moment.at;
            row.enter(run, key, entering, &[], now)
        })
    }

    /// Follows what became of a message, of the way of a code and a step. Returns false where no
    /// way of the person waits for it.
    ///
    /// # Errors
    /// Those of the world.
    pub fn take_message<W: PersonWorld>(
        &mut self,
        directory: &Directory,
        (code, step): (u64, u32),
        moment: Moment,
        result: MessageResult,
        world: &mut W,
    ) -> Result<bool, W::Error> {
        let mut is_found = false;
        self.run(directory, world, |row, run| {
            row.follow_versions(run)?;
            row.each(run, |mover| {
                let Instance { stage, step: at, .. } = *mover.instance;
                if mover.instance.id().code() != code || at != step || stage != Stage::Message {
                    return Ok(true);
                }
                is_found = true;
                mover.take_message(moment, result)
            })?;
            row.catch_up_recent(run, moment.at)
        })?;
        Ok(is_found)
    }

    /// Follows what the engine found. Returns false where no way of the person waits for it.
    ///
    /// # Errors
    /// Those of the world.
    pub fn take_answer<W: PersonWorld>(
        &mut self,
        directory: &Directory,
        (id, step): (InstanceId, u32),
        moment: Moment,
        until: Option<Timestamp>,
        world: &mut W,
    ) -> Result<bool, W::Error> {
        let mut is_found = false;
        self.run(directory, world, |row, run| {
            row.follow_versions(run)?;
            row.each(run, |mover| {
                let Instance { stage, step: at, .. } = *mover.instance;
                if mover.instance.id() != id || at != step || stage != Stage::Asked {
                    return Ok(true);
                }
                is_found = true;
                mover.take_answer(moment, until)
            })?;
            row.catch_up_recent(run, moment.at)
        })?;
        Ok(is_found)
    }

    /// Adds what is kept of somebody who was merged into the person. Of two ways through a journey
    /// with the same value the one that began earlier stays.
    ///
    /// # Errors
    /// Those of the world.
    pub fn merge<W: PersonWorld>(
        &mut self,
        directory: &Directory,
        other: Self,
        at: Timestamp,
        world: &mut W,
    ) -> Result<(), W::Error> {
        self.instances.extend(other.instances);
        self.instances.sort_by_key(|instance| instance.entered);
        self.recent.merge(other.recent);
        for one in other.done {
            self.note_done(one);
        }
        self.timeline.extend(other.timeline);
        self.timeline.sort_by_key(|step| step.at);
        self.run(directory, world, |row, run| {
            let mut kept: Vec<(u32, Option<String>, InstanceId)> = Vec::new();
            let mut n_kept = 0;
            row.each(run, |mover| {
                let Instance { journey, value, .. } = &*mover.instance;
                let (id, is_parallel) = (mover.instance.id(), mover.plan.is_parallel());
                let is_same = |(number, other, other_id): &(u32, Option<String>, InstanceId)| {
                    *other_id == id || (number == journey && other == value && !is_parallel)
                };
                if kept.iter().any(is_same) || n_kept >= INSTANCES_MAX {
                    return mover.leave(at, Leave::Merged);
                }
                n_kept += 1;
                kept.push((*journey, value.clone(), id));
                Ok(true)
            })
        })
    }

    /// Moves people by the present versions, and out of what is stopped.
    ///
    /// # Errors
    /// Those of the world.
    pub fn settle<W: PersonWorld>(
        &mut self,
        directory: &Directory,
        world: &mut W,
    ) -> Result<(), W::Error> {
        self.run(directory, world, |row, run| row.follow_versions(run))
    }

    fn run<W: PersonWorld>(
        &mut self,
        directory: &Directory,
        world: &mut W,
        work: impl FnOnce(&mut Self, &mut Run<'_, W>) -> Result<(), W::Error>,
    ) -> Result<(), W::Error> {
        let (steps, triggered) = (Vec::new(), VecDeque::new());
        let mut run = Run { directory, world: Tracked { inner: world, steps, triggered } };
        work(self, &mut run)?;
        let mut n_triggered = 0;
        while let Some((key, entering)) = run.world.triggered.pop_front() {
            n_triggered += 1;
            if n_triggered > TRIGGERED_MAX {
                break;
            }
            let now = entering.moment.at;
            self.enter(&mut run, &key, entering, &[], now)?;
        }
        self.timeline.append(&mut run.world.steps);
        let n_old = self.timeline.len().saturating_sub(TIMELINE_MAX);
        self.timeline.drain(..n_old);
        Ok(())
    }

    /// Moves each way through a journey, and removes those that are left.
    fn each<W: PersonWorld>(
        &mut self,
        run: &mut Run<'_, W>,
        mut step: impl FnMut(&mut Mover<'_, Tracked<'_, W>>) -> Result<bool, W::Error>,
    ) -> Result<(), W::Error> {
        let instances = std::mem::take(&mut self.instances);
        for mut instance in instances {
            let Some(plan) = plan_of(run.directory, &instance) else {
                // Nothing says any more what it was.
                continue;
            };
            let is_inside = step(&mut Mover::new(plan, &mut instance, &mut run.world))?;
            match is_inside {
                true => self.instances.push(instance),
                false => self.note_done(done_of(instance.journey, instance.value.as_deref())),
            }
        }
        Ok(())
    }

    fn catch_up<W: PersonWorld>(
        &mut self,
        run: &mut Run<'_, W>,
        events: &[ToldEvent],
        now: Timestamp,
    ) -> Result<(), W::Error> {
        self.each(run, |mover| mover.catch_up(events, now))
    }

    fn catch_up_recent<W: PersonWorld>(
        &mut self,
        run: &mut Run<'_, W>,
        now: Timestamp,
    ) -> Result<(), W::Error> {
        self.catch_up(run, &self.recent.seen(), now)
    }

    /// Moves people whom later versions move, and out of what is stopped.
    fn follow_versions<W: PersonWorld>(&mut self, run: &mut Run<'_, W>) -> Result<(), W::Error> {
        let directory = run.directory;
        let is_current = |instance: &Instance| {
            let versions = directory.at_work(instance.journey);
            versions.is_some_and(|versions| versions.latest().number == instance.version)
        };
        if self.instances.iter().all(is_current) {
            return Ok(());
        }
        let instances = std::mem::take(&mut self.instances);
        for mut instance in instances {
            let Some(versions) = directory.by_number(instance.journey) else { continue };
            if follow(&mut run.world, versions, &mut instance, directory)? {
                self.instances.push(instance);
            } else {
                self.note_done(done_of(instance.journey, instance.value.as_deref()));
            }
        }
        Ok(())
    }

    fn enter<W: PersonWorld>(
        &mut self,
        run: &mut Run<'_, W>,
        key: &str,
        entering: Entering,
        events: &[ToldEvent],
        now: Timestamp,
    ) -> Result<(), W::Error> {
        let Some(versions) = run.directory.journey(key) else { return Ok(()) };
        let Version { number: version, plan, .. } = versions.latest();
        if !plan.is_open() {
            return Ok(());
        }
        let Entering { moment, properties } = entering;
        let event = Event { name: String::new(), timestamp: moment.at, properties };
        let value = plan.value_of(&event);
        if plan.definition.per.is_some() && value.is_none() {
            run.world.inner.count_refused(plan, NO_VALUE);
            return Ok(());
        }
        let journey = versions.number;
        let id = InstanceId { journey, entered: moment };
        let is_inside = |one: &Instance| one.journey == journey && one.value == value;
        let is_inside = self.instances.iter().any(is_inside);
        let was_inside = self.done.contains(&done_of(journey, value.as_deref()));
        let is_free = match plan.definition.reentry {
            Reentry::Never => !is_inside && !was_inside,
            Reentry::AfterExit => !is_inside,
            Reentry::Always => !is_inside || plan.is_parallel(),
        };
        if !is_free || self.instances.iter().any(|one| one.id() == id) {
            return Ok(());
        }
        if self.instances.len() >= INSTANCES_MAX {
            run.world.inner.count_refused(plan, TOO_MANY);
            return Ok(());
        }
        let definition = &plan.definition;
        let person = run.world.person_id()?;
        if is_of_control_group(&definition.key, definition.control_percent, &person) {
            run.world.inner.count_refused(plan, CONTROL_GROUP);
            return Ok(());
        }
        let mut instance = Instance {
            journey,
            version: *version,
            followed: *version,
            value,
            entered: moment,
            node: 0,
            since: moment.at,
            seen: moment,
            stage: Stage::Asked,
            step: 0,
            again: 0,
            context: Vec::new(),
        };
        instance.keep(domain::JOURNEY_ENTRY, Value::Object(event.properties).to_string());
        let mut mover = Mover::new(plan, &mut instance, &mut run.world);
        let is_inside = mover.enter()? && mover.catch_up(events, now)?;
        match is_inside {
            true => self.instances.push(instance),
            false => self.note_done(done_of(journey, instance.value.as_deref())),
        }
        Ok(())
    }

    fn note_done(&mut self, done: (u32, u64)) {
        self.done.retain(|known| *known != done);
        self.done.push(done);
        let n_old = self.done.len().saturating_sub(DONE_MAX);
        self.done.drain(..n_old);
    }
}

/// Moves one way through a journey to where later versions move it.
fn follow<W: World>(
    world: &mut W,
    versions: &Versions,
    instance: &mut Instance,
    directory: &Directory,
) -> Result<bool, W::Error> {
    let latest = versions.latest();
    let Some(present) = versions.version(instance.version) else {
        let mut mover = Mover::new(&latest.plan, instance, world);
        return mover.leave(latest.made.at, Leave::Stopped);
    };
    if directory.at_work(versions.number).is_none() {
        let mut mover = Mover::new(&present.plan, instance, world);
        return mover.leave(latest.made.at, Leave::Stopped);
    }
    let mut plan = &present.plan;
    // Who comes later to a node from which a version moves people stays.
    let followed = std::mem::replace(&mut instance.followed, latest.number);
    let later = versions.versions.iter().filter(|version| version.number > followed);
    for version in later.collect::<Vec<_>>() {
        let name = plan.node_name(instance.node);
        let moves = &version.plan.definition.moves;
        let Some(one) = moves.iter().find(|one| one.from == name) else { continue };
        let Some(node) = version.plan.definition.node(&one.to) else { continue };
        if instance.stage == Stage::Message
            && let Some(campaign) = plan.campaign(instance.node)
        {
            world.drop_message(campaign, instance)?;
        }
        plan = &version.plan;
        instance.version = version.number;
        if !Mover::new(plan, instance, world).arrive(node as u16, version.made)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn plan_of<'d>(directory: &'d Directory, instance: &Instance) -> Option<&'d Plan> {
    let version = directory.by_number(instance.journey)?.version(instance.version)?;
    Some(&*version.plan)
}

fn done_of(journey: u32, value: Option<&str>) -> (u32, u64) {
    (journey, value.map_or(0, |value| xxh3_64(value.as_bytes())))
}
