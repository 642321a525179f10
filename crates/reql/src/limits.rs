//! Bounds of expressions and their evaluation, so that no text can exhaust the stack, the memory or
//! the time of a request.

/// The longest text of an expression, in bytes: ten thousand ids of fifty bytes.
pub const TEXT_BYTES_MAX: usize = 512 * 1024;
/// How deep brackets, `if`, `not` and signs may nest in the text; it bounds the recursion of the
/// parser. What follows `else` is no deeper.
pub const NESTING_MAX: usize = 100;
/// The height of the tree; it bounds the recursion of everything that walks the tree. A bracket can
/// add a level for each class of operators around it, so this is more than the nesting; a frame is
/// below 1 KiB, so 256 of them fit any stack.
pub const HEIGHT_MAX: u32 = 256;
/// The longest chain of `else if`.
pub const ELSE_IFS_MAX: usize = 128;
/// The number of nodes of the tree.
pub const NODES_MAX: usize = 20_000;
/// The largest weight of one text, set or array that an evaluation makes; a heavier one makes the
/// evaluation null. Each element has the weight 1, and so have each 64 bytes of text: 65 536 allow
/// 4 MiB of text.
pub const VALUE_WEIGHT_MAX: usize = 65_536;
/// Steps of the evaluation of one row; an evaluation that needs more is null. A step is a node
/// visited or a unit of weight made, some tens of nanoseconds, so that one row costs milliseconds
/// at most.
pub const STEPS_MAX: usize = 200_000;

/// How many bytes of text weigh as much as one element.
pub(crate) const BYTES_PER_WEIGHT: usize = 64;
