//! The program `durasim`: the simulated Temporal service on a port, for every SDK, and histories
//! from real services.
//!
//! `durasim serve` is for people. SDKs start their test environments' servers in two spellings of
//! their own, and both work, so that an SDK can be given this program instead of the one that it
//! downloads: `durasim PORT` as Temporal's test server, `durasim server start-dev` as the
//! `temporal` command line.

#![allow(
    clippy::disallowed_methods,
    reason = "a server runs in real time, and its tasks are Tokio's"
)]

mod arguments;
mod faults;
mod outline;
mod pull;
mod redact;
mod serve;
mod show;

use std::{error::Error, process::ExitCode};

use arguments::Command;

fn main() -> ExitCode {
    let command = match arguments::parse(std::env::args_os()) {
        Ok(command) => command,
        // Help and the version are errors too, for clap: it knows where to print them.
        Err(error) => error.exit(),
    };
    let done = match command {
        Command::Serve(serving) => serve::serve(&serving),
        Command::Outline(outlining) => outline::outline(&outlining),
        Command::Show(showing) => show::show(&showing),
        Command::Pull(pulling) => pull::pull(&pulling),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// Returns an error with all its sources.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
