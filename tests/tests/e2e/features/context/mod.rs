//! The context of a workflow: its info, its randomness, its details.

mod built_in_queries;
mod combinators;
mod info;
mod memo_and_search_attributes;
mod priorities;
mod randomness;
mod task_failures;
