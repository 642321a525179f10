//! What a filter costs over a large catalogue; a figure for people, not a bar for machines.

use std::time::Instant;

use crate::catalogue::{Catalogue, Item, Request};

const N_ROWS: u32 = 100_000;

#[test]
#[ignore = "prints figures; run with --release --ignored --nocapture"]
fn filters_and_boosters_over_a_hundred_thousand_rows() {
    let items = (0..N_ROWS).map(|row| Item {
        price: (row % 10 != 0).then_some(f64::from(row % 97)),
        stock: Some(i64::from(row % 5)),
        deleted: (row % 3 == 0).then_some(row % 2 == 0),
        released_ms: Some(1_600_000_000_000 + i64::from(row) * 1_000),
        brand: Some(["acme", "zeta", "nova"][row as usize % 3]),
        title: None,
        countries: (row % 4 != 0).then(|| vec!["cz", "de", "at"][..row as usize % 4].to_vec()),
    });
    let catalogue = Catalogue::of(items.collect());
    for text in [
        "'price' < 50 and \"cz\" in 'countries' and 'deleted' != true",
        "'brand' in {\"acme\", \"nova\"} and 10 < 'price' <= 50",
        "size('countries') == 0 or 'brand' == \"zeta\"",
        "if 'released' > now() - 86400 then 2 else 1",
        "log(2 + max('stock', 0), 2) * (if 'brand' == \"acme\" then 1.5 else 1)",
        "exists(lambda 'c': 'c' in context_user[\"follows\"], 'countries')",
        "upper('brand') == \"ACME\"",
    ] {
        let expression = reql::parse(text).unwrap();
        let best = (0..20).map(|_| {
            let start = Instant::now();
            let compiled = expression.compile(&catalogue, &Request);
            let passed = (0..N_ROWS).filter(|row| compiled.evaluate_boolean(*row)).count();
            let sum: f64 = if passed == 0 {
                (0..N_ROWS).filter_map(|row| compiled.evaluate_number(row)).sum()
            } else {
                0.0
            };
            (start.elapsed(), passed, sum)
        });
        let (elapsed, passed, sum) = best.min_by_key(|(elapsed, ..)| *elapsed).unwrap();
        println!("{elapsed:>10.2?}  {passed} passed, sum {sum}  {text}");
    }
}
