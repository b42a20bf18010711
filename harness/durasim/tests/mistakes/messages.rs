//! Signals, queries and updates: of the wrong type, lost, or handled by code that goes too far.

use std::cell::Cell;

use durasim::{advanced::TestOptions, prelude::*};
use temporalio_client::{UntypedQuery, UntypedSignal, UntypedUpdate};
use temporalio_common::{
    UntypedWorkflow,
    data_converters::{PayloadConverter, RawValue},
};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{
    ContinueAsNewOptions, SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult,
};

use crate::{
    shop::{HOUR, Work, briefly, on_shop, result, start},
    table::mistakes,
};

type Refusal = Box<dyn std::error::Error + Send + Sync>;

/// Collects numbers until it has three.
#[workflow]
#[derive(Default)]
struct Mailbox {
    numbers: Vec<u32>,
    looks: Cell<u32>,
    refusals: Cell<u32>,
}

#[workflow_methods]
impl Mailbox {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<u32> {
        ctx.wait_condition(|state| state.numbers.len() >= 3).await?;
        let sum = ctx.state(|state| {
            state.numbers.iter().sum::<u32>() + state.looks.get() + state.refusals.get()
        });
        // The sum goes into the history, where a replay compares it.
        // <- a_query_changes_the_state, a_validator_changes_the_state
        ctx.execute_activity(Work::note, sum.to_string(), briefly())
            .await?;
        Ok(sum)
    }

    #[signal]
    fn put(&mut self, _ctx: &mut SyncWorkflowContext<Self>, number: u32) {
        self.numbers.push(number);
    }

    #[query]
    fn count(&self, _ctx: &WorkflowContextView) -> usize {
        self.numbers.len()
    }

    #[query]
    fn count_above(&self, _ctx: &WorkflowContextView, least: u32) -> usize {
        self.numbers
            .iter()
            .filter(|number| **number > least)
            .count()
    }

    #[query]
    fn count_and_remember(&self, _ctx: &WorkflowContextView) -> usize {
        self.looks.set(self.looks.get() + 1);
        self.numbers.len()
    }

    #[update_validator(add)]
    fn validate_add(&self, _ctx: &WorkflowContextView, number: &u32) -> Result<(), Refusal> {
        assert!(*number != 13, "unlucky");
        if *number > 9 {
            Err("too large".into())
        } else {
            Ok(())
        }
    }

    #[update]
    fn add(&mut self, _ctx: &mut SyncWorkflowContext<Self>, number: u32) -> usize {
        self.numbers.push(number);
        self.numbers.len()
    }

    #[update_validator(add_counted)]
    fn validate_add_counted(
        &self,
        _ctx: &WorkflowContextView,
        number: &u32,
    ) -> Result<(), Refusal> {
        if *number > 9 {
            self.refusals.set(self.refusals.get() + 1);
            return Err("too large".into());
        }
        Ok(())
    }

    #[update]
    fn add_counted(&mut self, _ctx: &mut SyncWorkflowContext<Self>, number: u32) -> usize {
        self.numbers.push(number);
        self.numbers.len()
    }
}

/// Sums what signals bring, in runs of an hour, as its input says.
#[workflow]
#[derive(Default)]
struct Tally {
    new: Vec<u32>,
    last: Option<u32>,
}

#[workflow_methods]
impl Tally {
    #[run]
    async fn run(
        ctx: &mut WorkflowContext<Self>,
        (how, sum, runs): (String, u32, u32),
    ) -> WorkflowResult<u32> {
        ctx.timer(HOUR).await;
        let new: u32 = match how.as_str() {
            "keeps the last" => ctx.state_mut(|state| state.last.take()).unwrap_or_default(),
            "forgets" => 0,
            _ => ctx.state_mut(|state| state.new.drain(..).sum()),
        };
        let sum = if how == "starts anew" { new } else { sum + new };
        if runs > 1 {
            ctx.continue_as_new((how, sum, runs - 1), ContinueAsNewOptions::default())?;
        }
        Ok(sum)
    }

    #[signal]
    fn put(&mut self, _ctx: &mut SyncWorkflowContext<Self>, number: u32) {
        self.new.push(number);
        self.last = Some(number);
    }
}

