//! The constructors: one for each kind of failure, with its wording.
//!
//! They know what broke and where. What the runner knows (the test's name, the plan, what the
//! search cost, the seed) it fills in afterwards.

use super::{
    Comparison, Diagnosis, FailureCode, FailureReport, HistoryExcerpt, SourceLine, Spent,
    WorkflowName,
    sdk_defects::{SdkDefect, sdk_defect},
};
use crate::{
    limits::{LimitExceeded, Limits},
    words::duration_words,
};

/// What to do about a history that reaches the service's own limits, which no test can raise.
const CONTINUE_AS_NEW: &str = "look for a loop without end first; if the workflow should run that long, let it continue as new \
     (`ctx.continue_as_new_suggested()` says when): the limit is Temporal's own, and cannot be raised";

/// What workers have registered, by task queue, for the report of what they have not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registered {
    /// The task queue.
    pub task_queue: String,
    /// The names that its workers know.
    pub types: Vec<String>,
}

impl Registered {
    /// Whether a type of this name is among them.
    pub(crate) fn has(&self, type_name: &str) -> bool {
        self.types.iter().any(|known| known == type_name)
    }
}

impl FailureReport {
    fn new(code: FailureCode, what: impl Into<String>) -> Self {
        Self {
            code,
            what: what.into(),
            test: String::new(),
            workflow: None,
            location: None,
            message: None,
            comparison: None,
            history: None,
            diagnosis: None,
            inputs: None,
            plan: None,
            tape: None,
            remedy: None,
            spent: Spent::default(),
            saved: None,
            seed: None,
            command: None,
        }
    }

    /// The test panicked: its own assertion, most often.
    pub fn panicked(message: impl Into<String>, location: Option<SourceLine>) -> Self {
        let report = Self::new(FailureCode::Panic, "the test panicked");
        Self {
            message: Some(message.into()),
            location,
            ..report
        }
    }

    /// The test returned an error.
    pub fn returned_error(message: impl Into<String>, location: Option<SourceLine>) -> Self {
        let report = Self::new(FailureCode::Error, "the test returned an error");
        Self {
            message: Some(message.into()),
            location,
            ..report
        }
    }

    /// The test cannot be run, or not as it is set up: an attribute, a variable or a saved file
    /// says what cannot be.
    pub fn setup(message: impl Into<String>) -> Self {
        let report = Self::new(FailureCode::Setup, "the test cannot be run as it is set up");
        Self {
            message: Some(message.into()),
            ..report
        }
    }

    /// Nothing can happen any more at `now_ms` of virtual time since the run began.
    pub fn stuck(now_ms: u64, diagnosis: Diagnosis) -> Self {
        let what = format!(
            "nothing can happen any more, at +{}",
            duration_words(now_ms)
        );
        let workflow = diagnosis
            .workflows
            .first()
            .map(|workflow| workflow.name.clone());
        Self {
            workflow,
            diagnosis: Some(diagnosis),
            ..Self::new(FailureCode::Stuck, what)
        }
    }

    /// The run passed a limit. The error names it and how to raise it.
    pub(crate) fn limit(exceeded: &LimitExceeded, diagnosis: Option<Diagnosis>) -> Self {
        // The error's own second half is the remedy, said here for the attribute.
        let words = exceeded.to_string();
        let what = words
            .split_once("; ")
            .map_or(words.as_str(), |(what, _)| what);
        if let LimitExceeded::HistoryEvents { limit, .. } = exceeded
            && *limit >= Limits::default().max_history_events
        {
            let remedy = Some(CONTINUE_AS_NEW.to_owned());
            return Self {
                diagnosis,
                remedy,
                ..Self::new(FailureCode::Limit, what)
            };
        }
        let raised = exceeded.raised();
        if let Some(remedy) = diagnosis.as_ref().and_then(Diagnosis::endless_retries) {
            return Self {
                remedy: Some(remedy),
                diagnosis,
                ..Self::new(FailureCode::Limit, what)
            };
        }
        let remedy = format!(
            "look for a loop without end first; if the run should be that long, raise the limit: \
             `#[workflow_test(limits = Limits {{ {raised}, ..Limits::default() }})]`"
        );
        Self {
            remedy: Some(remedy),
            diagnosis,
            ..Self::new(FailureCode::Limit, what)
        }
    }

