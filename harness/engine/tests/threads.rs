//! A process of its own, so that no other test starts threads in it.

#![cfg(all(target_os = "linux", not(madsim)))]

use std::{sync::mpsc, thread};

use durasim_engine::{Ambient, may_have_started_threads, simulate};

#[test]
fn a_run_knows_whether_a_thread_it_started_is_still_running() {
    let answers = simulate(Ambient::default(), || async {
        let before = may_have_started_threads();
        let (end, ended) = mpsc::channel::<()>();
        let during = thread::scope(|scope| {
            scope.spawn(move || ended.recv());
            let during = may_have_started_threads();
            drop(end);
            during
        });
        (before, during)
    });
    assert_eq!(answers, (false, true));
}
