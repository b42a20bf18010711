//! Pictures of worlds: of the one that failed, and of one that passed if somebody asks.
//!
//! No world of a search is recorded. A world that is to be drawn runs once more, with the same
//! choices, and is recorded this time.

use std::io::Write;

use durasim_engine::{START_MS, Tape, TapeEntry};
use durasim_view::{PlannedFault, View};

use super::{
    again, campaign::Campaign, case::TestCase, fresh_process, plan::is_fault, world::Body,
};
use crate::{
    outcome::{ChoiceSource, WorldReport},
    report::{Failure, FailureCode, FailureReport},
    variables::Variable,
    view::{self, Place},
};

/// The largest number of steps of a world that is drawn: one that goes on without end looks the
/// same from there on.
const MAX_STEPS: u64 = 20_000;

impl Campaign<'_> {
    /// Returns the picture of the world in which a failure was found, shrunk to `smallest`; `found`
    /// has the choices of the first world that failed. `None` if nobody asks for a picture, or if
    /// there is nothing to see.
    pub(super) fn picture(
        &self,
        failed: &WorldReport,
        failure: &Failure,
        smallest: &Tape,
        found: &Tape,
    ) -> Option<Box<View>> {
        if !self.options().draws || failed.stalled {
            return None;
        }
        if !failed.real_io.is_empty() {
            // The world cannot be repeated: its histories are all that is left of it.
            let mut view = view::of_world(failed, None, Some(failure));
            view.notes.push(
                "activities did real input and output, so the world could not run again to be \
                 recorded: messages, workers and attempts are missing"
                    .to_owned(),
            );
            return Some(Box::new(view));
        }
        self.say_that_it_draws();
        let fault_free = self.recorded_fault_free();
        let is_first = smallest.is_empty() && smallest.seed.is_none();
        if is_first && fault_free.failure.is_some() {
            let mut view = view::of_world(&fault_free, None, Some(failure));
            view.notes.extend(other_end(&fault_free, failure));
            return Some(Box::new(view));
        }
        let choices = if is_first {
            ChoiceSource::Benign
        } else {
            ChoiceSource::Tape(smallest.clone())
        };
        let goes_on = matches!(failure.code, FailureCode::Limit | FailureCode::Liveness);
        let world = self.recorded(choices, goes_on);
        let mut view = view::of_world(&world, Some(&fault_free), Some(failure));
        view.notes.extend(other_end(&world, failure));
        if let Some(plan) = &mut view.plan {
            let is_left = |entry: &&TapeEntry| {
                smallest
                    .entries
                    .iter()
                    .any(|left| left.point == entry.point)
            };
            let (faults, orderings): (Vec<_>, Vec<_>) = found
                .entries
                .iter()
                .filter(|entry| !is_left(entry))
                .partition(|entry| is_fault(entry));
            plan.left_out = faults.into_iter().map(left_out).collect();
            plan.orderings_left_out = orderings.len();
        }
        Some(Box::new(view))
    }

    /// Returns the picture of a world beside the fault-free world. It runs once more, and is
    /// recorded. The picture of a failure is that of its [report](FailureReport::view).
    ///
    /// ```
    /// use durasim::{TestWorkflowEnvironment, advanced::{Campaign, WorldOptions}};
    /// use futures::FutureExt;
    ///
    /// let body = |_: TestWorkflowEnvironment| async { Ok(()) }.boxed_local();
    /// let campaign = Campaign::new(&body, WorldOptions::default());
    /// let view = campaign.view(&campaign.seed(7));
    /// assert!(view.page().contains("the fault-free world"));
    /// ```
    pub fn view(&self, world: &WorldReport) -> View {
        let is_fault_free =
            world.choices == ChoiceSource::Benign && !self.options().faults.has_placed();
        let fault_free = self.recorded_fault_free();
        if is_fault_free {
            return view::of_world(&fault_free, None, None);
        }
        let world = self.recorded(world.choices.clone(), false);
        view::of_world(&world, Some(&fault_free), None)
    }

    /// Draws a world that passed, if the environment or the test asks for it, and says where.
    pub(super) fn draw_passed(&self, case: &TestCase, world: &WorldReport) {
        if !self.options().draws || !(Variable::View.is_on() || self.fault_free().wants_view) {
            return;
        }
        let Some(place) = place(case) else { return };
        self.say_that_it_draws();
        let mut view = self.view(world);
        case.name.clone_into(&mut view.title);
        view.command.clone_from(&case.options.command);
        let said = match view::write(&place, &view) {
            Ok(()) => format!("durasim: the picture of {} is {}", case.name, place.shown),
            Err(error) => cannot_write(&place, &error),
        };
        // Not by `eprintln!`, which the test runner keeps to itself if the test passes.
        let _ = writeln!(std::io::stderr(), "{said}");
        if Variable::History.is_on() {
            let _ = writeln!(std::io::stderr(), "{}", view.text());
        }
    }

    /// Runs a world once more and records it.
    fn recorded(&self, choices: ChoiceSource, goes_on: bool) -> WorldReport {
        self.run_with(choices, |options| {
            options.view = true;
            options.backtraces = true;
            options.in_words = true;
            if goes_on {
                options.limits.max_steps = options.limits.max_steps.min(MAX_STEPS);
            }
        })
    }

    fn say_that_it_draws(&self) {
        if self.options().announces {
            println!("durasim: printed from here on: by the same worlds again, to be drawn");
        }
    }
}

