//! A PostgreSQL server, from the programs that are installed.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A server of its own, on a free port of this machine: user `shop`, password `secret`, database
/// `postgres`. It ends with this value.
pub struct PostgresServer {
    process: Child,
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    /// The authority of its certificate, which is its own.
    pub certificate_pem: String,
    _folder: TempDir,
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.stop();
    }
}

impl PostgresServer {
    /// Makes and starts one; none where its programs are not installed, which is said.
    ///
    /// # Panics
    /// If it cannot be made.
    pub fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            eprintln!("skipped: the programs of PostgreSQL (Debian: postgresql) are not installed");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        own(folder.path());
        let in_folder = |name: &str| folder.path().join(name);
        let certificate = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let certificate_pem = certificate.cert.pem();
        for (name, text) in [
            ("password", "secret"),
            ("cert.pem", &certificate_pem),
            ("key.pem", &certificate.signing_key.serialize_pem()),
        ] {
            fs_err::write(in_folder(name), text).unwrap();
            let only_owner = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            fs_err::set_permissions(in_folder(name), only_owner).unwrap();
            own(&in_folder(name));
        }
        let data = in_folder("data");
        let made = command(programs.join("initdb"))
            .args(["-U", "shop", "--auth=scram-sha-256", "--no-sync", "-E", "UTF8", "--pwfile"])
            .arg(in_folder("password"))
            .arg(&data)
            .current_dir(folder.path())
            .status()
            .unwrap();
        assert!(made.success(), "initdb failed");
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let setting = |name: &str, value: String| format!("--{name}={value}");
        let process = command(programs.join("postgres"))
            .arg("-D")
            .arg(&data)
            .args([
                setting("port", port.to_string()),
                setting("listen_addresses", "127.0.0.1".to_owned()),
                setting("unix_socket_directories", String::new()),
                setting("fsync", "off".to_owned()),
                setting("ssl", "on".to_owned()),
                setting("ssl_cert_file", in_folder("cert.pem").display().to_string()),
                setting("ssl_key_file", in_folder("key.pem").display().to_string()),
            ])
            .current_dir(folder.path())
            .spawn()
            .unwrap();
        Some(Self { process, port, certificate_pem, _folder: folder })
    }

    /// Ends it at once.
    pub fn stop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }

    /// What `psql` prints of a query: a line for each row, with `|` between its columns; none while
    /// the server takes no connection or refuses the query.
    ///
    /// # Panics
    /// If `psql` is not installed.
    pub fn ask(&self, query: &str) -> Option<String> {
        let psql = programs().expect("they were there").join("psql");
        let output = command(psql)
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "shop", "-d", "postgres"])
            .args(["-A", "-t", "-q", "-c", query])
            .env("PGPASSWORD", "secret")
            .stdout(Stdio::piped())
            .output()
            .expect("psql runs");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

/// Where the programs of a server are; none where they are not installed.
fn programs() -> Option<PathBuf> {
    let versions = fs_err::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let debian = versions.map(|version| version.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = debian.chain(std::env::split_paths(&path));
    folders.into_iter().find(|folder| folder.join("initdb").is_file())
}

/// The user as whom a server runs, as it refuses to run as root: `postgres`, or `nobody`.
fn user_id() -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    if fs_err::metadata("/proc/self").ok()?.uid() != 0 {
        return None;
    }
    let users = fs_err::read_to_string("/etc/passwd").ok()?;
    let id_of = |name: &str| {
        let line = users.lines().find(|line| line.starts_with(&format!("{name}:")))?;
        line.split(':').nth(2)?.parse().ok()
    };
    id_of("postgres").or_else(|| id_of("nobody"))
}

fn own(path: &Path) {
    if let Some(user) = user_id() {
        std::os::unix::fs::chown(path, Some(user), None).unwrap();
    }
}

fn command(program: PathBuf) -> Command {
    let mut command = Command::new(program);
    command.stdout(Stdio::null()).stderr(Stdio::null()).env_clear().env("LC_ALL", "C");
    if let Some(user) = user_id() {
        command.uid(user);
    }
    command
}
