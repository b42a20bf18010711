#[cfg(feature = "proptest")]
mod damaged;
mod malformed;

use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use super::*;

/// Returns the JSON of a run that has a timer and has been signaled, as the command line prints it.
fn timer_run() -> Value {
    json!({ "events": [
        {
            "eventId": "1",
            "eventTime": "2024-03-01T12:00:00Z",
            "eventType": "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED",
            "taskId": "1048587",
            "workflowExecutionStartedEventAttributes": {
                "workflowType": { "name": "Order" },
                "taskQueue": { "name": "orders", "kind": "TASK_QUEUE_KIND_NORMAL" },
                "input": { "payloads": [{
                    "metadata": { "encoding": "anNvbi9wbGFpbg==" },
                    "data": "ImJvb2si",
                }] },
                "workflowTaskTimeout": "10s",
                "originalExecutionRunId": "run-1",
                "firstExecutionRunId": "run-1",
                "attempt": 1,
                "workflowId": "order-7",
            },
        },
        {
            "eventId": "2",
            "eventTime": "2024-03-01T12:00:00.5Z",
            "eventType": "EVENT_TYPE_WORKFLOW_TASK_SCHEDULED",
            "workflowTaskScheduledEventAttributes": {
                "taskQueue": { "name": "orders", "kind": "TASK_QUEUE_KIND_NORMAL" },
                "startToCloseTimeout": "10s",
                "attempt": 1,
            },
        },
        {
            "eventId": "3",
            "eventTime": "2024-03-01T12:00:01Z",
            "eventType": "EVENT_TYPE_WORKFLOW_TASK_STARTED",
            "workflowTaskStartedEventAttributes": { "scheduledEventId": "2" },
        },
        {
            "eventId": "4",
            "eventTime": "2024-03-01T12:00:01Z",
            "eventType": "EVENT_TYPE_WORKFLOW_TASK_COMPLETED",
            "workflowTaskCompletedEventAttributes": {
                "scheduledEventId": "2",
                "startedEventId": "3",
            },
        },
        {
            "eventId": "5",
            "eventTime": "2024-03-01T12:00:01Z",
            "eventType": "EVENT_TYPE_TIMER_STARTED",
            "timerStartedEventAttributes": {
                "timerId": "1",
                "startToFireTimeout": "86400s",
                "workflowTaskCompletedEventId": "4",
            },
        },
        {
            "eventId": "6",
            "eventTime": "2024-03-01T13:00:01Z",
            "eventType": "EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED",
            "workflowExecutionSignaledEventAttributes": {
                "signalName": "note",
                "input": { "payloads": [
                    { "metadata": { "encoding": "anNvbi9wbGFpbg==" }, "data": "NDI=" },
                    { "metadata": { "encoding": "YmluYXJ5L251bGw=" } },
                ] },
            },
        },
    ] })
}

const OUTLINE: &str = r#"
1  +0s      WorkflowExecutionStarted   Order("book") on orders
2  +500ms   WorkflowTaskScheduled
3  +1s      WorkflowTaskStarted
4  +1s      WorkflowTaskCompleted
5  +1s      TimerStarted               1 for 1d
6  +1h1s    WorkflowExecutionSignaled  note(42, null)"#;

fn read(value: &Value) -> History {
    History::from_json(value.to_string()).expect("a history")
}

/// Returns the run with the value at a path of its JSON replaced.
fn with(path: &str, value: Value) -> Value {
    let mut run = timer_run();
    *run.pointer_mut(path).expect("the path of a field") = value;
    run
}

fn started(run: &mut Value) -> &mut Value {
    &mut run["events"][0]["workflowExecutionStartedEventAttributes"]
}

fn lines(outline: &str) -> Vec<String> {
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    outline.trim().lines().map(words).collect()
}

#[test]
fn a_history_of_the_command_line_is_read() {
    let history = read(&timer_run());
    assert_eq!(lines(&history.outline()), lines(OUTLINE));
    assert_eq!(
        (history.workflow_id(), history.run_id()),
        ("order-7", "run-1")
    );
    assert!(history.unknown().is_empty());
}

#[test]
fn enums_may_be_short_names_or_numbers() {
    let mut run = timer_run();
    run["events"][0]["eventType"] = "WorkflowExecutionStarted".into();
    started(&mut run)["taskQueue"]["kind"] = "Normal".into();
    run["events"][4]["eventType"] = 17.into();
    assert!(read(&run) == read(&timer_run()));
}

#[test]
fn numbers_may_be_text_or_not() {
    let mut run = timer_run();
    run["events"][0]["eventId"] = 1.into();
    started(&mut run)["attempt"] = "1".into();
    run["events"][2]["workflowTaskStartedEventAttributes"]["scheduledEventId"] = 2.into();
    assert!(read(&run) == read(&timer_run()));
}

#[test]
fn payloads_may_be_values() {
    let mut run = timer_run();
    started(&mut run)["input"] = json!(["book"]);
    run["events"][5]["workflowExecutionSignaledEventAttributes"]["input"] = json!([42, null]);
    assert!(read(&run) == read(&timer_run()));
}

#[test]
fn payloads_may_be_as_the_web_ui_decodes_them() {
    let mut run = timer_run();
    started(&mut run)["input"] =
        json!({ "payloads": [{ "metadata": { "encoding": "json/plain" }, "data": "book" }] });
    run["events"][5]["workflowExecutionSignaledEventAttributes"]["input"] = json!({ "payloads": [
        { "metadata": { "encoding": "json/plain" }, "data": 42 },
        { "metadata": { "encoding": "binary/null" }, "data": null },
    ] });
    assert!(read(&run) == read(&timer_run()));
}