/// Ends at its end signal, whatever its handlers do.
#[workflow]
#[derive(Default)]
struct Hasty {
    over: bool,
}

#[workflow_methods]
impl Hasty {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, waits: bool) -> WorkflowResult<()> {
        ctx.wait_condition(|state| state.over).await?;
        if waits {
            ctx.wait_condition(|_| ctx.all_handlers_finished()).await?;
        }
        Ok(())
    }

    #[update]
    async fn end(ctx: &mut WorkflowContext<Self>) -> u32 {
        ctx.state_mut(|state| state.over = true);
        ctx.timer(HOUR).await;
        1
    }
}

fn raw<T: serde::Serialize + 'static>(value: &T) -> RawValue {
    RawValue::from_value(value, &PayloadConverter::default())
}

/// Fills a mailbox, and does something else to it before.
macro_rules! mailbox {
    (|$mailbox:ident, $untyped:ident| $body:block) => {
        |env| {
            Box::pin(async move {
                env.worker("shop").workflow::<Mailbox>().activity(Work::note).start()?;
                let $mailbox = start!(env, Mailbox::run, ());
                let $untyped = env.client().get_workflow_handle::<UntypedWorkflow>("w-1");
                env.sleep(Duration::from_secs(1)).await;
                $body
                for number in [1, 2, 3] {
                    let options = WorkflowSignalOptions::default();
                    $mailbox.signal(Mailbox::put, number, options).await?;
                }
                let _ = $untyped;
                assert_eq!(result!($mailbox), 6);
                Ok(())
            })
        }
    };
}

/// Sends two numbers to a tally of so many runs, which must sum them.
async fn tallies(env: TestWorkflowEnvironment, how: &str, runs: u32) -> TestResult {
    env.worker("shop").workflow::<Tally>().start()?;
    let tally = start!(env, Tally::run, (how.to_owned(), 0_u32, runs));
    let chain = env.client().get_workflow_handle::<Tally>("w-1");
    for number in [1_u32, 2] {
        chain
            .signal(Tally::put, number, WorkflowSignalOptions::default())
            .await?;
        if runs > 1 {
            env.sleep(HOUR + HOUR / 2).await;
        }
    }
    let sum = result!(tally);
    // <- the_last_signal_overwrites_the_first, signals_are_lost, state_is_lost
    assert_eq!(sum, 3);
    Ok(())
}

