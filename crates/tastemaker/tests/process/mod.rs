//! A real server process, and folders for it.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const BOOTSTRAP: &str = r#"
admin_token = "admin"
[[workspace]]
id = "shop"
profile_token = "profile"
private_token = "private"
[[workspace.source]]
name = "web"
write_key = "key"
[[workspace.trait]]
key = "recommended_items"
kind = "recommended_items"
"#;

/// How long a server may take until it is ready.
const READY_WITHIN: Duration = Duration::from_secs(60);

pub(crate) struct Server {
    pub(crate) process: Child,
    pub(crate) base: String,
    pub(crate) agent: ureq::Agent,
}

impl Server {
    /// Starts a server over a data folder and waits until it is ready. Its settings are in a file
    /// beside the folder, if there is one: `data.settings.toml` for `data`.
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_until(data, "readyz")
    }

    /// Starts a server over a data folder and waits until a path is answered with 200.
    pub(crate) fn start_until(data: &Path, path: &str) -> Self {
        Self::start_as(Command::new(env!("CARGO_BIN_EXE_tastemaker")), data, path)
    }

    /// The same with a command that runs the program with the arguments that follow.
    pub(crate) fn start_as(mut command: Command, data: &Path, path: &str) -> Self {
        let bootstrap = data.with_extension("toml");
        fs_err::write(&bootstrap, BOOTSTRAP).unwrap();
        let settings = data.with_extension("settings.toml");
        // Free a moment ago; nobody else starts servers here.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let process = command
            .args(["serve", "--listen", &address.to_string()])
            .args([Path::new("--data"), data, Path::new("--bootstrap"), &bootstrap])
            .args(settings.exists().then_some(["--config".into(), settings]).into_iter().flatten())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(20)))
            .http_status_as_error(false)
            .build()
            .into();
        let mut server = Self { process, base: format!("http://{address}"), agent };
        let started = Instant::now();
        while server
            .agent
            .get(format!("{}/{path}", server.base))
            .call()
            .map_or(true, |answer| answer.status() != 200)
        {
            assert!(
                server.process.try_wait().unwrap().is_none(),
                "the server ended before it was ready"
            );
            assert!(started.elapsed() < READY_WITHIN, "the server is not ready");
            std::thread::sleep(Duration::from_millis(10));
        }
        server
    }

    /// The ids of all events of a user, page by page.
    pub(crate) fn event_ids(&self, user: &str) -> Vec<String> {
        let (mut ids, mut next) = (Vec::new(), String::new());
        loop {
            let page = self.profile(user, &format!("events?limit=100&next={next}"));
            let Some(data) = page["data"].as_array() else { return ids };
            ids.extend(data.iter().map(|event| event["message_id"].as_str().unwrap().to_owned()));
            next = page["cursor"]["next"].as_str().unwrap().to_owned();
            if next.is_empty() {
                return ids;
            }
        }
    }

    /// A part of a user's profile.
    pub(crate) fn profile(&self, user: &str, rest: &str) -> Value {
        let url = format!(
            "{}/v1/spaces/shop/collections/users/profiles/user_id:{user}/{rest}",
            self.base
        );
        let mut answer =
            self.agent.get(url).header("authorization", "Basic cHJvZmlsZTo=").call().unwrap();
        serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
