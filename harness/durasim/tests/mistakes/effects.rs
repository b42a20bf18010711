//! Effects that happen twice, or not at all, when something goes wrong.

use std::sync::Arc;

use durasim::{EffectLedger, advanced::TestOptions, prelude::*};
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, LocalActivityOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

use crate::{
    shop::{HOUR, at_most, briefly, result, start},
    table::mistakes,
};

/// A bank, as activities see it.
struct Bank {
    how: &'static str,
    charges: EffectLedger<u64>,
    lines: EffectLedger<u32>,
}

#[activities]
impl Bank {
    /// Charges, as its instance was told to.
    #[activity]
    async fn charge(
        self: Arc<Self>,
        ctx: ActivityContext,
        amount: u64,
    ) -> Result<(), ActivityError> {
        let key = ctx.info().workflow_id.clone().unwrap_or_default();
        match self.how {
            // <- an_effect_has_no_key, a_report_is_lost, seeds_find_a_missing_key
            "without a key" => self.charges.apply(amount),
            "with a key of the attempt" => {
                let key = format!("{key}/{}", ctx.info().attempt);
                self.charges.record(key, amount); // <- a_key_differs_in_each_attempt
            }
            "looks, then charges" => {
                let charged = self.charges.get(&key).is_some();
                tokio::time::sleep(Duration::from_secs(1)).await; // a call to the bank
                if !charged {
                    self.charges.apply(amount); // <- a_check_and_its_effect_are_two_steps
                }
            }
            _ => drop(self.charges.record(key, amount)),
        }
        Ok(())
    }

    /// Imports ten lines, as its instance was told to.
    #[activity]
    async fn import(self: Arc<Self>, ctx: ActivityContext) -> Result<(), ActivityError> {
        let done: u32 = ctx.heartbeat_details().deserialize()?.unwrap_or(0);
        let first = match self.how {
            "from the beginning" => 0,
            "one too far" if done > 0 => done + 1,
            _ => done,
        };
        for line in first..10 {
            tokio::time::sleep(Duration::from_secs(10)).await;
            match self.how {
                // <- details_of_heartbeats_are_ignored
                "from the beginning" => self.lines.apply(line),
                _ => drop(self.lines.record(line.to_string(), line)),
            }
            ctx.record_heartbeat(line + 1).await?;
        }
        Ok(())
    }
}

/// Progress of a type that no worker knows.
#[derive(serde::Serialize, serde::Deserialize)]
struct Progress {
    line: u32,
}

/// Activities with heartbeats of that type.
struct Files;

#[activities]
impl Files {
    #[activity]
    async fn copy(ctx: ActivityContext) -> Result<(), ActivityError> {
        Ok(ctx.record_heartbeat(Progress { line: 1 }).await?)
    }

    /// Reads details of another type than it records.
    #[activity]
    async fn read(ctx: ActivityContext) -> Result<(), ActivityError> {
        let done: Option<String> = ctx.heartbeat_details().deserialize()?;
        drop(done);
        ctx.record_heartbeat(7_u32).await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(())
    }
}

/// Works on a file, as its input says.
#[workflow]
#[derive(Default)]
struct OnFile;

#[workflow_methods]
impl OnFile {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, how: String) -> WorkflowResult<()> {
        match how.as_str() {
            "copy" => ctx.execute_activity(Files::copy, (), at_most(3)).await?,
            "read" => ctx.execute_activity(Files::read, (), at_most(3)).await?,
            _ => {
                let options = LocalActivityOptions::default();
                ctx.execute_local_activity(Bank::charge, 100_u64, options)
                    .await?;
                // A task that times out before the marker is written runs the local activity again.
                ctx.timer(HOUR).await;
            }
        }
        Ok(())
    }
}

