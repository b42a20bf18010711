//! Panics and errors: in workflow code, in activities, in mocks, in the test itself.

use std::sync::{Arc, Mutex};

use durasim::{advanced::TestOptions, prelude::*};
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ApplicationFailure, SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

use crate::{
    shop::{HOUR, Work, at_most, briefly, on_shop, result, start},
    table::mistakes,
};

/// Fails as its input says.
#[workflow]
#[derive(Default)]
struct Fragile {
    notes: Vec<String>,
    over: bool,
}

#[workflow_methods]
impl Fragile {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, how: String) -> WorkflowResult<()> {
        match how.as_str() {
            "panics" => {
                let amount: u32 = "seven".parse().expect("a number"); // <- a_workflow_panics
                ctx.timer(amount * HOUR).await;
            }
            "fails" => Err(ApplicationFailure::new("not a number"))?,
            "unwraps" => {
                ctx.execute_activity(Work::fail, (), at_most(2))
                    .await
                    .unwrap(); // <- a_failed_activity_is_unwrapped
            }
            "returns it" => ctx.execute_activity(Work::fail, (), at_most(2)).await?,
            "ignores it" => drop(ctx.execute_activity(Work::fail, (), at_most(2)).await),
            "calls something broken" => ctx.execute_activity(Broken::index, (), briefly()).await?,
            "calls once" => ctx.execute_activity(Work::fail, (), at_most(1)).await?,
            "forever" => ctx.execute_activity(Work::fail, (), briefly()).await?,
            "loops" => loop {
                std::thread::park_timeout(HOUR); // <- a_workflow_loops_without_an_await
            },
            "dials" => ctx.execute_activity(Broken::dial, (), briefly()).await?,
            "calls a loop" => ctx.execute_activity(Broken::spin, (), briefly()).await?,
            "calls something broken, twice" => {
                ctx.execute_activity(Broken::index, (), at_most(2)).await?;
            }
            "waits" => ctx.wait_condition(|state| state.over).await?,
            _ => {}
        }
        Ok(())
    }

    #[signal]
    fn strike_out(&mut self, _ctx: &mut SyncWorkflowContext<Self>, note: usize) {
        self.notes.remove(note); // <- a_signal_handler_panics
    }

    #[signal]
    fn strike_out_if_there(&mut self, _ctx: &mut SyncWorkflowContext<Self>, note: usize) {
        if note < self.notes.len() {
            self.notes.remove(note);
        }
    }

    #[signal]
    fn end(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.over = true;
    }

    #[query]
    fn first_note(&self, _ctx: &WorkflowContextView) -> String {
        self.notes[0].clone()
    }

    #[query]
    fn first_note_if_there(&self, _ctx: &WorkflowContextView) -> Option<String> {
        self.notes.first().cloned()
    }

    #[update]
    fn take_note(&mut self, _ctx: &mut SyncWorkflowContext<Self>, note: usize) -> String {
        self.notes[note].clone() // <- an_update_handler_panics
    }

    #[update]
    fn take_note_if_there(
        &mut self,
        _ctx: &mut SyncWorkflowContext<Self>,
        note: usize,
    ) -> Option<String> {
        self.notes.get(note).cloned()
    }
}

/// Activities with a flaw.
struct Broken;

#[activities]
impl Broken {
    #[activity]
    async fn index(_ctx: ActivityContext) -> Result<(), ActivityError> {
        let lines: Vec<String> = Vec::new();
        drop(lines[0].clone()); // <- an_activity_always_panics
        Ok(())
    }

    #[activity]
    async fn dial(_ctx: ActivityContext) -> Result<(), ActivityError> {
        drop(tokio::net::TcpStream::connect("127.0.0.1:9").await?); // <- an_activity_dials_a_server
        Ok(())
    }

    #[activity]
    async fn spin(_ctx: ActivityContext) -> Result<(), ActivityError> {
        loop {
            std::thread::park_timeout(HOUR); // <- an_activity_loops_without_an_await
        }
    }
}

async fn fragile(env: TestWorkflowEnvironment, how: &str) -> TestResult {
    env.worker("shop")
        .workflow::<Fragile>()
        .activity(Work::fail)
        .activity(Broken::index)
        .activity(Broken::spin)
        .activity(Broken::dial)
        .start()?;
    let fragile = start!(env, Fragile::run, how.to_owned());
    result!(fragile); // <- an_activity_panics_at_last
    Ok(())
}

