//! Segmentations: divisions of the items into segments, which can be recommended like items.

use domain::PropertyType;
use domain::id::check_strict_id;
use engine::{
    Command, Engine, RuleFault, RuleUpdate, Segment, SegmentSizes, Segmentation,
    SegmentationCommand, SegmentationKind,
};
use serde::{Deserialize, Serialize};
use web::error::{ApiError, ErrorKind};
use web::workspaces::RequestedWorkspace;

use crate::commands::submit;
use crate::configuration::without_shown;
use crate::unknown_resource;

/// How many segments of a segmentation are shown, the largest first.
const SEGMENTS_SHOWN_MAX: usize = 100;
/// The longest title or description, in bytes.
const TEXT_BYTES_MAX: usize = 10_000;

/// A segmentation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShownSegmentation {
    /// The id; the path has it too.
    #[serde(default)]
    pub id: String,
    /// A title for people.
    #[serde(default)]
    pub title: Option<String>,
    /// A description for people.
    #[serde(default)]
    pub description: Option<String>,
    /// What puts items into segments.
    pub rule: Rule,
}

impl ShownSegmentation {
    /// Reads what the segmentation of an id is to be from JSON, with or without the id, which must
    /// not be another one.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(id: String, body: &[u8]) -> Result<Self, ApiError> {
        let body = without_shown(body, &["segments"]);
        let read: Self = web::json::read(&body, "the body is wrong")?;
        if !read.id.is_empty() && read.id != id {
            let what = format!("id is {:?}, but the path says {id:?}", read.id);
            return Err(ApiError::invalid(what).at("/id"));
        }
        Ok(Self { id, ..read })
    }
}

/// What puts items into segments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Rule {
    /// The values of this property, of type string or set: each is the id of a segment.
    Property(String),
    /// An expression that yields the ids of an item's segments.
    Expression(String),
    /// A filter for each segment.
    Filters(Vec<FilteredSegment>),
}

/// A segment with a filter of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FilteredSegment {
    /// The id.
    pub id: String,
    /// The filter that its items pass.
    pub filter: String,
    /// A title for people.
    #[serde(default)]
    pub title: Option<String>,
}

/// The segments of a segmentation, the largest first.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ShownSegments {
    /// How many segments have an item.
    pub n_segments: usize,
    /// How many items were looked at.
    pub n_items: usize,
    /// How many of these are in a segment.
    pub n_items_in_segments: usize,
    /// The largest segments.
    pub largest: Vec<ShownSegment>,
}

/// A segment with its size.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ShownSegment {
    /// The id.
    pub id: String,
    /// A title for people.
    pub title: Option<String>,
    /// How many items it has.
    pub n_items: usize,
    /// A few of them.
    pub examples: Vec<ExampleItem>,
}

/// An item of a segment.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ExampleItem {
    /// The id.
    pub id: String,
    /// The title, where the catalog has one.
    pub title: Option<String>,
}

/// A rule that cannot be applied.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct RuleMistake {
    /// The place in the expression, in characters from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

/// All segmentations, by id.
///
/// # Errors
/// 503 where the workspace is closed.
pub async fn list(workspace: &RequestedWorkspace) -> Result<Vec<ShownSegmentation>, ApiError> {
    let list = |engine: &Engine| {
        let snapshot = engine.snapshot();
        Ok(snapshot.segmentations.all().cloned().map(ShownSegmentation::from).collect())
    };
    workspace.run(list).await
}

/// A segmentation with its segments.
///
/// # Errors
/// 404 where there is none of the id, and if its expression takes too long.
pub async fn read(
    workspace: &RequestedWorkspace,
    id: String,
) -> Result<(ShownSegmentation, ShownSegments), ApiError> {
    let read = move |engine: &Engine| {
        let segmentation = find(engine, &id)?;
        let sizes = engine.segment_sizes(&id, SEGMENTS_SHOWN_MAX)?;
        Ok((segmentation.into(), show(engine, sizes)))
    };
    workspace.ask(read).await
}

