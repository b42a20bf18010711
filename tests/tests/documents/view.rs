//! The document of the format `durasim-view/1` and the types that write it.

use std::collections::BTreeSet;

use durasim_view::{
    Check, Difference, Fate, Kind, Lane, LaneKind, Mark, Moment, Plan, PlannedFault, Role, Run,
    Thing, View, World,
};
use pretty_assertions::assert_eq;
use serde::Serialize;
use serde_json::{Value, json};

use super::{read, table};

/// Returns the names of the fields of a value, none of which is empty.
fn fields(value: &impl Serialize) -> BTreeSet<String> {
    match serde_json::to_value(value) {
        Ok(Value::Object(fields)) => fields.keys().cloned().collect(),
        other => panic!("no object: {other:?}"),
    }
}

/// Returns a thing in which no field is empty.
fn thing() -> Thing {
    let moment = Moment { at_ms: 1, order: 2 };
    let mut thing = Thing::new(Kind::Message, 0, moment, "signal confirm");
    thing.until = Some(moment);
    "PaymentWorkflow#1".clone_into(&mut thing.words);
    thing.mark = Some(Mark::Open);
    thing.run = Some(3);
    thing.to = Some(1);
    thing.fate = Some(Fate::Held);
    thing.event_id = Some(5);
    thing.body = Some(json!({ "attempt": 1 }));
    thing.line = Some("src/payments.rs:42".to_owned());
    thing.causes = vec![0];
    thing.same_as = Some(7);
    thing
}

/// Returns a view in which no field is empty.
fn view() -> View {
    let run = Run::default();
    let mut lane = Lane::new(LaneKind::Run, "PaymentWorkflow payment-1");
    (lane.parent, lane.run) = (Some(0), Some(run));
    let mut world = World::new("the world of seed 17", Role::Failed);
    world.hash = Some("0".to_owned());
    world.lane(lane);
    world.thing(thing());
    let fault = PlannedFault {
        thing: Some(0),
        ..PlannedFault::default()
    };
    View {
        check: Some(Check {
            message: Some(String::new()),
            line: Some(String::new()),
            page: Some(String::new()),
            thing: Some(0),
            ..Check::default()
        }),
        plan: Some(Plan {
            faults: vec![fault.clone()],
            orderings: vec![String::new()],
            left_out: vec![fault],
            orderings_left_out: 1,
        }),
        command: Some("cargo test".to_owned()),
        notes: vec![String::new()],
        alignment: vec![(1, 2)],
        first_difference: Some(Difference {
            first: Some(0),
            last: Some(0),
            ..Difference::default()
        }),
        ..View::new("payments::charges_once", vec![world])
    }
}

#[test]
fn the_document_lists_every_field_of_the_format_and_no_other() {
    let document = read("docs/VIEW.md");
    let view = view();
    let world = &view.worlds[0];
    let lane = &world.lanes[0];
    let plan = view.plan.as_ref().expect("a plan");
    let types = [
        ("View", fields(&view)),
        ("Check", fields(view.check.as_ref().expect("a check"))),
        ("Plan", fields(plan)),
        ("PlannedFault", fields(&plan.faults[0])),
        (
            "Difference",
            fields(view.first_difference.as_ref().expect("a difference")),
        ),
        ("World", fields(world)),
        ("Lane", fields(lane)),
        ("Run", fields(lane.run.as_ref().expect("a run"))),
        ("Thing", fields(&world.things[0])),
    ];
    for (name, fields) in types {
        let rows = table(&document, name).into_iter();
        let listed: BTreeSet<_> = rows
            .map(|row| row[0].trim_matches('`').to_owned())
            .collect();
        assert_eq!(listed, fields, "{name}");
    }
}

#[test]
fn the_document_lists_every_kind_of_thing_and_every_fate() {
    let document = read("docs/VIEW.md");
    let rows = table(&document, "Thing");
    let meaning = |field: &str| {
        let row = rows.iter().find(|row| row[0] == format!("`{field}`"));
        row.unwrap_or_else(|| panic!("no row {field}"))[2].clone()
    };
    let is_listed = |field: &str, value: Value| {
        let name = value.as_str().expect("the name of a variant").to_owned();
        let meaning = meaning(field);
        assert!(meaning.contains(&format!("`{name}`")), "{field}: {name}");
    };
    let kinds = json!([
        Kind::Event,
        Kind::Message,
        Kind::Fault,
        Kind::Check,
        Kind::Process,
        Kind::WorkflowTask,
        Kind::Attempt,
        Kind::Activity,
        Kind::Timer,
        Kind::Child,
        Kind::Update,
        Kind::Operation,
        Kind::Note,
    ]);
    let fates = json!([
        Fate::Delivered,
        Fate::Held,
        Fate::Lost,
        Fate::Refused,
        Fate::Duplicate,
        Fate::UnderWay,
    ]);
    let marks = json!([
        Mark::Failed,
        Mark::TimedOut,
        Mark::Cancelled,
        Mark::Lost,
        Mark::Open,
    ]);
    for (field, values) in [("kind", kinds), ("fate", fates), ("mark", marks)] {
        for value in values.as_array().into_iter().flatten() {
            is_listed(field, value.clone());
        }
    }
}

#[test]
fn a_view_reads_back_as_it_was_written() {
    let view = view();
    assert_eq!(
        serde_json::from_str::<View>(&view.to_json()).ok(),
        Some(view)
    );
}
