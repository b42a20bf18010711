//! The command line: one file for each command, and what they share.

mod args;
mod history;
mod list;
mod outcome;
mod parallel;
mod run;
mod score;
mod stopwatch;
mod sweep;
mod tour;

use args::{Command, USAGE};
use std::{io, process::ExitCode};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// Everything held.
    Pass,
    /// Something did not.
    Fail,
    /// What was asked for does not exist.
    Usage,
}

/// Does what the arguments say: 0 if all is well, 1 if something failed, 2 if they cannot be
/// understood.
pub(crate) fn main(arguments: impl Iterator<Item = String>) -> ExitCode {
    let command = match args::parse(arguments) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("error: {error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match execute(command) {
        Ok(Exit::Pass) => ExitCode::SUCCESS,
        Ok(Exit::Fail) => ExitCode::from(1),
        Ok(Exit::Usage) => ExitCode::from(2),
        // Whoever reads the output has seen enough: `scenarios list | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: failed to write the output: {error}");
            ExitCode::from(1)
        }
    }
}

fn execute(command: Command) -> io::Result<Exit> {
    let out = &mut io::stdout().lock();
    match command {
        Command::Tour => tour::tour(out),
        Command::Help => {
            use io::Write as _;
            writeln!(out, "{USAGE}").map(|()| Exit::Pass)
        }
        Command::List { json } => list::list(out, json),
        Command::Run(options) => run::run(out, &options),
        Command::Sweep(options) => sweep::sweep(out, &options),
        Command::History(options) => history::history(out, &options),
        Command::Score(options) => score::score(out, &options),
    }
}
