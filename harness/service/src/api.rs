//! Short names for the generated packages of Temporal's API, which keep the rules readable.

pub(crate) use durasim_events::{Attributes, HistoryEvent};
pub(crate) use temporalio_protos::temporal::api::{
    activity::v1 as activity,
    batch::v1 as batch,
    callback::v1 as callback,
    command::v1 as command,
    common::v1::{self as common, Payloads, WorkflowExecution},
    deployment::v1 as deployment,
    enums::v1 as enums,
    failure::v1 as failure,
    history::v1 as history,
    nexus::v1 as nexus,
    protocol::v1 as protocol,
    query::v1 as query,
    schedule::v1 as schedule,
    sdk::v1 as sdk,
    taskqueue::v1 as taskqueue,
    update::v1 as update,
    worker::v1 as worker,
    workflow::v1 as workflow,
    workflowservice::v1 as rpc,
};
