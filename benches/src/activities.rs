//! One attempt of an activity, in the SDK's own test environment and in durasim.

use std::sync::Arc;

use durasim_worker::activity::{ActivityAttempt, ActivityDefinitions, ActivityOutcome};
use futures::FutureExt;
use temporalio_protos::temporal::api::{
    common::v1::{ActivityType, Payloads, WorkflowExecution, WorkflowType},
    workflowservice::v1::PollActivityTaskQueueResponse,
};
use temporalio_sdk::testing::ActivityEnvironment;

use crate::Steps;

/// The activity's own code and its mock, ready to be called.
pub struct Attempts {
    real: ActivityDefinitions,
    mocked: ActivityDefinitions,
    task: PollActivityTaskQueueResponse,
}

impl Default for Attempts {
    fn default() -> Self {
        Self::new()
    }
}

impl Attempts {
    /// Registers the activity and its mock.
    ///
    /// # Panics
    ///
    /// Does not panic.
    pub fn new() -> Self {
        let mut real = ActivityDefinitions::default();
        register(&mut real, Steps::step);
        let mut mocked = ActivityDefinitions::default();
        mocked
            .mock(&Steps::step, |call| async move { Ok(call.input) })
            .expect("it is mocked once");
        let input = temporalio_protos::temporal::api::common::v1::Payload {
            metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(),
            data: b"7".to_vec(),
            ..Default::default()
        };
        let task = PollActivityTaskQueueResponse {
            task_token: b"token".to_vec(),
            workflow_namespace: "default".into(),
            workflow_type: Some(WorkflowType {
                name: "Rounds".into(),
            }),
            workflow_execution: Some(WorkflowExecution {
                workflow_id: "rounds-1".into(),
                run_id: "2f6a0f3e-51f1-4f0e-9f6b-0a55a5d3d1f5".into(),
            }),
            activity_type: Some(ActivityType {
                name: Steps::step.name().to_owned(),
            }),
            activity_id: "1".into(),
            input: Some(Payloads {
                payloads: vec![input],
            }),
            attempt: 1,
            ..Default::default()
        };
        Self { real, mocked, task }
    }

    /// Runs the activity in the SDK's test environment.
    ///
    /// # Panics
    ///
    /// If the activity fails.
    pub fn in_sdk_environment(&self) -> u32 {
        let environment = ActivityEnvironment::builder().build();
        let ran = environment.run(Steps::step, 7).now_or_never();
        ran.expect("it does not wait").expect("it does not fail")
    }

    /// Runs an attempt of the activity's own code.
    pub fn real(&self) -> ActivityOutcome {
        attempt(&self.real, self.task.clone())
    }

    /// Runs an attempt of the mock.
    pub fn mocked(&self) -> ActivityOutcome {
        attempt(&self.mocked, self.task.clone())
    }
}

fn register<AD: temporalio_sdk::activities::ExecutableActivity>(
    definitions: &mut ActivityDefinitions,
    _: AD,
) {
    definitions.register::<AD>().expect("it is registered once");
}

fn attempt(
    definitions: &ActivityDefinitions,
    task: PollActivityTaskQueueResponse,
) -> ActivityOutcome {
    let attempt = ActivityAttempt::new(task, "rounds", Arc::new(|| 0));
    let outcome = definitions
        .start(attempt)
        .expect("it is registered")
        .now_or_never();
    let outcome = outcome.expect("it does not wait");
    assert!(matches!(outcome, ActivityOutcome::Completed(_)));
    outcome
}
