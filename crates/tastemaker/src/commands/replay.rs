//! `tastemaker replay`: asks a running server to send a span of the journal once more, and waits
//! until it has.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use domain::WorkspaceId;
use resources::places::Place;
use resources::replays::NewReplay;
use serde_json::Value;

/// The variable with the API key.
const KEY_VARIABLE: &str = "TASTEMAKER_KEY";
/// How long a request may take.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);
/// How often the server is asked how far it is.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    TASTEMAKER_KEY=demo-admin-token tastemaker replay --workspace music --destination crm --dry-run\n  \
    TASTEMAKER_KEY=demo-admin-token tastemaker replay --workspace music --destination crm \
    --from 2026-03-01T00:00:00Z --event 'Order Completed' --rate 200\n  \
    TASTEMAKER_KEY=demo-admin-token tastemaker replay --workspace music --to-workspace copy --create --catalog\n  \
    TASTEMAKER_KEY=demo-admin-token tastemaker replay --workspace music --go-on ID")]
pub(crate) struct Args {
    /// The address of the server
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// An API key of an editor or owner; better in the environment variable TASTEMAKER_KEY, where
    /// other users of the machine do not see it
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// The workspace whose messages are sent
    #[arg(long, value_name = "ID")]
    workspace: WorkspaceId,
    /// The destination that gets them
    #[arg(long, value_name = "NAME", conflicts_with = "to_workspace")]
    destination: Option<String>,
    /// The workspace that takes them
    #[arg(long, value_name = "ID")]
    to_workspace: Option<String>,
    /// Make that workspace first, with the names of the sources and new write keys; takes the key
    /// of an owner
    #[arg(long, requires = "to_workspace")]
    create: bool,
    /// Take the catalog along before the messages: items that are available, series and groups
    #[arg(long, requires = "to_workspace")]
    catalog: bool,
    /// The source in that workspace for messages whose own one it does not have
    #[arg(long, value_name = "NAME", requires = "to_workspace")]
    to_source: Option<String>,
    /// The beginning: a time of arrival such as 2026-03-01T00:00:00Z, a date, or an offset of the
    /// journal such as offset:120
    #[arg(long, value_name = "PLACE")]
    from: Option<String>,
    /// The end, which is not included
    #[arg(long, value_name = "PLACE")]
    until: Option<String>,
    /// Only this type, such as track; may be repeated
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Only this event, page or screen; may be repeated
    #[arg(long = "event", value_name = "NAME")]
    events: Vec<String>,
    /// Only messages of this source; may be repeated
    #[arg(long = "source", value_name = "NAME")]
    sources: Vec<String>,
    /// Only messages with this user id or anonymous id; may be repeated
    #[arg(long = "user", value_name = "ID")]
    users: Vec<String>,
    /// The most messages in a second
    #[arg(long, value_name = "N")]
    rate: Option<u32>,
    /// Only count what would be sent, with examples
    #[arg(long)]
    dry_run: bool,
    /// Go on with this replay, which was stopped
    #[arg(long, value_name = "ID", conflicts_with_all = ["destination", "to_workspace", "dry_run"])]
    go_on: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let server = Server::new(args)?;
    let replays = format!("{}/replays", server.base);
    let job = match &args.go_on {
        Some(id) => server.send(&format!("{replays}/{id}/continue"), None)?,
        None => server.send(&replays, Some(&serde_json::to_value(args.request()?)?))?,
    };
    let job = server.await_end(job["id"].as_str().context("the server sent no job")?)?;
    match job["state"].as_str() {
        Some("done") => println!("{:#}", job["result"]),
        state => {
            let why = job["error"]["detail"].as_str().unwrap_or("without a reason");
            bail!("the replay {}: {why}", state.unwrap_or("ended"));
        }
    }
    Ok(())
}

impl Args {
    fn request(&self) -> Result<NewReplay> {
        let place = |text: &Option<String>| text.as_deref().and_then(Place::typed);
        let types = self.types.iter().map(|word| {
            let known = domain::MessageType::ALL;
            let found = known.into_iter().find(|type_| type_.word() == word);
            found.with_context(|| format!("--type {word}: there is no such type of message"))
        });
        Ok(NewReplay {
            destination: self.destination.clone(),
            workspace: self.to_workspace.clone(),
            create_workspace: self.create,
            catalog: self.catalog,
            source: self.to_source.clone(),
            from: place(&self.from),
            until: place(&self.until),
            types: types.collect::<Result<_>>()?,
            events: self.events.iter().cloned().collect(),
            sources: self.sources.iter().cloned().collect(),
            users: self.users.iter().cloned().collect(),
            messages_per_second: self.rate,
            dry_run: self.dry_run,
        })
    }
}

/// The server that is asked.
struct Server {
    url: String,
    base: String,
    authorization: String,
    agent: ureq::Agent,
}

impl Server {
    fn new(args: &Args) -> Result<Self> {
        let key = args.key.clone().or_else(|| std::env::var(KEY_VARIABLE).ok());
        let Some(key) = key.filter(|key| !key.is_empty()) else {
            bail!("no API key: set {KEY_VARIABLE} to one, or to the admin_token");
        };
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(REQUEST_TIME_MAX))
            .http_status_as_error(false)
            .build();
        let url = args.url.trim_end_matches('/').to_owned();
        Ok(Self {
            base: format!("{url}/api/workspaces/{}", args.workspace),
            authorization: format!("Bearer {key}"),
            agent: agent.into(),
            url,
        })
    }

    fn send(&self, path: &str, body: Option<&Value>) -> Result<Value> {
        let request = self.agent.post(path).header("authorization", &self.authorization);
        let answer = match body {
            Some(body) => request.header("content-type", "application/json").send(body.to_string()),
            None => request.send_empty(),
        };
        self.read(answer)
    }

    /// Asks how far a job is until it has ended.
    fn await_end(&self, id: &str) -> Result<Value> {
        let mut told = String::new();
        loop {
            let path = format!("{}/jobs/{id}", self.base);
            let request = self.agent.get(path).header("authorization", &self.authorization);
            let job = self.read(request.call())?;
            if !matches!(job["state"].as_str(), Some("waiting" | "running")) {
                return Ok(job);
            }
            let doing = job["progress"]["doing"].as_str().unwrap_or_default();
            if doing != told {
                eprintln!("{doing}");
                doing.clone_into(&mut told);
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    fn read(&self, answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Value> {
        let mut answer = answer.with_context(|| format!("cannot reach {}", self.url))?;
        let body = answer.body_mut().read_to_string()?;
        let status = answer.status();
        let value: Value = serde_json::from_str(&body)
            .with_context(|| format!("{} is no Tastemaker of this version", self.url))?;
        match status.is_success() {
            true => Ok(value),
            false => {
                let detail = value["detail"].as_str().unwrap_or_default();
                bail!("{}: {detail}", status.as_u16())
            }
        }
    }
}
