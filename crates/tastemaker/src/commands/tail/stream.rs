//! Server-sent events of one connection.

use std::io::{BufRead, BufReader, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

/// How long a connection may be silent. The server sends a comment each 15 s.
const SILENCE_MAX: Duration = Duration::from_secs(45);
/// The longest line, in bytes: far more than an entry has.
const LINE_BYTES_MAX: u64 = 16 * 1_024 * 1_024;
/// The most lines that wait to be printed.
const LINES_WAITING_MAX: usize = 256;

/// One event.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    /// Its name.
    pub(super) kind: String,
    /// Where a stream goes on behind it.
    pub(super) id: Option<u64>,
    /// Its data.
    pub(super) data: String,
}

/// Why no further event comes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The server has ended the stream, to see again who calls.
    ByServer,
    /// The connection broke.
    Lost(String),
}

/// An open stream, read by a thread of its own: only so is a silence noticed.
pub(super) struct Connection {
    lines: Receiver<std::io::Result<String>>,
}

impl Connection {
    pub(super) fn new(body: ureq::Body) -> Self {
        Self::reading(body.into_with_config().limit(u64::MAX).reader())
    }

    fn reading(stream: impl Read + Send + 'static) -> Self {
        let (sender, lines) = sync_channel(LINES_WAITING_MAX);
        std::thread::spawn(move || read_lines(BufReader::new(stream), &sender));
        Self { lines }
    }

    /// The next event.
    pub(super) fn next(&self) -> Result<Event, Ended> {
        let mut event = Event::default();
        loop {
            let line = match self.lines.recv_timeout(SILENCE_MAX) {
                Ok(Ok(line)) => line,
                Ok(Err(error)) => {
                    return Err(Ended::Lost(format!("the connection broke: {error}")));
                }
                Err(RecvTimeoutError::Disconnected) => return Err(Ended::ByServer),
                Err(RecvTimeoutError::Timeout) => {
                    return Err(Ended::Lost("the server has gone silent".to_owned()));
                }
            };
            match line.split_once(": ").unwrap_or((line.trim_end_matches(':'), "")) {
                ("event", name) => name.clone_into(&mut event.kind),
                ("id", id) => event.id = id.parse().ok(),
                ("data", data) if event.data.is_empty() => data.clone_into(&mut event.data),
                ("data", more) => event.data.extend(["\n", more]),
                // An event ends with an empty line, and so does a comment.
                ("", "") if line.is_empty() && !event.kind.is_empty() => return Ok(event),
                _ => {}
            }
        }
    }
}

fn read_lines(mut stream: impl BufRead, lines: &SyncSender<std::io::Result<String>>) {
    loop {
        let mut line = String::new();
        let read = stream.by_ref().take(LINE_BYTES_MAX).read_line(&mut line);
        let line = match read {
            Ok(0) => return,
            Ok(_) => Ok(line.trim_end_matches(['\r', '\n']).to_owned()),
            Err(error) => Err(error),
        };
        let is_over = line.is_err();
        if lines.send(line).is_err() || is_over {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_between_comments_until_the_server_ends_the_stream() {
        let stream = ":\n\nevent: entry\nid: 7\ndata: {\"a\":\ndata: 1}\n\n:\n\nevent: missed\ndata: {}\n\nevent: entry\nid: 9";
        let connection = Connection::reading(stream.as_bytes());
        let event = |kind: &str, id, data: &str| {
            Ok(Event { kind: kind.to_owned(), id, data: data.to_owned() })
        };
        assert_eq!(connection.next(), event("entry", Some(7), "{\"a\":\n1}"));
        assert_eq!(connection.next(), event("missed", None, "{}"));
        assert_eq!(connection.next(), Err(Ended::ByServer), "half an event is none");
    }
}
