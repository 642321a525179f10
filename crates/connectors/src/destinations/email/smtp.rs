//! One SMTP connection (RFC 5321), with the extensions PIPELINING, SIZE, STARTTLS and AUTH.

use std::fmt;
use std::io;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::time::timeout;

/// How long the answer to a command may take.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(60);
/// How long the answer to a whole mail may take: servers look through it meanwhile.
const CONTENT_TIME_MAX: Duration = Duration::from_secs(120);
/// The longest line of an answer, in bytes.
const LINE_BYTES_MAX: u64 = 2_048;
/// The most lines of an answer.
const LINES_MAX: usize = 100;

/// The class of answers that say that a command is done.
const DONE: u16 = 2;
/// The class of answers that ask for what belongs to a command.
const GO_ON: u16 = 3;

/// The code by which a server ends a connection.
pub(super) const CLOSING: u16 = 421;

/// What a connection runs over.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A step of a session, which a server may refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The connection, EHLO, STARTTLS, NOOP and RSET.
    Greeting,
    Login,
    /// MAIL FROM.
    Sender,
    /// RCPT TO.
    Recipient,
    /// DATA, and the mail itself.
    Content,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Greeting => "the greeting",
            Self::Login => "the login",
            Self::Sender => "the sender",
            Self::Recipient => "the address",
            Self::Content => "the mail",
        })
    }
}

/// An answer of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    /// Class, subject and detail (RFC 3463), where the first line begins with them: 5, 1, 1.
    pub(super) enhanced: Option<(u16, u16, u16)>,
    lines: Vec<String>,
}

impl Reply {
    pub(super) fn new(code: u16, lines: Vec<String>) -> Self {
        let status = lines.first().and_then(|line| line.split_ascii_whitespace().next());
        let mut numbers = status.unwrap_or_default().split('.').map(str::parse);
        let enhanced = match (numbers.next(), numbers.next(), numbers.next(), numbers.next()) {
            (Some(Ok(class)), Some(Ok(subject)), Some(Ok(detail)), None) => {
                Some((class, subject, detail)).filter(|_| class == code / 100)
            }
            _ => None,
        };
        Self { code, enhanced, lines }
    }

    /// Whether the first digit of the code is this one: 2 for success, 3 for "go on".
    fn is_of_class(&self, class: u16) -> bool {
        self.code / 100 == class
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.lines.join(" "))
    }
}

/// A connection that can be used no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Broken {
    /// The server or the network ended it.
    Lost(String),
    /// No answer came in time.
    Timeout(Step),
    /// The server speaks no SMTP.
    Unreadable(String),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(text) => write!(f, "the connection was lost: {text}"),
            Self::Timeout(_) => f.write_str("no answer came in time"),
            Self::Unreadable(text) => f.write_str(text),
        }
    }
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Lost(error.to_string())
    }
}

/// Why something went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The server refused; the connection can be used further.
    Refused(Step, Reply),
    /// The connection broke before the mail was handed over.
    Broken(Broken),
    /// The connection broke after the mail was handed over, and before its answer.
    Unknown(Broken),
}

impl From<Broken> for Trouble {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

/// What a server says that it can, in its answer to EHLO.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Extensions {
    pipelining: bool,
    size: bool,
    starttls: bool,
    auth_plain: bool,
    auth_login: bool,
}

impl Extensions {
    fn read(reply: &Reply) -> Self {
        let mut extensions = Self::default();
        for line in reply.lines.iter().skip(1) {
            // Some old servers write AUTH=PLAIN.
            let line = line.to_ascii_uppercase().replace('=', " ");
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("PIPELINING") => extensions.pipelining = true,
                Some("SIZE") => extensions.size = true,
                Some("STARTTLS") => extensions.starttls = true,
                Some("AUTH") => {
                    for mechanism in words {
                        extensions.auth_plain |= mechanism == "PLAIN";
                        extensions.auth_login |= mechanism == "LOGIN";
                    }
                }
                _ => {}
            }
        }
        extensions
    }
}

/// A connection to a server that has greeted.
pub(super) struct Session<S> {
    stream: BufReader<S>,
    extensions: Extensions,
    /// Whether another mail can be sent over it.
    is_usable: bool,
}

impl<S: Stream> Session<S> {
    fn over(stream: S) -> Self {
        let extensions = Extensions::default();
        Self { stream: BufReader::new(stream), extensions, is_usable: true }
    }

    /// Whether another mail can be sent over it.
    pub(super) fn is_usable(&self) -> bool {
        self.is_usable
    }

    /// Waits for the greeting of a server, and greets.
    ///
    /// # Errors
    /// If it gives none, or refuses.
    pub(super) async fn start(stream: S, hello_name: &str) -> Result<Self, Trouble> {
        let mut session = Self::over(stream);
        let reply = session.read_reply(Step::Greeting, ANSWER_TIME_MAX).await?;
        expect(Step::Greeting, reply, DONE)?;
        session.greet(hello_name).await?;
        Ok(session)
    }

