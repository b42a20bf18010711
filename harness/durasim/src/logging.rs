//! `DURASIM_LOG`: what happens in a world, on standard error.
//!
//! `DURASIM_LOG=1` tells the story of one world, in a person's words: of the world that failed, as
//! it is reported, or else of the first. `debug`, or any list of targets and levels such as
//! `DURASIM_LOG=durasim=debug,payments=info`, shows `tracing` events of all worlds. Off, it costs
//! one check of a flag an event.

use std::{io::Write, sync::Once};

use tracing_subscriber::{Layer, filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{report::Colors, variables::Variable};

static INIT: Once = Once::new();

/// Switches logging on if the environment asks for it. A subscriber that is there already is left
/// alone.
pub(crate) fn init() {
    INIT.call_once(|| {
        let Some(wanted) = Variable::Log.get() else {
            return;
        };
        let targets = match wanted.trim() {
            "0" | "off" | "1" | "on" => return,
            "debug" => "durasim=debug".to_owned(),
            "trace" => "durasim=trace".to_owned(),
            targets => targets.to_owned(),
        };
        match targets.parse::<Targets>() {
            Ok(targets) => {
                let lines = tracing_subscriber::fmt::layer()
                    .without_time()
                    .with_ansi(Colors::detect(&std::io::stderr()) == Colors::On)
                    .with_writer(std::io::stderr);
                // A second subscriber is refused: the user's own stays.
                let _ = tracing_subscriber::registry()
                    .with(lines.with_filter(targets))
                    .try_init();
            }
            Err(error) => eprintln!("durasim: DURASIM_LOG={wanted:?} is not understood: {error}"),
        }
    });
}

/// Returns `true` if the environment asks for the story of a world.
pub(crate) fn tells_story() -> bool {
    let wanted = Variable::Log.get();
    wanted.is_some_and(|wanted| ["1", "on"].contains(&wanted.trim()))
}

/// Prints the story of a world, if there is one. `world` names the world.
pub(crate) fn tell(world: &str, story: &[String]) {
    if story.is_empty() {
        return;
    }
    // Not by `eprintln!`, which the test runner keeps to itself if the test passes.
    let mut output = std::io::stderr().lock();
    let _ = writeln!(output, "durasim: the story of {world}");
    for line in story {
        let _ = writeln!(output, "  {line}");
    }
}