#[test]
fn values_in_memos_and_headers_may_be_plain() {
    let mut run = timer_run();
    started(&mut run)["memo"] = json!({ "fields": { "note": "fragile", "sizes": { "x": 1 } } });
    let mut full = timer_run();
    started(&mut full)["memo"] = json!({ "fields": {
        "note": { "metadata": { "encoding": "anNvbi9wbGFpbg==" }, "data": "ImZyYWdpbGUi" },
        "sizes": { "metadata": { "encoding": "anNvbi9wbGFpbg==" }, "data": "eyJ4IjoxfQ==" },
    } });
    assert!(read(&run) == read(&full));
}

#[test]
fn the_forms_of_other_tools_are_read() {
    let run = timer_run();
    let events = run["events"].clone();
    for form in [
        events.clone(),
        json!({ "history": { "events": events }, "nextPageToken": "" }),
        json!({ "history": run, "archived": false, "nextPageToken": null }),
    ] {
        assert!(read(&form) == read(&timer_run()), "{form}");
    }
    let marked = [b"\xef\xbb\xbf\n".as_slice(), run.to_string().as_bytes()].concat();
    assert!(History::from_json(marked).unwrap() == read(&run));
}

#[test]
fn everything_that_is_written_is_read_again() {
    let history = read(&timer_run());
    assert!(History::from_json(history.to_json()).unwrap() == history);
    assert!(History::from_json(history.to_sdk_json()).unwrap() == history);
    assert!(History::from_protobuf(history.to_protobuf()).unwrap() == history);
    assert!(History::read_all(history.to_protobuf()).unwrap() == [history]);
}

#[test]
fn several_histories_follow_each_other() {
    let run = timer_run();
    let mut other = timer_run();
    started(&mut other)["workflowId"] = "order-8".into();
    let both = [read(&run), read(&other)];
    for text in [
        format!("{run}\n{other:#}\n"),
        json!([run, other]).to_string(),
    ] {
        assert!(History::read_all(text).unwrap() == both);
    }
    let bytes = [both[0].to_protobuf(), both[1].to_protobuf()].concat();
    assert!(History::read_all(bytes).unwrap() == both);
}

#[test]
fn the_news_of_a_later_server_is_left_out_and_listed() {
    let mut run = timer_run();
    run["events"][1]["eventGalaxy"] = json!({ "far": "away" });
    started(&mut run)["taskQueue"]["colour"] = "blue".into();
    started(&mut run)["continuedFailure"] =
        json!({ "message": "no", "timeoutFailureInfo": { "timeoutType": "TIMEOUT_TYPE_OTHER" } });
    run["events"].as_array_mut().unwrap().push(json!({
        "eventId": "7",
        "eventTime": "2024-03-01T13:00:01Z",
        "eventType": "EVENT_TYPE_OF_TOMORROW",
        "workerMayIgnore": true,
        "ofTomorrowEventAttributes": {},
    }));
    let history = read(&run);
    assert_eq!(
        history.unknown(),
        [
            "event 1: workflowExecutionStartedEventAttributes.continuedFailure.\
             timeoutFailureInfo.timeoutType: \"TIMEOUT_TYPE_OTHER\"",
            "event 1: workflowExecutionStartedEventAttributes.taskQueue.colour",
            "event 2: eventGalaxy",
            "event 7: ofTomorrowEventAttributes",
            "event 7: eventType: \"EVENT_TYPE_OF_TOMORROW\"",
        ]
    );
    assert_eq!(history.events().len(), 7);
}

#[test]
fn the_run_id_is_that_of_the_last_reset() {
    let mut run = timer_run();
    run["events"].as_array_mut().unwrap().truncate(4);
    run["events"][3] = json!({
        "eventId": "4",
        "eventTime": "2024-03-01T12:00:01Z",
        "eventType": "WorkflowTaskFailed",
        "workflowTaskFailedEventAttributes": {
            "scheduledEventId": "2", "startedEventId": "3", "cause": "ResetWorkflow",
            "baseRunId": "run-1", "newRunId": "run-2",
        },
    });
    assert_eq!(read(&run).run_id(), "run-2");
}

#[test]
fn a_folder_is_read_with_its_folders_in_order_of_paths() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, workflow_id: &str| {
        let mut run = timer_run();
        started(&mut run)["workflowId"] = workflow_id.into();
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, run.to_string()).unwrap();
    };
    write("b.json", "");
    write("a/z.json", "order-1");
    write("notes.txt", "order-9");
    let ids = |path: &Path| -> Vec<String> {
        let histories = History::from_path(path).unwrap();
        histories
            .iter()
            .map(|it| it.workflow_id().to_owned())
            .collect()
    };
    assert_eq!(ids(folder.path()), ["order-1", "b"]);
    assert_eq!(ids(&folder.path().join("*.json")), ["b"]);
}

#[test]
fn files_that_are_not_there_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let error = |name: &str| {
        let error = History::from_path(folder.path().join(name)).unwrap_err();
        error
            .to_string()
            .replace(&*folder.path().to_string_lossy(), "runs")
    };
    assert_eq!(
        error("missing.json"),
        "cannot read runs/missing.json: No such file or directory (os error 2)"
    );
    assert_eq!(
        error("*.json"),
        "cannot read runs/*.json: no file matches this pattern"
    );
    assert_eq!(
        error(""),
        "cannot read runs/: the folder holds no file that ends in .json, .jsonl, .pb or .binpb"
    );
    assert!(error("[.json").starts_with("cannot read runs/[.json: malformed pattern: "));
}
