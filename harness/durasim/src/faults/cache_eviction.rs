//! `cache_eviction`: a cached run is dropped.
//!
//! A worker keeps runs between their workflow tasks, as many as its cache holds; under load it
//! drops the least recently used. The next workflow task of a dropped run brings the events since
//! its last one only, so that the worker fetches the whole history and replays it. The fault
//! strikes when a workflow task arrives for a run that the worker still has, not a query: a task
//! with an update that comes while a query fetches history finds that this has told its events
//! already, and is completed without the update, in Core too.

use super::{
    Chance, FaultKind, FaultRule, Strike, TaskFate, TaskMoment, TaskView, placement::Moment,
};
use crate::label::Label;

pub(crate) struct CacheEviction;

impl FaultRule for CacheEviction {
    fn kind(&self) -> FaultKind {
        FaultKind::CacheEviction
    }

    fn task(&self, strike: &mut Strike<'_>, task: &TaskView<'_>) -> Option<TaskFate> {
        if task.moment != TaskMoment::Arrives || !task.is_cached {
            return None;
        }
        let chance = Chance::new(Label::Workflow(task.workflow), Moment::BeforeWorkflowTask)
            .tolerable(!task.is_query);
        strike.strikes(chance, |_| {
            format!(
                "evict {} from the cache of worker {}",
                task.workflow, task.task_queue
            )
        })?;
        Some(TaskFate::Evict)
    }
}
