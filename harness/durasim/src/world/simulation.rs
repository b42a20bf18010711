//! The loop that runs a world: poll what is ready, do one thing that can happen, jump the clock,
//! and again.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    rc::Rc,
    task::Poll,
    time::Duration,
};

use durasim_engine::{Odds, Outcome, TaskId, ambient, may_have_started_threads, watch::steps};

use super::{
    World, diagnosis, network::Message, real_io::Waited, state::State, tolerance::tolerance,
};
use crate::{
    faults::Latency,
    label::Label,
    limits::LimitExceeded,
    report::{Diagnosis, Failure},
};

/// The longest time that a world goes on after its test returned, in virtual milliseconds: a year.
///
/// Some workflows never close. The test has ended, and a year of such a workflow is enough to
/// check.
const SETTLE_MS: u64 = 365 * 24 * 3600 * 1000;

/// The largest number of steps that a world goes on after its test returned.
const SETTLE_STEPS: u64 = 20_000;

/// The time beyond the end of a world in which timers of the test and its activities are looked
/// for, in virtual milliseconds: a thousand years.
const FAR_MS: u64 = 1000 * SETTLE_MS;

/// The real time that a world in which nothing can happen waits for threads of workflow code.
const THREADS_PATIENCE: Duration = Duration::from_millis(50);

/// The moment at which the test itself returned.
#[derive(Clone, Copy)]
struct Returned {
    at_ms: u64,
    at_step: u64,
}

/// Runs the world until its test, `body`, and all its consequences are done. A failure is left in
/// the state.
pub(crate) async fn simulate(world: &Rc<World>, body: TaskId) {
    let mut returned: Option<Returned> = None;
    let mut polls = 0;
    loop {
        poll_tasks(world, body, &mut polls);
        if world.state().failure.is_some() {
            return;
        }
        if returned.is_none() && !world.executor.is_live(body) {
            let mut state = world.state();
            // The runs that they have started go on; no others follow.
            state.service.rest_schedules();
            returned = Some(Returned {
                at_ms: state.now_ms,
                at_step: state.steps,
            });
        }
        if returned.is_some_and(|returned| is_settled(world, returned)) {
            return;
        }
        if one_step(world, polls > 0) {
            polls = 0;
            world.check_invariants();
            continue;
        }
        let woken = world.wake_resting();
        if woken > 0 {
            // A sleep counts as one poll, as if it had not rested.
            polls = polls.saturating_sub(woken);
            continue;
        }
        world.state().end_if_asked_in_vain();
        if world.state().failure.is_some() {
            return;
        }
        if world.state().is_monotonous() {
            // The clock has gone on: whatever comes of it, the world ends here.
            let alive = sleeps_at_all(world).await;
            let mut state = world.state();
            state.spoiled = alive;
            if !alive {
                let failure = diagnosis::monotonous(&state);
                state.fail(failure);
            }
            return;
        }
        if !jump(world).await {
            if returned.is_none() {
                let report = if let Some(exceeded) = sleeps_beyond_limit(world).await {
                    diagnosis::oversleeps(&world.state(), &exceeded)
                } else {
                    stuck(world)
                };
                world.state().fail(report);
            }
            return;
        }
    }
}

/// Polls every ready task until none is ready. Which is polled next is a choice. `polls` counts
/// since the last step.
fn poll_tasks(world: &World, body: TaskId, polls: &mut u64) {
    loop {
        world.clock.settle_blocking();
        let polled = world.executor.poll_one(|names| {
            let words = |index: usize| format!("{} goes on before {}", names[index], names[0]);
            world.state().choose_first("task.next", names.len(), words)
        });
        let Some(polled) = polled else { return };
        if let Outcome::Panicked(panic) = polled.outcome {
            let mut state = world.state();
            let report = diagnosis::panicked(&state, &panic.name, &panic.message);
            state.fail(report);
            return;
        }
        *polls += 1;
        let mut state = world.state();
        state.monotony.polled(&polled.name);
        if polled.id == body || world.checks.borrow().actors.contains(&polled.id) {
            state.test_goes_on();
        }
        if let Err(exceeded) = state.options.limits.check_steps(*polls) {
            let report = diagnosis::spinning(&state, &exceeded, &polled.name);
            state.fail(report);
        }
        if state.failure.is_some() {
            return;
        }
    }
}