/// Runs a workflow on a file.
async fn on_file(env: TestWorkflowEnvironment, how: &str, mended: bool) -> TestResult {
    let mut worker = env
        .worker("shop")
        .workflow::<OnFile>()
        .activity(Files::copy)
        .activity(Files::read);
    if mended {
        let read_well = |call: ActivityCall<()>| async move {
            let done = call.heartbeat_details::<u32>()?;
            call.record_heartbeat(&(done.unwrap_or(6) + 1));
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(())
        };
        worker = worker
            .heartbeat_details::<Progress>()
            .mock_activity(Files::read, read_well);
    }
    worker.start()?;
    let file = start!(env, OnFile::run, how.to_owned());
    result!(file); // <- details_are_read_as_another_type
    Ok(())
}

/// Charges by a local activity.
async fn charges_locally(env: TestWorkflowEnvironment, how: &'static str) -> TestResult {
    let (charges, lines) = (env.ledger("charges"), env.ledger("lines"));
    env.worker("shop")
        .workflow::<OnFile>()
        .implementer_with(move || Bank {
            how,
            charges: charges.clone(),
            lines: lines.clone(),
        })
        .activity(Bank::charge)
        .start()?;
    let local = start!(env, OnFile::run, "charge".to_owned());
    result!(local);
    Ok(())
}

/// Charges.
#[workflow]
#[derive(Default)]
struct Payment;

#[workflow_methods]
impl Payment {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, attempts: u32) -> WorkflowResult<()> {
        Ok(ctx
            .execute_activity(Bank::charge, 100_u64, at_most(attempts))
            .await?)
    }
}

/// Imports.
#[workflow]
#[derive(Default)]
struct Import;

#[workflow_methods]
impl Import {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, heartbeats: bool) -> WorkflowResult<()> {
        let options = if heartbeats {
            ActivityOptions::with_start_to_close_timeout(HOUR)
                .heartbeat_timeout(Duration::from_secs(30))
                .build()
        } else {
            ActivityOptions::start_to_close_timeout(24 * HOUR)
        };
        Ok(ctx.execute_activity(Bank::import, (), options).await?)
    }
}

/// Refunds in its own way if it cannot charge.
#[workflow]
#[derive(Default)]
struct Saga;

#[workflow_methods]
impl Saga {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        ctx.execute_activity(Bank::charge, 100_u64, briefly())
            .await?;
        Ok(())
    }
}

/// Runs a payment with so many attempts.
async fn pays(env: TestWorkflowEnvironment, how: &'static str, attempts: u32) -> TestResult {
    let (charges, lines) = (env.ledger("charges"), env.ledger("lines"));
    let bank = move || Bank {
        how,
        charges: charges.clone(),
        lines: lines.clone(),
    };
    env.worker("shop")
        .workflow::<Payment>()
        .implementer_with(bank)
        .activity(Bank::charge)
        .start()?;
    let payment = start!(env, Payment::run, attempts);
    result!(payment); // <- a_crash_takes_the_only_attempt
    Ok(())
}

/// Runs an import.
async fn imports(env: TestWorkflowEnvironment, how: &'static str) -> TestResult {
    let (charges, lines) = (env.ledger("charges"), env.ledger("lines"));
    let imported = lines.clone();
    env.observe("lines", move || imported.effects()); // <- a_retry_resumes_one_too_far
    env.worker("shop")
        .workflow::<Import>()
        .implementer_with(move || Bank {
            how,
            charges: charges.clone(),
            lines: lines.clone(),
        })
        .activity(Bank::import)
        .start()?;
    let import = start!(env, Import::run, true);
    result!(import);
    Ok(())
}

/// Counts charges in a value of the test, which is observed.
async fn counts(env: TestWorkflowEnvironment, with_a_key: bool) -> TestResult {
    let charges = EffectLedger::new("charges");
    let seen = charges.clone();
    env.observe("charges", move || seen.effects()); // <- an_observation_counts_repeats
    env.worker("shop")
        .workflow::<Saga>()
        .mock_activity(Bank::charge, move |call| {
            let key = call.info().workflow_id.clone().unwrap_or_default();
            if with_a_key {
                charges.record(key, call.input);
            } else {
                charges.apply(call.input);
            }
            async { Ok(()) }
        })
        .start()?;
    let saga = start!(env, Saga::run, ());
    result!(saga);
    Ok(())
}

