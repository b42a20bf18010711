//! `scenarios`: workflows by pattern, run under durasim.

mod cli;

use std::process::ExitCode;

/// `sweep` and `score` run worlds by the thousand.
#[global_allocator]
static ALLOCATOR: durasim::WorldAllocator = durasim::WorldAllocator;

fn main() -> ExitCode {
    // An argument that is not Unicode names no scenario; it is rejected like any unknown word.
    cli::main(
        std::env::args_os()
            .skip(1)
            .map(|argument| argument.to_string_lossy().into_owned()),
    )
}
