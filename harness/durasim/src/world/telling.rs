//! The story of a world, for a person who wants to read what happened: one thing a line, with
//! virtual times, inputs and results.
//!
//! It is told only where somebody asks for it. After each thing that happens, the histories, the
//! attempts of activities and the faults are looked through for what is new.

use durasim_engine::START_MS;
use durasim_worker::activity::{ActivityCallOutcome, ActivityCallRecord};

use super::{state::State, story::Story};
use crate::{
    faults::is_fault_site,
    outline::{OutlineLine, payload_words},
};

impl State {
    /// Adds what is new to the story, if somebody wants to read it.
    pub(crate) fn tell(&mut self) {
        if !self.options.story {
            return;
        }
        let mut story = std::mem::take(&mut self.story);
        self.tell_faults(&mut story);
        self.tell_attempts(&mut story);
        self.tell_events(&mut story);
        self.story = story;
    }

    fn tell_faults(&self, story: &mut Story) {
        let taken = self.choices.taken_entries();
        for entry in taken.get(story.choices..).unwrap_or_default() {
            if is_fault_site(&entry.point.site) {
                let words = format!("fault: {}", entry.words);
                story.lines.push((self.now_ms, words));
            }
        }
        story.choices = taken.len();
    }

    fn tell_attempts(&self, story: &mut Story) {
        for (index, call) in self.activity_log.all().iter().enumerate() {
            let (name, attempt) = (&call.activity_type, call.attempt);
            if index == story.attempts.len() {
                story.attempts.push(false);
                let input = payload_words(Some(&call.payloads));
                let words = format!("{name}({input}), attempt {attempt}, begins");
                story.lines.push((call.started_ms, words));
            }
            if !story.attempts[index]
                && let Some(end) = end_words(call)
            {
                story.attempts[index] = true;
                let words = format!("{name}, attempt {attempt}, {end}");
                story.lines.push((self.now_ms, words));
            }
        }
    }

    fn tell_events(&self, story: &mut Story) {
        for (index, run) in self.service.executions().enumerate() {
            let (workflow_type, id) = (&run.workflow_type, &run.workflow_id);
            let Some((_, events)) = self.service.run(id, Some(&run.run_id)) else {
                continue;
            };
            if index == story.events.len() {
                story.events.push(0);
            }
            // A reset may have made a history shorter.
            for event in events.get(story.events[index]..).unwrap_or_default() {
                let OutlineLine {
                    name, attributes, ..
                } = OutlineLine::new(event, START_MS);
                if let Some(what) = event_words(&name) {
                    let words = format!("{workflow_type} {id}: {what} {attributes}");
                    story.lines.push((self.now_ms, words.trim_end().to_owned()));
                }
            }
            story.events[index] = events.len();
        }
    }
}

/// Returns the end of an attempt in words, if it has ended.
fn end_words(call: &ActivityCallRecord) -> Option<String> {
    Some(match &call.outcome {
        ActivityCallOutcome::Running => return None,
        ActivityCallOutcome::Completed(result) => {
            format!("returns {}", payload_words(result.as_ref()))
        }
        ActivityCallOutcome::Failed(failure) => format!("fails: {}", failure.message),
        ActivityCallOutcome::Canceled(_) => "is cancelled".to_owned(),
        ActivityCallOutcome::WillCompleteAsync => "is to be completed from outside".to_owned(),
        _ => "dies with its worker".to_owned(),
    })
}

/// Returns the name of an event in words: `timer started` for `TimerStarted`. Workflow tasks are
/// left out as long as they complete, and so are starts of attempts, which come with their end.
fn event_words(name: &str) -> Option<String> {
    let is_left_out = [
        "WorkflowTaskScheduled",
        "WorkflowTaskStarted",
        "WorkflowTaskCompleted",
        "ActivityTaskStarted",
    ]
    .contains(&name);
    if is_left_out {
        return None;
    }
    let name = name.strip_prefix("WorkflowExecution").unwrap_or(name);
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_named_in_words() {
        let words = |name| event_words(name).unwrap_or_default();
        assert_eq!(words("TimerStarted"), "timer started");
        assert_eq!(words("WorkflowExecutionSignaled"), "signaled");
        assert_eq!(words("WorkflowTaskFailed"), "workflow task failed");
        assert_eq!(words("WorkflowTaskCompleted"), "");
    }
}
