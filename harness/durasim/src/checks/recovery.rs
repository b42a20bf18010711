//! `recovery`: every workflow closes soon enough after the last fault, if its test says how soon.
//!
//! A fault may make a sound workflow late. A long activity without a heartbeat timeout makes it
//! very late: nobody notices that its worker died until start-to-close has passed.

use std::collections::BTreeMap;

use durasim_engine::START_MS;
use durasim_events::{Attributes, HistoryEvent};
use durasim_service::time::instant_ms;

use super::{Check, Needs};
use crate::{
    faults::{Outcome, is_fault_site},
    history::History,
    outcome::{Recovery, Reference, WorldReport},
    report::{Failure, FailureCode, SourceLine, WorkflowName},
    words::duration_words,
};

pub(super) const CHECK: Check = Check {
    code: FailureCode::Recovery,
    needs: Needs::FaultFreeWorld(check),
};

/// Returns the failure of the workflow that closed last, if it closed later than the test allows.
fn check(report: &WorldReport, _: &Reference) -> Option<Failure> {
    let (allowed_ms, location) = report.recovers_within?;
    let recovery = report.slowest_recovery.as_ref()?;
    (recovery.late_ms > allowed_ms).then(|| failure(recovery, allowed_ms, Some(location.into())))
}

/// Returns the failure of a workflow that closed later than the test allows.
pub(super) fn failure(
    recovery: &Recovery,
    allowed_ms: u64,
    location: Option<SourceLine>,
) -> Failure {
    let Recovery {
        closed_ms, late_ms, ..
    } = *recovery;
    let (closed, late) = (duration_words(closed_ms), duration_words(late_ms));
    let allowed = duration_words(allowed_ms);
    let what = format!("the workflow closed at +{closed}, {late} late; the test allows {allowed}");
    let without = duration_words(recovery.without_faults_ms);
    let fault = duration_words(recovery.last_fault_ms);
    let message =
        format!("without faults it closes at +{without}; the last fault before was at +{fault}");
    Failure::new(FailureCode::Recovery, what)
        .with_message(message)
        .of(Some(recovery.workflow.clone()))
        .at(location)
}

/// Returns the recovery that took longest in a world: of the workflow that closed latest after the
/// time at which it closes without faults, or after the last fault if that was later.
///
/// Returns `None` if no fault happened, or if no workflow closed later. A workflow whose outcome a
/// fault has changed has not recovered.
pub(crate) fn slowest(report: &WorldReport, reference: &Reference) -> Option<Recovery> {
    if report.outcome != Outcome::Same {
        return None;
    }
    let entries = report.tape.entries.iter();
    let faults = entries.filter(|entry| is_fault_site(&entry.point.site));
    let faults_ms: Vec<_> = faults
        .map(|fault| fault.at_ms.saturating_sub(START_MS))
        .collect();
    let recoveries = closings(&report.histories).into_iter();
    let recoveries = recoveries.filter_map(|(id, (workflow_type, closed_ms))| {
        let without_faults_ms = reference.closed_ms.get(id).copied()?;
        let before = faults_ms.iter().filter(|at_ms| **at_ms <= closed_ms);
        let last_fault_ms = *before.max()?;
        let due_ms = last_fault_ms.max(without_faults_ms);
        Some(Recovery {
            workflow: WorkflowName::new(workflow_type, id),
            closed_ms,
            late_ms: closed_ms
                .checked_sub(due_ms)
                .filter(|late_ms| *late_ms > 0)?,
            without_faults_ms,
            last_fault_ms,
        })
    });
    // Of equals the first by its id counts.
    recoveries.rev().max_by_key(|recovery| recovery.late_ms)
}

/// Returns the time at which each workflow closed, by its id, in virtual milliseconds since the
/// start of the world.
pub(crate) fn closed_ms(histories: &[History]) -> BTreeMap<String, u64> {
    let closings = closings(histories).into_iter();
    closings
        .map(|(id, (_, closed_ms))| (id.to_owned(), closed_ms))
        .collect()
}

/// Returns the type of each workflow that has closed, and the time at which its last run did.
fn closings(histories: &[History]) -> BTreeMap<&str, (&str, u64)> {
    let mut closings = BTreeMap::new();
    for history in histories {
        let id = history.workflow_id();
        match history.shared() {
            [first, .., last] if last.is_final_wf_execution_event() => {
                closings.insert(id, (workflow_type(first), at_ms(last)));
            }
            _ => {
                closings.remove(id);
            }
        }
    }
    closings
}

fn workflow_type(first: &HistoryEvent) -> &str {
    match &first.attributes {
        Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) => started
            .workflow_type
            .as_ref()
            .map_or("", |it| it.name.as_str()),
        _ => "",
    }
}

fn at_ms(event: &HistoryEvent) -> u64 {
    let at_ms = event.event_time.as_ref().map_or(0, instant_ms);
    at_ms.saturating_sub(START_MS)
}
