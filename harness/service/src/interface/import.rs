//! Runs of other services, which go on here.

use crate::{
    api::enums::EventType,
    executors::children,
    run::Run,
    run::import::{ImportedRun, is_about},
    state::service::Service,
};

/// The reason why a run cannot go on here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The history has no events.
    #[error("the history has no events")]
    Empty,
    /// The run has closed.
    #[error(
        "the run has closed with {0:?}, so there is nothing to go on with; replay its history \
         instead"
    )]
    Closed(EventType),
    /// Another run of the workflow id is open.
    #[error("workflow {workflow_id} already has an open run here, {run_id}")]
    Open {
        /// The workflow id.
        workflow_id: String,
        /// The open run.
        run_id: String,
    },
    /// The run is already here.
    #[error("run {0} is already here")]
    Known(String),
    /// The caller knows something about an activity that is not pending.
    #[error("no pending activity has the id or the type {activity:?}; pending are: {pending}")]
    NoActivity {
        /// The id or type.
        activity: String,
        /// The pending activities.
        pending: String,
    },
}

impl Service {
    /// Adds an open run of another service, as it was after its last event. What has fallen due
    /// since then is due at once.
    ///
    /// Children that the run has started and that are not here begin anew, under their ids. So
    /// their own runs are to be imported first, if they are to go on.
    ///
    /// # Errors
    ///
    /// If the run has closed, or is in the way of another.
    pub fn import(&mut self, now_ms: u64, imported: &ImportedRun) -> Result<(), ImportError> {
        self.advance(now_ms);
        let last = imported.events.last().ok_or(ImportError::Empty)?;
        if last.is_final_wf_execution_event() {
            return Err(ImportError::Closed(last.event_type()));
        }
        if self.execution(&imported.run_id).is_some() {
            return Err(ImportError::Known(imported.run_id.clone()));
        }
        let current = self.executions.current(&imported.workflow_id);
        let current = current.map(|key| self.executions.run(key));
        if let Some(open) = current.filter(|run| run.is_running()) {
            return Err(ImportError::Open {
                workflow_id: open.workflow_id.clone(),
                run_id: open.run_id.clone(),
            });
        }
        let key = self.executions.next_key();
        let run = Run::import(key, imported);
        check_activities(&run, imported)?;
        self.executions.add(run);
        children::begin_missing(self, key);
        self.close_transaction(key);
        self.settle();
        Ok(())
    }
}

impl Service {
    /// Makes every open run anew from its history.
    ///
    /// # Panics
    ///
    /// If the run is not the same.
    pub(super) fn reimport(&mut self) {
        let open = self.executions.iter().filter(|run| run.is_running());
        let keys: Vec<_> = open.map(|run| run.key).collect();
        for key in keys {
            let run = self.executions.run_mut(key);
            run.reimport();
            self.timers.rearm(run);
        }
    }
}

fn check_activities(run: &Run, imported: &ImportedRun) -> Result<(), ImportError> {
    let pending = || run.activities.iter();
    let scheduled = |event_id: i64| run.activity_scheduled(event_id);
    let unknown = imported.activities.iter().find(|known| {
        !pending().any(|activity| is_about(known, scheduled(activity.scheduled_event_id)))
    });
    let Some(unknown) = unknown else {
        return Ok(());
    };
    let names = pending().map(|activity| {
        let activity_type = scheduled(activity.scheduled_event_id)
            .activity_type
            .as_ref();
        let name = activity_type.map_or("", |activity_type| &activity_type.name);
        format!("{} ({name})", activity.activity_id)
    });
    let names: Vec<_> = names.collect();
    Err(ImportError::NoActivity {
        activity: unknown.activity.clone(),
        pending: if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        },
    })
}
