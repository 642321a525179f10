//! Signatures of the recommender API.

use std::sync::LazyLock;

use domain::{Timestamp, WorkspaceConfig, WorkspaceId};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value};
use server::{SignedTarget, verify_signature};
use sha1::Sha1;

use crate::edits::Edit;

/// Texts with a meaning in a request target.
pub const DICTIONARY: &[&str] = &[
    "items/i",
    "recomms/users/u/items/",
    "?",
    "&",
    "=",
    "/",
    "%26",
    "%3D",
    "%3F",
    "%2F",
    "%25",
    "%23",
    "%00",
    "%zz",
    "+",
    "%2B",
    "%20",
    "filter=false",
    "&filter=",
    "hmac_timestamp=",
    "&hmac_sign=",
    "frontend_timestamp=",
    "&frontend_sign=",
    "1700000000",
    "nan",
    "inf",
    "-inf",
    "1e400",
    "-1",
    "1.7e9",
    "count=1",
    "scenario=s",
];

const TOKEN: &str = "token";
/// The time of the check, in seconds since 1970.
const NOW_S: i64 = 1_700_000_000;
const DAY_S: i64 = 86_400;

static CONFIG: LazyLock<WorkspaceConfig> = LazyLock::new(|| {
    let id = WorkspaceId::new("db").expect("it is a valid id");
    let token = Some(TOKEN.to_owned());
    WorkspaceConfig {
        private_token: token.clone(),
        public_token: token,
        ..WorkspaceConfig::empty(id)
    }
});

/// The first byte selects the token and whether the time is added. Then come the target up to a
/// line feed, and edits of the signed target.
pub fn run(bytes: &[u8]) {
    let Some((choice, rest)) = bytes.split_first() else { return };
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let (target, edits) = rest.split_at(end);
    // A request line holds no fragment and no white space.
    let is_graphic = |byte: &u8| byte.is_ascii_graphic() && *byte != b'#';
    let Ok(target) = String::from_utf8(target.iter().copied().filter(is_graphic).collect()) else {
        return;
    };
    let prefix = if choice & 1 == 0 { "hmac_" } else { "frontend_" };
    let mut signed = format!("/db/{target}");
    if choice & 2 == 0 {
        let join = if target.contains('?') { '&' } else { '?' };
        signed += &format!("{join}{prefix}timestamp={NOW_S}");
    }
    signed += &format!("&{prefix}sign={}", sign(&signed));
    let meaning = verify(&signed, NOW_S);
    let is_plain = choice & 2 == 0 && !target.contains('%') && !target.contains("_sign=");
    assert!(meaning.is_ok() || !is_plain, "a client's signature is refused: {signed}: {meaning:?}");

    let edited = edit(&signed, edits.get(1..).unwrap_or_default());
    // A request has no fragment by the time that its signature is checked.
    let Ok(edited_meaning) = verify(edited.split('#').next().unwrap_or_default(), NOW_S) else {
        return;
    };
    assert!(verify(&edited, NOW_S + DAY_S).is_err(), "{edited} is still valid a day later");
    // A target that does not verify may have been signed before it was encoded.
    if let Ok(meaning) = meaning {
        assert_eq!(edited_meaning, meaning, "{edited} passes for {signed}");
    }
}

/// The verified content of a target. Plus signs count as blanks, since encoders of queries may
/// write either for a blank.
fn verify(target: &str, now_s: i64) -> Result<SignedTarget, String> {
    let mut meaning = verify_signature(target, &CONFIG, Timestamp(now_s * 1_000))?;
    let blank = |text: &str| text.replace('+', " ");
    let parameters = meaning.parameters.into_iter().filter(|(name, _)| !name.ends_with("_sign"));
    meaning.parameters = parameters
        .map(|(name, value)| {
            (blank(&name), value.as_str().map_or(value.clone(), |text| blank(text).into()))
        })
        .collect::<Map<String, Value>>();
    Ok(meaning)
}

fn sign(text: &str) -> String {
    let mut mac =
        Hmac::<Sha1>::new_from_slice(TOKEN.as_bytes()).expect("keys of any length are taken");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Inserted texts that have a meaning in a target.
const INSERTED: [&str; 8] =
    ["&", "%26", "&filter=false", "%26x=1", "?", "/", "%2F", "&hmac_timestamp=nan"];

fn edit(signed: &str, edits: &[u8]) -> String {
    let mut bytes = signed.as_bytes().to_vec();
    for edit in Edit::read_all(edits) {
        let Some(at) = edit.position(bytes.len()) else { break };
        match edit.operation % 6 {
            // A check that is too lenient accepts edits that encode or decode.
            0 => drop(bytes.splice(at..at + 1, format!("%{:02X}", bytes[at]).into_bytes())),
            1 => {
                // The first such character from here on.
                let wanted = b"&=?/%+"[usize::from(edit.value) % 6];
                if let Some(n) = bytes[at..].iter().position(|byte| *byte == wanted) {
                    bytes.splice(at + n..at + n + 1, format!("%{wanted:02X}").into_bytes());
                }
            }
            2 => {
                let decoded = bytes.get(at + 1..at + 3).and_then(|digits| {
                    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
                });
                if let (b'%', Some(byte)) = (bytes[at], decoded.filter(u8::is_ascii_graphic)) {
                    bytes.splice(at..at + 3, [byte]);
                }
            }
            3 => drop(bytes.remove(at)),
            4 => drop(
                bytes.splice(at..at, INSERTED[usize::from(edit.value) % INSERTED.len()].bytes()),
            ),
            _ if edit.value.is_ascii_graphic() => bytes[at] = edit.value,
            _ => {}
        }
    }
    String::from_utf8(bytes).unwrap_or_default()
}
