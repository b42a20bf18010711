//! The completion callbacks of a run: the callers that hear of its end.
//!
//! Source: `temporalio/temporal: chasm/lib/callback/statemachine.go`,
//! `service/history/workflow/mutable_state_impl.go` (`addCompletionCallbacks`,
//! `processCloseCallbacks`, `GetNexusCompletion`).

use crate::{
    api::{
        Attributes,
        common::{Callback, Payload, callback},
        enums::{CallbackState, RetryState, WorkflowExecutionStatus},
        failure::{
            CanceledFailureInfo, Failure, TerminatedFailureInfo, TimeoutFailureInfo,
            failure::FailureInfo,
        },
    },
    base::failure,
    run::Run,
};

/// A callback, and what became of it.
#[derive(Clone, Debug)]
pub(crate) struct CompletionCallback {
    pub(crate) callback: Callback,
    /// The request that registered it.
    pub(crate) request_id: String,
    pub(crate) registered_ms: u64,
    pub(crate) state: CallbackState,
    pub(crate) called_ms: Option<u64>,
    pub(crate) last_failure: Option<Failure>,
}

impl CompletionCallback {
    /// Returns a callback that waits for its end.
    pub(crate) fn registered(at_ms: u64, request_id: &str, callback: &Callback) -> Self {
        Self {
            callback: callback.clone(),
            request_id: request_id.to_owned(),
            registered_ms: at_ms,
            state: CallbackState::Standby,
            called_ms: None,
            last_failure: None,
        }
    }

    /// Records the outcome of a call.
    pub(crate) fn called(&mut self, now_ms: u64, refused: Option<&str>) {
        self.called_ms = Some(now_ms);
        self.last_failure = refused.map(|why| failure::server(why, true));
        self.state = match refused {
            None => CallbackState::Succeeded,
            Some(_) => CallbackState::Failed,
        };
    }
}

/// The end of a run, as a caller hears of it.
pub(crate) type Completion = Result<Option<Payload>, Box<Failure>>;

impl Run {
    /// Registers callbacks, once for each request.
    pub(crate) fn register_callbacks(
        &mut self,
        at_ms: u64,
        request_id: &str,
        callbacks: &[Callback],
    ) {
        let registered = |it| CompletionCallback::registered(at_ms, request_id, it);
        self.callbacks.extend(callbacks.iter().map(registered));
    }

    /// Returns the callbacks that the run which follows this one inherits.
    pub(super) fn inherited_callbacks(&self) -> Vec<Callback> {
        let callbacks = self.callbacks.iter();
        callbacks
            .map(|registered| registered.callback.clone())
            .collect()
    }

    /// Returns the end of which callbacks hear; `None` if the run is open, or if a run follows that
    /// inherits them.
    pub(crate) fn completion(&self) -> Option<Completion> {
        if self.state.status == WorkflowExecutionStatus::ContinuedAsNew
            || self.state.reset_run_id.is_some()
        {
            return None;
        }
        let closing = self.history.events().last()?.attributes.as_ref()?;
        let failed = |message: &str, info: FailureInfo| {
            Some(Err(Box::new(Failure {
                message: message.to_owned(),
                failure_info: Some(info),
                ..Failure::default()
            })))
        };
        match closing {
            Attributes::WorkflowExecutionCompletedEventAttributes(completed) => {
                // An operation has one result.
                let payloads = completed.result.as_ref().map(|result| &result.payloads);
                let first = payloads.and_then(|payloads| payloads.first()).cloned();
                Some(Ok(first))
            }
            Attributes::WorkflowExecutionFailedEventAttributes(closed)
                if closed.retry_state() != RetryState::InProgress =>
            {
                Some(Err(Box::new(closed.failure.clone().unwrap_or_default())))
            }
            Attributes::WorkflowExecutionTimedOutEventAttributes(closed)
                if closed.retry_state() != RetryState::InProgress =>
            {
                failed(
                    "operation exceeded internal timeout",
                    FailureInfo::TimeoutFailureInfo(TimeoutFailureInfo::default()),
                )
            }
            Attributes::WorkflowExecutionCanceledEventAttributes(closed) => failed(
                "operation canceled",
                FailureInfo::CanceledFailureInfo(CanceledFailureInfo {
                    details: closed.details.clone(),
                    ..CanceledFailureInfo::default()
                }),
            ),
            Attributes::WorkflowExecutionTerminatedEventAttributes(_) => failed(
                "operation terminated",
                FailureInfo::TerminatedFailureInfo(TerminatedFailureInfo::default()),
            ),
            _ => None,
        }
    }
}

/// Returns a field of the header of a callback; empty if it has none of this name.
pub(crate) fn header<'a>(callback: &'a callback::Nexus, name: &str) -> &'a str {
    let mut header = callback.header.iter();
    let field = header.find(|(key, _)| key.eq_ignore_ascii_case(name));
    field.map_or("", |(_, value)| value)
}
