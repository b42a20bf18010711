//! The environment of a test: its workers, its client, and its view of the world.

mod actor;
mod history;
mod import;
#[cfg(feature = "nexus")]
mod nexus;
mod outcomes;
mod start_error;
mod worker;
mod worker_builder;

pub use actor::Actor;
pub use history::WorkflowTarget;
pub use import::{Import, ImportError};
pub use outcomes::{InOrder, MockCall, returns_in_order};
pub use start_error::StartError;
pub use worker::WorkerCode;
pub use worker_builder::WorkerBuilder;

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, SystemTime},
};

use durasim_worker::activity::ActivityCallRecord;
use serde::Serialize;
use temporalio_client::{Client, ClientOptions, Connection};
use temporalio_common::{ActivityDefinition, WorkflowDefinition};

use crate::{
    Effect, EffectLedger,
    checks::effects_once,
    history::History,
    looks::{self, Look},
    mock_workflow::WorkflowCallRecord,
    words::{call_words, timed},
    world::{World, connection},
};

/// One simulated world, as its test sees it: a Temporal service with time that skips.
///
/// [`#[workflow_test]`](crate::workflow_test) hands it to the test. It is a light handle: clone it
/// into mocks, activities and actors at will. It works only on the thread of its test, until the
/// test returns.
///
/// ```
/// use durasim::prelude::*;
/// use temporalio_macros::{workflow, workflow_methods};
/// use temporalio_sdk::{WorkflowContext, WorkflowResult};
///
/// #[workflow]
/// #[derive(Default)]
/// struct Patience;
///
/// #[workflow_methods]
/// impl Patience {
///     #[run]
///     async fn run(ctx: &mut WorkflowContext<Self>, days: u64) -> WorkflowResult<String> {
///         ctx.timer(Duration::from_secs(days * 24 * 3600)).await;
///         Ok(format!("{days} days later"))
///     }
/// }
///
/// #[workflow_test]
/// async fn waiting_costs_nothing(env: TestWorkflowEnvironment) -> TestResult {
///     env.worker("queue").workflow::<Patience>().start()?;
///     let options = WorkflowStartOptions::new("queue", "patience-1").build();
///     let handle = env.client().start_workflow(Patience::run, 30, options).await?;
///     assert_eq!(handle.get_result(Default::default()).await?, "30 days later");
///     Ok(())
/// }
/// # fn main() {}
/// ```
#[derive(Clone, Debug)]
pub struct TestWorkflowEnvironment(());

impl TestWorkflowEnvironment {
    pub(crate) fn new() -> Self {
        Self(())
    }

    /// Returns a builder of a worker for this task queue; [`WorkerBuilder::start`] starts the
    /// worker.
    pub fn worker(&self, task_queue: impl Into<String>) -> WorkerBuilder {
        WorkerBuilder::new(task_queue.into())
    }

    /// Returns the official client, connected to the simulated service.
    #[track_caller]
    pub fn client(&self) -> Client {
        let namespace = World::current().state().namespace.clone();
        self.client_with(ClientOptions::new(namespace).build())
    }

    /// Returns the official client with other options: a data converter, interceptors, another
    /// namespace.
    ///
    /// # Panics
    ///
    /// If the options hold a plugin that refuses the simulated connection.
    #[track_caller]
    pub fn client_with(&self, options: ClientOptions) -> Client {
        Client::new(self.connection(), options)
            .expect("a client over the simulated connection has no plugins to fail")
    }

    /// Returns the connection under the client, for raw RPCs.
    pub fn connection(&self) -> Connection {
        connection()
    }

    /// Waits for this much virtual time, which takes no real time: the clock skips from one thing
    /// due to the next. A sleep of zero lets others go first.
    ///
    /// Everything that is due at the same instant happens before: after `sleep(DAY)` a timer of a
    /// day has fired, and its workflow has gone on. In worlds of a seed it may also happen after,
    /// because the seed chooses order and latency.
    pub async fn sleep(&self, duration: Duration) {
        if duration.is_zero() {
            return tokio::task::yield_now().await;
        }
        tokio::time::sleep(duration).await;
        let rest = World::try_current().and_then(|world| world.rest());
        if let Some(rest) = rest {
            // The end of the world drops the sender, and the sleeper with it.
            let _ = rest.await;
        }
    }

