//! `tastemaker serve`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use arc_swap::ArcSwap;
use engine::{BackgroundThread, BackgroundWork, Next, Signals};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use web::{Listener, Tls};

use crate::address;
use crate::background::Background;
use crate::bootstrap::Bootstrap;
use crate::commands::dry_run;
use crate::configuration;
use crate::files;
use crate::reload::{LiveSettings, Reload, SetFilter};
use crate::service::Service;
use crate::settings::{Log, LogFormat, Settings};
use crate::tls::{TlsArgs, TlsFiles, WATCH_INTERVAL};

/// How long work for abandoned requests may go on before the process ends. Such work checks far
/// more often whether anybody waits for it.
const ABANDONED_WORK_TIME_MAX: Duration = Duration::from_secs(2);

/// The bootstrap file of examples.
const BOOTSTRAP_NAME: &str = "bootstrap.toml";

/// The command that prints a bootstrap file with one workspace.
const MAKE_BOOTSTRAP: &str = r#"printf '%s\n' 'admin_token = "change-me-admin"' '[[workspace]]' 'id = "shop"' '[[workspace.source]]' 'name = "web"' 'write_key = "change-me-write"'"#;

/// How long a stopping server waits for its workspaces to journal and apply the entries that they
/// have taken.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(8);

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The data folder; created if missing
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The address to listen on: HOST:PORT, PORT (this machine only) or :PORT (all networks)
    /// [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR", value_parser = address::parse)]
    listen: Option<SocketAddr>,
    /// The address of https beside http on --listen; needs a certificate
    #[arg(long, value_name = "ADDR", value_parser = address::parse)]
    listen_tls: Option<SocketAddr>,
    /// A settings file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A file of workspaces to set up; applying it again changes nothing
    #[arg(long, value_name = "FILE")]
    bootstrap: Option<PathBuf>,
    /// Remove from the workspaces of the bootstrap file whatever it does not name
    #[arg(long, requires = "bootstrap")]
    prune: bool,
    /// Show what the bootstrap file would change, and change nothing
    #[arg(long, requires = "bootstrap")]
    dry_run: bool,
    #[command(flatten)]
    tls: TlsArgs,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let read_settings = || args.settings();
    let settings = read_settings()?;
    let addresses = Addresses::from_settings(&settings, args.tls.has_certificate())?;
    let set_filter = start_log(&settings.log)?;
    files::raise_limit();
    let bootstrap =
        args.bootstrap.as_deref().map(|path| Bootstrap::read(path, args.prune)).transpose()?;
    if let Some(bootstrap) = bootstrap.as_ref().filter(|_| args.dry_run) {
        return dry_run::run(&args.data, bootstrap);
    }
    if bootstrap.is_none() && !args.data.exists() {
        bail!(describe_nothing_to_serve(&args.data));
    }
    let service = Service::open(&args.data, bootstrap, &settings)?;
    if service.n_workspaces() == 0 && !service.has_administrators() {
        bail!(describe_nothing_to_serve(&args.data));
    }
    let tls_ip = addresses.https.unwrap_or(settings.listen).ip();
    let tls_files = args.tls.files(&args.data, tls_ip)?;
    let live = LiveSettings::new(ArcSwap::from_pointee(settings.clone()));
    let background = Arc::new(Background::start(&service, &live)?);
    let runtime = tokio::runtime::Runtime::new()?;
    let limits = settings.connections(service.n_workspaces());
    let served = runtime.block_on(async {
        let mut hangup = signal(SignalKind::hangup())?;
        let (stop, to_stop) = (stop_signal()?, Arc::clone(&background));
        let stop = async move {
            stop.await;
            to_stop.start_stopping();
        };
        let watch = |files: TlsFiles| anyhow::Ok((files.clone(), files.watch(WATCH_INTERVAL)?));
        let tls = tls_files.map(watch).transpose()?;
        let listeners = addresses.bind(tls.as_ref().map(|(_, tls)| tls)).await?;
        for Listener { socket, tls } in &listeners {
            let scheme = if tls.is_some() { "https" } else { "http" };
            let url = format!("{scheme}://{}", socket.local_addr()?);
            tracing::info!(%url, data = %args.data.display(), "serving");
        }
        let (bootstrap, settings) = (args.bootstrap.as_deref(), Arc::clone(&live));
        let reload = Reload {
            read_settings: &read_settings,
            bootstrap,
            prunes: args.prune,
            service: &service,
            tls,
            settings,
            set_filter,
        };
        let reload = async {
            while hangup.recv().await.is_some() {
                tokio::task::block_in_place(|| reload.run());
            }
        };
        tokio::select! {
            () = service.serve(listeners, limits, || live.load().shutdown.deadline(), stop) => {}
            () = reload => {}
        }
        anyhow::Ok(())
    });
    tracing::info!("stopping");
    background.stop();
    // Requests had their deadline; work that still goes on ends with the process.
    runtime.shutdown_timeout(ABANDONED_WORK_TIME_MAX);
    // The journals have all acknowledged entries. Work that takes longer ends with the process.
    BackgroundThread::start(Closing(Some(service)))?.stop();
    tracing::info!("stopped");
    served
}

