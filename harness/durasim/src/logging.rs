//! `DURASIM_LOG`: what a world does, as `tracing` events with virtual time, on standard error.
//!
//! `DURASIM_LOG=1` (or `debug`) shows everything durasim does; any list of targets and levels works
//! too, such as `DURASIM_LOG=durasim=debug,payments=info`. Off, it costs one check of a flag an
//! event.

use std::sync::Once;

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
            "0" | "off" => return,
            "1" | "on" | "debug" => "durasim=debug".to_owned(),
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
