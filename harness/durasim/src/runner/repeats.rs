//! Failures that do not come back: the world of the same choices runs again, and ends in another
//! way.
//!
//! A report must lead somewhere. A seed that fails once and then passes leads nowhere, so such a
//! world is reported as what it is, with the first thing that differed.

use durasim_engine::{ambient, first_divergence};

use super::{campaign::Campaign, shrinking::Signature};
use crate::{
    broken::broken,
    outcome::WorldReport,
    report::{Failure, FailureCode},
};

/// The number of times that the world of a failure runs again before it is shrunk: one coin in two
/// lands on the same side each time once in eight, and shrinking tosses it more often.
const REPETITIONS: usize = 3;

impl Campaign<'_> {
    /// Returns the failure of a world that fails differently, or not at all, with the same choices.
    ///
    /// The first world of a test is not asked: the test itself brings it back. Neither is a world
    /// that was given up, or one with real input and output, whose report says so.
    pub(super) fn unrepeatable(&self, failed: &WorldReport) -> Option<Failure> {
        let failure = failed.failure.as_ref()?;
        let is_first = failed.tape.seed.is_none() && failed.tape.is_empty();
        if is_first
            || failed.stalled
            || !failed.real_io.is_empty()
            || !ambient::is_simulated()
            || broken!(Repetition)
        {
            return None;
        }
        let signature = Signature::of(failure);
        let mut repetitions = Vec::new();
        let differs = |world: &WorldReport| {
            world.failure.as_ref().map(Signature::of).as_ref() != Some(&signature)
        };
        for _ in 0..REPETITIONS {
            repetitions.push(self.run_with(failed.choices.clone(), |options| {
                options.keep_trace = true;
            }));
        }
        let other = repetitions.iter().find(|world| differs(world))?;
        let end = other.failure.as_ref();
        let end = end.map_or_else(|| "it passed".to_owned(), ending);
        let mut lines = vec![
            format!("first {}", ending(failure)),
            format!("then, with the same choices, {end}"),
        ];
        lines.extend(first_difference(&repetitions));
        let unrepeatable = Failure::new(FailureCode::Unrepeatable, WHAT)
            .at(failure.location.clone())
            .with_message(lines.join("\n"));
        Some(unrepeatable)
    }
}

const WHAT: &str = "two worlds of the same choices end in different ways";

/// Returns how a world failed, in words.
pub(super) fn ending(failure: &Failure) -> String {
    let first_line = failure.message.as_ref().and_then(|it| it.lines().next());
    let message = first_line.map_or_else(String::new, |line| format!("\n  {line}"));
    format!("it failed with {}: {}{message}", failure.code, failure.what)
}

/// Returns the first thing that differed between two of the worlds, in words.
fn first_difference(worlds: &[WorldReport]) -> Option<String> {
    let (first, others) = worlds.split_first()?;
    others.iter().find_map(|other| {
        let at = first_divergence(&first.trace, &other.trace)?;
        let words = |world: &WorldReport| {
            let entry = world.trace.get(at);
            entry.map_or_else(|| "nothing more".to_owned(), ToString::to_string)
        };
        Some(format!(
            "the first thing that differed\n  {}\n  {}",
            words(first),
            words(other)
        ))
    })
}
