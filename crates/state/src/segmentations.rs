//! Segmentations: divisions of the items into segments, which can be recommended like items.
//!
//! A segmentation names a property or holds expressions. The current items determine the content of
//! each segment. A property must exist when the segmentation is created or changed; deleting it
//! later leaves empty segments. Expressions are checked before the command is journalled.

use std::collections::BTreeMap;

use catalog::PropertyTable;
use domain::{PropertyType, WorkspaceId};
use serde::{Deserialize, Serialize};
use store::{Batch, Keyspace, Store, StoreError};

use crate::part::{StatePart, counts_nothing, first_revision, has_no_users, writes_at_once};
use crate::refusal::{CommandResult, Refusal};

const SEGMENTATIONS: &str = "state.segmentations";
const SEGMENTS: &str = "state.segments";

/// The most segmentations of a workspace.
pub const SEGMENTATIONS_MAX: usize = 1_000;
/// The most segments of one manual segmentation.
pub const SEGMENTS_MAX: usize = 10_000;
/// Separates the two ids in the key of a segment. No id contains it.
const SEPARATOR: u8 = 0;

/// A division of the items into segments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Segmentation {
    /// The id that clients chose.
    pub id: String,
    /// How items are assigned to segments.
    pub kind: SegmentationKind,
    /// A title for display.
    pub title: Option<String>,
    /// A description for display.
    pub description: Option<String>,
}

/// How items are assigned to segments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum SegmentationKind {
    /// By the values of a property. Each value is the id of a segment.
    Property {
        /// The name of a property of type string or set.
        name: String,
    },
    /// By an expression that gives the ids of an item's segments.
    AutoReql {
        /// An expression whose value is a set.
        expression: String,
    },
    /// By a filter for each segment.
    ManualReql {
        /// Ordered by id.
        segments: Vec<Segment>,
    },
}

/// A segment of a manual segmentation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// The id, unique within the segmentation.
    pub id: String,
    /// The filter expression that its items pass.
    pub filter: String,
    /// A title for display.
    pub title: Option<String>,
}

/// A change of the segmentations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum SegmentationCommand {
    /// Creates a segmentation.
    Create(Segmentation),
    /// Changes a segmentation.
    Update {
        /// The id of the segmentation.
        id: String,
        /// The kind that it must have, and its new rule.
        rule: RuleUpdate,
        /// The new title; none keeps the present one.
        title: Option<Option<String>>,
        /// The new description; none keeps the present one.
        description: Option<Option<String>>,
    },
    /// Deletes a segmentation with its segments.
    Delete {
        /// The id of the segmentation.
        id: String,
    },
    /// Adds a segment to a manual segmentation.
    AddSegment {
        /// The id of the segmentation.
        segmentation_id: String,
        /// The new segment.
        segment: Segment,
    },
    /// Changes a segment of a manual segmentation.
    UpdateSegment {
        /// The id of the segmentation.
        segmentation_id: String,
        /// The id of the segment.
        id: String,
        /// The new filter expression.
        filter: String,
        /// The new title; none keeps the present one.
        title: Option<Option<String>>,
    },
    /// Deletes a segment of a manual segmentation.
    DeleteSegment {
        /// The id of the segmentation.
        segmentation_id: String,
        /// The id of the segment.
        id: String,
    },
}

/// The new rule of a segmentation, by its kind; none keeps the present one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum RuleUpdate {
    /// The name of another property.
    Property(Option<String>),
    /// Another expression.
    AutoReql(Option<String>),
    /// No rule: the segments are changed one by one.
    ManualReql,
}

/// The segmentations of a workspace, in memory and in the store.
pub struct Segmentations {
    keyspace: Keyspace,
    /// Holds segments one by one, so that a change of one does not rewrite the others.
    segments_keyspace: Keyspace,
    by_id: BTreeMap<String, Segmentation>,
    revision: u64,
}

impl StatePart for Segmentations {
    const KEYSPACES: &'static [&'static str] = &[SEGMENTATIONS, SEGMENTS];

    has_no_users!();
    writes_at_once!();
    counts_nothing!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        let unreadable = || StoreError::Unreadable { what: "segmentation" };
        let (keyspace, segments_keyspace) =
            (store.keyspace(SEGMENTATIONS), store.keyspace(SEGMENTS));
        let mut by_id = BTreeMap::new();
        for pair in store::Read::scan(store, &keyspace, &[]) {
            let segmentation: Segmentation =
                postcard::from_bytes(&pair?.1).map_err(|_| unreadable())?;
            by_id.insert(segmentation.id.clone(), segmentation);
        }
        for pair in store::Read::scan(store, &segments_keyspace, &[]) {
            let (key, value) = pair?;
            let id = key.split(|byte| *byte == SEPARATOR).next().unwrap_or_default();
            let id = std::str::from_utf8(id).map_err(|_| unreadable())?;
            let kind = by_id.get_mut(id).map(|segmentation| &mut segmentation.kind);
            let Some(SegmentationKind::ManualReql { segments }) = kind else {
                return Err(unreadable());
            };
            segments.push(postcard::from_bytes(&value).map_err(|_| unreadable())?);
        }
        Ok(Self { keyspace, segments_keyspace, by_id, revision: first_revision() })
    }
}

impl Segmentations {
    /// The segmentation with an id.
    pub fn get(&self, id: &str) -> Option<&Segmentation> {
        self.by_id.get(id)
    }

    /// All segmentations, ordered by id.
    pub fn all(&self) -> impl ExactSizeIterator<Item = &Segmentation> {
        self.by_id.values()
    }

