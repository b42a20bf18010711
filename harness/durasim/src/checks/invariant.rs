//! `invariant`: a condition of the test holds after every step.

use std::{fmt, panic::Location};

use durasim_engine::START_MS;

use super::{Check, Needs};
use crate::{
    looks::{self, Look},
    panics,
    report::{Comparison, Failure, FailureCode, SourceLine},
    words::duration_words,
};

pub(super) const CHECK: Check = Check {
    code: FailureCode::Invariant,
    needs: Needs::Invariants(check),
};

/// The remedy for a closure that returns `false` and nothing that the report could show.
const TELL_VALUES: &str = "look at the last events: the step just before broke it. For the report \
    to show the values, return a pair that must be equal, `(left, right)`, or a `Result` with the \
    reason, or assert in the closure: `assert_eq!(left, right)`";

/// A value that the closure of an invariant may return.
///
/// | the closure returns | the invariant holds if | the report shows |
/// | --- | --- | --- |
/// | a pair, `(left, right)` | both are equal | both, as a diff |
/// | `Result<(), E>` | it is `Ok` | the error |
/// | nothing: it asserts | no assertion fails | the message of the assertion |
/// | `bool` | it is `true` | the ledgers and calls that the closure read |
///
/// ```
#[doc = include_str!("../../docs/prologue.md")]
/// # passes(|env| Box::pin(async move {
/// let mails = durasim::EffectLedger::<String>::new("outbox");
/// let (one, other) = (mails.clone(), mails.clone());
/// env.invariant("at most one mail", move || one.len() <= 1);
/// env.invariant("mails go to Ann", move || match other.effects().iter().find(|it| *it != "ann") {
///     Some(stranger) => Err(format!("a mail to {stranger}")),
///     None => Ok(()),
/// });
/// env.invariant("no mail is lost", move || (mails.len(), mails.entries().len()));
/// # Ok(())
/// # }));
/// ```
pub trait Holds {
    /// Returns `Ok` if the invariant holds.
    ///
    /// # Errors
    ///
    /// The values for which it does not hold.
    fn holds(self) -> Result<(), Violation>;
}

/// The values for which an invariant does not hold, for the report.
///
/// ```
/// use durasim::Holds;
///
/// let violation = (1, 2).holds().unwrap_err();
/// assert_eq!(violation.unequal, Some(("1".to_owned(), "2".to_owned())));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The reason; perhaps empty.
    pub reason: String,
    /// Two values that should be equal, pretty-printed.
    pub unequal: Option<(String, String)>,
}

impl Holds for () {
    fn holds(self) -> Result<(), Violation> {
        Ok(())
    }
}

impl Holds for bool {
    fn holds(self) -> Result<(), Violation> {
        if self {
            Ok(())
        } else {
            Err(Violation::default())
        }
    }
}

impl<E: fmt::Display> Holds for Result<(), E> {
    fn holds(self) -> Result<(), Violation> {
        self.map_err(|reason| Violation {
            reason: reason.to_string(),
            unequal: None,
        })
    }
}

impl<L: PartialEq<R> + fmt::Debug, R: fmt::Debug> Holds for (L, R) {
    fn holds(self) -> Result<(), Violation> {
        let (left, right) = self;
        if left == right {
            return Ok(());
        }
        Err(Violation {
            reason: String::new(),
            unequal: Some((format!("{left:#?}"), format!("{right:#?}"))),
        })
    }
}

/// A condition that must hold after every step.
pub(crate) struct Invariant {
    name: String,
    location: &'static Location<'static>,
    holds: Box<dyn Fn() -> Result<(), Violation>>,
}

impl Invariant {
    pub(crate) fn new(
        name: String,
        location: &'static Location<'static>,
        holds: Box<dyn Fn() -> Result<(), Violation>>,
    ) -> Self {
        Self {
            name,
            location,
            holds,
        }
    }

    /// Evaluates the invariant at `now_ms`. Returns the failure if the invariant does not hold: its
    /// closure says so, or an assertion in it fails.
    fn check(&self, now_ms: u64) -> Option<Failure> {
        let (violation, at) = self.evaluate()?;
        let (_, looks) = looks::during(|| self.evaluate());
        Some(failure(
            &self.name,
            violation,
            &looks,
            now_ms - START_MS,
            at.unwrap_or_else(|| self.location.into()),
        ))
    }

    /// Returns the values for which the invariant does not hold now, and the line of the assertion
    /// that failed, if one did.
    fn evaluate(&self) -> Option<(Violation, Option<SourceLine>)> {
        match panics::caught(|| (self.holds)()) {
            Ok(holds) => holds.err().map(|violation| (violation, None)),
            Err(panicked) => {
                let violation = Violation {
                    reason: panicked.message,
                    unequal: None,
                };
                Some((violation, panicked.location))
            }
        }
    }
}

/// Returns the failure of the first invariant that does not hold.
fn check(invariants: &[Invariant], now_ms: u64) -> Option<Failure> {
    invariants
        .iter()
        .find_map(|invariant| invariant.check(now_ms))
}

/// Returns the failure of an invariant that does not hold; `now_ms` is the virtual time since the
/// start of the world, and `looks` lists what the closure looked at.
pub(super) fn failure(
    name: &str,
    violation: Violation,
    looks: &[Look],
    now_ms: u64,
    location: SourceLine,
) -> Failure {
    let what = format!(
        "invariant {name:?} does not hold at +{}",
        duration_words(now_ms)
    );
    let mut failure = Failure::new(FailureCode::Invariant, what).at(location);
    let says_nothing = violation.reason.is_empty() && violation.unequal.is_none();
    if says_nothing && looks.is_empty() {
        return failure.with_remedy(TELL_VALUES);
    }
    let mut lines: Vec<_> = violation.reason.lines().map(str::to_owned).collect();
    for Look { at, value } in looks {
        lines.push(format!("it looked at {at}"));
        lines.extend(value.iter().map(|line| format!("  {line}")));
    }
    if !lines.is_empty() {
        failure = failure.with_message(lines.join("\n"));
    }
    if let Some((left, right)) = violation.unequal {
        failure = failure.with_comparison(Comparison {
            label: name.to_owned(),
            expected_from: "left".to_owned(),
            expected: left,
            actual_from: "right".to_owned(),
            actual: right,
        });
    }
    failure
}
