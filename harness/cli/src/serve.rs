//! `durasim serve`: the server, until a signal or its parent's end.

use std::{error::Error, io, time::Duration};

use durasim_server::{Network, Server, ServerOptions, Time};

use crate::{arguments::Serving, faults::Faults};

/// The time between two looks for the parent process.
const PARENT_CHECK: Duration = Duration::from_millis(250);

/// Serves until the process is told to stop.
///
/// # Errors
///
/// The error of a port that cannot be listened on, or of a system without threads or signals.
pub(crate) fn serve(serving: &Serving) -> Result<(), Box<dyn Error>> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(run(serving))
}

async fn run(serving: &Serving) -> Result<(), Box<dyn Error>> {
    let mut options = ServerOptions::new(serving.address);
    options.time = serving.time;
    options.registers_namespaces = serving.registers_namespaces;
    let (first, others) = serving
        .namespaces
        .split_first()
        .expect("clap gives a default");
    options.service.namespace.clone_from(first);
    options.namespaces = others.to_vec();
    for attribute in &serving.search_attributes {
        let registry = &mut options.service.search_attributes;
        registry
            .add(&attribute.name, attribute.value_type)
            .map_err(|refused| refused.message().to_owned())?;
    }
    for setting in &serving.settings {
        setting.apply(&mut options)?;
    }
    let faults = Faults::of(&serving.weather)?;
    options.network = faults
        .clone()
        .map(|faults| Box::new(faults) as Box<dyn Network>);
    options.retention = serving.retention;
    options.log = serving.weather.log;
    // Signals count from before the port is open: nothing is lost in between.
    let stop = Stop::new(serving.ends_with_parent)?;
    let server = Server::bind(options).await?;
    println!("{}", greeting(&server, serving));
    if let Some(faults) = &faults {
        println!("{}", forecast(faults));
    }
    server.run_until(stop.wait()).await?;
    if let Some(faults) = faults {
        println!("{}", faults.told());
    }
    Ok(())
}

/// Returns the line that says how to reach the server.
fn greeting(server: &Server, serving: &Serving) -> String {
    let address = server.local_address();
    let namespace = &serving.namespaces[0];
    let time = match serving.time {
        Time::Real => "in real time",
        Time::Skipping { locked: true } => "time skips when a client unlocks it",
        Time::Skipping { locked: false } => "time skips",
    };
    format!(
        "durasim serves Temporal on {address} ({time}): SDKs connect to {address}, namespace \
         {namespace}; `temporal workflow list --address {address} --namespace {namespace}`; \
         web UI: `docker run --rm --network host --env TEMPORAL_ADDRESS={address} temporalio/ui`"
    )
}

/// Returns the line that says which faults may strike.
fn forecast(faults: &Faults) -> String {
    let seed = faults.seed;
    if faults.off.is_empty() {
        return format!("durasim draws faults from --seed {seed}");
    }
    format!(
        "durasim draws faults from --seed {seed}; only tests in Rust have {}",
        faults.off.join(", ")
    )
}

/// All that ends the server.
struct Stop {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    parent: Option<u32>,
}

impl Stop {
    fn new(ends_with_parent: bool) -> io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            terminate: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?,
            parent: ends_with_parent.then(parent),
        })
    }

    async fn wait(mut self) {
        let interrupted = tokio::signal::ctrl_c();
        #[cfg(unix)]
        let terminated = self.terminate.recv();
        #[cfg(not(unix))]
        let terminated = std::future::pending::<Option<()>>();
        tokio::select! {
            _ = interrupted => {}
            _ = terminated => {}
            () = orphaned(self.parent) => {}
        }
    }
}

/// Waits until the parent process has ended: another process adopts this one then.
async fn orphaned(first: Option<u32>) {
    let Some(first) = first else {
        return std::future::pending().await;
    };
    while parent() == first {
        tokio::time::sleep(PARENT_CHECK).await;
    }
}

#[cfg(unix)]
fn parent() -> u32 {
    std::os::unix::process::parent_id()
}

/// Returns the same number always: other systems do not tell the parent.
#[cfg(not(unix))]
fn parent() -> u32 {
    0
}
