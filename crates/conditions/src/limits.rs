//! Bounds of conditions and of what is kept to evaluate them.

/// The longest text form, in bytes.
pub const TEXT_BYTES_MAX: usize = 32 * 1_024;
/// How deep groups, `not` and brackets may nest. It bounds the recursion of all that walks a
/// condition.
pub const DEPTH_MAX: usize = 16;
/// The most parts of a condition: groups, negations and single conditions.
pub const PARTS_MAX: usize = 200;
/// The most filters of one event.
pub const FILTERS_MAX: usize = 20;
/// The most values in one list, such as of `in (...)`.
pub const VALUES_MAX: usize = 200;
/// The longest name, key or value, in bytes.
pub const VALUE_BYTES_MAX: usize = 1_000;
/// The most parts of a path, such as 2 in `address.city`.
pub const PATH_PARTS_MAX: usize = 10;
/// The largest number that occurrences are compared with.
pub const COUNT_MAX: u32 = 1_000;
/// The longest period, in seconds: ten years with their leap days.
pub const PERIOD_SECONDS_MAX: i64 = 3_653 * 86_400;
/// How many occurrences are kept of a person for one event of a condition, where a count with its
/// window does not need fewer. See [`Tracked`](crate::Tracked).
pub const OCCURRENCES_MAX: usize = 1_000;
/// How many values are kept of a person for one computed trait. See
/// [`KeptEvents`](crate::KeptEvents).
pub const KEPT_MAX: usize = 10_000;
/// How large these values may be together, in bytes.
pub const KEPT_BYTES_MAX: usize = 256 * 1_024;
/// How many sessions of a person are known for one computed trait: late events may join them.
pub const SESSIONS_MAX: usize = 100;
/// The shortest pause that ends a session, in seconds: 30 minutes.
pub const SESSION_SECONDS_MIN: i64 = 30 * 60;
/// The longest one: 90 days.
pub const SESSION_SECONDS_MAX: i64 = 90 * 86_400;
/// The largest number that computed traits take: sums of them stay finite.
pub const NUMBER_MAX: f64 = 1e200;
/// How many audiences may refer to each other in a chain.
pub const AUDIENCE_CHAIN_MAX: usize = 8;
