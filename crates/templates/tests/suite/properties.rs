//! Properties of all templates and values.

use proptest::prelude::*;
use serde_json::json;
use templates::{Form, Template, Values};

use crate::fuzz_body::parse_and_render;
use crate::sample::{Shop, values};
use crate::shape::{attributes, shape};

/// Parts of which random templates are made.
const PARTS: [&str; 46] = [
    "{{ profile.traits.a }}",
    "{{ profile.traits.a | default: \"x\" }}",
    "{{",
    "}}",
    "{%",
    "%}",
    "{%-",
    "-%}",
    "{% if profile.traits.a %}",
    "{% elsif profile.traits.n > 2 %}",
    "{% else %}",
    "{% endif %}",
    "{% for x in profile.traits.l %}",
    "{% for x in (1..profile.traits.n) reversed %}",
    "{{ x }}",
    "{{ forloop.index }}",
    "{% endfor %}",
    "{% break %}",
    "{% continue %}",
    "{% assign y = profile.traits.a | upcase %}",
    "{{ y | raw }}",
    "{% capture z %}",
    "{% endcapture %}",
    "{{ z }}",
    "{% case profile.traits.n %}",
    "{% when 3 %}",
    "{% endcase %}",
    "{% recommend \"r\" count: 3 min: 2 as items %}",
    "{{ items[0].title }}",
    "{{ items | map: \"id\" | join: \",\" }}",
    "{% item \"c\" id: profile.traits.n as it %}",
    "{{ it.id }}",
    "{% linked \"w\" a: profile.traits.a as w %}",
    "{{ w.a }}",
    "{% cycle \"a\", \"b\" %}",
    "{% abort \"r\" %}",
    "<a href=\"",
    "\">",
    "</a>",
    "<p title='",
    "'",
    "<style>",
    "</style>",
    "{\"a\":",
    "\"",
    "}",
];

/// Texts that are or hide something that browsers run.
fn attack() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("<script>alert(1)</script>"),
        Just("\""),
        Just("'"),
        Just(">"),
        Just("<"),
        Just("</p>"),
        Just("-->"),
        Just("<!--"),
        Just("javascript:"),
        Just("JAVA\tSCRIPT:"),
        Just("data:text/html,"),
        Just("&#106;"),
        Just("&colon;"),
        Just("&Tab;"),
        Just(" onerror=alert(1) "),
        Just("</style>"),
        Just("</title>"),
        Just("/"),
        Just("\\"),
        Just("\n"),
        Just("\r"),
        Just("\u{0}"),
        Just("\u{202E}"),
        Just("url("),
        Just("}"),
        Just(";"),
        Just("`"),
        Just("]]>"),
        Just("<![CDATA["),
        Just("a"),
        Just(":"),
        Just("vbscript:"),
        Just("&"),
        Just("&#"),
        Just("x3a;"),
        Just("{{ 1 }}"),
        Just("%22"),
        Just("é"),
    ];
    let pieces = prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat());
    prop_oneof![3 => pieces, 1 => any::<String>()]
}

/// Every place where a value may stand in HTML.
const PAGE: &str = "<!doctype html><html><head><title>{{ profile.t }}</title><style>p { color: {{ profile.t }} }</style></head><body>\
    <!-- {{ profile.t }} --><p title=\"{{ profile.t }}\" style='color: {{ profile.t }}' class='a {{ profile.t }} b'>{{ profile.t }}</p>\
    <a href=\"{{ profile.t }}\">{{ profile.t }}</a><a href='{{ profile.t }}{{ profile.t }}'>x</a><a href=\" {{ profile.t }}\">x</a>\
    <img src='{{ profile.t }}' alt=\"{{ profile.t | escape }}\"><table background=\"{{ profile.t }}\"><tr><td>{{ profile.t }}</td></tr></table>\
    {% capture c %}<b>{{ profile.t }}</b>{% endcapture %}{{ c }}<i title=\"{{ c }}\">{{ c | strip }}</i>{{ profile.t | newline_to_br | strip_newlines }}\
    {% for x in profile.l %}<u>{{ x }}</u>{% endfor %}<textarea>{{ profile.t }}</textarea>\
    <!--[if mso]><v:rect href=\"{{ profile.t }}\">{{ profile.t }}</v:rect><![endif]--><p>{{ profile.t | upcase }}</p></body></html>";

