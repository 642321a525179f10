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

/// Messages are allocated by request threads and freed by the fold. jemalloc gives back what any thread has freed, while mimalloc, as fast,
/// kept twice the memory in a soak.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// What people do becomes what they will like next: on their profile, in an API answer, in a message.
#[derive(Parser)]
#[command(name = "tastemaker", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Simulate a music service, build recommendations for every listener, show some, and serve them
    Demo(commands::demo::Args),
    /// Serve the APIs over a data folder
    Serve(commands::serve::Args),
    /// Bring a catalog or a history of interactions into a workspace
    Import(commands::import::Args),
    /// List the versions of the catalog that are kept, or go back to an earlier one
    Catalog(commands::catalog::Args),
    /// Train a model on everything in a workspace
    Train(commands::train::Args),
    /// Judge every model and their blend on the data as it is, beside popularity; changes nothing
    Evaluate(commands::train::Args),
    /// List the training runs, or go back to the model of an earlier one
    Models(commands::models::Args),
    /// List the events that no preset takes, and what would take them
    Events(commands::events::Args),
    /// Learn from a file and write lists to a file, without a server or a data folder
    Offline(commands::offline::Args),
    /// Recommend items to one user or to a file of users
    Recommend(commands::recommend::Args),
    /// Compute a trait for every known user
    Trait(commands::traits::Args),
    /// Check journals, models and stores of a data folder
    Verify(commands::verify::Args),
    /// Copy a data folder, also while a server uses it
    Backup(commands::backup::Args),
    /// Make a data folder of a backup, and check that it answers as the original did
    Restore(commands::restore::Args),
    /// Look into the journal of a workspace
    Journal(commands::journal::Args),
    /// Go on without entries that a journal has lost at its end
    AcceptLoss(commands::accept_loss::Args),
    /// Measure this machine
    Bench(commands::bench::Args),
    /// Print what a shell needs to complete commands
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
        Command::Events(args) => commands::events::run(&args),
        Command::Offline(args) => commands::offline::run(&args),
        Command::Recommend(args) => commands::recommend::run(&args),
        Command::Trait(args) => commands::traits::run(&args),
        Command::Verify(args) => commands::verify::run(&args),
        Command::Backup(args) => commands::backup::run(&args),
        Command::Restore(args) => commands::restore::run(&args),
        Command::Journal(args) => commands::journal::run(&args),
        Command::AcceptLoss(args) => commands::accept_loss::run(&args),
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