/// Writes the picture of a report to its place, and names it in the report.
pub(crate) fn keep(case: &TestCase, report: &mut FailureReport) {
    let Some(place) = place(case) else { return };
    report.found.view = Some(place.shown.clone());
    let Some(view) = report.view() else {
        report.found.view = None;
        return;
    };
    if let Err(error) = view::write(&place, &view) {
        report.found.view = None;
        // The report matters more than its picture.
        eprintln!("{}", cannot_write(&place, &error));
    }
}

/// Draws the fault-free world of a report that a fresh process has led to.
pub(super) fn fault_free(case: &TestCase, body: &Body, report: &mut FailureReport) {
    let mut options = case.options.world_options();
    options.draws = is_drawn(case);
    let campaign = Campaign::new(body, options);
    let none = Tape::default();
    report.found.drawn = campaign.picture(campaign.fault_free(), &report.failure, &none, &none);
    keep(case, report);
}

/// Returns `true` if the failure of a test is drawn: nobody looks at the picture of a process that
/// another has started to see if a test fails.
pub(crate) fn is_drawn(case: &TestCase) -> bool {
    place(case).is_some() && !again::is_asked() && !fresh_process::is_this()
}

/// Returns the place of the picture of a test.
fn place(case: &TestCase) -> Option<Place> {
    Place::of_test(case.manifest_dir, case.file, case.name)
}

fn cannot_write(place: &Place, error: &std::io::Error) -> String {
    let shown = &place.shown;
    format!("durasim: failed to write the picture to {shown}: {error}")
}

/// Returns a fault that shrinking left out.
fn left_out(entry: &TapeEntry) -> PlannedFault {
    PlannedFault {
        at_ms: entry.at_ms.saturating_sub(START_MS),
        words: if entry.words.is_empty() {
            entry.point.to_string()
        } else {
            entry.words.clone()
        },
        thing: None,
    }
}

/// Returns the remark that a recorded world did not end as the one that is reported.
fn other_end(world: &WorldReport, failure: &Failure) -> Option<String> {
    let again = world.failure.as_ref();
    if again.is_some_and(|again| again.code == failure.code) {
        return None;
    }
    let again = again.map_or_else(
        || "passed".to_owned(),
        |it| format!("failed with {}", it.code),
    );
    Some(format!(
        "the world {again} when it ran again to be drawn: something that is not simulated decides \
         how it ends"
    ))
}
