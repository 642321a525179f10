//! Formats numbers for messages.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_thousands_and_one_thing_is_singular() {
        assert_eq!([0, 999, 1_000, 12_345_678].map(grouped), ["0", "999", "1,000", "12,345,678"]);
        let entries = |n| counted(n, "entry", "entries");
        assert_eq!([0, 1, 1_001].map(entries), ["0 entries", "1 entry", "1,001 entries"]);
    }
}
