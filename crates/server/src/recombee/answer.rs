//! Answers of the recommender API, written out as they are made.
//!
//! A body is made of pieces. Short answers are gathered and sent whole; of longer ones a chunk is made when the client has taken the one
//! before it, so an answer takes the memory of one chunk, and no work is done for a client that has left.

use std::sync::Arc;

use axum::body::{Body as HttpBody, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use engine::{BudgetError, RequestBudget};
use futures_util::stream;
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;

use super::failure::Failure;
use crate::admission::Permit;

/// The bytes that are made before any are sent, and at once from then on.
const CHUNK_BYTES: usize = 64 * 1_024;

/// The body of an answer.
pub(super) enum Body {
    /// Small enough to be there as a whole.
    Whole(Value),
    /// With an array whose rows are made one after the other.
    Rows(Rows),
}

/// A JSON text with rows in it.
pub(super) struct Rows {
    /// What comes before the rows, the opening bracket included.
    head: String,
    rows: Box<dyn Iterator<Item = Value> + Send>,
    /// What comes after them, the closing bracket included.
    tail: &'static str,
}

impl Rows {
    /// An array.
    pub(super) fn array(rows: impl Iterator<Item = Value> + Send + 'static) -> Self {
        Self { head: "[".to_owned(), rows: Box::new(rows), tail: "]" }
    }

    /// The members of `object`, which has some, and after them `name` with the rows.
    pub(super) fn within(
        object: &Value,
        name: &str,
        rows: impl Iterator<Item = Value> + Send + 'static,
    ) -> Self {
        let mut head = object.to_string();
        head.pop();
        head.push_str(&format!(",{}:[", Value::from(name)));
        Self { head, rows: Box::new(rows), tail: "]}" }
    }
}

/// Pieces of a body, in order. They are charged to the budget of the request.
pub(super) type Pieces = Box<dyn Iterator<Item = Result<Vec<u8>, BudgetError>> + Send>;

impl Body {
    /// The pieces of the body, made as they are asked for.
    pub(super) fn into_pieces(self, budget: Arc<RequestBudget>) -> Pieces {
        let pieces: Box<dyn Iterator<Item = Vec<u8>> + Send> = match self {
            Self::Whole(value) => Box::new(std::iter::once_with(move || value.to_string().into_bytes())),
            Self::Rows(Rows { head, rows, tail }) => {
                let rows = rows.enumerate().map(|(n, row)| {
                    let mut piece = if n == 0 { Vec::new() } else { vec![b','] };
                    serde_json::to_writer(&mut piece, &row).expect("values are written to memory");
                    piece
                });
                Box::new(std::iter::once(head.into_bytes()).chain(rows).chain([tail.as_bytes().to_vec()]))
            }
        };
        Box::new(pieces.map(move |piece| {
            budget.check_caller()?;
            budget.charge_answer(piece.len() as u64)?;
            Ok(piece)
        }))
    }
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

/// What is kept until the answer is written, or the client has left: then nobody needs to work for it.
pub(super) struct UnderWay {
    budget: Arc<RequestBudget>,
    _permit: Permit,
    _room: Option<OwnedSemaphorePermit>,
}

impl UnderWay {
    pub(super) fn new(
        budget: &Arc<RequestBudget>,
        permit: Permit,
        room: Option<OwnedSemaphorePermit>,
    ) -> Self {
        Self { budget: Arc::clone(budget), _permit: permit, _room: room }
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
    if rest.is_none() {
        return (status, json, chunk).into_response();
    }
    let rest = stream::unfold((rest, under_way), |(rest, under_way)| async {
        let pieces = rest?;
        Some(match super::blocking(move || Made::next(pieces)).await {
            Ok(Made { chunk, rest }) => (Ok(Bytes::from(chunk)), (rest, under_way)),
            Err(failure) => {
                tracing::warn!(why = failure.message, "an answer is given up on its way");
                (Err(std::io::Error::other(failure.message)), (None, under_way))
            }
        })
    });
    let first = stream::once(std::future::ready(Ok(Bytes::from(chunk))));
    let body = HttpBody::from_stream(stream::StreamExt::chain(first, rest));
    (status, json, body).into_response()
}
