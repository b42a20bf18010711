//! `scenarios list`: the names of all scenarios.

use std::io::{self, Write};

use scenarios::registry;
use serde_json::{Value, json};

use super::Exit;

/// Prints each name with its sentence, or an array of `{name, about, sound}`.
pub(super) fn list(out: &mut impl Write, as_json: bool) -> io::Result<Exit> {
    if as_json {
        let all: Value = registry::ALL
            .iter()
            .map(|scenario| {
                json!({
                    "name": scenario.name,
                    "about": scenario.about,
                    "sound": scenario.is_sound(),
                })
            })
            .collect();
        writeln!(out, "{all:#}")?;
        return Ok(Exit::Pass);
    }

    let width = registry::ALL
        .iter()
        .map(|scenario| scenario.name.len())
        .max()
        .unwrap_or_default();
    writeln!(
        out,
        "Sound scenarios: no seed and no fault makes them fail.\n"
    )?;
    for scenario in registry::sound() {
        writeln!(out, "  {:width$}  {}", scenario.name, scenario.about)?;
    }
    writeln!(
        out,
        "\nFlawed scenarios: each has one known flaw, which durasim must find.\n"
    )?;
    for scenario in registry::flawed() {
        writeln!(out, "  {:width$}  {}", scenario.name, scenario.about)?;
    }
    Ok(Exit::Pass)
}
