//! Campaigns in words.

use domain::Timestamp;
use domain::quantity::counted;
use serde_json::Value;

/// Reasons for which a message is not sent, with what each means.
const REASONS: [(&str, &str); 20] = [
    ("campaign_stopped", "The campaign was stopped while the message waited"),
    ("not_qualified", "The person does not belong to the audience (any more)"),
    ("did_meanwhile", "The person did what keeps the message from them"),
    ("control_group", "The person is in the control group, which gets nothing"),
    ("opted_out", "The person does not want messages of this kind"),
    ("not_reachable", "The person has no address for this channel"),
    ("expired", "It had waited for too long"),
    ("quiet_hours", "It was due in quiet hours"),
    ("cut_off", "It was due after the last time of the day"),
    ("campaign_gap", "The person got a message of this campaign too recently"),
    ("channel_cap", "The person got as many messages of the channel as they may"),
    ("day_limit", "As many people as may got one on that day"),
    ("run_limit", "As many people as may got one in that run"),
    ("messages_limit", "The campaign has sent as many messages as it may"),
    ("missing_variable", "The template prints what the person does not have"),
    ("aborted", "The template says that the person gets none"),
    ("recommendation_not_available", "There were fewer recommended items than it needs"),
    ("content_not_available", "What the template asks for is not there"),
    ("too_many_wait", "Too many messages wait for the person"),
    ("suppressed", "New data of the person is refused"),
];
const TEMPLATE_ERROR: (&str, &str) = ("template_error", "The template came to no text");

/// What a reason means. One that is not known is told by its own word.
pub(super) fn reason(word: &str) -> String {
    let known = REASONS.iter().chain([&TEMPLATE_ERROR]).find(|(own, _)| *own == word);
    known.map_or_else(|| word.replace('_', " "), |(_, words)| (*words).to_owned())
}

/// When a campaign sends, by its definition as JSON. A start that is not known is told by its type.
pub(super) fn when(start: &Value) -> String {
    let text = |key: &str| start[key].as_str().unwrap_or_default();
    match text("type") {
        "at" => format!("Once, at {}", instant(text("at"))),
        "event" => {
            let after_s = start["after_s"].as_u64().unwrap_or_default();
            let mut words = match after_s {
                0 => format!("As soon as “{}” happens", text("event")),
                _ => format!("{} after “{}”", duration(after_s), text("event")),
            };
            if !text("where").is_empty() {
                words.push_str(&format!(" with {}", text("where")));
            }
            if let Some(unless) = start["unless"]["event"].as_str() {
                words.push_str(&format!(", unless “{unless}” happens before"));
            }
            words
        }
        other => format!("By a start of the type “{other}”"),
    }
}

/// An instant as a person reads it: `2026-06-01 09:00 UTC`.
fn instant(text: &str) -> String {
    let Some(at) = Timestamp::parse(text) else { return text.to_owned() };
    let text = at.to_string();
    match text.split_once('T') {
        Some((day, time)) => format!("{day} {} UTC", &time[..time.len().min(5)]),
        None => text,
    }
}

/// Units of durations, the longest first, in seconds.
pub(super) const UNITS: [(u64, &str); 4] =
    [(86_400, "days"), (3_600, "hours"), (60, "minutes"), (1, "seconds")];

/// A duration as a whole number of the longest unit that it is a whole number of.
pub(super) fn in_unit(seconds: u64) -> (u64, &'static str) {
    let unit = UNITS.into_iter().find(|(unit_s, _)| seconds.is_multiple_of(*unit_s));
    unit.map_or((seconds, "seconds"), |(unit_s, unit)| (seconds / unit_s, unit))
}

pub(super) fn duration(seconds: u64) -> String {
    let (n, unit) = in_unit(seconds);
    counted(n, unit.trim_end_matches('s'), unit)
}

