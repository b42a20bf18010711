//! Views: a world that has ended, as data for a picture (`durasim-view/1`) and for a story as text.
//!
//! Histories alone make a view too: of runs that happened elsewhere, say. What a history says comes
//! from [`runs`]; what only a simulation knows, its messages, processes and faults, comes from
//! [`recorded`].

mod body;
mod builder;
mod check;
mod compare;
mod file;
mod links;
mod recorded;
mod runs;
mod signals;
mod spans;

use durasim_engine::START_MS;
use durasim_view::{Plan, PlannedFault, Role, View, World};

pub(crate) use file::{Place, write};

use crate::{
    history::History,
    outcome::{ChoiceSource, WorldReport},
    report::Failure,
};
use builder::Builder;

/// Returns the view of runs that happened elsewhere. `title` names them.
///
/// ```no_run
/// # fn histories() -> Vec<durasim::History> { Vec::new() }
/// let view = durasim::advanced::view_of("exported.json", &histories());
/// std::fs::write("exported.html", view.page()).unwrap();
/// ```
pub fn view_of(title: impl Into<String>, histories: &[History]) -> View {
    let mut builder = Builder::new("", Role::Histories, runs::start_ms(histories));
    builder.workers_of(histories);
    builder.runs(histories, None);
    let mut view = View::new(title, vec![builder.finish().0]);
    view.fit();
    view
}

/// Returns the view of a world that was recorded. The fault-free world stands beside it, if it is
/// another.
pub(crate) fn of_world(
    world: &WorldReport,
    fault_free: Option<&WorldReport>,
    check: Option<&Failure>,
) -> View {
    let (mut last, marks) = drawn(world, check);
    let first = fault_free.map(|world| drawn(world, None).0);
    let mut view = View {
        check: check.map(|failure| check::check(failure, &marks)),
        plan: (!world.tape.is_empty()).then(|| plan(world, &marks)),
        ..View::default()
    };
    if let Some(mut first) = first {
        (view.alignment, view.first_difference) = compare::align(&mut first, &mut last);
        view.worlds.push(first);
    }
    view.worlds.push(last);
    view.fit();
    view
}

/// The places of marks in a world.
#[derive(Default)]
pub(crate) struct Marks {
    /// The thing that marks each fault, by the number of its entry on the tape.
    pub(crate) faults: Vec<(usize, usize)>,
    /// The thing at which the check failed.
    pub(crate) check: Option<usize>,
}

/// Returns a world as it is drawn.
fn drawn(world: &WorldReport, failure: Option<&Failure>) -> (World, Marks) {
    let role = match (&failure, world.tape.is_empty()) {
        (Some(_), _) => Role::Failed,
        (None, true) => Role::FaultFree,
        (None, false) => Role::Passed,
    };
    let mut builder = Builder::new(name(world), role, START_MS);
    builder.world.hash = Some(world.trace_hash().to_string());
    builder.world.end_ms = world.virtual_ms;
    // A test that only replays histories from elsewhere has no others to show.
    if world.histories.is_empty() && !world.given.is_empty() {
        return given(&world.given, name(world), role, failure);
    }
    if let Some(recorded) = &world.recording {
        builder.parties(recorded);
    }
    builder.runs(&world.histories, world.recording.as_deref());
    if let Some(recorded) = &world.recording {
        builder.recorded(recorded, &world.tape);
    }
    if let Some(failure) = failure {
        builder.check(failure, &world.histories);
    }
    builder.finish()
}

/// Returns the world of histories from elsewhere that a test replays.
fn given(
    histories: &[History],
    name: String,
    role: Role,
    failure: Option<&Failure>,
) -> (World, Marks) {
    let mut builder = Builder::new(name, role, runs::start_ms(histories));
    builder.workers_of(histories);
    builder.runs(histories, None);
    if let Some(failure) = failure {
        builder.check(failure, histories);
    }
    builder.finish()
}

/// Returns the name of a world.
fn name(world: &WorldReport) -> String {
    match (&world.choices, world.tape.seed) {
        (ChoiceSource::Seed(seed), _) => format!("the world of seed {seed}"),
        (_, Some(seed)) => format!("the world of seed {seed}, shrunk"),
        (_, None) if world.tape.is_empty() => "the fault-free world".to_owned(),
        (_, None) => "the world of the plan".to_owned(),
    }
}

/// Returns the plan of a world, each fault with its mark.
fn plan(world: &WorldReport, marks: &Marks) -> Plan {
    let entries = world.tape.entries.iter().enumerate();
    let (faults, orderings): (Vec<_>, Vec<_>) =
        entries.partition(|(_, entry)| crate::faults::is_fault_site(&entry.point.site));
    let faults = faults.into_iter().map(|(index, entry)| PlannedFault {
        at_ms: entry.at_ms.saturating_sub(START_MS),
        words: recorded::fault_words(entry),
        thing: marks
            .faults
            .iter()
            .find(|(entry, _)| *entry == index)
            .map(|(_, thing)| *thing),
    });
    Plan {
        faults: faults.collect(),
        orderings: orderings
            .into_iter()
            .map(|(_, entry)| crate::faults::ordering_words(entry))
            .collect(),
        ..Plan::default()
    }
}
