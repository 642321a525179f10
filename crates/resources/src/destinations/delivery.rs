//! How delivery to a destination is doing, and its dead letters.

use std::collections::BTreeMap;

use domain::Timestamp;
use engine::{BreakerState, DeadLetter, DeadLetterError, Engine, Held};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use web::error::ApiError;
use web::parameters::count;
use web::workspaces::RequestedWorkspace;

use super::find;
use crate::syncs::{SyncedSubject, subjects_at};

/// The most dead letters of one page, and of one call that names them.
pub const DEAD_LETTERS_PAGE_MAX: usize = 500;
const DEAD_LETTERS_PAGE_DEFAULT: usize = 100;

/// How delivery to a destination is doing.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ShownDelivery {
    /// `on`, `off`, `down` (it fails, and is tried from time to time), `stopped` (the list of dead
    /// letters is full, or a setting is wrong) or `waiting` (for the journal).
    pub state: String,
    /// Why nothing can be sent, where it is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Entries of the journal that it has not read yet.
    pub lag_entries: u64,
    /// The age of the oldest message that is not delivered, in seconds.
    pub oldest_s: f64,
    /// Deliveries that succeeded, since the destination was added.
    pub delivered: u64,
    /// Attempts that failed and were repeated.
    pub retried: u64,
    /// Deliveries that were given up, by reason.
    pub failed: BTreeMap<String, u64>,
    /// Messages that its rules withheld, by reason, since the server was started.
    pub withheld: BTreeMap<String, u64>,
    /// Deliveries under way.
    pub in_flight: usize,
    /// Deliveries that wait for their next attempt.
    pub waiting_for_retry: usize,
    /// Dead letters.
    pub dead_letters: u64,
    /// The time from the first attempt to success that half of the last requests did not exceed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_p50_ms: Option<u64>,
    /// The time that 95 % of the last requests did not exceed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_p95_ms: Option<u64>,
    /// The traits and audiences that go there.
    pub syncs: Vec<SyncedSubject>,
}

/// What a try of the credentials gave.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct CheckedDestination {
    /// Whether the destination answers and takes the credentials.
    pub ok: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// A dead letter: a delivery that was given up.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ShownDeadLetter {
    /// The entry of the journal that asked for it.
    pub offset: u64,
    /// The mapping.
    pub mapping: String,
    /// When it was given up.
    pub at: String,
    /// When it was tried first.
    pub first_attempt_at: String,
    /// How often it was tried; 0 where the mapping failed.
    pub attempts: u32,
    /// A label, such as `http_400`.
    pub reason: String,
    /// What the destination answered, or what is wrong.
    pub text: String,
}

/// Which dead letters are wanted; the first where nothing is said.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeadLettersQuery {
    /// What `next` of the page before is.
    pub after: Option<String>,
    /// The most dead letters, up to 500; 100 if absent.
    pub limit: Option<usize>,
}

/// A page of dead letters.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct DeadLetterPage {
    /// The dead letters: those of failed mappings first, by their place in the journal.
    pub dead_letters: Vec<ShownDeadLetter>,
    /// What the next page begins behind; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A dead letter with its message.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct WholeDeadLetter {
    /// The entry of the journal that asked for it.
    pub offset: u64,
    /// The mapping.
    pub mapping: String,
    /// The message; null where its entry is gone.
    #[schema(value_type = Option<Object>)]
    pub message: Option<Value>,
}

/// Names a dead letter.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LetterName {
    /// The entry of the journal that asked for it.
    pub offset: u64,
    /// The mapping.
    pub mapping: String,
}

/// Names dead letters to send anew or to drop.
#[derive(Debug, Clone, PartialEq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LetterChoice {
    /// Up to 500.
    pub dead_letters: Vec<LetterName>,
    /// To send anew: the message in place of the original one, where there is one dead letter.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub message: Option<Value>,
}

/// How many dead letters were sent anew or dropped.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ChangedLetters {
    /// Their number.
    pub changed: usize,
}

/// How delivery to a destination is doing.
///
/// # Errors
/// 404 where there is no such destination, or it is our own engine.
pub async fn delivery(
    workspace: &RequestedWorkspace,
    name: String,
) -> Result<ShownDelivery, ApiError> {
    let read = move |engine: &Engine| {
        check_outgoing(engine, &name)?;
        Ok(ShownDelivery::new(engine, &name))
    };
    workspace.ask(read).await
}

/// As [`delivery`], for whoever has the engine. A destination that is not there has nothing.
pub fn delivery_now(engine: &Engine, name: &str) -> ShownDelivery {
    ShownDelivery::new(engine, name)
}

