//! Finds the scenarios, segmentations and traits that use a property of items, so that an import
//! does not drop it unnoticed.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use domain::{CatalogSettings, ListSettings};
use reql::{Schema, Subject, Type};
use state::{SegmentationKind, Views};

use crate::evaluation::{ExpressionSchema, LenientSchema, endpoint_subject};

/// Properties and who uses each of them, in words.
pub type PropertyUses = BTreeMap<String, Vec<String>>;

/// The uses of the properties in `names`; unused ones are left out.
pub fn find_property_uses(views: &Views, names: &BTreeSet<&str>) -> PropertyUses {
    let mut finder = Finder { views, names, uses: PropertyUses::new() };
    for scenario in &views.setup.config.scenarios {
        let subject = endpoint_subject(scenario.endpoint);
        finder.add_settings(subject, &format!("scenario {:?}", scenario.name), &scenario.settings);
        for group in &scenario.groups {
            let user = format!("scenario {:?}, group {:?}", scenario.name, group.name);
            finder.add_settings(subject, &user, &group.settings);
        }
    }
    for segmentation in views.segmentations.all() {
        let user = format!("segmentation {:?}", segmentation.id);
        match &segmentation.kind {
            SegmentationKind::Property { name } => finder.add(name, &user),
            SegmentationKind::AutoReql { expression } => {
                finder.add_expression(Subject::Items, expression, &user);
            }
            SegmentationKind::ManualReql { segments } => {
                for segment in segments {
                    let user = format!("{user}, segment {:?}", segment.id);
                    finder.add_expression(Subject::Items, &segment.filter, &user);
                }
            }
        }
    }
    for definition in &views.setup.config.traits {
        if let Some(property) = &definition.item_type {
            finder.add(property, &format!("trait {:?}", definition.key));
        }
    }
    finder.add_catalog_settings(&views.setup.config.catalog);
    finder.uses
}

struct Finder<'a> {
    views: &'a Views,
    names: &'a BTreeSet<&'a str>,
    uses: PropertyUses,
}

impl Finder<'_> {
    fn add(&mut self, property: &str, user: &str) {
        if self.names.contains(property) {
            let users = self.uses.entry(property.to_owned()).or_default();
            if users.last().is_none_or(|last| last != user) {
                users.push(user.to_owned());
            }
        }
    }

    fn add_catalog_settings(&mut self, settings: &CatalogSettings) {
        for (setting, property) in settings.offer_properties() {
            self.add(property, &format!("the setting catalog.{setting}"));
        }
        for (catalog, property) in &settings.location_property {
            self.add(property, &format!("the setting catalog.location_property.{catalog}"));
        }
        for enrichment in &settings.enrich {
            for column in &enrichment.columns {
                self.add(column, &format!("the enrichment of {:?}", enrichment.event));
            }
        }
    }

    fn add_settings(&mut self, subject: Subject, user: &str, settings: &ListSettings) {
        for expression in [&settings.filter, &settings.booster].into_iter().flatten() {
            self.add_expression(subject, expression, user);
        }
        if let Some(promoted) = &settings.promoted {
            self.add_expression(Subject::Items, &promoted.filter, user);
        }
        if let Some(user_filter) = &settings.user_filter {
            self.add_expression(Subject::Users, user_filter, user);
        }
        if let Some(freshness) = &settings.freshness {
            self.add(&freshness.property, user);
        }
        for constraint in settings.constraints.iter().flatten() {
            self.add(&constraint.property, user);
        }
    }

    /// Adds the properties that an expression names. An expression that fails its check has no
    /// effect on lists, so it uses nothing.
    fn add_expression(&mut self, subject: Subject, text: &str, user: &str) {
        let schema = RecordingSchema {
            schema: LenientSchema(ExpressionSchema { views: self.views, subject }),
            named: RefCell::default(),
        };
        if reql::parse(text).is_ok_and(|expression| expression.check(&schema).is_ok()) {
            for property in schema.named.into_inner() {
                self.add(&property, user);
            }
        }
    }
}

/// Notes which properties of items an expression asks for.
struct RecordingSchema<'a> {
    schema: LenientSchema<'a>,
    named: RefCell<BTreeSet<String>>,
}

impl Schema for RecordingSchema<'_> {
    fn item_property(&self, name: &str) -> Option<Type> {
        self.named.borrow_mut().insert(name.to_owned());
        self.schema.item_property(name)
    }

    fn user_property(&self, name: &str) -> Option<Type> {
        self.schema.user_property(name)
    }

    fn context_user_property(&self, name: &str) -> Option<Type> {
        self.schema.context_user_property(name)
    }

    fn segment_property(&self, name: &str) -> Option<Type> {
        self.schema.segment_property(name)
    }

    fn subject(&self) -> Subject {
        self.schema.subject()
    }
}
