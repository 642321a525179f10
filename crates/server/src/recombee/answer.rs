//! Answers of the recommender API, written out as they are made.
//!
//! A body is made of pieces. Short answers are gathered and sent whole; of longer ones a chunk is
//! made when the client has taken the one before it, so an answer takes the memory of one chunk,
//! and no work is done for a client that has left. Nothing of it holds the engine meanwhile: a
//! workspace that is closed breaks the answer off, and one that is opened again goes on with it.

use std::sync::Arc;

use axum::body::{Body as HttpBody, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use engine::{RequestBudget, Snapshot};
use futures_util::{StreamExt, stream};
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;

use super::failure::Failure;
use web::admission::{Account, HeldAnswer, Permit};
use web::workspaces::{BlockingHandle, WorkspaceHandle};

/// The bytes that are made before any are sent, and at once from then on.
const CHUNK_BYTES: usize = 64 * 1_024;
/// The most rows that are made of one snapshot of the state, while the fold waits.
const SNAPSHOT_ROWS_MAX: usize = 100;

/// The body of an answer.
pub(super) enum Body {
    /// There as a whole.
    Whole(Value),
    /// A short outcome, which is never over a budget.
    Outcome(Value),
    /// With an array whose rows are made one after the other.
    Rows(Rows),
}

/// A JSON text with rows in it.
pub(super) struct Rows {
    /// The JSON before the rows, with the opening bracket.
    head: String,
    /// Makes the next row; none where there is no other.
    next_row: Box<NextRow>,
    /// The memory of the data that the rows are made from, in bytes.
    held_bytes: usize,
    /// The JSON after the rows, with the closing bracket.
    tail: &'static str,
}

type NextRow = dyn FnMut(&Snapshot<'_>) -> Option<Value> + Send;

impl Rows {
    /// An array of what `make_row` makes of each entry; entries of which it makes nothing are left
    /// out.
    pub(super) fn array<T>(
        held_bytes: usize,
        entries: impl Iterator<Item = T> + Send + 'static,
        make_row: impl FnMut(&Snapshot<'_>, T) -> Option<Value> + Send + 'static,
    ) -> Self {
        Self {
            head: "[".to_owned(),
            next_row: make_row_source(entries, make_row),
            held_bytes,
            tail: "]",
        }
    }

    /// The members of `object`, which has some, and after them `name` with the rows.
    pub(super) fn within<T>(
        object: &Value,
        name: &str,
        held_bytes: usize,
        entries: impl Iterator<Item = T> + Send + 'static,
        make_row: impl FnMut(&Snapshot<'_>, T) -> Option<Value> + Send + 'static,
    ) -> Self {
        let mut head = object.to_string();
        head.pop();
        head.push_str(&format!(",{}:[", Value::from(name)));
        Self { head, next_row: make_row_source(entries, make_row), held_bytes, tail: "]}" }
    }
}

fn make_row_source<T>(
    mut entries: impl Iterator<Item = T> + Send + 'static,
    mut make_row: impl FnMut(&Snapshot<'_>, T) -> Option<Value> + Send + 'static,
) -> Box<NextRow> {
    Box::new(move |snapshot| entries.find_map(|entry| make_row(snapshot, entry)))
}

/// Makes the next piece of a body, and none after the last. Pieces are charged to the budget of the
/// request.
pub(super) type Pieces = Box<dyn FnMut(&BlockingHandle) -> Option<Result<Vec<u8>, Failure>> + Send>;

impl Body {
    /// The pieces of the body, made one at a time.
    ///
    /// # Errors
    /// If the body is over the budget, or where too much waits to be taken already.
    pub(super) fn into_pieces(
        self,
        budget: &Arc<RequestBudget>,
        account: &Account,
    ) -> Result<Pieces, Failure> {
        match self {
            Self::Outcome(value) => Ok(make_outcome_pieces(&value)),
            Self::Whole(value) => {
                let text = value.to_string().into_bytes();
                budget.charge_answer(text.len() as u64)?;
                let held = account.hold_answer(text.len())?;
                let mut whole = Some(text);
                Ok(Box::new(move |_| {
                    let _until_taken = &held;
                    whole.take().map(Ok)
                }))
            }
            Self::Rows(rows) => {
                let held = account.hold_answer(rows.held_bytes)?;
                let (mut pieces, budget) =
                    (RowPieces { rows, written: RowsState::Nothing }, Arc::clone(budget));
                Ok(Box::new(move |workspace| {
                    let _until_taken = &held;
                    let piece = pieces.next(workspace)?.and_then(|piece| {
                        budget.check_caller()?;
                        budget.charge_answer(piece.len() as u64)?;
                        Ok(piece)
                    });
                    Some(piece)
                }))
            }
        }
    }
}

/// The text of rows, several in a piece.
struct RowPieces {
    rows: Rows,
    written: RowsState,
}

/// How much of the text of rows is made.
enum RowsState {
    Nothing,
    Head,
    SomeRows,
    All,
}

impl RowPieces {
    /// # Errors
    /// If the workspace is closed.
    fn next(&mut self, workspace: &BlockingHandle) -> Option<Result<Vec<u8>, Failure>> {
        match self.written {
            RowsState::All => return None,
            RowsState::Nothing => {
                self.written = RowsState::Head;
                return Some(Ok(std::mem::take(&mut self.rows.head).into_bytes()));
            }
            RowsState::Head | RowsState::SomeRows => {}
        }
        let engine = match workspace.engine() {
            Ok(engine) => engine,
            Err(closed) => return Some(Err(closed.into())),
        };
        let snapshot = engine.snapshot();
        let mut piece = Vec::new();
        for _ in 0..SNAPSHOT_ROWS_MAX {
            let Some(row) = (self.rows.next_row)(&snapshot) else {
                self.written = RowsState::All;
                piece.extend(self.rows.tail.as_bytes());
                break;
            };
            if let RowsState::SomeRows = self.written {
                piece.push(b',');
            }
            self.written = RowsState::SomeRows;
            serde_json::to_writer(&mut piece, &row).expect("values are written to memory");
            if piece.len() >= CHUNK_BYTES {
                break;
            }
        }
        Some(Ok(piece))
    }
}

/// The pieces of what says that something was done, or why not.
pub(super) fn make_outcome_pieces(value: &Value) -> Pieces {
    let mut whole = Some(value.to_string().into_bytes());
    Box::new(move |_| whole.take().map(Ok))
}

impl From<Value> for Body {
    fn from(value: Value) -> Self {
        Self::Whole(value)
    }
}

/// An answer as far as it is made.
pub(super) struct AnswerInProgress {
    chunk: Vec<u8>,
    /// None where the chunk is the last one.
    rest: Option<Pieces>,
}

impl AnswerInProgress {
    /// The JSON of an outcome.
    pub(super) fn outcome(value: &Value) -> Self {
        Self { chunk: value.to_string().into_bytes(), rest: None }
    }

    /// Makes the next chunk of an answer. That may take long where pieces do.
    ///
    /// # Errors
    /// If the budget of the request is used up, and where the workspace is closed.
    pub(super) fn next(mut pieces: Pieces, workspace: &BlockingHandle) -> Result<Self, Failure> {
        let mut chunk = Vec::new();
        while chunk.len() < CHUNK_BYTES {
            match pieces(workspace) {
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

fn make_chunk(bytes: Vec<u8>, account: &Account) -> Bytes {
    let _held = account.count_answer(bytes.len());
    Bytes::from_owner(Chunk { bytes, _held })
}

/// The resources that are held until the answer is written or the client has left.
pub(super) struct HeldResources {
    workspace: WorkspaceHandle,
    budget: Arc<RequestBudget>,
    permit: Permit,
    _room: Option<OwnedSemaphorePermit>,
}

impl HeldResources {
    pub(super) fn new(
        workspace: &WorkspaceHandle,
        budget: &Arc<RequestBudget>,
        permit: Permit,
        room: Option<OwnedSemaphorePermit>,
    ) -> Self {
        Self { workspace: workspace.clone(), budget: Arc::clone(budget), permit, _room: room }
    }

    /// Whom the work is charged to.
    pub(super) fn account(&self) -> &Account {
        self.permit.account()
    }
}

impl Drop for HeldResources {
    fn drop(&mut self) {
        self.budget.note_caller_left();
    }
}

/// Sends an answer whose first chunk is made. Further chunks are made as the client takes them. A
/// budget that runs out, or a workspace that is closed, ends the connection, so that a part is not
/// taken for the whole.
pub(super) fn send(
    status: StatusCode,
    made: AnswerInProgress,
    under_way: HeldResources,
) -> Response {
    let json = [(header::CONTENT_TYPE, "application/json")];
    let AnswerInProgress { chunk, rest } = made;
    let chunk = make_chunk(chunk, under_way.account());
    if rest.is_none() {
        return (status, json, HttpBody::from(chunk)).into_response();
    }
    let rest = stream::unfold((rest, under_way), |(rest, under_way)| async {
        let pieces = rest?;
        let next = move |workspace: &BlockingHandle| AnswerInProgress::next(pieces, workspace);
        Some(match under_way.workspace.run_with((), next).await {
            Ok(AnswerInProgress { chunk, rest }) => {
                (Ok(make_chunk(chunk, under_way.account())), (rest, under_way))
            }
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

/// The answer of an operation that succeeded.
pub(super) struct OperationAnswer {
    pub(super) status: u16,
    pub(super) body: Body,
}

impl OperationAnswer {
    /// 200 with a body.
    pub(super) fn ok(body: impl Into<Value>) -> Self {
        Self { status: 200, body: Body::Whole(body.into()) }
    }

    /// The JSON of an outcome.
    pub(super) fn outcome(status: u16, body: impl Into<Value>) -> Self {
        Self { status, body: Body::Outcome(body.into()) }
    }
}

#[cfg(test)]
mod tests {
    use domain::WorkspaceId;
    use engine::{DataFolder, EngineOptions};

    use super::*;
    use web::Workspaces;

    #[tokio::test]
    async fn the_rows_of_one_snapshot_are_few_and_little_more_than_a_chunk() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::open(folder.path()).unwrap();
        let id = WorkspaceId::new("shop").unwrap();
        let engine = data.open_workspace_with(&id, &EngineOptions::default(), &|_, _| {}).unwrap();
        let workspaces = Arc::new(Workspaces::new([Arc::new(engine)]));
        let shop = workspaces.handle("shop").unwrap();
        let long = "x".repeat(CHUNK_BYTES / 2);
        for (row, n_rows, n_of_each) in
            [("short", 250, [0, 100, 100, 50]), (long.as_str(), 5, [0, 2, 2, 1])]
        {
            let entries = vec![Value::from(row); n_rows].into_iter();
            let rows = Rows::array(0, entries, |_, row| Some(row));
            let make = move |workspace: &BlockingHandle| {
                let mut pieces = RowPieces { rows, written: RowsState::Nothing };
                std::iter::from_fn(|| pieces.next(workspace)).collect::<Result<Vec<_>, Failure>>()
            };
            let pieces = shop.run_with((), make).await.map_err(|failure| failure.message).unwrap();
            let row = row.as_bytes();
            let n_rows_in = |piece: &Vec<u8>| {
                piece.split(|byte| *byte == b'"').filter(|part| *part == row).count()
            };
            assert_eq!(pieces.iter().map(n_rows_in).collect::<Vec<_>>(), n_of_each);
            let whole: Vec<String> = serde_json::from_slice(&pieces.concat()).unwrap();
            assert_eq!(whole.len(), n_rows);
        }
    }
}
