//! What campaigns did: messages and what became of them by day and variant, conversions, the
//! control group, links and recommended items.

use std::collections::BTreeMap;
use std::ops::Range;

use domain::{Campaign, Day, grouped};
use engine::{
    CampaignPeople, Conversions, Engine, HoldoutGroup, ItemCounts, LinkCounts, MessageCell,
    MessageCounts, MessageEvent, QueryError,
};
use serde::{Deserialize, Serialize};
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

use crate::campaigns::unknown;
use crate::comparison::{Comparison, Measure, Sample, Verdict, compare};
use crate::traits::HoldoutGroupResults;

/// The name of the group that gets messages, in comparisons.
const WITH_MESSAGES: &str = "with messages";
/// The name of the group that gets none.
const CONTROL: &str = "control group";
/// Revenue is kept in millionths.
const MICROS: f64 = 1_000_000.0;
/// The longest report, in days.
const DAYS_MAX: u32 = 3_660;

/// Which days a report is about.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReportQuery {
    /// The first day on which messages were sent, `YYYY-MM-DD`; that of the first message if
    /// absent.
    pub from: Option<String>,
    /// The last day; today if absent.
    pub until: Option<String>,
}

/// What a campaign did.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct CampaignOutcome {
    /// The key of the campaign.
    pub campaign: String,
    /// The first day with messages; none before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The last day with messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// People over all days, each counted once, whatever days are asked for.
    pub people: CampaignAudience,
    /// All messages of the days.
    pub total: MessageOutcome,
    /// By channel and variant.
    pub variants: Vec<VariantOutcome>,
    /// By the day on which messages were sent, channel and variant. What happened later counts on
    /// that day too.
    pub days: Vec<DayOutcome>,
    /// Messages of the days that were not sent, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Messages that wait.
    pub waiting: u64,
    /// Links of all days, the most followed first.
    pub links: Vec<LinkOutcome>,
    /// Recommended items of all days, those that were shown most first.
    pub items: Vec<ItemOutcome>,
    /// What people did beside the control group; none without a conversion or a control group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control: Option<ControlOutcome>,
}

/// People of a campaign, each counted once.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct CampaignAudience {
    /// People who got a message.
    pub sent: u64,
    /// People to whom one was delivered.
    pub delivered: u64,
    /// People who saw one.
    pub viewed: u64,
    /// People whose mailbox loaded the images of one by a program.
    pub viewed_by_machine: u64,
    /// People who followed a link.
    pub clicked: u64,
    /// People who closed one.
    pub dismissed: u64,
    /// People who converted after a click.
    pub click_through: u64,
    /// People who converted after a message.
    pub view_through: u64,
}

/// Something that happened with messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Happened {
    /// To how many people.
    pub people: u64,
    /// How often.
    pub times: u64,
}

/// What people did who count as converted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ConversionOutcome {
    /// How many people did it.
    pub people: u64,
    /// How often.
    pub times: u64,
    /// The share of the people who got a message; none where nobody did.
    pub share: Option<f64>,
    /// The sum of the revenue.
    pub revenue: f64,
}

/// Messages, and what became of them. People are counted once a day.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, utoipa::ToSchema)]
pub struct MessageOutcome {
    /// Messages that were handed to the channel.
    pub sent: u64,
    /// People who got one.
    pub people: u64,
    /// The channel has taken them.
    pub taken: Happened,
    /// They arrived.
    pub delivered: Happened,
    /// They could not be delivered.
    pub failed: Happened,
    /// They were seen.
    pub viewed: Happened,
    /// A program of the mailbox loaded their images.
    pub viewed_by_machine: Happened,
    /// Links were followed.
    pub clicked: Happened,
    /// They were closed.
    pub dismissed: Happened,
    /// People wanted no more.
    pub unsubscribed: Happened,
    /// Mailboxes sent them back.
    pub bounced: Happened,
    /// People called them unwanted.
    pub complained: Happened,
    /// Conversions within the time after a click.
    pub click_through: ConversionOutcome,
    /// Conversions within the time after the message, clicked or not.
    pub view_through: ConversionOutcome,
}

