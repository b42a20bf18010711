//! The worlds in which the probes of faults look for their evidence: payments, and the notes that
//! are sent to them.

#![allow(
    unreachable_pub,
    reason = "workflows and activities as their users ship them"
)]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::{FutureExt, future::LocalBoxFuture};
use temporalio_client::{
    WorkflowExecuteUpdateOptions, WorkflowGetResultOptions, WorkflowSignalOptions,
    WorkflowStartOptions,
};
use temporalio_common::RetryPolicy;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_protos::temporal::api::{
    enums::v1::EventType,
    history::v1::{HistoryEvent, history_event::Attributes},
};
use temporalio_sdk::{
    ActivityOptions, ChildWorkflowOptions, NexusOperationOptions, SignalWorkflowOptions,
    SyncWorkflowContext, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
    workflows::select,
};

use super::proof::Evidence;
use crate::{
    Fault, FaultKind, FaultProfile, TestResult, TestWorkflowEnvironment,
    advanced::{ChoiceSource, WorldOptions, WorldReport, run_world},
};

/// The steps that the activities' code took, in order: `begin 1`, `end 1`.
type Log = Arc<Mutex<Vec<String>>>;

pub struct Bank {
    log: Log,
    version: &'static str,
}

#[activities]
impl Bank {
    /// Takes eight seconds, and sends a heartbeat every second if asked to.
    #[activity]
    pub async fn charge(
        self: Arc<Self>,
        ctx: ActivityContext,
        beats: bool,
    ) -> Result<String, ActivityError> {
        let attempt = ctx.info().attempt;
        self.log.lock().unwrap().push(format!("begin {attempt}"));
        for second in 1..=8_u32 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if beats {
                ctx.record_heartbeat(second).await?;
            }
        }
        self.log.lock().unwrap().push(format!("end {attempt}"));
        Ok(self.version.to_owned())
    }
}

/// Charges, has another service clear the charge and a child note a receipt if asked to, and then
/// waits for so many notes, at most a day.
#[workflow]
#[derive(Default)]
pub struct Payment {
    notes: Vec<String>,
}

#[workflow_methods]
impl Payment {
    #[run]
    pub async fn run(
        ctx: &mut WorkflowContext<Self>,
        input: (bool, bool, bool, usize),
    ) -> WorkflowResult<String> {
        let (beats, clears, receipts, notes) = input;
        let retry = RetryPolicy::builder()
            .initial_interval(Duration::from_secs(1))
            .maximum_attempts(8)
            .build();
        let options = ActivityOptions::with_start_to_close_timeout(Duration::from_secs(20))
            .retry_policy(retry);
        let options = if beats {
            options.heartbeat_timeout(Duration::from_secs(3)).build()
        } else {
            options.build()
        };
        let charged = ctx.execute_activity(Bank::charge, beats, options).await?;
        if clears && let Ok(cleared) = ctx.start_nexus_operation(clearing()).await {
            cleared.result().await;
        }
        if receipts {
            let payment = ctx.workflow_id().to_owned();
            let options = ChildWorkflowOptions::workflow_id(format!("receipt-of-{payment}"));
            let receipt = ctx
                .start_child_workflow(Receipt::run, payment, options)
                .await?;
            receipt.result().await?;
        }
        select! {
            noted = ctx.wait_condition(move |state| state.notes.len() >= notes) => noted?,
            _ = ctx.timer(Duration::from_hours(24)) => {}
        }
        Ok(ctx.state(|state| format!("{charged}: {}", state.notes.join(" "))))
    }

    #[update]
    #[allow(clippy::unused_self, reason = "the SDK's macro wants it")]
    pub fn stamp(&mut self, _ctx: &mut SyncWorkflowContext<Self>, stamp: u32) -> u32 {
        stamp
    }

    #[signal]
    pub fn note(&mut self, _ctx: &mut SyncWorkflowContext<Self>, note: String) {
        self.notes.push(note);
    }
}

/// Sends the payment a note, and waits until it has arrived.
#[workflow]
#[derive(Default)]
pub struct Receipt;

#[workflow_methods]
impl Receipt {
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, payment: String) -> WorkflowResult<()> {
        let payment = ctx.external_workflow(payment, None);
        let options = SignalWorkflowOptions::default();
        payment
            .signal(Payment::note, "receipt".to_owned(), options)
            .await?;
        Ok(())
    }
}

/// Returns the options of the operation that clears a charge.
fn clearing() -> NexusOperationOptions {
    NexusOperationOptions::builder()
        .endpoint("clearing")
        .service("Clearing")
        .operation("clear")
        .build()
}

