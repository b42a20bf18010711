//! Workflow interceptors, and the headers that they and clients set.

use durasim::prelude::*;
use temporalio_common::ActivityError;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_protos::temporal::api::common::v1::{Header, Payload};
use temporalio_sdk::{
    ActivityOptions, ChildWorkflowOptions, LocalActivityOptions, SyncWorkflowContext,
    WorkflowContext, WorkflowContextView, WorkflowResult, activities::ActivityContext,
    workflow_interceptors::*,
};
use temporalio_workflow::WorkflowContextKey;

use super::on;

fn payload(text: &str) -> Payload {
    Payload {
        data: text.as_bytes().to_vec(),
        ..Payload::default()
    }
}

fn text<'a>(headers: impl IntoIterator<Item = (&'a String, &'a Payload)>) -> String {
    let mut all: Vec<_> = headers
        .into_iter()
        .map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(&value.data)))
        .collect();
    all.sort_unstable();
    all.join(" ")
}

struct Trace;

impl WorkflowContextKey for Trace {
    type Value = String;
}

/// Carries a header from the start of a workflow to all its calls, as tracing does.
struct Carrier {
    trace: Payload,
}

impl Carrier {
    fn new(ctx: &WorkflowContextView) -> Self {
        Self {
            trace: payload(&format!("of {}", ctx.workflow_id())),
        }
    }
}

impl WorkflowInterceptor for Carrier {
    fn execute<'a>(
        &'a self,
        ctx: WorkflowInterceptorContext,
        mut input: ExecuteWorkflowInput,
        next: WorkflowNext<
            'a,
            ExecuteWorkflowInput,
            WorkflowInterceptorFuture<'a, ExecuteWorkflowResult>,
        >,
    ) -> WorkflowInterceptorFuture<'a, ExecuteWorkflowResult> {
        input
            .headers_mut()
            .insert("intercepted".to_owned(), payload("yes"));
        let trace = String::from_utf8_lossy(&self.trace.data).into_owned();
        WorkflowInterceptorFuture::new(async move {
            ctx.with_context_value::<Trace, _>(trace, next.run(input))
                .await
        })
    }

    fn handle_signal<'a>(
        &'a self,
        _ctx: WorkflowInterceptorContext,
        mut input: HandleSignalInput,
        next: WorkflowNext<
            'a,
            HandleSignalInput,
            WorkflowInterceptorFuture<'a, HandleSignalResult>,
        >,
    ) -> WorkflowInterceptorFuture<'a, HandleSignalResult> {
        if let Some(word) = input.input_mut::<String>() {
            word.push('!');
        }
        next.run(input)
    }

    fn handle_query(
        &self,
        _ctx: SyncWorkflowInterceptorContext,
        input: HandleQueryInput,
        next: WorkflowNext<'_, HandleQueryInput, HandleQueryResult>,
    ) -> HandleQueryResult {
        next.run(input)
    }

    fn schedule_activity(
        &self,
        _ctx: WorkflowInterceptorContext,
        mut input: ScheduleActivityInput,
        next: WorkflowNext<
            'static,
            ScheduleActivityInput,
            CancellableWorkflowOutboundFuture<ScheduleActivityResult>,
        >,
    ) -> CancellableWorkflowOutboundFuture<ScheduleActivityResult> {
        input
            .headers_mut()
            .insert("trace".to_owned(), self.trace.clone());
        next.run(input)
    }

    fn schedule_local_activity(
        &self,
        _ctx: WorkflowInterceptorContext,
        mut input: ScheduleLocalActivityInput,
        next: WorkflowNext<
            'static,
            ScheduleLocalActivityInput,
            CancellableWorkflowOutboundFuture<ScheduleActivityResult>,
        >,
    ) -> CancellableWorkflowOutboundFuture<ScheduleActivityResult> {
        input
            .headers_mut()
            .insert("trace".to_owned(), self.trace.clone());
        next.run(input)
    }

    fn start_child_workflow(
        &self,
        _ctx: WorkflowInterceptorContext,
        mut input: StartChildWorkflowInput,
        next: WorkflowNext<
            'static,
            StartChildWorkflowInput,
            CancellableWorkflowOutboundFuture<StartChildWorkflowResult>,
        >,
    ) -> CancellableWorkflowOutboundFuture<StartChildWorkflowResult> {
        input
            .headers_mut()
            .insert("trace".to_owned(), self.trace.clone());
        next.run(input)
    }
}

struct Echo;

#[activities]
impl Echo {
    #[activity]
    async fn headers(ctx: ActivityContext) -> Result<String, ActivityError> {
        Ok(text(ctx.headers()))
    }
}

/// Returns the headers that it and its calls receive.
#[workflow]
#[derive(Default)]
struct Caller {
    word: String,
}

#[workflow_methods]
impl Caller {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, is_child: bool) -> WorkflowResult<Vec<String>> {
        let mut told = vec![text(ctx.headers())];
        if is_child {
            return Ok(told);
        }
        told.push(
            ctx.context_value::<Trace>()
                .map(|trace| trace.to_string())
                .unwrap_or_default(),
        );
        let minute = Duration::from_mins(1);
        let options = ActivityOptions::start_to_close_timeout(minute);
        told.push(ctx.execute_activity(Echo::headers, (), options).await?);
        let options = LocalActivityOptions::builder()
            .start_to_close_timeout(minute)
            .build();
        told.push(
            ctx.execute_local_activity(Echo::headers, (), options)
                .await?,
        );
        let options = ChildWorkflowOptions::workflow_id("child".to_owned());
        told.extend(
            ctx.start_child_workflow(Caller::run, true, options)
                .await?
                .result()
                .await?,
        );
        ctx.wait_condition(|state| !state.word.is_empty()).await?;
        told.push(ctx.state(|state| state.word.clone()));
        Ok(told)
    }

    #[signal]
    fn say(&mut self, _ctx: &mut SyncWorkflowContext<Self>, word: String) {
        self.word = word;
    }

    #[query]
    fn said(&self, _ctx: &WorkflowContextView) -> String {
        self.word.clone()
    }
}

fn header() -> Header {
    Header {
        fields: [("start".to_owned(), payload("client"))].into(),
    }
}

async fn call(env: &TestWorkflowEnvironment) -> TestResult {
    env.worker("queue")
        .workflow::<Caller>()
        .workflow_interceptor(WorkflowInterceptorConstructor::new(Carrier::new))
        .implementer(Echo)
        .activity(Echo::headers)
        .start()?;
    let mut options = on("caller");
    options.header = Some(header());
    let caller = env
        .client()
        .start_workflow(Caller::run, false, options)
        .await?;
    caller
        .signal(Caller::say, "hello".to_owned(), Default::default())
        .await?;
    assert_eq!(
        caller.get_result(Default::default()).await?,
        [
            "intercepted=yes start=client",
            "of caller",
            "trace=of caller",
            "trace=of caller",
            "intercepted=yes trace=of caller",
            "hello!",
        ]
    );
    Ok(())
}

#[workflow_test]
async fn interceptors_see_and_change_calls(env: TestWorkflowEnvironment) -> TestResult {
    call(&env).await
}

#[workflow_test(cache = false)]
async fn without_a_cache(env: TestWorkflowEnvironment) -> TestResult {
    call(&env).await
}

#[workflow_test(seeds = 12, faults = FaultProfile::all())]
async fn under_faults(env: TestWorkflowEnvironment) -> TestResult {
    call(&env).await
}
