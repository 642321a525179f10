//! Sources and values that are too large, and that bounds hold in time.

use std::time::{Duration, Instant};

use serde_json::json;
use templates::limits::{DEPTH_MAX, TEMPLATE_BYTES_MAX, VALUE_BYTES_MAX};
use templates::{Form, RenderError, Template, Values};

use crate::sample::{render, render_with, values};

/// Generous, as builds of tests are slow and machines are busy.
const TIME_MAX: Duration = Duration::from_secs(20);

#[test]
fn a_source_has_a_bound() {
    let error = Template::parse(&"é".repeat(TEMPLATE_BYTES_MAX), Form::Text).unwrap_err();
    assert!(error.what.contains("at most 262144 bytes"), "{error}");
}

#[test]
fn blocks_and_indexes_are_not_deep() {
    let blocks = |depth| "{% if true %}".repeat(depth) + &"{% endif %}".repeat(depth);
    assert!(Template::parse(&blocks(DEPTH_MAX - 1), Form::Text).is_ok());
    for depth in [DEPTH_MAX + 1, 10_000] {
        let error = Template::parse(&blocks(depth), Form::Text).unwrap_err();
        assert!(error.what.contains("blocks"), "{error}");
    }
    let indexes = |depth| format!("{{{{ {}1{} }}}}", "event[".repeat(depth), "]".repeat(depth));
    assert!(Template::parse(&indexes(DEPTH_MAX), Form::Text).is_ok());
    for depth in [DEPTH_MAX + 1, 10_000] {
        let error = Template::parse(&indexes(depth), Form::Text).unwrap_err();
        assert!(error.what.contains("indexes"), "{error}");
    }
}

#[test]
fn a_value_and_what_is_recorded_have_bounds() {
    let mut large = values();
    large.profile["traits"]["large"] = "x".repeat(VALUE_BYTES_MAX).into();
    let error = render_with("{{ profile.traits.large }}", Form::Text, &large).unwrap_err();
    assert!(matches!(error, RenderError::Limit { .. }), "{error}");
    // Many values that are within their own bounds.
    let traits: serde_json::Map<_, _> =
        (0..10).map(|n| (format!("t{n}"), json!("x".repeat(VALUE_BYTES_MAX / 2)))).collect();
    let profile = json!({ "traits": traits });
    let many = Values { profile, ..values() };
    let source: String =
        (0..10).map(|n| format!("{{% if profile.traits.t{n} %}}{{% endif %}}")).collect();
    let error = render_with(&source, Form::Text, &many).unwrap_err();
    assert!(error.to_string().contains("reads more than"), "{error}");
    let error = render("{% recommend \"huge\" count: 100 as a %}", Form::Text).unwrap_err();
    assert!(matches!(error, RenderError::Limit { .. }), "{error}");
}

/// The most expensive things that one can do in the turns and steps that there are.
#[test]
fn hostile_work_ends_in_time() {
    let grow =
        "{% assign x = \"xx,\" %}{% for i in (1..15) %}{% assign x = x | append: x %}{% endfor %}";
    let works = [
        "{% for i in (1..20000) %}{% assign y = x | upcase %}{% endfor %}",
        "{% for i in (1..20000) %}{% assign y = x | split: \",\" %}{% endfor %}",
        "{% assign l = x | truncate: 20000 | split: \",\" %}{% for i in (1..20000) %}{% assign m = l | sort_natural %}{% endfor %}",
        "{% assign l = x | truncate: 20000 | split: \",\" %}{% for i in (1..20000) %}{% assign m = l | uniq %}{% endfor %}",
        "{% for i in (1..20000) %}{% if x contains \"xxxy\" %}{% endif %}{% endfor %}",
        "{% for i in (1..20000) %}{% assign y = x | replace: \"x\", \"\" %}{% endfor %}",
        "{% for i in (1..20000) %}{% assign y = x | strip_html | strip_newlines | url_encode | size %}{% endfor %}",
        "{% for i in (1..20000) %}{{ x | date: \"%Y\" }}{% endfor %}",
    ];
    for work in works {
        let template = Template::parse(&format!("{grow}{work}"), Form::Text).unwrap();
        let start = Instant::now();
        let outcome = template.render(&values(), &mut crate::sample::Shop::default());
        assert!(outcome.is_err(), "{work}");
        assert!(start.elapsed() < TIME_MAX, "{work}: {:?}", start.elapsed());
    }
    let brackets = "<".repeat(100_000);
    let hostile = Values { profile: json!({ "a": brackets }), ..values() };
    render_with("{{ profile.a | strip_html }}", Form::Text, &hostile).unwrap();
}