    /// Goes on with a server over TLS, after [`Session::start_tls`].
    ///
    /// # Errors
    /// If it refuses.
    pub(super) async fn restart(stream: S, hello_name: &str) -> Result<Self, Trouble> {
        let mut session = Self::over(stream);
        session.greet(hello_name).await?;
        Ok(session)
    }

    async fn greet(&mut self, hello_name: &str) -> Result<(), Trouble> {
        let reply = self.ask(Step::Greeting, &format!("EHLO {hello_name}")).await?;
        self.extensions = Extensions::read(&reply);
        Ok(())
    }

    /// Whether the server offers STARTTLS.
    pub(super) fn offers_tls(&self) -> bool {
        self.extensions.starttls
    }

    /// Asks the server to go on over TLS: the stream for it.
    ///
    /// # Errors
    /// If it refuses, or sent more than the answer, which somebody on the way may have put there.
    pub(super) async fn start_tls(mut self) -> Result<S, Trouble> {
        self.ask(Step::Greeting, "STARTTLS").await?;
        if !self.stream.buffer().is_empty() {
            let text = "the server sent more than the answer to STARTTLS".to_owned();
            return Err(Broken::Unreadable(text).into());
        }
        Ok(self.stream.into_inner())
    }

    /// Logs in by the mechanism that the server offers: PLAIN, or LOGIN. None where it offers
    /// neither.
    ///
    /// # Errors
    /// If it refuses.
    pub(super) async fn log_in(
        &mut self,
        user: &str,
        password: &str,
    ) -> Result<Option<()>, Trouble> {
        if self.extensions.auth_plain {
            let both = STANDARD.encode(format!("\0{user}\0{password}"));
            self.ask(Step::Login, &format!("AUTH PLAIN {both}")).await?;
        } else if self.extensions.auth_login {
            self.ask_for(GO_ON, Step::Login, "AUTH LOGIN").await?;
            self.ask_for(GO_ON, Step::Login, &STANDARD.encode(user)).await?;
            self.ask(Step::Login, &STANDARD.encode(password)).await?;
        } else {
            return Ok(None);
        }
        Ok(Some(()))
    }

    /// Asks whether the server is still there.
    ///
    /// # Errors
    /// If it is not.
    pub(super) async fn noop(&mut self) -> Result<(), Trouble> {
        self.ask(Step::Greeting, "NOOP").await.map(drop)
    }

    /// Sends a mail, whose lines end with CR and LF, to one address.
    ///
    /// # Errors
    /// If the server does not take it, or the connection breaks.
    pub(super) async fn send(&mut self, from: &str, to: &str, mail: &[u8]) -> Result<(), Trouble> {
        let sent = self.send_once(from, to, mail).await;
        self.is_usable = match &sent {
            Ok(()) => true,
            Err(Trouble::Refused(_, reply)) if reply.code == CLOSING => false,
            // The next mail begins anew, whatever came of this one.
            Err(Trouble::Refused(..)) => self.ask(Step::Greeting, "RSET").await.is_ok(),
            Err(Trouble::Broken(_) | Trouble::Unknown(_)) => false,
        };
        sent
    }

    async fn send_once(&mut self, from: &str, to: &str, mail: &[u8]) -> Result<(), Trouble> {
        let size =
            if self.extensions.size { format!(" SIZE={}", mail.len()) } else { String::new() };
        let sender = format!("MAIL FROM:<{from}>{size}");
        let recipient = format!("RCPT TO:<{to}>");
        if self.extensions.pipelining {
            self.write(Step::Sender, format!("{sender}\r\n{recipient}\r\n").as_bytes()).await?;
            let of_sender = self.read_reply(Step::Sender, ANSWER_TIME_MAX).await?;
            let of_recipient = self.read_reply(Step::Recipient, ANSWER_TIME_MAX).await;
            // A server that refuses the sender may say no more.
            expect(Step::Sender, of_sender, DONE)?;
            expect(Step::Recipient, of_recipient?, DONE)?;
        } else {
            self.ask(Step::Sender, &sender).await?;
            self.ask(Step::Recipient, &recipient).await?;
        }
        self.ask_for(GO_ON, Step::Content, "DATA").await?;
        self.write(Step::Content, &stuff(mail)).await?;
        let done = async {
            self.write(Step::Content, b".\r\n").await?;
            self.read_reply(Step::Content, CONTENT_TIME_MAX).await
        };
        expect(Step::Content, done.await.map_err(Trouble::Unknown)?, DONE).map(drop)
    }

    /// Sends a command: its answer, which is a success.
    async fn ask(&mut self, step: Step, command: &str) -> Result<Reply, Trouble> {
        self.ask_for(DONE, step, command).await
    }

    /// Sends a command: its answer, which is of a class.
    async fn ask_for(&mut self, class: u16, step: Step, command: &str) -> Result<Reply, Trouble> {
        debug_assert!(!command.contains(['\r', '\n']), "what goes into commands was checked");
        self.write(step, format!("{command}\r\n").as_bytes()).await?;
        expect(step, self.read_reply(step, ANSWER_TIME_MAX).await?, class)
    }

