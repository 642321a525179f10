//! Tables: sorted by links, or in place where the whole table is there. Rows are cards on phones.

use maud::{Markup, Render, html};

use super::Icon;

/// A column.
pub struct Column<'a> {
    label: &'a str,
    key: Option<&'a str>,
    is_number: bool,
    has_actions: bool,
}

impl<'a> Column<'a> {
    /// A column of texts.
    pub fn text(label: &'a str) -> Self {
        Self { label, key: None, is_number: false, has_actions: false }
    }

    /// A column of buttons at the right; its label is for screen readers.
    pub fn actions(label: &'a str) -> Self {
        Self { has_actions: true, ..Self::text(label) }
    }

    /// A column of numbers, aligned at the right.
    pub fn number(label: &'a str) -> Self {
        Self { is_number: true, ..Self::text(label) }
    }

    /// Can be sorted: by the server under this key, or by a script.
    pub fn sorted_by(mut self, key: &'a str) -> Self {
        self.key = Some(key);
        self
    }
}

/// A cell.
pub struct Cell {
    content: Markup,
    value: Option<String>,
}

impl Cell {
    /// What the cell shows.
    pub fn new(content: impl Render) -> Self {
        Self { content: content.render(), value: None }
    }

    /// What a script sorts by, where that is not the text.
    pub fn value(mut self, value: impl ToString) -> Self {
        self.value = Some(value.to_string());
        self
    }
}

impl<T: Render> From<T> for Cell {
    fn from(content: T) -> Self {
        Self::new(content)
    }
}

/// How the rows are sorted now, and how a link asks for another order.
pub struct Sorting<'a> {
    /// The key of the column.
    pub key: &'a str,
    /// Greatest first.
    pub is_descending: bool,
    /// The address of the page with its other parameters, up to and with `?` or `&`.
    pub href: &'a str,
    /// Whether all rows are in the table, so that a script can sort them.
    pub is_whole: bool,
}

/// A table. The first column names the row.
pub struct Table<'a> {
    caption: &'a str,
    columns: Vec<Column<'a>>,
    rows: Vec<Vec<Cell>>,
    sorting: Option<Sorting<'a>>,
    is_caption_shown: bool,
}

impl<'a> Table<'a> {
    /// A table without rows. The caption is for screen readers unless it is shown.
    pub fn new(caption: &'a str, columns: Vec<Column<'a>>) -> Self {
        Self { caption, columns, rows: Vec::new(), sorting: None, is_caption_shown: false }
    }

    /// Adds a row, with a cell for each column.
    pub fn row(mut self, cells: Vec<Cell>) -> Self {
        debug_assert_eq!(cells.len(), self.columns.len(), "table {:?}", self.caption);
        self.rows.push(cells);
        self
    }

    /// Adds rows.
    pub fn rows(self, rows: impl IntoIterator<Item = Vec<Cell>>) -> Self {
        rows.into_iter().fold(self, Self::row)
    }

    /// Makes the heads of columns with a key links.
    pub fn sorting(mut self, sorting: Sorting<'a>) -> Self {
        self.sorting = Some(sorting);
        self
    }

    /// Shows the caption above the table.
    pub fn captioned(mut self) -> Self {
        self.is_caption_shown = true;
        self
    }

    fn head(&self, column: &Column) -> Markup {
        let class = column.is_number.then_some("number");
        if column.has_actions {
            return html! {
                th role="columnheader" scope="col" {
                    span class="visually-hidden" { (column.label) }
                }
            };
        }
        let Some((sorting, key)) = self.sorting.as_ref().zip(column.key) else {
            return html! { th role="columnheader" scope="col" class=[class] { (column.label) } };
        };
        let is_current = sorting.key == key;
        let state = match (is_current, sorting.is_descending) {
            (false, _) => None,
            (true, false) => Some("ascending"),
            (true, true) => Some("descending"),
        };
        // Numbers are wanted greatest first; a second press turns the order around.
        let descending = if is_current { !sorting.is_descending } else { column.is_number };
        let order = if descending { "desc" } else { "asc" };
        html! {
            th role="columnheader" scope="col" class=[class] aria-sort=[state] {
                a class="sort" href={ (sorting.href) "sort=" (key) "&order=" (order) } {
                    (column.label)
                    (Icon::Expand)
                }
            }
        }
    }
}

impl Render for Table<'_> {
    fn render(&self) -> Markup {
        let caption = if self.is_caption_shown { "table-caption" } else { "visually-hidden" };
        let is_whole = self.sorting.as_ref().is_some_and(|sorting| sorting.is_whole);
        // Phones show rows as cards, for which browsers drop the roles of tables: they are named.
        html! {
            table class="table" role="table" data-sort[is_whole] {
                caption class=(caption) { (self.caption) }
                thead role="rowgroup" {
                    tr role="row" { @for column in &self.columns { (self.head(column)) } }
                }
                tbody role="rowgroup" {
                    @for row in &self.rows {
                        tr role="row" {
                            @for (n, (cell, column)) in row.iter().zip(&self.columns).enumerate() {
                                @let class = column.is_number.then_some("number");
                                @if n == 0 {
                                    th role="rowheader" scope="row" class=[class]
                                        data-value=[&cell.value] { (cell.content) }
                                } @else {
                                    td role="cell" class=[class]
                                        data-label=[(!column.has_actions).then_some(column.label)]
                                        data-value=[&cell.value] { (cell.content) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
