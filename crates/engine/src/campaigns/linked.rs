//! Answers of external APIs that templates print: asked for while a message is made, within a time,
//! and kept for a while.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use connectors::{InstanceKey, Outgoing};
use domain::{LinkedContent, UrlPart, WorkspaceConfig, WorkspaceId};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use serde_json::Value;
use templates::Item;

/// The most bytes of answers that are kept.
const CACHE_BYTES_MAX: usize = 16 * 1_024 * 1_024;
/// The bytes that are counted for an answer beside its text and address.
const CACHE_ENTRY_BYTES: usize = 200;
/// How long all answers for one message may take together.
pub(super) const TIME_PER_MESSAGE_MAX: Duration = Duration::from_secs(3);
/// After so many failures one after the other an API is left alone for a while, since everybody
/// else's messages wait meanwhile.
const FAILURES_IN_A_ROW_MAX: u32 = 5;
const REST_AFTER_FAILURES: Duration = Duration::from_secs(10);
/// The longest value of a parameter, in bytes.
const PARAMETER_BYTES_MAX: usize = 1_000;

/// The answers of a workspace. One question is asked after another, so that none is asked twice.
pub(super) struct LinkedAnswers {
    /// None where nothing is fetched.
    outgoing: Option<Arc<Outgoing>>,
    key: Option<Arc<InstanceKey>>,
    known: Mutex<Known>,
}

/// What is known of earlier questions.
#[derive(Default)]
struct Known {
    /// What they were asked with.
    of: Vec<LinkedContent>,
    failures: BTreeMap<String, Failures>,
    cache: Cache,
}

/// Failures of an API, one after the other.
#[derive(Default)]
struct Failures {
    n: u32,
    last: String,
    rests_until: Option<Instant>,
}

/// Answers by name and address. The first that came goes first.
#[derive(Default)]
struct Cache {
    answers: FxHashMap<String, Kept>,
    order: VecDeque<String>,
    n_bytes: usize,
}

struct Kept {
    body: Vec<u8>,
    until: Instant,
}

impl LinkedAnswers {
    pub(super) fn new(outgoing: Option<Arc<Outgoing>>, key: Option<Arc<InstanceKey>>) -> Self {
        Self { outgoing, key, known: Mutex::default() }
    }

    /// The answer of an API. What it takes is taken from `time_left`.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub(super) fn ask(
        &self,
        config: &WorkspaceConfig,
        name: &str,
        parameters: &Item,
        time_left: &mut Duration,
    ) -> Result<Value, String> {
        let Known { of, failures, cache } = &mut *self.known.lock();
        if *of != config.linked_contents {
            of.clone_from(&config.linked_contents);
            failures.clear();
            *cache = Cache::default();
        }
        let outgoing = self.outgoing.as_ref().ok_or("nothing is fetched here")?;
        let content = config.linked_content(name);
        let content = content.ok_or_else(|| format!("there is no linked content {name:?}"))?;
        let url = address(content, parameters)?;
        let begin = Instant::now();
        let key = format!("{name}\0{url}");
        if let Some(body) = cache.get(&key, begin) {
            return read(body);
        }
        let failures = failures.entry(name.to_owned()).or_default();
        if failures.rests_until.is_some_and(|until| begin < until) {
            return Err(format!("it is not asked for a while, since {}", failures.last));
        }
        let time_max = Duration::from_millis(content.timeout_ms.into()).min(*time_left);
        if time_max.is_zero() {
            let max_ms = TIME_PER_MESSAGE_MAX.as_millis();
            return Err(format!("the answers for one message take longer than {max_ms} ms"));
        }
        let headers = open_headers(self.key.as_deref(), &config.id, content)?;
        let asked = outgoing.ask(&url, &headers, time_max, content.bytes_max as usize);
        let now = Instant::now();
        *time_left = time_left.saturating_sub(now - begin);
        let answer = asked.map_err(|error| error.to_string());
        match answer.and_then(|body| read(&body).map(|value| (body, value))) {
            Ok((body, value)) => {
                *failures = Failures::default();
                if content.cache_s > 0 {
                    let until = now + Duration::from_secs(content.cache_s.into());
                    cache.put(key, Kept { body, until });
                }
                Ok(value)
            }
            Err(what) => {
                failures.n += 1;
                failures.last.clone_from(&what);
                let rests = failures.n >= FAILURES_IN_A_ROW_MAX;
                failures.rests_until = rests.then(|| now + REST_AFTER_FAILURES);
                Err(what)
            }
        }
    }
}

impl Cache {
    fn get(&self, key: &str, now: Instant) -> Option<&[u8]> {
        let kept = self.answers.get(key).filter(|kept| now < kept.until)?;
        Some(&kept.body)
    }