/// The delivery options of a campaign, a line for each that is set.
pub(super) fn options(definition: &Value) -> Vec<String> {
    let options = &definition["options"];
    let mut lines = Vec::new();
    let quiet = windows(&options["quiet_hours"]["windows"]);
    if !quiet.is_empty() {
        let then = match options["quiet_hours"]["then"].as_str() {
            Some("discard") => "what is due then is not sent",
            _ => "what is due then is sent afterwards",
        };
        lines.push(format!("Quiet: {}; {then}", quiet.join(", ")));
    }
    if let Some(from) = options["cut_off"].as_str() {
        lines.push(format!("Nothing is sent on a day from {from} on"));
    }
    if options["local_time"] == "person" {
        lines.push("Hours and days are those of the person".to_owned());
    }
    if let Some(gap_s) = options["gap_s"].as_u64() {
        lines.push(format!("At least {} between two messages to a person", duration(gap_s)));
    }
    if options["ignores_channel_limits"] == true {
        lines.push("The limits of the channel are passed over".to_owned());
    }
    for (key, of) in
        [("people_per_day", "a day"), ("people_per_run", "a run"), ("messages_max", "in all")]
    {
        if let Some(n) = options[key].as_u64() {
            let what = match key {
                "messages_max" => counted(n, "message", "messages"),
                _ => counted(n, "person", "people"),
            };
            lines.push(format!("At most {what} {of}"));
        }
    }
    if let Some(after_s) = options["expires_after_s"].as_u64() {
        lines.push(format!("What has waited for more than {} is not sent", duration(after_s)));
    }
    if let Some(percent) = definition["control_percent"].as_u64().filter(|percent| *percent > 0) {
        lines.push(format!("{percent} % of people are in the control group and get nothing"));
    }
    lines
}

/// Windows of quiet hours, each as the form takes it: `saturday sunday 22:00 to 08:00`.
pub(super) fn windows(list: &Value) -> Vec<String> {
    let window = |window: &Value| {
        let days = window["days"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let text = |key: &str| window[key].as_str().unwrap_or_default().to_owned();
        let mut words: Vec<String> = days.map(str::to_owned).collect();
        words.extend([text("from"), "to".to_owned(), text("to")]);
        words.join(" ")
    };
    list.as_array().into_iter().flatten().map(window).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn when_a_campaign_sends_is_told_in_words_and_a_start_of_another_kind_by_its_type() {
        for (start, words) in [
            (
                json!({ "type": "at", "at": "2026-06-01T09:00:00.000Z" }),
                "Once, at 2026-06-01 09:00 UTC",
            ),
            (
                json!({ "type": "event", "event": "Signed Up", "after_s": 0 }),
                "As soon as “Signed Up” happens",
            ),
            (
                json!({ "type": "event", "event": "Product Added", "where": "price > 3",
                    "after_s": 86_400, "unless": { "event": "Order Completed" } }),
                "1 day after “Product Added” with price > 3, unless “Order Completed” happens before",
            ),
            (json!({ "type": "recurring", "every": "day" }), "By a start of the type “recurring”"),
        ] {
            assert_eq!(when(&start), words);
        }
    }

    #[test]
    fn durations_are_told_in_the_longest_whole_unit() {
        let told = [0, 59, 60, 5_400, 7_200, 86_400, 604_800].map(duration);
        let words =
            ["0 days", "59 seconds", "1 minute", "90 minutes", "2 hours", "1 day", "7 days"];
        assert_eq!(told, words);
    }

    #[test]
    fn options_are_told_where_they_are_set() {
        assert_eq!(options(&json!({ "options": { "local_time": "workspace" } })), [""; 0]);
        let definition = json!({ "control_percent": 10, "options": {
            "quiet_hours": { "windows": [{ "days": ["sunday"], "from": "22:00", "to": "08:00" }],
                "then": "discard" },
            "gap_s": 600, "messages_max": 1 } });
        assert_eq!(
            options(&definition),
            [
                "Quiet: sunday 22:00 to 08:00; what is due then is not sent",
                "At least 10 minutes between two messages to a person",
                "At most 1 message in all",
                "10 % of people are in the control group and get nothing",
            ]
        );
    }
}
