//! Building workers: the code that a simulated worker process runs.

mod mocks;

use std::{future::Future, mem, rc::Rc, sync::Arc};

use durasim_worker::{
    RegistrationError, WorkflowDefinitions, WorkflowWorkerOptions,
    activity::{ActivityCall, ActivityDefinitions, ActivityRegistrationError},
};
use temporalio_common::{
    ActivityDefinition, ActivityError, WorkflowDefinition, data_converters::TemporalSerializable,
};
use temporalio_sdk::{
    activities::ExecutableActivity, workflow_interceptors::WorkflowInterceptorConstructor,
};
use temporalio_workflow::{WorkflowResult, workflows::WorkflowImplementation};

use super::start_error::StartError;
use crate::{
    expected_calls::{CallCount, ExpectedCalls, Mocked},
    mock_workflow::{MockWorkflows, WorkflowCall},
    world::{WorkerSpec, WorkerVersion, WorkflowTaskFailures, World},
};

enum CodeError {
    Workflow(RegistrationError),
    MockedTwice(String),
    TimesOfNothing,
    Activity(ActivityRegistrationError),
}

type Instances = Rc<dyn Fn(&mut ActivityDefinitions) -> Result<(), ActivityRegistrationError>>;
type OptionSetter = Rc<dyn Fn(&mut WorkflowWorkerOptions)>;

/// The code of one version of a worker: its workflows and activities.
///
/// ```
#[doc = include_str!("../../docs/prologue.md")]
/// # passes(|env| Box::pin(async move {
/// env.worker("reminders")
///     .workflow::<Reminder>()
///     .activity(Mailer::remind)
///     // The second version has another activity, and all else from the first.
///     .version("v2", |code| {
///         code.mock_activity(Mailer::remind, |_| async { Ok("by post".to_owned()) })
///     })
///     .start()?;
/// assert_eq!(remind_ann(&env).await?, "ann"); // no fault deployed it
/// # Ok(())
/// # }));
/// ```
#[derive(Default)]
pub struct WorkerCode {
    workflows: WorkflowDefinitions,
    mocks: MockWorkflows,
    activities: ActivityDefinitions,
    /// The makers of instances, called at each start of the process.
    instances: Vec<Instances>,
    options: Vec<OptionSetter>,
    /// The mock that was registered last.
    last_mock: Option<Mocked>,
    expected_calls: Vec<ExpectedCalls>,
    error: Option<CodeError>,
}

impl WorkerCode {
    /// Registers a workflow, as the SDK's worker does.
    #[must_use]
    pub fn workflow<W>(mut self) -> Self
    where
        W: WorkflowImplementation,
        <W::Run as WorkflowDefinition>::Input: Send,
    {
        if let Err(error) = self.workflows.register::<W>() {
            self.error.get_or_insert(CodeError::Workflow(error));
        }
        self
    }

    /// Registers a workflow whose instances a closure makes, as the SDK's worker does.
    #[must_use]
    pub fn workflow_with_factory<W, F>(mut self, factory: F) -> Self
    where
        W: WorkflowImplementation,
        <W::Run as WorkflowDefinition>::Input: Send,
        F: Fn() -> W + Send + Sync + 'static,
    {
        if let Err(error) = self.workflows.register_with_factory::<W, F>(factory) {
            self.error.get_or_insert(CodeError::Workflow(error));
        }
        self
    }

    /// Registers a workflow interceptor, as the SDK's worker does.
    #[must_use]
    pub fn workflow_interceptor(mut self, constructor: WorkflowInterceptorConstructor) -> Self {
        self.workflows.workflow_interceptor(constructor);
        self
    }

    /// Registers an activity. Its instance, if it needs one, is found by type among the
    /// implementers.
    ///
    /// The activity runs without inbound interceptors. They take the SDK's `ExecuteActivityInput`
    /// and `Next`, which have no public constructors, so only the SDK's own worker can call them.
    #[must_use]
    pub fn activity<AD: ExecutableActivity>(mut self, _activity: AD) -> Self {
        let result = self.activities.register::<AD>().map(drop);
        self.keep(result)
    }

