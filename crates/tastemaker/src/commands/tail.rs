//! `tastemaker tail`: messages and calls as they arrive at a running server.

mod line;
mod stream;

use std::time::Duration;

use anyhow::{Context, Result, bail};
use domain::WorkspaceId;
use serde::Deserialize;
use serde_json::value::RawValue;

use self::stream::{Connection, Ended, Event};

/// The variable with the API key.
const KEY_VARIABLE: &str = "TASTEMAKER_KEY";
/// How long a connection may take, and a page of entries.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// The shortest and the longest time between two attempts to come back.
const RETRY_AFTER: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    TASTEMAKER_KEY=demo-admin-token tastemaker tail --workspace music\n  \
    TASTEMAKER_KEY=demo-admin-token tastemaker tail --workspace music --outcome rejected --last 50\n  \
    TASTEMAKER_KEY=demo-admin-token tastemaker tail --workspace music --last 5 --no-follow --json")]
pub(crate) struct Args {
    /// The address of the server
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// An API key of any role; better in the environment variable TASTEMAKER_KEY, where other
    /// users of the machine do not see it
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// The workspace
    #[arg(long, value_name = "ID")]
    workspace: WorkspaceId,
    /// Only messages of this source
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Only events with this in their name, in any case
    #[arg(long, value_name = "TEXT")]
    event: Option<String>,
    /// Only what is by this person, or about them, by any id
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// Only this outcome: accepted, applied_in_part, duplicate, rejected, refused or unknown
    #[arg(long, value_name = "OUTCOME")]
    outcome: Option<String>,
    /// Begin with so many that came before
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(0..=resources::live::ENTRIES_PER_PAGE_MAX as u64))]
    last: u64,
    /// End after those that came before
    #[arg(long)]
    no_follow: bool,
    /// Print a line of JSON for each, for scripts
    #[arg(long)]
    json: bool,
}

/// The server with what is asked of it.
struct Server<'a> {
    args: &'a Args,
    base: String,
    authorization: String,
    agent: ureq::Agent,
}

#[derive(Deserialize)]
struct Page {
    entries: Vec<Box<RawValue>>,
    after: u64,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let key = args.key.clone().or_else(|| std::env::var(KEY_VARIABLE).ok());
    let Some(key) = key.filter(|key| !key.is_empty()) else {
        bail!("no API key: set {KEY_VARIABLE} to one, or to the admin_token");
    };
    let server = Server::new(args, &key);
    let page = server.page()?;
    for entry in page.entries.iter().rev().take(args.last as usize) {
        print(args, entry.get())?;
    }
    if args.no_follow { Ok(()) } else { server.follow(page.after) }
}

fn print(args: &Args, entry: &str) -> Result<()> {
    match args.json {
        true => println!("{entry}"),
        false => println!("{}", line::of(entry).context("the server sent an unknown entry")?),
    }
    Ok(())
}

impl<'a> Server<'a> {
    fn new(args: &'a Args, key: &str) -> Self {
        let agent = ureq::Agent::config_builder()
            .timeout_connect(Some(CONNECT_TIME_MAX))
            .timeout_recv_response(Some(CONNECT_TIME_MAX))
            .http_status_as_error(false)
            .build();
        let url = args.url.trim_end_matches('/');
        Self {
            base: format!("{url}/api/workspaces/{}", args.workspace),
            authorization: format!("Bearer {key}"),
            agent: agent.into(),
            args,
        }
    }

    fn get(&self, path: &str, further: (&str, u64)) -> Result<ureq::http::Response<ureq::Body>> {
        let Args { source, event, user, outcome, .. } = self.args;
        let given = [("source", source), ("event", event), ("user", user), ("outcome", outcome)];
        let given = given.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        let request = self.agent.get(format!("{}/{path}", self.base));
        let request = request.header("authorization", &self.authorization);
        let request = request.query_pairs(given).query(further.0, further.1.to_string());
        request.call().with_context(|| format!("cannot reach {}", self.args.url))
    }

    /// The latest entries, newest first.
    fn page(&self) -> Result<Page> {
        let mut answer = self.get("messages", ("limit", self.args.last.max(1)))?;
        let body = answer.body_mut().read_to_string()?;
        if answer.status() != 200 {
            bail!(describe_refusal(answer.status().as_u16(), &body));
        }
        let page: Page = serde_json::from_str(&body)
            .with_context(|| format!("{} is no Tastemaker of this version", self.args.url))?;
        Ok(page)
    }

    /// Prints what arrives from `after` on, until the process is stopped. A lost connection is made
    /// again.
    fn follow(&self, mut after: u64) -> Result<()> {
        let mut wait = RETRY_AFTER.0;
        loop {
            let ended = match self.connect(after)? {
                None => Ended::Lost("the server cannot be reached".to_owned()),
                Some(connection) => {
                    wait = RETRY_AFTER.0;
                    self.read(&connection, &mut after)?
                }
            };
            if let Ended::Lost(why) = ended {
                eprintln!("{why}; trying again in {} s", wait.as_secs());
                std::thread::sleep(wait);
                wait = (wait * 2).min(RETRY_AFTER.1);
            }
        }
    }

    /// None where it may work later.
    fn connect(&self, after: u64) -> Result<Option<Connection>> {
        let Ok(mut answer) = self.get("live", ("after", after)) else { return Ok(None) };
        match answer.status().as_u16() {
            200 => Ok(Some(Connection::new(answer.into_body()))),
            408 | 429 | 500.. => Ok(None),
            status => {
                let body = answer.body_mut().read_to_string().unwrap_or_default();
                bail!(describe_refusal(status, &body))
            }
        }
    }

    fn read(&self, connection: &Connection, after: &mut u64) -> Result<Ended> {
        loop {
            match connection.next() {
                Ok(Event { kind, id, data }) => {
                    match kind.as_str() {
                        "entry" => print(self.args, &data)?,
                        "missed" => eprintln!("{}", line::missed(&data)),
                        _ => {}
                    }
                    *after = id.unwrap_or(*after);
                }
                Err(ended) => return Ok(ended),
            }
        }
    }
}

/// The message of an error of the API.
fn describe_refusal(status: u16, body: &str) -> String {
    #[derive(Deserialize)]
    struct Problem {
        detail: String,
    }
    match serde_json::from_str::<Problem>(body) {
        Ok(Problem { detail }) => line::plain(&detail),
        Err(_) => format!("the server answered {status}"),
    }
}
