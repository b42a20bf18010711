use std::sync::Arc;

use durasim_worker::{
    LocalActivityTask,
    activity::{ActivityAttempt, ActivityDefinitions, CallLog, LocalActivityOrigin},
};
use serde::Serialize;
use temporalio_common::{UntypedActivity, data_converters::RawValue};
use temporalio_protos::{
    coresdk::workflow_commands::ScheduleLocalActivity,
    temporal::api::{
        common::v1::{ActivityType, WorkflowExecution},
        workflowservice::v1::PollActivityTaskQueueResponse,
    },
};

use super::{EffectLedger, Recorded};

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Sent(&'static str);

fn mails() -> EffectLedger<Sent> {
    EffectLedger::new("mails")
}

/// A world with one activity, which writes.
struct Writing {
    definitions: ActivityDefinitions,
    log: CallLog,
}

impl Writing {
    fn new(write: impl Fn(u32) + Send + Sync + 'static) -> Self {
        let mut definitions = ActivityDefinitions::default();
        definitions
            .mock(&UntypedActivity::new("Mails::send"), move |call| {
                write(call.attempt);
                async { Ok(RawValue::empty()) }
            })
            .expect("it is mocked once");
        Self {
            definitions,
            log: CallLog::default(),
        }
    }

    fn attempt(&self, activity_id: &str, attempt: i32) {
        let task = PollActivityTaskQueueResponse {
            workflow_execution: Some(WorkflowExecution {
                workflow_id: "w".into(),
                run_id: "r".into(),
            }),
            activity_type: Some(ActivityType {
                name: "Mails::send".into(),
            }),
            activity_id: activity_id.into(),
            attempt,
            ..Default::default()
        };
        self.run(ActivityAttempt::new(task, "mails", Arc::new(|| 1_200)));
    }

    fn local_attempt(&self, activity_id: &str) {
        let schedule = ScheduleLocalActivity {
            activity_id: activity_id.into(),
            activity_type: "Mails::send".into(),
            ..Default::default()
        };
        let after = std::time::Duration::ZERO;
        let task = LocalActivityTask {
            seq: 1,
            attempt: 1,
            after,
            schedule,
        };
        let origin = LocalActivityOrigin {
            namespace: "default".into(),
            task_queue: "mails".into(),
            workflow_type: "W".into(),
            execution: WorkflowExecution {
                workflow_id: "w".into(),
                run_id: "r".into(),
            },
            requested_ms: 0,
        };
        self.run(ActivityAttempt::local(task, origin, Arc::new(|| 1_200)));
    }

    fn run(&self, mut attempt: ActivityAttempt) {
        attempt.log = self.log.clone();
        futures::executor::block_on(self.definitions.start(attempt).expect("it is registered"));
    }
}

#[test]
fn a_key_is_applied_once() {
    let mails = mails();
    assert_eq!(mails.record("1", Sent("hello")), Recorded::Applied);
    assert_eq!(
        mails.record("1", Sent("again")),
        Recorded::Duplicate {
            first: Sent("hello")
        }
    );
    assert!(!mails.record("2", Sent("hello")).is_duplicate());
    assert_eq!(mails.effects(), [Sent("hello"), Sent("hello")]);
    assert_eq!(
        (
            mails.times_asked("1"),
            mails.times_asked("2"),
            mails.times_asked("3")
        ),
        (2, 1, 0)
    );
    assert_eq!(mails.times_applied(&Sent("hello")), 2);
    assert_eq!(
        (mails.get("1"), mails.get("3")),
        (Some(Sent("hello")), None)
    );
}

#[test]
fn without_a_key_every_call_is_an_effect() {
    let mails = mails();
    mails.apply(Sent("hello"));
    mails.clone().apply(Sent("hello"));
    assert_eq!(mails.len(), 2);
}

#[test]
fn entries_name_the_attempt_that_wrote_them() {
    let mails = mails();
    let ledger = mails.clone();
    let world = Writing::new(move |attempt| {
        ledger.record("key", Sent("hello"));
        assert!(attempt < 3);
    });
    world.attempt("7", 1);
    world.attempt("7", 2);
    let [entry] = &mails.entries()[..] else {
        panic!("one effect stands: {mails:?}")
    };
    let applier = entry.applied_by.as_ref().expect("an activity wrote it");
    assert_eq!(
        applier.to_string(),
        r#"Mails::send, attempt 1, for workflow "w""#
    );
    assert_eq!((applier.activity_id.as_str(), applier.at_ms), ("7", 1_200));
    let attempts: Vec<_> = entry
        .duplicates
        .iter()
        .flatten()
        .map(|applier| applier.attempt)
        .collect();
    assert_eq!(attempts, [2]);
    assert!(entry.location.file().ends_with("tests.rs"));
    assert_eq!(mails.applied_again(), []);
}

#[test]
fn an_effect_applied_by_two_attempts_is_told_with_both() {
    let mails = mails();
    let ledger = mails.clone();
    let world = Writing::new(move |_| ledger.apply(Sent("hello")));
    world.attempt("7", 1);
    world.attempt("8", 1);
    assert_eq!(mails.applied_again(), []);

    world.attempt("7", 2);
    world.attempt("7", 3);
    let [again] = &mails.applied_again()[..] else {
        panic!("one effect was applied again: {mails:?}")
    };
    assert_eq!(again.effect, r#"Sent("hello")"#);
    assert_eq!(
        again
            .appliers
            .iter()
            .map(|applier| applier.attempt)
            .collect::<Vec<_>>(),
        [1, 2, 3]
    );
}

#[test]
fn a_key_that_changes_with_the_attempt_protects_nothing() {
    let mails = mails();
    let ledger = mails.clone();
    let world = Writing::new(move |attempt| {
        ledger.record(format!("7/{attempt}"), Sent("hello"));
    });
    world.attempt("7", 1);
    world.attempt("7", 2);
    assert_eq!(mails.applied_again().len(), 1);
}

#[test]
fn an_attempt_that_goes_on_where_the_last_one_stopped_repeats_nothing() {
    let mails = mails();
    let ledger = mails.clone();
    let pages = ["one", "two", "three"];
    let world = Writing::new(move |attempt| ledger.apply(Sent(pages[attempt as usize - 1])));
    world.attempt("7", 1);
    world.attempt("7", 2);
    assert_eq!(mails.applied_again(), []);
}

#[test]
fn one_attempt_may_apply_equal_effects() {
    let mails = mails();
    let ledger = mails.clone();
    let world = Writing::new(move |_| {
        ledger.apply(Sent("hello"));
        ledger.apply(Sent("hello"));
    });
    world.attempt("7", 1);
    assert_eq!((mails.len(), mails.applied_again()), (2, vec![]));
}

#[test]
fn a_local_activity_that_runs_again_as_its_first_attempt_is_told() {
    let mails = mails();
    let ledger = mails.clone();
    let world = Writing::new(move |_| ledger.apply(Sent("hello")));
    world.attempt("1", 1);
    world.local_attempt("1");
    assert_eq!(mails.applied_again(), []);
    world.local_attempt("1");
    assert_eq!(mails.applied_again().len(), 1);
}

#[test]
fn snapshots_leave_out_what_faults_may_change() {
    let (one, two) = (mails(), mails());
    one.record("b", Sent("x"));
    one.apply(Sent("y"));
    two.apply(Sent("y"));
    two.record("b", Sent("x"));
    two.record("b", Sent("x"));
    assert_eq!(one.snapshot(), two.snapshot());
    let json = serde_json::to_string(&one.snapshot()).expect("it is plain data");
    assert_eq!(json, r#"[{"effect":"y"},{"key":"b","effect":"x"}]"#);
}
