//! What a template needs is known without rendering it.

use std::collections::BTreeSet;

use templates::{Form, Template};

#[test]
fn a_template_says_what_it_needs() {
    let source = "{% if event.properties.sale %}{% recommend \"for you\" count: 3 min: 2 offset: 1 as a %}{% endif %}\n\
        {% for x in profile.traits.list %}{% item \"products\" id: x.id as p %}{% endfor %}\
        {% linked \"weather\" city: profile.traits.city as w %}\
        {% capture c %}{{ \"a\" | append: profile.traits.first_name }}{% endcapture %}\
        {{ event.properties[profile.traits.key].x }}{{ now | date: \"%Y\" }}{{ w.sky }}";
    let template = Template::parse(source, Form::Html).unwrap();
    let recommendations = template.recommendations();
    assert_eq!(recommendations.len(), 1);
    let found = &recommendations[0];
    assert_eq!(
        (found.definition.as_str(), found.count, found.min, found.offset),
        ("for you", 3, 2, 1)
    );
    assert_eq!(found.place.to_string(), "line 1, column 34");
    assert_eq!(template.items()["products"].line, 2);
    let linked = template.linked();
    assert_eq!((linked[0].name.as_str(), linked.len()), ("weather", 1));
    assert_eq!(linked[0].parameters, ["city"]);
    assert_eq!(linked[0].place.line, 2);
    let variables = [
        "event.properties",
        "event.properties.sale",
        "now",
        "profile.traits.city",
        "profile.traits.first_name",
        "profile.traits.key",
        "profile.traits.list",
    ];
    assert_eq!(template.variables(), BTreeSet::from(variables.map(str::to_owned)));
}
