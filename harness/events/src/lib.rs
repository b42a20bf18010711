//! Events of history, as on the wire but small in memory.
//!
//! The SDK's `HistoryEvent` takes two kilobytes whatever it says, because it holds the largest
//! attributes in place. [`HistoryEvent`] has the same fields under the same tags, so its bytes are
//! the same, but it holds in a box what is large or rare. The service, its workers and the checks
//! share these events; the SDK's own are made where something of the SDK reads them.
//!
//! ```
//! use durasim_events::HistoryEvent;
//! use temporalio_protos::temporal::api::history::v1 as sdk;
//!
//! let event = HistoryEvent {
//!     attributes: Some(sdk::TimerStartedEventAttributes::default().into()),
//!     ..HistoryEvent::default()
//! };
//! assert_eq!(HistoryEvent::from(sdk::HistoryEvent::from(&event)), event);
//! ```

mod attributes;
mod event;
#[cfg(test)]
mod tests;

pub use attributes::Attributes;
pub use event::HistoryEvent;
