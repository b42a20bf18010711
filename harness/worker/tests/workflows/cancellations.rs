//! Commands that are cancelled before they are sent, and requests to other workflows; compared with
//! real Core.

use crate::{
    histories::{HistoryBuilder, json},
    parity::assert_same,
};

#[test]
fn a_timer_cancelled_in_the_task_that_starts_it_is_never_sent() {
    let mut history = HistoryBuilder::new("HastyWorkflow", []);
    history.workflow_task();
    history.completed(Some(json(&"hasty")));
    assert_same(&history);
}

#[test]
fn a_timer_cancelled_later_becomes_an_event() {
    let mut history = HistoryBuilder::new("DropTimerWorkflow", []);
    history.workflow_task();
    let long = history.timer_started("1", 3600);
    let short = history.timer_started("2", 1);
    history.timer_fired(short);
    history.workflow_task();
    history.timer_canceled(long);
    history.completed(Some(json(&"dropped")));
    assert_same(&history);
}

#[test]
fn a_cancel_request_reaches_the_workflow() {
    let mut history = HistoryBuilder::new("WaitForCancelWorkflow", []);
    history.workflow_task();
    history.cancel_requested("enough");
    history.workflow_task();
    history.canceled();
    assert_same(&history);
}

#[test]
fn a_signal_to_another_workflow_delivered_and_refused() {
    let mut history = HistoryBuilder::new("SignalWorkflow", []);
    history.workflow_task();
    let sent = history.signal_external_initiated("other", "hear", [json(&"bells")]);
    history.external_signaled(sent, "other");
    history.workflow_task();
    history.completed(Some(json(&true)));
    assert_same(&history);

    let mut history = HistoryBuilder::new("SignalWorkflow", []);
    history.workflow_task();
    let sent = history.signal_external_initiated("other", "hear", [json(&"bells")]);
    history.signal_external_failed(sent, "other");
    history.workflow_task();
    history.completed(Some(json(&false)));
    assert_same(&history);
}

#[test]
fn a_cancel_request_to_another_workflow_delivered_and_refused() {
    let mut history = HistoryBuilder::new("CancelOtherWorkflow", []);
    history.workflow_task();
    let asked = history.cancel_external_initiated("other");
    history.external_cancel_requested(asked, "other");
    history.workflow_task();
    history.completed(Some(json(&true)));
    assert_same(&history);

    let mut history = HistoryBuilder::new("CancelOtherWorkflow", []);
    history.workflow_task();
    let asked = history.cancel_external_initiated("other");
    history.cancel_external_failed(asked, "other");
    history.workflow_task();
    history.completed(Some(json(&false)));
    assert_same(&history);
}

#[test]
fn a_run_that_continues_as_new() {
    let mut history = HistoryBuilder::new("AgainWorkflow", [json(&1)]);
    history.workflow_task();
    history.continued_as_new("AgainWorkflow", [json(&2)]);
    assert_same(&history);
}
