#![doc = include_str!("../../docs/nexus.md")]

mod call;
mod error;
mod handler;
mod operation;
mod record;
mod reply;

pub use call::{NexusCall, NexusCancelCall};
pub use error::{NexusError, NexusHandlerErrorType};
pub(crate) use handler::{Answer, CancelRequest, Handler, StartRequest};
pub(crate) use operation::NexusHost;
pub use operation::{NexusCompletionError, NexusOperation};
pub(crate) use record::NexusCalls;
pub use record::{NexusCallOutcome, NexusCallRecord, NexusCancelOutcome, NexusCancelRecord};
pub use reply::{NexusReply, NexusResult, NexusStarted};
