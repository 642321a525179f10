//! The answers of a workspace as text: by API words and ids, which outlive the names of types.

use std::collections::BTreeSet;
use std::fmt::Write;

use domain::{Day, Exclusion, ListRequest, Logic};
use engine::{CollectionKind, Engine, EntityKind, ExternalIdType, TimelineQuery};

use crate::samples::AT;

pub(crate) fn picture(engine: &Engine) -> String {
    let mut text = String::new();
    let mut add = |name: &str, value: String| writeln!(text, "{name}: {value}").unwrap();
    let counts = serde_json::to_value(engine.counts()).unwrap();
    counts.as_object().unwrap().iter().for_each(|(name, count)| add(name, count.to_string()));
    let config = engine.config();
    add(
        "tokens",
        [&config.private_token, &config.public_token, &config.profile_token]
            .map(|token| token.clone().unwrap())
            .join(" "),
    );
    add(
        "source",
        format!(
            "{} {} {:?}",
            config.sources[0].name, config.sources[0].write_key, config.sources[0].bearer_tokens
        ),
    );
    add("trait", config.traits[0].key.clone());
    for training in engine.trainings() {
        let refused = training.refused.as_deref().unwrap_or("no");
        add(
            "training run",
            format!("{} of {} users, refused: {refused}", training.version, training.n_users),
        );
    }
    add("model", engine.training().unwrap().version);
    for version in engine.catalog_versions() {
        add(
            "catalog",
            format!(
                "{} since {} with {} items",
                version.version,
                version.activated_at.unwrap(),
                version.n_items
            ),
        );
    }
    for kind in [EntityKind::Item, EntityKind::User] {
        for property in engine.snapshot().properties(kind) {
            let of = kind.word();
            add(
                "property",
                format!(
                    "{of} {} {} {:?} {:?}",
                    property.name, property.type_, property.role, property.settings
                ),
            );
        }
    }
    for item in ["i1", "i2", "i3", "lamp"] {
        add(item, values(engine, EntityKind::Item, item));
    }
    for user in ["u1", "u2", "a1", "u-old", "ann"] {
        add(user, user_text(engine, user));
    }
    for gone in ["bob", "cleo"] {
        add(gone, format!("there: {}", engine.snapshot().has_entity(EntityKind::User, gone)));
    }
    for kind in [CollectionKind::Series, CollectionKind::Group] {
        let ids = engine.snapshot().collection_ids(kind);
        for id in ids {
            let members = engine.snapshot().members(kind, &id).unwrap();
            let members = members.iter().map(|member| format!("{} at {}", member.id, member.time));
            add(kind.word(), format!("{id}: {:?}", members.collect::<Vec<_>>()));
        }
    }
    for one in engine.snapshot().segmentations.all().cloned().collect::<Vec<_>>() {
        add(
            "segmentation",
            format!("{}: {:?}, {:?}, {:?}", one.id, one.title, one.description, one.kind),
        );
    }
    for one in engine.snapshot().synonyms.all().cloned().collect::<Vec<_>>() {
        add(
            "synonym",
            format!("{}: {} {} one way: {}", one.id, one.term, one.synonym, one.one_way),
        );
    }
    for one in engine.scenarios() {
        add("scenario", one.name);
    }
    for ((source, reason), count) in engine.snapshot().rejections(100).counts {
        add("rejected", format!("{source} {}: {count}", reason.code()));
    }
    let day = Day::from_timestamp(AT);
    add("kpis", format!("{:?}", engine.snapshot().attribution.kpis(day.earlier(1), day)));
    let list = |user| {
        let request =
            ListRequest { exclude: Exclusion::None, ..ListRequest::new(5, Logic::Personal) };
        let list = engine.recommend(user, &request).unwrap();
        format!(
            "{:?}",
            list.items.iter().map(|item| item.item_id.as_str()).collect::<BTreeSet<_>>()
        )
    };
    add("items for u3", list(engine.find_user("u3")));
    add("items for nobody", list(None));
    text
}

fn values(engine: &Engine, kind: EntityKind, id: &str) -> String {
    let values = engine.snapshot().entity_values(kind, id, None).unwrap();
    let values =
        values.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value?.to_json())));
    values.collect::<Vec<_>>().join(" ")
}

fn user_text(engine: &Engine, id: &str) -> String {
    let user = engine.find_user(id).unwrap();
    let ids = engine.snapshot().identifiers(user).unwrap();
    let ids = ids.iter().map(|id| match id.type_ {
        ExternalIdType::UserId => format!("user {}", id.value),
        ExternalIdType::AnonymousId => format!("anonymous {}", id.value),
        ExternalIdType::Declared(name) => format!("{} {}", name.as_str(), id.value),
    });
    let traits = engine.snapshot().stored_traits(user).unwrap();
    let traits =
        traits.iter().map(|(name, stored)| format!("{name}={} by {}", stored.json, stored.source));
    let history = engine.snapshot().history(user, 100);
    let history = history.iter().map(|one| format!("{} {} {}", one.kind, one.item_id, one.at));
    let query = TimelineQuery { ascending: true, limit: 100, ..TimelineQuery::default() };
    let events = engine.events(user, &query).unwrap().0;
    let events = events.iter().map(|event| event.message.message_id.as_str());
    let is_known = engine.snapshot().has_entity(EntityKind::User, id);
    let values = if is_known { values(engine, EntityKind::User, id) } else { String::new() };
    format!(
        "{}\n  ids {}\n  traits {}\n  history {}\n  events {}",
        values,
        ids.collect::<Vec<_>>().join(", "),
        traits.collect::<Vec<_>>().join(", "),
        history.collect::<Vec<_>>().join(", "),
        events.collect::<Vec<_>>().join(", "),
    )
}
