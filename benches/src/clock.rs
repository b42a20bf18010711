//! Measurement of several subjects side by side.

use std::time::{Duration, Instant};

/// A subject to measure: a closure that runs it once and returns the time that counts.
pub struct Subject<'a>(Box<dyn FnMut() -> Duration + 'a>);

impl<'a> Subject<'a> {
    /// Returns a subject whose whole time counts.
    pub fn new<T>(mut run: impl FnMut() -> T + 'a) -> Self {
        Self(Box::new(move || time(|| drop(std::hint::black_box(run())))))
    }

    /// Returns a subject that times itself.
    pub fn timed(run: impl FnMut() -> Duration + 'a) -> Self {
        Self(Box::new(run))
    }
}

/// The minimum length of a sample.
const SAMPLE: Duration = Duration::from_millis(5);

/// Takes samples of each subject in turn until `budget` is spent, and returns the time of one run
/// of each.
///
/// The best sample counts, because other work of the machine only ever makes a sample slower.
///
/// The samples of all subjects have about the same length; otherwise the short ones would be
/// disturbed less often.
pub fn measure(budget: Duration, subjects: &mut [Subject<'_>]) -> Vec<Duration> {
    // The first run warms up: it fills caches and makes the connection.
    let once: Vec<Duration> = subjects
        .iter_mut()
        .map(|subject| {
            subject.0();
            time(|| _ = subject.0()).max(Duration::from_nanos(1))
        })
        .collect();
    let sample = once.iter().copied().fold(SAMPLE, Duration::max);
    let mut best = vec![Duration::MAX; subjects.len()];
    let mut spent = Duration::ZERO;
    while spent < budget {
        for ((subject, once), best) in subjects.iter_mut().zip(&once).zip(&mut best) {
            let repeats = u32::try_from(sample.as_nanos() / once.as_nanos())
                .unwrap_or(u32::MAX)
                .max(1);
            let mut counted = Duration::ZERO;
            spent += time(|| {
                // The previous subject has filled the caches with its own data.
                subject.0();
                counted = (0..repeats).map(|_| subject.0()).sum();
            });
            *best = (*best).min(counted / repeats);
        }
    }
    best
}

/// Returns the time that a closure takes on the machine's own clock.
#[allow(
    clippy::disallowed_methods,
    reason = "the subject of a measurement is the machine, not a world"
)]
pub fn time(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}
