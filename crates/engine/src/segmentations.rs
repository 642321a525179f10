//! Segmentations: ways to put items into segments, which can be recommended like items.
//!
//! A segmentation names properties and holds expressions; which items are in which segment follows from the items of the moment.
//! What it names is there when it is made or changed. A property that is deleted later leaves the segmentation with empty segments.

use std::collections::BTreeMap;

use domain::PropertyType;
use serde::{Deserialize, Serialize};
use store::{Batch, Keyspace, Store, StoreError};

use crate::Engine;
use crate::command::{Done, Refusal};
use crate::filter::SchemaOf;
use crate::views::{Views, first_revision};

const SEGMENTATIONS: &str = "engine.segmentations";
const SEGMENTS: &str = "engine.segments";
pub(crate) const KEYSPACES: [&str; 2] = [SEGMENTATIONS, SEGMENTS];

/// The most segmentations of a workspace.
pub const SEGMENTATIONS_MAX: usize = 1_000;
/// The most segments of one manual segmentation.
pub const SEGMENTS_MAX: usize = 10_000;
/// Ends the segmentation's id in the key of a segment; no id has it.
const SEPARATOR: u8 = 0;

/// A way to put items into segments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Segmentation {
    /// Its id.
    pub id: String,
    /// How.
    pub kind: SegmentationKind,
    /// For people.
    pub title: Option<String>,
    /// For people.
    pub description: Option<String>,
}

/// How items are put into segments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum SegmentationKind {
    /// By the values of a property: each is the id of a segment.
    Property {
        /// A property of type string or set.
        name: String,
    },
    /// By the ids of segments that an expression yields.
    AutoReql {
        /// It yields a set.
        expression: String,
    },
    /// By a filter for each segment.
    ManualReql {
        /// In the order of their ids.
        segments: Vec<Segment>,
    },
}

/// A segment of a manual segmentation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// Its id.
    pub id: String,
    /// Which items are in it.
    pub filter: String,
    /// For people.
    pub title: Option<String>,
}

/// A change of the segmentations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum SegmentationCommand {
    /// Makes one.
    Create(Segmentation),
    /// Changes one.
    Update {
        /// Which.
        id: String,
        /// Of which kind it must be, and what it follows from now on.
        rule: RuleUpdate,
        /// None leaves it as it is.
        title: Option<Option<String>>,
        /// None leaves it as it is.
        description: Option<Option<String>>,
    },
    /// Deletes one with its segments.
    Delete {
        /// Which.
        id: String,
    },
    /// Makes a segment of a manual one.
    AddSegment {
        /// Of which.
        segmentation_id: String,
        /// What.
        segment: Segment,
    },
    /// Changes a segment of a manual one.
    UpdateSegment {
        /// Of which.
        segmentation_id: String,
        /// Which.
        id: String,
        /// Which items are in it from now on.
        filter: String,
        /// None leaves it as it is.
        title: Option<Option<String>>,
    },
    /// Deletes a segment of a manual one.
    DeleteSegment {
        /// Of which.
        segmentation_id: String,
        /// Which.
        id: String,
    },
}

/// What a segmentation of each kind may be told; none leaves it as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum RuleUpdate {
    /// To follow another property.
    Property(Option<String>),
    /// To follow another expression.
    AutoReql(Option<String>),
    /// Its segments change one by one.
    ManualReql,
}

impl Engine {
    /// All segmentations in the order of their ids.
    pub fn segmentations(&self) -> Vec<Segmentation> {
        self.shared.views.read().segmentations.all().cloned().collect()
    }

    /// The segmentation of an id.
    pub fn segmentation(&self, id: &str) -> Option<Segmentation> {
        self.shared.views.read().segmentations.get(id).cloned()
    }
}

/// The segmentations of a workspace: in memory, written through to the store.
pub(crate) struct Segmentations {
    keyspace: Keyspace,
    /// Apart, so that a segment is written without all the others.
    of_segments: Keyspace,
    by_id: BTreeMap<String, Segmentation>,
    revision: u64,
}

