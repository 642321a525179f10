//! Words for parts of mappings.

use domain::MessageType;
use mapping::{ActionSchema, FieldSchema, FieldType, Trigger};

/// The action of a name.
pub(super) fn find_action(
    actions: &'static [ActionSchema],
    name: &str,
) -> Option<&'static ActionSchema> {
    actions.iter().find(|action| action.name == name)
}

/// An action for people: `Add rating`.
pub(super) fn action_title<'a>(actions: &'static [ActionSchema], name: &'a str) -> &'a str {
    find_action(actions, name).map_or(name, |action| action.title.as_str())
}

/// What a field takes: `The rated item. A text.`
pub(super) fn field_hint(field: &FieldSchema) -> String {
    let (one, several) = match field.type_ {
        FieldType::String => ("A text", "A list of texts"),
        FieldType::Number => ("A number", "A list of numbers"),
        FieldType::Integer => ("A whole number", "A list of whole numbers"),
        FieldType::Datetime => ("A time", "A list of times"),
        FieldType::Object => ("An object", "A list of objects"),
    };
    let type_ = if field.is_multiple { several } else { one };
    let names = field.properties.iter().flatten().map(|(name, _)| name.as_str());
    let names = names.collect::<Vec<_>>().join(", ");
    match names.as_str() {
        "" => format!("{} {type_}.", field.about),
        names => format!("{} {type_} with {names}.", field.about),
    }
}

/// A trigger that takes an event; one for all messages of its type where no trigger can name it.
pub(super) fn trigger_for(type_: MessageType, event: &str) -> String {
    let of_type = format!("type = \"{}\"", type_.word());
    if type_ != MessageType::Track {
        return of_type;
    }
    let of_event = format!("{of_type} and event = \"{event}\"");
    let events = Trigger::new(&of_event).ok().and_then(|trigger| trigger.reach().events.clone());
    match events.is_some_and(|events| events.len() == 1 && events.contains(event)) {
        true => of_event,
        false => of_type,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trigger_names_an_event_that_can_be_named() {
        let trigger = |event| trigger_for(MessageType::Track, event);
        assert_eq!(trigger("Plan Chosen"), "type = \"track\" and event = \"Plan Chosen\"");
        assert_eq!(trigger("a\" or type = \"page"), "type = \"track\"");
        assert_eq!(trigger_for(MessageType::Screen, "Screen Viewed"), "type = \"screen\"");
    }
}