    fn put(&mut self, key: String, kept: Kept) {
        let n_bytes = |key: &str, kept: &Kept| key.len() + kept.body.len() + CACHE_ENTRY_BYTES;
        self.n_bytes += n_bytes(&key, &kept);
        match self.answers.insert(key.clone(), kept) {
            Some(before) => self.n_bytes -= n_bytes(&key, &before),
            None => self.order.push_back(key),
        }
        while self.n_bytes > CACHE_BYTES_MAX {
            let Some(first) = self.order.pop_front() else { break };
            if let Some(gone) = self.answers.remove(&first) {
                self.n_bytes -= n_bytes(&first, &gone);
            }
        }
    }
}

fn read(body: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(body).map_err(|error| format!("the answer is no JSON: {error}"))
}

/// The address with the values of the parameters, none of which can become more than a part of it.
fn address(content: &LinkedContent, parameters: &Item) -> Result<String, String> {
    let mut url = String::new();
    for part in content.url_parts() {
        let name = match part {
            UrlPart::Text(text) => {
                url.push_str(text);
                continue;
            }
            UrlPart::Parameter(name) => name,
        };
        let text = match parameters.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::Bool(flag)) => flag.to_string(),
            Some(_) => return Err(format!("{name} is a list or an object: it must be a text")),
            None => return Err(format!("the parameter {name} is missing")),
        };
        // As a part of a path these two would be another path.
        if matches!(text.as_str(), "." | "..") || text.len() > PARAMETER_BYTES_MAX {
            let what = format!("must not be \".\" or longer than {PARAMETER_BYTES_MAX} bytes");
            return Err(format!("the parameter {name} {what}"));
        }
        for byte in text.bytes() {
            match byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
                true => url.push(char::from(byte)),
                false => url.push_str(&format!("%{byte:02X}")),
            }
        }
    }
    Ok(url)
}

/// The place for which a header is sealed. No workspace has an id that begins so.
fn header_context(workspace: &WorkspaceId, content: &str, header: &str) -> String {
    format!("-/linked_content/{workspace}/{content}/{header}")
}

/// Seals the headers of linked contents that are open.
///
/// # Errors
/// If there is one and no key.
pub(crate) fn seal_headers(
    key: Option<&InstanceKey>,
    workspace: &WorkspaceId,
    contents: &mut [LinkedContent],
) -> Result<(), String> {
    for content in contents {
        for (header, value) in &mut content.headers {
            let Value::String(text) = &*value else { continue };
            let key = key.ok_or("headers of linked content can be set in a data folder only")?;
            *value = key.seal(&header_context(workspace, &content.name, header), text);
        }
    }
    Ok(())
}

fn open_headers(
    key: Option<&InstanceKey>,
    workspace: &WorkspaceId,
    content: &LinkedContent,
) -> Result<Vec<(String, String)>, String> {
    let open = |(header, value): (&String, &Value)| {
        let key = key.ok_or_else(|| format!("headers.{header} cannot be read"))?;
        let opened = key.open_sealed(&header_context(workspace, &content.name, header), value);
        let opened = opened.map_err(|error| format!("headers.{header} {error}"))?;
        Ok((header.clone(), opened))
    };
    content.headers.iter().map(open).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_value_of_a_parameter_leaves_its_place() {
        let content = json!({ "name": "w", "url": "https://api.example/{a}/x?b={b}" });
        let content: LinkedContent = serde_json::from_value(content).unwrap();
        let with =
            |a: Value, b: Value| address(&content, json!({ "a": a, "b": b }).as_object().unwrap());
        let hostile = with(json!("../../admin?x#"), json!("1&c=2 ü")).unwrap();
        assert_eq!(hostile, "https://api.example/..%2F..%2Fadmin%3Fx%23/x?b=1%26c%3D2%20%C3%BC");
        assert_eq!(with(json!(7), json!(true)).unwrap(), "https://api.example/7/x?b=true");
        for value in [json!(".."), json!("."), json!(["a"]), json!("x".repeat(1_001))] {
            assert!(with(value, json!("b")).is_err());
        }
        assert!(address(&content, &Item::new()).is_err());
    }

    #[test]
    fn what_is_kept_has_a_bound() {
        let (mut cache, now) = (Cache::default(), Instant::now());
        let until = now + Duration::from_secs(1);
        for n in 0..100 {
            cache.put(format!("k{n}"), Kept { body: vec![0; 1_024 * 1_024], until });
        }
        assert!(cache.n_bytes <= CACHE_BYTES_MAX && cache.answers.len() == cache.order.len());
        assert!(cache.get("k0", now).is_none() && cache.get("k99", now).is_some());
        assert!(cache.get("k99", until).is_none());
        cache.put("k99".to_owned(), Kept { body: Vec::new(), until });
        assert_eq!(cache.get("k99", now), Some(&[][..]));
        let n_bytes: usize =
            cache.answers.iter().map(|(key, one)| key.len() + one.body.len() + 200).sum();
        assert_eq!(cache.n_bytes, n_bytes);
    }
}
