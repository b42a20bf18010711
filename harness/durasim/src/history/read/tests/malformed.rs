//! Malformed files of every kind, and what is said about each.

use std::fmt::Write as _;

use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use super::{super::*, read, timer_run, with};

/// Returns malformed files, each with what is wrong with it.
fn malformed() -> Vec<(&'static str, Vec<u8>)> {
    let text = timer_run().to_string();
    let events = |change: fn(&mut Vec<Value>)| {
        let mut run = timer_run();
        change(run["events"].as_array_mut().unwrap());
        run.to_string().into_bytes()
    };
    let one = |path: &str, value| with(path, value).to_string().into_bytes();
    let started = "/events/0/workflowExecutionStartedEventAttributes";
    let at = |field: &str, value| one(&format!("{started}/{field}"), value);
    let protobuf = read(&timer_run()).to_protobuf();
    vec![
        ("empty", Vec::new()),
        ("blank", b" \n".to_vec()),
        (
            "garbage",
            vec![0x7f, b'E', b'L', b'F', 0xff, 0xfe, 0x00, 0x80],
        ),
        ("zeros", vec![0; 64]),
        (
            "UTF-16",
            "{\"events\""
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect(),
        ),
        (
            "half of a character",
            [&text.as_bytes()[..70], b"\xc3", &text.as_bytes()[70..]].concat(),
        ),
        ("prose", b"no workflow with this id".to_vec()),
        ("truncated", text.as_bytes()[..text.len() / 2].to_vec()),
        ("comma too many", text.replace("}]}", "},]}").into_bytes()),
        ("number", b"7".to_vec()),
        ("null", b"null".to_vec()),
        ("text", b"\"events\"".to_vec()),
        ("empty object", b"{}".to_vec()),
        (
            "other object",
            br#"{ "workflows": [], "namespace": "default" }"#.to_vec(),
        ),
        ("events of another kind", br#"{ "events": 7 }"#.to_vec()),
        ("no events", br#"{ "events": [] }"#.to_vec()),
        ("null events", br#"{ "events": null }"#.to_vec()),
        ("empty list", b"[]".to_vec()),
        (
            "first page",
            br#"{ "history": { "events": [] }, "nextPageToken": "bmV4dA==" }"#.to_vec(),
        ),
        (
            "event of another kind",
            one("/events/2", json!("WorkflowTaskStarted")),
        ),
        ("id in words", one("/events/2/eventId", json!("three"))),
        (
            "id too large",
            one("/events/2/eventId", json!("99999999999999999999")),
        ),
        ("fraction of an id", one("/events/2/eventId", json!(3.5))),
        ("gap", events(|events| drop(events.remove(2)))),
        (
            "repetition",
            events(|events| events.insert(2, events[1].clone())),
        ),
        ("reverse order", events(|events| events.reverse())),
        ("without the first", events(|events| drop(events.remove(0)))),
        (
            "no start",
            events(|events| {
                events.remove(0);
                for (event, id) in events.iter_mut().zip(1..) {
                    event["eventId"] = id.into();
                }
            }),
        ),
        (
            "no attributes",
            events(|events| {
                events[4]
                    .as_object_mut()
                    .unwrap()
                    .remove("timerStartedEventAttributes");
            }),
        ),
        (
            "other attributes",
            one("/events/4/eventType", json!("TimerFired")),
        ),
        (
            "two attributes",
            events(|events| {
                events[4]["timerFiredEventAttributes"] = json!({ "timerId": "1" });
            }),
        ),
        (
            "attributes as text",
            one("/events/4/timerStartedEventAttributes", json!("1 for 1d")),
        ),
        ("no time", one("/events/1/eventTime", json!("yesterday"))),
        (
            "time as a number",
            one("/events/1/eventTime", json!(1_709_294_400)),
        ),
        ("duration as a number", at("workflowTaskTimeout", json!(10))),
        (
            "duration in words",
            at("workflowTaskTimeout", json!("ten seconds")),
        ),
        ("name of a number", at("workflowId", json!(7))),
        ("type as text", at("workflowType", json!("Order"))),
        (
            "not base 64",
            at(
                "input",
                json!({ "payloads": [
            { "metadata": { "encoding": "???" }, "data": {} }, 3,
        ], "payload": 3 }),
            ),
        ),
        ("payloads as text", at("input", json!("book"))),
        (
            "later scheduled event",
            one(
                "/events/2/workflowTaskStartedEventAttributes/scheduledEventId",
                json!(4),
            ),
        ),
        (
            "other scheduled event",
            one(
                "/events/2/workflowTaskStartedEventAttributes/scheduledEventId",
                json!(1),
            ),
        ),
        (
            "negative scheduled event",
            one(
                "/events/2/workflowTaskStartedEventAttributes/scheduledEventId",
                json!(i64::MIN.to_string()),
            ),
        ),
        (
            "after the end",
            events(|events| {
                events[3] = json!({
                    "eventId": "4", "eventType": "WorkflowExecutionTerminated",
                    "workflowExecutionTerminatedEventAttributes": {},
                });
            }),
        ),
        ("two runs", format!("{text}{text}").into_bytes()),
        (
            "second run",
            format!("{text}{{\"events\":[]}}").into_bytes(),
        ),
        (
            "truncated protocol buffer",
            protobuf[..protobuf.len() - 9].to_vec(),
        ),
        ("protocol buffer without its start", {
            let mut rest = &protobuf[1..];
            let first = prost::decode_length_delimiter(&mut rest).unwrap();
            rest[first..].to_vec()
        }),
        ("deep", "[".repeat(100_000).into_bytes()),
    ]
}

#[test]
fn each_malformed_file_is_refused_with_its_place_and_reason() {
    let folder = tempfile::tempdir().unwrap();
    let mut told = String::new();
    for (name, bytes) in malformed() {
        let path = folder.path().join(format!("{name}.json"));
        fs::write(&path, bytes).unwrap();
        let error = History::from_file(&path).expect_err(name);
        assert_eq!(error.path(), Some(path.as_path()), "{name}");
        let text = error
            .to_string()
            .replace(&*folder.path().to_string_lossy(), "runs");
        writeln!(told, "{text}").unwrap();
    }
    insta::assert_snapshot!(told);
}
