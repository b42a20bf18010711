//! The signals behind a workflow that waits for a condition of its own code.

use std::fmt::Write;

use super::WorkflowName;

/// The signals of a workflow that waits for a condition of its own code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signals {
    /// The signals that the workflow has handlers for and that were not sent.
    pub unsent: Vec<String>,
    /// The signals that the workflow has handlers for and that were sent.
    pub sent: Vec<String>,
    /// The signals that were sent and that the workflow has no handlers for.
    pub unhandled: Vec<String>,
    /// The signals that a workflow asked for in the task that closed it: they are never sent.
    pub dropped: Vec<DroppedSignal>,
}

/// A signal that a workflow asked for in the task that closed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedSignal {
    /// The name of the signal.
    pub signal: String,
    /// The workflow that asked for it.
    pub sender: WorkflowName,
}

impl Signals {
    /// Describes the condition that these signals could change.
    pub(super) fn condition(&self) -> String {
        self.after("a condition of its own code")
    }

    /// Describes the signals that a workflow may await beside a timer.
    pub(super) fn beside_a_timer(&self) -> String {
        self.after("perhaps a signal")
    }

    /// Returns `true` if a signal is missing, or came to nothing.
    pub(crate) fn has_missing(&self) -> bool {
        !self.unsent.is_empty() || !self.unhandled.is_empty()
    }

    /// Adds to `words` what became of each signal.
    fn after(&self, words: &str) -> String {
        let mut words = words.to_owned();
        for DroppedSignal { signal, sender } in &self.dropped {
            let _ = write!(
                words,
                "; signal {signal} was asked for by {sender} in its last task, and so never sent"
            );
        }
        let dropped = |name: &&String| self.dropped.iter().any(|it| it.signal == **name);
        let unsent: Vec<_> = self.unsent.iter().filter(|name| !dropped(name)).collect();
        match unsent.as_slice() {
            [] => {}
            [signal] => {
                let _ = write!(words, "; signal {signal} was not sent");
            }
            signals => {
                let _ = write!(words, "; signals not sent: {}", listed(signals));
            }
        }
        for signal in &self.unhandled {
            let _ = write!(
                words,
                "; signal {signal} was sent, and the workflow has no handler for it"
            );
        }
        match self.sent.as_slice() {
            [] if self.unsent.is_empty() && self.unhandled.is_empty() => {
                words.push_str(" that no signal can change");
            }
            [] => {}
            [signal] => {
                let _ = write!(words, "; signal {signal} was sent and did not change it");
            }
            signals => {
                let signals: Vec<_> = signals.iter().collect();
                let _ = write!(words, "; signals sent before: {}", listed(&signals));
            }
        }
        words
    }

    /// Returns the remedy for a signal beside a timer. A workflow that only sleeps needs no signal.
    pub(super) fn remedy_beside_a_timer(&self) -> Option<String> {
        let came_to_nothing = !self.dropped.is_empty() || !self.unhandled.is_empty();
        came_to_nothing.then(|| self.remedy()).flatten()
    }

    /// Returns the remedy for the signal that is missing.
    pub(super) fn remedy(&self) -> Option<String> {
        if let Some(DroppedSignal { signal, sender }) = self.dropped.first() {
            return Some(format!(
                "let {} await the signal before it closes, `.signal(..).await`: the service drops \
                 what a workflow asks for in the task that closes it, so {signal} was never sent",
                sender.workflow_type
            ));
        }
        let signal = self.unsent.first()?;
        Some(match self.unhandled.first() {
            Some(unhandled) => format!(
                "send signal {signal} and not {unhandled}, for which the workflow has no handler; \
                 or name the handler for it, `#[signal(name = {unhandled:?})]`"
            ),
            None => format!(
                "send signal {signal} from the test, or bound the wait in the workflow: `select!` \
                 with a timer"
            ),
        })
    }
}

fn listed(names: &[&String]) -> String {
    let names: Vec<_> = names.iter().map(|name| name.as_str()).collect();
    names.join(", ")
}
