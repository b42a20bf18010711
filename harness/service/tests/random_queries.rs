//! The query language of lists under whatever is typed: a query is answered, or refused as invalid.
//!
//! For more and other cases:
//! `PROPTEST_CASES=50000 PROPTEST_RNG_SEED=7 cargo test -p durasim-service --test random_queries`.

use durasim_service::{Request, RequestId, Response, Service, ServiceConfig};
use pretty_assertions::assert_eq;
use proptest::{collection::vec, prelude::*, sample::select, test_runner::RngSeed};
use temporalio_protos::temporal::api::{
    common::v1::WorkflowType,
    taskqueue::v1::TaskQueue,
    workflowservice::v1::{
        CountWorkflowExecutionsRequest, ListWorkflowExecutionsRequest,
        StartWorkflowExecutionRequest,
    },
};
use tonic::{Code, Status};

fn config() -> ProptestConfig {
    let asked = ProptestConfig::default();
    let rng_seed = match asked.rng_seed {
        RngSeed::Random => RngSeed::Fixed(0),
        fixed @ RngSeed::Fixed(_) => fixed,
    };
    ProptestConfig {
        rng_seed,
        failure_persistence: None,
        ..asked
    }
}

/// A service with three open workflows.
struct Lists(Service, u64);

impl Lists {
    fn new() -> Self {
        let mut lists = Self(Service::new(ServiceConfig::default()), 0);
        for workflow_id in ["a", "b", "c"] {
            let started = lists.call(StartWorkflowExecutionRequest {
                namespace: "default".to_owned(),
                workflow_id: workflow_id.to_owned(),
                workflow_type: Some(WorkflowType {
                    name: "Order".to_owned(),
                }),
                task_queue: Some(TaskQueue {
                    name: "orders".to_owned(),
                    ..TaskQueue::default()
                }),
                ..StartWorkflowExecutionRequest::default()
            });
            assert!(started.is_ok());
        }
        lists
    }

    fn call(&mut self, request: impl Into<Request>) -> Result<Response, Status> {
        self.1 += 1;
        self.0.request(1_000, RequestId(self.1), request.into());
        self.0.take_replies().remove(0).result
    }

    /// Returns the number of workflows that a query lists.
    fn listed(&mut self, query: &str) -> Result<usize, Status> {
        let answer = self.call(ListWorkflowExecutionsRequest {
            namespace: "default".to_owned(),
            query: query.to_owned(),
            ..ListWorkflowExecutionsRequest::default()
        })?;
        match answer {
            Response::ListWorkflowExecutions(list) => Ok(list.executions.len()),
            other => panic!("{other:?}"),
        }
    }

    /// Returns the number of workflows that a query counts.
    fn counted(&mut self, query: &str) -> Result<usize, Status> {
        let answer = self.call(CountWorkflowExecutionsRequest {
            namespace: "default".to_owned(),
            query: query.to_owned(),
        })?;
        match answer {
            Response::CountWorkflowExecutions(count) => Ok(usize::try_from(count.count).unwrap()),
            other => panic!("{other:?}"),
        }
    }
}

/// A name, an operator or a value that the language has, or almost has.
fn word() -> impl Strategy<Value = String> {
    let known = select(vec![
        "WorkflowId",
        "WorkflowType",
        "ExecutionStatus",
        "StartTime",
        "CloseTime",
        "HistoryLength",
        "`TaskQueue`",
        "CustomKeyword",
        "AND",
        "OR",
        "NOT",
        "IN",
        "BETWEEN",
        "IS",
        "NULL",
        "STARTS_WITH",
        "ORDER",
        "GROUP",
        "BY",
        "ASC",
        "DESC",
        "=",
        "!=",
        "<",
        ">",
        "<=",
        ">=",
        "(",
        ")",
        ",",
        "'a'",
        "'Order'",
        "\"b\"",
        "'Running'",
        "1",
        "-2",
        "3.5",
        "true",
        "'2024-01-01T00:00:00Z'",
        "'1h'",
        "''",
        "'",
        "\"",
        "`",
        ";",
        "--",
        "\\",
        "\u{0}",
        "ä",
        "LIKE",
    ]);
    prop_oneof![9 => known.prop_map(str::to_owned), 1 => ".{0,6}"]
}

/// A condition that the language has.
fn condition() -> impl Strategy<Value = String> {
    let comparison = prop_oneof![
        select(vec!["=", "!=", "STARTS_WITH"]).prop_flat_map(|operator| {
            select(vec!["WorkflowId", "WorkflowType", "`TaskQueue`"])
                .prop_map(move |name| format!("{name} {operator} 'a'"))
        }),
        select(vec!["<", ">", "<=", ">=", "=", "!="])
            .prop_map(|operator| format!("StartTime {operator} '2024-01-01T00:00:00Z'")),
        Just("WorkflowId IN ('a', 'x')".to_owned()),
        Just("CloseTime IS NULL".to_owned()),
        Just("ExecutionStatus = 'Running'".to_owned()),
        Just("StartTime BETWEEN '1970-01-01T00:00:00Z' AND '2070-01-01T00:00:00Z'".to_owned()),
    ];
    comparison.prop_recursive(4, 16, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one} AND {other})")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one} OR {other})")),
            inner.prop_map(|one| format!("NOT ({one})")),
        ]
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn words_in_any_order_are_answered_or_refused_as_invalid(words in vec(word(), 0..14)) {
        let query = words.join(" ");
        let mut lists = Lists::new();
        match lists.listed(&query) {
            Ok(count) => prop_assert!(count <= 3),
            Err(status) => {
                prop_assert_eq!(status.code(), Code::InvalidArgument);
                prop_assert!(!status.message().is_empty());
            }
        }
    }

    #[test]
    fn a_valid_query_lists_as_many_as_it_counts(query in condition()) {
        let mut lists = Lists::new();
        let listed = lists.listed(&query);
        prop_assert!(listed.is_ok(), "{query}: {listed:?}");
        assert_eq!(listed.unwrap(), lists.counted(&query).unwrap(), "{query}");
    }

    #[test]
    fn a_workflow_meets_a_condition_or_its_opposite(query in condition()) {
        let mut lists = Lists::new();
        let meets = lists.listed(&query).unwrap();
        let others = lists.listed(&format!("NOT ({query})")).unwrap();
        // What is compared with nothing is neither.
        prop_assert!(meets + others <= 3, "{}: {} and {}", query, meets, others);
    }
}

#[test]
fn a_query_that_is_deeper_than_any_stack_is_refused() {
    let mut lists = Lists::new();
    for depth in [100, 10_000, 100_000] {
        let query = format!("{}WorkflowId = 'a'{}", "(".repeat(depth), ")".repeat(depth));
        let answer = lists.listed(&query);
        let refused = |status: Status| status.code() == Code::InvalidArgument;
        assert!(answer.is_ok() || answer.is_err_and(refused), "{depth}");
        let _ = lists.listed(&"NOT ".repeat(depth));
    }
}
