//! The world as the host of Nexus operations.

use futures::{FutureExt, future::LocalBoxFuture};
use temporalio_protos::temporal::api::{common::v1::Payload, failure::v1::Failure};
use tonic::Status;

use crate::{
    nexus::{Handler, NexusCalls, NexusHost, NexusOperation},
    world::World,
};

/// The world of the thread that uses it, as the host of Nexus operations.
pub(crate) struct CurrentWorld;

impl NexusHost for CurrentWorld {
    #[track_caller]
    fn with_handler(&self, operation: &NexusOperation, change: &mut dyn FnMut(&mut Handler)) {
        if let Some(handler) = World::current().state().nexus.handler_mut(operation) {
            change(handler);
        }
    }

    #[track_caller]
    fn calls(&self) -> NexusCalls {
        World::current().state().nexus.calls.clone()
    }

    fn end(
        &self,
        operation: &NexusOperation,
        token: &str,
        ended: Result<Payload, Box<Failure>>,
    ) -> Option<LocalBoxFuture<'static, Result<(), Status>>> {
        let world = World::current();
        let call = world.state().end_nexus_operation(operation, token, ended)?;
        Some(call.map(|answer| answer.map(drop)).boxed_local())
    }
}
