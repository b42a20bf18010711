//! Open runs of real services, which go on in a world.

use std::{
    collections::BTreeMap,
    future::{Future, IntoFuture},
    pin::Pin,
    time::Duration,
};

use durasim_service::ImportedActivity;
use serde::Serialize;
use temporalio_protos::temporal::api::{
    common::v1::{Payload, Payloads},
    failure::v1::{ApplicationFailureInfo, Failure, failure::FailureInfo},
};

/// The reason why a run cannot go on in a world.
///
/// ```
#[doc = include_str!("../../docs/prologue.md")]
/// # passes(|env| Box::pin(async move {
/// env.worker("reminders").workflow::<Reminder>().activity(Mailer::remind).start()?;
/// remind_ann(&env).await?;
/// let error = env.import(&env.history("reminder-1")).await.unwrap_err();
/// assert!(matches!(error, durasim::ImportError::Closed(_)));
/// # Ok(())
/// # }));
/// ```
pub use durasim_service::ImportError;

use crate::{history::History, world::World};

/// An open run that is about to go on in a world; await it. See
/// [`import`](crate::TestWorkflowEnvironment::import).
///
/// Activities are named by their ids, such as `1`, or by their types, such as `Payments::charge`:
/// the outline of the history has the types.
///
/// A history does not tell everything. This is assumed:
///
/// | not in the history | assumed | set by |
/// | --- | --- | --- |
/// | attempt of a pending activity | the first, which waits | [`attempt`](Self::attempt) |
/// | details of its last heartbeat | none | [`heartbeat_details`](Self::heartbeat_details) |
/// | failure of its attempt before | none | [`last_failure`](Self::last_failure) |
/// | attempt of a workflow task after one failed | the second | |
/// | updates that no worker accepted, queries | none | |
/// | started children | they begin anew | importing them first |
///
/// A child that begins anew has its ids and its input, and runs as any workflow of its type does
/// here: in the code of a worker, or in a mock. In production it may be anywhere by now.
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
/// # }, {
/// #     "eventId": 2, "eventTime": "2024-03-01T12:00:00Z",
/// #     "eventType": "WorkflowTaskScheduled",
/// #     "workflowTaskScheduledEventAttributes": { "startToCloseTimeout": "10s" }
/// # }, {
/// #     "eventId": 3, "eventTime": "2024-03-01T12:00:00Z",
/// #     "eventType": "WorkflowTaskStarted",
/// #     "workflowTaskStartedEventAttributes": { "scheduledEventId": 2 }
/// # }, {
/// #     "eventId": 4, "eventTime": "2024-03-01T12:00:00Z",
/// #     "eventType": "WorkflowTaskCompleted",
/// #     "workflowTaskCompletedEventAttributes": { "scheduledEventId": 2, "startedEventId": 3 }
/// # }, {
/// #     "eventId": 5, "eventTime": "2024-03-01T12:00:00Z",
/// #     "eventType": "ActivityTaskScheduled",
/// #     "activityTaskScheduledEventAttributes": {
/// #         "activityId": "1", "activityType": { "name": "Mailer::remind" },
/// #         "taskQueue": { "name": "reminders" }, "input": ["ann"],
/// #         "startToCloseTimeout": "60s", "workflowTaskCompletedEventId": 4
/// #     }
/// # }] }"#;
/// env.worker("reminders").workflow::<Reminder>().activity(Mailer::remind).start()?;
/// let history = History::from_json(json)?; // its activity is pending
/// env.import(&history)
///     .attempt("Mailer::remind", 3)
///     .last_failure("Mailer::remind", "the mail server was busy")
///     .await?;
/// let reminder = env.client().get_workflow_handle::<Reminder>("reminder-1");
/// assert_eq!(reminder.get_result(Default::default()).await?, "ann");
/// assert_eq!(env.calls(Mailer::remind)[0].attempt, 3);
/// # Ok(())
/// # }));
/// ```
#[derive(Clone, Debug)]
#[must_use = "an import does nothing unless it is awaited"]
pub struct Import {
    history: History,
    activities: BTreeMap<String, ImportedActivity>,
}

impl Import {
    pub(super) fn new(history: History) -> Self {
        Self {
            history,
            activities: BTreeMap::new(),
        }
    }

    /// Lets a pending activity wait for a worker in this attempt, from 1.
    pub fn attempt(mut self, activity: impl Into<String>, attempt: u32) -> Self {
        let attempt = i32::try_from(attempt).unwrap_or(i32::MAX);
        self.activity(activity).attempt = Some(attempt);
        self
    }

    /// Gives the next attempt of a pending activity the details of the last heartbeat.
    ///
    /// # Panics
    ///
    /// If the details do not serialize to JSON.
    pub fn heartbeat_details(
        mut self,
        activity: impl Into<String>,
        details: impl Serialize,
    ) -> Self {
        let data = serde_json::to_vec(&details).expect("the details serialize to JSON");
        let payload = Payload {
            metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(),
            data,
            ..Payload::default()
        };
        self.activity(activity).heartbeat_details = Some(Payloads {
            payloads: vec![payload],
        });
        self
    }

    /// Gives a pending activity the failure of the attempt before, with this message.
    pub fn last_failure(mut self, activity: impl Into<String>, message: impl Into<String>) -> Self {
        self.activity(activity).last_failure = Some(Failure {
            message: message.into(),
            failure_info: Some(FailureInfo::ApplicationFailureInfo(
                ApplicationFailureInfo::default(),
            )),
            ..Failure::default()
        });
        self
    }

    fn activity(&mut self, activity: impl Into<String>) -> &mut ImportedActivity {
        let name = activity.into();
        let entry = self.activities.entry(name.clone());
        entry.or_insert_with(|| ImportedActivity {
            activity: name,
            ..ImportedActivity::default()
        })
    }

    async fn run(self) -> Result<(), ImportError> {
        let world = World::current();
        let behind_ms = self.history.end_ms().saturating_sub(world.clock.now_ms());
        if behind_ms > 0 {
            tokio::time::sleep(Duration::from_millis(behind_ms)).await;
        }
        world.checks.borrow_mut().settles = true;
        let activities = self.activities.into_values().collect();
        world.state().import(&self.history, activities)
    }
}

impl IntoFuture for Import {
    type Output = Result<(), ImportError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
