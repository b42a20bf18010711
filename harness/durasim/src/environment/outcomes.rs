//! Outcomes of a mock, one for each call.

use std::{
    collections::{BTreeMap, VecDeque},
    future::{Pending, Ready, pending, ready},
    panic::Location,
    sync::{Mutex, PoisonError},
};

use durasim_worker::activity::ActivityCall;
use futures::future::Either;

use crate::{checks::mocks, expected_calls::Mocked, mock_workflow::WorkflowCall, world::World};

/// A call of a mock: of an activity or of a workflow.
///
/// ```
#[doc = include_str!("../../docs/prologue.md")]
/// # passes(|env| Box::pin(async move {
/// let worker = env.worker("reminders").workflow::<Reminder>();
/// // An `ActivityCall` is one, and so is a `WorkflowCall`.
/// worker.mock_activity(Mailer::remind, returns_in_order([Ok("sent".to_owned())])).start()?;
/// assert_eq!(remind_ann(&env).await?, "sent");
/// # Ok(())
/// # }));
/// ```
pub trait MockCall {
    /// Returns who calls.
    #[doc(hidden)]
    fn caller(&self) -> Caller;
}

/// The caller of a mock.
#[doc(hidden)]
#[derive(Debug)]
pub struct Caller {
    mocked: Mocked,
    /// The run and the activity id, if several attempts may ask for the same.
    activity: Option<(String, String)>,
}

impl<Input> MockCall for ActivityCall<Input> {
    fn caller(&self) -> Caller {
        let info = self.info();
        let run_id = info.workflow_run_id.clone().unwrap_or_default();
        Caller {
            mocked: Mocked::Activity(info.activity_type.clone()),
            activity: Some((run_id, info.activity_id.clone())),
        }
    }
}

impl<Input> MockCall for WorkflowCall<Input> {
    fn caller(&self) -> Caller {
        Caller {
            mocked: Mocked::Workflow(self.workflow_type.clone()),
            activity: None,
        }
    }
}

/// The future of an outcome: ready, or of a call that has none, which ends the world.
#[doc(hidden)]
pub type InOrder<T, E> = Either<Ready<Result<T, E>>, Pending<Result<T, E>>>;

/// The outcomes that are left, and those that attempts of activities got.
struct Outcomes<T, E> {
    left: VecDeque<Result<T, E>>,
    results: BTreeMap<(String, String), T>,
}

/// Returns a mock that returns these outcomes in order, one for each call, and then fails the test:
/// the check `mocks` names the call that has no outcome.
///
/// An activity that is retried after an error takes the next outcome. An attempt whose result was
/// lost to a fault is repeated with the same result. Calls that run side by side are in the order
/// in which they start, which differs from world to world.
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
/// #     async fn run(ctx: &mut WorkflowContext<Self>, user: String) -> WorkflowResult<String> {
/// #         let minute = ActivityOptions::start_to_close_timeout(Duration::from_secs(60));
/// #         Ok(ctx.execute_activity(Mailer::remind, user, minute).await?)
/// #     }
/// # }
/// #[workflow_test]
/// # async fn outside_a_test_build_the_attribute_leaves_nothing(env: TestWorkflowEnvironment) {}
/// async fn the_mail_goes_out_at_the_second_attempt(env: TestWorkflowEnvironment) -> TestResult {
///     let outcomes = [Err(std::io::Error::other("busy").into()), Ok("sent".to_owned())];
///     env.worker("reminders")
///         .workflow::<Reminder>()
///         .mock_activity(Mailer::remind, returns_in_order(outcomes))
///         .start()?;
///     let options = WorkflowStartOptions::new("reminders", "reminder-1").build();
///     let reminder = env.client().start_workflow(Reminder::run, "ann".to_owned(), options).await?;
///     assert_eq!(reminder.get_result(Default::default()).await?, "sent");
///     assert_eq!(env.calls(Mailer::remind).len(), 2);
///     Ok(())
/// }
/// # let body = |env| -> futures::future::LocalBoxFuture<'static, TestResult> {
/// #     Box::pin(the_mail_goes_out_at_the_second_attempt(env))
/// # };
/// # let report = durasim::advanced::run_world(&body, &durasim::advanced::WorldOptions::default());
/// # assert!(report.failure.is_none(), "{:?}", report.failure);
/// ```
#[track_caller]
pub fn returns_in_order<C: MockCall, T: Clone, E>(
    outcomes: impl IntoIterator<Item = Result<T, E>>,
) -> impl Fn(C) -> InOrder<T, E> {
    let location = Location::caller();
    let left: VecDeque<_> = outcomes.into_iter().collect();
    let count = left.len();
    let outcomes = Mutex::new(Outcomes {
        left,
        results: BTreeMap::new(),
    });
    move |call| {
        let Caller { mocked, activity } = call.caller();
        let mut outcomes = outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(result) = activity.as_ref().and_then(|it| outcomes.results.get(it)) {
            return Either::Left(ready(Ok(result.clone())));
        }
        let Some(outcome) = outcomes.left.pop_front() else {
            let failure = mocks::no_outcome_left(&mocked, count, location);
            World::current().state().fail(failure);
            return Either::Right(pending());
        };
        if let (Some(activity), Ok(result)) = (activity, &outcome) {
            outcomes.results.insert(activity, result.clone());
        }
        Either::Left(ready(outcome))
    }
}
