//! Entries without certain people: what of an entry is theirs. It decides what a suppression
//! refuses and what a deletion erases from the journal.

use domain::json::json_strings;
use domain::{Message, Rejection};
use mapping::Action;
use profiles::ExternalIdType::{AnonymousId, UserId};
use profiles::{FoundId, IdentityRules};
use serde_json::{Map, Value};

use crate::attribution::{is_asked_for, lists_people};
use crate::id_keys::is_id_key;
use crate::people::{NamedPeople, People, erase_from_rejection, is_id, without_ids};
use crate::{
    BackFillCommand, CampaignEntry, CampaignTrigger, Command, DecisionOutcome, EntityKind, Entry,
    JourneyEntry, JourneyFinding, ListImpression, PastEvents, PersonHistory, ReadHistory,
    RegulationCommand, ReplayCommand, SentValue,
};

/// What remains of an entry without some people.
#[derive(Debug, PartialEq)]
pub enum Remaining {
    /// All of it: it is about others.
    Whole(Entry),
    /// The part about others.
    Part(Entry),
    /// Nothing: it is about them alone.
    Nothing,
}

/// What a suppression lets through of an entry: nothing of what is new about these people, whom
/// messages name by these rules too.
pub fn without_suppressed(
    entry: Entry,
    people: &dyn People,
    rules: Option<&IdentityRules>,
) -> Remaining {
    match entry {
        Entry::Message(message) => {
            let has = |id: &FoundId| people.has(id.type_, &id.value);
            let is_theirs = message.user_id.as_deref().is_some_and(|id| people.has(UserId, id))
                || message.anonymous_id.as_deref().is_some_and(|id| people.has(AnonymousId, id))
                || message.previous_id.as_deref().is_some_and(|id| people.has_any(id))
                || message.context.as_deref().is_some_and(|text| has_external_id(text, people))
                || rules.is_some_and(|rules| rules.ids_of(&message).iter().any(has));
            if is_theirs { Remaining::Nothing } else { Remaining::Whole(Entry::Message(message)) }
        }
        Entry::Rejected(rejection) => {
            let names = |text: &str| json_strings(text).any(|text| people.has_any(&text));
            match names(&rejection.excerpt) {
                true => Remaining::Nothing,
                false => Remaining::Whole(Entry::Rejected(rejection)),
            }
        }
        Entry::Command { received_at, command } => match *command {
            // Deleting goes on, and merging someone away.
            Command::Delete { .. }
            | Command::DeleteInteractions { .. }
            | Command::RemoveExternalId { .. } => {
                Remaining::Whole(Entry::Command { received_at, command })
            }
            _ if is_about(&command, people) => Remaining::Nothing,
            _ => Remaining::Whole(Entry::Command { received_at, command }),
        },
        other => without_rows(other, people),
    }
}

/// What the journal keeps of an entry after these people are deleted.
pub fn without_erased(entry: Entry, people: &NamedPeople) -> Remaining {
    match entry {
        Entry::Message(message) => erase_message(message, people),
        Entry::Rejected(rejection) => erase_rejection(rejection, people),
        Entry::Command { received_at, command } => match *command {
            Command::Regulate(regulation) => {
                let (n_all, regulation) =
                    (regulation.n_named(), erase_regulation(*regulation, people));
                let n_left = regulation.n_named();
                let command = Box::new(Command::Regulate(Box::new(regulation)));
                remaining(n_all, n_left, false, Entry::Command { received_at, command })
            }
            Command::RetryDeadLetter { destination, offset, mapping, message: Some(message) }
                if people.are_named_in(&message) =>
            {
                let message = None;
                let command =
                    Box::new(Command::RetryDeadLetter { destination, offset, mapping, message });
                Remaining::Part(Entry::Command { received_at, command })
            }
            Command::Replay(ReplayCommand::Start { id, destination, request, from, until })
                if people.are_named_in(&request) =>
            {
                let request = without_ids(&request, people);
                let start = ReplayCommand::Start { id, destination, request, from, until };
                let command = Box::new(Command::Replay(start));
                Remaining::Part(Entry::Command { received_at, command })
            }
            Command::BackFill(change) => {
                let (n_all, change) = (change.n_changes(), erase_back_fill(*change, people));
                // One more than there are changes.
                let n_left = change.n_changes() - 1;
                let command = Box::new(Command::BackFill(Box::new(change)));
                let entry = Entry::Command { received_at, command };
                remaining(n_all - 1, n_left, false, entry)
            }
            command if is_about(&command, people) => Remaining::Nothing,
            command => Remaining::Whole(Entry::Command { received_at, command: Box::new(command) }),
        },
        Entry::Delivered(mut delivered) => {
            let mut is_changed = false;
            for dead in &mut delivered.progress.dead {
                if people.are_named_in(&dead.text) {
                    dead.text.clear();
                    is_changed = true;
                }
            }
            let entry = Entry::Delivered(delivered);
            if is_changed { Remaining::Part(entry) } else { Remaining::Whole(entry) }
        }
        Entry::Sync(value) => erase_sent(value, people),
        Entry::Campaign(entry) => erase_campaign(*entry, people),
        Entry::Journey(entry) => erase_journey(*entry, people),
        Entry::ReadHistory(read) => erase_history(read, people),
        other => without_rows(other, people),
    }
}

