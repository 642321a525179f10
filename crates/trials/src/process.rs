//! A real server process over a temporary folder.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::http::{Connection, get};

/// How long a server may take until it is ready.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How long a server may take to end after SIGTERM, under any load.
pub const ENDS_WITHIN: Duration = Duration::from_secs(25);
/// The interval between checks of the process.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The token of the administrator.
pub const ADMIN_TOKEN: &str = "admin";
/// The write key of the source of workspace `shop`.
pub const WRITE_KEY: &str = "key";
/// The private token of workspace `shop`.
pub const PRIVATE_TOKEN: &str = "private";
/// The public token of workspace `shop`.
pub const PUBLIC_TOKEN: &str = "public";
/// The profile token of workspace `shop`.
pub const PROFILE_TOKEN: &str = "profile";

const BOOTSTRAP: &str = r#"
admin_token = "admin"
[[workspace]]
id = "shop"
private_token = "private"
public_token = "public"
profile_token = "profile"
[[workspace.source]]
name = "web"
write_key = "key"
[[workspace.trait]]
key = "recommended_items"
kind = "recommended_items"
[[workspace]]
id = "files"
private_token = "files"
"#;

/// Parameters for starting a server.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The path of the server's binary.
    pub binary: PathBuf,
    /// A settings file; none for the defaults.
    pub config: Option<PathBuf>,
    /// The most open file descriptors; none leaves the limit as it is.
    pub nofile: Option<u64>,
}

/// A server that is ready. It is killed when this is dropped.
pub struct Server {
    process: Child,
    /// The address that it listens on.
    pub address: SocketAddr,
    folder: tempfile::TempDir,
}

impl Launch {
    /// Starts a server with two empty workspaces, `shop` and `files`, and waits until it is ready.
    ///
    /// # Errors
    ///
    /// When the binary cannot be run, or ends or is not ready within a minute; the message has the
    /// end of its log.
    pub async fn start(&self) -> Result<Server> {
        let folder = tempfile::Builder::new().prefix("tastemaker-trial-").tempdir()?;
        let bootstrap = folder.path().join("bootstrap.toml");
        fs_err::write(&bootstrap, BOOTSTRAP)?;
        // The port was free a moment ago; no other process here opens ports.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = match self.nofile {
            None => Command::new(&self.binary),
            Some(nofile) => {
                let mut command = Command::new("sh");
                command
                    .args(["-c", &format!("ulimit -n {nofile} && exec \"$0\" \"$@\"")])
                    .arg(&self.binary);
                command
            }
        };
        command
            .args(["serve", "--listen", &address.to_string(), "--data"])
            .arg(folder.path().join("data"));
        command.arg("--bootstrap").arg(&bootstrap);
        if let Some(config) = &self.config {
            command.arg("--config").arg(config);
        }
        let log = fs_err::File::create(folder.path().join("log"))?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log.into_file());
        let process =
            command.spawn().with_context(|| format!("cannot run {}", self.binary.display()))?;
        let mut server = Server { process, address, folder };
        let started = Instant::now();
        while !server.is_ready().await {
            let has_ended = server.process.try_wait()?.is_some();
            if has_ended || started.elapsed() > READY_WITHIN {
                bail!("the server is not ready; its log ends with\n{}", server.end_of_log());
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        Ok(server)
    }
}

impl Server {
    /// Whether `/readyz` answers 200.
    pub async fn is_ready(&self) -> bool {
        match Connection::open(self.address, None).await {
            Ok(mut connection) => {
                connection.send(&get("/readyz", "")).await.is_ok_and(|a| a.status == 200)
            }
            Err(_) => false,
        }
    }

    /// The memory of the process that is in use, in bytes (`VmRSS` of `proc_pid_status(5)`).
    ///
    /// # Errors
    ///
    /// When the process has ended.
    pub fn resident_bytes(&self) -> Result<u64> {
        let status = fs_err::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line
            .and_then(|line| line.split_whitespace().next())
            .context("the process has ended")?;
        Ok(kib.parse::<u64>()? * 1_024)
    }

    /// The last lines of the server's log.
    pub fn end_of_log(&self) -> String {
        let text = fs_err::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(10).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// Asks the process to end and waits for it.
    ///
    /// # Errors
    ///
    /// When it is still there after [`ENDS_WITHIN`], or ended with an error.
    pub async fn stop(mut self) -> Result<Duration> {
        let id = self.process.id().to_string();
        let asked = Instant::now();
        ensure!(
            Command::new("kill").args(["-TERM", &id]).status()?.success(),
            "the server ended by itself"
        );
        loop {
            if let Some(status) = self.process.try_wait()? {
                ensure!(status.success(), "the server ended with {status}\n{}", self.end_of_log());
                return Ok(asked.elapsed());
            }
            ensure!(
                asked.elapsed() < ENDS_WITHIN,
                "the server did not end within {} s",
                ENDS_WITHIN.as_secs()
            );
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