/// Returns `true` if nothing is left to wait for after the test returned.
fn is_settled(world: &World, returned: Returned) -> bool {
    let actors_done = world
        .checks
        .borrow()
        .actors
        .iter()
        .all(|actor| !world.executor.is_live(*actor));
    if !actors_done {
        return false;
    }
    let state = world.state();
    let settles = state.faults.any() || world.checks.borrow().settles;
    !settles
        || state.service.open_executions() == 0
        || state.now_ms >= returned.at_ms + SETTLE_MS
        || state.steps >= returned.at_step + SETTLE_STEPS
}

/// Does one of the things that can happen now. Returns `false` if nothing can happen. Tasks that
/// were polled may have moved the clock.
fn one_step(world: &World, has_polled: bool) -> bool {
    steps("a step of the world");
    let mut state = world.state();
    if has_polled {
        state.now_ms = world.clock.now_ms();
    }
    // A step runs no code of the user's but that of workflows.
    let happened = ambient::noting_threads(|| state.step());
    state.tell();
    state.watch_events();
    if !happened {
        return false;
    }
    state.steps += 1;
    let limits = state.options.limits;
    if let Err(exceeded) = limits
        .check_steps(state.steps)
        .and_then(|()| match state.options.fault_free_steps {
            Some(fault_free) => limits.check_steps_beside(state.steps, fault_free),
            None => Ok(()),
        })
        .and_then(|()| limits.check_time(state.now_ms))
    {
        let report = diagnosis::limit(&state, &exceeded);
        state.fail(report);
    }
    true
}

/// Jumps to the next thing due: of the service, the network, a worker, or any Tokio timer. Returns
/// `false` if nothing is due at all.
async fn jump(world: &Rc<World>) -> bool {
    let silent = match world.await_real_io() {
        Some(Waited::SomethingCame) => return true,
        Some(Waited::Nothing(silent)) => Some(silent),
        None => None,
    };
    let (due_ms, horizon_ms) = {
        let mut state = world.state();
        let waits = state.calls.network.has_held()
            || state.calls.partitions.that_end_early().next().is_some();
        let hurries_from_ms = waits.then(|| tolerance!(state).hurries_from_ms()).flatten();
        if hurries_from_ms.is_some_and(|from_ms| from_ms <= state.now_ms) {
            // What is held waits for other events; a query that waits for it does not wait as long.
            return state.calls.network.release_held();
        }
        // Beside real input and output, virtual time goes on no faster than real time.
        let paced_ms = silent.map(|silent| {
            let silent_ms = u64::try_from(silent.as_millis()).unwrap_or(u64::MAX);
            state.now_ms.saturating_add(silent_ms)
        });
        let due = state.next_due_ms().into_iter().chain(hurries_from_ms);
        let due_ms = due.chain(paced_ms).min();
        (due_ms, state.options.limits.end_ms())
    };
    // Whether a Tokio timer is set cannot be asked. If none is, the clock jumps to the horizon and
    // nobody wakes.
    let mut sleep = pin!(world.clock.sleep_until_ms(due_ms.unwrap_or(horizon_ms)));
    let mut ready = pin!(world.executor.until_ready());
    let woken = poll_fn(|cx| {
        if ready.as_mut().poll(cx).is_ready() {
            return Poll::Ready(true);
        }
        sleep.as_mut().poll(cx).map(|()| false)
    })
    .await;
    let goes_on = woken || due_ms.is_some();
    if goes_on {
        // A world in which nothing is due ends at the time of its last step, not at the horizon.
        world.state().now_ms = world.clock.now_ms();
    }
    goes_on
}

/// Returns the limit that a sleep of the test or of an activity exceeds, if there is such a sleep.
/// Sleeping too long is another failure than waiting for something that never comes.
async fn sleeps_beyond_limit(world: &Rc<World>) -> Option<LimitExceeded> {
    let limits = world.state().options.limits;
    if sleeps_at_all(world).await {
        limits.check_time(limits.end_ms().saturating_add(1)).err()
    } else {
        None
    }
}

/// Returns `true` if a timer of the test, of an activity or of a mock is set. The clock jumps to
/// it, or else past the last moment of the world: nothing can happen any more.
async fn sleeps_at_all(world: &World) -> bool {
    let end_ms = world.state().options.limits.end_ms();
    let mut sleep = pin!(world.clock.sleep_until_ms(end_ms.saturating_add(FAR_MS)));
    let mut ready = pin!(world.executor.until_ready());
    poll_fn(|cx| {
        if ready.as_mut().poll(cx).is_ready() {
            return Poll::Ready(true);
        }
        sleep.as_mut().poll(cx).map(|()| false)
    })
    .await
}

