//! Texts that others can set, with script in each: nothing of it may run or leave its place.

use console::page::{Area, Frame, Page};
use console::ui::chart::{Bar, BarChart, Bin, Curve, Histogram, LineChart, SizePoint};
use console::ui::form::{CodeArea, Field, Form, InputKind, ReqlField, Select, TextInput};
use console::ui::{
    ArrivedEntry, Badge, Button, Callout, Cell, CodeBlock, Column, EmptyState, Explanation, Icon,
    ItemCard, JsonView, Mark, Pagination, Progress, ProgressState, RankDiff, RankedItem, Reason,
    StatTile, Table, TimelineEntry, Tone, Unit, timeline,
};
use maud::{Markup, Render, html};

use crate::data::{NOW, days};

/// What an attacker would send as name, title, id or error.
const HOSTILE: [&str; 6] = [
    "<script>window.isHacked = true</script>",
    "\"><img src=x onerror=\"window.isHacked = true\">",
    "' autofocus onfocus='window.isHacked = true",
    "</textarea></code></title><svg onload=\"window.isHacked = true\">",
    "{{constructor.constructor('window.isHacked = true')()}}",
    "\u{202e}gnp.exe \u{0}\u{7}<style>*{display:none}</style>",
];

pub(crate) fn page(frame: &Frame) -> Markup {
    let mut frame = frame.clone();
    frame.account.name = HOSTILE[0].to_owned();
    let body = html! { @for (n, text) in HOSTILE.iter().enumerate() { (all(&frame, n, text)) } };
    Page::new(&frame, Area::People, HOSTILE[3])
        .lead(HOSTILE[1])
        .notice(Callout::error(HOSTILE[2]).text(HOSTILE[0]))
        .body(body)
        .render()
}

/// Every component with the text wherever it takes one.
fn all(frame: &Frame, n: usize, text: &str) -> Markup {
    let href = "/console/music/hostile";
    let name = format!("name-{n}");
    let field = |part: &str| {
        Field::new(&name, text).id(&format!("{part}-{n}")).hint(text).error(Some(text))
    };
    let json = format!("{{{}: {}}}", serde_json::Value::from(text), serde_json::Value::from(text));
    let marks = [Mark { pointer: "/x", text }, Mark { pointer: text, text }];
    let table = Table::new(text, vec![Column::text(text), Column::number(text)])
        .captioned()
        .row(vec![Cell::new(text).value(text), Cell::new(text).value(text)]);
    let points = days(5, 4.0, 1);
    html! {
        h2 { (text) }
        (Callout::warning(text).text(text).way_out(text, href))
        (Badge::of(Tone::Good, text))
        (Button::secondary(text).icon(Icon::Add).named(text, text))
        (StatTile { label: text, value: Some(3.0), unit: Unit::Count(text), interval: Some((2.0, 4.0)), change: None, trend: &[], href: Some(href) })
        (Form { action: href, csrf: &frame.csrf, preview: None, body: html! {
            (TextInput::new(field("text")).kind(InputKind::Code).value(text))
            (Select { field: field("select"), options: &[(text, text)], value: text })
            (CodeArea { field: Field::new(text, text).id(&format!("code-{n}")).error(Some(text)), value: text, below: html! { (text) } })
            (ReqlField { field: Field::new(text, text).id(&format!("reql-{n}")), value: text, mistake: Some((3, text)) })
        } })
        (table)
        (Pagination { of: text, shown: text, previous: None, next: Some(href) })
        (ItemCard { id: text, title: Some(text), detail: Some(text), picture: None, href, more: None })
        (Explanation { who: text, reasons: &[Reason { verb: text, item: text, href, people: Some(u32::MAX), share: 0.5 }] })
        ol class="timeline" { (ArrivedEntry { icon: Icon::View, tone: Tone::Bad, what: html! { (text) }, at: NOW, now: NOW, facts: &[text], outcome: text }) }
        (timeline(&[TimelineEntry { icon: Icon::View, tone: Tone::Bad, what: html! { (text) }, at: NOW, now: NOW, facts: &[text], outcome: Some(text), detail: None }]))
        (JsonView { id: &format!("json-{n}"), label: text, text: &json, marks: &marks })
        (JsonView { id: &format!("text-{n}"), label: text, text, marks: &marks })
        (CodeBlock { id: &format!("code-{n}"), label: text, code: text })
        (RankDiff { labels: (text, text), items: &[RankedItem { title: text, picture: None, href, before: Some(1), after: Some(1) }] })
        (Progress { label: text, state: ProgressState::Running(Some(0.5)), detail: text, actions: None })
        (EmptyState { icon: Icon::Person, title: text, text, next: None })
        (LineChart { title: text, unit: Unit::Count(text), days: &points, before: Some(text) })
        (BarChart { title: text, unit: Unit::Money(text), of: text, bars: &[Bar { label: text, value: 2.0, interval: None, tone: Tone::Accent }] })
        (Curve { title: text, unit: Unit::Share, of: text, detail: text, points: &[SizePoint { size: 10, value: 0.5, interval: (0.4, 0.6), detail: text.to_owned(), href: href.to_owned(), is_chosen: true }], baseline: (text, 0.1) })
        (Histogram { title: text, noun: text, of: text, bins: &[Bin { label: text.to_owned(), count: 3 }] })
    }
}
