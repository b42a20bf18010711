//! The code that a worker process is started from.

use std::{collections::BTreeSet, rc::Rc};

use durasim_worker::{WorkflowDefinitions, WorkflowWorkerOptions, activity::ActivityDefinitions};

use super::Slots;
use crate::mock_workflow::MockWorkflows;

/// The verdict on workflow code that fails its workflow task on every attempt.
///
/// ```
#[doc = include_str!("../../../docs/prologue.md")]
/// # passes(|env| Box::pin(async move {
/// env.worker("reminders")
///     .workflow::<Reminder>() // whose code a deploy mends
///     .activity(Mailer::remind)
///     .workflow_task_failures(WorkflowTaskFailures::Tolerated)
///     .start()?;
/// remind_ann(&env).await?;
/// # Ok(())
/// # }));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WorkflowTaskFailures {
    /// The third attempt that fails in a row ends the world: the service would retry the task
    /// forever.
    #[default]
    Fatal,
    /// The service retries the task, as a real one does, until a deploy has mended the code.
    Tolerated,
}

/// The specification of a worker: its process is started from it again after each crash.
pub(crate) struct WorkerSpec {
    pub(crate) task_queue: Rc<str>,
    pub(crate) identity: String,
    /// The number of runs that are kept between their tasks; 0 switches the cache off.
    pub(crate) max_cached: usize,
    pub(crate) slots: Slots,
    /// The time from the beginning of a shutdown until running attempts are asked to stop, in
    /// virtual milliseconds; `None` if they are not.
    pub(crate) grace_ms: Option<u64>,
    pub(crate) task_failures: WorkflowTaskFailures,
    /// The versions of the code, in the order in which they are deployed.
    pub(crate) versions: Vec<WorkerVersion>,
    pub(crate) version_names: Vec<String>,
}

/// One version of a worker's code.
pub(crate) struct WorkerVersion {
    pub(crate) name: String,
    pub(crate) workflows: WorkflowDefinitions,
    /// The mocks of workflows. The mock of a type goes before its code.
    pub(crate) mocks: MockWorkflows,
    /// Makes the activities as the process does when it starts.
    pub(crate) activities: Rc<dyn Fn() -> ActivityDefinitions>,
    /// The activities that may do real input and output.
    pub(crate) real_io: BTreeSet<String>,
    pub(crate) options: Rc<dyn Fn(&mut WorkflowWorkerOptions)>,
}

impl WorkerSpec {
    /// Returns the options with which a process runs the workflows of this version of the code.
    pub(crate) fn options(
        &self,
        version: usize,
        namespace: &str,
        incarnation: u32,
    ) -> WorkflowWorkerOptions {
        let identity = format!("{}-{incarnation}", self.identity);
        let mut options = WorkflowWorkerOptions::new(namespace, &*self.task_queue, identity);
        (self.versions[version].options)(&mut options);
        options.max_cached = self.max_cached;
        if self.max_cached == 0 {
            options.sticky_queue = None;
        }
        options
    }
}
