//! Streams and bodies whose bytes are counted for their connection.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::registry::{Connection, Phase};

/// A stream of a connection.
pub(super) struct Counted<S> {
    stream: S,
    connection: Arc<Connection>,
}

impl<S> Counted<S> {
    pub(super) fn new(stream: S, connection: Arc<Connection>) -> Self {
        Self { stream, connection }
    }

    fn note(&self, written: &Poll<io::Result<usize>>) {
        match written {
            Poll::Ready(Ok(n)) => self.connection.note_written(*n),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.connection.note_write_blocked(),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.connection.note_read(buffer.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.note(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.note(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// A body of a connection, which moves it through its phases.
pub(super) struct CountedBody<B> {
    body: B,
    connection: Arc<Connection>,
    is_request: bool,
}

impl<B> CountedBody<B> {
    /// While it is read and not ended, the connection is receiving.
    pub(super) fn for_request(body: B, connection: Arc<Connection>) -> Self {
        Self { body, connection, is_request: true }
    }

    /// When it has been written, the connection waits for the next request.
    pub(super) fn for_answer(body: B, connection: Arc<Connection>) -> Self {
        Self { body, connection, is_request: false }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for CountedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if self.is_request {
            match &polled {
                Poll::Pending => self.connection.enter(Phase::Receiving),
                Poll::Ready(Some(Ok(frame))) => {
                    self.connection.enter(Phase::Receiving);
                    self.connection.add_body_bytes(frame.data_ref().map_or(0, Bytes::len));
                    if self.body.is_end_stream() {
                        self.connection.enter(Phase::Working);
                    }
                }
                Poll::Ready(_) => self.connection.enter(Phase::Working),
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for CountedBody<B> {
    fn drop(&mut self) {
        if !self.is_request {
            self.connection.enter(Phase::Waiting);
        }
    }
}
