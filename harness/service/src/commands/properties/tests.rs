//! Markers, search attributes and memos.

use command::Attributes;

use crate::{
    api::{
        command::*,
        common::{Memo, SearchAttributes},
        enums::EventType,
        sdk::{EventGroupMarker, event_group_marker},
    },
    base::payload,
    testing::*,
};

fn modify(fields: &[(&str, &str)]) -> Attributes {
    let fields = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), payload::json(value)))
        .collect();
    Attributes::ModifyWorkflowPropertiesCommandAttributes(
        ModifyWorkflowPropertiesCommandAttributes {
            upserted_memo: Some(Memo { fields }),
        },
    )
}

#[test]
fn a_nil_value_removes_a_field_of_the_memo() {
    let mut world = World::new();
    world.start("noted");
    world.run_workflow_task(vec![
        modify(&[("kept", "1"), ("gone", "2")]),
        modify(&[("gone", "null")]),
    ]);
    let run = world.service.executions.iter().next().unwrap();
    let memo = run.state.memo.as_ref().unwrap();
    assert_eq!(memo.fields.keys().collect::<Vec<_>>(), ["kept"]);
    assert_eq!(
        world.last_event("noted").event_type(),
        EventType::WorkflowPropertiesModified
    );
}

#[test]
fn search_attributes_are_upserted_one_by_one() {
    let mut world = World::new();
    world.start("noted");
    for name in ["one", "other"] {
        let attributes = SearchAttributes {
            indexed_fields: [(name.to_owned(), payload::json("\"v\""))].into(),
        };
        let command = UpsertWorkflowSearchAttributesCommandAttributes {
            search_attributes: Some(attributes),
        };
        let mut commands = vec![Attributes::UpsertWorkflowSearchAttributesCommandAttributes(
            command,
        )];
        if name == "one" {
            commands.push(start_timer("1", 1_000));
        }
        world.run_workflow_task(commands);
        world.pass(1_000);
    }
    let run = world.service.executions.iter().next().unwrap();
    assert_eq!(
        run.state
            .search_attributes
            .as_ref()
            .unwrap()
            .indexed_fields
            .len(),
        2
    );
}

#[test]
fn a_marker_is_recorded_with_its_details() {
    let mut world = World::new();
    world.start("noted");
    let details = [("data".to_owned(), payloads("1").unwrap_or_default())].into();
    let command = RecordMarkerCommandAttributes {
        marker_name: "note".to_owned(),
        details,
        ..RecordMarkerCommandAttributes::default()
    };
    world.run_workflow_task(vec![Attributes::RecordMarkerCommandAttributes(command)]);
    let Some(crate::api::Attributes::MarkerRecordedEventAttributes(marker)) =
        &world.last_event("noted").attributes
    else {
        panic!("no marker")
    };
    assert_eq!(marker.marker_name, "note");
    assert_eq!(marker.details["data"], payloads("1").unwrap_or_default());
}

#[test]
fn a_marker_without_a_name_fails_the_task() {
    let mut world = World::new();
    world.start("noted");
    let task = world.workflow_task();
    let command =
        Attributes::RecordMarkerCommandAttributes(RecordMarkerCommandAttributes::default());
    let refused = world.complete(&task, vec![command]).unwrap_err();
    assert!(
        refused.message().contains("MarkerName is not set"),
        "{}",
        refused.message()
    );
}

#[test]
fn the_groups_of_a_command_are_those_of_its_event() {
    let mut world = World::new();
    world.start("order");
    let task = world.workflow_task();
    let mut completed = completion(&task, vec![start_timer("1", 1000)]);
    let marker = EventGroupMarker {
        variant: Some(event_group_marker::Variant::Label(
            event_group_marker::Label {
                id: "payment".to_owned(),
                label: None,
            },
        )),
    };
    completed.commands[0].event_group_markers = vec![marker.clone()];
    world.respond(completed).unwrap();
    assert_eq!(world.last_event("order").event_group_markers, [marker]);
}
