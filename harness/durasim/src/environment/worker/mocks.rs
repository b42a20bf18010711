//! Mocks of a worker: closures in place of code, and the number of times that each is called.

use std::{future::Future, panic::Location};

use durasim_worker::activity::ActivityCall;
use temporalio_common::{ActivityDefinition, ActivityError, WorkflowDefinition};
use temporalio_workflow::WorkflowResult;

use super::{CodeError, WorkerCode};
use crate::{
    expected_calls::{CallCount, ExpectedCalls, Mocked},
    mock_workflow::WorkflowCall,
};

impl WorkerCode {
    /// Mocks a workflow: a closure answers in place of its code, for a child as for a workflow that
    /// a client starts. [`workflow_calls`](crate::TestWorkflowEnvironment::workflow_calls) returns
    /// the calls.
    ///
    /// The workflow is named by the marker with which it is started, or by
    /// [`UntypedWorkflow::new`](temporalio_common::UntypedWorkflow::new) if it has no marker. The
    /// closure may sleep, which takes virtual time, and wait for a request to cancel. An error
    /// closes the workflow as an error of its code would. A mock has no handlers: signals have no
    /// effect, and queries and updates are refused.
    ///
    /// ```
    /// use durasim::prelude::*;
    /// use temporalio_macros::{workflow, workflow_methods};
    /// use temporalio_sdk::{ChildWorkflowOptions, WorkflowContext, WorkflowResult};
    ///
    /// # #[workflow]
    /// # #[derive(Default)]
    /// # struct Shipment;
    /// # #[workflow_methods]
    /// # impl Shipment {
    /// #     #[run]
    /// #     async fn run(_: &mut WorkflowContext<Self>, item: String) -> WorkflowResult<String> {
    /// #         Ok(item)
    /// #     }
    /// # }
    /// #[workflow]
    /// #[derive(Default)]
    /// struct Order;
    ///
    /// #[workflow_methods]
    /// impl Order {
    ///     #[run]
    ///     async fn run(ctx: &mut WorkflowContext<Self>, item: String) -> WorkflowResult<String> {
    ///         let options = ChildWorkflowOptions::default();
    ///         Ok(ctx.start_child_workflow(Shipment::run, item, options).await?.result().await?)
    ///     }
    /// }
    ///
    /// #[workflow_test]
    /// async fn an_order_is_shipped(env: TestWorkflowEnvironment) -> TestResult {
    ///     env.worker("orders")
    ///         .workflow::<Order>()
    ///         .mock_workflow(Shipment::run, |call| async move {
    ///             tokio::time::sleep(Duration::from_secs(3 * 24 * 3600)).await; // returns at once
    ///             Ok(format!("{} shipped", call.input))
    ///         })
    ///         .start()?;
    ///     let options = WorkflowStartOptions::new("orders", "order-1").build();
    ///     let order = env.client().start_workflow(Order::run, "book".to_owned(), options).await?;
    ///     assert_eq!(order.get_result(Default::default()).await?, "book shipped");
    ///     assert_eq!(env.workflow_calls(Shipment::run)[0].input::<String>()?, "book");
    ///     Ok(())
    /// }
    /// # fn main() {}
    /// ```
    #[must_use]
    pub fn mock_workflow<W, F, R>(mut self, workflow: W, mock: F) -> Self
    where
        W: WorkflowDefinition + 'static,
        F: Fn(WorkflowCall<W::Input>) -> R + 'static,
        R: Future<Output = WorkflowResult<W::Output>> + 'static,
    {
        self.last_mock = Some(Mocked::Workflow(workflow.name().to_owned()));
        if !self.mocks.register(&workflow, mock) {
            self.error
                .get_or_insert(CodeError::MockedTwice(workflow.name().to_owned()));
        }
        self
    }

