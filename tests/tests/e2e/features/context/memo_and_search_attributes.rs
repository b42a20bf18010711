//! Memo and search attributes: set at the start, upserted, read by the workflow and by clients.

use durasim::prelude::*;
use temporalio_common::{
    MemoValue, MemoValues,
    search_attributes::{SearchAttributeKey, SearchAttributes},
};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{
    ChildWorkflowOptions, SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult,
};

use crate::features::on;

const CITY: SearchAttributeKey<String> = SearchAttributeKey::keyword("City");
const SEATS: SearchAttributeKey<i64> = SearchAttributeKey::int("Seats");
const PRICE: SearchAttributeKey<f64> = SearchAttributeKey::float("Price");
const BOOKED: SearchAttributeKey<bool> = SearchAttributeKey::bool("Booked");
const TAGS: SearchAttributeKey<Vec<String>> = SearchAttributeKey::keyword_list("Tags");

/// Upserts on a signal and reports the values that it sees.
#[workflow]
#[derive(Default)]
struct Trip {
    done: bool,
}

#[workflow_methods]
impl Trip {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Vec<String>> {
        let mut seen = vec![tell(ctx)];
        ctx.timer(Duration::from_secs(1)).await;
        ctx.upsert_search_attributes([
            SEATS.value_set(3),
            PRICE.value_set(9.5),
            BOOKED.value_set(true),
            CITY.value_set("Rome".to_owned()),
            TAGS.value_set(vec!["slow".to_owned(), "train".to_owned()]),
        ]);
        ctx.upsert_memo([("guest", None), ("room", Some(MemoValue::new(12_u32)))])?;
        seen.push(tell(ctx));
        ctx.wait_condition(|state| state.done).await?;
        seen.push(tell(ctx));
        Ok(seen)
    }

    #[signal]
    fn finish(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.done = true;
    }

    #[query]
    fn guest(&self, ctx: &WorkflowContextView) -> Option<String> {
        ctx.memo().get("guest").ok().flatten()
    }
}

fn tell(ctx: &WorkflowContext<Trip>) -> String {
    let (attributes, memo) = (ctx.search_attributes(), ctx.memo());
    format!(
        "{:?} {:?} {:?} {:?} {:?}; {:?} {:?}",
        attributes.get(&CITY),
        attributes.get(&SEATS),
        attributes.get(&PRICE),
        attributes.get(&BOOKED),
        attributes.get(&TAGS),
        memo.get::<String>("guest").ok().flatten(),
        memo.get::<u32>("room").ok().flatten(),
    )
}

feature! {
    [Trip]
    async fn workflows_and_clients_see_them(env) {
        env.worker("queue").workflow::<Trip>().start()?;
        let mut options = on("trip");
        let mut memo = MemoValues::new();
        memo.insert("guest", "Ada".to_owned());
        options.memo = Some(memo);
        options.search_attributes =
            Some(SearchAttributes::new([CITY.value_set("Bern".to_owned())]));
        let trip = env.client().start_workflow(Trip::run, (), options).await?;
        let described = trip.describe(Default::default()).await?;
        if described.search_attributes().get(&SEATS).is_none() {
            assert_eq!(
                described.search_attributes().get(&CITY).as_deref(),
                Some("Bern")
            );
            assert_eq!(
                described.memo().get::<String>("guest")?.as_deref(),
                Some("Ada")
            );
        }
        env.sleep(Duration::from_hours(1)).await;

        let described = trip.describe(Default::default()).await?;
        let attributes = described.search_attributes();
        assert_eq!(
            (attributes.get(&CITY), attributes.get(&SEATS)),
            (Some("Rome".to_owned()), Some(3))
        );
        assert_eq!(attributes.get(&TAGS).unwrap_or_default(), ["slow", "train"]);
        assert_eq!(described.memo().get::<u32>("room")?, Some(12));
        assert!(!described.memo().contains_key("guest"));
        assert_eq!(trip.query(Trip::guest, (), Default::default()).await?, None);
        trip.signal(Trip::finish, (), Default::default()).await?;
        let before = "Some(\"Bern\") None None None None; Some(\"Ada\") None";
        let after = "Some(\"Rome\") Some(3) Some(9.5) Some(true) Some([\"slow\", \"train\"]); \
                     None Some(12)";
        assert_eq!(
            trip.get_result(Default::default()).await?,
            [before, after, after]
        );
        Ok(())
    }
}

/// Has a child with its own search attributes.
#[workflow]
#[derive(Default)]
struct Agency;

#[workflow_methods]
impl Agency {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Vec<String>> {
        let mut options = ChildWorkflowOptions::workflow_id("trip".to_owned());
        options.search_attributes =
            Some(SearchAttributes::new([CITY.value_set("Oslo".to_owned())]));
        options.static_summary = Some("a trip".to_owned());
        options.static_details = Some("to Oslo".to_owned());
        let trip = ctx.start_child_workflow(Trip::run, (), options).await?;
        trip.signal(Trip::finish, (), Default::default()).await?;
        Ok(trip.result().await?)
    }
}

feature! {
    [Agency, Trip]
    async fn a_child_has_its_own(env) {
        env.worker("queue")
            .workflow::<Agency>()
            .workflow::<Trip>()
            .start()?;
        let client = env.client();
        let agency = client.start_workflow(Agency::run, (), on("agency")).await?;
        let seen = agency.get_result(Default::default()).await?;
        assert_eq!(seen[0], "Some(\"Oslo\") None None None None; None None");
        let described = client
            .get_workflow_handle::<Trip>("trip")
            .describe(Default::default())
            .await?;
        assert_eq!(described.static_summary(), Some("a trip"));
        assert_eq!(described.static_details(), Some("to Oslo"));
        assert_eq!(described.parent_id(), Some("agency"));
        Ok(())
    }
}

#[workflow_test]
async fn a_description_shows_the_values_of_the_start(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue").workflow::<Trip>().start()?;
    let mut options = on("trip");
    options.static_summary = Some("a trip".to_owned());
    options.static_details = Some("to Rome".to_owned());
    let trip = env.client().start_workflow(Trip::run, (), options).await?;
    let described = trip.describe(Default::default()).await?;
    assert_eq!(
        (
            described.id(),
            described.workflow_type(),
            described.task_queue()
        ),
        ("trip", "Trip", "queue")
    );
    assert_eq!(described.static_summary(), Some("a trip"));
    assert_eq!(described.static_details(), Some("to Rome"));
    assert_eq!(described.start_time(), Some(env.now()));
    assert_eq!(described.close_time(), None);
    trip.signal(Trip::finish, (), Default::default()).await?;
    trip.get_result(Default::default()).await?;
    assert_eq!(
        trip.describe(Default::default()).await?.close_time(),
        Some(env.now())
    );
    Ok(())
}
