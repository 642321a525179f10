//! What a person sees: progress bars, tables, colours on terminals only, errors with their causes.

use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use owo_colors::{OwoColorize, Stream};

/// How often a bar moves at the most, per second.
const DRAWS_PER_SECOND: u8 = 10;

/// A bar that counts up to `total` on the standard error; hidden where `quiet` or where nobody is looking.
pub(crate) fn bar(what: &'static str, unit: &str, total: u64, quiet: bool) -> ProgressBar {
    let target = if quiet {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND)
    };
    let template = format!(
        "{{msg:22}} {{bar:32}} {{human_pos:>10}} of {{human_len}} {unit}  {{per_sec:>14}}  {{eta}} left"
    );
    let bar = ProgressBar::with_draw_target(Some(total), target)
        .with_style(
            ProgressStyle::with_template(&template).expect("the template is right").progress_chars("━╸ "),
        )
        .with_message(what);
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

/// A bar for a share from 0 to 1.
pub(crate) fn share_bar(what: &'static str, quiet: bool) -> ProgressBar {
    let target = if quiet {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND)
    };
    let style = ProgressStyle::with_template("{msg:22} {bar:32} {percent:>9} %  {elapsed}")
        .expect("the template is right");
    let bar = ProgressBar::with_draw_target(Some(1_000), target)
        .with_style(style.progress_chars("━╸ "))
        .with_message(what);
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

/// Sets a bar of [`share_bar`].
pub(crate) fn set_share(bar: &ProgressBar, share: f64) {
    bar.set_position((share * 1_000.0) as u64);
}

/// A table whose numbers line up at the right; the first column is text.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header(header);
    table.add_rows(rows);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

pub(crate) fn bold(text: &str) -> String {
    text.if_supports_color(Stream::Stdout, |text| text.bold()).to_string()
}

pub(crate) fn dim(text: &str) -> String {
    text.if_supports_color(Stream::Stdout, |text| text.dimmed()).to_string()
}

pub(crate) fn accent(text: &str) -> String {
    text.if_supports_color(Stream::Stdout, |text| text.cyan()).to_string()
}

/// An error and, indented, all that it comes from.
pub(crate) fn print_error(error: &anyhow::Error) {
    eprintln!("{} {error}", "error:".if_supports_color(Stream::Stderr, |text| text.red()));
    for cause in error.chain().skip(1) {
        eprintln!("  because: {cause}");
    }
}

/// The same as one line of JSON on the standard error, for scripts that asked for JSON.
pub(crate) fn print_error_json(error: &anyhow::Error) {
    let because: Vec<String> = error.chain().skip(1).map(ToString::to_string).collect();
    eprintln!("{}", serde_json::json!({ "error": error.to_string(), "because": because }));
}

/// `println!` panics where the output cannot be written. That is no defect: a reader that has gone has seen enough, and a full disk is
/// an error like others.
pub(crate) fn end_quietly_on_closed_output() {
    let others = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let text = panic.payload().downcast_ref::<String>().map_or("", String::as_str);
        match text.strip_prefix("failed printing to stdout: ") {
            Some(why) if why.contains("Broken pipe") => std::process::exit(0),
            Some(why) => {
                eprintln!("error: cannot write the output: {why}");
                std::process::exit(1);
            }
            None => others(panic),
        }
    }));
}

/// Whoever read the output has seen enough.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// 12345678 as 12,345,678.
pub(crate) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(|group| String::from_utf8_lossy(group).into_owned());
    groups.collect::<Vec<_>>().join(",")
}
