//! The completion callbacks of updates: the callers that hear of the end of one update.
//!
//! A callback is registered when its update is accepted. A request for an update that another
//! request has sent may attach its own callbacks; an event tells of it.
//!
//! Source: `temporalio/temporal: service/history/workflow/update/update.go` (`AttachCallbacks`),
//! `chasm/lib/workflow/workflow_update.go`, `service/history/workflow/mutable_state_impl.go`
//! (`GetNexusUpdateCompletion`).

use crate::{
    api::{
        common::{Callback, Link, callback},
        enums::{CallbackState, UpdateWorkflowExecutionLifecycleStage as Stage},
        history::{
            WorkflowExecutionOptionsUpdatedEventAttributes,
            workflow_execution_options_updated_event_attributes::WorkflowUpdateOptionsUpdate,
        },
        update::{Outcome, Request},
    },
    run::{
        Run,
        callbacks::CompletionCallback,
        updates::{Progress, UpdateAnswer, Updates},
    },
};

/// A callback that is to be called, with its update.
#[derive(Clone, Debug)]
pub(crate) struct UpdateCallback {
    pub(crate) update_id: String,
    /// The place among the callbacks of the update.
    index: usize,
    /// True if a later request attached it to the update.
    pub(crate) is_attached: bool,
    pub(crate) callback: Callback,
    pub(crate) request_id: String,
}

/// Callbacks that wait until their update is accepted.
#[derive(Clone, Debug)]
pub(crate) struct Attachment {
    request_id: String,
    callbacks: Vec<Callback>,
}

/// The answer to a request for an update that the run has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attached {
    /// An event tells of the new callbacks.
    Recorded,
    /// There is nothing to record, at least not yet.
    Nothing,
}

impl Updates {
    /// Registers the callbacks of a request with its update, once for each request.
    pub(crate) fn register_callbacks(
        &mut self,
        at_ms: u64,
        id: &str,
        request_id: &str,
        callbacks: &[Callback],
    ) {
        let Some(update) = self.by_id.get_mut(id) else {
            return;
        };
        if callbacks.is_empty() || update.has_callbacks_of(request_id) {
            return;
        }
        let registered = |it| CompletionCallback::registered(at_ms, request_id, it);
        update.callbacks.extend(callbacks.iter().map(registered));
        self.has_callbacks = true;
    }

    /// Applies the part of an options event that is about updates.
    pub(crate) fn apply_options(
        &mut self,
        at_ms: u64,
        updated: &WorkflowExecutionOptionsUpdatedEventAttributes,
    ) {
        for update in &updated.workflow_update_options {
            self.register_callbacks(
                at_ms,
                &update.update_id,
                &update.attached_request_id,
                &update.attached_completion_callbacks,
            );
        }
    }

    /// Returns all callbacks, with the ids of their updates.
    pub(crate) fn callbacks(&self) -> impl Iterator<Item = (&str, &CompletionCallback)> {
        let updates = self.by_id.iter();
        updates.flat_map(|(id, update)| update.callbacks.iter().map(move |it| (id.as_str(), it)))
    }

    /// Returns the callbacks of updates with an outcome that have not been called.
    pub(crate) fn due_callbacks(&self) -> Vec<UpdateCallback> {
        let has_outcome = |progress: &Progress| {
            matches!(progress, Progress::Completed { .. } | Progress::Failed(_))
        };
        let mut due = Vec::new();
        if !self.has_callbacks {
            return due;
        }
        for (id, update) in self
            .by_id
            .iter()
            .filter(|(_, it)| has_outcome(&it.progress))
        {
            let first = update.callbacks.first().map(|it| &it.request_id);
            for (index, registered) in update.callbacks.iter().enumerate() {
                if registered.state == CallbackState::Standby {
                    due.push(UpdateCallback {
                        update_id: id.clone(),
                        index,
                        is_attached: first != Some(&registered.request_id),
                        callback: registered.callback.clone(),
                        request_id: registered.request_id.clone(),
                    });
                }
            }
        }
        due
    }

    /// Records that a callback was called.
    pub(crate) fn called(&mut self, now_ms: u64, called: &UpdateCallback, refused: Option<&str>) {
        let update = self.by_id.get_mut(&called.update_id);
        if let Some(registered) = update.and_then(|it| it.callbacks.get_mut(called.index)) {
            registered.called(now_ms, refused);
        }
    }

    /// Takes the callbacks that wait until an update is accepted.
    pub(super) fn take_attachments(&mut self, id: &str) -> Vec<Attachment> {
        let update = self.by_id.get_mut(id);
        update.map_or_else(Vec::new, |it| std::mem::take(&mut it.attachments))
    }
}

impl Run {
    /// Attaches the callbacks of a request to the update that the run has, unless the update is
    /// too early or too late for that.
    pub(crate) fn attach_update_callbacks(
        &mut self,
        now_ms: u64,
        id: &str,
        request: &Request,
    ) -> Attached {
        let attachment = Attachment {
            request_id: request.request_id.clone(),
            callbacks: request.completion_callbacks.clone(),
        };
        let Some(update) = self.updates.by_id.get_mut(id) else {
            return Attached::Nothing;
        };
        if attachment.callbacks.is_empty() {
            return Attached::Nothing;
        }
        match update.progress {
            Progress::Sent => {
                let is_same = |it: &Attachment| it.request_id == attachment.request_id;
                if !update.attachments.iter().any(is_same) {
                    update.attachments.push(attachment);
                }
                Attached::Nothing
            }
            Progress::Accepted { .. } => self.record_attachment(now_ms, id, attachment),
            _ => Attached::Nothing,
        }
    }

    /// Writes the event of callbacks that are attached, unless their request has attached them
    /// before.
    pub(super) fn record_attachment(
        &mut self,
        now_ms: u64,
        id: &str,
        attachment: Attachment,
    ) -> Attached {
        let update = self.updates.get(id);
        if update.is_none_or(|it| it.has_callbacks_of(&attachment.request_id)) {
            return Attached::Nothing;
        }
        let attributes = WorkflowExecutionOptionsUpdatedEventAttributes {
            workflow_update_options: vec![WorkflowUpdateOptionsUpdate {
                update_id: id.to_owned(),
                attached_request_id: attachment.request_id,
                attached_completion_callbacks: attachment.callbacks,
            }],
            ..WorkflowExecutionOptionsUpdatedEventAttributes::default()
        };
        self.update_options(now_ms, attributes, Vec::new());
        Attached::Recorded
    }

    /// Returns the outcome of an update, if it has one.
    pub(crate) fn outcome_of_update(&self, id: &str) -> Option<Outcome> {
        match self.update_answer(id, Stage::Completed)? {
            UpdateAnswer::Reached { outcome, .. } => *outcome,
            _ => None,
        }
    }
}

/// Returns the links that an accepted update gets from its callbacks.
pub(super) fn links_of(request: Option<&Request>) -> Vec<Link> {
    let callbacks = request.map_or(&[][..], |it| &it.completion_callbacks);
    let nexus = |it: &&Callback| matches!(it.variant, Some(callback::Variant::Nexus(_)));
    let callbacks = callbacks.iter().filter(nexus);
    callbacks.flat_map(|it| it.links.iter().cloned()).collect()
}