/// Messages of a variant.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct VariantOutcome {
    /// The name of the destination that sends them.
    pub channel: String,
    /// The variant; absent where the campaign has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The messages.
    #[serde(flatten)]
    pub messages: MessageOutcome,
}

/// Messages of a day.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct DayOutcome {
    /// The day in the time zone of the workspace.
    pub day: String,
    /// The name of the destination that sent them.
    pub channel: String,
    /// The variant; absent where the campaign had none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The messages.
    #[serde(flatten)]
    pub messages: MessageOutcome,
}

/// A link in messages.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct LinkOutcome {
    /// Where it leads; absent for all links beyond the first 200 together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// How often it was followed.
    pub clicks: u64,
    /// In how many messages it was.
    pub messages: u64,
}

/// A recommended item in messages.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ItemOutcome {
    /// The item; absent for all items beyond the first 1,000 together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item_id: Option<String>,
    /// Messages that showed it.
    pub shown: u64,
    /// Messages in which it was clicked.
    pub clicked: u64,
    /// Messages after which it was bought, within the time of conversions.
    pub bought: u64,
}

/// Whoever a message was due for, beside the control group.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ControlOutcome {
    /// How many of a hundred people get nothing.
    pub percent: u8,
    /// The event that counts.
    pub event: String,
    /// How long it counts after the first message was due, in seconds.
    pub within_s: u32,
    /// The people for whom a message was due, whether or not it could be sent in the end.
    pub with_messages: HoldoutGroupResults,
    /// The people of the control group for whom one was due.
    pub control_group: HoldoutGroupResults,
    /// The first beside the second: by the share of people who converted and, with a revenue, by
    /// the revenue of a person.
    pub comparisons: Vec<Comparison>,
    /// What that comes to.
    pub sentence: String,
}

/// What a campaign did on some days.
///
/// # Errors
/// 404 where there is none of the key, 400 where a day is none.
pub async fn read(
    workspace: &RequestedWorkspace,
    key: String,
    query: ReportQuery,
) -> Result<CampaignOutcome, ApiError> {
    workspace.ask(move |engine| CampaignOutcome::read(engine, &key, &query)).await
}

impl CampaignOutcome {
    /// What a campaign did on some days.
    ///
    /// # Errors
    /// 404 where there is none of the key, 400 where a day is none.
    pub fn read(engine: &Engine, key: &str, query: &ReportQuery) -> Result<Self, ApiError> {
        let config = engine.config();
        let campaign = config.campaign(key).ok_or_else(|| unknown(engine, key))?;
        let days = read_days(query)?;
        let snapshot = engine.snapshot();
        let (store, reports) = (snapshot.store(), &snapshot.campaign_reports);
        // Between the change of the configuration and its place in the journal there is none.
        let kept = snapshot.campaigns.by_key().get(key);
        let number = kept.map_or(u32::MAX, |kept| kept.number);
        let cells = reports.cells(store, number, days.clone()).map_err(QueryError::from)?;
        let links = reports.links(store, number).map_err(QueryError::from)?;
        let items = reports.items(store, number).map_err(QueryError::from)?;
        let refused = snapshot.campaigns.counts_by_day(store, number).map_err(QueryError::from)?;
        let none = CampaignPeople::default();
        let people = reports.people(number).unwrap_or(&none);
        let first = refused.keys().next().copied();
        let mut by_reason: BTreeMap<String, u64> = BTreeMap::new();
        for (_, counts) in refused.into_iter().filter(|(day, _)| days.contains(day)) {
            for (reason, n) in counts.refused {
                *by_reason.entry(reason).or_default() += n;
            }
        }
        let mut total = MessageCounts::default();
        let mut variants: BTreeMap<(String, Option<String>), MessageCounts> = BTreeMap::new();
        for cell in &cells {
            total += cell.counts;
            let name = (cell.channel.clone(), cell.variant.clone());
            *variants.entry(name).or_default() += cell.counts;
        }
        let variants = variants.into_iter().map(|((channel, variant), counts)| VariantOutcome {
            channel,
            variant,
            messages: MessageOutcome::new(&counts),
        });
        let day_of = |cell: Option<&MessageCell>| cell.map(|cell| Day(cell.day).to_string());
        Ok(Self {
            campaign: key.to_owned(),
            from: day_of(cells.first()),
            until: day_of(cells.last()),
            people: CampaignAudience::new(people),
            total: MessageOutcome::new(&total),
            variants: variants.collect(),
            refused: by_reason,
            waiting: kept.map_or(0, |kept| kept.n_waiting),
            links: shown_links(links),
            items: shown_items(items),
            control: ControlOutcome::new(campaign, people, days_since(engine, first)),
            days: cells.into_iter().map(DayOutcome::new).collect(),
        })
    }
}

