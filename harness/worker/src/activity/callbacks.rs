//! The callbacks by which an attempt reaches its host.

use std::sync::Arc;

use temporalio_protos::temporal::api::common::v1::Payload;

/// A callback that returns virtual time, in milliseconds since the Unix epoch.
pub type ClockCallback = Arc<dyn Fn() -> u64 + Send + Sync>;

/// A callback that receives the details of each heartbeat of an attempt, encoded as they go over
/// the wire.
pub type HeartbeatCallback = Arc<dyn Fn(Vec<Payload>) + Send + Sync>;
