//! `liveness`: once faults stop, every workflow closes that closes without faults.

use crate::{
    report::FailureReport,
    runner::{Reference, WorldReport},
    sabotage::broken,
};

/// The workflows that faults left open, if there are any.
pub(crate) fn check(report: &WorldReport, reference: &Reference) -> Option<FailureReport> {
    if broken!(check Liveness) {
        return None;
    }
    if !report.settles {
        return None;
    }
    let mut diagnosis = report.open_diagnosis.clone();
    // As many of a type may stay open as do without faults; ids may differ from world to world.
    let mut excused = reference.open.clone();
    diagnosis.workflows.retain(|workflow| match excused.get_mut(&workflow.name.workflow_type) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    });
    if diagnosis.workflows.is_empty() {
        return None;
    }
    Some(FailureReport::not_live(report.healed_ms, report.virtual_ms, diagnosis))
}