    /// Registers the instance on which activities of its type are called. The instance outlives
    /// crashes of the worker, so it may hold only state that a crash does not lose; see
    /// [`implementer_with`](Self::implementer_with).
    #[must_use]
    pub fn implementer<T: Send + Sync + 'static>(mut self, instance: T) -> Self {
        let result = self.activities.implementer(Arc::new(instance)).map(drop);
        self.keep(result)
    }

    /// Registers a maker of the instance on which activities of its type are called. Each start of
    /// the worker process makes a new instance: a crash loses its state in memory, as a real crash
    /// would.
    #[must_use]
    pub fn implementer_with<T: Send + Sync + 'static>(
        mut self,
        make: impl Fn() -> T + 'static,
    ) -> Self {
        self.instances.push(Rc::new(move |activities| {
            activities.implementer(Arc::new(make())).map(drop)
        }));
        self
    }

    /// Registers a type of heartbeat details. Only types that are neither plain values nor an input
    /// or output of a registered activity need it.
    #[must_use]
    pub fn heartbeat_details<T: TemporalSerializable + 'static>(mut self) -> Self {
        self.activities.heartbeat_details::<T>();
        self
    }

    /// Sets any other option of the worker: data converter, errors that fail workflows, build id.
    #[must_use]
    pub fn options(mut self, set: impl Fn(&mut WorkflowWorkerOptions) + 'static) -> Self {
        self.options.push(Rc::new(set));
        self
    }

    fn keep(mut self, result: Result<(), ActivityRegistrationError>) -> Self {
        if let Err(error) = result {
            self.error.get_or_insert(CodeError::Activity(error));
        }
        self
    }

    /// Builds the version, with everything that only the version before it has.
    fn finish(
        self,
        name: String,
        task_queue: &str,
        before: Option<&WorkerVersion>,
    ) -> Result<WorkerVersion, StartError> {
        let Self {
            mut workflows,
            mut mocks,
            activities,
            instances,
            options,
            last_mock: _,
            expected_calls: _,
            error,
        } = self;
        let task_queue_name = task_queue.to_owned();
        let activity_error = |source| StartError::Activity {
            task_queue: task_queue_name.clone(),
            source,
        };
        match error {
            Some(CodeError::Workflow(source)) => {
                return Err(StartError::Workflow {
                    task_queue: task_queue.to_owned(),
                    source,
                });
            }
            Some(CodeError::MockedTwice(workflow_type)) => {
                return Err(StartError::WorkflowMockedTwice {
                    task_queue: task_queue.to_owned(),
                    workflow_type,
                });
            }
            Some(CodeError::TimesOfNothing) => {
                return Err(StartError::TimesOfNothing {
                    task_queue: task_queue.to_owned(),
                });
            }
            Some(CodeError::Activity(source)) => return Err(activity_error(source)),
            None => {}
        }
        if let Some(before) = before {
            let own = workflows.clone();
            workflows.inherit(&before.workflows, |it| mocks.get(it).is_some());
            mocks.inherit(&before.mocks, |it| own.contains(it));
        }
        let inherited = before.map(|before| before.activities.clone());
        let any_workflow = workflows.types().chain(mocks.types()).next().is_some();
        if !any_workflow && activities.names().is_empty() && inherited.is_none() {
            return Err(StartError::Nothing {
                task_queue: task_queue.to_owned(),
            });
        }
        let make = move || -> Result<_, ActivityRegistrationError> {
            let mut activities = activities.clone();
            for instance in &instances {
                instance(&mut activities)?;
            }
            if let Some(inherited) = &inherited {
                activities.inherit(&inherited());
            }
            Ok(activities)
        };
        // A rehearsal: an error here would appear at every start of the process.
        make()
            .map_err(activity_error)?
            .check_instances(task_queue)?;
        let activities = Rc::new(move || make().expect("the rehearsal found no instance twice"));
        let options_before = before.map(|before| before.options.clone());
        let options = Rc::new(move |all: &mut WorkflowWorkerOptions| {
            for set in options_before.iter().chain(&options) {
                set(all);
            }
        });
        Ok(WorkerVersion {
            name,
            workflows,
            mocks,
            activities,
            options,
        })
    }
}

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
            task_failures,
            version_names,
            versions: built,
        });
        Ok(())
    }
}
