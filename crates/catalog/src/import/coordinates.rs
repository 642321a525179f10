//! Where a location is: two columns that each row of a file of locations must have.

use domain::{Column, PropertyType, PropertyValue};

use super::{ImportError, RowError};
use crate::ItemRow;
use crate::locations::{LATITUDE, LONGITUDE};

/// The places of the two columns.
pub(super) struct Coordinates {
    latitude: usize,
    longitude: usize,
}

impl Coordinates {
    /// Finds the columns, which hold numbers whatever they look like.
    pub(super) fn find(columns: &mut [Column]) -> Result<Self, ImportError> {
        let mut find = |name: &str| match columns.iter().position(|column| column.name == name) {
            Some(place) => {
                columns[place].type_ = PropertyType::Double;
                Ok(place)
            }
            None => {
                let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
                let what = format!("no column {name}; the file has: {}", names.join(", "));
                Err(ImportError::Header(what))
            }
        };
        Ok(Self { latitude: find(LATITUDE)?, longitude: find(LONGITUDE)? })
    }

    /// Checks that a row has both, in degrees.
    pub(super) fn check(&self, row: &ItemRow, line: u64) -> Result<(), RowError> {
        let columns = [(self.latitude, LATITUDE, 90.0), (self.longitude, LONGITUDE, 180.0)];
        for (place, name, degrees_max) in columns {
            let detail = match row.values[place] {
                Some(PropertyValue::Double(degrees)) if degrees.abs() <= degrees_max => continue,
                Some(PropertyValue::Double(degrees)) => {
                    format!("{name} is {degrees}, it must be -{degrees_max} to {degrees_max}")
                }
                _ => format!("{name} is empty"),
            };
            let column = Some(name.to_owned());
            let reason = "location has no place on earth".to_owned();
            return Err(RowError { row: line, column, reason, detail });
        }
        Ok(())
    }
}
