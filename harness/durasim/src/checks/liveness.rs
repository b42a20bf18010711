//! `liveness`: every workflow that closes without faults closes once faults have stopped.

use super::{Check, Needs};
use crate::{
    broken::broken,
    outcome::{Reference, WorldReport},
    report::{Diagnosis, Failure, FailureCode},
    words::duration_words,
};

pub(super) const CHECK: Check = Check {
    code: FailureCode::Liveness,
    needs: Needs::FaultFreeWorld(check),
};

/// Returns the failure of the workflows that faults left open, if there are any.
fn check(report: &WorldReport, reference: &Reference) -> Option<Failure> {
    // A test that ended early may have left workflows without the signals that they wait for.
    if !report.settles || report.ended_early {
        return None;
    }
    let diagnosis = left_open(&report.open_diagnosis, reference)?;
    Some(failure(healed_ms(report), report.virtual_ms, diagnosis))
}

/// Returns the failure of liveness behind the hang of a world with faults: nothing can happen in
/// the world any more, no end is in sight, or the test has given up, and a workflow is open that
/// closes without faults. The test that waits for this workflow has no flaw of its own.
pub(crate) fn behind_hang(
    hang: &Failure,
    report: &WorldReport,
    reference: &Reference,
) -> Option<Failure> {
    let diagnosis = hang.diagnosis.as_ref()?;
    let hangs = matches!(hang.code, FailureCode::Stuck | FailureCode::Limit);
    let gave_up = diagnosis.gave_up.as_ref().map(|it| &it.workflow);
    if broken!(Check(FailureCode::Liveness)) || !(hangs || gave_up.is_some()) {
        return None;
    }
    let mut diagnosis = left_open(diagnosis, reference)?;
    if let Some(awaited) = gave_up {
        // Other workflows may still close.
        diagnosis.workflows.retain(|open| open.name == *awaited);
    }
    if diagnosis.workflows.is_empty() {
        return None;
    }
    let what = match &hang.message {
        Some(message) => format!("{}\n{message}", hang.what),
        None => hang.what.clone(),
    };
    let failure = failure(healed_ms(report), report.virtual_ms, diagnosis);
    Some(Failure {
        message: Some(what),
        // A test that gave up has no remedy of its own for its workflow.
        remedy: hang.remedy.clone().filter(|_| hangs),
        location: hang.location.clone(),
        ..failure
    })
}

/// Returns the failure of workflows that had not closed by `now_ms`. Faults stopped `healed_ms`
/// into the world, if any happened.
pub(super) fn failure(healed_ms: Option<u64>, now_ms: u64, diagnosis: Diagnosis) -> Failure {
    let (open, close) = match diagnosis.workflows.len() {
        1 => ("1 workflow is still open".to_owned(), "closes"),
        count => (format!("{count} workflows are still open"), "close"),
    };
    let now = duration_words(now_ms);
    let what = match healed_ms {
        Some(healed_ms) => {
            let healed = duration_words(healed_ms);
            format!("the last fault was at +{healed}, and at +{now} {open}")
        }
        None => format!("at +{now} {open} that {close} in the fault-free world"),
    };
    Failure::new(FailureCode::Liveness, what)
        .of(diagnosis.first_workflow())
        .with_diagnosis(diagnosis)
}

/// Returns the time of the last fault, in virtual milliseconds since the start of the world.
fn healed_ms(report: &WorldReport) -> Option<u64> {
    (report.faults > 0).then_some(report.healed_ms)
}

/// Returns the open workflows that are more of their type than without faults.
fn left_open(diagnosis: &Diagnosis, reference: &Reference) -> Option<Diagnosis> {
    let mut diagnosis = diagnosis.clone();
    // As many of a type may stay open as do without faults; ids may differ from world to world.
    let mut excused = reference.open.clone();
    diagnosis.workflows.retain(
        |workflow| match excused.get_mut(&workflow.name.workflow_type) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => true,
        },
    );
    (!diagnosis.workflows.is_empty()).then_some(diagnosis)
}