/// Tries whether the destination answers and takes the credentials. Sends no messages.
///
/// # Errors
/// 404 where there is no such destination, or it is our own engine.
pub async fn check(
    workspace: &RequestedWorkspace,
    name: String,
) -> Result<CheckedDestination, ApiError> {
    let check = move |engine: &Engine| {
        check_outgoing(engine, &name)?;
        let config = engine.config();
        let destination = find(&config, &name)?.cloned();
        Ok(destination.map(|destination| engine.start_check(&destination)))
    };
    let outcome = match workspace.ask(check).await? {
        Some(Ok(answer)) => answer.await,
        Some(Err(problem)) => Err(problem),
        None => Ok(()),
    };
    Ok(CheckedDestination { ok: outcome.is_ok(), problem: outcome.err() })
}

/// A page of dead letters.
///
/// # Errors
/// 404 where there is no such destination, 400 where the place is none or the limit too large.
pub async fn dead_letters(
    workspace: &RequestedWorkspace,
    name: String,
    DeadLettersQuery { after, limit }: DeadLettersQuery,
) -> Result<DeadLetterPage, ApiError> {
    let count = count("limit", limit, DEAD_LETTERS_PAGE_DEFAULT, DEAD_LETTERS_PAGE_MAX)?;
    let read = move |engine: &Engine| {
        check_outgoing(engine, &name)?;
        let after = after.as_deref().map(read_place).transpose()?;
        let after = after.as_ref().map(|(sent, offset, mapping)| (*sent, *offset, *mapping));
        let letters = engine.dead_letters(&name, after, count + 1)?;
        let next = letters.get(count).and_then(|_| letters.get(count - 1)).map(place_of);
        let shown = letters.into_iter().take(count).map(ShownDeadLetter::from).collect();
        Ok(DeadLetterPage { dead_letters: shown, next })
    };
    workspace.ask(read).await
}

/// A dead letter with its message.
///
/// # Errors
/// 404 where there is none.
pub async fn dead_letter(
    workspace: &RequestedWorkspace,
    name: String,
    letter: LetterName,
) -> Result<WholeDeadLetter, ApiError> {
    let read = move |engine: &Engine| {
        check_outgoing(engine, &name)?;
        let LetterName { offset, mapping } = letter;
        let json = engine.dead_letter_message(&name, offset, &mapping).map_err(letter_error)?;
        let message = json.and_then(|json| serde_json::from_str(&json).ok());
        Ok(WholeDeadLetter { offset, mapping, message })
    };
    workspace.ask(read).await
}

/// Sends dead letters anew, by the present mappings.
///
/// # Errors
/// 404 where there is no such dead letter; 400 where the message is none.
pub async fn retry_letters(
    workspace: &RequestedWorkspace,
    name: String,
    choice: LetterChoice,
) -> Result<ChangedLetters, ApiError> {
    if choice.message.is_some() && choice.dead_letters.len() != 1 {
        let what = "message replaces that of one dead letter, name one";
        return Err(ApiError::invalid(what).at("/message".to_owned()));
    }
    let message = choice.message.as_ref().map(Value::to_string);
    change(workspace, name, choice, move |engine, name, letters| {
        engine.retry_dead_letters(name, letters, message)
    })
    .await
}

/// Drops dead letters.
///
/// # Errors
/// 404 where there is no such dead letter.
pub async fn drop_letters(
    workspace: &RequestedWorkspace,
    name: String,
    choice: LetterChoice,
) -> Result<ChangedLetters, ApiError> {
    if choice.message.is_some() {
        let what = "message is of no use where dead letters are dropped";
        return Err(ApiError::invalid(what).at("/message".to_owned()));
    }
    change(workspace, name, choice, |engine, name, letters| engine.drop_dead_letters(name, letters))
        .await
}

async fn change(
    workspace: &RequestedWorkspace,
    name: String,
    choice: LetterChoice,
    change: impl FnOnce(&Engine, &str, &[(u64, String)]) -> Result<(), DeadLetterError> + Send + 'static,
) -> Result<ChangedLetters, ApiError> {
    let n = choice.dead_letters.len();
    if !(1..=DEAD_LETTERS_PAGE_MAX).contains(&n) {
        let what = format!("dead_letters has {n} names, it must have 1 to {DEAD_LETTERS_PAGE_MAX}");
        return Err(ApiError::invalid(what).at("/dead_letters".to_owned()));
    }
    let letters: Vec<(u64, String)> =
        choice.dead_letters.into_iter().map(|letter| (letter.offset, letter.mapping)).collect();
    let change = move |engine: &Engine| {
        check_outgoing(engine, &name)?;
        change(engine, &name, &letters).map_err(letter_error)?;
        Ok(ChangedLetters { changed: n })
    };
    workspace.run(change).await
}

