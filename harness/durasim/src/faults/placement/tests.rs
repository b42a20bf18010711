use temporalio_common::UntypedWorkflow;

use super::*;
use crate::label::{Name, Workflow, Workflows};

/// The first workflow of this type.
fn first(workflow_type: &str) -> Workflow {
    Workflows::default().appears("id-1", workflow_type)
}

/// The attempts of an activity of the first workflow of this type.
fn attempt(workflow_type: &str, activity: &str) -> Label {
    Label::Attempt(first(workflow_type), Name::new(activity))
}

fn charge() -> Label {
    attempt("PaymentWorkflow", "Payments::charge")
}

/// A signal to the first workflow of this type.
fn signal(workflow_type: &str, name: &str) -> Label {
    Label::Call(first(workflow_type), Call::Signal(Name::new(name)))
}

/// Returns `true` if the fault is placed at this moment of this subject.
fn placed(fault: &Fault, moment: Moment, subject: Label, attempt: Option<u32>) -> bool {
    fault.is_placed_at(&Opportunity {
        attempt,
        ..Opportunity::new(subject, moment)
    })
}

fn at_charge() -> Fault {
    Fault::worker_crash().at("Payments::charge")
}

#[test]
fn a_fault_is_placed_by_moment_and_by_all_of_its_places() {
    let mut fault = at_charge().of_workflow(UntypedWorkflow::new("PaymentWorkflow"));
    assert!(placed(&fault, Moment::AfterActivity, charge(), None));
    assert!(!placed(
        &fault,
        Moment::AfterActivity,
        attempt("Refund", "Payments::charge"),
        None
    ));
    assert!(!placed(
        &fault,
        Moment::AfterActivity,
        Label::Workflow(first("PaymentWorkflow")),
        None
    ));
    fault = fault.during(Moment::AfterActivity);
    assert!(!placed(&fault, Moment::BeforeActivity, charge(), None));
}

#[test]
fn a_fault_may_be_placed_in_one_attempt() {
    let fault = at_charge().in_attempt(2);
    assert!(placed(&fault, Moment::AfterActivity, charge(), Some(2)));
    assert!(!placed(&fault, Moment::AfterActivity, charge(), Some(1)));
    assert!(!placed(&fault, Moment::AfterWorkflowTask, charge(), None));
    assert_eq!(
        fault.to_string(),
        "worker_crash at `Payments::charge`, attempt 2"
    );
}

#[test]
fn names_match_whole_and_not_by_their_ends() {
    let activity = Place::Activity("charge".to_owned());
    assert!(activity.is_at(attempt("W", "charge")));
    assert!(!activity.is_at(attempt("W", "recharge")));
    let workflow = Place::Workflow("Payment".to_owned());
    assert!(workflow.is_at(signal("Payment", "confirm")));
    assert!(!workflow.is_at(Label::Workflow(first("PaymentWorkflow"))));
    let confirm = Place::Signal("confirm".to_owned());
    assert!(confirm.is_at(signal("Payment", "confirm")));
    assert!(!confirm.is_at(signal("Payment", "reconfirm")));
}

#[test]
fn a_placed_fault_reads_as_it_was_written() {
    assert_eq!(Fault::cache_eviction().to_string(), "cache_eviction");
    assert_eq!(
        Fault::worker_crash()
            .after_workflow_task()
            .at("Payment#2")
            .nth(3)
            .to_string(),
        "worker_crash after a workflow task at `Payment#2`, at the 3rd occasion"
    );
    assert_eq!(
        Fault::signal_delay()
            .at("signal confirm")
            .by_events(2)
            .to_string(),
        "signal_delay at `signal confirm` until 2 more events have happened"
    );
    assert_eq!(
        Fault::client_unavailable()
            .at("start")
            .after_effect()
            .to_string(),
        "client_unavailable at `start` after it took effect"
    );
    assert_eq!(
        Fault::worker_deploy().to_version("v3").to_string(),
        "worker_deploy to version v3"
    );
}

/// Returns `true` if the fault is placed at this place inside the code of a charge.
fn inside(fault: &Fault, moment: Moment, steps: Steps) -> bool {
    fault.is_placed_at(&Opportunity::new(charge(), moment).at(steps))
}

#[test]
fn a_fault_may_be_placed_at_a_later_await() {
    let fault = Fault::worker_crash().at_await(2);
    assert!(inside(&fault, Moment::AtAwait, Steps::nth_await(2)));
    assert!(!inside(&fault, Moment::AtAwait, Steps::nth_await(3)));
    assert!(!inside(&fault, Moment::AtHeartbeat, Steps::heartbeat(2)));
    assert!(!placed(&fault, Moment::AfterActivity, charge(), None));
    assert_eq!(fault.to_string(), "worker_crash, at its 2nd await");
}

#[test]
fn a_place_inside_an_activity_must_be_named_and_is_the_first_await_without_a_number() {
    let anywhere = Fault::worker_crash();
    assert!(!inside(&anywhere, Moment::AtAwait, Steps::nth_await(2)));
    assert!(!inside(&anywhere, Moment::AtHeartbeat, Steps::heartbeat(1)));
    let during = Fault::worker_crash().during(Moment::DuringActivity);
    assert!(inside(&during, Moment::DuringActivity, Steps::nth_await(1)));
    assert!(!inside(&during, Moment::AtAwait, Steps::nth_await(2)));
    let fails = Fault::activity_failure().during(Moment::DuringActivity);
    assert!(inside(&fails, Moment::AtAwait, Steps::nth_await(1)));
}

#[test]
fn a_lost_heartbeat_is_the_one_that_would_have_told_the_service() {
    let fault = Fault::heartbeat_loss().at_heartbeat(3);
    let told_of = |first, last| Steps {
        step: Step::Heartbeat,
        first,
        last,
    };
    assert!(!inside(&fault, Moment::DuringActivity, told_of(1, 2)));
    assert!(inside(&fault, Moment::DuringActivity, told_of(3, 3)));
    assert!(inside(&fault, Moment::DuringActivity, told_of(2, 5)));
}

#[test]
#[should_panic(
    expected = "cache_eviction cannot happen at the 2nd await of an attempt; it happens \
                           before a workflow task"
)]
fn a_place_inside_an_activity_that_a_fault_cannot_have_is_an_error() {
    let _ = Fault::cache_eviction().at_await(2);
}

#[test]
#[should_panic(
    expected = "heartbeat_loss cannot happen at the 1st await of an attempt; it happens \
                           during an activity that sends heartbeats"
)]
fn a_heartbeat_is_not_lost_at_an_await() {
    let _ = Fault::heartbeat_loss().at_await(1);
}

#[test]
#[should_panic(
    expected = "worker_crash cannot happen at the 2nd heartbeat of an attempt and after \
                           the activity"
)]
fn a_fault_is_not_placed_inside_an_activity_and_after_it() {
    let _ = Fault::worker_crash()
        .at_heartbeat(2)
        .during(Moment::AfterActivity);
}
