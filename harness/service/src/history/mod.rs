//! The history of a run: events with ids, and the buffer of events that wait for an id.

mod event_store;
pub(crate) mod kinds;
pub mod rules;

pub(crate) use event_store::{EventDecoration, EventStore, HistoryMark};