fn page(text: &str) -> String {
    let template = Template::parse(PAGE, Form::Html).unwrap();
    let values = Values { profile: json!({ "t": text, "l": [text] }), ..values() };
    template.render(&values, &mut Shop::default()).unwrap().text
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_recorded_gives_the_same_text(form in 0u8..5, parts in prop::collection::vec(prop::sample::select(&PARTS), 0..12), text in attack()) {
        let mut bytes = vec![form];
        bytes.extend(parts.concat().bytes());
        bytes.push(0);
        bytes.extend(text.bytes());
        parse_and_render(&bytes);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        parse_and_render(&bytes);
    }

    #[test]
    fn a_value_makes_no_element_and_no_attribute(text in attack()) {
        let html = page(&text);
        prop_assert_eq!(shape(&html), shape(&page("x")), "{}", html);
        attributes(&html, &mut |name, value| {
            let address: String = value.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
            let address = address.to_lowercase();
            let runs = ["javascript:", "data:", "vbscript:"].iter().any(|scheme| address.starts_with(scheme));
            assert!(!(runs && matches!(name, "href" | "src" | "background")), "{name}={value:?}");
            assert!(name != "style" || !value.contains([';', '(', '\\', '"']), "{name}={value:?}");
        });
    }

    #[test]
    fn a_value_makes_no_member_of_json(text in attack()) {
        let source = "{ \"a\": {{ profile.t }}, \"b\": \"x{{ profile.t }}y\", \"c\": [{{ profile.t | json }}] }";
        let template = Template::parse(source, Form::Json).unwrap();
        let values = Values { profile: json!({ "t": text }), ..values() };
        let made = template.render(&values, &mut Shop::default()).unwrap().text;
        let read: serde_json::Value = serde_json::from_str(&made).unwrap();
        prop_assert_eq!(read, json!({ "a": text, "b": format!("x{text}y"), "c": [text] }));
    }

    #[test]
    fn a_value_makes_no_line_of_a_subject_and_no_part_of_an_address(text in attack()) {
        let values = Values { profile: json!({ "t": text }), ..values() };
        let render = |source: &str, form| {
            Template::parse(source, form).unwrap().render(&values, &mut Shop::default()).unwrap().text
        };
        let subject = render("Hello {{ profile.t }}", Form::Line);
        prop_assert!(!subject.contains(|c: char| c.is_control()), "{:?}", subject);
        let address = render("https://x.example/{{ profile.t }}?q={{ profile.t }}", Form::Url);
        let (path, query) = address.strip_prefix("https://x.example/").unwrap().split_once("?q=").unwrap();
        prop_assert_eq!(path, query);
        prop_assert!(!path.contains(['/', '?', '#', '&', '=', ':', '@']));
    }

    #[test]
    fn html_of_a_hostile_mjml_has_the_shape_of_a_harmless_one(text in attack()) {
        let source = "<mjml><mj-head><mj-title>{{ profile.t }}</mj-title><mj-preview>{{ profile.t }}</mj-preview></mj-head><mj-body>\
            <mj-section background-color=\"{{ profile.t }}\"><mj-column><mj-text color=\"{{ profile.t }}\">{{ profile.t }}</mj-text>\
            <mj-button href=\"{{ profile.t }}\" title=\"{{ profile.t }}\">{{ profile.t }}</mj-button>\
            <mj-image src=\"{{ profile.t }}\" alt=\"{{ profile.t }}\" href=\"https://x.example/{{ profile.t | url_encode }}\"/>\
            </mj-column></mj-section></mj-body></mjml>";
        let template = Template::parse(source, Form::Html).unwrap();
        let html = |text: &str| {
            let values = Values { profile: json!({ "t": text }), ..values() };
            let mjml = template.render(&values, &mut Shop::default()).unwrap().text;
            templates::mjml_to_html(&mjml).unwrap()
        };
        let made = html(&text);
        prop_assert_eq!(shape(&made), shape(&html("x")), "{}", made);
        attributes(&made, &mut |name, value| {
            let value: String = value.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
            let value = value.to_lowercase();
            assert!(!value.starts_with("javascript:") && !value.starts_with("data:") || !matches!(name, "href" | "src"), "{name}={value:?}");
            assert!(name != "style" || !value.contains("url("), "{name}={value:?}");
        });
    }
}
