//! The header of a CSV file, and what is wrong with a file that has none.

use std::io::Read;

/// Reads the names of the columns, without a mark of the encoding and white space around them.
///
/// # Errors
/// If the file cannot be read, or its first line is not UTF-8; [`describe_error`] says which.
pub fn read_names(reader: &mut csv::Reader<impl Read>) -> Result<Vec<String>, csv::Error> {
    let header = reader.headers()?;
    Ok(header.iter().map(|name| name.trim_start_matches('\u{feff}').trim().to_owned()).collect())
}

/// What keeps a file from being read as CSV, for people.
pub fn describe_error(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Utf8 { pos, .. } => {
            let line = pos.as_ref().map_or(1, csv::Position::line);
            format!("line {line}: the header is not UTF-8: save the file as UTF-8")
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<String>, String> {
        let mut reader = csv::Reader::from_reader(bytes);
        read_names(&mut reader).map_err(|error| describe_error(&error))
    }

    #[test]
    fn a_header_is_utf_8_with_or_without_a_mark() {
        let names = Ok(vec!["item_id".to_owned(), "größe".to_owned()]);
        assert_eq!(read("item_id, größe\n".as_bytes()), names);
        assert_eq!(read("\u{feff}item_id,größe\n".as_bytes()), names);
        let utf16: Vec<u8> =
            "\u{feff}item_id\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for other in [&b"item_id,gr\xf6\xdfe\n"[..], &utf16] {
            let error = read(other).unwrap_err();
            assert_eq!(error, "line 1: the header is not UTF-8: save the file as UTF-8");
        }
    }
}
