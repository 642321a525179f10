//! The values of one property in memory, one cell for each row.

use domain::{PropertyType, PropertyValue, Timestamp};
use reql::{Column, TextId, Texts as _};

use crate::texts::Texts;

/// The cells of one property; rows beyond the end are unset.
#[derive(Debug)]
pub(crate) enum Cells {
    /// Whole numbers of 64 bits.
    Int(Vec<Option<i64>>),
    /// Numbers of double precision.
    Double(Vec<Option<f64>>),
    /// True or false.
    Boolean(Vec<Option<bool>>),
    /// Milliseconds since 1970.
    Timestamp(Vec<Option<i64>>),
    /// Texts, and addresses of images.
    Text(Vec<Option<TextId>>),
    /// Sets, sorted by id without duplicates; lists of images in their own order.
    Texts(Vec<Option<Box<[TextId]>>>),
}

impl Cells {
    pub(crate) fn new(type_: PropertyType) -> Self {
        match type_ {
            PropertyType::Int => Self::Int(Vec::new()),
            PropertyType::Double => Self::Double(Vec::new()),
            PropertyType::Boolean => Self::Boolean(Vec::new()),
            PropertyType::Timestamp => Self::Timestamp(Vec::new()),
            PropertyType::String | PropertyType::Image => Self::Text(Vec::new()),
            PropertyType::Set | PropertyType::ImageList => Self::Texts(Vec::new()),
        }
    }

    /// Sets or clears a cell. A value of another type than the column's clears it.
    pub(crate) fn set(&mut self, texts: &mut Texts, row: usize, value: Option<&PropertyValue>) {
        self.release(texts, row);
        match (self, value) {
            (Self::Int(cells), Some(PropertyValue::Int(value))) => put(cells, row, Some(*value)),
            (Self::Double(cells), Some(PropertyValue::Double(value))) => {
                put(cells, row, Some(*value))
            }
            (Self::Boolean(cells), Some(PropertyValue::Boolean(value))) => {
                put(cells, row, Some(*value))
            }
            (Self::Timestamp(cells), Some(PropertyValue::Timestamp(value))) => {
                put(cells, row, Some(value.0))
            }
            (Self::Text(cells), Some(PropertyValue::String(text) | PropertyValue::Image(text))) => {
                put(cells, row, Some(texts.acquire(text)));
            }
            (Self::Texts(cells), Some(PropertyValue::ImageList(list))) => {
                put(cells, row, Some(list.iter().map(|text| texts.acquire(text)).collect()));
            }
            (Self::Texts(cells), Some(PropertyValue::Set(members))) => {
                let mut ids: Vec<TextId> = Vec::with_capacity(members.len());
                for member in members {
                    let id = texts.acquire(member);
                    match ids.binary_search(&id) {
                        Ok(_) => texts.release(id),
                        Err(at) => ids.insert(at, id),
                    }
                }
                put(cells, row, Some(ids.into()));
            }
            (Self::Int(cells), _) => put(cells, row, None),
            (Self::Double(cells), _) => put(cells, row, None),
            (Self::Boolean(cells), _) => put(cells, row, None),
            (Self::Timestamp(cells), _) => put(cells, row, None),
            (Self::Text(cells), _) => put(cells, row, None),
            (Self::Texts(cells), _) => put(cells, row, None),
        }
    }

    /// The value of a cell; members of sets in alphabetical order.
    pub(crate) fn value(
        &self,
        type_: PropertyType,
        texts: &Texts,
        row: usize,
    ) -> Option<PropertyValue> {
        let text = |id: &TextId| texts.text(*id).to_owned();
        Some(match self {
            Self::Int(cells) => PropertyValue::Int((*cells.get(row)?)?),
            Self::Double(cells) => PropertyValue::Double((*cells.get(row)?)?),
            Self::Boolean(cells) => PropertyValue::Boolean((*cells.get(row)?)?),
            Self::Timestamp(cells) => PropertyValue::Timestamp(Timestamp((*cells.get(row)?)?)),
            Self::Text(cells) => {
                let text = text(cells.get(row)?.as_ref()?);
                match type_ {
                    PropertyType::Image => PropertyValue::Image(text),
                    _ => PropertyValue::String(text),
                }
            }
            Self::Texts(cells) => {
                let mut list: Vec<String> = cells.get(row)?.as_ref()?.iter().map(text).collect();
                if type_ == PropertyType::ImageList {
                    return Some(PropertyValue::ImageList(list));
                }
                list.sort_unstable();
                PropertyValue::Set(list)
            }
        })
    }

    /// Whether a cell has a value.
    pub(crate) fn has(&self, row: usize) -> bool {
        match self {
            Self::Int(cells) => matches!(cells.get(row), Some(Some(_))),
            Self::Double(cells) => matches!(cells.get(row), Some(Some(_))),
            Self::Boolean(cells) => matches!(cells.get(row), Some(Some(_))),
            Self::Timestamp(cells) => matches!(cells.get(row), Some(Some(_))),
            Self::Text(cells) => matches!(cells.get(row), Some(Some(_))),
            Self::Texts(cells) => matches!(cells.get(row), Some(Some(_))),
        }
    }

    /// The size of the texts of a cell, in bytes.
    pub(crate) fn text_bytes(&self, texts: &Texts, row: usize) -> usize {
        let ids = match self {
            Self::Text(cells) => {
                cells.get(row).and_then(Option::as_ref).map_or(&[][..], std::slice::from_ref)
            }
            Self::Texts(cells) => cells.get(row).and_then(Option::as_deref).unwrap_or_default(),
            _ => &[],
        };
        ids.iter().map(|id| texts.text(*id).len()).sum()
    }

    /// The cells as filters and boosters read them.
    pub(crate) fn column<'a>(&'a self, texts: &'a Texts) -> Column<'a> {
        match self {
            Self::Int(cells) => Column::Int(cells),
            Self::Double(cells) => Column::Double(cells),
            Self::Boolean(cells) => Column::Boolean(cells),
            Self::Timestamp(cells) => Column::Timestamp(cells),
            Self::Text(cells) => Column::String(cells, texts),
            Self::Texts(cells) => Column::Set(cells, texts),
        }
    }

    /// Releases the texts of all cells.
    pub(crate) fn release_all(&self, texts: &mut Texts) {
        let n_rows = match self {
            Self::Text(cells) => cells.len(),
            Self::Texts(cells) => cells.len(),
            _ => 0,
        };
        (0..n_rows).for_each(|row| self.release(texts, row));
    }

    fn release(&self, texts: &mut Texts, row: usize) {
        match self {
            Self::Text(cells) => {
                cells.get(row).copied().flatten().into_iter().for_each(|id| texts.release(id));
            }
            Self::Texts(cells) => {
                let ids = cells.get(row).and_then(Option::as_deref).unwrap_or_default();
                ids.iter().for_each(|id| texts.release(*id));
            }
            _ => {}
        }
    }
}

fn put<T>(cells: &mut Vec<Option<T>>, row: usize, value: Option<T>) {
    if row >= cells.len() {
        if value.is_none() {
            return;
        }
        cells.resize_with(row + 1, || None);
    }
    cells[row] = value;
}