impl Segmentations {
    pub(crate) fn load(store: &Store) -> Result<Self, StoreError> {
        let unreadable = || StoreError::Unreadable { what: "segmentation" };
        let (keyspace, of_segments) = (store.keyspace(SEGMENTATIONS), store.keyspace(SEGMENTS));
        let mut by_id = BTreeMap::new();
        for pair in store::Read::scan(store, &keyspace, &[]) {
            let segmentation: Segmentation = postcard::from_bytes(&pair?.1).map_err(|_| unreadable())?;
            by_id.insert(segmentation.id.clone(), segmentation);
        }
        for pair in store::Read::scan(store, &of_segments, &[]) {
            let (key, value) = pair?;
            let id = key.split(|byte| *byte == SEPARATOR).next().unwrap_or_default();
            let id = std::str::from_utf8(id).map_err(|_| unreadable())?;
            let kind = by_id.get_mut(id).map(|segmentation| &mut segmentation.kind);
            let Some(SegmentationKind::ManualReql { segments }) = kind else { return Err(unreadable()) };
            segments.push(postcard::from_bytes(&value).map_err(|_| unreadable())?);
        }
        Ok(Self { keyspace, of_segments, by_id, revision: first_revision() })
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Segmentation> {
        self.by_id.values()
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Segmentation> {
        self.by_id.get(id)
    }

    /// Counted up on every change since the start, for whoever keeps something made of them.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// Makes or replaces one; its segments are as they were, and none of a new one.
    fn put(&mut self, batch: &mut Batch<'_>, segmentation: Segmentation) {
        let kind = match &segmentation.kind {
            SegmentationKind::ManualReql { .. } => SegmentationKind::ManualReql { segments: Vec::new() },
            other => other.clone(),
        };
        let id = segmentation.id.clone();
        let (title, description) = (segmentation.title.clone(), segmentation.description.clone());
        let head = Segmentation { id, kind, title, description };
        let value = postcard::to_stdvec(&head).expect("plain fields always encode");
        batch.put(&self.keyspace, head.id.as_str(), value);
        self.by_id.insert(head.id, segmentation);
        self.revision += 1;
    }

    fn delete(&mut self, batch: &mut Batch<'_>, id: &str) -> bool {
        let Some(segmentation) = self.by_id.remove(id) else { return false };
        batch.remove(&self.keyspace, id);
        if let SegmentationKind::ManualReql { segments } = segmentation.kind {
            for segment in segments {
                batch.remove(&self.of_segments, segment_key(id, &segment.id));
            }
        }
        self.revision += 1;
        true
    }

    /// The segments of a manual one.
    fn segments(&mut self, id: &str) -> Result<&mut Vec<Segment>, Refusal> {
        match self.by_id.get_mut(id).map(|segmentation| &mut segmentation.kind) {
            None => Err(Refusal::missing("segmentation", id)),
            Some(SegmentationKind::ManualReql { segments }) => Ok(segments),
            Some(_) => Err(wrong_kind(id, "manual")),
        }
    }

    fn write_segment(&mut self, batch: &mut Batch<'_>, segmentation_id: &str, segment: &Segment) {
        let value = postcard::to_stdvec(segment).expect("plain fields always encode");
        batch.put(&self.of_segments, segment_key(segmentation_id, &segment.id), value);
        self.revision += 1;
    }
}

fn segment_key(segmentation_id: &str, id: &str) -> Vec<u8> {
    [segmentation_id.as_bytes(), &[SEPARATOR], id.as_bytes()].concat()
}

fn wrong_kind(id: &str, wanted: &str) -> Refusal {
    Refusal::Invalid(format!("segmentation {id:?} is no {wanted} one"))
}

pub(crate) fn apply(views: &mut Views, batch: &mut Batch<'_>, command: SegmentationCommand) -> Done {
    match command {
        SegmentationCommand::Create(segmentation) => {
            if views.segmentations.get(&segmentation.id).is_some() {
                return Err(Refusal::there("segmentation", &segmentation.id));
            }
            if views.segmentations.by_id.len() >= SEGMENTATIONS_MAX {
                let limit = format!("there are {SEGMENTATIONS_MAX} segmentations, the limit");
                return Err(Refusal::Invalid(limit));
            }
            match &segmentation.kind {
                SegmentationKind::Property { name } => check_property(views, name)?,
                SegmentationKind::AutoReql { expression } => check_expression(views, expression)?,
                SegmentationKind::ManualReql { segments } if segments.is_empty() => {}
                SegmentationKind::ManualReql { .. } => {
                    return Err(Refusal::Invalid("segments are added one by one".to_owned()));
                }
            }
            views.segmentations.put(batch, segmentation);
        }
        SegmentationCommand::Update { id, rule, title, description } => {
            let Some(mut changed) = views.segmentations.get(&id).cloned() else {
                return Err(Refusal::missing("segmentation", &id));
            };
            match (rule, &mut changed.kind) {
                (RuleUpdate::Property(new), SegmentationKind::Property { name }) => {
                    if let Some(new) = new {
                        check_property(views, &new)?;
                        *name = new;
                    }
                }
                (RuleUpdate::AutoReql(new), SegmentationKind::AutoReql { expression }) => {
                    if let Some(new) = new {
                        check_expression(views, &new)?;
                        *expression = new;
                    }
                }
                (RuleUpdate::ManualReql, SegmentationKind::ManualReql { .. }) => {}
                (RuleUpdate::Property(_), _) => return Err(wrong_kind(&id, "property-based")),
                (RuleUpdate::AutoReql(_), _) => return Err(wrong_kind(&id, "automatic")),
                (RuleUpdate::ManualReql, _) => return Err(wrong_kind(&id, "manual")),
            }
            changed.title = title.unwrap_or(changed.title);
            changed.description = description.unwrap_or(changed.description);
            views.segmentations.put(batch, changed);
        }
        SegmentationCommand::Delete { id } => {
            if !views.segmentations.delete(batch, &id) {
                return Err(Refusal::missing("segmentation", &id));
            }
        }
        SegmentationCommand::AddSegment { segmentation_id, segment } => {
            let segments = views.segmentations.segments(&segmentation_id)?;
            let Err(at) = place_of(segments, &segment.id) else {
                return Err(Refusal::there("segment", &segment.id));
            };
            if segments.len() >= SEGMENTS_MAX {
                let limit =
                    format!("segmentation {segmentation_id:?} has {SEGMENTS_MAX} segments, the limit");
                return Err(Refusal::Invalid(limit));
            }
            check_filter(views, &segment.filter)?;
            views.segmentations.segments(&segmentation_id)?.insert(at, segment.clone());
            views.segmentations.write_segment(batch, &segmentation_id, &segment);
        }
        SegmentationCommand::UpdateSegment { segmentation_id, id, filter, title } => {
            let segments = views.segmentations.segments(&segmentation_id)?;
            let at = place_of(segments, &id).map_err(|_| Refusal::missing("segment", &id))?;
            check_filter(views, &filter)?;
            let segment = &mut views.segmentations.segments(&segmentation_id)?[at];
            segment.filter = filter;
            segment.title = title.unwrap_or(segment.title.take());
            let segment = segment.clone();
            views.segmentations.write_segment(batch, &segmentation_id, &segment);
        }
        SegmentationCommand::DeleteSegment { segmentation_id, id } => {
            let segments = views.segmentations.segments(&segmentation_id)?;
            let at = place_of(segments, &id).map_err(|_| Refusal::missing("segment", &id))?;
            segments.remove(at);
            batch.remove(&views.segmentations.of_segments, segment_key(&segmentation_id, &id));
            views.segmentations.revision += 1;
        }
    }
    Ok(())
}

fn place_of(segments: &[Segment], id: &str) -> Result<usize, usize> {
    segments.binary_search_by(|segment| segment.id.as_str().cmp(id))
}

fn check_property(views: &Views, name: &str) -> Done {
    match views.catalog.table().property(name).map(|property| property.type_) {
        None => Err(Refusal::missing("item property", name)),
        Some(PropertyType::String | PropertyType::Set) => Ok(()),
        Some(type_) => Err(Refusal::Invalid(format!(
            "property {name:?} is of type {type_}: segments are values of strings and sets"
        ))),
    }
}

fn check_expression(views: &Views, expression: &str) -> Done {
    let invalid = |error: reql::ReqlError| Refusal::Invalid(format!("expression: {error}"));
    let schema = SchemaOf { views, subject: reql::Subject::Items };
    match reql::parse(expression).and_then(|expression| expression.check(&schema)).map_err(invalid)? {
        reql::Type::Set | reql::Type::Any | reql::Type::Null => Ok(()),
        other => {
            let hint = if other == reql::Type::String { ": put it into braces" } else { "" };
            let rule = "a set of ids of segments is wanted";
            Err(Refusal::Invalid(format!("expression: {rule}, and this yields {other}{hint}")))
        }
    }
}

fn check_filter(views: &Views, filter: &str) -> Done {
    let schema = SchemaOf { views, subject: reql::Subject::Items };
    let checked = reql::parse(filter).and_then(|filter| filter.check_filter(&schema));
    checked.map_err(|error| Refusal::Invalid(format!("filter: {error}")))
}
