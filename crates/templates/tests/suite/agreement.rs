//! What both understand means the same as in the `liquid` crate.

use liquid_core::model::{Object, Value};
use liquid_core::runtime::RuntimeBuilder;
use liquid_core::{Language, Renderable};
use liquid_lib::stdlib;
use proptest::prelude::*;
use templates::Form;

use crate::sample;

fn language() -> Language {
    let mut language = Language::empty();
    let filters: Vec<Box<dyn liquid_core::ParseFilter>> = vec![
        stdlib::Append.into(),
        stdlib::Prepend.into(),
        stdlib::Capitalize.into(),
        stdlib::Downcase.into(),
        stdlib::Upcase.into(),
        stdlib::Strip.into(),
        stdlib::Lstrip.into(),
        stdlib::Rstrip.into(),
        stdlib::StripNewlines.into(),
        stdlib::Remove.into(),
        stdlib::RemoveFirst.into(),
        stdlib::Replace.into(),
        stdlib::ReplaceFirst.into(),
        stdlib::Truncate.into(),
        stdlib::Split.into(),
        stdlib::Slice.into(),
        stdlib::Size.into(),
        stdlib::First.into(),
        stdlib::Last.into(),
        stdlib::Join.into(),
        stdlib::Concat.into(),
        stdlib::Map.into(),
        stdlib::Reverse.into(),
        stdlib::Sort.into(),
        stdlib::Uniq.into(),
        stdlib::Compact.into(),
        stdlib::Abs.into(),
        stdlib::AtLeast.into(),
        stdlib::AtMost.into(),
        stdlib::Plus.into(),
        stdlib::Minus.into(),
        stdlib::Times.into(),
        stdlib::Default.into(),
        stdlib::Date.into(),
        stdlib::Where.into(),
        stdlib::Escape.into(),
    ];
    for filter in filters {
        language.filters.register(filter.reflection().name().to_owned(), filter);
    }
    let tags: Vec<Box<dyn liquid_core::ParseTag>> = vec![
        stdlib::AssignTag.into(),
        stdlib::BreakTag.into(),
        stdlib::ContinueTag.into(),
        stdlib::CycleTag.into(),
    ];
    for tag in tags {
        language.tags.register(tag.reflection().tag().to_owned(), tag);
    }
    let blocks: Vec<Box<dyn liquid_core::ParseBlock>> = vec![
        stdlib::RawBlock.into(),
        stdlib::IfBlock.into(),
        stdlib::UnlessBlock.into(),
        stdlib::ForBlock.into(),
        stdlib::CaseBlock.into(),
        stdlib::CommentBlock.into(),
        stdlib::CaptureBlock.into(),
    ];
    for block in blocks {
        language.blocks.register(block.reflection().start_tag().to_owned(), block);
    }
    language
}

fn reference(source: &str) -> Result<String, String> {
    let parsed =
        liquid_core::parser::parse(source, &language()).map_err(|error| error.to_string())?;
    let values = sample::values();
    let mut globals = Object::new();
    for (name, value) in
        [("profile", values.profile), ("event", values.event), ("campaign", values.campaign)]
    {
        let value: Value = serde_json::from_value(value).map_err(|error| error.to_string())?;
        globals.insert(name.into(), value);
    }
    let runtime = RuntimeBuilder::new().set_globals(&globals).build();
    let mut text = Vec::new();
    liquid_core::Template::new(parsed)
        .render_to(&mut text, &runtime)
        .map_err(|error| error.to_string())?;
    String::from_utf8(text).map_err(|error| error.to_string())
}

fn value() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "profile.traits.first_name",
        "profile.traits.age",
        "profile.traits.vip",
        "event.properties.tags",
        "event.properties.tags[1]",
        "event.properties.tags.first",
        "event.properties.products[2].title",
        "\"a-b-c\"",
        "\" x \"",
        "\"\"",
        "3",
        "-7",
        "2.5",
        "true",
    ])
    .prop_map(str::to_owned)
}

