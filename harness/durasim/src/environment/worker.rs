//! The code that a simulated worker process runs.

mod mocks;
mod real_io;

use std::{collections::BTreeSet, rc::Rc, sync::Arc};

use durasim_worker::{
    RegistrationError, WorkflowDefinitions, WorkflowWorkerOptions,
    activity::{ActivityDefinitions, ActivityRegistrationError},
};
use temporalio_common::{
    WorkflowDefinition, data_converters::TemporalSerializable, worker::WorkerDeploymentOptions,
};
use temporalio_sdk::{
    activities::ExecutableActivity, workflow_interceptors::WorkflowInterceptorConstructor,
};
use temporalio_workflow::workflows::WorkflowImplementation;

use super::start_error::StartError;
use crate::{
    expected_calls::{ExpectedCalls, Mocked},
    mock_workflow::MockWorkflows,
    world::WorkerVersion,
};

enum CodeError {
    Workflow(RegistrationError),
    MockedTwice(String),
    TimesOfNothing,
    Activity(ActivityRegistrationError),
    RealIoOfNone,
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
    last_activity: Option<String>,
    /// The activities that may do real input and output.
    real_io: BTreeSet<String>,
    /// The makers of instances, called at each start of the process.
    instances: Vec<Instances>,
    options: Vec<OptionSetter>,
    /// The mock that was registered last.
    last_mock: Option<Mocked>,
    pub(super) expected_calls: Vec<ExpectedCalls>,
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
        self.last_activity = Some(AD::definition().name().to_owned());
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

    /// Sets the version of the deployment that the worker belongs to, as the SDK's
    /// `WorkerOptions::deployment_options` does. With `use_worker_versioning` the service routes
    /// the tasks of each run by it, once the version is current or ramping.
    #[must_use]
    pub fn deployment_options(self, deployment: WorkerDeploymentOptions) -> Self {
        self.options(move |options| options.deployment_options = Some(deployment.clone()))
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
    pub(super) fn finish(
        self,
        name: String,
        task_queue: &str,
        before: Option<&WorkerVersion>,
    ) -> Result<WorkerVersion, StartError> {
        let Self {
            mut workflows,
            mut mocks,
            activities,
            last_activity: _,
            mut real_io,
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
            Some(CodeError::RealIoOfNone) => {
                return Err(StartError::RealIoOfNoActivity {
                    task_queue: task_queue.to_owned(),
                });
            }
            None => {}
        }
        if let Some(before) = before {
            let own = workflows.clone();
            workflows.inherit(&before.workflows, |it| mocks.get(it).is_some());
            mocks.inherit(&before.mocks, |it| own.contains(it));
            real_io.extend(before.real_io.iter().cloned());
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
            real_io,
            options,
        })
    }
}