/// Entries with rows of several people.
fn without_rows(entry: Entry, people: &dyn People) -> Remaining {
    match entry {
        Entry::Interactions { received_at, mut interactions } => {
            let n_all = interactions.len();
            interactions.retain(|interaction| !people.has_any(&interaction.user_id));
            let n_left = interactions.len();
            remaining(n_all, n_left, false, Entry::Interactions { received_at, interactions })
        }
        Entry::ListImpressions { mut lists } => {
            let n_all = lists.len();
            let is_theirs = |list: &ListImpression| {
                list.user.as_ref().is_some_and(|(type_, id)| people.has(*type_, id))
            };
            lists.retain(|list| !is_theirs(list));
            let mut is_changed = false;
            // A list for somebody whom nobody knows can be continued by what was asked for.
            let asked = lists.iter_mut().filter(|list| list.user.is_none());
            for list in asked {
                if list.request.as_deref().is_some_and(|request| is_asked_for(request, people)) {
                    list.request = None;
                    is_changed = true;
                }
            }
            for list in lists.iter_mut().filter(|list| lists_people(&list.place)) {
                let n_items = list.items.len();
                list.items.retain(|id| !people.has_any(id));
                is_changed |= list.items.len() < n_items;
            }
            let n_left = lists.len();
            remaining(n_all, n_left, is_changed, Entry::ListImpressions { lists })
        }
        Entry::Found(mut found) => {
            let n_all = found.people.len();
            found.people.retain(|(type_, id, _)| !people.has(*type_, id));
            let (n_left, ends) = (found.people.len(), found.ended.is_some());
            let entry = Entry::Found(found);
            // The end of a search is about nobody.
            remaining(n_all + usize::from(ends), n_left + usize::from(ends), false, entry)
        }
        other => Remaining::Whole(other),
    }
}

fn remaining(n_all: usize, n_left: usize, is_changed: bool, entry: Entry) -> Remaining {
    match n_left {
        0 if n_all > 0 => Remaining::Nothing,
        _ if n_left == n_all && !is_changed => Remaining::Whole(entry),
        _ => Remaining::Part(entry),
    }
}

/// Whether a command is about one of these people.
fn is_about(command: &Command, people: &dyn People) -> bool {
    match command {
        Command::Add { kind: EntityKind::User, id }
        | Command::Delete { kind: EntityKind::User, id }
        | Command::SetValues { kind: EntityKind::User, id, .. } => people.has_any(id),
        Command::AddInteraction { interaction, .. } => people.has_any(&interaction.user_id),
        Command::DeleteInteractions { selector } => people.has_any(&selector.user_id),
        Command::MergeUsers { target, source, .. } => {
            people.has_any(target) || people.has_any(source)
        }
        Command::RemoveExternalId { user_id, id_type, id } => {
            people.has(UserId, user_id) || people.has(*id_type, id)
        }
        _ => false,
    }
}

/// Whether a context has one of these people among `externalIds`, by which senders name further ids
/// of the person.
fn has_external_id(context: &str, people: &dyn People) -> bool {
    if !context.contains("externalIds") {
        return false;
    }
    let context: Option<Value> = serde_json::from_str(context).ok();
    let ids = context.as_ref().and_then(|context| context["externalIds"].as_array());
    ids.is_some_and(|ids| ids.iter().any(|id| is_id(&id["id"], people)))
}

/// The users that an action is about, by the ids that it names.
pub(crate) fn action_users(action: &Action) -> impl Iterator<Item = &str> {
    let (user, other) = match action {
        Action::AddInteraction(interaction) => (&interaction.user_id, None),
        Action::DeleteInteractions(selector) => (&selector.user_id, None),
        Action::AddWeakSignals { user_id, .. } => (user_id, None),
        Action::MergeUsers { target_user_id, source_user_id } => {
            (target_user_id, Some(source_user_id))
        }
    };
    std::iter::once(user.as_str()).chain(other.map(String::as_str))
}

