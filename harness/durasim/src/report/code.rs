//! The stable codes of failures.

use std::fmt;

/// Makes all that follows from the table of codes.
macro_rules! codes {
    ($(
        $kind:ident = $code:ident $name:ident
        because $because:literal
        remedy $remedy:literal
    )+) => {
        /// The kind of a failure. A code never changes its meaning.
        ///
        /// 0xx: the world itself; 1xx: checks; 2xx: no fault of the workflow.
        ///
        /// | code | name | the test failed because |
        /// | --- | --- | --- |
        $(#[doc = concat!(
            "| `", stringify!($code), "` | `", stringify!($name), "` | ", $because, " |"
        )])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum FailureCode {
            $(
                #[doc = concat!("`", stringify!($code), "`: ", $because, ".")]
                $kind,
            )+
        }

        impl FailureCode {
            /// Every code, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$kind),+];

            /// Returns the code: `DS101`.
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$kind => stringify!($code),)+
                }
            }

            /// Returns the name: `replay`. The code of a check has the name of the check.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => stringify!($name),)+
                }
            }

            /// Returns the remedy for failures that have no more precise one.
            pub fn remedy(self) -> &'static str {
                match self {
                    $(Self::$kind => $remedy,)+
                }
            }
        }
    };
}

codes! {
    Panic = DS001 panic
        because "it panicked: an assertion of its own, or code that it calls"
        remedy "look at what the workflows did, above; if the plan has faults, look at its last \
                line first"
    Error = DS002 error
        because "it returned an error"
        remedy "handle the error where it arises, or expect it in the test"
    Stuck = DS003 stuck
        because "it waits, and nothing can happen in its world any more"
        remedy "send or start what is missing, or bound the wait: in a workflow, `select!` with a \
                timer"
    Limit = DS004 limit
        because "its world exceeded a limit on steps, virtual time or history length"
        remedy "look for an endless loop first; raise the limit if the world needs that long"
    Unregistered = DS005 unregistered
        because "no worker has a workflow or an activity that it needs"
        remedy "register it with the worker of that task queue, or mock it"
    WorkflowTask = DS006 workflow_task
        because "workflow code fails its task on every attempt"
        remedy "return an error to fail the workflow; a panic fails only the workflow task, which \
                the service retries forever"
    Escape = DS007 escape
        because "code left the simulated world: a thread, real input or output"
        remedy "keep the work on the simulated thread; hide what must leave it behind a trait, and \
                use a fake in tests"
    Setup = DS008 setup
        because "it cannot be run as it is set up: see its attribute, variables and saved file"
        remedy "correct what the message names, and run the test again"
    Replay = DS101 replay
        because "workflow code issued other commands than its history holds"
        remedy "let workflow code depend on its history alone: move clocks, randomness, I/O and \
                hash order into activities or the context's own functions, and guard changed code \
                with `patched`"
    CoreReplay = DS102 core_replay
        because "the SDK's own replayer rejects a history"
        remedy "if durasim's own replay fails too, treat it like DS101; otherwise report it to \
                durasim: the simulated service wrote a history that a real one would not write"
    Idempotency = DS103 idempotency
        because "an observation differs from the fault-free world"
        remedy "give each effect an idempotency key that all its attempts share, such as the \
                workflow id with the activity id, and let the receiver ignore repeats"
    EffectsOnce = DS104 effects_once
        because "an effect was applied more than once"
        remedy "check the idempotency key before applying the effect, in the same transaction"
    Liveness = DS105 liveness
        because "faults stopped, and a workflow did not close"
        remedy "see above what the workflow waits for; bound retries and waits with timeouts, and \
                keep what a signal brings until it is used"
    History = DS106 history
        because "a history breaks a rule that every history keeps"
        remedy "report it to durasim, with the history: the simulated service broke a rule of \
                Temporal's"
    Invariant = DS107 invariant
        because "an invariant of the test does not hold"
        remedy "look at the last events: the step just before broke it; the last line of a plan is \
                usually the cause"
    Sometimes = DS108 sometimes
        because "no world of the search reached a label"
        remedy "run more seeds or faults, or make the case reachable; until then nothing here \
                tests it"
    Mocks = DS109 mocks
        because "a mock was called more or less often than expected"
        remedy "let the code make the calls that the test expects, or correct `.times(..)`, which \
                counts an activity once, however often it is retried"
    Recovery = DS110 recovery
        because "a workflow closed later after a fault than the test allows"
        remedy "give an activity that runs for long a heartbeat timeout, so that the service \
                notices a lost attempt soon; or give it a shorter start-to-close timeout"
    Sdk = DS201 sdk
        because "it met a known defect of the SDK, for which no workflow code is to blame"
        remedy "follow the workaround in the message"
    Unrepeatable = DS202 unrepeatable
        because "two worlds of the same choices differ: the test is not deterministic"
        remedy "find what the test or its activities read from the machine: statics, clocks, hash \
                order, threads, `select!` without `biased;`"
}

/// Code and name: `DS101 replay`.
impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code(), self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_ascending() {
        for pair in FailureCode::ALL.windows(2) {
            let (left, right) = (pair[0], pair[1]);
            assert!(left.code() < right.code(), "{left} before {right}");
        }
    }
}
