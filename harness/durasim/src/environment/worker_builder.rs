//! Building workers: their code, their options, and their start.

use std::{future::Future, mem, time::Duration};

use durasim_worker::{WorkflowWorkerOptions, activity::ActivityCall};
use temporalio_common::{
    ActivityDefinition, ActivityError, WorkflowDefinition, data_converters::TemporalSerializable,
    worker::WorkerDeploymentOptions,
};
use temporalio_sdk::{
    activities::ExecutableActivity, runtime::worker_tuner::WorkerTuner,
    workflow_interceptors::WorkflowInterceptorConstructor,
};
use temporalio_workflow::{WorkflowResult, workflows::WorkflowImplementation};

use super::{start_error::StartError, worker::WorkerCode};
use crate::{
    expected_calls::CallCount,
    faults::milliseconds,
    mock_workflow::WorkflowCall,
    world::{Slots, WorkerSpec, WorkflowTaskFailures, World},
};

/// A builder of a worker. Nothing runs until [`start`](Self::start).
///
/// ```
#[doc = include_str!("../../docs/prologue.md")]
/// # passes(|env| Box::pin(async move {
/// env.worker("reminders")
///     .workflow::<Reminder>()
///     .mock_activity(Mailer::remind, |call| async move { Ok(format!("mocked {}", call.input)) })
///     .max_cached_workflows(0)
///     .start()?;
/// assert_eq!(remind_ann(&env).await?, "mocked ann");
/// # Ok(())
/// # }));
/// ```
#[must_use = "a worker runs once it is started: end with `.start()?`"]
pub struct WorkerBuilder {
    task_queue: String,
    code: WorkerCode,
    versions: Vec<(String, WorkerCode)>,
    cache: Option<usize>,
    tuner: WorkerTuner,
    grace: Option<Duration>,
    task_failures: WorkflowTaskFailures,
}

