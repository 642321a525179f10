//! The albums that ship with the program: title, artist, year and genres, as facts.

use anyhow::Result;

/// The catalog as it is imported.
pub(crate) const ALBUMS_CSV: &str = include_str!("albums.csv");

/// One album, as far as listeners go by it.
pub(crate) struct Album {
    pub(crate) item_id: String,
    pub(crate) year: u16,
    pub(crate) genres: Vec<String>,
}

/// All albums, in the order of the file.
pub(crate) fn albums() -> Result<Vec<Album>> {
    csv::Reader::from_reader(ALBUMS_CSV.as_bytes())
        .into_deserialize()
        .map(|row| {
            let (item_id, _title, _artist, year, genres): (String, String, String, u16, String) =
                row?;
            Ok(Album { item_id, year, genres: genres.split('|').map(str::to_owned).collect() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_at_least_300_and_each_is_one() {
        let albums = albums().unwrap();
        assert!(albums.len() >= 300);
        let mut ids: Vec<&str> = albums.iter().map(|album| album.item_id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), albums.len());
        assert!(
            albums
                .iter()
                .all(|album| (1900..=2026).contains(&album.year) && !album.genres.is_empty())
        );
    }
}
