//! Segmentations: `/segmentations/...`.

use engine::{RuleUpdate, Segment, Segmentation, SegmentationCommand, SegmentationKind};
use serde_json::{Value, json};

use super::answer::OperationAnswer;
use super::call::{Call, Operation, change, create, operation, query};
use super::failure::Failure;
use super::parameters::{Parameters, check_id};

/// The only things that can be put into segments.
const SOURCE_TYPE: &str = "items";
/// The longest title or description, in bytes.
const TEXT_BYTES_MAX: usize = 10_000;

pub(super) fn find(method: &str, parts: &[&str], has_slash: bool) -> Option<Operation> {
    let ("segmentations", rest) = parts.split_first().map(|(first, rest)| (*first, rest))? else {
        return None;
    };
    Some(match (method, rest) {
        ("GET", ["list"]) if has_slash => operation(|_, parameters| list(parameters)),
        ("GET", ["list", id]) => {
            let id = (*id).to_owned();
            operation(move |_, _| read(segmentation_id(&id)?))
        }
        ("DELETE", [id]) => {
            let id = (*id).to_owned();
            operation(move |_, _| {
                change_of(SegmentationCommand::Delete { id: segmentation_id(&id)? })
            })
        }
        ("PUT", [kind, id]) => {
            let (kind, id) = (SegmentationPath::from_word(kind)?, (*id).to_owned());
            operation(move |_, parameters| make(kind, &id, parameters))
        }
        ("POST", [kind, id]) => {
            let (kind, id) = (SegmentationPath::from_word(kind)?, (*id).to_owned());
            operation(move |_, parameters| update(kind, &id, parameters))
        }
        (_, ["manual-reql", of, "segments", id]) => {
            let change_segment = match method {
                "PUT" => add_segment,
                "POST" => update_segment,
                "DELETE" => delete_segment,
                _ => return None,
            };
            let (of, id) = ((*of).to_owned(), (*id).to_owned());
            operation(move |_, parameters| {
                change_segment(segmentation_id(&of)?, segment_id(&id)?, parameters)
            })
        }
        _ => return None,
    })
}

/// The rule that puts items into the segments of a segmentation.
#[derive(Clone, Copy)]
enum SegmentationPath {
    Property,
    AutoReql,
    ManualReql,
}

impl SegmentationPath {
    /// The kind of a word in paths.
    fn from_word(word: &str) -> Option<Self> {
        match word {
            "property-based" => Some(Self::Property),
            "auto-reql" => Some(Self::AutoReql),
            "manual-reql" => Some(Self::ManualReql),
            _ => None,
        }
    }
}

fn change_of(command: SegmentationCommand) -> Result<Call, Failure> {
    change(engine::Command::Segmentation(command))
}

fn create_of(command: SegmentationCommand) -> Result<Call, Failure> {
    create(engine::Command::Segmentation(command))
}

fn segmentation_id(id: &str) -> Result<String, Failure> {
    check_id("segmentationId", id.to_owned())
}

fn segment_id(id: &str) -> Result<String, Failure> {
    check_id("segmentId", id.to_owned())
}

fn check_source_type(parameters: &Parameters) -> Result<(), Failure> {
    match parameters.required_text("sourceType")? {
        SOURCE_TYPE => Ok(()),
        other => {
            Err(Failure::invalid(format!("sourceType is {other:?}, it must be {SOURCE_TYPE}")))
        }
    }
}

/// An expression; what it names is looked at when it is applied.
fn expression(parameters: &Parameters, name: &str) -> Result<Option<String>, Failure> {
    let Some(text) = parameters.text(name)? else { return Ok(None) };
    engine::check_expression(text).map_err(|error| Failure::invalid(format!("{name}: {error}")))?;
    Ok(Some(text.to_owned()))
}

fn required<T>(name: &str, value: Option<T>) -> Result<T, Failure> {
    value.ok_or_else(|| Failure::invalid(format!("parameter {name} is missing")))
}

/// A text for people: absent, taken away with null, or there.
fn read_display_text(
    parameters: &Parameters,
    name: &str,
) -> Result<Option<Option<String>>, Failure> {
    match parameters.text(name)? {
        None => Ok(parameters.0.contains_key(name).then_some(None)),
        Some(text) if text.len() > TEXT_BYTES_MAX => {
            let n = text.len();
            Err(Failure::invalid(format!("{name} has {n} bytes, the limit is {TEXT_BYTES_MAX}")))
        }
        Some(text) => Ok(Some(Some(text.to_owned()))),
    }
}

