//! Workers that lack something, or are started wrongly.

use std::sync::Arc;

use durasim::prelude::*;
use temporalio_common::{UntypedActivity, data_converters::RawValue};
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, ChildWorkflowOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

use crate::{
    shop::{Work, briefly, on_shop, result, start},
    table::mistakes,
};

/// Writes a note.
#[workflow]
#[derive(Default)]
struct Note;

#[workflow_methods]
impl Note {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<String> {
        Ok(ctx.execute_activity(Work::note, "a", briefly()).await?)
    }
}

/// Writes a note elsewhere.
#[workflow]
#[derive(Default)]
struct NoteElsewhere;

#[workflow_methods]
impl NoteElsewhere {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<String> {
        let options = ActivityOptions::with_start_to_close_timeout(Duration::from_secs(30))
            .task_queue("printers")
            .build();
        Ok(ctx.execute_activity(Work::note, "a", options).await?)
    }
}

/// Has a note written by a child.
#[workflow]
#[derive(Default)]
struct Parent;

#[workflow_methods]
impl Parent {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<String> {
        let child = ctx.start_child_workflow(Note::run, (), ChildWorkflowOptions::default());
        Ok(child.await?.result().await?)
    }
}

/// Activities with an instance.
#[derive(Default)]
struct Desk;

#[activities]
impl Desk {
    #[activity]
    async fn stamp(self: Arc<Self>, _ctx: ActivityContext) -> Result<(), ActivityError> {
        Ok(())
    }
}

/// Gets a stamp.
#[workflow]
#[derive(Default)]
struct Stamp;

#[workflow_methods]
impl Stamp {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        Ok(ctx.execute_activity(Desk::stamp, (), briefly()).await?)
    }
}

/// Runs a test whose workers are these.
macro_rules! notes {
    ($workflow:ident, |$env:ident| $workers:block) => {
        |$env| {
            Box::pin(async move {
                $workers
                let note = start!($env, $workflow::run, ());
                result!(note);
                Ok(())
            })
        }
    };
}