    /// The test returned an error, and the service had terminated a run for its size; `reason` is
    /// the service's.
    pub fn outgrown(
        workflow: WorkflowName,
        reason: &str,
        message: impl Into<String>,
        location: Option<SourceLine>,
    ) -> Self {
        let what = format!("the service terminated a workflow, as Temporal would: {reason}");
        Self {
            workflow: Some(workflow),
            message: Some(message.into()),
            location,
            remedy: Some(CONTINUE_AS_NEW.to_owned()),
            ..Self::new(FailureCode::Limit, what)
        }
    }

    /// An activity was scheduled that the workers of its task queue do not know.
    pub fn unregistered_activity(
        activity_type: &str,
        task_queue: &str,
        workflow: Option<WorkflowName>,
        registered: &[Registered],
    ) -> Self {
        let name = format!("activity {activity_type}");
        let (what, others_remedy) = lacking(&name, activity_type, task_queue, registered);
        let remedy = others_remedy.unwrap_or_else(|| {
            format!(
                "`env.worker({task_queue:?}).activity({activity_type})`, \
                 or `.mock_activity({activity_type}, |call| async move {{ .. }})`{}",
                elsewhere(activity_type, registered, "the activity's options")
            )
        });
        let message = Some(registered_words("activities", registered));
        let report = Self::new(FailureCode::Unregistered, what);
        Self {
            workflow,
            message,
            remedy: Some(remedy),
            ..report
        }
    }

    /// A workflow was started that the workers of its task queue do not know.
    pub fn unregistered_workflow(
        workflow: WorkflowName,
        task_queue: &str,
        registered: &[Registered],
    ) -> Self {
        let workflow_type = &workflow.workflow_type;
        let name = format!("workflow {workflow_type}");
        let (what, others_remedy) = lacking(&name, workflow_type, task_queue, registered);
        let remedy = others_remedy.unwrap_or_else(|| {
            format!(
                "`env.worker({task_queue:?}).workflow::<{workflow_type}>()`{}",
                elsewhere(workflow_type, registered, "the start options")
            )
        });
        let message = Some(registered_words("workflows", registered));
        let report = Self::new(FailureCode::Unregistered, what);
        Self {
            workflow: Some(workflow),
            message,
            remedy: Some(remedy),
            ..report
        }
    }

    /// Workflow code fails its task on every attempt: a panic, or what the SDK makes of an error.
    ///
    /// A known defect of the SDK's own is reported as such, with the way around it.
    pub fn workflow_task_fails(
        workflow: WorkflowName,
        attempts: u32,
        message: &str,
        location: Option<SourceLine>,
    ) -> Self {
        let report = if let Some(defect) = sdk_defect(message) {
            Self::of_the_sdk(defect)
        } else {
            let noun = if attempts == 1 { "attempt" } else { "attempts" };
            let what = format!("workflow code fails its workflow task, {attempts} {noun} so far");
            Self::new(FailureCode::WorkflowTask, what)
        };
        Self {
            workflow: Some(workflow),
            message: Some(message.to_owned()),
            location,
            ..report
        }
    }

    /// The service refuses what workflow code asks for, on every attempt.
    ///
    /// A known defect of the SDK's own is reported as such, with the way around it.
    pub fn commands_refused(workflow: WorkflowName, attempts: u32, message: &str) -> Self {
        if let Some(defect) = sdk_defect(message) {
            let report = Self::of_the_sdk(defect);
            return Self {
                workflow: Some(workflow),
                message: Some(message.to_owned()),
                ..report
            };
        }
        let noun = if attempts == 1 { "attempt" } else { "attempts" };
        let what = format!(
            "the service refuses the commands of a workflow task, {attempts} {noun} so far"
        );
        let remedy = if message.contains("NexusOperation") && message.contains("endpoint") {
            "handle the operation in the test, which makes its endpoint: `env.nexus_operation(endpoint, service, \
             operation, |call: NexusCall<..>| async move { .. })`; or correct the endpoint in the workflow"
        } else {
            "correct what the workflow asks for: the service would refuse it on a real cluster too, and retry the \
             task without end"
        };
        let report = Self::new(FailureCode::WorkflowTask, what);
        let (message, remedy) = (Some(message.to_owned()), Some(remedy.to_owned()));
        Self {
            workflow: Some(workflow),
            message,
            remedy,
            ..report
        }
    }

    fn of_the_sdk(defect: &SdkDefect) -> Self {
        let report = Self::new(FailureCode::Sdk, defect.what);
        Self {
            remedy: Some(defect.remedy.to_owned()),
            ..report
        }
    }

    /// Code left the simulated world; `what` says how, in words that follow "the test".
    pub fn escaped(what: &str, location: Option<SourceLine>) -> Self {
        Self {
            location,
            ..Self::new(FailureCode::Escape, format!("the test {what}"))
        }
    }