fn make(kind: SegmentationPath, id: &str, parameters: &Parameters) -> Result<Call, Failure> {
    let id = segmentation_id(id)?;
    check_source_type(parameters)?;
    let kind = match kind {
        SegmentationPath::Property => SegmentationKind::Property {
            name: parameters.required_text("propertyName")?.to_owned(),
        },
        SegmentationPath::AutoReql => SegmentationKind::AutoReql {
            expression: required("expression", expression(parameters, "expression")?)?,
        },
        SegmentationPath::ManualReql => SegmentationKind::ManualReql { segments: Vec::new() },
    };
    let title = read_display_text(parameters, "title")?.flatten();
    let description = read_display_text(parameters, "description")?.flatten();
    create_of(SegmentationCommand::Create(Segmentation { id, kind, title, description }))
}

fn update(kind: SegmentationPath, id: &str, parameters: &Parameters) -> Result<Call, Failure> {
    let id = segmentation_id(id)?;
    let rule = match kind {
        SegmentationPath::Property => {
            RuleUpdate::Property(parameters.text("propertyName")?.map(str::to_owned))
        }
        SegmentationPath::AutoReql => RuleUpdate::AutoReql(expression(parameters, "expression")?),
        SegmentationPath::ManualReql => RuleUpdate::ManualReql,
    };
    let title = read_display_text(parameters, "title")?;
    let description = read_display_text(parameters, "description")?;
    change_of(SegmentationCommand::Update { id, rule, title, description })
}

fn add_segment(
    segmentation_id: String,
    id: String,
    parameters: &Parameters,
) -> Result<Call, Failure> {
    let filter = required("filter", expression(parameters, "filter")?)?;
    let title = read_display_text(parameters, "title")?.flatten();
    create_of(SegmentationCommand::AddSegment {
        segmentation_id,
        segment: Segment { id, filter, title },
    })
}

fn update_segment(
    segmentation_id: String,
    id: String,
    parameters: &Parameters,
) -> Result<Call, Failure> {
    let filter = required("filter", expression(parameters, "filter")?)?;
    let title = read_display_text(parameters, "title")?;
    change_of(SegmentationCommand::UpdateSegment { segmentation_id, id, filter, title })
}

fn delete_segment(segmentation_id: String, id: String, _: &Parameters) -> Result<Call, Failure> {
    change_of(SegmentationCommand::DeleteSegment { segmentation_id, id })
}

fn list(parameters: &Parameters) -> Result<Call, Failure> {
    check_source_type(parameters)?;
    query(|engine| {
        let all: Vec<Value> =
            engine.snapshot().segmentations.all().map(segmentation_json).collect();
        Ok(OperationAnswer::ok(json!({ "segmentations": all })))
    })
}

fn read(id: String) -> Result<Call, Failure> {
    query(move |engine| {
        let found = engine.snapshot().segmentations.get(&id).cloned();
        let found =
            found.ok_or_else(|| Failure::not_found(format!("there is no segmentation {id:?}")))?;
        let mut json = segmentation_json(&found);
        if let SegmentationKind::ManualReql { segments } = &found.kind {
            json["segments"] = segments.iter().map(segment_json).collect();
        }
        Ok(OperationAnswer::ok(json))
    })
}

/// Without the segments of a manual one, which may be thousands.
fn segmentation_json(segmentation: &Segmentation) -> Value {
    let mut json = json!({
        "segmentationId": segmentation.id,
        "sourceType": SOURCE_TYPE,
        "title": segmentation.title,
        "description": segmentation.description,
    });
    match &segmentation.kind {
        SegmentationKind::Property { name } => {
            json["segmentationType"] = "property".into();
            json["propertyName"] = name.as_str().into();
        }
        SegmentationKind::AutoReql { expression } => {
            json["segmentationType"] = "autoReQL".into();
            json["expression"] = expression.as_str().into();
        }
        SegmentationKind::ManualReql { .. } => json["segmentationType"] = "manualReQL".into(),
    }
    json
}

fn segment_json(Segment { id, filter, title }: &Segment) -> Value {
    json!({ "segmentId": id, "filter": filter, "title": title })
}
