//! Items as those see them who look after a catalog.

use std::sync::Arc;

use domain::{Day, ItemIdx};
use reql::Subject;
use serving::{
    CatalogCount, CatalogPage, CatalogQuery, ExpressionSchema, ItemActivity, ListError,
    RequestBudget, item_activity,
};

use crate::{Command, Engine, EngineError, Outcome, ReqlError};

/// The days for which the interactions with an item are counted.
pub const ITEM_ACTIVITY_DAYS: u32 = 28;

impl Engine {
    /// Looks through the items of the catalog, those that are turned off too.
    ///
    /// # Errors
    /// If the filter is wrong, the query takes too long, or nothing can be searched yet.
    pub fn catalog_page(
        &self,
        query: &CatalogQuery,
        budget: &Arc<RequestBudget>,
    ) -> Result<CatalogPage, ListError> {
        self.serving.catalog_page(&self.shared.live, query, self.now(), budget)
    }

    /// The items of each catalog of products, `items` first.
    pub fn catalog_counts(&self) -> Arc<[CatalogCount]> {
        self.serving.catalog_counts(&self.shared.live, self.now())
    }

    /// What is wrong with columns to which the settings of the catalog give a meaning.
    pub fn catalog_problems(&self) -> Vec<String> {
        let views = self.snapshot();
        views.catalog.offer_problems(&views.setup.config.catalog)
    }

    /// Checks a filter of items against the present properties.
    ///
    /// # Errors
    /// If it is wrong, with the place.
    pub fn check_item_filter(&self, text: &str) -> Result<(), ReqlError> {
        let schema = ExpressionSchema { views: &self.snapshot(), subject: Subject::Items };
        reql::parse(text)?.check_filter(&schema)
    }

    /// Counts the interactions with an item of the last [`ITEM_ACTIVITY_DAYS`], today included.
    pub fn item_activity(&self, item: ItemIdx) -> ItemActivity {
        let since = Day::from_timestamp(self.now()).earlier(ITEM_ACTIVITY_DAYS - 1);
        item_activity(&self.shared.live, item, since)
    }

    /// Turns an item off, so that no list has it, or on again. An item stays off, whatever catalog
    /// is imported or brought back, until it is turned on or deleted.
    ///
    /// # Errors
    /// If there is no such item, or nothing can be written.
    pub fn switch_item(&self, id: &str, is_on: bool) -> Result<(), EngineError> {
        match self.submit_command(Command::SwitchItem { id: id.to_owned(), is_on })? {
            Outcome::Refused(_) => Err(EngineError::NoSuchItem(id.to_owned())),
            _ => Ok(()),
        }
    }
}
