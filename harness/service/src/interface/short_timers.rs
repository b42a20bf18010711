//! Timers of workflow code that are set for less than a second.
//!
//! The server's timer queue reads a second ahead. A timer that falls due before the time that the
//! queue has read up to is put behind that time, so that a timer under a second fires after about a
//! second, together with all timers of its run that are due by then.
//!
//! Source: `temporalio/temporal: service/history/shard/task_key_generator.go`,
//! `history.timerProcessorMaxTimeShift`.

use crate::{base::identifiers::RunKey, state::service::Service};

/// A timer of workflow code that is set for less than a second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShortTimer {
    /// The workflow whose code started the timer.
    pub workflow_id: String,
    run: RunKey,
}

impl Service {
    /// Begins to note the timers under a second that workflow code starts, for
    /// [`Self::take_short_timers`].
    pub fn note_short_timers(&mut self) {
        self.timers.note_short_timers();
    }

    /// Takes the timers under a second that have been started since the last call, or that come
    /// next since another has fired, if they are noted.
    pub fn take_short_timers(&mut self) -> Vec<ShortTimer> {
        let Some(runs) = self.timers.take_short() else {
            return Vec::new();
        };
        let short = runs.into_iter().map(|run| ShortTimer {
            workflow_id: self.executions.run(run).workflow_id.clone(),
            run,
        });
        short.collect()
    }

    /// Lets a timer fire at this time, in milliseconds since the Unix epoch, instead of earlier.
    pub fn postpone(&mut self, timer: &ShortTimer, until_ms: u64) {
        let run = self.executions.run(timer.run);
        self.timers.postpone(run, until_ms);
    }
}
