//! Measures `durasim serve`, in one process with the official client and worker: `cargo run
//! --release -p benches --bin serve`.
//!
//! All figures are of one run, on one machine with other work: compare those within it. The worker
//! is Temporal's own, over a real socket, and time skips.

#![allow(
    clippy::disallowed_methods,
    reason = "a server runs in real time, and its tasks are Tokio's"
)]

use std::{
    error::Error,
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use benches::{
    Rounds, Steps,
    clock::{self, Subject},
    floor::Floor,
    worlds,
};
use durasim_server::{Server, ServerOptions, Time};
use futures::{StreamExt, TryStreamExt, future::try_join_all, stream};
use temporalio_client::{
    Client, ClientOptions, Connection, ConnectionOptions, Url, WorkflowGetResultOptions,
    WorkflowStartOptions, tonic::IntoRequest,
};
use temporalio_protos::temporal::api::workflowservice::v1::GetSystemInfoRequest;
use temporalio_sdk::{Runtime, Worker, WorkerOptions, runtime::RuntimeOptions};
use tokio::sync::oneshot;

/// The workflows that run at once.
const AT_ONCE: u32 = 1_000;
/// The workflows of a long life, a hundred at a time.
const IN_ONE_LIFE: u32 = 100_000;
/// The parts of a long life after each of which memory is looked at.
const PARTS: u32 = 10;
/// The retention of a long life: some thousands of workflows long.
const RETENTION: Duration = Duration::from_hours(1);
/// The rounds of each workflow.
const ROUNDS: u32 = 1;

type Done<T> = Result<T, Box<dyn Error>>;

fn main() -> Done<()> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(measure())
}

async fn measure() -> Done<()> {
    let mut options = ServerOptions::new((Ipv4Addr::LOCALHOST, 0).into());
    options.time = Time::Skipping { locked: false };
    options.retention = Some(RETENTION);
    let server = Server::bind(options).await?;
    let url: Url = format!("http://{}", server.local_address()).parse()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(server.run_until(async { drop(stopped.await) }));
    let connection = Connection::connect(ConnectionOptions::new(url).build()).await?;
    let client = Client::new(connection.clone(), ClientOptions::new("default").build())?;

    // One call after the other.
    let calls = 2_000;
    let began = Instant::now();
    for _ in 0..calls {
        let mut service = connection.workflow_service();
        service
            .get_system_info(GetSystemInfoRequest::default().into_request())
            .await?;
    }
    let call = began.elapsed() / calls;
    println!("a unary RPC, one after the other      {call:?}");

    let mut worker = worker(client.clone())?;
    let shutdown = worker.shutdown_handle();
    let work = async {
        let measured = workflows(&client).await;
        shutdown();
        measured
    };
    let (ended, measured) = futures::join!(worker.run(), work);
    ended?;
    let at_once = measured?;

    // The same workflow without a socket: its floor, and a world. Worlds run on a thread of theirs.
    let (floor, world) = tokio::task::spawn_blocking(|| {
        let body = worlds::rounds(ROUNDS);
        let history = worlds::run(&body, &[]).histories.remove(0);
        let floor = Floor::of(history.events());
        let mut subjects = [
            Subject::timed(|| floor.run()),
            Subject::new(|| worlds::run(&body, &[])),
        ];
        let best = clock::measure(Duration::from_secs(2), &mut subjects);
        (best[0], best[1])
    })
    .await?;
    println!("the SDK's own code for one of them    {floor:?}");
    println!("one of them in a world                {world:?}");
    println!(
        "one through `serve`                   {at_once:?}, worker, client and socket included"
    );
    // The server's own task tells what went wrong with it.
    let _ = stop.send(());
    Ok(served.await??)
}

/// Runs many workflows at once, and then many in turn. Returns the time for one of the first.
async fn workflows(client: &Client) -> Done<Duration> {
    let began = Instant::now();
    try_join_all((0..AT_ONCE).map(|number| run(client, number))).await?;
    let each = began.elapsed() / AT_ONCE;
    println!(
        "{AT_ONCE} workflows at once               {:?}, {:.0} a second",
        began.elapsed(),
        1.0 / each.as_secs_f64()
    );

    let began = Instant::now();
    let mut memory = Vec::new();
    let part = IN_ONE_LIFE / PARTS;
    for first in (AT_ONCE..AT_ONCE + IN_ONE_LIFE).step_by(part as usize) {
        stream::iter(first..first + part)
            .map(|number| run(client, number))
            .buffer_unordered(100)
            .try_collect::<Vec<()>>()
            .await?;
        memory.push((resident_kib() / 1024).to_string());
    }
    println!(
        "{IN_ONE_LIFE} workflows in one life       {:?}, {:.0} a second, under a retention of \
         {RETENTION:?}\nMiB in use after each tenth of them    {}",
        began.elapsed(),
        f64::from(IN_ONE_LIFE) / began.elapsed().as_secs_f64(),
        memory.join(" ")
    );
    Ok(each)
}

async fn run(client: &Client, number: u32) -> Done<()> {
    let options = WorkflowStartOptions::new("rounds", format!("rounds-{number}")).build();
    let rounds = client.start_workflow(Rounds::run, ROUNDS, options).await?;
    rounds
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    Ok(())
}

fn worker(client: Client) -> Done<Worker> {
    let options = RuntimeOptions::builder().heartbeat_interval(None).build()?;
    let runtime = Runtime::from_current_tokio(options)?;
    let options = WorkerOptions::new("rounds")
        .register_activities(Steps)
        .register_workflow::<Rounds>()?
        .build();
    Ok(Worker::new(&runtime, client, options)?)
}

/// Returns the memory of this process that is in use, in KiB; 0 on systems that do not tell.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    kib.unwrap_or_default()
}
