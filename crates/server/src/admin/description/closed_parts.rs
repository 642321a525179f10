//! Objects that are made of others which take no key but their own.

use std::collections::BTreeMap;

use utoipa::openapi::schema::{AdditionalProperties, AllOf, Object};
use utoipa::openapi::{RefOr, Schema};

/// Where schemas stand in the document.
const PLACE: &str = "#/components/schemas/";

/// Writes the keys of a closed part into the object that is made of it: by itself, the part would
/// refuse the keys of the others, and no object could be valid.
pub(super) fn dissolve(schemas: &mut BTreeMap<String, RefOr<Schema>>) {
    // A part may be made of others itself, and is closed once they are dissolved.
    while let Some((name, whole)) = schemas.iter().find_map(|(name, schema)| {
        let RefOr::T(Schema::AllOf(parts)) = schema else { return None };
        Some((name.clone(), united(parts, schemas)?))
    }) {
        schemas.insert(name, RefOr::T(Schema::Object(whole)));
    }
}

/// The parts as one object; none where no part is closed, or a part is no object.
fn united(parts: &AllOf, schemas: &BTreeMap<String, RefOr<Schema>>) -> Option<Object> {
    let mut whole = Object::new();
    for part in &parts.items {
        let part = match part {
            RefOr::Ref(place) => schemas.get(place.ref_location.strip_prefix(PLACE)?)?,
            part => part,
        };
        let RefOr::T(Schema::Object(part)) = part else { return None };
        let part = part.clone();
        whole.schema_type = part.schema_type;
        whole.properties.extend(part.properties);
        whole.required.extend(part.required);
        whole.additional_properties = whole.additional_properties.or(part.additional_properties);
    }
    whole.description.clone_from(&parts.description);
    let closed = AdditionalProperties::FreeForm(false);
    (whole.additional_properties.as_deref() == Some(&closed)).then_some(whole)
}