/// Runs a workflow that ends when it is told.
macro_rules! told {
    (|$fragile:ident| $body:block) => {
        |env| {
            Box::pin(async move {
                env.worker("shop").workflow::<Fragile>().start()?;
                let $fragile = start!(env, Fragile::run, "waits".to_owned());
                $body
                $fragile.signal(Fragile::end, (), WorkflowSignalOptions::default()).await?;
                result!($fragile);
                Ok(())
            })
        }
    };
}

mistakes! {
    a_workflow_panics: "DS006" says ["a number", "return an error to fail the workflow"]
        wrong |env| Box::pin(fragile(env, "panics")),
        mended |env| Box::pin(async move {
            env.worker("shop").workflow::<Fragile>().start()?;
            let fragile = start!(env, Fragile::run, "fails".to_owned());
            let failed = fragile.get_result(WorkflowGetResultOptions::default()).await;
            assert!(failed.is_err());
            Ok(())
        });
    a_failed_activity_is_unwrapped: "DS006" says ["out of paper", "return an error"]
        wrong |env| Box::pin(fragile(env, "unwraps")),
        mended |env| Box::pin(fragile(env, "ignores it"));
    a_signal_handler_panics: "DS006" says ["return an error", "retries forever"]
        wrong told!(|it| {
            it.signal(Fragile::strike_out, 1, WorkflowSignalOptions::default()).await?;
        }),
        mended told!(|it| {
            it.signal(Fragile::strike_out_if_there, 1, WorkflowSignalOptions::default()).await?;
        });
    a_query_handler_panics: "DS002" says ["index out of bounds", "handle the error where it arises"]
        wrong told!(|it| {
            // <- a_query_handler_panics
            it.query(Fragile::first_note, (), WorkflowQueryOptions::default()).await?;
        }),
        mended told!(|it| {
            it.query(Fragile::first_note_if_there, (), WorkflowQueryOptions::default()).await?;
        });
    an_update_handler_panics: "DS006" says ["index out of bounds", "return an error"]
        wrong told!(|it| {
            let options = WorkflowExecuteUpdateOptions::default();
            it.execute_update(Fragile::take_note, 1, options).await?;
        }),
        mended told!(|it| {
            let options = WorkflowExecuteUpdateOptions::default();
            it.execute_update(Fragile::take_note_if_there, 1, options).await?;
        });
    a_failed_workflow_is_not_expected: "DS002" says ["out of paper", "or expect it in the test"]
        wrong |env| Box::pin(async move {
            env.worker("shop").workflow::<Fragile>().activity(Work::fail).start()?;
            let fragile = start!(env, Fragile::run, "returns it".to_owned());
            result!(fragile); // <- a_failed_workflow_is_not_expected
            Ok(())
        }),
        mended |env| Box::pin(fragile(env, "ignores it"));
    a_failed_workflow_is_unwrapped: "DS001" says ["out of paper", "look at what the workflows did"]
        wrong |env| Box::pin(async move {
            env.worker("shop").workflow::<Fragile>().activity(Work::fail).start()?;
            let fragile = start!(env, Fragile::run, "returns it".to_owned());
            let result = fragile.get_result(WorkflowGetResultOptions::default()).await;
            result.unwrap(); // <- a_failed_workflow_is_unwrapped
            Ok(())
        }),
        mended |env| Box::pin(fragile(env, "ignores it"));
    one_attempt_is_all_there_is: "DS002" says ["out of paper", "handle the error"]
        wrong |env| Box::pin(fragile(env, "calls once")),
        mended |env| Box::pin(async move {
            let outcomes = [Err(ActivityError::from(std::io::Error::other("busy"))), Ok(())];
            env.worker("shop")
                .workflow::<Fragile>()
                .mock_activity(Work::fail, returns_in_order(outcomes))
                .start()?;
            let fragile = start!(env, Fragile::run, "returns it".to_owned());
            result!(fragile);
            Ok(())
        });
    an_activity_always_panics: "DS001" says [
        "index out of bounds",
        "fix the activity, or bound its retries",
    ]
        wrong |env| Box::pin(fragile(env, "calls something broken")),
        mended |env| Box::pin(async move {
            env.worker("shop")
                .workflow::<Fragile>()
                .mock_activity(Broken::index, |_| async { Ok(()) })
                .start()?;
            let fragile = start!(env, Fragile::run, "calls something broken".to_owned());
            result!(fragile);
            Ok(())
        });
    an_activity_panics_at_last: "DS002" says ["index out of bounds"]
        wrong |env| Box::pin(fragile(env, "calls something broken, twice")),
        mended |env| Box::pin(async move {
            env.worker("shop")
                .workflow::<Fragile>()
                .mock_activity(Broken::index, |_| async { Ok(()) })
                .start()?;
            let fragile = start!(env, Fragile::run, "calls something broken, twice".to_owned());
            result!(fragile);
            Ok(())
        });
    an_activity_dials_a_server: "DS007" says ["Broken::dial", ".mock_activity("]
        wrong |env| Box::pin(fragile(env, "dials")),
        mended |env| Box::pin(async move {
            env.worker("shop")
                .workflow::<Fragile>()
                .mock_activity(Broken::dial, |_| async { Ok(()) })
                .start()?;
            let fragile = start!(env, Fragile::run, "dials".to_owned());
            result!(fragile);
            Ok(())
        });
    a_workflow_loops_without_an_await: "DS004" says ["workflow code", "a loop without an await"]
        with TestOptions::new().limits(Limits { max_stall_ms: 300, ..Limits::default() }),
        wrong |env| Box::pin(fragile(env, "loops")),
        mended |env| Box::pin(fragile(env, "ends"));
    an_activity_loops_without_an_await: "DS004" says ["Broken::spin", "a loop without an await"]
        with TestOptions::new().limits(Limits { max_stall_ms: 300, ..Limits::default() }),
        wrong |env| Box::pin(fragile(env, "calls a loop")),
        mended |env| Box::pin(async move {
            env.worker("shop")
                .workflow::<Fragile>()
                .mock_activity(Broken::spin, |_| async { Ok(()) })
                .start()?;
            let fragile = start!(env, Fragile::run, "calls a loop".to_owned());
            result!(fragile);
            Ok(())
        });
    an_assertion_does_not_hold: "DS001" says ["left: 2", "right: 1", "look at its last line first"]
        wrong |env| Box::pin(async move {
            env.worker("shop").workflow::<Fragile>().activity(Work::fail).start()?;
            let fragile = start!(env, Fragile::run, "ignores it".to_owned());
            result!(fragile);
            assert_eq!(env.calls(Work::fail).len(), 1); // <- an_assertion_does_not_hold
            Ok(())
        }),
        mended |env| Box::pin(async move {
            env.worker("shop").workflow::<Fragile>().activity(Work::fail).start()?;
            let fragile = start!(env, Fragile::run, "ignores it".to_owned());
            result!(fragile);
            assert_eq!(env.calls(Work::fail).len(), 2);
            Ok(())
        });
    an_actor_panics: "DS001" says ["nobody comes", "look at what the workflows did, above"]
        wrong |env| Box::pin(async move {
            env.spawn(async { panic!("nobody comes") }); // <- an_actor_panics
            Ok(())
        }),
        mended |env| Box::pin(async move {
            env.spawn(async {}).await;
            Ok(())
        });
    the_environment_is_taken_to_a_thread: "DS001" says ["no simulated world on this thread"]
        wrong |env| Box::pin(async move {
            let elsewhere = std::thread::spawn(move || env.now()).join();
            elsewhere.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            Ok(())
        }),
        mended |env| Box::pin(async move {
            env.spawn({ let env = env.clone(); async move { env.now() } }).await;
            Ok(())
        });
    a_lock_is_taken_twice: "DS004" says [
        "the test has kept the thread of its world",
        "a lock that is never released",
    ]
        with TestOptions::new().limits(Limits { max_stall_ms: 300, ..Limits::default() }),
        wrong |_env| Box::pin(async move {
            let notes = Arc::new(Mutex::new(0));
            let held = notes.lock().unwrap();
            *notes.lock().unwrap() += *held; // <- a_lock_is_taken_twice
            Ok(())
        }),
        mended |_env| Box::pin(async move {
            let notes = Arc::new(Mutex::new(0));
            let held = *notes.lock().unwrap();
            *notes.lock().unwrap() += held;
            Ok(())
        });
    a_history_is_asked_for_too_early: "DS001" says [
        "there is no workflow with id \"w-1\"",
        "none was started yet",
    ]
        wrong |env| Box::pin(async move {
            env.worker("shop").workflow::<Fragile>().start()?;
            env.history("w-1"); // <- a_history_is_asked_for_too_early
            Ok(())
        }),
        mended |env| Box::pin(async move {
            env.worker("shop").workflow::<Fragile>().start()?;
            let options = on_shop();
            env.client().start_workflow(Fragile::run, String::new(), options).await?;
            env.history("w-1");
            Ok(())
        });
}
