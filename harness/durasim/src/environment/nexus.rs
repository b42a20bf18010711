//! Nexus operations that the test handles.

use std::{future::Future, rc::Rc};

use temporalio_common::data_converters::TemporalDeserializable;

use super::TestWorkflowEnvironment;
use crate::{
    nexus::{Handler, NexusCall, NexusError, NexusOperation, NexusResult},
    world::{CurrentWorld, World},
};

impl TestWorkflowEnvironment {
    /// Handles a Nexus operation with a closure, which stands for another service and answers each
    /// call of a workflow; see the [module](crate::nexus). The endpoint is made if there is none of
    /// its name.
    ///
    /// # Panics
    ///
    /// If the operation has a handler already.
    #[track_caller]
    pub fn nexus_operation<I, T, F, R>(
        &self,
        endpoint: &str,
        service: &str,
        operation: &str,
        handler: F,
    ) -> NexusOperation
    where
        I: TemporalDeserializable + 'static,
        T: NexusResult + 'static,
        F: Fn(NexusCall<I>) -> R + 'static,
        R: Future<Output = Result<T, NexusError>> + 'static,
    {
        let handle = NexusOperation {
            endpoint: endpoint.into(),
            service: service.into(),
            operation: operation.into(),
            host: Rc::new(CurrentWorld),
        };
        let is_first = World::current()
            .state()
            .register_nexus_operation(&handle, Handler::new(handler));
        assert!(
            is_first,
            "operation {service}/{operation} of endpoint {endpoint:?} is handled twice"
        );
        handle
    }
}