    /// A number that grows with every change, for caches of compiled segmentations.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Adds a segmentation or replaces it. Its segments in the store stay as they are.
    fn put(&mut self, batch: &mut Batch<'_>, segmentation: Segmentation) {
        let kind = match &segmentation.kind {
            SegmentationKind::ManualReql { .. } => {
                SegmentationKind::ManualReql { segments: Vec::new() }
            }
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
                batch.remove(&self.segments_keyspace, segment_key(id, &segment.id));
            }
        }
        self.revision += 1;
        true
    }

    /// The segments of a manual segmentation.
    fn segments_mut(&mut self, id: &str) -> Result<&mut Vec<Segment>, Refusal> {
        match self.by_id.get_mut(id).map(|segmentation| &mut segmentation.kind) {
            None => Err(Refusal::missing("segmentation", id)),
            Some(SegmentationKind::ManualReql { segments }) => Ok(segments),
            Some(_) => Err(wrong_kind(id, "manual")),
        }
    }

    fn write_segment(&mut self, batch: &mut Batch<'_>, segmentation_id: &str, segment: &Segment) {
        let value = postcard::to_stdvec(segment).expect("plain fields always encode");
        batch.put(&self.segments_keyspace, segment_key(segmentation_id, &segment.id), value);
        self.revision += 1;
    }

    /// Applies a command. `items` has the properties that exist.
    pub(crate) fn apply(
        &mut self,
        batch: &mut Batch<'_>,
        items: &PropertyTable,
        command: SegmentationCommand,
    ) -> CommandResult {
        match command {
            SegmentationCommand::Create(segmentation) => {
                if self.get(&segmentation.id).is_some() {
                    return Err(Refusal::already_exists("segmentation", &segmentation.id));
                }
                if self.by_id.len() >= SEGMENTATIONS_MAX {
                    let limit = format!("there are {SEGMENTATIONS_MAX} segmentations, the limit");
                    return Err(Refusal::Invalid(limit));
                }
                match &segmentation.kind {
                    SegmentationKind::Property { name } => check_property(items, name)?,
                    SegmentationKind::AutoReql { .. } => {}
                    SegmentationKind::ManualReql { segments } if segments.is_empty() => {}
                    SegmentationKind::ManualReql { .. } => {
                        return Err(Refusal::Invalid("segments are added one by one".to_owned()));
                    }
                }
                self.put(batch, segmentation);
            }
            SegmentationCommand::Update { id, rule, title, description } => {
                let Some(mut changed) = self.get(&id).cloned() else {
                    return Err(Refusal::missing("segmentation", &id));
                };
                match (rule, &mut changed.kind) {
                    (RuleUpdate::Property(new), SegmentationKind::Property { name }) => {
                        if let Some(new) = new {
                            check_property(items, &new)?;
                            *name = new;
                        }
                    }
                    (RuleUpdate::AutoReql(new), SegmentationKind::AutoReql { expression }) => {
                        if let Some(new) = new {
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
                self.put(batch, changed);
            }
            SegmentationCommand::Delete { id } => {
                if !self.delete(batch, &id) {
                    return Err(Refusal::missing("segmentation", &id));
                }
            }
            SegmentationCommand::AddSegment { segmentation_id, segment } => {
                let segments = self.segments_mut(&segmentation_id)?;
                let Err(position) = find_segment(segments, &segment.id) else {
                    return Err(Refusal::already_exists("segment", &segment.id));
                };
                if segments.len() >= SEGMENTS_MAX {
                    let limit = format!(
                        "segmentation {segmentation_id:?} has {SEGMENTS_MAX} segments, the limit"
                    );
                    return Err(Refusal::Invalid(limit));
                }
                self.segments_mut(&segmentation_id)?.insert(position, segment.clone());
                self.write_segment(batch, &segmentation_id, &segment);
            }
            SegmentationCommand::UpdateSegment { segmentation_id, id, filter, title } => {
                let segments = self.segments_mut(&segmentation_id)?;
                let position =
                    find_segment(segments, &id).map_err(|_| Refusal::missing("segment", &id))?;
                let segment = &mut self.segments_mut(&segmentation_id)?[position];
                segment.filter = filter;
                segment.title = title.unwrap_or(segment.title.take());
                let segment = segment.clone();
                self.write_segment(batch, &segmentation_id, &segment);
            }
            SegmentationCommand::DeleteSegment { segmentation_id, id } => {
                let segments = self.segments_mut(&segmentation_id)?;
                let position =
                    find_segment(segments, &id).map_err(|_| Refusal::missing("segment", &id))?;
                segments.remove(position);
                batch.remove(&self.segments_keyspace, segment_key(&segmentation_id, &id));
                self.revision += 1;
            }
        }
        Ok(())
    }
}

fn segment_key(segmentation_id: &str, id: &str) -> Vec<u8> {
    [segmentation_id.as_bytes(), &[SEPARATOR], id.as_bytes()].concat()
}

fn wrong_kind(id: &str, wanted: &str) -> Refusal {
    Refusal::Invalid(format!("segmentation {id:?} is no {wanted} one"))
}

/// The position of a segment, or the position to insert it at.
fn find_segment(segments: &[Segment], id: &str) -> Result<usize, usize> {
    segments.binary_search_by(|segment| segment.id.as_str().cmp(id))
}

fn check_property(items: &PropertyTable, name: &str) -> CommandResult {
    match items.property(name).map(|property| property.type_) {
        None => Err(Refusal::missing("item property", name)),
        Some(PropertyType::String | PropertyType::Set) => Ok(()),
        Some(type_) => Err(Refusal::Invalid(format!(
            "property {name:?} is of type {type_}: segments are values of strings and sets"
        ))),
    }
}