/// A message of theirs goes as a whole. One that another person has sent from a device of theirs
/// loses the device, and every message loses the members that name them as somebody.
fn erase_message(mut message: Box<Message>, people: &NamedPeople) -> Remaining {
    let is_device = message.anonymous_id.as_deref().is_some_and(|id| people.has(AnonymousId, id));
    let is_theirs = match &message.user_id {
        Some(id) => people.has(UserId, id),
        None => is_device,
    } || message.previous_id.as_deref().is_some_and(|id| people.has_any(id))
        || people.are_found_by(&message);
    if is_theirs {
        return Remaining::Nothing;
    }
    let mut is_changed = is_device;
    if is_device {
        message.anonymous_id = None;
    }
    for part in [&mut message.body, &mut message.context, &mut message.integrations] {
        if let Some(text) = part.as_mut().filter(|text| people.may_be_in(text.as_bytes()))
            && let Some(changed) = without_named(text, people)
        {
            *text = changed;
            is_changed = true;
        }
    }
    for violation in &mut message.violations {
        if violation.sample.as_deref().is_some_and(|sample| people.are_named_in(sample)) {
            violation.sample = None;
            is_changed = true;
        }
    }
    let entry = Entry::Message(message);
    if is_changed { Remaining::Part(entry) } else { Remaining::Whole(entry) }
}

/// A value of theirs goes; one of others loses them, and the further traits that name them.
fn erase_sent(mut value: Box<SentValue>, people: &NamedPeople) -> Remaining {
    if [&value.person, value.recipient()].iter().any(|(type_, id)| people.has(*type_, id)) {
        return Remaining::Nothing;
    }
    let named = value.attached.take_if(|text| people.are_named_in(text));
    // A list with details is one of items.
    let without = match value.detail {
        None => without_ids_of(&value.value, people),
        Some(_) => None,
    };
    let is_changed = named.is_some() || without.is_some();
    value.value = without.unwrap_or(value.value);
    let entry = Entry::Sync(value);
    if is_changed { Remaining::Part(entry) } else { Remaining::Whole(entry) }
}

/// Of a decision about them what is counted is left; the message of another one loses them.
fn erase_campaign(entry: CampaignEntry, people: &NamedPeople) -> Remaining {
    let mut decision = match entry {
        CampaignEntry::Decision(decision) => decision,
        CampaignEntry::Trigger(trigger) => return erase_trigger(trigger, people),
        CampaignEntry::BusinessEvent(mut event) => {
            let changed = match people.may_be_in(event.properties.as_bytes()) {
                true => without_named(&event.properties, people),
                false => None,
            };
            let is_changed = changed.is_some();
            event.properties = changed.unwrap_or(event.properties);
            let entry = Entry::Campaign(Box::new(CampaignEntry::BusinessEvent(event)));
            return if is_changed { Remaining::Part(entry) } else { Remaining::Whole(entry) };
        }
        entry => return Remaining::Whole(Entry::Campaign(Box::new(entry))),
    };
    let is_theirs = decision.person.take_if(|(type_, id)| people.has(*type_, id)).is_some();
    let mut is_changed = is_theirs;
    match &mut decision.outcome {
        DecisionOutcome::Sent(sent) if is_theirs => sent.fields = "{}".to_owned(),
        DecisionOutcome::Sent(sent) => {
            if people.may_be_in(sent.fields.as_bytes())
                && let Some(changed) = without_named(&sent.fields, people)
            {
                sent.fields = changed;
                is_changed = true;
            }
        }
        DecisionOutcome::Refused { detail, .. } => {
            let named = |text: &mut String| is_theirs || people.are_named_in(text);
            is_changed |= detail.take_if(named).is_some();
        }
        DecisionOutcome::Waits { .. } => {}
    }
    let entry = Entry::Campaign(Box::new(CampaignEntry::Decision(decision)));
    if is_changed { Remaining::Part(entry) } else { Remaining::Whole(entry) }
}

/// Of a call they are left out; what was found for them stays without them.
fn erase_journey(mut entry: JourneyEntry, people: &NamedPeople) -> Remaining {
    let mut is_changed = false;
    let mut without = |properties: &mut String| {
        if people.may_be_in(properties.as_bytes())
            && let Some(changed) = without_named(properties, people)
        {
            *properties = changed;
            is_changed = true;
        }
    };
    match &mut entry {
        JourneyEntry::Trigger(trigger) => {
            let n_before = trigger.people.len();
            trigger.people.retain(|person| !people.has(person.id.0, &person.id.1));
            trigger.people.iter_mut().for_each(|person| without(&mut person.properties));
            is_changed |= trigger.people.len() < n_before;
        }
        JourneyEntry::Answer(answer) => {
            let theirs = answer.person.take_if(|(type_, id)| people.has(*type_, id)).is_some();
            match &mut answer.finding {
                JourneyFinding::Sent { properties, .. } if theirs => *properties = "{}".to_owned(),
                JourneyFinding::Sent { properties, .. } => without(properties),
                JourneyFinding::Until(_) => {}
            }
            is_changed |= theirs;
        }
    }
    let entry = Entry::Journey(Box::new(entry));
    if is_changed { Remaining::Part(entry) } else { Remaining::Whole(entry) }
}

