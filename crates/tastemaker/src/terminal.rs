//! Output for people: progress bars, tables, colours on terminals only, errors with their causes.

use std::io::IsTerminal;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, WeakProgressBar};
use owo_colors::{OwoColorize, Stream};
use serde::Serialize;

pub(crate) use domain::{counted, grouped};

/// How often a bar moves at the most, per second.
const DRAWS_PER_SECOND: u8 = 10;
/// How often progress is a line of its own where the standard error is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(5);
/// How many steps a bar for a share has.
const SHARE_STEPS: u64 = 1_000;

/// A bar that counts up to `total` on the standard error; hidden if `quiet`. Without a terminal it
/// is a line every few seconds.
pub(crate) fn bar(what: &'static str, unit: &'static str, total: u64, quiet: bool) -> ProgressBar {
    let template = format!(
        "{{msg:22}} {{bar:32}} {{human_pos:>10}} of {{human_len}} {unit}  {{rate:>18}}  {{eta}} left"
    );
    let style = ProgressStyle::with_template(&template).expect("the template is right").with_key(
        "rate",
        |state: &ProgressState, text: &mut dyn std::fmt::Write| {
            // Its reader misses a rate that cannot be written, and nothing else.
            text.write_str(&rate(state.per_sec())).ok();
        },
    );
    start_bar(what, total, style, quiet, move |bar| {
        let (done, total) = (grouped(bar.position()), grouped(bar.length().unwrap_or(0)));
        format!("{what}: {done} of {total} {unit}, {}", rate(bar.per_sec()))
    })
}

/// A bar for a share from 0 to 1; shown like one of [`bar`].
pub(crate) fn share_bar(what: &'static str, quiet: bool) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:22} {bar:32} {percent:>9} %  {elapsed}")
        .expect("the template is right");
    start_bar(what, SHARE_STEPS, style, quiet, move |bar| {
        let percent = 100 * bar.position() / SHARE_STEPS;
        format!("{what}: {percent} % after {} s", bar.elapsed().as_secs())
    })
}

fn start_bar(
    what: &'static str,
    total: u64,
    style: ProgressStyle,
    quiet: bool,
    line: impl Fn(&ProgressBar) -> String + Send + 'static,
) -> ProgressBar {
    let is_watched = std::io::stderr().is_terminal();
    let target = match is_watched && !quiet {
        true => ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND),
        false => ProgressDrawTarget::hidden(),
    };
    let bar = ProgressBar::with_draw_target(Some(total), target)
        .with_style(style.progress_chars("━╸ "))
        .with_message(what);
    if is_watched {
        bar.enable_steady_tick(Duration::from_millis(250));
    } else if !quiet {
        let watched = bar.downgrade();
        let report =
            move || report_lines(&watched, LINE_INTERVAL, |bar| eprintln!("{}", line(bar)));
        // Without a thread there are no lines: the work goes on all the same.
        std::thread::Builder::new().name("progress".to_owned()).spawn(report).ok();
    }
    bar
}

/// Reports on a bar after each interval until it is finished or dropped.
fn report_lines(bar: &WeakProgressBar, interval: Duration, mut report: impl FnMut(&ProgressBar)) {
    loop {
        std::thread::sleep(interval);
        match bar.upgrade() {
            Some(bar) if !bar.is_finished() => report(&bar),
            _ => return,
        }
    }
}

/// A rate in whole numbers.
fn rate(per_second: f64) -> String {
    format!("{} per second", grouped(per_second.round() as u64))
}

/// Sets a bar of [`share_bar`].
pub(crate) fn set_share(bar: &ProgressBar, share: f64) {
    bar.set_position((share * SHARE_STEPS as f64) as u64);
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

/// Prints what a command has done, or made: JSON for scripts, else a text for people.
pub(crate) fn print_done(json: bool, value: &impl Serialize, text: &str) -> anyhow::Result<()> {
    match json {
        true => println!("{}", serde_json::to_string_pretty(value)?),
        false => println!("{text}"),
    }
    Ok(())
}

/// A text of a table that may be long, on one line of at most 80 characters.
pub(crate) fn shortened(text: &str) -> String {
    let line = text.replace('\n', " ");
    match line.char_indices().nth(80) {
        Some(_) => line.chars().take(79).chain(['…']).collect(),
        None => line,
    }
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

/// `println!` panics where the output cannot be written. That is no defect: a reader that has gone
/// has seen enough, and a full disk is an error like others.
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

/// The reader of the output has closed it.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_whole_numbers_with_thousands() {
        assert_eq!(rate(1_696.521_546_163_795_5), "1,697 per second");
        assert_eq!(rate(0.0), "0 per second");
    }

    #[test]
    fn progress_is_reported_until_the_work_is_done_or_given_up() {
        let bar = ProgressBar::hidden();
        let mut seen = Vec::new();
        report_lines(&bar.downgrade(), Duration::from_millis(1), |bar| {
            seen.push(bar.position());
            bar.inc(1);
            if bar.position() == 3 {
                bar.finish_and_clear();
            }
        });
        assert_eq!(seen, [0, 1, 2]);
        let given_up = ProgressBar::hidden().downgrade();
        report_lines(&given_up, Duration::from_millis(1), |_| unreachable!("nobody works on it"));
    }
}