mistakes! {
    there_is_no_worker: "DS003" says ["Note w-1", "shop", "env.worker(\"shop\")"]
        wrong notes!(Note, |env| {}),
        mended notes!(Note, |env| {
            env.worker("shop").workflow::<Note>().activity(Work::note).start()?;
        });
    a_worker_is_not_started: "DS003" says ["no worker polls", "env.worker(\"shop\")"]
        wrong notes!(Note, |env| {
            let _worker = env.worker("shop").workflow::<Note>().activity(Work::note);
        }),
        mended notes!(Note, |env| {
            env.worker("shop").workflow::<Note>().activity(Work::note).start()?;
        });
    a_task_queue_is_misspelt: "DS003" says ["shop", "shpo"]
        wrong notes!(Note, |env| {
            env.worker("shpo").workflow::<Note>().activity(Work::note).start()?;
        }),
        mended notes!(Note, |env| {
            env.worker("shop").workflow::<Note>().activity(Work::note).start()?;
        });
    an_activity_is_not_registered: "DS005" says [
        "activity Work::note",
        ".activity(Work::note)",
        ".mock_activity(",
    ]
        wrong notes!(Note, |env| {
            env.worker("shop").workflow::<Note>().start()?;
        }),
        mended notes!(Note, |env| {
            env.worker("shop")
                .workflow::<Note>()
                .mock_activity(Work::note, |call| async move { Ok(call.input) })
                .start()?;
        });
    a_workflow_is_not_registered: "DS005" says ["workflow Note", ".workflow::<Note>()"]
        wrong notes!(Note, |env| {
            env.worker("shop").activity(Work::note).start()?;
        }),
        mended notes!(Note, |env| {
            env.worker("shop").workflow::<Note>().activity(Work::note).start()?;
        });
    a_child_is_not_registered: "DS005" says ["workflow Note", ".workflow::<Note>()"]
        wrong notes!(Parent, |env| {
            env.worker("shop").workflow::<Parent>().activity(Work::note).start()?;
        }),
        mended notes!(Parent, |env| {
            env.worker("shop")
                .workflow::<Parent>()
                .mock_workflow(Note::run, |_| async { Ok("a".to_owned()) })
                .start()?;
        });
    nobody_polls_the_queue_of_an_activity: "DS003" says ["Work::note", "printers"]
        wrong notes!(NoteElsewhere, |env| {
            env.worker("shop").workflow::<NoteElsewhere>().activity(Work::note).start()?;
        }),
        mended notes!(NoteElsewhere, |env| {
            env.worker("shop").workflow::<NoteElsewhere>().start()?;
            env.worker("printers").activity(Work::note).start()?;
        });
    the_workers_of_a_queue_differ: "DS005" says [
        "only some workers of task queue shop",
        "register the same types",
    ]
        wrong notes!(Note, |env| {
            env.worker("shop").workflow::<Parent>().start()?;
            env.worker("shop").workflow::<Note>().activity(Work::note).start()?;
        }),
        mended notes!(Note, |env| {
            for _ in 0..2 {
                let worker = env.worker("shop").workflow::<Parent>().workflow::<Note>();
                worker.activity(Work::note).start()?;
            }
        });
    the_name_of_a_mock_is_misspelt: "DS005" says ["activity Work::note", "Work::noet"]
        wrong notes!(Note, |env| {
            let typo = UntypedActivity::new("Work::noet");
            let mock = |_| async { Ok(RawValue::empty()) };
            env.worker("shop").workflow::<Note>().mock_activity(typo, mock).start()?;
        }),
        mended notes!(Note, |env| {
            env.worker("shop")
                .workflow::<Note>()
                .mock_activity(Work::note, |call| async move { Ok(call.input) })
                .start()?;
        });
    an_instance_is_missing: "DS008" says ["needs an instance of", ".implementer(..)"]
        wrong notes!(Stamp, |env| {
            let worker = env.worker("shop").workflow::<Stamp>().activity(Desk::stamp);
            worker.start()?; // <- an_instance_is_missing
        }),
        mended notes!(Stamp, |env| {
            env.worker("shop").workflow::<Stamp>().activity(Desk::stamp).implementer(Desk).start()?;
        });
    an_activity_is_mocked_twice: "DS008" says ["keep one `.mock_activity(Work::note, ..)`"]
        wrong notes!(Note, |env| {
            // <- an_activity_is_mocked_twice
            env.worker("shop")
                .workflow::<Note>()
                .mock_activity(Work::note, |call| async move { Ok(call.input) })
                .mock_activity(Work::note, |call| async move { Ok(call.input) })
                .start()?;
        }),
        mended notes!(Note, |env| {
            let outcomes = [Ok("a".to_owned())];
            env.worker("shop")
                .workflow::<Note>()
                .mock_activity(Work::note, returns_in_order(outcomes))
                .start()?;
        });
    a_workflow_is_registered_twice: "DS008" says ["remove one `.workflow::<Note>()`"]
        wrong notes!(Note, |env| {
            let worker = env.worker("shop").workflow::<Note>().workflow::<Note>();
            worker.activity(Work::note).start()?; // <- a_workflow_is_registered_twice
        }),
        mended notes!(Note, |env| {
            env.worker("shop").workflow::<Note>().activity(Work::note).start()?;
        });
    a_worker_has_nothing_to_do: "DS008" says [
        "neither a workflow nor an activity is registered",
        ".workflow::<W>()",
    ]
        wrong notes!(Note, |env| {
            env.worker("shop").start()?; // <- a_worker_has_nothing_to_do
        }),
        mended notes!(Note, |env| {
            env.worker("shop").workflow::<Note>().activity(Work::note).start()?;
        });
    a_task_queue_has_no_name: "DS008" says ["name the task queue"]
        wrong notes!(Note, |env| {
            let worker = env.worker("").workflow::<Note>().activity(Work::note);
            worker.start()?; // <- a_task_queue_has_no_name
        }),
        mended notes!(Note, |env| {
            env.worker("shop").workflow::<Note>().activity(Work::note).start()?;
        });
    a_workflow_id_is_used_twice: "DS002" says ["w-1"]
        wrong |env| Box::pin(async move {
            env.client().start_workflow(Note::run, (), on_shop()).await?;
            let again = env.client().start_workflow(Note::run, (), on_shop()).await;
            again?; // <- a_workflow_id_is_used_twice
            Ok(())
        }),
        mended |env| Box::pin(async move {
            env.client().start_workflow(Note::run, (), on_shop()).await?;
            let other = WorkflowStartOptions::new("shop", "w-2").build();
            env.client().start_workflow(Note::run, (), other).await?;
            Ok(())
        });
    a_client_starts_nothing_with_an_empty_id: "DS002" says ["WorkflowId is not set"]
        wrong |env| Box::pin(async move {
            let options = WorkflowStartOptions::new("shop", "").build();
            let started = env.client().start_workflow(Note::run, (), options).await;
            started?; // <- a_client_starts_nothing_with_an_empty_id
            Ok(())
        }),
        mended |env| Box::pin(async move {
            env.client().start_workflow(Note::run, (), on_shop()).await?;
            Ok(())
        });
}