fn output() -> impl Strategy<Value = String> {
    let text_filter = prop::sample::select(vec![
        "append: \"z\"",
        "prepend: \"y\"",
        "capitalize",
        "downcase",
        "upcase",
        "strip",
        "lstrip",
        "rstrip",
        "remove: \"a\"",
        "remove_first: \"a\"",
        "replace: \"a\", \"bb\"",
        "replace_first: \"a\", \"b\"",
        "truncate: 4",
        "slice: 1, 2",
        "slice: 0",
        "default: \"d\"",
        "split: \"-\" | join: \"+\"",
        "size",
        "escape",
    ]);
    let texts = (
        prop::sample::select(vec![
            "profile.traits.first_name",
            "\"a-b-c\"",
            "\" x \"",
            "event.properties.tags[1]",
            "\"abcdef\"",
        ]),
        prop::collection::vec(text_filter, 0..3),
    )
        .prop_filter("a size is no text", |(_, filters)| {
            filters.iter().rev().skip(1).all(|filter| *filter != "size")
        })
        .prop_map(|(value, filters)| chain(value, &filters));
    let number_filter = prop::sample::select(vec![
        "plus: 2",
        "minus: 5",
        "times: 3",
        "abs",
        "at_least: 1",
        "at_most: 10",
        "plus: 0.5",
    ]);
    let numbers = (
        prop::sample::select(vec!["profile.traits.age", "3", "-7", "2.5"]),
        prop::collection::vec(number_filter, 0..3),
    )
        .prop_map(|(value, filters)| chain(value, &filters));
    let list_filter = prop::sample::select(vec![
        "reverse",
        "uniq",
        "compact",
        "sort",
        "concat: event.properties.tags",
    ]);
    let lists = (
        prop::collection::vec(list_filter, 0..3),
        prop::sample::select(vec!["join: \",\"", "first", "last", "size"]),
    )
        .prop_map(|(mut filters, last)| {
            filters.push(last);
            chain("event.properties.tags", &filters)
        });
    prop_oneof![texts, numbers, lists, value().prop_map(|value| chain(&value, &[]))]
}

fn chain(value: &str, filters: &[&str]) -> String {
    let filters: String = filters.iter().map(|filter| format!(" | {filter}")).collect();
    format!("{{{{ {value}{filters} }}}}")
}

fn condition() -> impl Strategy<Value = String> {
    let scalar = prop::sample::select(vec!["profile.traits.age", "3", "31", "2.5", "-1"]);
    let comparison =
        (scalar.clone(), prop::sample::select(vec!["==", "!=", "<", ">", "<=", ">="]), scalar)
            .prop_map(|(a, operator, b)| format!("{a} {operator} {b}"));
    let other = prop::sample::select(vec![
        "profile.traits.vip",
        "profile.traits.old",
        "profile.traits.first_name contains \"an\"",
        "event.properties.tags contains \"b\"",
        "profile.traits.first_name == \"Jane\"",
        "profile.traits.empty == blank",
        "profile.traits.empty == empty",
        "false",
        "nil",
    ])
    .prop_map(str::to_owned);
    let test = prop_oneof![comparison, other];
    prop::collection::vec((test, prop::sample::select(vec!["and", "or"])), 1..4).prop_map(|tests| {
        let mut condition = String::new();
        for (index, (test, word)) in tests.iter().enumerate() {
            if index > 0 {
                condition.push_str(&format!(" {word} "));
            }
            condition.push_str(test);
        }
        condition
    })
}

fn template() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        2 => output(),
        1 => Just(" text\n ".to_owned()),
        1 => Just("{% cycle \"a\", \"b\", \"c\" %}".to_owned()),
        1 => output().prop_map(|output| format!("{{%- capture c -%}} {output} {{%- endcapture -%}}{{{{ c }}}}")),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        let body = prop::collection::vec(inner, 1..4).prop_map(|parts| parts.concat());
        prop_oneof![
            (condition(), body.clone(), body.clone()).prop_map(|(condition, a, b)| format!("{{% if {condition} %}}{a}{{% else %}}{b}{{% endif %}}")),
            (condition(), body.clone()).prop_map(|(condition, a)| format!("{{%- unless {condition} -%}} {a} {{%- endunless -%}}")),
            (body.clone(), prop::sample::select(vec!["", " limit:2", " offset:1", " limit:1 offset:1", " reversed"]))
                .prop_map(|(body, options)| format!("{{% for t in event.properties.tags{options} %}}{{{{ t }}}}{{{{ forloop.index }}}}{{{{ forloop.rindex0 }}}}{{{{ forloop.last }}}}{body}{{% endfor %}}")),
            (body.clone(), condition()).prop_map(|(body, condition)| format!("{{% for i in (1..4) %}}{{% if {condition} %}}{{% break %}}{{% endif %}}{body}{{% if i == 2 %}}{{% continue %}}{{% endif %}}{{{{ i }}}}{{% endfor %}}")),
            body.clone().prop_map(|body| format!("{{% case profile.traits.age %}}{{% when 1, 2 %}}a{{% when 31 %}}{body}{{% else %}}c{{% endcase %}}")),
            body,
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn templates_mean_what_they_mean_in_liquid(source in template()) {
        let expected = reference(&source);
        prop_assert!(expected.is_ok(), "{}: {:?}", source, expected);
        prop_assert_eq!(sample::render(&source, Form::Text).map_err(|error| error.to_string()), expected, "{}", source);
    }
}