    /// Workflow code, fed its own history, issued `got` where the history holds another event.
    ///
    /// The excerpt marks both; `location` is the line that issued the command. `inputs_only`: the
    /// same command with another input, which the SDK lets through. A known defect of the SDK's own
    /// is reported as such.
    pub fn replay_differs(
        workflow: WorkflowName,
        message: impl Into<String>,
        history: HistoryExcerpt,
        location: Option<SourceLine>,
        inputs_only: bool,
    ) -> Self {
        let message = message.into();
        if let Some(defect) = sdk_defect(&message) {
            let report = Self::of_the_sdk(defect);
            return Self {
                workflow: Some(workflow),
                message: Some(message),
                history: Some(history),
                location,
                ..report
            };
        }
        let what = if inputs_only {
            "replayed, the workflow issues a command with another input than its history holds"
        } else {
            "replayed, the workflow does not do what its history holds"
        };
        let remedy = inputs_only.then(|| {
            "the input depends on something besides the history: a clock, randomness, hash order, a static. \
             The SDK compares types and ids only, so a live worker would go on with the recorded value \
             and never tell"
                .to_owned()
        });
        let report = Self::new(FailureCode::Replay, what);
        Self {
            workflow: Some(workflow),
            message: Some(message),
            history: Some(history),
            location,
            remedy,
            ..report
        }
    }

    /// The same where a local activity timed out, which the SDK tells in two ways.
    #[must_use]
    pub fn after_local_timeout(self) -> Self {
        let remedy = "a local activity timed out. SDK 1.1 tells that as an activity failure whose cause is the \
                      timeout, but on replay as the bare timeout: `as_timeout()` finds the first and not the \
                      second, and their texts differ. Look at `failure()` and at its cause alike, or at neither";
        Self {
            remedy: Some(remedy.to_owned()),
            ..self
        }
    }

    /// Workflow code waited for something besides the SDK, which woke it; `goes_on` is the command
    /// that it then issues, at `location`.
    pub fn woken_from_outside(
        workflow: WorkflowName,
        message: impl Into<String>,
        goes_on: Option<String>,
        history: HistoryExcerpt,
        location: Option<SourceLine>,
    ) -> Self {
        let what = "the workflow waits for what is not the SDK's, and no history brings it back";
        let remedy = "a workflow waits for what its history brings: `ctx.timer` for time, an activity for work, \
                      `ctx.wait_condition` for its own state, `join!` and `select!` for several at once; not for tasks, \
                      timers and channels of Tokio, nor for threads";
        let history = match goes_on {
            Some(command) => history.got(command, ""),
            None => history,
        };
        Self {
            workflow: Some(workflow),
            message: Some(message.into()),
            history: Some(history),
            location,
            remedy: Some(remedy.to_owned()),
            ..Self::new(FailureCode::Replay, what)
        }
    }

    /// The SDK's own replayer rejects a history.
    pub fn core_rejects(
        workflow: WorkflowName,
        message: impl Into<String>,
        history: HistoryExcerpt,
    ) -> Self {
        let report = Self::new(
            FailureCode::CoreReplay,
            "the SDK's WorkflowReplayer rejects the history",
        );
        Self {
            workflow: Some(workflow),
            message: Some(message.into()),
            history: Some(history),
            ..report
        }
    }

    /// What the test observes under faults differs from the fault-free run; both pretty-printed.
    pub fn observation_differs(
        label: &str,
        expected: impl Into<String>,
        actual: impl Into<String>,
    ) -> Self {
        let what = format!("under faults, {label:?} ends up different");
        let comparison = Comparison {
            label: label.to_owned(),
            expected_from: "the fault-free run".to_owned(),
            expected: expected.into(),
            actual_from: "this run".to_owned(),
            actual: actual.into(),
        };
        Self {
            comparison: Some(comparison),
            ..Self::new(FailureCode::Idempotency, what)
        }
    }

    /// An effect of `ledger` was applied more than once; `applications` says by whom, one each.
    pub fn applied_again(
        ledger: &str,
        key: &str,
        applications: &[String],
        location: Option<SourceLine>,
    ) -> Self {
        let what = format!(
            "effect {key:?} of {ledger} was applied {} times",
            applications.len()
        );
        let report = Self::new(FailureCode::EffectsOnce, what);
        Self {
            message: Some(applications.join("\n")),
            location,
            ..report
        }
    }

