//! `recommend`, `item`, `linked`, `abort`, and what is recorded of them.

use templates::{Form, Recorded, Refusal, RenderError, Template};

use crate::sample::{Shop, check, check_error, render, values};

#[test]
fn no_item_is_twice_in_a_message() {
    let source = "{% recommend \"for you\" count: 2 as a %}{% recommend \"careless\" count: 3 as b %}\
                  {% recommend \"for you\" count: 9 offset: 1 as c %}\
                  {% for i in a %}{{ i.id }} {% endfor %}{% for i in b %}{{ i.id }} {% endfor %}\
                  {% for i in c %}{{ i.id }} {% endfor %}";
    check(source, Form::Text, "p1 p2 p3 p4 p5 p6 ");
    let mut shop = Shop::default();
    Template::parse(source, Form::Text).unwrap().render(&values(), &mut shop).unwrap();
    assert_eq!(
        shop.asked,
        [
            "for you 2 0 without ",
            "careless 3 0 without p1,p2",
            "for you 9 1 without p1,p2,p3,p4,p5"
        ]
    );
}

#[test]
fn too_few_items_refuse_the_message() {
    let source = "{% recommend \"nothing\" as a %}";
    check_error(
        source,
        Form::Text,
        "line 1, column 4: recommendation not available: nothing gave 0 items, at least 1 are needed",
    );
    check("{% recommend \"nothing\" min: 0 as a %}{{ a.size }}", Form::Text, "0");
    let seven = "{% recommend \"for you\" count: 7 min: 7 as a %}";
    let refused = render(seven, Form::Text).unwrap_err();
    let reason =
        Refusal::RecommendationNotAvailable { definition: "for you".to_owned(), found: 6, min: 7 };
    assert!(matches!(refused, RenderError::Refused { reason: found, .. } if found == reason));
}

#[test]
fn content_that_fails_says_what_was_asked() {
    check_error(
        "a\n{% recommend \"unknown\" as a %}",
        Form::Text,
        "line 2, column 4: recommend \"unknown\" has no answer: there is no recommendation unknown",
    );
    check_error(
        "{% linked \"slow\" as a %}",
        Form::Text,
        "line 1, column 4: linked \"slow\" has no answer: no answer in 2 s",
    );
    check_error(
        "{% recommend \"nameless\" as a %}",
        Form::Text,
        "line 1, column 4: recommend \"nameless\" has no answer: an item has no id",
    );
}

#[test]
fn an_item_is_there_or_nil() {
    let item = |id: &str| {
        format!(
            "{{% item \"products\" id: {id} as p %}}{{% if p %}}{{{{ p.title }}}}{{% else %}}none{{% endif %}}"
        )
    };
    check(&item("event.properties.product_id"), Form::Text, "Product 1 & more");
    check(&item("\"unknown\""), Form::Text, "none");
    check(&item("profile.traits.unknown"), Form::Text, "none");
}

#[test]
fn linked_content_gets_its_parameters_and_refuses_missing_ones() {
    let weather = "{% linked \"weather\" city: profile.traits.city days: 2 as w %}";
    check(&format!("{weather}{{{{ w.sky }}}} {{{{ w.of.days }}}}"), Form::Text, "sunny 2");
    let missing = render("{% linked \"weather\" city: profile.traits.x as w %}", Form::Text);
    assert!(
        matches!(missing, Err(RenderError::Missing { variable, .. }) if variable == "profile.traits.x")
    );
}

#[test]
fn a_default_takes_the_place_of_an_answer_that_does_not_come() {
    let slow = "{% linked \"slow\" default: \"rain\" as w %}{{ w }}";
    check(slow, Form::Text, "rain");
    let missing = "{% linked \"weather\" city: profile.traits.x default: \"sun\" as w %}{{ w }}";
    check(missing, Form::Text, "sun");
    let nothing = "{% linked \"slow\" default: nil as w %}{% if w %}{{ w }}{% else %}-{% endif %}";
    check(nothing, Form::Text, "-");
    // What a person says stays text, also as a default.
    let hostile = "{% linked \"slow\" default: profile.traits.script as w %}{{ w | raw }}";
    check(hostile, Form::Html, "&lt;script&gt;alert(1)&lt;/script&gt;");
}

#[test]
fn an_abort_gives_its_reason() {
    let refused = render("{% abort profile.traits.city %}", Form::Text).unwrap_err();
    let reason = Refusal::Aborted { reason: "Plzeň".to_owned() };
    assert!(matches!(refused, RenderError::Refused { reason: found, .. } if found == reason));
}

#[test]
fn only_what_was_read_is_recorded() {
    let source = "{{ profile.traits.first_name }}{{ profile.traits.first_name }}\
                  {{ event.properties.tags[1] }}{% if profile.traits.unknown %}{% endif %}\
                  {% item \"products\" id: \"p9\" as p %}";
    let template = Template::parse(source, Form::Text).unwrap();
    let recorded = template.render(&values(), &mut Shop::default()).unwrap().recorded;
    insta::assert_json_snapshot!(recorded, @r#"
    {
      "values": {
        "/event/properties/tags/1": "b",
        "/profile/traits/first_name": "Jane"
      },
      "answers": [
        {
          "item": null
        }
      ]
    }
    "#);
}

#[test]
fn what_another_template_recorded_is_refused() {
    let template = Template::parse("{% item \"products\" id: \"p1\" as p %}", Form::Text).unwrap();
    let error = template.render_again(&Recorded::default()).unwrap_err();
    assert!(matches!(error, RenderError::Recorded { .. }), "{error}");
}
