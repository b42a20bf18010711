//! The callbacks by which an attempt reaches its host.

use std::sync::Arc;

use temporalio_protos::temporal::api::common::v1::Payload;

/// A callback that returns virtual time, in milliseconds since the Unix epoch.
pub type ClockCallback = Arc<dyn Fn() -> u64 + Send + Sync>;

/// A callback that receives the details of each heartbeat of an attempt, encoded as they go over
/// the wire.
pub type HeartbeatCallback = Arc<dyn Fn(Vec<Payload>) + Send + Sync>;

/// A callback that is asked at each heartbeat of an attempt, before it is encoded, what the
/// attempt's code does then.
pub type AtHeartbeatCallback = Arc<dyn Fn() -> AtHeartbeat + Send + Sync>;

/// A continuation of the code of an attempt, at a heartbeat that it records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AtHeartbeat {
    /// It goes on.
    #[default]
    GoOn,
    /// It stops for ever, once the heartbeat is recorded.
    Stop,
    /// It stops for ever, and the heartbeat is not recorded.
    StopBefore,
}
