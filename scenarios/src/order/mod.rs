//! Two orders: one is delivered, the other is cancelled just before or just after its parcel
//! leaves.

pub mod shipment;
pub mod warehouse;
pub mod workflow;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use durasim::{TestResult, TestWorkflowEnvironment};
use temporalio_client::{
    WorkflowCancelOptions, WorkflowGetResultOptions, WorkflowSignalOptions,
    errors::WorkflowGetResultError,
};

use crate::{
    scenario::{Scenario, workflows},
    support::{on, same},
};
use shipment::{Carrier, Parcels, ShipmentWorkflow};
use warehouse::WarehouseWorkflow;
use workflow::{Checkout, Order, OrderWorkflow, Refunded, Till};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "order",
    about: "a parent, its child and a third workflow; cancelling an order undoes every step",
    flaw: None,
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![OrderWorkflow, ShipmentWorkflow, WarehouseWorkflow],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    let shop = env.shared(FakeShop::default());
    env.worker("orders")
        .implementer(Checkout::new(shop.clone()))
        .activity(Checkout::charge)
        .activity(Checkout::refund)
        .implementer(Parcels::new(shop.clone()))
        .activity(Parcels::deliver)
        .workflow::<OrderWorkflow>()
        .workflow::<ShipmentWorkflow>()
        .workflow::<WarehouseWorkflow>()
        .start()?;

    let client = env.client();
    let warehouse = client
        .start_workflow(WarehouseWorkflow::run, (), on("orders", WAREHOUSE))
        .await?;
    let kept = client
        .start_workflow(
            OrderWorkflow::run,
            order("order-1"),
            on("orders", "order-1"),
        )
        .await?;
    let cancelled = client
        .start_workflow(
            OrderWorkflow::run,
            order("order-2"),
            on("orders", "order-2"),
        )
        .await?;
    let (sleeper, customer) = (env.clone(), same(&cancelled));
    env.spawn(async move {
        // Just before the parcel is packed: the cancellation races the delivery.
        sleeper
            .sleep(Duration::from_hours(24).saturating_sub(Duration::from_millis(1)))
            .await;
        customer.cancel(WorkflowCancelOptions::default()).await
    });

    let mut goods = BTreeSet::from(["order-1".to_owned()]);
    kept.get_result(WorkflowGetResultOptions::default()).await?;
    assert_eq!(
        shop.state_of("order-1"),
        (true, true),
        "charged and delivered"
    );
    match cancelled
        .get_result(WorkflowGetResultOptions::default())
        .await
    {
        Ok(_) => {
            goods.insert("order-2".to_owned());
            assert_eq!(
                shop.state_of("order-2"),
                (true, true),
                "charged and delivered"
            );
        }
        Err(WorkflowGetResultError::Cancelled { .. }) => {
            assert_eq!(
                shop.state_of("order-2"),
                (false, false),
                "neither charged nor delivered"
            );
        }
        Err(other) => return Err(other.into()),
    }

    warehouse
        .signal(
            WarehouseWorkflow::close,
            (),
            WorkflowSignalOptions::default(),
        )
        .await?;
    let held = warehouse
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    assert_eq!(
        held, goods,
        "goods are held for the delivered orders and for no others"
    );
    Ok(())
}

const WAREHOUSE: &str = "warehouse";

fn order(id: &str) -> Order {
    Order {
        id: id.to_owned(),
        warehouse: WAREHOUSE.to_owned(),
        amount: 990,
    }
}

/// A till and a carrier.
#[derive(Default)]
struct FakeShop {
    /// Each order's payment: `true` if charged, `false` if refunded. A refund is kept, so that a
    /// late charge is refused.
    charged: Mutex<BTreeMap<String, bool>>,
    delivered: Mutex<BTreeSet<String>>,
}

impl FakeShop {
    /// Returns whether an order is charged and whether it is delivered.
    fn state_of(&self, order: &str) -> (bool, bool) {
        let charged = self.charged.lock().unwrap_or_else(PoisonError::into_inner);
        let delivered = self
            .delivered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        (
            charged.get(order).copied().unwrap_or_default(),
            delivered.contains(order),
        )
    }
}

impl Till for FakeShop {
    fn charge(&self, order: &str, _amount: u64) -> Result<(), Refunded> {
        let mut charged = self.charged.lock().unwrap_or_else(PoisonError::into_inner);
        if *charged.entry(order.to_owned()).or_insert(true) {
            Ok(())
        } else {
            Err(Refunded)
        }
    }

    fn refund(&self, order: &str) {
        let mut charged = self.charged.lock().unwrap_or_else(PoisonError::into_inner);
        charged.insert(order.to_owned(), false);
    }
}

impl Carrier for FakeShop {
    fn deliver(&self, order: &str) -> String {
        self.delivered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(order.to_owned());
        format!("parcel of {order}")
    }
}