/// The segments into which a rule would put a sample of the items; the mistake where it is wrong.
///
/// # Errors
/// If it takes too long.
pub async fn try_rule(
    workspace: &RequestedWorkspace,
    rule: Rule,
) -> Result<Result<ShownSegments, RuleMistake>, ApiError> {
    let try_rule =
        move |engine: &Engine| match engine.try_segmentation(&rule.into(), SEGMENTS_SHOWN_MAX) {
            Ok(sizes) => Ok(Ok(show(engine, sizes?))),
            Err(fault) => Ok(Err(RuleMistake::new(&fault))),
        };
    workspace.ask(try_rule).await
}

/// Makes a segmentation.
///
/// # Errors
/// If the id is taken, a text or rule is wrong, or the limit is reached.
pub async fn create(
    workspace: &RequestedWorkspace,
    segmentation: ShownSegmentation,
) -> Result<(), ApiError> {
    check(&segmentation)?;
    let (id, place) = (segmentation.id.clone(), segmentation.rule.place());
    let (segmentation, segments) = match segmentation.rule {
        Rule::Filters(segments) => {
            (ShownSegmentation { rule: Rule::Filters(Vec::new()), ..segmentation }, segments)
        }
        _ => (segmentation, Vec::new()),
    };
    let command = SegmentationCommand::Create(segmentation.into());
    submit(workspace, Command::Segmentation(command)).await.map_err(in_rule(place))?;
    replace_segments(workspace, id, segments).await
}

/// Replaces a segmentation. The kind of its rule stays.
///
/// # Errors
/// As [`create`], and 404 where there is none of the id.
pub async fn update(
    workspace: &RequestedWorkspace,
    segmentation: ShownSegmentation,
) -> Result<(), ApiError> {
    check(&segmentation)?;
    let ShownSegmentation { id, title, description, rule } = segmentation;
    let place = rule.place();
    let (rule, segments) = match rule {
        Rule::Property(name) => (RuleUpdate::Property(Some(name)), None),
        Rule::Expression(expression) => (RuleUpdate::AutoReql(Some(expression)), None),
        Rule::Filters(segments) => (RuleUpdate::ManualReql, Some(segments)),
    };
    let command = SegmentationCommand::Update {
        id: id.clone(),
        rule,
        title: Some(title),
        description: Some(description),
    };
    submit(workspace, Command::Segmentation(command)).await.map_err(in_rule(place))?;
    match segments {
        Some(segments) => replace_segments(workspace, id, segments).await,
        None => Ok(()),
    }
}

/// Makes the segments of a manual segmentation these: those that are left out go.
async fn replace_segments(
    workspace: &RequestedWorkspace,
    segmentation_id: String,
    segments: Vec<FilteredSegment>,
) -> Result<(), ApiError> {
    let of = segmentation_id.clone();
    let present = workspace.run(move |engine| find(engine, &of)).await?;
    let SegmentationKind::ManualReql { segments: present } = present.kind else { return Ok(()) };
    let is_there = |id: &str| present.iter().any(|segment| segment.id == id);
    for segment in &present {
        if !segments.iter().any(|kept| kept.id == segment.id) {
            let (segmentation_id, id) = (segmentation_id.clone(), segment.id.clone());
            let command = SegmentationCommand::DeleteSegment { segmentation_id, id };
            submit(workspace, Command::Segmentation(command)).await?;
        }
    }
    for (n, FilteredSegment { id, filter, title }) in segments.into_iter().enumerate() {
        let segmentation_id = segmentation_id.clone();
        let command = match is_there(&id) {
            true => {
                let title = Some(title);
                SegmentationCommand::UpdateSegment { segmentation_id, id, filter, title }
            }
            false => SegmentationCommand::AddSegment {
                segmentation_id,
                segment: Segment { id, filter, title },
            },
        };
        let place = format!("/rule/filters/{n}/filter");
        submit(workspace, Command::Segmentation(command)).await.map_err(in_rule(&place))?;
    }
    Ok(())
}

/// Gives what is wrong with a rule its place in the body. Messages about it begin with the key.
fn in_rule(place: &str) -> impl Fn(ApiError) -> ApiError {
    move |error| match place.rsplit('/').next() {
        Some(key) if error.kind == ErrorKind::Invalid && error.message.starts_with(key) => {
            error.at(place)
        }
        _ => error,
    }
}

/// Removes a segmentation with its segments.
///
/// # Errors
/// 404 where there is none of the id.
pub async fn delete(workspace: &RequestedWorkspace, id: String) -> Result<(), ApiError> {
    submit(workspace, Command::Segmentation(SegmentationCommand::Delete { id })).await
}

