use pretty_assertions::assert_eq;

use super::*;

#[test]
fn workflows_are_numbered_by_type_in_order_of_appearance() {
    let mut workflows = Workflows::default();
    let first = workflows.appears("a", "Payment");
    let second = workflows.appears("b", "Payment");
    assert_eq!(first.to_string(), "Payment#1");
    assert_eq!(second.to_string(), "Payment#2");
    assert_eq!(workflows.appears("c", "Refund").to_string(), "Refund#1");
    assert_eq!(workflows.appears("a", "Payment"), first);
    assert_eq!(workflows.known("b"), second);
    assert_eq!(workflows.id_of(second), Some("b"));
    assert!(first.is_first() && !second.is_first());
}

#[test]
fn a_workflow_that_has_not_appeared_is_unknown() {
    let workflows = Workflows::default();
    assert_eq!(workflows.known("z"), Workflow::UNKNOWN);
    assert_eq!(workflows.id_of(Workflow::UNKNOWN), None);
    assert_eq!(Workflow::UNKNOWN.to_string(), "unknown workflow");
}

#[test]
fn a_label_reads_as_subject_and_message() {
    let payment = Workflows::default().appears("a", "Payment");
    let (charge, confirm) = (Name::new("Bank::charge"), Name::new("confirm"));
    let texts = [
        (Label::Workflow(payment), "Payment#1"),
        (
            Label::Call(payment, Call::Signal(confirm)),
            "Payment#1/signal confirm",
        ),
        (
            Label::WorkflowTask(payment, WorkflowTaskMessage::History),
            "Payment#1/worker's history",
        ),
        (Label::Attempt(payment, charge), "Payment#1/Bank::charge"),
        (
            Label::AttemptMessage(payment, charge, AttemptMessage::Heartbeat),
            "Payment#1/Bank::charge/heartbeat",
        ),
        (
            Label::Task(Name::new("payments"), TaskKind::Activity),
            "payments/activity task",
        ),
        (
            Label::Nexus(payment, Name::new("Bank.clear"), NexusMessage::CancelAnswer),
            "Payment#1/nexus Bank.clear/cancel/answer",
        ),
    ];
    for (label, text) in texts {
        assert_eq!(label.to_string(), text);
    }
}

#[test]
fn labels_have_the_same_bytes_exactly_if_they_have_the_same_words() {
    let mut workflows = Workflows::default();
    let payments = [("a", "Payment"), ("b", "Payment"), ("c", "Refund")];
    let workflows = payments.map(|(id, of_type)| workflows.appears(id, of_type));
    let names = ["charge", "confirm"].map(Name::new);
    let mut labels = vec![Label::Workflow(Workflow::UNKNOWN)];
    labels.extend([Rpc::GetSystemInfo, Rpc::QueryWorkflow].map(Label::Rpc));
    for workflow in workflows {
        labels.push(Label::Workflow(workflow));
        labels.push(Label::Call(workflow, Call::Start));
        labels.push(Label::Call(workflow, Call::Cancel));
        labels.push(Label::WorkflowTask(workflow, WorkflowTaskMessage::History));
        for name in names {
            labels.push(Label::Call(workflow, Call::Signal(name)));
            labels.push(Label::Call(workflow, Call::Query(name)));
            labels.push(Label::Attempt(workflow, name));
            for message in [AttemptMessage::Failed, AttemptMessage::Heartbeat] {
                labels.push(Label::AttemptMessage(workflow, name, message));
            }
            labels.push(Label::Nexus(workflow, name, NexusMessage::Cancel));
        }
    }
    labels.extend(names.map(|queue| Label::Task(queue, TaskKind::Workflow)));
    let bytes = |label: &Label| {
        let mut bytes = Vec::new();
        label.write_bytes(&mut bytes);
        bytes
    };
    for one in &labels {
        for other in &labels {
            let same_words = one.to_string() == other.to_string();
            assert_eq!(bytes(one) == bytes(other), same_words, "{one} and {other}");
        }
    }
}

#[test]
fn a_name_is_the_same_as_long_as_its_world_lasts() {
    let name = Name::new("confirm");
    assert_eq!(Name::new("confirm"), name);
    assert!(name.is("confirm") && !name.is("cancel"));
    forget_names();
    assert_eq!(Name::new("cancel"), name);
}
