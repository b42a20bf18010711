//! Queries as people write them.

use pretty_assertions::assert_eq;
use tonic::Status;

use crate::{
    api::{
        WorkflowExecution,
        common::{Payload, SearchAttributes, WorkflowType},
        enums::{IndexedValueType, WorkflowExecutionStatus},
        workflow::WorkflowExecutionInfo,
    },
    base::{
        search_attributes::SearchAttributeRegistry,
        time::{duration, timestamp},
    },
    visibility::query::Query,
};

/// 1 January 2024.
const START_MS: u64 = 1_704_067_200_000;

fn payload(value_type: &str, json: &str) -> Payload {
    Payload {
        metadata: [
            ("encoding".to_owned(), b"json/plain".to_vec()),
            ("type".to_owned(), value_type.as_bytes().to_vec()),
        ]
        .into(),
        data: json.as_bytes().to_vec(),
        ..Payload::default()
    }
}

fn order() -> WorkflowExecutionInfo {
    let fields = [
        ("Customer", payload("Keyword", r#""ann""#)),
        ("Total", payload("Int", "1200")),
        ("Weight", payload("Double", "2.5")),
        ("Express", payload("Bool", "true")),
        ("Due", payload("Datetime", r#""2024-02-01T00:00:00Z""#)),
        (
            "TemporalChangeVersion",
            payload("KeywordList", r#"["a-1", "b-2"]"#),
        ),
    ];
    WorkflowExecutionInfo {
        execution: Some(WorkflowExecution {
            workflow_id: "order-17".to_owned(),
            run_id: "0190".to_owned(),
        }),
        r#type: Some(WorkflowType {
            name: "Order".to_owned(),
        }),
        status: WorkflowExecutionStatus::Completed.into(),
        start_time: Some(timestamp(START_MS)),
        close_time: Some(timestamp(START_MS + 90_000)),
        execution_duration: Some(duration(90_000)),
        history_length: 11,
        search_attributes: Some(SearchAttributes {
            indexed_fields: fields
                .map(|(name, payload)| (name.to_owned(), payload))
                .into(),
        }),
        ..WorkflowExecutionInfo::default()
    }
}

fn parse(query: &str) -> Result<Query, Status> {
    Query::parse(query, &SearchAttributeRegistry::default())
}

#[track_caller]
fn finds(query: &str) -> bool {
    match parse(query) {
        Ok(query) => query.finds(&order()),
        Err(refused) => panic!("{query}: {}", refused.message()),
    }
}

fn refusal(query: &str) -> String {
    parse(query).unwrap_err().message().to_owned()
}

#[test]
fn queries_that_find_a_run() {
    for query in [
        "",
        "  ",
        "WorkflowId = 'order-17'",
        "Customer = 'x' OR WorkflowId = \"order-17\"",
        "`WorkflowType` = 'Order' and ExecutionStatus = 'Completed'",
        "ExecutionStatus = 2",
        "ExecutionStatus IN ('Running', 'Completed')",
        "WorkflowId STARTS_WITH 'order-'",
        "WorkflowId not starts_with 'payment-'",
        "StartTime BETWEEN '2023-12-31T00:00:00Z' AND '2024-01-02T00:00:00+01:00'",
        "CloseTime IS NOT NULL",
        "ParentWorkflowId is null",
        "HistoryLength >= 11 AND HistoryLength < 12",
        "ExecutionDuration > '1m' AND ExecutionDuration <= '00:01:30'",
        "Customer = 'ann'",
        "Customer != 'bob'",
        "Total > 1000.5",
        "Weight <= 2.5",
        "Express = true",
        "Due > '2024-01-31T23:59:59Z'",
        "TemporalChangeVersion = 'b-2'",
        "ChangeVersion IN ('x', 'a-1')",
        "NOT (Customer = 'bob' OR Total = 3)",
        "not not Customer = 'ann'",
        "Missing = 'x' OR Customer = 'ann'",
    ] {
        assert!(finds(query), "{query}");
    }
}

#[test]
fn queries_that_do_not_find_it() {
    for query in [
        "WorkflowId = 'order-1'",
        "ExecutionStatus = 'Running'",
        "CloseTime is null",
        "Missing = 'x'",
        "NOT Missing = 'x'",
        "Missing != 'x'",
        "Customer NOT IN ('ann', 'bob')",
        "StartTime NOT BETWEEN '2023-12-31T00:00:00Z' AND '2024-01-02T00:00:00Z'",
        "TemporalChangeVersion != 'a-1'",
        "Customer = 'ann' AND Total = 3 OR Express = false",
    ] {
        assert!(!finds(query), "{query}");
    }
}

#[test]
fn a_quote_in_a_text_is_doubled_or_escaped() {
    let mut run = order();
    run.execution.get_or_insert_default().workflow_id = "o'brien".to_owned();
    for query in ["WorkflowId = 'o''brien'", r"WorkflowId = 'o\'brien'"] {
        assert!(parse(query).unwrap().finds(&run), "{query}");
    }
}

#[test]
fn a_query_that_is_not_one_is_refused_with_the_position() {
    assert_eq!(
        refusal("WorkflowId = "),
        "invalid query: malformed SQL query: syntax error at position 14 near ''"
    );
    for query in [
        "WorkflowId",
        "WorkflowId = 'x' AND",
        "(WorkflowId = 'x'",
        "WorkflowId == 'x'",
        "WorkflowId = 'x' LIMIT 3",
        "WorkflowId IN ()",
        "WorkflowId NOT 'x'",
        "WorkflowId = x",
        "= 'x'",
        "WorkflowId = 'x' ; DROP TABLE runs",
    ] {
        assert!(refusal(query).contains("malformed SQL query"), "{query}");
    }
}

#[test]
fn values_have_the_type_of_their_attribute() {
    assert_eq!(
        refusal("StartTime > 'yesterday'"),
        "invalid query: invalid expression: unable to parse datetime 'yesterday'"
    );
    assert_eq!(
        refusal("HistoryLength = 'long'"),
        "invalid query: invalid expression: invalid value type for search attribute \
         HistoryLength of type Int: 'long'"
    );
    assert_eq!(
        refusal("ExecutionStatus = 'Happy'"),
        "invalid query: invalid expression: invalid ExecutionStatus value 'Happy'"
    );
    assert_eq!(
        refusal("StartTime STARTS_WITH '2024'"),
        "invalid query: operation is not supported: operator 'STARTS_WITH' not supported for \
         Datetime type search attribute 'StartTime'"
    );
}

#[test]
fn only_a_few_attributes_group_and_none_orders() {
    assert!(
        parse("GROUP BY ExecutionStatus")
            .unwrap()
            .group_by
            .is_some()
    );
    assert!(parse("Total > 3 group by ExecutionStatus").is_ok());
    assert_eq!(
        refusal("GROUP BY WorkflowType"),
        "invalid query: operation is not supported: 'GROUP BY' clause is not supported for search \
         attribute WorkflowType"
    );
    assert_eq!(
        refusal("WorkflowId = 'x' ORDER BY StartTime DESC"),
        "invalid query: operation is not supported: 'ORDER BY' clause"
    );
}

#[test]
fn a_query_may_be_nested_but_not_without_end() {
    let nested = |depth: usize| format!("{}Total = 1200{}", "(".repeat(depth), ")".repeat(depth));
    assert!(finds(&nested(50)));
    assert!(refusal(&nested(100_000)).contains("malformed"));
    assert!(finds(&format!("{}Total = 1200", "NOT ".repeat(10_000))));
}

#[test]
fn a_registry_knows_the_types_of_custom_attributes_and_refuses_other_names() {
    let mut registry = SearchAttributeRegistry::empty();
    registry.add("Customer", IndexedValueType::Text).unwrap();
    let query = Query::parse("Customer = 'Ann Miller'", &registry).unwrap();
    assert!(query.finds(&order()), "a text is found by any of its words");
    let refused = Query::parse("Color = 'red'", &registry).unwrap_err();
    assert_eq!(
        refused.message(),
        "invalid query: invalid expression: column name 'Color' is not a valid search attribute"
    );
}
