//! Checks that the test asks for, and faults that it places.

use std::{cell::Cell, collections::BTreeMap, rc::Rc};

use durasim::{advanced::TestOptions, prelude::*};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{WorkflowContext, WorkflowResult};

use crate::{
    shop::{HOUR, Work, briefly, result, start},
    table::mistakes,
};

/// Writes a note, an hour later.
#[workflow]
#[derive(Default)]
struct Note;

#[workflow_methods]
impl Note {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<String> {
        ctx.timer(HOUR).await;
        Ok(ctx.execute_activity(Work::note, "a", briefly()).await?)
    }
}

/// Gives up for ever if the activity takes a second attempt.
#[workflow]
#[derive(Default)]
struct Proud;

#[workflow_methods]
impl Proud {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        if ctx.execute_activity(Work::note, "a", briefly()).await? == "2" {
            ctx.wait_condition(|_| false).await?;
        }
        Ok(())
    }
}

async fn note(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("shop")
        .workflow::<Note>()
        .activity(Work::note)
        .start()?;
    let note = start!(env, Note::run, ());
    result!(note);
    Ok(())
}

/// Runs the proud workflow, whose activity returns the number of its attempt or does not.
async fn proud(env: TestWorkflowEnvironment, tells_its_attempt: bool) -> TestResult {
    env.worker("shop")
        .workflow::<Proud>()
        .mock_activity(Work::note, move |call| async move {
            Ok(if tells_its_attempt {
                call.attempt.to_string()
            } else {
                call.input
            })
        })
        .start()?;
    let proud = start!(env, Proud::run, ());
    result!(proud);
    Ok(())
}

mistakes! {
    a_fault_is_placed_where_nothing_happens: "DS008" says [
        "did not happen",
        "Work::slow",
        "Work::note",
    ]
        with TestOptions::new().faults(Fault::worker_crash().after_activity(Work::slow)),
        wrong |env| Box::pin(note(env)),
        mended |env| Box::pin(async move {
            env.worker("shop").workflow::<Slow>().activity(Work::slow).start()?;
            let slow = start!(env, Slow::run, ());
            result!(slow);
            Ok(())
        });
    a_fault_is_placed_at_an_attempt_that_never_is: "DS008" says ["did not happen"]
        with TestOptions::new()
            .faults(Fault::worker_crash().after_activity(Work::note).in_attempt(2)),
        wrong |env| Box::pin(note(env)),
        mended |env| Box::pin(async move {
            let busy = || Err(std::io::Error::other("busy").into());
            env.worker("shop")
                .workflow::<Note>()
                .mock_activity(Work::note, returns_in_order([busy(), Ok("a".to_owned())]))
                .start()?;
            let note = start!(env, Note::run, ());
            result!(note);
            Ok(())
        });
    a_case_is_never_reached: "DS108" says [
        "\"refunded\" was reached in none",
        "make the case reachable",
    ]
        with TestOptions::new().seeds(4),
        wrong |env| Box::pin(async move {
            env.sometimes("refunded", false); // <- a_case_is_never_reached
            note(env).await
        }),
        mended |env| Box::pin(async move {
            env.sometimes("refunded", true);
            note(env).await
        });
    an_invariant_breaks: "DS107" says ["at most one call"]
        with TestOptions::new().faults(Fault::worker_crash().after_activity(Work::note)),
        wrong |env| Box::pin(async move {
            let seen = env.clone();
            // <- an_invariant_breaks
            env.invariant("at most one call", move || seen.calls(Work::note).len() <= 1);
            note(env).await
        }),
        mended |env| Box::pin(async move {
            let seen = env.clone();
            env.invariant("at most two calls", move || seen.calls(Work::note).len() <= 2);
            note(env).await
        });
    an_invariant_panics: "DS107" says ["2 calls"]
        with TestOptions::new().faults(Fault::worker_crash().after_activity(Work::note)),
        wrong |env| Box::pin(async move {
            let seen = env.clone();
            env.invariant("one call", move || {
                let calls = seen.calls(Work::note).len();
                assert!(calls <= 1, "{calls} calls"); // <- an_invariant_panics
            });
            note(env).await
        }),
        mended |env| Box::pin(async move {
            let seen = env.clone();
            env.invariant("one call", move || assert!(seen.calls(Work::note).len() <= 2));
            note(env).await
        });
    an_observation_panics: "DS001" says ["observation \"sum\"", "no sum"]
        wrong |env| Box::pin(async move {
            env.observe("sum", || -> u32 { panic!("no sum") }); // <- an_observation_panics
            note(env).await
        }),
        mended |env| Box::pin(async move {
            env.observe("sum", || 1);
            note(env).await
        });
    an_observation_does_not_serialize: "DS008" says [
        "what is observed as \"pairs\" does not serialize",
    ]
        wrong |env| Box::pin(async move {
            env.observe("pairs", || BTreeMap::from([((1, 2), 3)]));
            note(env).await
        }),
        mended |env| Box::pin(async move {
            env.observe("pairs", || BTreeMap::from([("1, 2", 3)]));
            note(env).await
        });
    two_observations_share_a_name: "DS001" says ["\"sum\" is observed twice", "a name of its own"]
        wrong |env| Box::pin(async move {
            env.observe("sum", || 1);
            env.observe("sum", || 2); // <- two_observations_share_a_name
            note(env).await
        }),
        mended |env| Box::pin(async move {
            env.observe("sum", || 1);
            env.observe("other sum", || 2);
            note(env).await
        });
    a_workflow_never_recovers: "DS105" says ["Proud w-1", "see above what the workflow waits for"]
        with TestOptions::new().faults(Fault::worker_crash().after_activity(Work::note)),
        wrong |env| Box::pin(proud(env, true)),
        mended |env| Box::pin(proud(env, false));
    an_observation_depends_on_order: "DS103" says ["last", "the fault-free world"]
        with TestOptions::new().seeds(64),
        wrong |env| Box::pin(race(env, true)),
        mended |env| Box::pin(race(env, false));
}

/// Runs a slow activity.
#[workflow]
#[derive(Default)]
struct Slow;

#[workflow_methods]
impl Slow {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let hour = temporalio_sdk::ActivityOptions::start_to_close_timeout(HOUR);
        Ok(ctx.execute_activity(Work::slow, (), hour).await?)
    }
}

/// Two actors sleep for as long; the test observes who was last, or how many were there.
async fn race(env: TestWorkflowEnvironment, last: bool) -> TestResult {
    let (winner, count) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let seen = (winner.clone(), count.clone());
    if last {
        env.observe("last", move || seen.0.get()); // <- an_observation_depends_on_order
    } else {
        env.observe("count", move || seen.1.get());
    }
    let actors = [1, 2].map(|number| {
        let (env, winner, count) = (env.clone(), winner.clone(), count.clone());
        env.clone().spawn(async move {
            env.sleep(HOUR).await;
            winner.set(number);
            count.set(count.get() + 1);
        })
    });
    for actor in actors {
        actor.await;
    }
    Ok(())
}
