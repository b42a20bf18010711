//! The number of times that a mock is to be called.

use std::panic::Location;

use super::{CodeError, WorkerCode};
use crate::expected_calls::{CallCount, ExpectedCalls};

impl WorkerCode {
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
