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

fn at_charge() -> Fault {
    Fault::worker_crash().at("Payments::charge")
}

#[test]
fn a_fault_is_placed_by_moment_and_by_all_of_its_places() {
    let mut fault = at_charge().of_workflow(UntypedWorkflow::new("PaymentWorkflow"));
    assert!(fault.is_placed_at(Moment::AfterActivity, charge(), None));
    assert!(!fault.is_placed_at(
        Moment::AfterActivity,
        attempt("Refund", "Payments::charge"),
        None
    ));
    assert!(!fault.is_placed_at(
        Moment::AfterActivity,
        Label::Workflow(first("PaymentWorkflow")),
        None
    ));
    fault = fault.during(Moment::AfterActivity);
    assert!(!fault.is_placed_at(Moment::BeforeActivity, charge(), None));
}

#[test]
fn a_fault_may_be_placed_in_one_attempt() {
    let fault = at_charge().in_attempt(2);
    assert!(fault.is_placed_at(Moment::AfterActivity, charge(), Some(2)));
    assert!(!fault.is_placed_at(Moment::AfterActivity, charge(), Some(1)));
    assert!(!fault.is_placed_at(Moment::AfterWorkflowTask, charge(), None));
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
