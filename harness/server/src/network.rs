//! The network between callers and the service: what becomes of each message.
//!
//! By itself a server loses and delays nothing. A [`Network`] of the options decides otherwise.

use std::{fmt, time::Duration};

use durasim_service::{Request, Response};
use tonic::Status;

/// The lateness of a message: both must have passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lateness {
    /// The time, at the service's clock.
    pub time: Duration,
    /// The number of other messages that pass first. If they do not come, the message is held for
    /// two seconds at most, and for less if its caller does not wait that long.
    pub messages: u32,
}

/// The fate of a message.
#[derive(Debug)]
pub enum Passage {
    /// It arrives as it was sent.
    OnTime,
    /// It arrives later.
    Late(Lateness),
    /// It arrives, and so does a copy, later than it.
    Twice(Lateness),
    /// It does not arrive, and its caller gets this status.
    Refused(Status),
    /// It arrives, and its caller gets this status in place of the answer.
    Unanswered(Status),
}

/// Decides what becomes of the messages between callers and the service.
///
/// Its methods are called one after another. `now_ms` is the time of the service, in milliseconds
/// since the Unix epoch; `call` is a number that each call has for itself.
pub trait Network: fmt::Debug + Send {
    /// Decides the fate of a request, and may change it. The caller waits for `timeout`, if it says
    /// so.
    fn request(
        &mut self,
        now_ms: u64,
        call: u64,
        request: &mut Request,
        timeout: Option<Duration>,
    ) -> Passage;

    /// Decides the fate of the answer to a call.
    fn answer(&mut self, now_ms: u64, call: u64, answer: &Result<Response, Status>) -> Passage;

    /// Forgets a call whose caller has gone.
    fn forget(&mut self, call: u64);
}
