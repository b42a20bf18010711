//! Lists of schedules.

use pretty_assertions::assert_eq;

use super::*;
use crate::{
    api::{
        common::{Memo, Payload, SearchAttributes},
        schedule::ScheduleState,
    },
    schedules::attributes,
};

fn text(value: &str) -> Payload {
    attributes::typed("Keyword", &value.into())
}

/// Returns a world with the schedules `daily`, which is paused, `hourly`, and `weekly`.
fn three() -> World {
    let mut world = World::new();
    for id in ["daily", "hourly", "weekly"] {
        let mut request = hourly(ScheduleOverlapPolicy::Skip);
        request.schedule_id = id.to_owned();
        definition(&mut request).state = Some(ScheduleState {
            paused: id == "daily",
            notes: format!("{id} notes"),
            ..ScheduleState::default()
        });
        request.search_attributes = Some(SearchAttributes {
            indexed_fields: [("Team".to_owned(), text(&format!("team-{id}")))].into(),
        });
        request.memo = Some(Memo {
            fields: [("owner".to_owned(), text("ann"))].into(),
        });
        world.call(request).unwrap();
    }
    world
}

fn list(query: &str, page_size: i32, token: Vec<u8>) -> ListSchedulesRequest {
    ListSchedulesRequest {
        namespace: "default".to_owned(),
        maximum_page_size: page_size,
        next_page_token: token,
        query: query.to_owned(),
    }
}

fn found(world: &mut World, query: &str) -> Vec<String> {
    let Response::ListSchedules(response) = world.call(list(query, 0, vec![])).unwrap() else {
        panic!("no list");
    };
    let schedules = response.schedules.into_iter();
    schedules.map(|entry| entry.schedule_id).collect()
}

#[test]
fn schedules_are_found_by_id_attributes_and_pause() {
    let mut world = three();
    assert_eq!(found(&mut world, ""), ["daily", "hourly", "weekly"]);
    assert_eq!(found(&mut world, "ScheduleId = 'hourly'"), ["hourly"]);
    assert_eq!(found(&mut world, "Team = 'team-weekly'"), ["weekly"]);
    assert_eq!(
        found(&mut world, "TemporalSchedulePaused = true"),
        ["daily"]
    );
    let count = CountSchedulesRequest {
        namespace: "default".to_owned(),
        query: "TemporalSchedulePaused = false".to_owned(),
    };
    let Response::CountSchedules(response) = world.call(count).unwrap() else {
        panic!("no count");
    };
    assert_eq!(response.count, 2);
}

#[test]
fn a_list_has_the_times_the_notes_and_the_memo_of_each_schedule() {
    let mut world = three();
    let Response::ListSchedules(response) = world.call(list("", 2, vec![])).unwrap() else {
        panic!("no list");
    };
    let [daily, _] = &response.schedules[..] else {
        panic!("a page of two");
    };
    assert_eq!(daily.memo.as_ref().unwrap().fields["owner"], text("ann"));
    let attributes = daily.search_attributes.as_ref().unwrap();
    assert_eq!(attributes.indexed_fields.len(), 1);
    let info = daily.info.as_ref().unwrap();
    assert!(info.paused);
    assert_eq!(info.notes, "daily notes");
    assert_eq!(info.workflow_type.as_ref().unwrap().name, "Report");
    assert_eq!(info.future_action_times.len(), 5);
    let next = list("", 2, response.next_page_token.clone());
    let Response::ListSchedules(response) = world.call(next).unwrap() else {
        panic!("no list");
    };
    assert_eq!(response.schedules.len(), 1);
    assert!(response.next_page_token.is_empty());
}

#[test]
fn a_query_for_schedules_names_no_attribute_of_the_server() {
    let mut world = three();
    let query = "ExecutionStatus = 'Running'";
    let status = world.call(list(query, 0, vec![])).unwrap_err();
    assert_eq!(
        status.message(),
        "invalid query filter for schedules: cannot filter on \"ExecutionStatus\""
    );
    assert!(world.call(list("Team =", 0, vec![])).is_err());
}
