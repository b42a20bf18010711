//! Exhaustive exploration: every plan of at most so many faults, on all cores.

use std::{
    num::NonZero,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use durasim_engine::{Explorer, Plan, PlanId};

use super::{
    campaign::Campaign,
    progress::Progress,
    summary::{Place, Plans, Tally},
};
use crate::{
    Exhaustive,
    broken::{broken, inherited},
    options::Purpose,
    outcome::{ChoiceSource, WorldReport},
    report::{FailureReport, Spent},
};

/// Runs every plan, those of fewer faults and more telling ones first. Of the plans that fail the
/// first in their order counts, on any number of cores. `test` is the name of the test, for the
/// people who wait.
pub(super) fn run(
    test: &str,
    campaign: &Campaign<'_>,
    exhaustive: Exhaustive,
    tally: &mut Tally,
) -> Result<(), Box<FailureReport>> {
    let faults = if broken!(Exploration) {
        1
    } else {
        exhaustive.faults
    };
    let before = tally.spent();
    let exploration = Exploration {
        campaign,
        faults: faults as usize,
        max_worlds: exhaustive.max_worlds,
        state: Mutex::new(State {
            explorer: Explorer::new(faults as usize),
            end: None,
            passed: Vec::new(),
            failed: None,
            tally,
            progress: Progress::begin(test),
        }),
        changed: Condvar::new(),
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for _ in 0..threads {
            let work = inherited(|()| exploration.work());
            scope.spawn(move || work(()));
        }
    });

    let state = exploration.state.into_inner();
    let state = state.unwrap_or_else(PoisonError::into_inner);
    let Some((first, report)) = state.failed else {
        let plans = Plans {
            faults: exhaustive.faults,
            run: state.passed.len() as u64,
            known: state.explorer.known(),
            knows_all: state.explorer.knows_all(),
        };
        state.tally.summary.plans = Some(plans);
        match exhaustive.purpose {
            Purpose::Exploration => {
                let steps = spent(&state.passed).steps;
                state.progress.end_with(&words(plans, steps));
            }
            Purpose::Seeds => state.progress.end(),
        }
        return Ok(());
    };
    state.progress.end();
    // Other cores may have been ahead; their worlds do not count.
    let mut passed = state.passed;
    passed.retain(|(plan, _)| *plan < first);
    campaign.must_pass(&report, before + spent(&passed))
}

/// Returns the cost of worlds, of which each is given with its steps.
fn spent(worlds: &[(PlanId, u64)]) -> Spent {
    Spent {
        worlds: worlds.len() as u64,
        steps: worlds.iter().map(|(_, steps)| steps).sum(),
        shrink_runs: 0,
    }
}

/// Returns the end of an exploration in which no world failed, in words.
fn words(plans: Plans, steps: u64) -> String {
    let words = format!("explored {plans}, in {steps} steps");
    if plans.run == plans.known {
        return words;
    }
    format!(
        "{words}: to run them all, explore fewer faults, switch some off, or raise \
         `Exhaustive::max_worlds`"
    )
}

/// An exploration that goes on.
struct Exploration<'a> {
    campaign: &'a Campaign<'a>,
    faults: usize,
    max_worlds: u64,
    state: Mutex<State<'a>>,
    /// Notified when a plan was run, which may bring up others.
    changed: Condvar,
}

struct State<'a> {
    explorer: Explorer,
    /// The reason why no more plans are given out.
    end: Option<End>,
    passed: Vec<(PlanId, u64)>,
    /// The first plan, in their order, of those that failed so far.
    failed: Option<(PlanId, WorldReport)>,
    tally: &'a mut Tally,
    progress: Progress,
}

/// The reason why an exploration ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Every plan was run, or one failed.
    Done,
    /// There are more plans than the limit allows worlds.
    TooManyWorlds,
}

impl<'a> Exploration<'a> {
    /// Runs plans until there are no more.
    fn work(&self) {
        let _others_end_too = EndsWithPanic(self);
        while let Some(plan) = self.next_plan() {
            // The points of a world matter only to plans of one fault more.
            let has_branches = plan.tape.len() < self.faults;
            let report = self
                .campaign
                .run_with(ChoiceSource::Plan(plan.tape), |options| {
                    options.record_offers = has_branches;
                });
            self.ran(plan.id, report);
        }
    }

