use std::{collections::BTreeSet, mem::size_of};

use pretty_assertions::assert_eq;
use prost::{Message, encoding};
use prost_types::Timestamp;
use temporalio_protos::temporal::api::{
    common::v1::{Link, Payload, Payloads, Principal},
    enums::v1::EventType,
    history::v1::{self as sdk, history_event},
    sdk::v1::{EventGroupMarker, UserMetadata},
};

use crate::{Attributes, HistoryEvent};

/// Every event of the SDK's with attributes, those empty; found by the tags that the SDK reads.
fn one_of_each() -> impl Iterator<Item = sdk::HistoryEvent> {
    (1..1_000).filter_map(|tag| {
        let mut bytes = Vec::new();
        encoding::encode_key(tag, encoding::WireType::LengthDelimited, &mut bytes);
        bytes.push(0);
        let event = sdk::HistoryEvent::decode(&*bytes).ok()?;
        let event_type = event.attributes.as_ref()?.event_type().into();
        Some(sdk::HistoryEvent {
            event_id: 7,
            event_type,
            ..event
        })
    })
}

/// Asserts that an event of the SDK's and ours are the same: on the wire, converted, and by their
/// methods. Returns ours.
#[track_caller]
fn assert_same(theirs: &sdk::HistoryEvent) -> HistoryEvent {
    let bytes = theirs.encode_to_vec();
    let ours = HistoryEvent::decode(&*bytes).unwrap();
    assert_eq!(ours.encode_to_vec(), bytes);
    assert_eq!(ours.encoded_len(), bytes.len());
    assert_eq!(HistoryEvent::from(theirs.clone()), ours);
    assert_eq!(sdk::HistoryEvent::from(&ours), *theirs);
    assert_eq!(ours.to_string(), theirs.to_string());
    assert_eq!(ours.event_type(), theirs.event_type());
    assert_eq!(
        ours.attributes.as_ref().map(Attributes::event_type),
        theirs
            .attributes
            .as_ref()
            .map(history_event::Attributes::event_type),
    );
    assert_eq!(ours.is_command_event(), theirs.is_command_event());
    assert_eq!(
        ours.is_final_wf_execution_event(),
        theirs.is_final_wf_execution_event()
    );
    assert_eq!(ours.is_ignorable(), theirs.is_ignorable());
    assert_eq!(
        ours.get_initial_command_event_id(),
        theirs.get_initial_command_event_id()
    );
    ours
}

#[test]
fn an_event_of_each_type_is_the_same_as_the_sdks() {
    let mut found = BTreeSet::new();
    for event in one_of_each() {
        assert_same(&event);
        assert_same(&sdk::HistoryEvent {
            worker_may_ignore: true,
            ..event.clone()
        });
        found.insert(event.event_type());
    }
    let known = (1..1_000).filter_map(|number| EventType::try_from(number).ok());
    assert_eq!(found, known.collect());
}

#[test]
fn an_event_with_all_its_fields_is_the_same_as_the_sdks() {
    let payload = Payload {
        data: b"\"summary\"".to_vec(),
        ..Payload::default()
    };
    assert_same(&sdk::HistoryEvent {
        event_id: 3,
        event_time: Some(Timestamp {
            seconds: 1,
            nanos: 2,
        }),
        event_type: EventType::ActivityTaskCompleted.into(),
        version: 4,
        task_id: 5,
        worker_may_ignore: true,
        user_metadata: Some(UserMetadata {
            summary: Some(payload.clone()),
            details: None,
        }),
        links: vec![Link::default(); 2],
        principal: Some(Principal {
            name: "someone".into(),
            ..Principal::default()
        }),
        event_group_markers: vec![EventGroupMarker::default()],
        attributes: Some(
            sdk::ActivityTaskCompletedEventAttributes {
                result: Some(Payloads {
                    payloads: vec![payload],
                }),
                scheduled_event_id: 1,
                started_event_id: 2,
                ..Default::default()
            }
            .into(),
        ),
    });
}

#[test]
fn an_event_of_an_unknown_type_keeps_its_type() {
    let ours = assert_same(&sdk::HistoryEvent {
        event_type: 999,
        worker_may_ignore: true,
        ..sdk::HistoryEvent::default()
    });
    assert_eq!(ours.event_type, 999);
    assert_eq!(ours.event_type(), EventType::Unspecified);
}

#[test]
fn an_empty_event_has_no_bytes() {
    let ours = assert_same(&sdk::HistoryEvent::default());
    assert_eq!(ours, HistoryEvent::default());
    assert_eq!(ours.encoded_len(), 0);
}

#[test]
fn an_event_is_small() {
    assert!(size_of::<HistoryEvent>() <= 144);
}
