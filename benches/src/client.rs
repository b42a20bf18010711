//! The official client alone: one start and its result, answered at once with prepared bytes.

use std::{collections::BTreeMap, sync::Arc};

use durasim_sdk::Answer;
use futures::FutureExt;
use prost::Message;
use temporalio_client::{
    Client, ClientOptions, WorkflowGetResultOptions, WorkflowStartOptions,
    callback_based::GrpcSuccessResponse,
};
use temporalio_protos::temporal::api::{
    history::v1::{History, HistoryEvent},
    workflowservice::v1::{
        GetSystemInfoResponse, GetWorkflowExecutionHistoryResponse, StartWorkflowExecutionResponse,
    },
};
use tokio::runtime::{Builder, Runtime};
use tonic::{Status, metadata::MetadataMap};

use crate::Rounds;

/// A client whose requests are answered at once.
pub struct ClientAlone {
    runtime: Runtime,
    client: Client,
}

impl ClientAlone {
    /// Creates a client that learns of a run that ended with this event.
    ///
    /// # Panics
    ///
    /// If the client refuses to connect.
    pub fn new(closing: &HistoryEvent) -> Self {
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime without input and output asks nothing of the system");
        let client = runtime.block_on(async {
            let answers = answers(closing);
            let answer: Answer = Arc::new(move |request| {
                let answer = answers.get(request.rpc.as_str()).cloned();
                let answer = answer.ok_or_else(|| Status::unimplemented(request.rpc));
                let headers = MetadataMap::new().into_headers();
                futures::future::ready(answer.map(|proto| GrpcSuccessResponse { headers, proto }))
                    .boxed()
            });
            let connection =
                durasim_sdk::connect("benches", answer).expect("its first request is answered");
            Client::new(connection, ClientOptions::new("default").build())
                .expect("it has no plugins to fail")
        });
        Self { runtime, client }
    }

    /// Starts [`Rounds`] and returns its result.
    ///
    /// # Panics
    ///
    /// If the client rejects the answers.
    pub fn start_and_result(&self) -> u32 {
        self.runtime.block_on(async {
            let options = WorkflowStartOptions::new("rounds", "rounds-1").build();
            let handle = self
                .client
                .start_workflow(Rounds::run, 10, options)
                .await
                .expect("it starts");
            handle
                .get_result(WorkflowGetResultOptions::default())
                .await
                .expect("it has a result")
        })
    }
}

fn answers(closing: &HistoryEvent) -> BTreeMap<&'static str, Vec<u8>> {
    let started = StartWorkflowExecutionResponse {
        run_id: "2f6a0f3e-51f1-4f0e-9f6b-0a55a5d3d1f5".into(),
        started: true,
        ..Default::default()
    };
    let closed = GetWorkflowExecutionHistoryResponse {
        history: Some(History {
            events: vec![closing.clone()],
        }),
        ..Default::default()
    };
    [
        (
            "GetSystemInfo",
            GetSystemInfoResponse::default().encode_to_vec(),
        ),
        ("StartWorkflowExecution", started.encode_to_vec()),
        ("GetWorkflowExecutionHistory", closed.encode_to_vec()),
    ]
    .into()
}
