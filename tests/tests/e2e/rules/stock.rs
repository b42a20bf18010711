//! A workflow with signals, updates and queries, for the rules about them.

#![allow(
    clippy::unused_self,
    clippy::unnecessary_wraps,
    reason = "handlers are methods, and return what handlers return"
)]

use serde::{Deserialize, Serialize};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{
    ContinueAsNewOptions, SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult,
};

use super::{failure, seconds};

type Rejection = Box<dyn std::error::Error + Send + Sync>;

/// The way in which the workflow closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum End {
    Complete,
    Fail,
    ContinueAsNew,
}

/// Keeps a list of items until a signal closes it.
#[workflow]
#[derive(Default)]
pub(crate) struct Stock {
    items: Vec<String>,
    end: Option<End>,
}

#[workflow_methods]
impl Stock {
    #[run]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Vec<String>> {
        ctx.wait_condition(|state| state.end.is_some()).await?;
        match ctx.state(|state| state.end) {
            Some(End::Fail) => Err(failure("Told").into()),
            Some(End::ContinueAsNew) => {
                ctx.continue_as_new((), ContinueAsNewOptions::default())?;
                unreachable!("it has continued")
            }
            Some(End::Complete) | None => Ok(ctx.state(|state| state.items.clone())),
        }
    }

    #[signal]
    pub(crate) fn put(&mut self, _ctx: &mut SyncWorkflowContext<Self>, item: String) {
        self.items.push(item);
    }

    /// Puts in an item that only this run can make.
    #[signal]
    pub(crate) fn put_unique(&mut self, ctx: &mut SyncWorkflowContext<Self>) {
        self.items.push(ctx.uuid4());
    }

    #[signal]
    pub(crate) fn end(&mut self, _ctx: &mut SyncWorkflowContext<Self>, end: End) {
        self.end = Some(end);
    }

    #[update_validator(add)]
    fn validate_add(&self, _ctx: &WorkflowContextView, item: &String) -> Result<(), Rejection> {
        if item == "bad" {
            Err("it is bad".into())
        } else {
            Ok(())
        }
    }

    /// Adds an item and returns the new number of items.
    #[update]
    pub(crate) fn add(
        &mut self,
        _ctx: &mut SyncWorkflowContext<Self>,
        item: String,
    ) -> Result<usize, Rejection> {
        if item == "worse" {
            return Err("it is worse".into());
        }
        self.items.push(item);
        Ok(self.items.len())
    }

    /// Adds an item after a while.
    #[update]
    pub(crate) async fn add_after(
        ctx: &mut WorkflowContext<Self>,
        after: u64,
    ) -> Result<usize, Rejection> {
        ctx.timer(seconds(after)).await;
        Ok(ctx.state_mut(|state| {
            state.items.push(format!("after {after}"));
            state.items.len()
        }))
    }

    /// Stops accepting items, in the same task.
    #[update]
    pub(crate) fn close(&mut self, _ctx: &mut SyncWorkflowContext<Self>) -> Result<(), Rejection> {
        self.end = Some(End::Complete);
        Ok(())
    }

    #[query]
    pub(crate) fn items(&self, _ctx: &WorkflowContextView) -> Vec<String> {
        self.items.clone()
    }

    #[query]
    pub(crate) fn nothing(&self, _ctx: &WorkflowContextView) -> Result<(), Rejection> {
        Err("nothing is known".into())
    }
}