mistakes! {
    an_input_has_another_type: "DS006" says [
        "expected a tuple of size 3",
        "an input of the type that its `run` takes",
    ]
        wrong |env| Box::pin(async move {
            env.worker("shop").workflow::<Tally>().start()?;
            let untyped = UntypedWorkflow::new("Tally");
            let options = on_shop();
            let tally = env.client().start_workflow(untyped, raw(&"seven"), options).await?;
            result!(tally);
            Ok(())
        }),
        mended |env| Box::pin(async move {
            env.worker("shop").workflow::<Tally>().start()?;
            let untyped = UntypedWorkflow::new("Tally");
            let input = raw(&("sums", 0, 1));
            let tally = env.client().start_workflow(untyped, input, on_shop()).await?;
            result!(tally);
            Ok(())
        });
    a_result_is_read_as_another_type: "DS002" says ["handle the error"]
        wrong |env| Box::pin(async move {
            env.worker("shop").workflow::<Tally>().start()?;
            start!(env, Tally::run, ("sums".to_owned(), 0_u32, 1_u32));
            let other = env.client().get_workflow_handle::<Hasty2>("w-1");
            let text: String = result!(other); // <- a_result_is_read_as_another_type
            drop(text);
            Ok(())
        }),
        mended |env| Box::pin(async move {
            env.worker("shop").workflow::<Tally>().start()?;
            start!(env, Tally::run, ("sums".to_owned(), 0_u32, 1_u32));
            let sum: u32 = result!(env.client().get_workflow_handle::<Tally>("w-1"));
            assert_eq!(sum, 0);
            Ok(())
        });
    a_signal_has_another_type: "DS006" says [
        "expected u32", "put",
        "an input of the type that its handler takes",
    ]
        wrong mailbox!(|mailbox, untyped| {
            let options = WorkflowSignalOptions::default();
            untyped.signal(UntypedSignal::new("put"), raw(&"seven"), options).await?;
        }),
        mended mailbox!(|mailbox, untyped| {
            let options = WorkflowQueryOptions::default();
            assert_eq!(mailbox.query(Mailbox::count, (), options).await?, 0);
        });
    a_query_does_not_exist: "DS002" says ["cuont"]
        wrong mailbox!(|mailbox, untyped| {
            let options = WorkflowQueryOptions::default();
            // <- a_query_does_not_exist
            untyped.query(UntypedQuery::new("cuont"), raw(&()), options).await?;
        }),
        mended mailbox!(|mailbox, untyped| {
            let options = WorkflowQueryOptions::default();
            untyped.query(UntypedQuery::new("count"), raw(&()), options).await?;
        });
    an_update_does_not_exist: "DS002" says ["ad"]
        wrong mailbox!(|mailbox, untyped| {
            let options = WorkflowExecuteUpdateOptions::default();
            // <- an_update_does_not_exist
            untyped.execute_update(UntypedUpdate::new("ad"), raw(&7), options).await?;
        }),
        mended mailbox!(|mailbox, untyped| {
            let options = WorkflowExecuteUpdateOptions::default();
            let add = UntypedUpdate::new("add");
            let refused = untyped.execute_update(add, raw(&10), options).await;
            assert!(refused.unwrap_err().to_string().contains("too large"));
        });
    a_query_has_another_type: "DS002" says ["expected u32"]
        wrong mailbox!(|mailbox, untyped| {
            let options = WorkflowQueryOptions::default();
            // <- a_query_has_another_type
            untyped.query(UntypedQuery::new("count_above"), raw(&"seven"), options).await?;
        }),
        mended mailbox!(|mailbox, untyped| {
            let options = WorkflowQueryOptions::default();
            assert_eq!(mailbox.query(Mailbox::count_above, 7, options).await?, 0);
        });
    an_update_has_another_type: "DS002" says ["expected u32"]
        wrong mailbox!(|mailbox, untyped| {
            let options = WorkflowExecuteUpdateOptions::default();
            // <- an_update_has_another_type
            untyped.execute_update(UntypedUpdate::new("add"), raw(&"seven"), options).await?;
        }),
        mended mailbox!(|mailbox, untyped| {
            let options = WorkflowExecuteUpdateOptions::default();
            assert!(mailbox.execute_update(Mailbox::add, 10, options).await.is_err());
        });
    a_validator_panics: "DS002" says ["Update validator panicked: unlucky"]
        wrong mailbox!(|mailbox, untyped| {
            let options = WorkflowExecuteUpdateOptions::default();
            mailbox.execute_update(Mailbox::add, 13, options).await?; // <- a_validator_panics
        }),
        mended mailbox!(|mailbox, untyped| {
            let options = WorkflowExecuteUpdateOptions::default();
            assert!(mailbox.execute_update(Mailbox::add, 10, options).await.is_err());
        });
    an_update_is_refused: "DS002" says ["too large"]
        wrong mailbox!(|mailbox, untyped| {
            let options = WorkflowExecuteUpdateOptions::default();
            mailbox.execute_update(Mailbox::add, 10, options).await?; // <- an_update_is_refused
        }),
        mended mailbox!(|mailbox, untyped| {
            let options = WorkflowExecuteUpdateOptions::default();
            assert!(mailbox.execute_update(Mailbox::add, 10, options).await.is_err());
        });
    a_query_changes_the_state: "DS101" says ["another input", "a query or a validator"]
        wrong |env| Box::pin(looks(env, true)),
        mended |env| Box::pin(looks(env, false));
    a_validator_changes_the_state: "DS101" says ["another input", "a query or a validator"]
        wrong |env| Box::pin(refused(env, true)),
        mended |env| Box::pin(refused(env, false));
    a_run_ends_before_its_handlers: "DS002" says ["completed before the Update completed"]
        wrong |env| Box::pin(ends(env, false)),
        mended |env| Box::pin(ends(env, true));
    the_last_signal_overwrites_the_first: "DS001" says ["left: 2", "right: 3"]
        wrong |env| Box::pin(tallies(env, "keeps the last", 1)),
        mended |env| Box::pin(tallies(env, "sums", 1));
    signals_are_lost: "DS001" says ["left: 0", "right: 3"]
        wrong |env| Box::pin(tallies(env, "forgets", 3)),
        mended |env| Box::pin(tallies(env, "sums", 3));
    state_is_lost: "DS001" says ["right: 3"]
        wrong |env| Box::pin(tallies(env, "starts anew", 3)),
        mended |env| Box::pin(tallies(env, "sums", 3));
    signals_arrive_in_another_order: "DS103" says ["result of w-1", "the fault-free world"]
        with TestOptions::new().faults(Fault::signal_reorder()),
        wrong |env| Box::pin(ordered(env, "keeps the last")),
        mended |env| Box::pin(ordered(env, "sums"));
}

