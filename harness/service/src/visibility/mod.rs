//! Visibility: the runs that a query finds.
//!
//! A query is text in the dialect of SQL that the server takes: a condition on search attributes,
//! and perhaps `GROUP BY` or `ORDER BY`. `syntax` reads it, `typing` resolves names and values, and
//! `condition` tells which runs it holds for. A run appears here as its `WorkflowExecutionInfo`.
//!
//! Source: `temporalio/temporal: common/persistence/visibility/store/query/converter.go`.

pub(crate) mod attributes;
pub(crate) mod condition;
pub(crate) mod query;
mod syntax;
#[cfg(test)]
mod tests;
mod typing;
pub(crate) mod values;
pub(crate) mod workers;
