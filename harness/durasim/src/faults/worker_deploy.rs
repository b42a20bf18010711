//! `worker_deploy`: the pool restarts with another version of the workflow code.
//!
//! On a real cluster somebody deploys while workflows run. Open runs lose their place in the old
//! processes' caches and are replayed by the new code, which must issue the commands that the old
//! code issued. The worker names its versions in the order of deployment
//! (`env.worker(..).version("v2", ..)`); any later one may follow, at any boundary of a workflow
//! task: as the old process has got one, or after the service recorded one. An earlier one follows
//! where a person says so, who fears that it is rolled back. Running activities die with the old
//! process, so it strikes only where they can be tried again.

use super::{
    Chance, FaultKind, FaultRule, Strike, Struck, TaskFate, TaskMoment, TaskView, placement::Moment,
};
use crate::label::Label;

/// How long the pool is away, in virtual milliseconds.
const RESTART_AFTER_MS: u64 = 1_000;

pub(crate) struct WorkerDeploy;

impl FaultRule for WorkerDeploy {
    fn kind(&self) -> FaultKind {
        FaultKind::WorkerDeploy
    }

    fn task(&self, strike: &mut Strike<'_>, task: &TaskView<'_>) -> Option<TaskFate> {
        let later =
            u32::try_from(task.versions.len().saturating_sub(task.version + 1)).unwrap_or(0);
        let moment = match task.moment {
            _ if task.versions.len() < 2 => return None,
            TaskMoment::Done => return None,
            TaskMoment::Arrives if task.is_query => return None,
            TaskMoment::Arrives => Moment::BeforeWorkflowTask,
            TaskMoment::Recorded => Moment::AfterWorkflowTask,
        };
        let mut chance = Chance::new(Label::Workflow(task.workflow), moment)
            .ways(later)
            .tolerable(task.tolerates_crash)
            .versions(task.versions);
        if moment == Moment::BeforeWorkflowTask {
            let tolerable = chance.tolerable && strike.tolerates_lost_task(task.workflow);
            chance = chance
                .tolerable(tolerable)
                .sets_back(Label::Workflow(task.workflow));
        }
        let struck = strike.strikes(chance, |struck| {
            let name = &task.versions[version(struck, task)];
            let when = if moment == Moment::BeforeWorkflowTask {
                "before"
            } else {
                "after"
            };
            format!(
                "deploy version {name} to worker {} {when} a workflow task of {}",
                task.task_queue, task.workflow
            )
        })?;
        Some(TaskFate::Crash {
            restart_after_ms: RESTART_AFTER_MS,
            version: version(&struck, task),
        })
    }
}

/// Which version is deployed: the one that a person named, or the way's.
fn version(struck: &Struck, task: &TaskView<'_>) -> usize {
    let named = struck
        .version
        .as_ref()
        .and_then(|name| task.versions.iter().position(|version| version == name));
    named
        .unwrap_or(task.version + struck.way as usize)
        .min(task.versions.len() - 1)
}
