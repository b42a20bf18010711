//! The small things: what a workflow knows, what it draws, what it tells of itself.

mod built_in_queries;
mod combinators;
mod info;
mod memo_and_search_attributes;
mod priorities;
mod randomness;
mod task_failures;