/// The days from the first up to, not including, the one after the last.
fn read_days(query: &ReportQuery) -> Result<Range<u32>, ApiError> {
    let day = |name: &str, text: &Option<String>| match text.as_deref().map(Day::parse) {
        None => Ok(None),
        Some(Some(day)) => Ok(Some(day.0)),
        Some(None) => {
            let what = format!("{name} must be a day such as 2026-06-01");
            Err(ApiError::invalid(what))
        }
    };
    let from = day("from", &query.from)?;
    let until = day("until", &query.until)?.map(|day| day.saturating_add(1));
    let (from, until) = (from.unwrap_or(0), until.unwrap_or(u32::MAX));
    if from >= until {
        return Err(ApiError::invalid("from must not be later than until".to_owned()));
    }
    // A campaign of ten years is longer than what anybody reads.
    let from = if until == u32::MAX { from } else { from.max(until.saturating_sub(DAYS_MAX)) };
    Ok(from..until)
}

fn days_since(engine: &Engine, first: Option<u32>) -> f64 {
    let now = Day::from_timestamp(engine.now());
    first.map_or(0.0, |first| f64::from(now.0.saturating_sub(first) + 1))
}

/// Counts are never below zero.
fn counted(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

impl CampaignAudience {
    fn new(people: &CampaignPeople) -> Self {
        let users = |event: MessageEvent| counted(people.users[event as usize]);
        Self {
            sent: counted(people.sent),
            delivered: users(MessageEvent::Delivered),
            viewed: users(MessageEvent::Viewed),
            viewed_by_machine: users(MessageEvent::ViewedByMachine),
            clicked: users(MessageEvent::Clicked),
            dismissed: users(MessageEvent::Dismissed),
            click_through: counted(people.click_through),
            view_through: counted(people.view_through),
        }
    }
}

impl MessageOutcome {
    fn new(counts: &MessageCounts) -> Self {
        let happened = |event: MessageEvent| Happened {
            people: counted(counts.users[event as usize]),
            times: counted(counts.events[event as usize]),
        };
        let conversions = |made: &Conversions| ConversionOutcome {
            people: counted(made.people),
            times: counted(made.events),
            share: (counts.people > 0).then(|| made.people as f64 / counts.people as f64),
            revenue: made.revenue_micros as f64 / MICROS,
        };
        Self {
            sent: counted(counts.sent),
            people: counted(counts.people),
            taken: happened(MessageEvent::Sent),
            delivered: happened(MessageEvent::Delivered),
            failed: happened(MessageEvent::Failed),
            viewed: happened(MessageEvent::Viewed),
            viewed_by_machine: happened(MessageEvent::ViewedByMachine),
            clicked: happened(MessageEvent::Clicked),
            dismissed: happened(MessageEvent::Dismissed),
            unsubscribed: happened(MessageEvent::Unsubscribed),
            bounced: happened(MessageEvent::Bounced),
            complained: happened(MessageEvent::Complained),
            click_through: conversions(&counts.click_through),
            view_through: conversions(&counts.view_through),
        }
    }
}

impl DayOutcome {
    fn new(cell: MessageCell) -> Self {
        let MessageCell { day, channel, variant, counts } = cell;
        let (day, messages) = (Day(day).to_string(), MessageOutcome::new(&counts));
        Self { day, channel, variant, messages }
    }
}

fn shown_links(links: Vec<(String, LinkCounts)>) -> Vec<LinkOutcome> {
    let link = |(url, counts): (String, LinkCounts)| LinkOutcome {
        url: (!url.is_empty()).then_some(url),
        clicks: counts.clicks,
        messages: counts.messages,
    };
    let mut links: Vec<LinkOutcome> = links.into_iter().map(link).collect();
    links.sort_by_key(|link| (link.url.is_none(), std::cmp::Reverse(link.clicks)));
    links
}

fn shown_items(items: Vec<(String, ItemCounts)>) -> Vec<ItemOutcome> {
    let item = |(id, counts): (String, ItemCounts)| ItemOutcome {
        item_id: (!id.is_empty()).then_some(id),
        shown: counted(counts.shown),
        clicked: counted(counts.clicked),
        bought: counted(counts.bought),
    };
    let mut items: Vec<ItemOutcome> = items.into_iter().map(item).collect();
    items.sort_by_key(|item| (item.item_id.is_none(), std::cmp::Reverse(item.shown)));
    items
}

impl ControlOutcome {
    fn new(campaign: &Campaign, people: &CampaignPeople, days: f64) -> Option<Self> {
        let conversion = campaign.conversion.as_ref()?;
        let (treated, held_out) = (&people.groups.treated, &people.groups.held_out);
        if campaign.control_percent == 0 && held_out.sum().people == 0 {
            return None;
        }
        let measures = [Measure::GoalRate, Measure::ValuePerPerson].into_iter();
        let measures = measures
            .filter(|measure| conversion.revenue.is_some() || *measure == Measure::GoalRate);
        let comparisons: Vec<Comparison> = measures
            .map(|measure| {
                let sample = |group: &HoldoutGroup| Sample::of_people(group, measure);
                let (control, with) = (sample(held_out), sample(treated));
                compare((CONTROL, &control), (WITH_MESSAGES, &with), measure, 2, days)
            })
            .collect();
        let sentence = sentence(treated, held_out, &comparisons[0]);
        Some(Self {
            percent: campaign.control_percent,
            event: conversion.event.clone(),
            within_s: conversion.within_s,
            with_messages: HoldoutGroupResults::new(treated),
            control_group: HoldoutGroupResults::new(held_out),
            comparisons,
            sentence,
        })
    }
}

/// How many of a thousand people more did it, and how sure that is.
fn sentence(treated: &HoldoutGroup, held_out: &HoldoutGroup, comparison: &Comparison) -> String {
    let per_1000 = |group: &HoldoutGroup| {
        let sum = group.sum();
        f64::from(sum.reached) * 1_000.0 / f64::from(sum.people.max(1))
    };
    let (with, without) = (per_1000(treated), per_1000(held_out));
    let more_or_fewer = if with < without { "fewer" } else { "more" };
    let (Some(low), Some(high)) = (comparison.low, comparison.high) else {
        return format!("it cannot be told yet: {}", comparison.sentence);
    };
    let difference = whole((with - without).abs());
    let (low, high) = (signed(low * without), signed(high * without));
    let text = format!(
        "{difference} of 1,000 people {more_or_fewer} than in the control group; with a certainty \
         of 95 % that is between {low} and {high}"
    );
    match comparison.verdict {
        Verdict::TooEarly => format!("{text}: it is not clear yet, {}", comparison.sentence),
        Verdict::Alike => format!("{text}: there is no difference worth speaking of"),
        Verdict::Better | Verdict::Worse => text,
    }
}

fn whole(n: f64) -> String {
    grouped(n.round().max(0.0) as u64)
}

fn signed(n: f64) -> String {
    let sign = if n.round() < 0.0 { "\u{2212}" } else { "" };
    format!("{sign}{}", whole(n.abs()))
}
