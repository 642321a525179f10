//! The keys of messages under which ids of people stand: a deletion takes these out of messages of
//! others.

/// Keys under which senders put ids of people, in lower case and without separators.
const ID_KEYS: [&str; 17] = [
    "previousid",
    "externalid",
    "distinctid",
    "identity",
    "guid",
    "uid",
    "friendid",
    "followerid",
    "inviterid",
    "inviteeid",
    "referrerid",
    "recipientid",
    "personid",
    "profileid",
    "memberid",
    "invitedby",
    "referredby",
];
/// The ends of further such keys, such as of `invited_user_id`.
const ID_KEY_ENDS: [&str; 5] = ["userid", "anonymousid", "customerid", "email", "phone"];

/// Whether values under this key are ids of people: one, or with the key in the plural a list.
pub(crate) fn is_id_key(key: &str) -> bool {
    let plain = key.chars().filter(char::is_ascii_alphanumeric);
    let plain: String = plain.map(|character| character.to_ascii_lowercase()).collect();
    let is_one =
        |key: &str| ID_KEYS.contains(&key) || ID_KEY_ENDS.iter().any(|end| key.ends_with(end));
    is_one(&plain) || plain.strip_suffix('s').is_some_and(is_one)
}

/// Whether a path of properties ends at ids of people, which a deletion takes out of messages.
pub(crate) fn is_id_path(path: &str) -> bool {
    path.rsplit('.').find(|part| *part != "$").is_some_and(is_id_key)
}
