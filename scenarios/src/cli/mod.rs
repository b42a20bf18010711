//! The command line: one file per command, and the code they share.

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

use std::{io, process::ExitCode};

use args::{Command, USAGE};

/// The result of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// Every check held.
    Pass,
    /// A check failed.
    Fail,
    /// The command line names something that does not exist.
    Usage,
}

/// Executes the command line.
///
/// The exit code is 0 if every check held, 1 if a check failed, and 2 if the command line is
/// invalid.
pub(crate) fn main(arguments: impl Iterator<Item = String>) -> ExitCode {
    let command = match args::parse(arguments) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("error: {error}\n\nFor the commands and options, run `scenarios help`.");
            return ExitCode::from(2);
        }
    };
    match execute(command) {
        Ok(Exit::Pass) => ExitCode::SUCCESS,
        Ok(Exit::Fail) => ExitCode::from(1),
        Ok(Exit::Usage) => ExitCode::from(2),
        // The reader has seen enough: `scenarios list | head`.
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
