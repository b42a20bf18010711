//! `scenarios`: workflows by pattern, run under durasim.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main(std::env::args().skip(1))
}
