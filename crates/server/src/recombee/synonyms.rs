//! Synonyms of the search: `/synonyms/items/...`.

use engine::{Command, Synonym, SynonymCommand};
use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::OperationAnswer;
use super::call::{Call, Operation, change, create_with, operation, query};
use super::failure::Failure;
use super::parameters::Parameters;

/// The longest term, in bytes.
const TERM_BYTES_MAX: usize = 1_000;

pub(super) fn find(method: &str, parts: &[&str]) -> Option<Operation> {
    let ["synonyms", "items", rest @ ..] = parts else { return None };
    Some(match (method, rest) {
        ("POST", []) => operation(|_, parameters| add(parameters)),
        ("GET", []) => operation(|_, parameters| list(parameters)),
        ("DELETE", []) => operation(|_, _| change(Command::Synonym(SynonymCommand::DeleteAll))),
        ("DELETE", [id]) => {
            let id = (*id).to_owned();
            operation(|_, _| change(Command::Synonym(SynonymCommand::Delete { id })))
        }
        _ => return None,
    })
}

fn term(parameters: &Parameters, name: &str) -> Result<String, Failure> {
    let text = parameters.required_text(name)?;
    if !(1..=TERM_BYTES_MAX).contains(&text.len()) {
        let n = text.len();
        return Err(Failure::invalid(format!(
            "{name} has {n} bytes, it must have 1 to {TERM_BYTES_MAX}"
        )));
    }
    Ok(text.to_owned())
}

fn add(parameters: &Parameters) -> Result<Call, Failure> {
    let (term, synonym) = (term(parameters, "term")?, term(parameters, "synonym")?);
    let one_way = parameters.boolean("oneWay", false)?;
    let synonym = Synonym { id: Uuid::new_v4().to_string(), term, synonym, one_way };
    let body = synonym_json(&synonym);
    create_with(Command::Synonym(SynonymCommand::Add(synonym)), body)
}

fn list(parameters: &Parameters) -> Result<Call, Failure> {
    let count = parameters.count("count", 1)?.unwrap_or(usize::MAX);
    let offset = parameters.count("offset", 0)?.unwrap_or(0);
    query(move |engine| {
        let snapshot = engine.snapshot();
        let listed: Vec<Value> =
            snapshot.synonyms.all().skip(offset).take(count).map(synonym_json).collect();
        Ok(OperationAnswer::ok(json!({ "synonyms": listed })))
    })
}

fn synonym_json(Synonym { id, term, synonym, one_way }: &Synonym) -> Value {
    json!({ "id": id, "term": term, "synonym": synonym, "oneWay": one_way })
}
