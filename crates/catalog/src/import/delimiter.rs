//! Detects the delimiter of a CSV file.

use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};

/// The longest part of a header that is examined, in bytes.
const HEADER_BYTES_MAX: u64 = 1_024 * 1_024;
/// Delimiters of common spreadsheets. The first is the default.
const DELIMITERS: [u8; 3] = *b",;\t";

/// A reader that starts at the beginning again after its first line was examined.
pub type Rewound<R> = Chain<Cursor<Vec<u8>>, BufReader<R>>;

/// Detects the delimiter, the most frequent candidate of the header, and returns it with the
/// rewound reader.
///
/// # Errors
/// If the file cannot be read.
pub fn detect<R: Read>(reader: R) -> io::Result<(u8, Rewound<R>)> {
    let mut reader = BufReader::new(reader);
    let mut header = Vec::new();
    reader.by_ref().take(HEADER_BYTES_MAX).read_until(b'\n', &mut header)?;
    Ok((detect_in_header(&header), Cursor::new(header).chain(reader)))
}

fn detect_in_header(header: &[u8]) -> u8 {
    let mut counts = [0; DELIMITERS.len()];
    let mut is_quoted = false;
    for byte in header {
        is_quoted ^= *byte == b'"';
        if let Some(n) =
            DELIMITERS.iter().position(|delimiter| delimiter == byte).filter(|_| !is_quoted)
        {
            counts[n] += 1;
        }
    }
    let most = (0..DELIMITERS.len()).rev().max_by_key(|n| counts[*n]).unwrap_or_default();
    DELIMITERS[most]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_delimiter_outside_quotes_counts() {
        for (header, delimiter) in [
            ("item_id,title\n", b','),
            ("item_id;title;price, net\n", b';'),
            ("item_id\ttitle", b'\t'),
            ("item_id;\"a,b,c\"\na,b,c", b';'),
            ("item_id\n", b','),
            ("", b','),
        ] {
            let (found, mut rest) = detect(header.as_bytes()).unwrap();
            let mut text = String::new();
            rest.read_to_string(&mut text).unwrap();
            assert_eq!((char::from(found), text.as_str()), (char::from(delimiter), header));
        }
    }
}
