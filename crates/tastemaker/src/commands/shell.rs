//! `tastemaker completions` and `tastemaker man`, used when the program is installed.

use std::io;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap_complete::Shell;

#[derive(clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

#[derive(clap::Args)]
pub(crate) struct ManArgs {
    /// The folder to write to, one page for each command; created if missing
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

/// Prints a shell's completion script.
pub(crate) fn print_completions(args: &CompletionsArgs, mut command: clap::Command) {
    clap_complete::generate(args.shell, &mut command, "tastemaker", &mut io::stdout());
}

/// Writes a manual page for each command.
pub(crate) fn write_man(args: &ManArgs, command: clap::Command) -> Result<()> {
    fs_err::create_dir_all(&args.to)?;
    clap_mangen::generate_to(command, &args.to)
        .with_context(|| format!("cannot write the manual to {}", args.to.display()))
}