/// A workflow whose result is a text.
#[workflow]
#[derive(Default)]
struct Hasty2;

#[workflow_methods]
impl Hasty2 {
    #[run]
    async fn run(_ctx: &mut WorkflowContext<Self>) -> WorkflowResult<String> {
        Ok(String::new())
    }
}

/// Asks a mailbox for its count, by a query that remembers or by one that does not.
async fn looks(env: TestWorkflowEnvironment, remembers: bool) -> TestResult {
    env.worker("shop")
        .workflow::<Mailbox>()
        .activity(Work::note)
        .start()?;
    let mailbox = start!(env, Mailbox::run, ());
    env.sleep(Duration::from_secs(1)).await;
    let options = WorkflowQueryOptions::default();
    if remembers {
        mailbox
            .query(Mailbox::count_and_remember, (), options)
            .await?;
    } else {
        mailbox.query(Mailbox::count, (), options).await?;
    }
    for number in [1, 2, 3] {
        mailbox
            .signal(Mailbox::put, number, WorkflowSignalOptions::default())
            .await?;
    }
    result!(mailbox);
    Ok(())
}

/// Sends an update that a validator refuses, which counts refusals or does not.
async fn refused(env: TestWorkflowEnvironment, counts: bool) -> TestResult {
    env.worker("shop")
        .workflow::<Mailbox>()
        .activity(Work::note)
        .start()?;
    let mailbox = start!(env, Mailbox::run, ());
    env.sleep(Duration::from_secs(1)).await;
    let options = WorkflowExecuteUpdateOptions::default();
    let refused = if counts {
        mailbox
            .execute_update(Mailbox::add_counted, 10, options)
            .await
    } else {
        mailbox.execute_update(Mailbox::add, 10, options).await
    };
    assert!(refused.is_err());
    for number in [1, 2, 3] {
        mailbox
            .signal(Mailbox::put, number, WorkflowSignalOptions::default())
            .await?;
    }
    result!(mailbox);
    Ok(())
}

/// Ends a workflow by an update that goes on for an hour.
async fn ends(env: TestWorkflowEnvironment, waits: bool) -> TestResult {
    env.worker("shop").workflow::<Hasty>().start()?;
    let hasty = start!(env, Hasty::run, waits);
    let options = WorkflowExecuteUpdateOptions::default();
    hasty.execute_update(Hasty::end, (), options).await?; // <- a_run_ends_before_its_handlers
    result!(hasty);
    Ok(())
}

/// Sends two numbers beside each other and observes the result.
async fn ordered(env: TestWorkflowEnvironment, how: &str) -> TestResult {
    env.worker("shop").workflow::<Tally>().start()?;
    let tally = start!(env, Tally::run, (how.to_owned(), 0_u32, 1_u32));
    env.observe_result(&tally); // <- signals_arrive_in_another_order
    let puts = [1_u32, 2].map(|number| {
        let tally = env.client().get_workflow_handle::<Tally>("w-1");
        env.spawn(async move {
            tally
                .signal(Tally::put, number, WorkflowSignalOptions::default())
                .await
        })
    });
    for put in puts {
        put.await?;
    }
    result!(tally);
    Ok(())
}
