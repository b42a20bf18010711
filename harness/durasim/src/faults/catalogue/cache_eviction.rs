//! `cache_eviction`: a cached run is dropped.
//!
//! A worker keeps runs between their workflow tasks, as many as its cache holds; under load it
//! drops the least recently used. The next workflow task of a dropped run brings only the events
//! since its last task, so the worker fetches the whole history and replays it.
//!
//! The fault happens when a workflow task arrives for a run that the worker still has. Drawn, it
//! spares queries: while a query fetches history, a task with an update may come and find that the
//! query has consumed the task's events; Core, too, then completes the task without the update.

use crate::faults::{
    moments::{Moment, TaskFate, TaskMoment, TaskView},
    rule::{Family, FaultRule, Injector, Opportunity, Telling, fault},
};

fault! {
    /// A cached run is dropped, so that its next workflow task replays from the first event.
    CacheEviction
}

impl FaultRule for CacheEviction {
    fn odds(&self) -> f64 {
        0.08
    }

    fn family(&self) -> Option<Family> {
        Some(Family::Crashes)
    }

    fn telling(&self, _: Moment) -> Telling {
        Telling::Rebuild
    }

    fn places(&self) -> &'static str {
        "before a workflow task of a run that the worker keeps"
    }

    fn cure(&self) -> &'static str {
        "a run may be rebuilt from its history at any task: let workflow code depend on its \
         history alone, and keep nothing outside the workflow's own state"
    }

    fn task(&self, injector: &mut dyn Injector, task: &TaskView<'_>) -> Option<TaskFate> {
        if task.moment != TaskMoment::Arrives || !task.is_cached {
            return None;
        }
        let opportunity = Opportunity::of_run(task.workflow, Moment::BeforeWorkflowTask)
            .tolerated_if(!task.is_query);
        injector.inject(opportunity, &|_| {
            format!(
                "evict {} from the cache of worker {}",
                task.workflow, task.task_queue
            )
        })?;
        Some(TaskFate::Evict)
    }
}
