//! `tastemaker serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use engine::{BackgroundThread, Next, Signals};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use crate::address;
use crate::background::Background;
use crate::bootstrap::Bootstrap;
use crate::configuration;
use crate::files;
use crate::service::Service;
use crate::settings::{Log, LogFormat, Settings};
use crate::tls::{TlsArgs, WATCH_INTERVAL};

/// How long work of requests that are given up may still go on: it looks whether anybody waits far more often.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(2);

/// How long a stopping server waits for its workspaces to journal and apply what they have taken.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(8);

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The data folder; made where it is missing
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Where to listen: HOST:PORT, PORT (of this machine only) or :PORT (of all its networks) [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR", value_parser = address::parse)]
    listen: Option<SocketAddr>,
    /// A settings file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A file with the workspaces to set up; applying it again changes nothing
    #[arg(long, value_name = "FILE")]
    bootstrap: Option<PathBuf>,
    #[command(flatten)]
    tls: TlsArgs,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let mut settings: Settings = match &args.config {
        Some(path) => {
            let settings: Settings = configuration::read(path)?;
            settings.validate().with_context(|| format!("cannot use {}", path.display()))?;
            settings
        }
        None => Settings::default(),
    };
    if let Some(listen) = args.listen {
        settings.listen = listen;
    }
    start_log(&settings.log)?;
    files::raise_limit();
    let bootstrap = args.bootstrap.as_deref().map(Bootstrap::read).transpose()?;
    let service = Service::open(&args.data, bootstrap, &settings)?;
    let tls = args.tls.files(&args.data, settings.listen.ip())?;
    let background = Arc::new(Background::start(&service, &settings)?);
    let runtime = tokio::runtime::Runtime::new()?;
    let is_https = tls.is_some();
    let limits = settings.connections(service.n_workspaces());
    let served = runtime.block_on(async {
        let listener = TcpListener::bind(settings.listen).await.with_context(|| {
            format!("cannot listen on {}: name another address with --listen", settings.listen)
        })?;
        tracing::info!(address = %listener.local_addr()?, data = %args.data.display(), is_https, "serving");
        let (signal, to_stop) = (stop_signal()?, Arc::clone(&background));
        let stop = async move {
            signal.await;
            to_stop.start_stopping();
        };
        let tls = tls.map(|files| files.watch(WATCH_INTERVAL)).transpose()?;
        service.serve(listener, tls, limits, &settings.shutdown, stop).await;
        anyhow::Ok(())
    });
    tracing::info!("stopping");
    background.stop();
    // Requests had their deadline; what still computes ends with the process.
    runtime.shutdown_timeout(GIVEN_UP_AFTER);
    // What was acknowledged is in the journals; whatever else takes longer ends with the process.
    let mut service = Some(service);
    let close = move |_: &Signals| {
        service.take().into_iter().for_each(Service::close);
        Next::End
    };
    BackgroundThread::start("closing", close)?.stop(CLOSE_TIME_MAX);
    tracing::info!("stopped");
    served
}

/// Resolves at SIGTERM or SIGINT.
pub(crate) fn stop_signal() -> Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

fn start_log(log: &Log) -> Result<()> {
    let filter = EnvFilter::try_new(&log.filter)
        .with_context(|| format!("log.filter {:?} cannot be read", log.filter))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match log.format {
        LogFormat::Text => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    Ok(())
}