    /// Returns the virtual time. Every world begins at the same instant, 2024-01-01T00:00:00Z.
    #[track_caller]
    pub fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(World::current().clock.now_ms())
    }

    /// Starts an actor beside the test: another client, say. After the test has returned, the world
    /// goes on until its actors are done or nothing can happen any more. An actor that panics fails
    /// the test. An actor that returns an error does not: awaiting the [`Actor`] returns its
    /// output.
    #[track_caller]
    pub fn spawn<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> Actor<T> {
        actor::spawn(&World::current(), future)
    }

    /// Returns the history of a workflow so far. The workflow is named by its handle or by its id,
    /// for its latest run; or by workflow id and run id, for that run.
    ///
    /// # Panics
    ///
    /// If there is no such workflow.
    #[track_caller]
    pub fn history(&self, workflow: impl WorkflowTarget) -> History {
        history::read(&World::current(), &workflow)
    }

    /// Returns the history of every run of a workflow, in the order in which the runs started:
    /// those of a chain that continued as new or was retried, and each time that its id was used
    /// again.
    ///
    /// # Panics
    ///
    /// If there is no such workflow.
    #[track_caller]
    pub fn histories(&self, workflow: impl WorkflowTarget) -> Vec<History> {
        history::read_all(&World::current(), &workflow)
    }

    /// Lets an open run of a real service go on in this world, as it was after the last event of
    /// its history; await it.
    ///
    /// The clock goes on to the last event first, if it is not there yet. Timers and timeouts are
    /// due when they were due, even if that is past. Pending activities wait for a worker;
    /// [`Import`] says what a history does not tell, and has setters. A scheduled workflow task is
    /// for the workers of the run's task queue; one that a worker had started times out, as on a
    /// cluster. Workflow id, run id, memo, search attributes, timeouts, retry policy and cron
    /// schedule are kept.
    ///
    /// After the test has returned, the world goes on until the run has closed, or nothing can
    /// happen any more.
    ///
    /// ```
    #[doc = include_str!("../../docs/prologue.md")]
    /// # passes(|env| Box::pin(async move {
    /// # let json = r#"{ "events": [{
    /// #     "eventId": 1, "eventTime": "2024-03-01T12:00:00Z",
    /// #     "eventType": "WorkflowExecutionStarted",
    /// #     "workflowExecutionStartedEventAttributes": {
    /// #         "workflowType": { "name": "Reminder" }, "taskQueue": { "name": "reminders" },
    /// #         "input": ["ann"], "workflowId": "reminder-1"
    /// #     }
    /// # }] }"#;
    /// let history = History::from_json(json)?; // or from_file("tests/histories/reminder-1.json")
    /// env.worker("reminders").workflow::<Reminder>().activity(Mailer::remind).start()?;
    /// env.import(&history).await?;
    /// let reminder = env.client().get_workflow_handle::<Reminder>("reminder-1");
    /// assert_eq!(reminder.get_result(Default::default()).await?, "ann");
    /// # Ok(())
    /// # }));
    /// ```
    ///
    /// # Errors
    ///
    /// If the run has closed, or is in the way of another run of this world.
    pub fn import(&self, history: &History) -> Import {
        Import::new(history.clone())
    }

    /// Replays the history of a run from elsewhere at the end of the world, with the code of the
    /// worker that has its workflow type: the one of its task queue, or else any. The clocks and
    /// the entropy of the replay are others than those of the run.
    ///
    /// Code that no longer does what the run did fails the test (DS101), and so does a type that no
    /// worker has (DS005). Code may give its commands other inputs than the run did. See
    /// [`import`](Self::import) for going on with an open run.
    ///
    /// ```
    #[doc = include_str!("../../docs/prologue.md")]
    /// # passes(|env| Box::pin(async move {
    /// # let json = {
    /// # env.worker("reminders").workflow::<Reminder>().activity(Mailer::remind).start()?;
    /// # remind_ann(&env).await?;
    /// # env.history("reminder-1").to_json()
    /// # };
    /// let history = History::from_json(json)?; // or from_file("tests/histories/reminder-1.json")
    /// env.worker("reminders").workflow::<Reminder>().activity(Mailer::remind).start()?;
    /// env.replay(&history);
    /// # Ok(())
    /// # }));
    /// ```
    #[track_caller]
    pub fn replay(&self, history: &History) {
        World::current().state().given.push(history.clone());
    }

    /// Returns every attempt of this activity that reached its code or its mock, in the order in
    /// which the attempts started.
    #[track_caller]
    pub fn calls<AD: ActivityDefinition>(&self, activity: AD) -> Vec<ActivityCallRecord> {
        let calls = World::current()
            .state()
            .activity_log
            .of_type(activity.name());
        looks::note(|| Look {
            at: format!("the calls of {}", activity.name()),
            value: timed(calls.iter().map(call_words)),
        });
        calls
    }

    /// Returns every attempt of every activity that reached its code or its mock, in the order in
    /// which the attempts started: who called what after what.
    #[track_caller]
    pub fn all_calls(&self) -> Vec<ActivityCallRecord> {
        World::current().state().activity_log.all()
    }

    /// Returns every call of this workflow's mock, one for each run, in order; see
    /// [`mock_workflow`](WorkerBuilder::mock_workflow).
    #[track_caller]
    pub fn workflow_calls<W: WorkflowDefinition>(&self, workflow: W) -> Vec<WorkflowCallRecord> {
        World::current().state().mocked_calls(workflow.name())
    }

    /// Shares a value that crashes of workers do not lose, like a database or another service.
    ///
    /// The instances of activities that [`implementer_with`](WorkerBuilder::implementer_with) makes
    /// die with their process; a shared value in them stays.
    pub fn shared<T>(&self, value: T) -> Arc<T> {
        Arc::new(value)
    }

    /// Returns an empty ledger of effects, which stands for a part of the outside world: it
    /// outlives crashes of workers, and the check `effects_once` watches it. Reports call it by
    /// this name.
    #[track_caller]
    pub fn ledger<E: Effect>(&self, name: impl Into<Arc<str>>) -> EffectLedger<E> {
        let ledger = EffectLedger::new(name);
        World::current()
            .checks
            .borrow_mut()
            .watch(effects_once::watch(ledger.clone()));
        ledger
    }

    /// Observes a value that must be the same in every world as in the fault-free world. It is read
    /// when the world has ended.
    ///
    /// Only observed values are compared, since a race may rightly end either way.
    #[track_caller]
    pub fn observe<T: Serialize>(&self, name: impl Into<String>, read: impl Fn() -> T + 'static) {
        let read = move || serde_json::to_value(read()).map_err(|error| error.to_string());
        World::current()
            .checks
            .borrow_mut()
            .observe(name.into(), Box::new(read));
    }

    /// Observes how a workflow closed, and its result, as [`observe`](Self::observe) does.
    #[track_caller]
    pub fn observe_result(&self, workflow: &impl WorkflowTarget) {
        let id = workflow.workflow_id().to_owned();
        let name = format!("result of {id}");
        World::current().checks.borrow_mut().observe(
            name,
            Box::new(move || Ok(history::outcome(&World::current(), &id))),
        );
    }

    /// Adds a condition that must hold after every step of the world.
    ///
    /// The closure returns a pair of values that must be equal, a `Result` with the reason, or
    /// `bool`; or it asserts and returns nothing. The report shows the values: see
    /// [`Holds`](crate::Holds).
    ///
    /// ```
    /// use std::{cell::Cell, rc::Rc};
    ///
    /// use durasim::prelude::*;
    ///
    /// #[workflow_test]
    /// async fn money_is_neither_made_nor_lost(env: TestWorkflowEnvironment) {
    ///     let (paid, received) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    ///     let (sent, arrived) = (paid.clone(), received.clone());
    ///     env.invariant("all that is sent arrives", move || (sent.get(), arrived.get()));
    ///     env.invariant("nobody is overdrawn", move || assert!(paid.get() >= 0, "{paid:?}"));
    /// }
    /// # fn main() {}
    /// ```
    #[track_caller]
    pub fn invariant<T: crate::checks::Holds>(
        &self,
        name: impl Into<String>,
        holds: impl Fn() -> T + 'static,
    ) {
        let location = std::panic::Location::caller();
        World::current().checks.borrow_mut().invariant(
            name.into(),
            location,
            Box::new(move || holds().holds()),
        );
    }

    /// Bounds the time that faults may cost: in every world each workflow closes at most so much
    /// later than in the fault-free world, or so long after the last fault, if that was later.
    ///
    /// Without a bound a workflow may be as late as its timeouts allow. If the worker of a long
    /// activity without a heartbeat timeout dies, nobody notices before start-to-close has passed.
    /// The summary of a search that passes names the slowest recovery.
    ///
    /// ```
    /// use durasim::prelude::*;
    ///
    /// async fn test(env: TestWorkflowEnvironment) -> TestResult {
    ///     env.recovers_within(Duration::from_secs(10 * 60));
    ///     Ok(())
    /// }
    /// ```
    #[track_caller]
    pub fn recovers_within(&self, duration: Duration) {
        let allowed_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        World::current()
            .checks
            .borrow_mut()
            .recovers_within(allowed_ms);
    }

    /// Draws a picture of the test's first world, if the test passes: one HTML file, whose path the
    /// test prints. A test that fails always draws the world that failed.
    ///
    /// `DURASIM_VIEW=1` does so for every test, without a change of its code.
    ///
    /// ```no_run
    /// use durasim::prelude::*;
    ///
    /// async fn test(env: TestWorkflowEnvironment) -> TestResult {
    ///     env.view();
    ///     Ok(())
    /// }
    /// ```
    pub fn view(&self) {
        World::current().checks.borrow_mut().wants_view = true;
    }

    /// Marks a label as reached in this world, or not. A label that no world of the search reaches
    /// fails the test.
    #[track_caller]
    pub fn sometimes(&self, label: impl Into<String>, reached: bool) {
        let location = std::panic::Location::caller();
        World::current()
            .checks
            .borrow_mut()
            .sometimes(label.into(), location, reached);
    }
}
