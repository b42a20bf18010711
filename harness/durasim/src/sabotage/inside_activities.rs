//! Probes of the faults that happen inside the code of an attempt, and of what a worker does about
//! them by itself.

use super::{
    faults::BEATING,
    payments::{Bank, SILENT, happens},
    proof::probes,
};
use crate::{
    Fault,
    broken::Sabotage,
    faults::{
        FaultKind::{ActivityFailure, ActivityOverlap, WorkerCrash, WorkerShutdown},
        Moment::{AtAwait, AtHeartbeat},
    },
};

probes! {
    a_worker_dies_at_a_later_await_of_an_activity,
    breaks Sabotage::Fault(WorkerCrash, AtAwait, None) => || happens(
        BEATING,
        Fault::worker_crash().during_activity(Bank::charge).at_await(3),
        "crash worker payments during Bank::charge, attempt 1, at its 3rd await",
        |it| it.log == ["begin 1", "begin 2", "end 2"]
            && it.traced_at_ms("worker", "dies") == Some(2_000),
    );

    a_worker_dies_at_a_heartbeat_of_an_activity,
    breaks Sabotage::Fault(WorkerCrash, AtHeartbeat, None) => || happens(
        BEATING,
        Fault::worker_crash().during_activity(Bank::charge).at_heartbeat(3),
        "crash worker payments during Bank::charge, attempt 1, at its 3rd heartbeat",
        |it| it.log == ["begin 1", "begin 2", "end 2"]
            && it.traced_at_ms("worker", "dies") == Some(3_000),
    );

    a_worker_shuts_down_at_a_later_await_of_an_activity_which_runs_on,
    breaks Sabotage::Fault(WorkerShutdown, AtAwait, None) => || happens(
        BEATING,
        Fault::worker_shutdown().during_activity(Bank::charge).at_await(3),
        "shut worker payments down within 30s, during Bank::charge, attempt 1, at its 3rd await",
        |it| it.log == ["begin 1", "end 1"]
            && it.traced_at_ms("worker", "shuts down") == Some(2_000),
    );

    a_worker_shuts_down_at_a_heartbeat_of_an_activity_which_runs_on,
    breaks Sabotage::Fault(WorkerShutdown, AtHeartbeat, None) => || happens(
        BEATING,
        Fault::worker_shutdown().during_activity(Bank::charge).at_heartbeat(3),
        "shut worker payments down within 30s, during Bank::charge, attempt 1, \
         at its 3rd heartbeat",
        |it| it.log == ["begin 1", "end 1"]
            && it.traced_at_ms("worker", "shuts down") == Some(3_000),
    );

    an_attempt_fails_at_an_await_of_its_code,
    breaks Sabotage::Fault(ActivityFailure, AtAwait, None) => || happens(
        BEATING,
        Fault::activity_failure().during_activity(Bank::charge).at_await(2),
        "fail Bank::charge, attempt 1, at its 2nd await",
        |it| it.log == ["begin 1", "begin 2", "end 2"]
            && it.traced_at_ms("deliver", "charge/failed") == Some(1_000),
    );

    an_attempt_fails_at_a_heartbeat_of_its_code,
    breaks Sabotage::Fault(ActivityFailure, AtHeartbeat, None) => || happens(
        BEATING,
        Fault::activity_failure().during_activity(Bank::charge).at_heartbeat(2),
        "fail Bank::charge, attempt 1, at its 2nd heartbeat",
        |it| it.log == ["begin 1", "begin 2", "end 2"]
            && it.traced_at_ms("deliver", "charge/failed") == Some(2_000),
    );

    an_attempt_stands_still_at_a_later_await_until_its_retry_runs_beside_it,
    breaks Sabotage::Fault(ActivityOverlap, AtAwait, None) => || happens(
        BEATING,
        Fault::activity_overlap().during_activity(Bank::charge).at_await(3),
        "pause Bank::charge, attempt 1, at its 3rd await, until its retry runs beside it",
        |it| it.log == ["begin 1", "begin 2", "end 2", "end 1"]
            || it.log == ["begin 1", "begin 2", "end 1", "end 2"],
    );

    a_worker_gives_up_on_an_attempt_after_its_timeout_and_reports_nothing,
    breaks Sabotage::LocalTimeouts => || happens(
        SILENT,
        Fault::activity_overlap().before_activity(Bank::charge),
        "pause Bank::charge, attempt 1, before its code begins, until its retry runs beside it",
        |it| it.log.contains(&"end 1".to_owned())
            && it.log.contains(&"end 2".to_owned())
            && it.traced("send", "charge/completed") == 1,
    );
}