/// A world of payments.
#[derive(Clone, Copy)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a part of the story by itself"
)]
pub(super) struct Story {
    /// The number of payments.
    pub(super) payments: u32,
    /// True if the charges send heartbeats.
    pub(super) beats: bool,
    /// True if another service clears the charges.
    pub(super) clears: bool,
    /// True if a child of each payment sends it a note.
    pub(super) receipts: bool,
    /// True if the first payment gets an update before the notes.
    pub(super) stamped: bool,
    /// The notes that are sent to the first payment.
    pub(super) notes: &'static [&'static str],
    /// The time at which they are sent, in hours: from 24 hours on, the payment has seconds left.
    pub(super) noted_after_hours: u64,
}

/// One payment, without heartbeats, clearing, receipts, updates or notes.
pub(super) const SILENT: Story = Story {
    payments: 1,
    beats: false,
    clears: false,
    receipts: false,
    stamped: false,
    notes: &[],
    noted_after_hours: 1,
};

/// One payment, at which every fault can happen.
pub(super) const LOUD: Story = Story {
    payments: 1,
    beats: true,
    clears: cfg!(feature = "nexus"),
    receipts: true,
    stamped: true,
    notes: &["a", "b"],
    noted_after_hours: 1,
};

/// Returns the faults that can happen in it: operations of another service are a feature.
pub(super) fn kinds() -> impl Iterator<Item = FaultKind> {
    FaultKind::ALL
        .into_iter()
        .filter(|kind| LOUD.clears || *kind != FaultKind::NexusAnswerLost)
}

/// The outcome of a story.
pub(super) struct Outcome {
    pub(super) report: WorldReport,
    pub(super) log: Vec<String>,
    pub(super) result: Option<String>,
}

impl Outcome {
    /// Runs the world in which nothing happens but the faults that are placed by hand.
    pub(super) fn of(story: Story, faults: impl Into<FaultProfile>) -> Result<Self, String> {
        Self::with(story, faults, ChoiceSource::Benign)
    }

    /// Runs the world with these faults and choices.
    pub(super) fn with(
        story: Story,
        faults: impl Into<FaultProfile>,
        choices: ChoiceSource,
    ) -> Result<Self, String> {
        let log = Log::default();
        let result = Arc::new(Mutex::new(None));
        let (log_of_body, result_of_body) = (log.clone(), result.clone());
        let body = move |env: TestWorkflowEnvironment| {
            pay(env, story, log_of_body.clone(), result_of_body.clone()).boxed_local()
                as LocalBoxFuture<'static, _>
        };
        let mut options = WorldOptions {
            choices,
            faults: faults.into(),
            keep_trace: true,
            ..WorldOptions::default()
        };
        options.limits.max_steps = 5_000;
        let report = run_world(&body, &options);
        if let Some(failure) = &report.failure {
            return Err(format!("the world failed: {failure}\n{}", report.tape));
        }
        let log = log.lock().unwrap().clone();
        let result = result.lock().unwrap().clone();
        Ok(Self {
            report,
            log,
            result,
        })
    }

    fn events(&self) -> impl Iterator<Item = &HistoryEvent> {
        self.report.histories[0].events().iter()
    }

    /// Returns the number of events of this type in the first history.
    pub(super) fn count(&self, event_type: EventType) -> usize {
        self.events()
            .filter(|event| event.event_type() == event_type)
            .count()
    }

    /// Returns the number of entries of the trace of that kind and text.
    pub(super) fn traced(&self, kind: &str, text: &str) -> usize {
        self.report
            .trace
            .iter()
            .filter(|entry| entry.kind == kind && entry.text.contains(text))
            .count()
    }

    /// Returns the time of the first entry of the trace of that kind and text, in milliseconds
    /// since the world's start.
    pub(super) fn traced_at_ms(&self, kind: &str, text: &str) -> Option<u64> {
        let entry = self
            .report
            .trace
            .iter()
            .find(|entry| entry.kind == kind && entry.text.contains(text))?;
        Some(entry.at_ms - durasim_engine::START_MS)
    }

    /// Returns the time of the first event of this type in the first history, in milliseconds since
    /// the world's start.
    pub(super) fn at_ms(&self, event_type: EventType) -> Option<u64> {
        let event = self.events().find(|it| it.event_type() == event_type)?;
        let at_ms = event.event_time?.seconds.unsigned_abs() * 1000;
        Some(at_ms - durasim_engine::START_MS)
    }

    /// Returns the time that the first workflow task took, from its start to its completion.
    pub(super) fn first_task_took_ms(&self) -> u64 {
        let at = |event_type| {
            let event = self.events().find(|event| event.event_type() == event_type);
            event
                .and_then(|event| event.event_time)
                .map_or(0, |at| at.seconds.unsigned_abs() * 1000)
        };
        at(EventType::WorkflowTaskCompleted).saturating_sub(at(EventType::WorkflowTaskStarted))
    }