/// Gives [`WorkerBuilder`] the methods of [`WorkerCode`].
macro_rules! forward {
    ($(
        $(#[$meta:meta])*
        $name:ident [$($generics:tt)*] ($($arg:ident: $ty:ty),*) [$($bounds:tt)*]
            => |$code:ident| $call:expr;
    )*) => {
        impl WorkerBuilder {
            $(
                $(#[$meta])*
                pub fn $name<$($generics)*>(mut self, $($arg: $ty),*) -> Self
                where
                    $($bounds)*
                {
                    let $code = self.code;
                    self.code = $call;
                    self
                }
            )*
        }
    };
}

forward! {
    /// Registers a workflow; see [`WorkerCode::workflow`].
    workflow[W]() [W: WorkflowImplementation, <W::Run as WorkflowDefinition>::Input: Send]
        => |code| code.workflow::<W>();
    /// Registers a workflow with a factory; see [`WorkerCode::workflow_with_factory`].
    workflow_with_factory[W, F](factory: F) [
        W: WorkflowImplementation,
        <W::Run as WorkflowDefinition>::Input: Send,
        F: Fn() -> W + Send + Sync + 'static
    ] => |code| code.workflow_with_factory::<W, F>(factory);
    /// Mocks a workflow; see [`WorkerCode::mock_workflow`].
    mock_workflow[W, F, R](workflow: W, mock: F) [
        W: WorkflowDefinition + 'static,
        F: Fn(WorkflowCall<W::Input>) -> R + 'static,
        R: Future<Output = WorkflowResult<W::Output>> + 'static
    ] => |code| code.mock_workflow(workflow, mock);
    /// Registers a workflow interceptor; see [`WorkerCode::workflow_interceptor`].
    workflow_interceptor[](constructor: WorkflowInterceptorConstructor) []
        => |code| code.workflow_interceptor(constructor);
    /// Registers an activity; see [`WorkerCode::activity`].
    activity[AD](activity: AD) [AD: ExecutableActivity] => |code| code.activity(activity);
    /// Lets the activity that was registered last do real input and output; see
    /// [`WorkerCode::real_io`].
    real_io[]() [] => |code| code.real_io();
    /// Registers an instance of activities; see [`WorkerCode::implementer`].
    implementer[T](instance: T) [T: Send + Sync + 'static] => |code| code.implementer(instance);
    /// Registers a maker of an instance of activities; see [`WorkerCode::implementer_with`].
    implementer_with[T, F](make: F) [T: Send + Sync + 'static, F: Fn() -> T + 'static]
        => |code| code.implementer_with(make);
    /// Mocks an activity; see [`WorkerCode::mock_activity`].
    mock_activity[AD, F, R](activity: AD, mock: F) [
        AD: ActivityDefinition,
        F: Fn(ActivityCall<AD::Input>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<AD::Output, ActivityError>> + Send + 'static
    ] => |code| code.mock_activity(activity, mock);
    /// Expects that the mock registered last is called so often; see [`WorkerCode::times`].
    #[track_caller]
    times[C](count: C) [C: Into<CallCount>] => |code| code.times(count);
    /// Registers a type of heartbeat details; see [`WorkerCode::heartbeat_details`].
    heartbeat_details[T]() [T: TemporalSerializable + 'static]
        => |code| code.heartbeat_details::<T>();
    /// Sets the worker's deployment version; see [`WorkerCode::deployment_options`].
    deployment_options[](deployment: WorkerDeploymentOptions) []
        => |code| code.deployment_options(deployment);
    /// Sets any other option of the worker; see [`WorkerCode::options`].
    options[F](set: F) [F: Fn(&mut WorkflowWorkerOptions) + 'static] => |code| code.options(set);
}

/// The name of the version that a worker begins with.
const FIRST_VERSION: &str = "v1";

impl WorkerBuilder {
    pub(super) fn new(task_queue: String) -> Self {
        Self {
            task_queue,
            code: WorkerCode::default(),
            versions: Vec::new(),
            cache: None,
            tuner: WorkerTuner::default(),
            grace: None,
            task_failures: WorkflowTaskFailures::default(),
        }
    }

    /// Adds another version of the code. It inherits from the version before it whatever it does
    /// not register itself: workflows and activities by name, instances by type, and options. The
    /// fault [`WorkerDeploy`](crate::FaultKind::WorkerDeploy) may replace the running version by
    /// any later version, at any boundary of a workflow task. The worker begins with version `v1`,
    /// unless another version has that name.
    pub fn version(
        mut self,
        name: impl Into<String>,
        code: impl FnOnce(WorkerCode) -> WorkerCode,
    ) -> Self {
        self.versions
            .push((name.into(), code(WorkerCode::default())));
        self
    }

    /// Sets the number of runs that the worker keeps between their tasks. With 0 each workflow task
    /// replays its run from the first event. The default is 1,000, or 0 under
    /// `#[workflow_test(cache = false)]`.
    pub fn max_cached_workflows(mut self, runs: usize) -> Self {
        self.cache = Some(runs);
        self
    }

    /// Sets the slots of the worker, as the SDK's `WorkerOptions::tuner` does: the tasks of each
    /// kind that it takes at once. The default is the SDK's, 100 of each kind.
    ///
    /// A worker without a free slot does not poll, so tasks wait at the service, and may time out
    /// there. A resource-based tuner always gives out its maximum: a simulated machine is never
    /// busy.
    ///
    /// ```
    /// use durasim::prelude::*;
    /// use temporalio_sdk::runtime::worker_tuner::{FixedSizeSlotSupplier, TunerHolder};
    /// # use temporalio_macros::activities;
    /// # use temporalio_sdk::activities::{ActivityContext, ActivityError};
    /// # struct Printer;
    /// # #[activities]
    /// # impl Printer {
    /// #     #[activity]
    /// #     async fn print(_ctx: ActivityContext) -> Result<(), ActivityError> {
    /// #         Ok(())
    /// #     }
    /// # }
    ///
    /// #[workflow_test]
    /// async fn two_prints_at_once(env: TestWorkflowEnvironment) -> TestResult {
    ///     let tuner = TunerHolder::builder()
    ///         .workflow_task_slot_supplier(FixedSizeSlotSupplier::new(100))
    ///         .activity_task_slot_supplier(FixedSizeSlotSupplier::new(2))
    ///         .local_activity_task_slot_supplier(FixedSizeSlotSupplier::new(100))
    ///         .nexus_task_slot_supplier(FixedSizeSlotSupplier::new(100))
    ///         .build();
    ///     env.worker("printers").activity(Printer::print).tuner(tuner).start()?;
    ///     // ..
    ///     Ok(())
    /// }
    /// # fn main() {}
    /// ```
    pub fn tuner(mut self, tuner: impl Into<WorkerTuner>) -> Self {
        self.tuner = tuner.into();
        self
    }

    /// Sets the time after which a worker that shuts down asks the attempts that still run to stop,
    /// as the SDK's `WorkerOptions::graceful_shutdown_period` does. An attempt that stops then
    /// fails with type `WorkerShutdown`, and is retried. By default the worker waits for them.
    ///
    /// The fault [`WorkerShutdown`](crate::FaultKind::WorkerShutdown) shuts workers down.
    pub fn graceful_shutdown_period(mut self, period: Duration) -> Self {
        self.grace = Some(period);
        self
    }

    /// Sets whether workflow code that fails its task on every attempt ends the world, which it
    /// does by default. A test of code that a deploy mends tolerates it.
    pub fn workflow_task_failures(mut self, failures: WorkflowTaskFailures) -> Self {
        self.task_failures = failures;
        self
    }

    /// Starts the worker, which polls its task queue from now on.
    ///
    /// # Errors
    ///
    /// If something is registered twice, an activity has no instance to be called on, or nothing is
    /// registered.
    #[track_caller]
    pub fn start(self) -> Result<(), StartError> {
        let Self {
            task_queue,
            mut code,
            mut versions,
            cache,
            tuner,
            grace,
            task_failures,
        } = self;
        if task_queue.is_empty() {
            return Err(StartError::EmptyTaskQueue);
        }
        let mut expected_calls = mem::take(&mut code.expected_calls);
        for (_, code) in &mut versions {
            expected_calls.append(&mut code.expected_calls);
        }
        let mut built = vec![code.finish(String::new(), &task_queue, None)?];
        for (name, code) in versions {
            built.push(code.finish(name, &task_queue, built.last())?);
        }
        let mut version_names: Vec<_> = built.iter().map(|version| version.name.clone()).collect();
        if !version_names.iter().any(|name| name == FIRST_VERSION) {
            FIRST_VERSION.clone_into(&mut version_names[0]);
        }
        let world = World::current();
        world.checks.borrow_mut().expect(expected_calls);
        let mut state = world.state();
        let max_cached = cache.unwrap_or(if state.options.cache { 1000 } else { 0 });
        let identity = format!("worker-{}@{task_queue}", state.workers.len() + 1);
        state.start_worker(WorkerSpec {
            task_queue: task_queue.into(),
            identity,
            max_cached,
            slots: Slots::new(&tuner, max_cached),
            grace_ms: grace.map(milliseconds),
            task_failures,
            version_names,
            versions: built,
        });
        Ok(())
    }
}
