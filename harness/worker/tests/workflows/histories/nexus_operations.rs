//! The events of Nexus operations.

use temporalio_protos::temporal::api::{
    common::v1::Payload,
    failure::v1::{CanceledFailureInfo, Failure, TimeoutFailureInfo, failure::FailureInfo},
    history::v1::{
        NexusOperationCancelRequestCompletedEventAttributes,
        NexusOperationCancelRequestFailedEventAttributes,
        NexusOperationCancelRequestedEventAttributes, NexusOperationCanceledEventAttributes,
        NexusOperationCompletedEventAttributes, NexusOperationFailedEventAttributes,
        NexusOperationScheduledEventAttributes, NexusOperationStartedEventAttributes,
        NexusOperationTimedOutEventAttributes, history_event::Attributes,
    },
};

use super::HistoryBuilder;

impl HistoryBuilder {
    /// Adds the scheduling of a Nexus operation.
    pub(crate) fn nexus_operation_scheduled(
        &mut self,
        endpoint: &str,
        service: &str,
        operation: &str,
        input: Payload,
    ) -> i64 {
        self.add(Attributes::NexusOperationScheduledEventAttributes(
            NexusOperationScheduledEventAttributes {
                endpoint: endpoint.to_owned(),
                service: service.to_owned(),
                operation: operation.to_owned(),
                input: Some(input),
                request_id: "request-1".to_owned(),
                ..Default::default()
            },
        ))
    }

    /// Adds the start of an operation that completes later.
    pub(crate) fn nexus_operation_started(&mut self, scheduled_event_id: i64, token: &str) -> i64 {
        self.add(Attributes::NexusOperationStartedEventAttributes(
            NexusOperationStartedEventAttributes {
                scheduled_event_id,
                operation_token: token.to_owned(),
                request_id: "request-1".to_owned(),
                ..Default::default()
            },
        ))
    }

    /// Adds the completion of an operation.
    pub(crate) fn nexus_operation_completed(
        &mut self,
        scheduled_event_id: i64,
        result: Payload,
    ) -> i64 {
        self.add(Attributes::NexusOperationCompletedEventAttributes(
            NexusOperationCompletedEventAttributes {
                scheduled_event_id,
                result: Some(result),
                ..Default::default()
            },
        ))
    }

    /// Adds the failure of an operation.
    pub(crate) fn nexus_operation_failed(&mut self, scheduled_event_id: i64, message: &str) -> i64 {
        let failure = Some(Failure {
            message: message.to_owned(),
            ..Default::default()
        });
        self.add(Attributes::NexusOperationFailedEventAttributes(
            NexusOperationFailedEventAttributes {
                scheduled_event_id,
                failure,
                ..Default::default()
            },
        ))
    }

    /// Adds the cancellation of an operation.
    pub(crate) fn nexus_operation_canceled(&mut self, scheduled_event_id: i64) -> i64 {
        let info = FailureInfo::CanceledFailureInfo(CanceledFailureInfo::default());
        self.add(Attributes::NexusOperationCanceledEventAttributes(
            NexusOperationCanceledEventAttributes {
                scheduled_event_id,
                failure: Some(Failure {
                    failure_info: Some(info),
                    ..Default::default()
                }),
                ..Default::default()
            },
        ))
    }

    /// Adds the timeout of an operation.
    pub(crate) fn nexus_operation_timed_out(&mut self, scheduled_event_id: i64) -> i64 {
        let info = FailureInfo::TimeoutFailureInfo(TimeoutFailureInfo::default());
        self.add(Attributes::NexusOperationTimedOutEventAttributes(
            NexusOperationTimedOutEventAttributes {
                scheduled_event_id,
                failure: Some(Failure {
                    failure_info: Some(info),
                    ..Default::default()
                }),
                ..Default::default()
            },
        ))
    }

    /// Adds a request to cancel the operation.
    pub(crate) fn nexus_cancel_requested(&mut self, scheduled_event_id: i64) -> i64 {
        self.add(Attributes::NexusOperationCancelRequestedEventAttributes(
            NexusOperationCancelRequestedEventAttributes {
                scheduled_event_id,
                ..Default::default()
            },
        ))
    }

    /// Adds the acceptance of the request by the handler of the operation.
    pub(crate) fn nexus_cancel_completed(
        &mut self,
        scheduled_event_id: i64,
        requested_event_id: i64,
    ) -> i64 {
        self.add(
            Attributes::NexusOperationCancelRequestCompletedEventAttributes(
                NexusOperationCancelRequestCompletedEventAttributes {
                    scheduled_event_id,
                    requested_event_id,
                    ..Default::default()
                },
            ),
        )
    }

    /// Adds the refusal of the request by the handler of the operation.
    pub(crate) fn nexus_cancel_failed(
        &mut self,
        scheduled_event_id: i64,
        requested_event_id: i64,
    ) -> i64 {
        self.add(
            Attributes::NexusOperationCancelRequestFailedEventAttributes(
                NexusOperationCancelRequestFailedEventAttributes {
                    scheduled_event_id,
                    requested_event_id,
                    failure: Some(Failure {
                        message: "cannot cancel".to_owned(),
                        ..Default::default()
                    }),
                    ..Default::default()
                },
            ),
        )
    }
}