fn stuck(world: &World) -> Failure {
    let report = diagnosis::stuck(&world.state());
    let awaits_a_condition = report
        .diagnosis
        .as_ref()
        .is_some_and(Diagnosis::awaits_a_condition);
    if awaits_a_condition && may_have_started_threads() {
        await_threads();
    }
    report
}

/// Gives threads that workflow code started the time to wake it: awaiting a thread must be reported
/// as that, however fast the machine is, and not as a missing signal. Only a world that has failed
/// waits here.
#[expect(
    clippy::disallowed_methods,
    reason = "such a thread has the machine's time, and nobody to tell when it is done"
)]
fn await_threads() {
    std::thread::sleep(THREADS_PATIENCE);
}

impl State {
    /// Returns the time at which the next thing is due that the world itself knows of.
    fn next_due_ms(&self) -> Option<u64> {
        [
            self.calls.network.next_due_ms(),
            self.workers.next_due_ms(),
            self.service.next_due_ms(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Returns `true` if a sleeper that is due resumes before everything else that is due, which is
    /// a choice of order.
    pub(super) fn chooses_to_go_first(&mut self) -> bool {
        let is_due = |due_ms: u64| due_ms <= self.now_ms;
        if self.latency == Latency::None || !self.next_due_ms().is_some_and(is_due) {
            return false;
        }
        let words = |_| "a sleep ends before everything else that is due then".to_owned();
        self.choose_first("sleep.end", 2, words) == 1
    }

    /// Chooses which of so many things comes first. The choice is put into these words if it is not
    /// the first thing.
    fn choose_first(
        &mut self,
        site: &'static str,
        among: usize,
        words: impl FnOnce(usize) -> String,
    ) -> usize {
        if among < 2 {
            return 0;
        }
        let arity = u32::try_from(among).unwrap_or(u32::MAX);
        let index = self.choices.choose(site, "", arity, Odds::Uniform) as usize;
        self.choices.describe(self.now_ms, || words(index));
        index
    }

    /// Delivers one message, fires one timer of the service, or lets one alarm of a worker go off.
    /// Returns `false` if none is due.
    fn step(&mut self) -> bool {
        self.end_finished_processes();
        self.poll_with_freed_slots();
        self.send_replies();
        self.end_partitions_early();
        let now_ms = self.now_ms;
        let message = usize::from(self.calls.network.has_deliverable(now_ms));
        let alarm = usize::from(
            self.workers
                .next_due_ms()
                .is_some_and(|due_ms| due_ms <= now_ms),
        );
        let timers = self.service.due(now_ms);
        let things = message + alarm + timers;
        if things == 0 {
            return false;
        }
        let index = self.choose_first("event.next", things, |index| {
            let first = if index < message + alarm {
                "a worker's own"
            } else {
                "of the service"
            };
            format!("of {things} things due at once, a timer {first} comes first")
        });
        self.calls.network.event_happened();
        if index < message {
            self.deliver();
        } else if index < message + alarm {
            self.watch_step(None);
            self.alarm_goes_off();
        } else {
            self.record("timer", format_args!(""));
            self.watch_step(None);
            self.service.fire(now_ms, index - message - alarm);
        }
        self.send_replies();
        self.carry_deliveries();
        self.postpone_short_timers();
        true
    }

    fn deliver(&mut self) {
        match self.calls.network.deliver(self.now_ms) {
            Some(Message::Call(id, request)) => {
                let label = self.calls.get(id).map(|pending| pending.label);
                match label {
                    Some(label) => self.record("deliver", label),
                    None => self.record("deliver", format_args!("copy")),
                }
                self.watch_arrival(id);
                self.tell_arrival(id);
                let deadline_ms = self.deadline_ms(id);
                self.service
                    .request_until(self.now_ms, id, request, deadline_ms);
                if let Some(workflow) = label.and_then(Label::signaled) {
                    self.calls.network.signal_arrived(workflow);
                }
            }
            Some(Message::Reply(id, result)) => self.deliver_reply(id, result),
            Some(Message::Delivery(id, held_by)) => self.make_delivery(id, held_by),
            None => {}
        }
    }
}
