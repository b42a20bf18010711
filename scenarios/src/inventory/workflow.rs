//! Stock that many customers reserve by update; each learns at once whether they got any.

use std::{collections::BTreeMap, error::Error, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use temporalio_common::RetryPolicy;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

/// The reason why an update is rejected.
pub type Rejection = Box<dyn Error + Send + Sync>;

/// A quantity of one article.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lot {
    /// The id of the reservation or delivery.
    pub id: String,
    /// The name of the article.
    pub article: String,
    /// The number of pieces.
    pub count: u32,
}

/// The supplier of the warehouse.
pub trait Supplier: Send + Sync {
    /// Orders a lot, once for each id.
    fn order(&self, lot: &Lot);
}

/// Keeps count of a warehouse's stock until it closes.
#[workflow]
pub struct InventoryWorkflow {
    stock: BTreeMap<String, u32>,
    closed: bool,
}

#[workflow_methods]
impl InventoryWorkflow {
    /// Opens with the given stock.
    #[init]
    pub fn new(_ctx: &WorkflowContextView, stock: BTreeMap<String, u32>) -> Self {
        Self {
            stock,
            closed: false,
        }
    }

    /// Returns the remaining stock once the warehouse has closed and every update is answered.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<BTreeMap<String, u32>> {
        let handlers = ctx.clone();
        ctx.wait_condition(move |state| state.closed && handlers.all_handlers_finished())
            .await?;
        Ok(ctx.state(|state| state.stock.clone()))
    }

    #[update_validator(reserve)]
    fn validate_reserve(&self, _ctx: &WorkflowContextView, lot: &Lot) -> Result<(), Rejection> {
        self.validate(lot)?;
        self.check_available(lot)
    }

    /// Takes a lot out of stock and returns the remaining count of the article.
    ///
    /// The validator ran before the other updates of its task were handled, so the stock it saw may
    /// be gone by now: the handler checks again.
    #[update]
    pub fn reserve(
        &mut self,
        _ctx: &mut SyncWorkflowContext<Self>,
        lot: Lot,
    ) -> Result<u32, Rejection> {
        self.check_available(&lot)?;
        let left = self.stock.entry(lot.article).or_default();
        *left -= lot.count;
        Ok(*left)
    }

    #[update_validator(restock)]
    fn validate_restock(&self, _ctx: &WorkflowContextView, lot: &Lot) -> Result<(), Rejection> {
        self.validate(lot)
    }

    /// Orders a lot from the supplier, adds it to the stock, and returns the article's new count.
    #[update]
    pub async fn restock(ctx: &mut WorkflowContext<Self>, lot: Lot) -> Result<u32, Rejection> {
        let options = ActivityOptions::with_start_to_close_timeout(Duration::from_secs(30))
            .retry_policy(
                RetryPolicy::builder()
                    .maximum_interval(Duration::from_secs(30))
                    .build(),
            )
            .build();
        ctx.execute_activity(Supplies::order, lot.clone(), options)
            .await?;
        Ok(ctx.state_mut(|state| {
            let there = state.stock.entry(lot.article).or_default();
            *there += lot.count;
            *there
        }))
    }

    /// Closes the warehouse: it takes no more updates and ends.
    #[signal]
    pub fn close(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.closed = true;
    }

    /// Returns the stock.
    #[query]
    pub fn stock(&self, _ctx: &WorkflowContextView) -> BTreeMap<String, u32> {
        self.stock.clone()
    }
}

impl InventoryWorkflow {
    fn validate(&self, lot: &Lot) -> Result<(), Rejection> {
        if self.closed {
            return Err("the warehouse is closed".into());
        }
        if lot.count == 0 {
            return Err("a lot of none".into());
        }
        Ok(())
    }

    fn check_available(&self, lot: &Lot) -> Result<(), Rejection> {
        let there = self.stock.get(&lot.article).copied().unwrap_or_default();
        if there < lot.count {
            return Err(format!("only {there} of {} left", lot.article).into());
        }
        Ok(())
    }
}

/// The buying of supplies.
pub struct Supplies {
    supplier: Arc<dyn Supplier>,
}

impl Supplies {
    /// Returns activities that buy from `supplier`.
    pub fn new(supplier: Arc<dyn Supplier>) -> Self {
        Self { supplier }
    }
}

#[activities]
impl Supplies {
    /// Orders a lot.
    #[activity]
    pub async fn order(
        self: Arc<Self>,
        _ctx: ActivityContext,
        lot: Lot,
    ) -> Result<(), ActivityError> {
        self.supplier.order(&lot);
        Ok(())
    }
}