    /// Mocks an activity: a closure answers in place of its code, even if the code is registered
    /// too. [`calls`](crate::TestWorkflowEnvironment::calls) returns the calls. A mock that panics,
    /// for an assertion of its own, ends the test; an error is a failed attempt.
    ///
    /// The activity is named by the marker with which workflows call it, or by
    /// [`UntypedActivity::new`](temporalio_common::UntypedActivity::new) if it has no marker.
    #[must_use]
    pub fn mock_activity<AD, F, R>(mut self, activity: AD, mock: F) -> Self
    where
        AD: ActivityDefinition,
        F: Fn(ActivityCall<AD::Input>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<AD::Output, ActivityError>> + Send + 'static,
    {
        self.last_mock = Some(Mocked::Activity(activity.name().to_owned()));
        let result = self.activities.mock(&activity, mock).map(drop);
        self.keep(result)
    }

    /// Expects that the mock registered last is called so often: `2`, `1..` for at least once, or
    /// `0`. The calls are counted when the world has ended, and the check `mocks` fails otherwise.
    ///
    /// A call of an activity counts once, however many attempts it takes: retries and overlapping
    /// attempts, which differ from world to world, are no calls of their own
    /// ([`calls`](crate::TestWorkflowEnvironment::calls) has them). A workflow counts once for each
    /// run, since its mock is called once for each.
    ///
    /// ```
    /// use durasim::prelude::*;
    /// # use temporalio_macros::{activities, workflow, workflow_methods};
    /// # use temporalio_sdk::{
    /// #     ActivityOptions, WorkflowContext, WorkflowResult,
    /// #     activities::{ActivityContext, ActivityError},
    /// # };
    /// # struct Mailer;
    /// # #[activities]
    /// # impl Mailer {
    /// #     #[activity]
    /// #     async fn remind(_: ActivityContext, user: String) -> Result<String, ActivityError> {
    /// #         Ok(user)
    /// #     }
    /// # }
    /// # #[workflow]
    /// # #[derive(Default)]
    /// # struct Reminder;
    /// # #[workflow_methods]
    /// # impl Reminder {
    /// #     #[run]
    /// #     async fn run(ctx: &mut WorkflowContext<Self>, user: String) -> WorkflowResult<String>
    /// #     {
    /// #         let minute = ActivityOptions::start_to_close_timeout(Duration::from_secs(60));
    /// #         Ok(ctx.execute_activity(Mailer::remind, user, minute).await?)
    /// #     }
    /// # }
    /// #[workflow_test(seeds = 64, faults = FaultProfile::all())]
    /// # async fn outside_a_test_build_nothing_is_left(env: TestWorkflowEnvironment) {}
    /// async fn one_mail_is_enough(env: TestWorkflowEnvironment) -> TestResult {
    ///     env.worker("reminders")
    ///         .workflow::<Reminder>()
    ///         .mock_activity(Mailer::remind, |call| async move { Ok(call.input) })
    ///         .times(1)
    ///         .start()?;
    ///     let options = WorkflowStartOptions::new("reminders", "reminder-1").build();
    ///     env.client().start_workflow(Reminder::run, "ann".to_owned(), options).await?;
    ///     Ok(()) // the world goes on until the workflow has closed
    /// }
    /// # use durasim::advanced::{TestCase, TestOptions, run_test};
    /// # let body = |env| -> futures::future::LocalBoxFuture<'static, TestResult> {
    /// #     Box::pin(one_mail_is_enough(env))
    /// # };
    /// # let options = TestOptions::new().seeds(16).faults(FaultProfile::all());
    /// # let case = TestCase { name: "t", file: "", line: 1, manifest_dir: "", options };
    /// # run_test(&case, &body).unwrap();
    /// ```
    #[must_use]
    #[track_caller]
    pub fn times(mut self, count: impl Into<CallCount>) -> Self {
        match self.last_mock.clone() {
            Some(mocked) => self.expected_calls.push(ExpectedCalls {
                mocked,
                count: count.into(),
                location: Location::caller(),
            }),
            None => {
                self.error.get_or_insert(CodeError::TimesOfNothing);
            }
        }
        self
    }
}