    /// Returns the next plan; waits for it if it depends on plans that run now.
    fn next_plan(&self) -> Option<Plan> {
        let mut state = self.lock();
        loop {
            if state.end.is_some() {
                return None;
            }
            match state.explorer.next_plan() {
                Some(plan) if plan.id.0 >= self.max_worlds => {
                    state.end = Some(End::TooManyWorlds);
                }
                Some(plan) => return Some(plan),
                None if state.explorer.outstanding() == 0 => state.end = Some(End::Done),
                None => {
                    let woken = self.changed.wait(state);
                    state = woken.unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    /// Takes the report of a plan.
    fn ran(&self, plan: PlanId, report: WorldReport) {
        // Only faults are ranked and explored, not order or latency.
        let offers = report.offers.iter();
        let offers = offers.filter(|offer| offer.rank.is_some()).cloned();
        let offers = offers.collect();
        let mut state = self.lock();
        let state = &mut *state;
        state.explorer.ran(plan, offers);
        if report.failure.is_none() {
            state.tally.world(&report, Place::Plan(plan.0));
            state.passed.push((plan, report.steps));
        } else {
            // Every plan before this one was given out already.
            state.end = Some(End::Done);
            if state.failed.as_ref().is_none_or(|(first, _)| plan < *first) {
                state.failed = Some((plan, report));
            }
        }
        let explorer = &state.explorer;
        state
            .progress
            .ran(state.passed.len() as u64, || explorer.known());
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<'a>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends an exploration whose worker panics: its plan is never reported, and others wait for it.
struct EndsWithPanic<'e, 'a>(&'e Exploration<'a>);

impl Drop for EndsWithPanic<'_, '_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.lock().end = Some(End::Done);
            self.0.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::future::{FutureExt, LocalBoxFuture};
    use pretty_assertions::assert_eq;
    use temporalio_client::{
        WorkflowDescribeOptions, WorkflowStartOptions, WorkflowTerminateOptions,
    };
    use temporalio_common::{UntypedWorkflow, data_converters::RawValue};

    use super::*;
    use crate::{
        TestWorkflowEnvironment,
        error::TestResult,
        options::TestOptions,
        runner::{case::TestCase, test::run_test},
    };

    /// Has several points for each of its calls.
    fn asks_often(env: TestWorkflowEnvironment) -> LocalBoxFuture<'static, TestResult> {
        async move {
            let options = WorkflowStartOptions::new("shop", "w-1").build();
            let order = UntypedWorkflow::new("Order");
            let client = env.client();
            let handle = client.start_workflow(order, RawValue::empty(), options);
            let handle = handle.await?;
            for _ in 0..2 {
                handle.describe(WorkflowDescribeOptions::default()).await?;
            }
            handle
                .terminate(WorkflowTerminateOptions::default())
                .await?;
            Ok(())
        }
        .boxed_local()
    }

    fn options(max_worlds: u64) -> TestOptions {
        TestOptions::new()
            .faults(crate::FaultProfile::messages())
            .explore(Exhaustive::faults(2).max_worlds(max_worlds))
    }

    #[test]
    fn an_exploration_past_its_limit_of_worlds_passes_and_tells_its_number_of_plans() {
        let case = TestCase::in_a_new_package("payments::asks", options(2));
        let plans = run_test(&case, &asks_often).unwrap().plans.unwrap();
        assert_eq!(plans.run, 2);
        assert!(plans.known > 2 && !plans.knows_all, "{plans:?}");
    }

    #[test]
    fn an_exploration_tells_its_number_of_plans_and_its_cost() {
        let plans = Plans {
            faults: 2,
            run: 94,
            known: 94,
            knows_all: true,
        };
        assert_eq!(
            words(plans, 2_000),
            "explored all 94 plans of at most 2 faults, in 2000 steps"
        );
        let cut = Plans {
            faults: 1,
            known: 300,
            ..plans
        };
        assert_eq!(
            words(cut, 2_000),
            "explored 94 of 300 plans of at most 1 fault, in 2000 steps: to run them all, \
             explore fewer faults, switch some off, or raise `Exhaustive::max_worlds`"
        );
        let early = Plans {
            knows_all: false,
            ..cut
        };
        assert_eq!(
            early.to_string(),
            "94 of at least 300 plans of at most 1 fault"
        );
    }
}