    /// Faults stopped `healed_ms` into the run, if any struck, and by `now_ms` a workflow had not
    /// closed.
    pub fn not_live(healed_ms: Option<u64>, now_ms: u64, diagnosis: Diagnosis) -> Self {
        let count = diagnosis.workflows.len();
        let noun = if count == 1 {
            "workflow is"
        } else {
            "workflows are"
        };
        let open = format!("at +{} {count} {noun} still open", duration_words(now_ms));
        let what = match healed_ms {
            Some(healed_ms) => format!(
                "the last fault was at +{}, and {open}",
                duration_words(healed_ms)
            ),
            None => format!("{open}, other than in the fault-free world"),
        };
        let workflow = diagnosis
            .workflows
            .first()
            .map(|workflow| workflow.name.clone());
        Self {
            workflow,
            diagnosis: Some(diagnosis),
            ..Self::new(FailureCode::Liveness, what)
        }
    }

    /// A history breaks a rule, which `rule` states.
    pub fn history_breaks(workflow: WorkflowName, rule: &str, history: HistoryExcerpt) -> Self {
        let report = Self::new(
            FailureCode::History,
            format!("the history breaks a rule: {rule}"),
        );
        Self {
            workflow: Some(workflow),
            history: Some(history),
            ..report
        }
    }

    /// An invariant of the test's own broke at `now_ms` of virtual time since the run began.
    pub fn invariant_broken(
        name: &str,
        message: Option<String>,
        now_ms: u64,
        location: Option<SourceLine>,
    ) -> Self {
        let what = format!(
            "invariant {name:?} does not hold, at +{}",
            duration_words(now_ms)
        );
        Self {
            location,
            message,
            ..Self::new(FailureCode::Invariant, what)
        }
    }

    /// A label of `sometimes` was not reached in any of the worlds. `reached` lists the other
    /// labels with the number of worlds that reached them.
    pub fn never_reached(
        label: &str,
        worlds: u64,
        reached: &[(String, u64)],
        location: Option<SourceLine>,
    ) -> Self {
        let noun = if worlds == 1 { "world" } else { "worlds" };
        let what = format!("{label:?} was reached in none of {worlds} {noun}");
        let others: Vec<_> = reached
            .iter()
            .map(|(label, count)| format!("{label:?} was reached in {count}"))
            .collect();
        let message = (!others.is_empty()).then(|| others.join("\n"));
        Self {
            location,
            message,
            ..Self::new(FailureCode::Sometimes, what)
        }
    }

    /// Two runs of the same choices part; `expected` and `actual` are the traces where they do.
    pub fn unrepeatable(expected: impl Into<String>, actual: impl Into<String>) -> Self {
        let comparison = Comparison {
            label: "trace".to_owned(),
            expected_from: "the first run".to_owned(),
            expected: expected.into(),
            actual_from: "the second".to_owned(),
            actual: actual.into(),
        };
        let what = "two runs of the same choices differ";
        Self {
            comparison: Some(comparison),
            ..Self::new(FailureCode::Unrepeatable, what)
        }
    }
}

/// What is said of a type that the worker lacks to which its task went, and what to do if another
/// worker has it.
fn lacking(
    name: &str,
    type_name: &str,
    task_queue: &str,
    registered: &[Registered],
) -> (String, Option<String>) {
    if !registered
        .iter()
        .any(|it| it.task_queue == task_queue && it.has(type_name))
    {
        return (
            format!("no worker of task queue {task_queue} has {name}"),
            None,
        );
    }
    let remedy = "register the same with all workers of a task queue: a task goes to any of them, and on a real cluster it \
                  would fail there and be tried again until it reached another; or give them task queues of their own";
    (
        format!("one worker of task queue {task_queue} has {name}, and its task went to another"),
        Some(remedy.to_owned()),
    )
}

/// The other remedy, if it is the task queue that is wrong.
fn elsewhere(type_name: &str, registered: &[Registered], options: &str) -> String {
    registered
        .iter()
        .find(|it| it.has(type_name))
        .map_or_else(String::new, |it| {
            format!(
                "; or name task queue {}, whose worker has it, in {options}",
                it.task_queue
            )
        })
}

/// What is registered, a task queue a line.
fn registered_words(kind: &str, registered: &[Registered]) -> String {
    if registered.is_empty() {
        return "no worker is running".to_owned();
    }
    let lines: Vec<_> = registered
        .iter()
        .map(|Registered { task_queue, types }| match types.as_slice() {
            [] => format!("{task_queue}: no {kind}"),
            types => format!("{task_queue}: {}", types.join(", ")),
        })
        .collect();
    format!("registered {kind}, by task queue\n{}", lines.join("\n"))
}
