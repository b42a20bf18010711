//! Mocks that are called otherwise than the test expects, and histories that hold something else.

use durasim::prelude::*;
use temporalio_common::{
    UntypedActivity,
    data_converters::{PayloadConverter, RawValue},
};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{WorkflowContext, WorkflowResult};

use crate::{
    shop::{Work, briefly, result, start},
    table::mistakes,
};

/// Writes so many notes.
#[workflow]
#[derive(Default)]
struct Notes;

#[workflow_methods]
impl Notes {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, notes: u32) -> WorkflowResult<()> {
        for note in 1..=notes {
            ctx.execute_activity(Work::note, note.to_string(), briefly())
                .await?;
        }
        Ok(())
    }
}

/// Runs a test whose worker has this mock, and whose workflow writes so many notes.
macro_rules! notes {
    ($notes:literal, |$worker:ident| $mocked:expr $(, then |$env:ident| $then:block)?) => {
        |env| {
            Box::pin(async move {
                let $worker = env.worker("shop").workflow::<Notes>();
                $mocked.start()?;
                let notes = start!(env, Notes::run, $notes);
                result!(notes);
                $(
                    let $env = env;
                    $then
                )?
                Ok(())
            })
        }
    };
}

mistakes! {
    a_mock_is_never_called: "DS109" says [
        "the mock of Work::note was never called",
        "correct `.times(..)`",
    ]
        wrong notes!(0_u32, |worker| worker
            .mock_activity(Work::note, |call| async move { Ok(call.input) })
            .times(1..)), // <- a_mock_is_never_called
        mended notes!(1_u32, |worker| worker
            .mock_activity(Work::note, |call| async move { Ok(call.input) })
            .times(1..));
    a_mock_is_called_too_often: "DS109" says ["was called 2 times, and 1 call is expected"]
        wrong notes!(2_u32, |worker| worker
            .mock_activity(Work::note, |call| async move { Ok(call.input) })
            .times(1)), // <- a_mock_is_called_too_often
        mended notes!(2_u32, |worker| worker
            .mock_activity(Work::note, |call| async move { Ok(call.input) })
            .times(2));
    a_mock_has_too_few_outcomes: "DS109" says [
        "after its 1 outcome",
        "add an outcome for each call",
    ]
        wrong notes!(2_u32, |worker| worker.mock_activity(
            Work::note,
            returns_in_order([Ok("a".to_owned())]), // <- a_mock_has_too_few_outcomes
        )),
        mended notes!(2_u32, |worker| worker.mock_activity(
            Work::note,
            returns_in_order(["a", "b"].map(|it| Ok(it.to_owned()))),
        ));
    a_count_has_no_mock: "DS008" says ["`.times(..)` is about the mock before it", "move it behind"]
        wrong notes!(1_u32, |worker| worker
            .activity(Work::note)
            .times(1)),
        mended notes!(1_u32, |worker| worker
            .mock_activity(Work::note, |call| async move { Ok(call.input) })
            .times(1));
    a_mock_asserts_its_input: "DS001" says ["mock of Work::note", "left: \"1\""]
        wrong notes!(1_u32, |worker| worker.mock_activity(Work::note, |call| async move {
            assert_eq!(call.input, "one"); // <- a_mock_asserts_its_input
            Ok(call.input)
        })),
        mended notes!(1_u32, |worker| worker.mock_activity(Work::note, |call| async move {
            assert_eq!(call.input, "1");
            Ok(call.input)
        }));
    a_mock_returns_another_type: "DS006" says ["expected a string", "Work::note", "mock"]
        wrong notes!(1_u32, |worker| worker.mock_activity(
            UntypedActivity::new("Work::note"),
            |_| async { Ok(RawValue::from_value(&7, &PayloadConverter::default())) },
        )),
        mended notes!(1_u32, |worker| worker.mock_activity(
            UntypedActivity::new("Work::note"),
            |_| async { Ok(RawValue::from_value(&"7", &PayloadConverter::default())) },
        ));
    a_history_lacks_an_event: "DS001" says ["has no TimerStarted", "WorkflowExecutionCompleted"]
        wrong notes!(1_u32, |worker| worker.activity(Work::note), then |env| {
            env.history("w-1").assert_contains("TimerStarted"); // <- a_history_lacks_an_event
        }),
        mended notes!(1_u32, |worker| worker.activity(Work::note), then |env| {
            env.history("w-1").assert_contains("ActivityTaskScheduled Work::note(\"1\")");
        });
    an_event_type_is_misspelt: "DS001" says ["did you mean \"ActivityTaskFailed\"?"]
        wrong notes!(1_u32, |worker| worker.activity(Work::note), then |env| {
            env.history("w-1").assert_lacks("ActivityTaskFaild"); // <- an_event_type_is_misspelt
        }),
        mended notes!(1_u32, |worker| worker.activity(Work::note), then |env| {
            env.history("w-1").assert_lacks("ActivityTaskFailed");
        });
    events_come_in_another_order: "DS001" says ["has no ActivityTaskScheduled", "after event"]
        wrong notes!(1_u32, |worker| worker.activity(Work::note), then |env| {
            let order = ["ActivityTaskCompleted", "ActivityTaskScheduled"];
            env.history("w-1").assert_order(order); // <- events_come_in_another_order
        }),
        mended notes!(1_u32, |worker| worker.activity(Work::note), then |env| {
            env.history("w-1").assert_order(["ActivityTaskScheduled", "ActivityTaskCompleted"]);
        });
}
