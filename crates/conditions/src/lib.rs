#![doc = include_str!("../README.md")]

mod check;
mod computation;
mod condition;
mod error;
mod evaluate;
mod explain;
mod forecast;
mod intervals;
mod json;
mod known;
pub mod limits;
mod period;
mod person;
mod text;
mod tracked;
mod values;

pub use check::check_references;
pub use computation::{Computation, Contribution, KeptEvents};
pub use condition::{
    Comparison, Condition, Count, DateTest, EventCondition, EventMatch, Filter, Funnel,
    Recommended, RecommendedKind, RelativeTest, Rfm, RfmGroup, Scalar, Test, TextTest, Window,
};
pub use error::{ConditionError, nearest};
pub use evaluate::{decide, holds};
pub use explain::Explanation;
pub use forecast::Forecast;
pub use known::{Known, KnownEvent, Properties};
pub use period::Period;
pub use person::{Answer, Event, Person, Surroundings};
pub use tracked::{Tracked, next_change};
pub use values::find as find_values;