fn letter_error(error: DeadLetterError) -> ApiError {
    match error {
        DeadLetterError::NoMessage(_) => {
            ApiError::invalid(error.to_string()).at("/message".to_owned())
        }
        DeadLetterError::Refused(refusal) => refusal.into(),
        DeadLetterError::Engine(error) => error.into(),
        DeadLetterError::Submit(error) => error.into(),
    }
}

fn check_outgoing(engine: &Engine, name: &str) -> Result<(), ApiError> {
    match find(&engine.config(), name)? {
        Some(_) => Ok(()),
        None => Err(ApiError::not_found(
            "our own engine is no destination that is delivered to: it takes messages as they come",
        )),
    }
}

impl ShownDelivery {
    fn new(engine: &Engine, name: &str) -> Self {
        let status = engine.delivery_status(name);
        let dispatcher = status.as_ref().and_then(|status| status.dispatcher.as_ref());
        let now = engine.now();
        let applied = engine.applied();
        let snapshot = engine.snapshot();
        let standing = snapshot.destinations.get(name);
        let is_on = snapshot.setup.config.destination(name).is_some_and(|found| found.enabled);
        let place = standing.map_or(applied, |standing| standing.place);
        let read_to = status.as_ref().map_or(place, |status| status.read_to.max(place));
        let held = dispatcher.and_then(|dispatcher| dispatcher.held);
        let problem = status.as_ref().and_then(|status| status.problem.clone());
        let problem = problem.or_else(|| {
            (held == Some(Held::DeadLettersFull))
                .then(|| "the list of dead letters is full: send them anew or drop them".to_owned())
        });
        let state = match (held, dispatcher) {
            _ if !is_on => "off",
            _ if problem.is_some() => "stopped",
            (Some(Held::ProgressUnconfirmed), _) => "waiting",
            (_, Some(dispatcher)) if dispatcher.breaker != BreakerState::Closed => "down",
            _ => "on",
        };
        let seconds = |since: Timestamp| (now.0.saturating_sub(since.0)).max(0) as f64 / 1_000.0;
        let oldest = dispatcher.and_then(|dispatcher| dispatcher.oldest);
        let unread = || status.as_ref().filter(|_| read_to < applied)?.read_at;
        let withheld = status.as_ref().map(|status| status.withheld.clone()).unwrap_or_default();
        Self {
            state: state.to_owned(),
            problem,
            lag_entries: applied.saturating_sub(read_to),
            oldest_s: oldest.or_else(unread).map_or(0.0, seconds),
            delivered: standing.map_or(0, |standing| standing.delivered),
            retried: standing.map_or(0, |standing| standing.retried),
            failed: standing.map(|standing| standing.failed.clone()).unwrap_or_default(),
            withheld: withheld.into_iter().map(|(why, n)| (why.to_owned(), n)).collect(),
            in_flight: dispatcher.map_or(0, |dispatcher| dispatcher.in_flight_jobs),
            waiting_for_retry: dispatcher.map_or(0, |dispatcher| dispatcher.waiting_for_retry),
            dead_letters: standing.map_or(0, |standing| standing.n_dead + standing.n_unmapped),
            latency_p50_ms: dispatcher.and_then(|dispatcher| dispatcher.latency_p50_ms),
            latency_p95_ms: dispatcher.and_then(|dispatcher| dispatcher.latency_p95_ms),
            syncs: subjects_at(snapshot.last_sent.links(), name),
        }
    }
}

/// The place of a dead letter in the list.
fn place_of(letter: &DeadLetter) -> String {
    let was_sent = u8::from(letter.attempts > 0);
    format!("{was_sent}.{}.{}", letter.offset, letter.mapping)
}

fn read_place(text: &str) -> Result<(bool, u64, &str), ApiError> {
    let read = || {
        let (was_sent, rest) = text.split_once('.')?;
        let (offset, mapping) = rest.split_once('.')?;
        Some((was_sent == "1", offset.parse().ok()?, mapping))
    };
    read().ok_or_else(|| {
        ApiError::invalid("after should be what `next` of the page before is").of_parameter("after")
    })
}

impl From<DeadLetter> for ShownDeadLetter {
    fn from(letter: DeadLetter) -> Self {
        Self {
            offset: letter.offset,
            mapping: letter.mapping,
            at: letter.at.to_string(),
            first_attempt_at: letter.since.to_string(),
            attempts: letter.attempts,
            reason: letter.reason,
            text: letter.text,
        }
    }
}
