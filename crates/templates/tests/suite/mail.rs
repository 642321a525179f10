//! MJML.

use templates::limits::{ELEMENTS_DEPTH_MAX, MAIL_BYTES_MAX};
use templates::mjml_to_html;

#[test]
fn mjml_becomes_html() {
    let mjml = "<mjml><mj-body><mj-section><mj-column><mj-text>Hello &amp; welcome</mj-text>\
                <mj-button href=\"https://x.example/a?b=1&amp;c=2\">Buy</mj-button></mj-column></mj-section></mj-body></mjml>";
    let html = mjml_to_html(mjml).unwrap();
    assert!(html.contains("Hello &amp; welcome"), "{html}");
    assert!(html.contains("href=\"https://x.example/a?b=1&amp;c=2\""), "{html}");
    assert!(html.contains("<!doctype html>"), "{html}");
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
