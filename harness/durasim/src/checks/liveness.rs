//! `liveness`: once faults stop, every workflow closes that closes without faults.

use crate::{
    broken::broken,
    outcome::{Reference, WorldReport},
    report::{Diagnosis, FailureCode, FailureReport},
};

/// The workflows that faults left open, if there are any.
pub(crate) fn check(report: &WorldReport, reference: &Reference) -> Option<FailureReport> {
    if broken!(check Liveness) || !report.settles {
        return None;
    }
    let diagnosis = left_open(&report.open_diagnosis, reference)?;
    Some(FailureReport::not_live(
        healed_ms(report),
        report.virtual_ms,
        diagnosis,
    ))
}

/// The failure of a world under faults, which is one of liveness if nothing can happen in it any
/// more, or no end is in sight, and a workflow is open that closes without faults. That the test
/// waits for it is no other flaw.
pub(crate) fn judged(
    failure: FailureReport,
    report: &WorldReport,
    reference: &Reference,
) -> FailureReport {
    let hangs = matches!(failure.code, FailureCode::Stuck | FailureCode::Limit);
    if broken!(check Liveness) || !hangs {
        return failure;
    }
    let diagnosis = failure
        .diagnosis
        .as_ref()
        .and_then(|diagnosis| left_open(diagnosis, reference));
    let Some(diagnosis) = diagnosis else {
        return failure;
    };
    let judged = FailureReport::not_live(healed_ms(report), report.virtual_ms, diagnosis);
    let what = match failure.message {
        Some(message) => format!("{}\n{message}", failure.what),
        None => failure.what,
    };
    FailureReport {
        message: Some(what),
        remedy: failure.remedy,
        location: failure.location,
        ..judged
    }
}

/// When the last fault struck, if any did.
fn healed_ms(report: &WorldReport) -> Option<u64> {
    (report.faults > 0).then_some(report.healed_ms)
}

/// What is open and, of its type, more than without faults.
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
