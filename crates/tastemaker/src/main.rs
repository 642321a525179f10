#![doc = include_str!("../README.md")]

mod address;
mod background;
mod bootstrap;
mod commands;
mod configuration;
mod demo;
mod files;
mod opener;
mod reload;
mod service;
mod settings;
mod terminal;
mod tls;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

/// Messages are allocated by request threads and freed by the fold. jemalloc gives back what any
/// thread has freed, while mimalloc, as fast, kept twice the memory in a soak.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A recommender server: turns what users do into personal recommendations.
#[derive(Parser)]
#[command(name = "tastemaker", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Simulate a music service, compute recommendations for every listener, show some, and serve
    /// them
    Demo(commands::demo::Args),
    /// Serve the APIs over a data folder
    Serve(commands::serve::Args),
    /// Import a catalog, interactions or messages into a workspace
    Import(commands::import::Args),
    /// List the stored versions of the catalog, or go back to an earlier one
    Catalog(commands::catalog::Args),
    /// Train a model on all interactions of a workspace
    Train(commands::train::Args),
    /// Evaluate every model and their blend on held-out interactions, beside popularity; changes
    /// nothing
    Evaluate(commands::train::Args),
    /// List the training runs, or go back to an earlier model
    Models(commands::models::Args),
    /// List campaigns, and show what became of their messages
    Campaign(commands::campaign::Args),
    /// List, preview, make and remove audiences
    Audience(commands::audience::Args),
    /// List, show and simulate journeys
    Journey(commands::journey::Args),
    /// List, make and remove traits that are computed from events
    ComputedTrait(commands::computed_trait::Args),
    /// List, make, fetch and remove catalog files that are fetched again and again
    Feed(commands::feed::Args),
    /// List, make and remove exports that are made again and again, or make one now
    Export(commands::export::Args),
    /// List the events that no mapping takes, with similar presets that would
    Events(commands::events::Args),
    /// See what mappings make of messages
    Mapping(commands::mapping::Args),
    /// Show messages and calls as they arrive at a running server, with what becomes of them
    Tail(commands::tail::Args),
    /// Send messages of the past to a destination once more, or into another workspace, by a
    /// running server
    Replay(commands::replay::Args),
    /// Train on a file and write recommendations to a file, without a server or a data folder
    Offline(commands::offline::Args),
    /// Recommend items to one user or to a file of users
    Recommend(commands::recommend::Args),
    /// Compute traits of users
    Trait(commands::traits::Args),
    /// Check the journals, models and stores of a data folder for damage
    Verify(commands::verify::Args),
    /// Back up a data folder, also while a server uses it
    Backup(commands::backup::Args),
    /// Restore a data folder from a backup, and check that it gives the same answers
    Restore(commands::restore::Args),
    /// Cut what is older than a workspace keeps it from its journal, while no server runs
    Retention(commands::retention::Args),
    /// Add and list the accounts of people, and choose other passwords, while no server runs
    Accounts(commands::accounts::Args),
    /// Look into the journal of a workspace
    Journal(commands::journal::Args),
    /// Delete and suppress people, and search folders for them
    Privacy(commands::privacy::PrivacyArgs),
    /// Continue without entries that a journal has lost at its end
    AcceptLoss(commands::accept_loss::Args),
    /// Make a key pair for web push, which is printed and kept nowhere
    VapidKeys,
    /// Measure the speed of this machine
    Bench(commands::bench::Args),
    /// Print a completion script for a shell
    Completions(commands::shell::CompletionsArgs),
    /// Write manual pages
    Man(commands::shell::ManArgs),
}

fn main() -> ExitCode {
    terminal::end_quietly_on_closed_output();
    files::keep_to_ourselves();
    files::survive_size_limit();
    let result = match Cli::parse().command {
        Command::Demo(args) => commands::demo::run(&args),
        Command::Serve(args) => commands::serve::run(&args),
        Command::Import(args) => commands::import::run(&args),
        Command::Catalog(args) => commands::catalog::run(&args),
        Command::Train(args) => commands::train::run(&args),
        Command::Evaluate(args) => commands::evaluate::run(&args),
        Command::Models(args) => commands::models::run(&args),
        Command::Campaign(args) => commands::campaign::run(&args),
        Command::Audience(args) => commands::audience::run(&args),
        Command::Journey(args) => commands::journey::run(&args),
        Command::ComputedTrait(args) => commands::computed_trait::run(&args),
        Command::Feed(args) => commands::feed::run(&args),
        Command::Export(args) => commands::export::run(&args),
        Command::Events(args) => commands::events::run(&args),
        Command::Mapping(args) => commands::mapping::run(&args),
        Command::Tail(args) => commands::tail::run(&args),
        Command::Replay(args) => commands::replay::run(&args),
        Command::Offline(args) => commands::offline::run(&args),
        Command::Recommend(args) => commands::recommend::run(&args),
        Command::Trait(args) => commands::traits::run(&args),
        Command::Verify(args) => commands::verify::run(&args),
        Command::Backup(args) => commands::backup::run(&args),
        Command::Restore(args) => commands::restore::run(&args),
        Command::Retention(args) => commands::retention::run(&args),
        Command::Accounts(args) => commands::accounts::run(&args),
        Command::Journal(args) => commands::journal::run(&args),
        Command::Privacy(args) => commands::privacy::run(&args),
        Command::AcceptLoss(args) => commands::accept_loss::run(&args),
        Command::VapidKeys => commands::vapid_keys::run(),
        Command::Bench(args) => commands::bench::run(&args),
        Command::Completions(args) => {
            commands::shell::print_completions(&args, Cli::command());
            Ok(())
        }
        Command::Man(args) => commands::shell::write_man(&args, Cli::command()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if terminal::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let is_for_scripts = std::env::args().any(|argument| argument == "--json");
            if is_for_scripts {
                terminal::print_error_json(&error)
            } else {
                terminal::print_error(&error)
            }
            ExitCode::FAILURE
        }
    }
}
