//! The floor: a workflow instance of the SDK with its activations and polls, and nothing around it.

use std::{rc::Rc, task::Waker, time::Duration};

use durasim_worker::{ReplayOptions, WorkflowDefinitions, replay};
use temporalio_common::data_converters::DataConverter;
use temporalio_protos::{
    coresdk::{
        workflow_activation::{WorkflowActivation, workflow_activation_job::Variant as Job},
        workflow_commands::WorkflowCommand,
    },
    temporal::api::history::v1::HistoryEvent,
};
use temporalio_workflow::{
    __private::sdk::{
        GuestWorkflowInstance, MAIN_ROUTINE_ID, MainRoutineCompletion, RoutineCompletion,
        WorkflowHost, WorkflowInit, WorkflowInstance,
    },
    BaseWorkflowContext,
};

use crate::{Rounds, clock::time};

/// The activations of one run of [`Rounds`].
pub struct Floor {
    activations: Vec<WorkflowActivation>,
}

impl Floor {
    /// Takes the activations from a history of [`Rounds`].
    ///
    /// # Panics
    ///
    /// If the history does not replay.
    pub fn of(history: &[HistoryEvent]) -> Self {
        let mut definitions = WorkflowDefinitions::new();
        definitions
            .register::<Rounds>()
            .expect("it is registered once");
        let options = ReplayOptions {
            task_queue: "rounds".to_owned(),
            ..ReplayOptions::default()
        };
        let log = replay(&definitions, &options, history).expect("the history replays");
        let mut activations = log.activations;
        activations.retain(|activation| {
            !activation
                .jobs
                .iter()
                .any(|job| matches!(job.variant, Some(Job::RemoveFromCache(_))))
        });
        Self { activations }
    }

    /// Returns the number of activations.
    pub fn activations(&self) -> usize {
        self.activations.len()
    }

    /// Runs the activations and returns the time from creating the instance to its last poll.
    ///
    /// # Panics
    ///
    /// If the workflow does not behave as recorded.
    pub fn run(&self) -> Duration {
        let mut activations = self.activations.clone();
        let mut done = false;
        let took = time(|| {
            let mut instance = instantiate(&mut activations[0]);
            for activation in activations.drain(..) {
                done = activate(&mut *instance, activation);
            }
        });
        assert!(done, "the last activation completes the workflow");
        took
    }
}

/// A host that discards commands.
struct Nowhere;

impl WorkflowHost for Nowhere {
    fn set_current_details(&self, _: String) {}

    fn push_command(&self, command: WorkflowCommand) {
        drop(std::hint::black_box(command));
    }
}

fn instantiate(first: &mut WorkflowActivation) -> Box<dyn WorkflowInstance> {
    let initialize = first
        .jobs
        .iter_mut()
        .find_map(|job| match &mut job.variant {
            Some(Job::InitializeWorkflow(initialize)) => Some(std::mem::take(initialize)),
            _ => None,
        });
    let initialize_workflow = initialize.expect("the first activation initializes the workflow");
    let arguments = initialize_workflow.arguments.clone();
    let converter = DataConverter::default();
    let payload_converter = converter.payload_converter().clone();
    let init = WorkflowInit {
        namespace: "default".to_owned(),
        task_queue: "rounds".to_owned(),
        run_id: first.run_id.clone(),
        initialize_workflow,
    };
    let context =
        BaseWorkflowContext::from_raw(init, converter, Rc::new(Nowhere), None, Vec::new());
    GuestWorkflowInstance::<Rounds>::instantiate(arguments, payload_converter, context)
        .expect("the arguments are those of the workflow")
}

/// Returns `true` if the workflow has completed.
fn activate(instance: &mut dyn WorkflowInstance, activation: WorkflowActivation) -> bool {
    instance
        .activate(activation, Waker::noop())
        .expect("the activation is a recorded one");
    loop {
        let polled = instance
            .poll_routine(MAIN_ROUTINE_ID, Waker::noop())
            .expect("the workflow runs");
        match polled.completion {
            Some(RoutineCompletion::Main(MainRoutineCompletion::Blocked))
                if polled.made_progress => {}
            Some(RoutineCompletion::Main(MainRoutineCompletion::Blocked)) => return false,
            Some(RoutineCompletion::Main(MainRoutineCompletion::Terminal(_))) => return true,
            other => panic!("the workflow neither waits nor completes: {other:?}"),
        }
    }
}
