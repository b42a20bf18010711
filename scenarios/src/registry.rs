//! All scenarios, by name.

use crate::{
    approval, batch, delivery, fan_out, fetch_and_process, flawed, inventory, large_file,
    notifications, order, payment, pulled, renewal, saga, scenario::Scenario, subscription,
    transfer, versioned,
};

/// All scenarios: first the sound ones from simple to involved, then the flawed ones.
pub const ALL: &[Scenario] = &[
    fetch_and_process::SCENARIO,
    approval::SCENARIO,
    batch::SCENARIO,
    large_file::SCENARIO,
    saga::SCENARIO,
    payment::SCENARIO,
    transfer::SCENARIO,
    renewal::SCENARIO,
    fan_out::SCENARIO,
    delivery::SCENARIO,
    subscription::SCENARIO,
    versioned::SCENARIO,
    pulled::SCENARIO,
    inventory::SCENARIO,
    notifications::SCENARIO,
    order::SCENARIO,
    flawed::charge_without_key::SCENARIO,
    flawed::double_deposit::SCENARIO,
    flawed::clock::SCENARIO,
    flawed::randomness::SCENARIO,
    flawed::hash_map_order::SCENARIO,
    flawed::file_read::SCENARIO,
    flawed::tokio_spawn::SCENARIO,
    flawed::static_state::SCENARIO,
    flawed::reordered_activities::SCENARIO,
    flawed::pulled_reordered::SCENARIO,
    flawed::lost_signal::SCENARIO,
    flawed::overwritten_signal::SCENARIO,
    flawed::unordered_reports::SCENARIO,
    flawed::dropped_loser::SCENARIO,
    flawed::refund_twice::SCENARIO,
    flawed::missed_compensation::SCENARIO,
    flawed::late_undo::SCENARIO,
    flawed::late_recovery::SCENARIO,
    flawed::silent_activity::SCENARIO,
    flawed::ignored_heartbeat::SCENARIO,
    flawed::skipped_line::SCENARIO,
    flawed::stopped_early::SCENARIO,
    flawed::retried_refusal::SCENARIO,
    flawed::nested_activities::SCENARIO,
];

/// Returns the sound scenarios.
pub fn sound() -> impl Iterator<Item = &'static Scenario> {
    ALL.iter().filter(|scenario| scenario.is_sound())
}

/// Returns the flawed scenarios.
pub fn flawed() -> impl Iterator<Item = &'static Scenario> {
    ALL.iter().filter(|scenario| !scenario.is_sound())
}

/// Finds the scenario with this name.
///
/// # Errors
///
/// If there is no such scenario; the error lists similar names.
pub fn find(name: &str) -> Result<&'static Scenario, UnknownScenario> {
    ALL.iter()
        .find(|scenario| scenario.name == name)
        .ok_or_else(|| UnknownScenario::new(name))
}

/// A name that no scenario has.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no scenario `{name}`; {}run `scenarios list` for all names",
    did_you_mean(.nearest)
)]
pub struct UnknownScenario {
    /// The name that was requested.
    pub name: String,
    /// At most three similar names, the most similar first.
    pub nearest: Vec<&'static str>,
}

impl UnknownScenario {
    fn new(name: &str) -> Self {
        // A slip or two, more in a long name; a word with half of its letters wrong is another
        // word.
        let most = (name.chars().count() / 3).max(2);
        let mut nearest: Vec<_> = ALL
            .iter()
            .map(|scenario| (distance(name, scenario.name), scenario.name))
            .filter(|(distance, _)| *distance <= most)
            .collect();
        nearest.sort_unstable();
        let nearest = nearest.into_iter().map(|(_, name)| name).take(3).collect();
        Self {
            name: name.to_owned(),
            nearest,
        }
    }
}

fn did_you_mean(nearest: &[&str]) -> String {
    if nearest.is_empty() {
        String::new()
    } else {
        format!("did you mean {}? ", nearest.join(" or "))
    }
}

/// Returns the number of letters to insert, delete or replace to turn `wanted` into `candidate`,
/// with or without the prefix `flawed/`.
fn distance(wanted: &str, candidate: &str) -> usize {
    let bare = candidate.strip_prefix("flawed/").unwrap_or(candidate);
    edits(wanted, candidate).min(edits(wanted, bare))
}

fn edits(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, r) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(l != *r);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_flawed_scenarios_have_a_prefix() {
        let names: BTreeSet<_> = ALL.iter().map(|scenario| scenario.name).collect();
        assert_eq!(names.len(), ALL.len());
        for scenario in ALL {
            assert_eq!(
                scenario.name.starts_with("flawed/"),
                !scenario.is_sound(),
                "{}",
                scenario.name
            );
        }
    }

    #[test]
    fn every_flaw_has_a_sound_twin() {
        for scenario in flawed() {
            let twin = scenario.flaw.map(|flaw| flaw.twin).unwrap_or_default();
            assert!(
                find(twin).is_ok_and(Scenario::is_sound),
                "{}: {twin}",
                scenario.name
            );
        }
    }

    #[test]
    fn the_error_for_an_unknown_name_lists_similar_names() {
        assert_eq!(
            find("aproval").map(|_| ()).unwrap_err().nearest[0],
            "approval"
        );
        assert_eq!(
            find("clok").map(|_| ()).unwrap_err().nearest[0],
            "flawed/clock"
        );
        assert_eq!(
            find("clok").map(|_| ()).unwrap_err().to_string(),
            "there is no scenario `clok`; did you mean flawed/clock? \
             run `scenarios list` for all names"
        );
        let nothing_like_it = find("nope").map(|_| ()).unwrap_err().to_string();
        assert_eq!(
            nothing_like_it,
            "there is no scenario `nope`; run `scenarios list` for all names"
        );
    }
}