/// Closes the workspaces of a server that stops.
struct Closing(Option<Service>);

impl BackgroundWork for Closing {
    fn name(&self) -> &'static str {
        "closing"
    }

    fn task(&self) -> &'static str {
        "Closes the workspaces of a server that stops"
    }

    fn stop_time_max(&self) -> Duration {
        CLOSE_TIME_MAX
    }

    fn step(&mut self, _signals: &Signals) -> Next {
        self.0.take().into_iter().for_each(Service::close);
        Next::End
    }
}

/// Resolves at SIGTERM or SIGINT.
pub(crate) fn stop_signal() -> Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

impl Args {
    /// The settings of the file, overridden by the command line.
    fn settings(&self) -> Result<Settings> {
        let mut settings: Settings =
            self.config.as_deref().map(configuration::read).transpose()?.unwrap_or_default();
        settings.listen = self.listen.unwrap_or(settings.listen);
        settings.listen_tls = self.listen_tls.or(settings.listen_tls);
        let named = self.config.as_ref().map(|path| format!("cannot use {}", path.display()));
        match named {
            Some(named) => settings.validate().context(named)?,
            None => settings.validate()?,
        }
        Ok(settings)
    }
}

/// Where http and https are served.
struct Addresses {
    http: Option<SocketAddr>,
    https: Option<SocketAddr>,
}

impl Addresses {
    /// The addresses of http and https. With a certificate and no `listen_tls`, `listen` is for
    /// https.
    ///
    /// # Errors
    /// If https has an address and no certificate.
    fn from_settings(settings: &Settings, has_certificate: bool) -> Result<Self> {
        let listen = settings.listen;
        Ok(match (settings.listen_tls, has_certificate) {
            (None, false) => Self { http: Some(listen), https: None },
            (None, true) => Self { http: None, https: Some(listen) },
            (Some(listen_tls), true) => Self { http: Some(listen), https: Some(listen_tls) },
            (Some(listen_tls), false) => bail!(
                "https on {listen_tls} needs a certificate: give --tls-cert FILE and --tls-key FILE, or --tls-self-signed for development"
            ),
        })
    }

    async fn bind(&self, tls: Option<&Tls>) -> Result<Vec<Listener>> {
        let mut listeners = Vec::new();
        let https_flag = if self.http.is_some() { "--listen-tls" } else { "--listen" };
        for (address, tls, flag) in [(self.http, None, "--listen"), (self.https, tls, https_flag)] {
            let Some(address) = address else { continue };
            let socket = TcpListener::bind(address).await;
            let socket = socket.with_context(|| {
                format!("cannot listen on {address}: name another address with {flag}")
            })?;
            listeners.push(Listener { socket, tls: tls.cloned() });
        }
        Ok(listeners)
    }
}

/// The advice for a data folder without a workspace, with commands to paste.
fn describe_nothing_to_serve(data: &Path) -> String {
    let program = std::env::args().next().unwrap_or_else(|| "tastemaker".to_owned());
    let (program, data) = (quote(&program), data.display());
    let serve =
        format!("{program} serve --data {} --bootstrap {BOOTSTRAP_NAME}", quote(&data.to_string()));
    match Path::new(BOOTSTRAP_NAME).exists() {
        true => {
            format!(
                "there is no workspace in {data}; to set up those of {BOOTSTRAP_NAME}:\n\n  {serve}\n"
            )
        }
        false => format!(
            "there is no workspace in {data}; to create one named shop and serve it:\n\n  {MAKE_BOOTSTRAP} > {BOOTSTRAP_NAME}\n  {serve}\n"
        ),
    }
}

/// Quotes a word for a shell.
fn quote(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    if word.chars().all(is_plain) && !word.is_empty() {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Starts the log and returns a function that changes its filter.
fn start_log(log: &Log) -> Result<SetFilter> {
    let builder =
        tracing_subscriber::fmt().with_env_filter(log.filter()?).with_writer(std::io::stderr);
    Ok(match log.format {
        LogFormat::Text => {
            let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
            let builder = builder.with_ansi(is_terminal).with_filter_reloading();
            let handle = builder.reload_handle();
            builder.init();
            Box::new(move |filter| Ok(handle.reload(filter)?))
        }
        LogFormat::Json => {
            let builder = builder.json().flatten_event(true).with_filter_reloading();
            let handle = builder.reload_handle();
            builder.init();
            Box::new(move |filter| Ok(handle.reload(filter)?))
        }
    })
}
