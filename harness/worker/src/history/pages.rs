//! The part of a history that did not come with the task, fetched page by page.

use std::sync::Arc;

use durasim_events::HistoryEvent;
use temporalio_protos::temporal::api::{
    common::v1::WorkflowExecution,
    enums::v1::HistoryEventFilterType,
    workflowservice::v1::{
        GetWorkflowExecutionHistoryRequest, GetWorkflowExecutionHistoryResponse,
    },
};

/// The events of a history, gathered page by page.
#[derive(Debug)]
pub(crate) struct Pages {
    execution: WorkflowExecution,
    events: Vec<Arc<HistoryEvent>>,
    next_page_token: Vec<u8>,
    /// The events that came with the task. They end the history; no page holds those of transient
    /// tasks.
    final_events: Vec<Arc<HistoryEvent>>,
}

impl Pages {
    /// Returns pages whose first came with the task, together with a token for the next.
    pub(crate) fn following(
        execution: WorkflowExecution,
        events: Vec<Arc<HistoryEvent>>,
        token: Vec<u8>,
    ) -> Self {
        Self {
            execution,
            events,
            next_page_token: token,
            final_events: Vec::new(),
        }
    }

    /// Returns pages that are all to be fetched: the task brought only the end of history.
    pub(crate) fn from_start(
        execution: WorkflowExecution,
        final_events: Vec<Arc<HistoryEvent>>,
    ) -> Self {
        Self {
            execution,
            events: Vec::new(),
            next_page_token: Vec::new(),
            final_events,
        }
    }

    /// Returns the request for the next page.
    pub(crate) fn request(&self, namespace: &str) -> GetWorkflowExecutionHistoryRequest {
        GetWorkflowExecutionHistoryRequest {
            namespace: namespace.to_owned(),
            execution: Some(self.execution.clone()),
            next_page_token: self.next_page_token.clone(),
            history_event_filter_type: HistoryEventFilterType::Unspecified as i32,
            ..Default::default()
        }
    }

    /// Adds a page, and returns `true` if it was the last.
    pub(crate) fn add(&mut self, page: GetWorkflowExecutionHistoryResponse) -> bool {
        let last_id = self.events.last().map_or(0, |event| event.event_id);
        let events = page
            .history
            .map(|history| history.events)
            .unwrap_or_default();
        let new = events
            .into_iter()
            .skip_while(|event| event.event_id <= last_id);
        self.events.extend(new.map(|event| Arc::new(event.into())));
        self.next_page_token = page.next_page_token;
        self.next_page_token.is_empty()
    }

    /// Returns all events. The last page must have been added.
    pub(crate) fn into_events(mut self) -> Vec<Arc<HistoryEvent>> {
        if let Some(last_id) = self.events.last().map(|event| event.event_id) {
            let rest = self
                .final_events
                .into_iter()
                .skip_while(|event| event.event_id <= last_id);
            self.events.extend(rest);
        }
        self.events
    }
}
