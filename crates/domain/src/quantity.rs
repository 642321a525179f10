//! Formats numbers and lists of names for messages.

/// Formats with thousands separators: "12,345,678".
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let groups =
        digits.as_bytes().rchunks(3).rev().map(|group| String::from_utf8_lossy(group).into_owned());
    groups.collect::<Vec<_>>().join(",")
}

/// Formats a count with its noun: "1 item", "12,345 items".
pub fn counted(n: u64, singular: &str, plural: &str) -> String {
    format!("{} {}", grouped(n), if n == 1 { singular } else { plural })
}

/// Lists names in a sentence, the last one behind `word`: "a", "a or b", "a, b or c".
pub fn listed(names: &[impl AsRef<str>], word: &str) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} {word} {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_thousands_and_one_thing_is_singular() {
        assert_eq!([0, 999, 1_000, 12_345_678].map(grouped), ["0", "999", "1,000", "12,345,678"]);
        let entries = |n| counted(n, "entry", "entries");
        assert_eq!([0, 1, 1_001].map(entries), ["0 entries", "1 entry", "1,001 entries"]);
    }

    #[test]
    fn the_last_name_of_a_list_stands_behind_the_word() {
        let names = ["a", "b", "c"].map(|name| format!("item {name:?}"));
        let listed = |n: usize| listed(&names[..n], "or");
        assert_eq!(listed(0), "");
        assert_eq!(listed(1), r#"item "a""#);
        assert_eq!(listed(2), r#"item "a" or item "b""#);
        assert_eq!(listed(3), r#"item "a", item "b" or item "c""#);
    }
}
