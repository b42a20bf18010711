//! Signals and cancel requests, and the messages that brought them.
//!
//! The service may keep a signal back until the workflow task that runs is over. Its event then
//! follows from the message that brought it, not from whatever ended the task.

use std::collections::{BTreeMap, VecDeque};

use super::builder::Builder;
use crate::{
    outcome::Recorded,
    recording::{MessageSeen, Party, Touch},
};

impl Builder {
    /// Links the event of each signal and cancel request with the message that brought it.
    /// `messages` are the things of the messages that were recorded.
    pub(super) fn signals(&mut self, recorded: &Recorded, messages: &[usize]) {
        let recording = &recorded.recording;
        let mut labels = BTreeMap::new();
        for task in &recording.tasks {
            if let Some(lane) = self.run_of(&task.run_id) {
                labels.insert(lane, task.label.as_str());
            }
        }
        // The messages that have arrived at the service, in that order, by label.
        let mut arrived: Vec<(u64, &MessageSeen, usize)> = recording
            .messages
            .iter()
            .zip(messages)
            .filter(|(message, _)| !message.is_reply && message.to == Party::Service)
            .filter(|(message, _)| message.touch != Touch::Refused)
            .filter_map(|(message, thing)| Some((message.arrived?.order, message, *thing)))
            .collect();
        arrived.sort_by_key(|(order, ..)| *order);
        let mut waiting: BTreeMap<&str, VecDeque<(u64, usize)>> = BTreeMap::new();
        for (order, message, thing) in arrived {
            let of_label = waiting.entry(message.label.as_str()).or_default();
            of_label.push_back((order, thing));
        }
        for event in self.events.values() {
            let seen = &self.world.things[*event];
            let Some(workflow) = labels.get(&seen.lane) else {
                continue;
            };
            let body = seen.body.as_ref();
            // A delivery brought what another workflow has sent.
            if body.is_some_and(|body| body.get("externalWorkflowExecution").is_some()) {
                continue;
            }
            let call = match seen.title.as_str() {
                "WorkflowExecutionCancelRequested" => "cancel".to_owned(),
                "WorkflowExecutionSignaled" => {
                    let name = body.and_then(|body| body.get("signalName")?.as_str());
                    format!("signal {}", name.unwrap_or_default())
                }
                _ => continue,
            };
            let label = format!("{workflow}/{call}");
            let Some(of_label) = waiting.get_mut(label.as_str()) else {
                continue;
            };
            let order = seen.moment.order;
            if let Some((arrived, message)) = of_label.front().copied()
                && arrived <= order
            {
                of_label.pop_front();
                self.world.things[*event].causes.push(message);
            }
        }
    }
}
