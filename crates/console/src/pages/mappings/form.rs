//! The form of a mapping: what was typed, and the mapping that it means.

use std::collections::BTreeMap;

use domain::MessageType;
use engine::Expected;
use mapping::{ActionSchema, FieldSchema, Mapping, Problem};
use serde_json::{Map, Value, json};
use web::error::ApiError;

use super::words::{find_action, trigger_for};
use super::{is_enabled, name_of, text_of};

/// What begins the names of the controls of directives; the field follows.
pub(super) const DIRECTIVE: &str = "directive-";

/// The form of a mapping, as typed.
#[derive(Debug, Clone, Default)]
pub(super) struct MappingForm {
    /// What mappings can make for the destination.
    pub(super) actions: &'static [ActionSchema],
    /// The name of the mapping that is edited; none of a new one.
    pub(super) edited: Option<String>,
    /// The revision of the mappings that the form was made from.
    pub(super) revision: String,
    pub(super) name: String,
    pub(super) is_enabled: bool,
    pub(super) trigger: String,
    pub(super) action: String,
    /// The action whose fields the form had when it was sent.
    pub(super) fields_of: String,
    /// The directives as JSON, by their fields.
    pub(super) directives: BTreeMap<String, String>,
    /// The message that is tried.
    pub(super) message: String,
}

/// Mistakes by the name of their control; those of no control have none.
#[derive(Debug, Clone, Default)]
pub(super) struct Mistakes(Vec<(String, String)>);

impl MappingForm {
    /// The form of a mapping as pages show it.
    pub(super) fn of(actions: &'static [ActionSchema], mapping: &Value) -> Self {
        let fields = mapping.get("fields").and_then(Value::as_object).into_iter().flatten();
        let action = find_action(actions, text_of(mapping, "action"));
        let directive = |field: &String, value: &Value| {
            let schema = action.and_then(|action| action.field(field));
            let default = schema.and_then(default_of_field);
            // The keys of a stored directive are sorted: the usual one is easier to read.
            default.filter(|default| is_same(default, value)).unwrap_or_else(|| value.to_string())
        };
        Self {
            actions,
            name: name_of(mapping).to_owned(),
            is_enabled: is_enabled(mapping),
            trigger: text_of(mapping, "trigger").to_owned(),
            action: text_of(mapping, "action").to_owned(),
            fields_of: text_of(mapping, "action").to_owned(),
            directives: fields
                .map(|(field, value)| (field.clone(), directive(field, value)))
                .collect(),
            ..Self::default()
        }
    }

    /// A new mapping for an event, made like the preset that comes near where the destination has
    /// its action.
    pub(super) fn of_event(
        actions: &'static [ActionSchema],
        type_: MessageType,
        event: &str,
    ) -> Self {
        let near = mapping::suggest(type_, event);
        let near = near.and_then(|near| mapping::presets().get(near.preset));
        let near = near.and_then(|near| serde_json::from_str(&near.to_json()).ok());
        let near = near.filter(|near| find_action(actions, text_of(near, "action")).is_some());
        let like =
            near.as_ref().map_or_else(|| Self::new_one(actions), |near| Self::of(actions, near));
        let trigger = trigger_for(type_, event);
        Self { name: event.to_owned(), is_enabled: true, trigger, ..like }
    }

    /// A new mapping.
    pub(super) fn new_one(actions: &'static [ActionSchema]) -> Self {
        let mut form = Self {
            actions,
            is_enabled: true,
            action: actions.first().map(|action| action.name.clone()).unwrap_or_default(),
            ..Self::default()
        };
        form.take_fields_of_action();
        form
    }

    /// What was sent.
    pub(super) fn sent(
        actions: &'static [ActionSchema],
        mut controls: BTreeMap<String, String>,
    ) -> Self {
        let mut text = |name: &str| controls.remove(name).unwrap_or_default();
        let mut form = Self {
            actions,
            revision: text("revision"),
            name: text("name"),
            is_enabled: !text("enabled").is_empty(),
            trigger: text("trigger"),
            action: text("action"),
            fields_of: text("fields_of"),
            message: text("message"),
            ..Self::default()
        };
        let default_of = controls.remove("default");
        form.edited = controls.remove("edited");
        let directives = controls.into_iter().filter_map(|(name, text)| {
            Some((name.strip_prefix(DIRECTIVE)?.to_owned(), text.replace("\r\n", "\n")))
        });
        form.directives = directives.collect();
        if let Some((name, default)) = default_of.and_then(|name| {
            let default = default_of_field(form.schema_field(&name)?)?;
            Some((name, default))
        }) {
            form.directives.insert(name, default);
        }
        form
    }

