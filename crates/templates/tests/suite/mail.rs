//! MJML and text parts.

use templates::limits::{ELEMENTS_DEPTH_MAX, MAIL_BYTES_MAX};
use templates::{mjml_to_html, text_of_html};

#[test]
fn mjml_becomes_html() {
    let mjml = "<mjml><mj-body><mj-section><mj-column><mj-text>Hello &amp; welcome</mj-text>\
                <mj-button href=\"https://x.example/a?b=1&amp;c=2\">Buy</mj-button></mj-column></mj-section></mj-body></mjml>";
    let html = mjml_to_html(mjml).unwrap();
    assert!(html.contains("Hello &amp; welcome"), "{html}");
    assert!(html.contains("href=\"https://x.example/a?b=1&amp;c=2\""), "{html}");
    assert!(html.contains("<!doctype html>"), "{html}");
    insta::assert_snapshot!(text_of_html(&html));
}

fn error_of(mjml: &str) -> String {
    mjml_to_html(mjml).map_or_else(|error| error.to_string(), |_| "no mistake".to_owned())
}

#[test]
fn mistakes_of_mjml_have_a_place() {
    let errors = [
        "",
        "<p>no</p>",
        "<mjml>\n<mj-body>\n  <mj-txt>x</mj-txt></mj-body></mjml>",
        "<mjml><mj-body>",
        "<mjml><mj-body></mjml>",
        "<mjml>\n <mj-body><mj-include path=\"/etc/passwd\" /></mj-body></mjml>",
        "<mjml><mj-body><mj-section><mj-column><mj-text color=></mj-text></mj-column></mj-section></mj-body></mjml>",
        "<mjml\n <",
    ]
    .map(|mjml| format!("{mjml}\n=> {}\n", error_of(mjml)));
    insta::assert_snapshot!(errors.join("\n"));
}

#[test]
fn mjml_is_bounded() {
    assert!(error_of(&"x".repeat(MAIL_BYTES_MAX + 1)).contains("at most"));
    let deep = format!("<mjml><mj-body>{}", "<mj-section a=\"x>y\">".repeat(10_000));
    assert!(error_of(&deep).contains("deep"));
    let padded = format!(
        "<mj-head><mj-attributes><mj-all padding=\"{}\"/></mj-attributes></mj-head>",
        "1".repeat(200_000)
    );
    let many = format!("<mjml>{padded}<mj-body>{}</mj-body></mjml>", "<mj-spacer/>".repeat(20_000));
    assert!(error_of(&many).contains("too many elements"));
    let unclosed = format!("<mjml><mj-body>{}", "<mj-text ".repeat(200_000));
    assert!(error_of(&unclosed).contains("attributes"));
    let deep = format!(
        "<mjml><mj-body><mj-section><mj-column><mj-text>{}{}</mj-text></mj-column></mj-section></mj-body></mjml>",
        "<b>".repeat(ELEMENTS_DEPTH_MAX - 10),
        "</b>".repeat(ELEMENTS_DEPTH_MAX - 10)
    );
    mjml_to_html(&deep).unwrap();
}

#[test]
fn a_text_part_is_readable() {
    let html = "<html><head><title>T</title><style>p { color: red }</style></head><body>\
        <h1>Hello Jane</h1><p>These are <b>for you</b>:</p><ul><li>Ball</li><li>Shoes</li></ul>\
        <ol><li>One</li><li>Two</li></ol>\
        <table><tr><th>Item</th><th>Price</th></tr><tr><td>Ball</td><td>20</td></tr></table>\
        <p><a href=\"https://x.example/ball\">Buy the ball</a> or <a href=\"https://x.example/shoes\">the shoes</a></p>\
        <img src=\"https://x.example/i.png\" alt=\"A ball\"><script>alert(1)</script></body></html>";
    insta::assert_snapshot!(text_of_html(html));
}

#[test]
fn a_text_part_of_hostile_html_is_bounded() {
    for html in [
        "<div>".repeat(100_000),
        "<table><tr><td>".repeat(50_000),
        "<".repeat(500_000),
        "<a href='".repeat(100_000),
        "<b><p>".repeat(30) + "text",
        "<table>".repeat(90),
        "<ul><li>".repeat(45) + "text",
        "<table><tr><td>".repeat(30) + "text",
        "x".repeat(3 * MAIL_BYTES_MAX),
        "<!--".repeat(300_000),
        "<br ".repeat(500_000),
        "<b </b ".repeat(250_000),
        format!("<p {}>x</p>", (0..150_000).map(|n| format!("a{n} ")).collect::<String>()),
        "<td width=100%>x</td>".repeat(20_000),
        "<table><tr><td colspan=1000000000>x</td><td rowspan=4294967296>y</td></tr></table>"
            .repeat(100),
        "<ol start=9223372036854775807><li>a<li>b</ol><ol start=-9223372036854775808><li>c</ol>"
            .to_owned(),
    ] {
        let start = std::time::Instant::now();
        text_of_html(&html);
        let start_of: String = html.chars().take(30).collect();
        assert!(start.elapsed().as_secs() < 20, "{start_of}: {:?}", start.elapsed());
    }
}