    /// Returns the faults in the user's words.
    fn plan(&self) -> Vec<&str> {
        self.report
            .tape
            .entries
            .iter()
            .map(|entry| entry.words.as_str())
            .collect()
    }

    /// Returns the notes in the first history, in order.
    pub(super) fn notes(&self) -> Vec<String> {
        let input = |event: &HistoryEvent| match &event.attributes {
            Some(Attributes::WorkflowExecutionSignaledEventAttributes(signaled)) => {
                signaled.input.clone()
            }
            _ => None,
        };
        let text = |data: &[u8]| String::from_utf8_lossy(data).trim_matches('"').to_owned();
        self.events()
            .filter_map(input)
            .map(|input| text(&input.payloads[0].data))
            .collect()
    }
}

async fn pay(
    env: TestWorkflowEnvironment,
    story: Story,
    log: Log,
    result: Arc<Mutex<Option<String>>>,
) -> TestResult {
    let later = log.clone();
    env.worker("payments")
        .workflow::<Payment>()
        .workflow::<Receipt>()
        .activity(Bank::charge)
        .implementer(Bank {
            log,
            version: "paid",
        })
        .version("v2", move |code| {
            code.workflow::<Payment>()
                .activity(Bank::charge)
                .implementer(Bank {
                    log: later.clone(),
                    version: "paid by v2",
                })
        })
        .start()?;
    #[cfg(feature = "nexus")]
    env.nexus_operation(
        "clearing",
        "Clearing",
        "clear",
        |_: crate::nexus::NexusCall<()>| async { Ok(()) },
    );
    let mut payments = Vec::new();
    for number in 1..=story.payments {
        let options = WorkflowStartOptions::new("payments", format!("payment-{number}")).build();
        let notes = story.notes.len() + usize::from(story.receipts);
        let input = (story.beats, story.clears, story.receipts, notes);
        payments.push(
            env.client()
                .start_workflow(Payment::run, input, options)
                .await?,
        );
    }
    env.sleep(Duration::from_hours(story.noted_after_hours))
        .await;
    if story.stamped {
        let options = WorkflowExecuteUpdateOptions::default();
        payments[0]
            .execute_update(Payment::stamp, 7, options)
            .await?;
    }
    for note in story.notes {
        let client = env.client();
        env.spawn(async move {
            let payment = client.get_workflow_handle::<Payment>("payment-1");
            payment
                .signal(
                    Payment::note,
                    (*note).to_owned(),
                    WorkflowSignalOptions::default(),
                )
                .await
        });
    }
    for payment in payments {
        let charged = payment
            .get_result(WorkflowGetResultOptions::default())
            .await?;
        result.lock().unwrap().get_or_insert(charged);
    }
    Ok(())
}

/// Looks for the evidence of a fault: it must be there with the fault and not without it, and the
/// plan must describe the fault in these words.
pub(super) fn happens(
    story: Story,
    fault: Fault,
    words: &str,
    evidence: impl Fn(&Outcome) -> bool,
) -> Evidence {
    let faulty = Outcome::of(story, fault)?;
    if faulty.plan() != [words] {
        return Err(format!("another plan: {:?}", faulty.plan()));
    }
    if !evidence(&faulty) {
        let history = &faulty.report.histories[0];
        return Err(format!(
            "the fault left nothing behind: {:?}\n{history}",
            faulty.log
        ));
    }
    if evidence(&Outcome::of(story, FaultProfile::none())?) {
        return Err("the evidence is there without the fault too".to_owned());
    }
    Ok(())
}

/// Looks for the evidence of a fault that exhausts the retries of the one charge: the charge closes
/// with this event, after so many attempts had their effect.
pub(super) fn fails_for_good(fault: Fault, closes: EventType, effects: usize) -> Evidence {
    let log = Log::default();
    let log_of_body = log.clone();
    let body = move |env: TestWorkflowEnvironment| {
        let result = Arc::new(Mutex::new(None));
        let paid = pay(env, SILENT, log_of_body.clone(), result);
        async move {
            assert!(paid.await.is_err(), "the payment did not fail");
            Ok(())
        }
        .boxed_local() as LocalBoxFuture<'static, _>
    };
    let options = WorldOptions {
        faults: fault.into(),
        ..WorldOptions::default()
    };
    let report = run_world(&body, &options);
    if let Some(failure) = report.failure {
        return Err(failure.to_string());
    }
    let mut events = report.histories[0].events().iter();
    let closed = events.any(|event| event.event_type() == closes);
    let log = log.lock().unwrap();
    let ends = log.iter().filter(|line| line.starts_with("end")).count();
    super::proof::shown(closed && ends == effects, || {
        format!("{ends} effects: {log:?}")
    })
}
