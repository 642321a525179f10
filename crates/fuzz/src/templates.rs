//! Message templates. The body belongs to the tests of `templates`, which run it without another
//! crate.

#[path = "../../templates/tests/suite/fuzz_body.rs"]
mod fuzz_body;

/// Texts with a meaning in a template, or in HTML.
pub const DICTIONARY: &[&str] = &[
    "{{ ",
    " }}",
    "{% ",
    " %}",
    "{%- ",
    " -%}",
    "profile.traits.a",
    "profile.traits.n",
    "profile.traits.l",
    "event.properties.p.q",
    "campaign.name",
    "now",
    "{% if profile.traits.a %}",
    "{% elsif ",
    "{% else %}",
    "{% endif %}",
    "{% for x in profile.traits.l %}",
    "{% for i in (1..9) %}",
    "{% endfor %}",
    "{% tablerow x in profile.traits.l cols: 2 %}",
    "{% endtablerow %}",
    "{% case ",
    "{% when 3 %}",
    "{% endcase %}",
    "{% assign y = ",
    "{% capture z %}",
    "{% endcapture %}",
    "{% recommend \"r\" count: 3 min: 1 offset: 1 as items %}",
    "{% item \"c\" id: 1 as it %}",
    "{% linked \"w\" a: 1 as w %}",
    "{% abort %}",
    "{% raw %}",
    "{% endraw %}",
    "{% comment %}",
    "{% endcomment %}",
    "forloop.parentloop",
    " | append: ",
    " | replace: \"a\", ",
    " | split: \"\"",
    " | join: ",
    " | date: \"%Y %3f %-d\"",
    " | slice: -9223372036854775808, 9223372036854775807",
    " | times: 9223372036854775807",
    " | modulo: -1",
    " | truncate: 3",
    " | default: ",
    " | raw",
    " contains ",
    " limit: ",
    "\u{0}",
    "<a href=\"",
    "<style>",
    "<!--[if mso]>",
    "&#x3a;",
    "<mjml><mj-body><mj-section><mj-column><mj-text>",
    "<table><tr><td>",
];

/// A text is refused or renders, and what was recorded gives the same text again.
pub fn run(bytes: &[u8]) {
    fuzz_body::parse_and_render(bytes);
}
