//! What counts should be, from all that was decided and done: people as they are in the end.

use std::collections::{BTreeMap, BTreeSet};

use super::{Fold, GOALS, MINUTE_MS};
use crate::campaign_reports::{CampaignPeople, Conversions, MessageCounts, MessageEvent};

/// A decision as the recomputation knows it.
pub(super) struct Kept {
    pub(super) id: String,
    pub(super) campaign: usize,
    pub(super) is_control: bool,
    pub(super) at: i64,
    pub(super) day: u32,
    pub(super) variant: String,
    pub(super) items: Vec<&'static str>,
    pub(super) told: Vec<(MessageEvent, i64)>,
    pub(super) links: Vec<(u32, String)>,
    pub(super) clicked_items: BTreeSet<String>,
}

pub(super) struct Buy {
    pub(super) id: String,
    pub(super) at: i64,
    pub(super) total: f64,
    pub(super) item: &'static str,
}

/// The conversions of each message that was sent: after a click, and after the message.
fn converted<'b>(fold: &Fold, kept: &[Kept], buys: &'b [Buy]) -> Vec<(Vec<&'b Buy>, Vec<&'b Buy>)> {
    let mut converted: Vec<(Vec<&Buy>, Vec<&Buy>)> =
        kept.iter().map(|_| Default::default()).collect();
    for buy in buys {
        for (campaign, (minutes, least)) in GOALS.iter().enumerate() {
            let of_person = kept.iter().enumerate().filter(|(_, one)| {
                !one.is_control
                    && one.campaign == campaign
                    && fold.person(&one.id) == fold.person(&buy.id)
            });
            let is_in_time = |from: i64| (0..=minutes * MINUTE_MS).contains(&(buy.at - from));
            if buy.total < *least {
                continue;
            }
            let of_person: Vec<(usize, &Kept)> = of_person.collect();
            let viewed = of_person.iter().filter(|(_, one)| is_in_time(one.at));
            if let Some((place, _)) = viewed.max_by_key(|(place, one)| (one.at, *place)) {
                converted[*place].1.push(buy);
            }
            let clicks = of_person.iter().flat_map(|(place, one)| {
                let clicks = one.told.iter().filter(|(event, _)| *event == MessageEvent::Clicked);
                clicks.map(move |(_, at)| (*at, *place))
            });
            if let Some((_, place)) = clicks.filter(|(at, _)| is_in_time(*at)).max() {
                converted[place].0.push(buy);
            }
        }
    }
    converted
}

pub(super) type Cells = BTreeMap<(u32, String), MessageCounts>;

/// The messages of a campaign by day and variant, and the people over all days.
pub(super) fn recompute(
    fold: &Fold,
    kept: &[Kept],
    buys: &[Buy],
    campaign: usize,
) -> (Cells, CampaignPeople) {
    let converted = converted(fold, kept, buys);
    let mut cells: BTreeMap<(u32, String), Vec<usize>> = BTreeMap::new();
    for (place, one) in kept.iter().enumerate() {
        if one.campaign == campaign && !one.is_control {
            cells.entry((one.day, one.variant.clone())).or_default().push(place);
        }
    }
    let people_of = |places: &[usize], has: &dyn Fn(usize) -> bool| {
        let people: BTreeSet<u32> = places
            .iter()
            .filter(|place| has(**place))
            .map(|place| fold.person(&kept[*place].id).0)
            .collect();
        people.len() as i64
    };
    let has_event =
        |place: usize, event: MessageEvent| kept[place].told.iter().any(|(told, _)| *told == event);
    let counts = |places: &Vec<usize>| {
        let mut counts = MessageCounts {
            sent: places.len() as i64,
            people: people_of(places, &|_| true),
            ..MessageCounts::default()
        };
        for event in MessageEvent::ALL {
            let n = places.iter().flat_map(|place| &kept[*place].told);
            counts.events[event as usize] = n.filter(|(told, _)| *told == event).count() as i64;
            counts.users[event as usize] = people_of(places, &|place| has_event(place, event));
        }
        let conversions = |of: &dyn Fn(usize) -> Vec<f64>| Conversions {
            people: people_of(places, &|place| !of(place).is_empty()),
            events: places.iter().map(|place| of(*place).len() as i64).sum(),
            revenue_micros: places.iter().flat_map(|place| of(*place)).sum::<f64>() as i64
                * 1_000_000,
        };
        let totals = |buys: &[&Buy]| buys.iter().map(|buy| buy.total).collect::<Vec<f64>>();
        counts.click_through = conversions(&|place| totals(&converted[place].0));
        counts.view_through = conversions(&|place| totals(&converted[place].1));
        counts
    };
    let all: Vec<usize> = cells.values().flatten().copied().collect();
    let mut people = CampaignPeople {
        sent: people_of(&all, &|_| true),
        click_through: people_of(&all, &|place| !converted[place].0.is_empty()),
        view_through: people_of(&all, &|place| !converted[place].1.is_empty()),
        ..CampaignPeople::default()
    };
    for event in MessageEvent::ALL {
        people.users[event as usize] = people_of(&all, &|place| has_event(place, event));
    }
    (cells.iter().map(|(key, places)| (key.clone(), counts(places))).collect(), people)
}

/// People of a group, those who reached the goal, goals, and revenue.
pub(super) fn recompute_group(
    fold: &Fold,
    kept: &[Kept],
    buys: &[Buy],
    campaign: usize,
    is_control: bool,
) -> (u32, u32, u64, f64) {
    let (minutes, least) = GOALS[campaign];
    let mut first: BTreeMap<u32, i64> = BTreeMap::new();
    for one in kept {
        if one.campaign == campaign && one.is_control == is_control {
            let at = first.entry(fold.person(&one.id).0).or_insert(i64::MAX);
            *at = (*at).min(one.at);
        }
    }
    let mut sum = (first.len() as u32, 0, 0, 0.0);
    for (user, from) in first {
        let of_person = buys.iter().filter(|buy| fold.person(&buy.id).0 == user);
        let is_goal =
            |buy: &&Buy| buy.total >= least && (0..=minutes * MINUTE_MS).contains(&(buy.at - from));
        let done: Vec<f64> = of_person.filter(is_goal).map(|buy| buy.total).collect();
        sum.1 += u32::from(!done.is_empty());
        sum.2 += done.len() as u64;
        sum.3 += done.iter().sum::<f64>();
    }
    sum
}