fn a_crash() -> TestOptions {
    TestOptions::new().faults(Fault::worker_crash().after_activity(Bank::charge))
}

fn an_overlap() -> TestOptions {
    TestOptions::new().faults(Fault::activity_overlap().during_activity(Bank::charge))
}

fn a_crash_in_the_midst() -> TestOptions {
    TestOptions::new().faults(
        Fault::worker_crash()
            .during_activity(Bank::import)
            .at_heartbeat(1),
    )
}

mistakes! {
    an_effect_has_no_key: "DS104" says ["charges was applied 2 times", "idempotency key"]
        with a_crash(),
        wrong |env| Box::pin(pays(env, "without a key", 0)),
        mended |env| Box::pin(pays(env, "with a key", 0));
    a_key_differs_in_each_attempt: "DS104" says ["charges was applied 2 times", "key"]
        with a_crash(),
        wrong |env| Box::pin(pays(env, "with a key of the attempt", 0)),
        mended |env| Box::pin(pays(env, "with a key", 0));
    a_check_and_its_effect_are_two_steps: "DS104" says ["charges was applied 2 times", "one step"]
        with an_overlap(),
        wrong |env| Box::pin(pays(env, "looks, then charges", 0)),
        mended |env| Box::pin(pays(env, "with a key", 0));
    a_report_is_lost: "DS104" says ["charges was applied 2 times"]
        with TestOptions::new().faults(Fault::activity_completion_lost()),
        wrong |env| Box::pin(pays(env, "without a key", 0)),
        mended |env| Box::pin(pays(env, "with a key", 0));
    seeds_find_a_missing_key: "DS104" says ["charges was applied 2 times", "plan"]
        with TestOptions::new().seeds(64).faults(FaultProfile::activities()),
        wrong |env| Box::pin(pays(env, "without a key", 0)),
        mended |env| Box::pin(pays(env, "with a key", 0));
    a_crash_takes_the_only_attempt: "DS002" says ["plan", "StartToClose"]
        with a_crash(),
        wrong |env| Box::pin(pays(env, "with a key", 1)),
        mended |env| Box::pin(pays(env, "with a key", 2));
    details_of_heartbeats_are_ignored: "DS104" says ["lines was applied 2 times", "heartbeat"]
        with a_crash_in_the_midst(),
        wrong |env| Box::pin(imports(env, "from the beginning")),
        mended |env| Box::pin(imports(env, "where it was"));
    a_retry_resumes_one_too_far: "DS103" says ["lines", "the fault-free world"]
        with a_crash_in_the_midst(),
        wrong |env| Box::pin(imports(env, "one too far")),
        mended |env| Box::pin(imports(env, "where it was"));
    a_type_of_details_is_unknown: "DS007" says ["heartbeat_details::<TheType>()"]
        wrong |env| Box::pin(on_file(env, "copy", false)),
        mended |env| Box::pin(on_file(env, "copy", true));
    details_are_read_as_another_type: "DS002" says ["plan"]
        with TestOptions::new()
            .faults(Fault::worker_crash().during_activity(Files::read).at_heartbeat(1)),
        wrong |env| Box::pin(on_file(env, "read", false)),
        mended |env| Box::pin(on_file(env, "read", true));
    a_local_activity_runs_twice: "DS104" says ["charges was applied 2 times"]
        with TestOptions::new().faults(Fault::workflow_task_timeout()),
        wrong |env| Box::pin(charges_locally(env, "without a key")),
        mended |env| Box::pin(charges_locally(env, "with a key"));
    an_observation_counts_repeats: "DS103" says ["charges", "idempotency key"]
        with a_crash(),
        wrong |env| Box::pin(counts(env, false)),
        mended |env| Box::pin(counts(env, true));
}
