//! Answers of the recommender API, written out as they are made.
//!
//! A body is made of pieces. Short answers are gathered and sent whole; of longer ones a chunk is made when the client has taken the one
//! before it, so an answer takes the memory of one chunk, and no work is done for a client that has left.

use std::sync::Arc;

use axum::body::{Body as HttpBody, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use engine::{BudgetError, RequestBudget};
use futures_util::{StreamExt, stream};
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;

use super::failure::Failure;
use crate::admission::{Account, HeldAnswer, Permit};

/// The bytes that are made before any are sent, and at once from then on.
const CHUNK_BYTES: usize = 64 * 1_024;

/// The body of an answer.
pub(super) enum Body {
    /// There as a whole.
    Whole(Value),
    /// What says that something was done, or why it was not: short, and never over a budget.
    Outcome(Value),
    /// With an array whose rows are made one after the other.
    Rows(Rows),
}

/// A JSON text with rows in it.
pub(super) struct Rows {
    /// What comes before the rows, the opening bracket included.
    head: String,
    rows: Box<dyn Iterator<Item = Value> + Send>,
    /// What the rows are made of takes so much memory until they are, in bytes.
    held_bytes: usize,
    /// What comes after them, the closing bracket included.
    tail: &'static str,
}

impl Rows {
    /// An array.
    pub(super) fn array(held_bytes: usize, rows: impl Iterator<Item = Value> + Send + 'static) -> Self {
        Self { head: "[".to_owned(), rows: Box::new(rows), held_bytes, tail: "]" }
    }

    /// The members of `object`, which has some, and after them `name` with the rows.
    pub(super) fn within(
        object: &Value,
        name: &str,
        held_bytes: usize,
        rows: impl Iterator<Item = Value> + Send + 'static,
    ) -> Self {
        let mut head = object.to_string();
        head.pop();
        head.push_str(&format!(",{}:[", Value::from(name)));
        Self { head, rows: Box::new(rows), held_bytes, tail: "]}" }
    }
}

/// Pieces of a body, in order. They are charged to the budget of the request.
pub(super) type Pieces = Box<dyn Iterator<Item = Result<Vec<u8>, BudgetError>> + Send>;

impl Body {
    /// The pieces of the body, made as they are asked for.
    ///
    /// # Errors
    /// Where the body is over the budget, or where too much waits to be taken already.
    pub(super) fn into_pieces(
        self,
        budget: &Arc<RequestBudget>,
        account: &Account,
    ) -> Result<Pieces, Failure> {
        match self {
            Self::Outcome(value) => Ok(outcome_pieces(&value)),
            Self::Whole(value) => {
                let text = value.to_string().into_bytes();
                budget.charge_answer(text.len() as u64)?;
                let held = account.hold_answer(text.len())?;
                Ok(Box::new(std::iter::once(text).map(move |text| {
                    let _until_taken = &held;
                    Ok(text)
                })))
            }
            Self::Rows(Rows { head, rows, held_bytes, tail }) => {
                let held = account.hold_answer(held_bytes)?;
                let rows = rows.enumerate().map(|(n, row)| {
                    let mut piece = if n == 0 { Vec::new() } else { vec![b','] };
                    serde_json::to_writer(&mut piece, &row).expect("values are written to memory");
                    piece
                });
                let pieces = std::iter::once(head.into_bytes()).chain(rows).chain([tail.as_bytes().to_vec()]);
                let budget = Arc::clone(budget);
                Ok(Box::new(pieces.map(move |piece| {
                    let _until_taken = &held;
                    budget.check_caller()?;
                    budget.charge_answer(piece.len() as u64)?;
                    Ok(piece)
                })))
            }
        }
    }
}

/// The pieces of what says that something was done, or why not.
pub(super) fn outcome_pieces(value: &Value) -> Pieces {
    Box::new(std::iter::once(Ok(value.to_string().into_bytes())))
}

impl From<Value> for Body {
    fn from(value: Value) -> Self {
        Self::Whole(value)
    }
}

/// An answer as far as it is made.
pub(super) struct Made {
    chunk: Vec<u8>,
    /// None where the chunk is the last one.
    rest: Option<Pieces>,
}

impl Made {
    /// Makes the next chunk of an answer. That may take long where pieces do.
    ///
    /// # Errors
    /// Where the budget of the request is used up.
    pub(super) fn next(mut pieces: Pieces) -> Result<Self, Failure> {
        let mut chunk = Vec::new();
        while chunk.len() < CHUNK_BYTES {
            match pieces.next() {
                None => return Ok(Self { chunk, rest: None }),
                Some(piece) => chunk.extend(piece?),
            }
        }
        Ok(Self { chunk, rest: Some(pieces) })
    }
}

/// Bytes on their way to the client, which count until the client has taken them.
struct Chunk {
    bytes: Vec<u8>,
    _held: HeldAnswer,
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

fn chunk_of(bytes: Vec<u8>, account: &Account) -> Bytes {
    let _held = account.count_answer(bytes.len());
    Bytes::from_owner(Chunk { bytes, _held })
}

/// What is kept until the answer is written, or the client has left: then nobody needs to work for it.
pub(super) struct UnderWay {
    budget: Arc<RequestBudget>,
    permit: Permit,
    _room: Option<OwnedSemaphorePermit>,
}

impl UnderWay {
    pub(super) fn new(
        budget: &Arc<RequestBudget>,
        permit: Permit,
        room: Option<OwnedSemaphorePermit>,
    ) -> Self {
        Self { budget: Arc::clone(budget), permit, _room: room }
    }

    /// Whom the work is charged to.
    pub(super) fn account(&self) -> &Account {
        self.permit.account()
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.budget.note_caller_left();
    }
}

/// Sends an answer whose first chunk is made; the rest is made as the client takes it. A budget that is used up on the way ends the
/// connection, so that nobody takes a part for the whole.
pub(super) fn send(status: StatusCode, made: Made, under_way: UnderWay) -> Response {
    let json = [(header::CONTENT_TYPE, "application/json")];
    let Made { chunk, rest } = made;
    let chunk = chunk_of(chunk, under_way.account());
    if rest.is_none() {
        return (status, json, HttpBody::from(chunk)).into_response();
    }
    let rest = stream::unfold((rest, under_way), |(rest, under_way)| async {
        let pieces = rest?;
        Some(match super::blocking(move || Made::next(pieces)).await {
            Ok(Made { chunk, rest }) => (Ok(chunk_of(chunk, under_way.account())), (rest, under_way)),
            Err(failure) => {
                tracing::warn!(why = failure.message, "an answer is given up on its way");
                (Err(std::io::Error::other(failure.message)), (None, under_way))
            }
        })
    });
    let first = stream::once(std::future::ready(Ok(chunk)));
    // Layers such as compression ask again after the end.
    let body = HttpBody::from_stream(first.chain(rest).fuse());
    (status, json, body).into_response()
}