/// The places of the others in a call stay the same: they name their messages.
fn erase_trigger(mut trigger: CampaignTrigger, people: &NamedPeople) -> Remaining {
    let mut is_changed = false;
    for triggered in &mut trigger.people {
        if triggered.person.take_if(|(type_, id)| people.has(*type_, id)).is_some() {
            triggered.properties = "{}".to_owned();
            is_changed = true;
        } else if people.may_be_in(triggered.properties.as_bytes())
            && let Some(changed) = without_named(&triggered.properties, people)
        {
            triggered.properties = changed;
            is_changed = true;
        }
    }
    let entry = Entry::Campaign(Box::new(CampaignEntry::Trigger(trigger)));
    if is_changed { Remaining::Part(entry) } else { Remaining::Whole(entry) }
}

/// The JSON text of a computed value without these people; none where it has none of them.
fn without_ids_of(text: &str, people: &NamedPeople) -> Option<String> {
    if !people.may_be_in(text.as_bytes()) {
        return None;
    }
    match serde_json::from_str(text).ok()? {
        Value::Array(mut values) => {
            let n_values = values.len();
            values.retain(|value| !is_id(value, people));
            (values.len() < n_values).then(|| Value::Array(values).to_string())
        }
        value => is_id(&value, people).then(|| Value::Null.to_string()),
    }
}

/// The past of theirs goes, and that of others with a value that names them: it is read anew.
fn erase_history(mut read: Box<ReadHistory>, people: &NamedPeople) -> Remaining {
    let n_all = read.people.len();
    read.people.retain(|PersonHistory { person: (type_, id), events, .. }| {
        let names = |events: &PastEvents| events.has_text(|text| people.has_any(text));
        !people.has(*type_, id) && !events.as_ref().is_some_and(names)
    });
    let n_left = read.people.len();
    remaining(n_all, n_left, false, Entry::ReadHistory(read))
}

/// A step of a regulation that names people, without those who are deleted now.
fn erase_regulation(command: RegulationCommand, people: &NamedPeople) -> RegulationCommand {
    match command {
        RegulationCommand::Delete { id, mut user_ids, mut anonymous_ids, mut other_ids } => {
            user_ids.retain(|id| !people.has(UserId, id));
            anonymous_ids.retain(|id| !people.has(AnonymousId, id));
            other_ids.retain(|(type_, id)| !people.has(*type_, id));
            RegulationCommand::Delete { id, user_ids, anonymous_ids, other_ids }
        }
        RegulationCommand::Recount { id, mut values } => {
            values.retain(|value| !people.has(value.person.0, &value.person.1));
            RegulationCommand::Recount { id, values }
        }
        others => others,
    }
}

/// What mappings that were applied to the past change for others.
fn erase_back_fill(command: BackFillCommand, people: &NamedPeople) -> BackFillCommand {
    match command {
        BackFillCommand::Change { mut merges, mut users, items } => {
            merges.retain(|merge| !people.has_any(&merge.target) && !people.has_any(&merge.source));
            users.retain(|user| !people.has(user.id_type, &user.id));
            BackFillCommand::Change { merges, users, items }
        }
        done @ BackFillCommand::Done(_) => done,
    }
}

/// A rejection stays as a count: it says which mistakes a source makes.
fn erase_rejection(mut rejection: Box<Rejection>, people: &NamedPeople) -> Remaining {
    let is_changed = erase_from_rejection(&mut rejection, people);
    let entry = Entry::Rejected(rejection);
    if is_changed { Remaining::Part(entry) } else { Remaining::Whole(entry) }
}

/// A JSON text without the members that name people by their ids; none if there are none.
fn without_named(text: &str, people: &NamedPeople) -> Option<String> {
    let mut value: Value = serde_json::from_str(text).ok()?;
    remove_named(&mut value, people).then(|| value.to_string())
}

fn remove_named(value: &mut Value, people: &NamedPeople) -> bool {
    match value {
        Value::Object(members) => {
            let n_members = members.len();
            retain(members, |key, value| !(is_id_key(key) && is_id(value, people)));
            let mut is_changed = members.len() < n_members;
            for (key, value) in members {
                if let Value::Array(values) = value
                    && is_id_key(key)
                {
                    let n_values = values.len();
                    values.retain(|value| !is_id(value, people));
                    is_changed |= values.len() < n_values;
                }
                is_changed |= remove_named(value, people);
            }
            is_changed
        }
        Value::Array(values) => {
            values.iter_mut().fold(false, |changed, value| remove_named(value, people) | changed)
        }
        _ => false,
    }
}

fn retain(members: &mut Map<String, Value>, keep: impl Fn(&str, &Value) -> bool) {
    members.retain(|key, value| keep(key, value));
}