fn check(segmentation: &ShownSegmentation) -> Result<(), ApiError> {
    check_strict_id("id", &segmentation.id).map_err(|what| ApiError::invalid(what).at("/id"))?;
    let texts = [("title", &segmentation.title), ("description", &segmentation.description)];
    for (name, text) in texts {
        let n = text.as_ref().map_or(0, String::len);
        if n > TEXT_BYTES_MAX {
            let message = format!("{name} has {n} bytes, the limit is {TEXT_BYTES_MAX}");
            return Err(ApiError::invalid(message).at(format!("/{name}")));
        }
    }
    if let Rule::Filters(segments) = &segmentation.rule {
        for (n, segment) in segments.iter().enumerate() {
            check_strict_id("id", &segment.id)
                .map_err(|what| ApiError::invalid(what).at(format!("/rule/filters/{n}/id")))?;
        }
    }
    Ok(())
}

fn find(engine: &Engine, id: &str) -> Result<Segmentation, ApiError> {
    let snapshot = engine.snapshot();
    snapshot.segmentations.get(id).cloned().ok_or_else(|| {
        let ids: Vec<&str> = snapshot.segmentations.all().map(|own| own.id.as_str()).collect();
        unknown_resource("segmentation", id, &ids)
    })
}

fn show(engine: &Engine, sizes: SegmentSizes) -> ShownSegments {
    let snapshot = engine.snapshot();
    let example = |id: String| ExampleItem { title: snapshot.item_title(&id), id };
    let largest = sizes.largest.into_iter().map(|segment| ShownSegment {
        id: segment.id,
        title: segment.title,
        n_items: segment.n_items,
        examples: segment.examples.into_iter().map(example).collect(),
    });
    ShownSegments {
        n_segments: sizes.n_segments,
        n_items: sizes.n_items,
        n_items_in_segments: sizes.n_items_in_segments,
        largest: largest.collect(),
    }
}

impl Rule {
    /// Where it stands in the body of a segmentation, as a JSON pointer.
    fn place(&self) -> &'static str {
        match self {
            Self::Property(_) => "/rule/property",
            Self::Expression(_) => "/rule/expression",
            Self::Filters(_) => "/rule/filters",
        }
    }
}

impl RuleMistake {
    fn new(fault: &RuleFault) -> Self {
        let message = match fault {
            RuleFault::Expression(error) => error.message.clone(),
            other => other.to_string(),
        };
        Self { column: fault.column(), message }
    }
}

impl From<Segmentation> for ShownSegmentation {
    fn from(Segmentation { id, kind, title, description }: Segmentation) -> Self {
        let rule = match kind {
            SegmentationKind::Property { name } => Rule::Property(name),
            SegmentationKind::AutoReql { expression } => Rule::Expression(expression),
            SegmentationKind::ManualReql { segments } => {
                let show = |Segment { id, filter, title }| FilteredSegment { id, filter, title };
                Rule::Filters(segments.into_iter().map(show).collect())
            }
        };
        Self { id, title, description, rule }
    }
}

impl From<ShownSegmentation> for Segmentation {
    fn from(ShownSegmentation { id, title, description, rule }: ShownSegmentation) -> Self {
        Self { id, kind: rule.into(), title, description }
    }
}

impl From<Rule> for SegmentationKind {
    fn from(rule: Rule) -> Self {
        match rule {
            Rule::Property(name) => Self::Property { name },
            Rule::Expression(expression) => Self::AutoReql { expression },
            Rule::Filters(segments) => {
                let keep = |FilteredSegment { id, filter, title }| Segment { id, filter, title };
                Self::ManualReql { segments: segments.into_iter().map(keep).collect() }
            }
        }
    }
}

/// The names of the properties whose values can be segments: texts and sets.
///
/// # Errors
/// 503 where the workspace is closed.
pub async fn properties(workspace: &RequestedWorkspace) -> Result<Vec<String>, ApiError> {
    let list = |engine: &Engine| {
        let snapshot = engine.snapshot();
        let is_text =
            |type_: PropertyType| matches!(type_, PropertyType::String | PropertyType::Set);
        let properties = snapshot.catalog.table().properties();
        let names = properties.filter(|property| is_text(property.type_));
        Ok(names.map(|property| property.name.clone()).collect())
    };
    workspace.run(list).await
}
