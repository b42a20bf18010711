//! Tests whose worlds leave something behind for the next.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use durasim::{advanced::TestOptions, prelude::*, report::FailureCode};
use futures::FutureExt;
use pretty_assertions::assert_eq;

use crate::failing::report_with;

#[test]
fn a_seed_that_fails_and_then_passes_is_reported_with_what_differed() {
    let worlds = AtomicU32::new(0);
    let report = report_with(TestOptions::new().seeds(4), move |env| {
        let world = worlds.fetch_add(1, Ordering::Relaxed);
        async move {
            if world % 2 == 1 {
                env.spawn(async {});
                panic!("an odd world");
            }
        }
        .boxed_local()
    });
    assert_eq!(report.failure.code, FailureCode::Unrepeatable, "{report}");
    assert_eq!((report.found.seed, &report.found.tape), (None, &None));
    let message = report.failure.message.as_deref().unwrap_or_default();
    let line = report.failure.location.as_ref().expect("a line");
    assert!(line.file.ends_with("unrepeatable.rs"), "{report}");
    let first = "first it failed with DS001 panic: the test panicked\n  an odd world\n\
                 then, with the same choices, it passed\n\
                 the first thing that differed\n";
    assert!(message.starts_with(first), "{report}");
}

/// Every world after the second fails, however often it runs again in this process.
#[workflow_test(seeds = 4)]
#[should_panic(expected = "passes in a process of its own")]
async fn a_seed_that_fails_only_after_other_worlds_is_unrepeatable(_env: TestWorkflowEnvironment) {
    static WORLDS: AtomicU32 = AtomicU32::new(0);
    assert!(WORLDS.fetch_add(1, Ordering::Relaxed) < 2);
}

/// A world that fails for a line of the test does not run again: what it prints is not printed
/// twice, and its snapshots are not numbered anew.
#[test]
fn a_test_that_fails_at_once_runs_once() {
    let worlds = Arc::new(AtomicU32::new(0));
    let counts = worlds.clone();
    let report = report_with(TestOptions::new(), move |_env| {
        counts.fetch_add(1, Ordering::Relaxed);
        async { assert!(false_on_purpose(), "out of paper") }.boxed_local()
    });
    assert_eq!(report.failure.code, FailureCode::Panic);
    assert_eq!(worlds.load(Ordering::Relaxed), 1);
}

/// An assertion of a library panics in the library.
#[test]
fn a_panic_in_a_library_is_reported_at_the_users_line_though_the_test_runs_once() {
    let worlds = Arc::new(AtomicU32::new(0));
    let counts = worlds.clone();
    let report = report_with(TestOptions::new(), move |_env| {
        counts.fetch_add(1, Ordering::Relaxed);
        async move {
            let _ = polled_too_often();
        }
        .boxed_local()
    });
    let line = report.failure.location.as_ref().expect("a line");
    assert!(line.file.ends_with("unrepeatable.rs"), "{report}");
    assert_eq!(worlds.load(Ordering::Relaxed), 1);
}

fn false_on_purpose() -> bool {
    false
}

/// Panics in the crate `futures`, which does not name its caller.
fn polled_too_often() -> Option<()> {
    let mut done = Box::pin(futures::future::ready(()));
    done.as_mut().now_or_never();
    done.as_mut().now_or_never()
}

/// Two snapshots without a name, and one in the test itself, in four worlds.
#[workflow_test(seeds = 3)]
async fn the_snapshots_of_all_worlds_have_the_names_of_the_first(env: TestWorkflowEnvironment) {
    insta::assert_snapshot!(format!("at {:?}", env.now()));
    env.sleep(Duration::from_secs(1)).await;
    insta::assert_snapshot!(format!("at {:?}", env.now()));
    insta::assert_snapshot!("inline", @"inline");
}
