//! Results as a CSV file, for spreadsheets.

use csv::Writer;
use web::error::ApiError;

use super::{ResultRow, Results, ShownRate};

const HEAD: [&str; 20] = [
    "day",
    "trait",
    "endpoint",
    "scenario",
    "group",
    "recommendations",
    "users",
    "clicks",
    "cart_additions",
    "purchases",
    "bookmarks",
    "ratings",
    "view_portions",
    "revenue",
    "click_through_rate",
    "click_through_rate_low",
    "click_through_rate_high",
    "conversion_rate",
    "conversion_rate_low",
    "conversion_rate_high",
];

/// The rows as a CSV file (RFC 4180), with no text that a spreadsheet would take for a formula.
///
/// # Errors
/// None that a client can mend.
pub fn to_csv(results: &Results) -> Result<Vec<u8>, ApiError> {
    let mut writer = Writer::from_writer(Vec::new());
    let failed = |error: csv::Error| {
        tracing::error!(%error, "results could not be written as CSV");
        ApiError::internal()
    };
    writer.write_record(HEAD).map_err(failed)?;
    for row in &results.kpis {
        writer.write_record(cells(row)).map_err(failed)?;
    }
    writer.into_inner().map_err(|_| ApiError::internal())
}

fn cells(row: &ResultRow) -> Vec<String> {
    let ResultRow { day, place, group, counts } = row;
    let texts = [day, &place.trait_, &place.endpoint, &place.scenario, group];
    let numbers = [
        counts.recommendations,
        counts.users,
        counts.clicks,
        counts.cart_additions,
        counts.purchases,
        counts.bookmarks,
        counts.ratings,
        counts.view_portions,
    ];
    let rate = |rate: &ShownRate| {
        let value = rate.value.map_or_else(String::new, |value| value.to_string());
        [value, rate.low.to_string(), rate.high.to_string()]
    };
    let texts = texts.map(|text| harmless(text.as_deref().unwrap_or_default()));
    let mut cells: Vec<String> = texts.into_iter().collect();
    cells.extend(numbers.map(|number| number.to_string()));
    cells.push(counts.revenue.to_string());
    cells.extend(rate(&counts.click_through_rate));
    cells.extend(rate(&counts.conversion_rate));
    cells
}

/// A text that a spreadsheet would take for a formula, since it begins with `=`, `+`, `-`, `@`, a
/// tab or a line break, gets an apostrophe before it.
pub(crate) fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use engine::KpiCounts;

    use super::super::{ShownCounts, ShownPlace};
    use super::*;

    #[test]
    fn a_cell_is_no_formula_whatever_a_client_called_its_scenario() {
        let row = |scenario: &str| ResultRow {
            day: Some("2026-11-28".to_owned()),
            place: ShownPlace {
                endpoint: Some("recommendItemsToUser".to_owned()),
                scenario: Some(scenario.to_owned()),
                trait_: None,
            },
            group: None,
            counts: ShownCounts::from(&KpiCounts { revenue: -2.5, ..KpiCounts::default() }),
        };
        let hostile = ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "home, \"new\"\nand more", "a=b"];
        let results =
            Results { kpis: hostile.map(row).into_iter().collect(), interactions: Vec::new() };
        let text = String::from_utf8(to_csv(&results).unwrap()).unwrap();
        insta::assert_snapshot!(text);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let scenario = |record: csv::Result<csv::StringRecord>| record.unwrap()[3].to_owned();
        let read: Vec<String> = reader.records().map(scenario).collect();
        assert!(read.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t'])), "{read:?}");
    }
}
