//! The parts of a world, and the small things that every part needs.

use std::{collections::BTreeSet, rc::Rc};

use durasim_engine::{Choices, Clock, Executor, START_MS, Trace};
use durasim_service::{Reason, Request, Service, ServiceConfig};
use durasim_worker::activity::CallLog;

use super::{
    mock_workflows::MockRuns, monotony::Monotony, pending::Calls, real_io::RealIos, story::Story,
    tolerance::tolerance, worker::Workers,
};
use crate::{
    broken::broken,
    faults::{CallView, Fate, Faults, Latency},
    history::History,
    label::{Label, Workflows},
    outcome::WorldOptions,
    recording::Recording,
    report::Failure,
};

/// The parts that a world is made from.
pub(crate) struct StateParts {
    pub(crate) options: WorldOptions,
    pub(crate) choices: Choices,
    pub(crate) trace: Trace,
    pub(crate) faults: Faults,
    pub(crate) latency: Latency,
}

/// The last answer to a client.
pub(super) struct LastAnswer {
    /// The task that got it.
    pub(super) task: Option<Rc<str>>,
    pub(super) at_ms: u64,
    /// The reason for which the service refused the call, if it did.
    pub(super) refusal: Option<Reason>,
}

/// A call whose client did not wait for the answer.
pub(super) struct GivenUp {
    /// The task that called.
    pub(super) task: Rc<str>,
    pub(super) label: Label,
    pub(super) at_ms: u64,
}

/// The state of a world.
pub(crate) struct State {
    pub(crate) options: WorldOptions,
    pub(crate) executor: Rc<Executor>,
    pub(crate) clock: Rc<Clock>,
    pub(crate) choices: Choices,
    pub(crate) trace: Trace,
    pub(crate) faults: Faults,
    pub(super) latency: Latency,
    pub(crate) service: Service,
    pub(crate) namespace: String,
    pub(super) calls: Calls,
    pub(crate) workers: Workers,
    pub(super) names: Workflows,
    pub(crate) activity_log: CallLog,
    pub(super) mocks: MockRuns,
    /// The ids of the runs from elsewhere that go on here.
    pub(crate) imported: BTreeSet<String>,
    /// The histories of runs from elsewhere that the test replays.
    pub(crate) given: Vec<History>,
    #[cfg(feature = "nexus")]
    pub(super) nexus: super::nexus::NexusHandlers,
    /// The first failure; it ends the world.
    pub(crate) failure: Option<Failure>,
    /// True if the test has returned an error, which is no failure in this world.
    pub(crate) test_ended_early: bool,
    /// The last answer to a client.
    pub(super) last_answer: Option<LastAnswer>,
    /// The last call whose client did not wait for the answer.
    pub(super) given_up: Option<GivenUp>,
    pub(crate) now_ms: u64,
    pub(crate) steps: u64,
    pub(super) monotony: Monotony,
    pub(crate) real_io: RealIos,
    pub(crate) story: Story,
    /// The recording, if somebody wants to see the world.
    pub(super) recording: Option<Box<Recording>>,
    /// True if the world went on to see if anything else could happen, and something did.
    pub(crate) spoiled: bool,
    /// The number of choices that left 0 and are on the trace.
    pub(super) choices_traced: usize,
}

impl State {
    pub(crate) fn new(parts: StateParts, executor: Rc<Executor>, clock: Rc<Clock>) -> Self {
        let mut config = ServiceConfig::default();
        config.reimports = parts.options.reimports;
        config.nexus = cfg!(feature = "nexus");
        // No sound workflow and no caller of one could do anything about what faults would make of
        // queries.
        config.patient_queries = parts.faults.any();
        let namespace = config.namespace.clone();
        let mut service = Service::new(config);
        if parts.latency != Latency::None {
            service.note_short_timers();
        }
        Self {
            executor,
            #[cfg(feature = "nexus")]
            nexus: super::nexus::NexusHandlers::new(clock.clone()),
            clock,
            recording: parts.options.view.then(Box::default),
            options: parts.options,
            choices: parts.choices,
            trace: parts.trace,
            faults: parts.faults,
            latency: parts.latency,
            namespace,
            service,
            calls: Calls::default(),
            workers: Workers::default(),
            names: Workflows::default(),
            activity_log: CallLog::default(),
            mocks: MockRuns::default(),
            imported: BTreeSet::new(),
            given: Vec::new(),
            failure: None,
            test_ended_early: false,
            last_answer: None,
            given_up: None,
            now_ms: START_MS,
            steps: 0,
            monotony: Monotony::default(),
            real_io: RealIos::default(),
            story: Story::default(),
            spoiled: false,
            choices_traced: 0,
        }
    }

    /// Ends the world with this failure, unless it has one already.
    pub(crate) fn fail(&mut self, failure: Failure) {
        if broken!(Verdict(code) if code == failure.code) {
            return;
        }
        self.failure.get_or_insert(failure);
    }

    /// Asks the faults what becomes of a message; `None` leaves it alone.
    pub(super) fn fate(&mut self, view: &CallView<'_>) -> Option<Fate> {
        self.faults.hurry(tolerance!(self).hurries());
        self.faults.message(&mut self.choices, self.now_ms, view)
    }

    /// Returns the label of a client's request.
    pub(super) fn label(&mut self, request: &Request) -> Label {
        Label::of_call(&mut self.names, request)
    }
}
