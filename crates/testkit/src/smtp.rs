//! An SMTP server, from the packages that are installed.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The server, which says in its first lines how it answers.
const SERVER: &str = include_str!("smtp_server.py");

/// A server of its own, on free ports of this machine: user `shop`, password `secret`. It ends with
/// this value.
pub struct SmtpServer {
    process: Child,
    /// Where it listens on 127.0.0.1 without encryption.
    pub port: u16,
    /// Where it listens with STARTTLS, and takes nothing without.
    pub starttls_port: u16,
    /// Where it listens with TLS from the first byte.
    pub tls_port: u16,
    /// The authority of its certificate, which is its own.
    pub certificate_pem: String,
    folder: TempDir,
    /// The server ends when it is closed.
    _input: ChildStdin,
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

impl SmtpServer {
    /// Starts one; none where its packages are not installed, which is said.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn start() -> Option<Self> {
        let Some(python) = python() else {
            eprintln!(
                "skipped: aiosmtpd and dkimpy (Debian: python3-aiosmtpd, python3-dkim, \
                 python3-nacl) are not installed"
            );
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let certificate = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let certificate_pem = certificate.cert.pem();
        for (name, text) in [
            ("cert.pem", certificate_pem.as_str()),
            ("key.pem", &certificate.signing_key.serialize_pem()),
            ("dns.json", "{}"),
            ("mails.jsonl", ""),
        ] {
            fs_err::write(folder.path().join(name), text).unwrap();
        }
        let mut process = Command::new(python)
            .args(["-c", SERVER])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ports: Value = serde_json::from_str(&line).expect("the server says its ports");
        let port = |name: &str| u16::try_from(ports[name].as_u64().unwrap()).unwrap();
        let input = process.stdin.take().unwrap();
        Some(Self {
            port: port("plain"),
            starttls_port: port("starttls"),
            tls_port: port("tls"),
            process,
            certificate_pem,
            folder,
            _input: input,
        })
    }

    /// Sets the records that hold keys of DKIM, by name.
    ///
    /// # Panics
    /// If the file cannot be written.
    pub fn set_dns(&self, records: &Value) {
        fs_err::write(self.folder.path().join("dns.json"), records.to_string()).unwrap();
    }

    /// The mails that it took, in their order: `from`, `to`, `content`, whether `dkim` is right,
    /// and how they came.
    ///
    /// # Panics
    /// If the file cannot be read.
    pub fn mails(&self) -> Vec<Value> {
        let lines = fs_err::read_to_string(self.folder.path().join("mails.jsonl")).unwrap();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Ends it at once.
    pub fn stop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// The interpreter that has the packages.
fn python() -> Option<&'static str> {
    ["python3", "/usr/bin/python3"].into_iter().find(|python| {
        let imports = Command::new(python)
            .args(["-c", "import aiosmtpd, dkim, nacl"])
            .stderr(Stdio::null())
            .status();
        imports.is_ok_and(|status| status.success())
    })
}
