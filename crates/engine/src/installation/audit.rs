//! The audit: who did what, read from the journal of the installation. Nothing of it is in memory.

use domain::{Timestamp, WorkspaceId};
use journal::{Journal, Offset, ReadError};

use super::entry::{Actor, Deed, DeedOutcome, Entry, Fact};

/// The most records of a page.
pub const AUDIT_PAGE_MAX: usize = 500;
/// The most entries that are read for a page. A page that finds less than it may have by then is
/// short, and says where to go on.
const ENTRIES_PER_PAGE_MAX: u64 = 20_000;
/// Entries are read so many at a time, from the last one backwards.
const ENTRIES_PER_READ: u64 = 256;

/// Something that somebody did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// Its place in the journal: later records have higher ones.
    pub place: u64,
    /// When it was done.
    pub at: Timestamp,
    /// Who did it.
    pub by: Actor,
    /// What was done, to what, and how it ended.
    pub deed: Deed,
}

/// Which records are wanted; all where nothing is set.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// The kind or the name of the actor.
    pub who: Option<String>,
    /// The action, such as `scenario.put`, or all of a resource, such as `scenario`.
    pub what: Option<String>,
    /// The workspace.
    pub workspace: Option<WorkspaceId>,
    /// Not before this.
    pub from: Option<Timestamp>,
    /// Before this.
    pub until: Option<Timestamp>,
}

/// A page of the audit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditPage {
    /// The records, the latest first.
    pub records: Vec<AuditRecord>,
    /// The next page has the records before this place; none where there are no earlier ones.
    pub before: Option<u64>,
}

impl AuditRecord {
    /// The record that an entry is for the audit; none for entries of builds before accounts, and
    /// for those that nobody makes on purpose.
    fn new(place: u64, entry: Entry) -> Option<Self> {
        let (at, by) = (entry.at?, entry.by?);
        let deed = match entry.fact {
            Fact::Done(deed) => deed,
            Fact::Changed(change) => {
                let (action, resource) = change.describe()?;
                Deed {
                    action: action.to_owned(),
                    resource: resource.map(str::to_owned),
                    workspace: None,
                    outcome: DeedOutcome::Done,
                }
            }
        };
        Some(Self { place, at, by, deed })
    }
}

impl AuditFilter {
    fn takes(&self, record: &AuditRecord) -> bool {
        let is_who = |who: &str| record.by.kind() == who || record.by.name() == Some(who);
        let is_what = |what: &str| {
            let rest = record.deed.action.strip_prefix(what);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.who.as_deref().is_none_or(is_who)
            && self.what.as_deref().is_none_or(is_what)
            && self.workspace.as_ref().is_none_or(|id| record.deed.workspace.as_ref() == Some(id))
            && self.from.is_none_or(|from| record.at >= from)
            && self.until.is_none_or(|until| record.at < until)
    }
}

/// The latest records before a place.
///
/// # Errors
/// If the journal cannot be read.
pub(super) fn read_page(
    journal: &dyn Journal,
    filter: &AuditFilter,
    before: Option<u64>,
    limit: usize,
) -> Result<AuditPage, ReadError> {
    let limit = limit.min(AUDIT_PAGE_MAX);
    let mut end = journal.end().0.min(before.unwrap_or(u64::MAX));
    let least = end.saturating_sub(ENTRIES_PER_PAGE_MAX);
    let mut records = Vec::new();
    while end > least {
        let start = end.saturating_sub(ENTRIES_PER_READ).max(least);
        let read = journal.read_from(Offset(start)).take((end - start) as usize);
        let read = read.collect::<Result<Vec<_>, _>>()?;
        for (offset, bytes) in read.into_iter().rev() {
            // Opening has read all of them; a later build has not had this folder since.
            let record = Entry::decode(&bytes).ok();
            let record = record.and_then(|entry| AuditRecord::new(offset.0, entry));
            records.extend(record.filter(|record| filter.takes(record)));
            if records.len() == limit {
                let before = (offset.0 > 0).then_some(offset.0);
                return Ok(AuditPage { records, before });
            }
        }
        end = start;
    }
    Ok(AuditPage { records, before: (end > 0).then_some(end) })
}