    async fn write(&mut self, step: Step, bytes: &[u8]) -> Result<(), Broken> {
        let written = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        timeout(CONTENT_TIME_MAX, written).await.map_err(|_| Broken::Timeout(step))??;
        Ok(())
    }

    async fn read_reply(&mut self, step: Step, time_max: Duration) -> Result<Reply, Broken> {
        timeout(time_max, self.read_lines()).await.map_err(|_| Broken::Timeout(step))?
    }

    /// `250-first`, `250-second`, `250 last`.
    async fn read_lines(&mut self) -> Result<Reply, Broken> {
        let unreadable =
            |what: &str| Broken::Unreadable(format!("the server speaks no SMTP: {what}"));
        let mut lines = Vec::new();
        while lines.len() < LINES_MAX {
            let mut line = Vec::new();
            let n = (&mut self.stream).take(LINE_BYTES_MAX).read_until(b'\n', &mut line).await?;
            if n == 0 {
                return Err(Broken::Lost("the server closed it".to_owned()));
            }
            if line.last() != Some(&b'\n') {
                return Err(match n as u64 == LINE_BYTES_MAX {
                    true => unreadable("a line is too long"),
                    false => {
                        Broken::Lost("the server closed it in the middle of an answer".to_owned())
                    }
                });
            }
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end();
            let code = line.get(..3).and_then(|digits| digits.parse().ok());
            let code: u16 = code.ok_or_else(|| unreadable("an answer has no code"))?;
            let rest = line.get(3..).unwrap_or_default();
            lines.push(rest.get(1..).unwrap_or_default().to_owned());
            if !rest.starts_with('-') {
                return Ok(Reply::new(code, lines));
            }
        }
        Err(unreadable("an answer has too many lines"))
    }
}

impl<S: Stream + 'static> Session<S> {
    /// The same over a stream of any kind.
    pub(super) fn boxed(self) -> Session<Box<dyn Stream>> {
        // Nothing is read ahead: a server speaks when it is asked.
        let stream: Box<dyn Stream> = Box::new(self.stream.into_inner());
        Session {
            stream: BufReader::new(stream),
            extensions: self.extensions,
            is_usable: self.is_usable,
        }
    }
}

fn expect(step: Step, reply: Reply, class: u16) -> Result<Reply, Trouble> {
    match reply.is_of_class(class) {
        true => Ok(reply),
        false => Err(Trouble::Refused(step, reply)),
    }
}

/// A mail in which lines that begin with a dot have one more (RFC 5321, 4.5.2). Its last line ends.
fn stuff(mail: &[u8]) -> Vec<u8> {
    let mut stuffed = Vec::with_capacity(mail.len() + mail.len() / 64 + 2);
    for line in mail.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            stuffed.push(b'.');
        }
        stuffed.extend_from_slice(line);
    }
    if !stuffed.ends_with(b"\r\n") {
        stuffed.extend_from_slice(b"\r\n");
    }
    stuffed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_at_the_start_of_a_line_gets_another() {
        assert_eq!(stuff(b".a\r\n..\r\nb.\r\n.\r\n"), b"..a\r\n...\r\nb.\r\n..\r\n");
        assert_eq!(stuff(b"a"), b"a\r\n");
        assert_eq!(stuff(b""), b"\r\n");
    }

    #[test]
    fn the_enhanced_status_is_that_of_the_class() {
        let enhanced = |code, line: &str| Reply::new(code, vec![line.to_owned()]).enhanced;
        assert_eq!(enhanced(550, "5.1.1 no"), Some((5, 1, 1)));
        assert_eq!(enhanced(450, "4.7.1"), Some((4, 7, 1)));
        for (code, line) in [(550, "2.1.1 no"), (550, "5.1 no"), (550, "no 5.1.1"), (550, "")] {
            assert_eq!(enhanced(code, line), None, "{line}");
        }
    }

    #[tokio::test]
    async fn answers_that_are_none_do_no_harm() {
        let long = [b"220 ", [b'x'; 5_000].as_slice(), b"\r\n"].concat();
        let endless = b"220-more\r\n".repeat(200);
        for bytes in [&b"HTTP/1.1 400 Bad Request\r\n"[..], b"\xff\xff\xff\r\n", &long, &endless] {
            let (mut server, client) = tokio::io::duplex(10_000);
            server.write_all(bytes).await.unwrap();
            let started = Session::start(client, "example.com").await.err();
            assert!(matches!(started, Some(Trouble::Broken(Broken::Unreadable(_)))), "{started:?}");
        }
        let (mut server, client) = tokio::io::duplex(10_000);
        server.write_all(b"220 half").await.unwrap();
        drop(server);
        let started = Session::start(client, "example.com").await.err();
        assert!(matches!(started, Some(Trouble::Broken(Broken::Lost(_)))), "{started:?}");
    }
}