    /// Whether the fields in the form are those of another action.
    pub(super) fn has_other_fields(&self) -> bool {
        self.fields_of != self.action
    }

    /// Shows the fields of the action, with its defaults for those that another did not have.
    pub(super) fn take_fields_of_action(&mut self) {
        let before = find_action(self.actions, &self.fields_of);
        let Some(schema) = find_action(self.actions, &self.action) else { return };
        let is_of_before = |field: &str| before.is_some_and(|own| own.field(field).is_some());
        self.directives.retain(|field, _| schema.field(field).is_some() || !is_of_before(field));
        for (name, field) in schema.fields.iter().filter(|(_, field)| !field.is_hidden) {
            if let (false, Some(default)) = (is_of_before(name), default_of_field(field)) {
                self.directives.entry(name.clone()).or_insert(default);
            }
        }
        self.fields_of.clone_from(&self.action);
    }

    /// The fields to show, those of the action first; those that it does not know have no schema.
    pub(super) fn fields(&self) -> Vec<(&str, Option<&'static FieldSchema>)> {
        let schema = find_action(self.actions, &self.action);
        let known = schema.iter().flat_map(|schema| &schema.fields);
        let shown = known.filter(|(_, field)| !field.is_hidden);
        let is_known = |name: &str| schema.is_some_and(|schema| schema.field(name).is_some());
        let others = self.directives.keys().filter(|name| !is_known(name));
        let shown = shown.map(|(name, field)| (name.as_str(), Some(field)));
        shown.chain(others.map(|name| (name.as_str(), None))).collect()
    }

    fn schema_field(&self, name: &str) -> Option<&'static FieldSchema> {
        find_action(self.actions, &self.action)?.field(name)
    }

    /// The same with a name where none was typed.
    pub(super) fn named(&self, name: &str) -> Self {
        match self.name.trim() {
            "" => Self { name: name.to_owned(), ..self.clone() },
            _ => self.clone(),
        }
    }

    /// What a form that was made before somebody else's change must not undo.
    pub(super) fn expected(&self) -> Expected {
        self.revision.parse().map_or(Expected::Present, Expected::Revision)
    }

    /// The mapping that was typed. Fields that people do not see stay as they are in `base`.
    ///
    /// # Errors
    /// All mistakes.
    pub(super) fn mapping(&self, base: Option<&Value>) -> Result<Value, Mistakes> {
        let mut mistakes = Mistakes::default();
        if self.name.trim().is_empty() {
            mistakes.add("name", "Give it a name, by which lists and errors tell it from others.");
        }
        let mut fields = self.hidden_fields(base);
        for (field, text) in self.directives.iter().filter(|(_, text)| !text.trim().is_empty()) {
            match serde_json::from_str(text) {
                Ok(directive) => drop(fields.insert(field.clone(), directive)),
                Err(error) => mistakes.add(&format!("{DIRECTIVE}{field}"), &no_json(text, &error)),
            }
        }
        let mut mapping = json!({
            "name": self.name.trim(),
            "trigger": self.trigger.trim(),
            "action": self.action,
            "fields": fields,
        });
        if !self.is_enabled {
            mapping["enabled"] = false.into();
        }
        if let Err(problems) = Mapping::from_json_for(self.actions, &mapping.to_string()) {
            problems.into_iter().for_each(|problem| mistakes.add_problem(&problem));
        }
        if mistakes.is_empty() { Ok(mapping) } else { Err(mistakes) }
    }

    fn hidden_fields(&self, base: Option<&Value>) -> Map<String, Value> {
        let stored = base.and_then(|base| base.get("fields")).and_then(Value::as_object);
        let is_hidden = |name: &str| self.schema_field(name).is_some_and(|field| field.is_hidden);
        let hidden = stored.into_iter().flatten().filter(|(name, _)| is_hidden(name));
        hidden.map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

/// The directive that the action has for a field, as JSON.
pub(super) fn default_of_field(field: &FieldSchema) -> Option<String> {
    field.default.as_ref().map(mapping::Value::to_json)
}

/// Whether a text is a value as JSON.
pub(super) fn is_same(text: &str, value: &Value) -> bool {
    serde_json::from_str::<Value>(text).is_ok_and(|read| read == *value)
}

/// Why a directive is no JSON. Most who write none mean a path.
fn no_json(text: &str, error: &serde_json::Error) -> String {
    let path = text.trim();
    match path.starts_with("$.") && !path.contains(char::is_whitespace) {
        true => format!("A path is written {}", json!({ "@path": path })),
        false => format!("This is no JSON: {error}. A text stands in double quotes."),
    }
}

impl Mistakes {
    pub(super) fn one(control: &str, message: &str) -> Self {
        Self(vec![(control.to_owned(), message.to_owned())])
    }

    /// An error of putting the list.
    pub(super) fn of_error(error: &ApiError) -> Self {
        let is_name = error.pointer.as_deref().is_some_and(|place| place.ends_with("/name"));
        match is_name {
            true => Self::one("name", "There is another mapping of this name: take another."),
            false => Self::one("", &error.message),
        }
    }

    fn add(&mut self, control: &str, message: &str) {
        self.0.push((control.to_owned(), message.to_owned()));
    }

    fn add_problem(&mut self, problem: &Problem) {
        let Problem { place, what, .. } = problem;
        let control = match place.strip_prefix("/fields/") {
            Some(_) => format!("{DIRECTIVE}{}", problem.field),
            None => place.trim_start_matches('/').to_owned(),
        };
        let inner = place.strip_prefix("/fields/").and_then(|place| place.split_once('/'));
        let message = match (control.as_str(), inner) {
            ("trigger", _) => {
                format!("{what}. Write it like type = \"track\" and event = \"Signed Up\".")
            }
            (_, Some((_, inner))) => format!("/{inner} {what}"),
            _ => format!("It {what}"),
        };
        self.add(&control, &message);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is wrong with a control.
    pub(super) fn of(&self, control: &str) -> Option<&str> {
        let found = self.0.iter().find(|(own, _)| own == control);
        found.map(|(_, message)| message.as_str())
    }

    /// All of them, with the names of their controls.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(control, message)| (control.as_str(), message.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use mapping::engine_actions;

    use super::*;

    fn typed(field: &str, text: &str) -> Mistakes {
        let mut form = MappingForm::of_event(engine_actions(), MessageType::Track, "Plan Chosen");
        form.directives.insert(field.to_owned(), text.to_owned());
        form.mapping(None).err().unwrap_or_default()
    }

    #[test]
    fn mistakes_stand_beside_their_field() {
        let at = |text| typed("itemId", text).of("directive-itemId").unwrap_or("none").to_owned();
        assert_eq!(at("$.properties.sku"), "A path is written {\"@path\":\"$.properties.sku\"}");
        assert!(at("{\"@path\": ").starts_with("This is no JSON"));
        assert!(at("{\"@pat\": \"$.x\"}").starts_with("It has an invalid directive"));
        assert!(at("{\"@if\": {\"exists\": {\"@path\": 7}}}").starts_with("/@if/exists/@path "));
        assert_eq!(at("{\"@path\": \"$.properties.sku\"}"), "none");
        assert_eq!(at(" "), "none");
    }

    #[test]
    fn another_action_brings_its_fields_and_keeps_those_of_the_same_name() {
        let mut form = MappingForm::new_one(engine_actions());
        form.directives.insert("itemId".to_owned(), "\"typed\"".to_owned());
        form.action = "addRating".to_owned();
        assert!(form.has_other_fields());
        form.take_fields_of_action();
        assert!(!form.has_other_fields());
        assert_eq!(form.directives["itemId"], "\"typed\"");
        assert_eq!(form.directives["rating"], "{\"@path\":\"$.properties.rating\"}");
        form.action = "addPurchase".to_owned();
        form.take_fields_of_action();
        assert!(!form.directives.contains_key("rating"));
        assert!(form.directives["items"].contains("@arrayPath"));
    }

    #[test]
    fn every_preset_comes_out_of_its_form_as_it_went_in() {
        for preset in mapping::presets() {
            let stored: Value = serde_json::from_str(&preset.to_json()).unwrap();
            let form = MappingForm::of(engine_actions(), &stored);
            assert_eq!(form.mapping(Some(&stored)).unwrap(), stored);
        }
        for kind in engine::destination_kinds() {
            for preset in kind.presets.iter() {
                let stored: Value = serde_json::from_str(&preset.to_json()).unwrap();
                let form = MappingForm::of(kind.actions, &stored);
                assert_eq!(form.mapping(Some(&stored)).unwrap(), stored, "{}", kind.name);
            }
        }
    }
}
