//! Measuring several things side by side.

use std::time::{Duration, Instant};

/// Something to be measured.
pub struct Subject<'a> {
    /// How often one sample runs it.
    pub repeats: u32,
    /// Runs it once, and returns what of that time counts.
    pub run: Box<dyn FnMut() -> Duration + 'a>,
}

impl<'a> Subject<'a> {
    /// A subject whose whole time counts.
    pub fn new<T>(repeats: u32, mut run: impl FnMut() -> T + 'a) -> Self {
        Self { repeats, run: Box::new(move || time(|| drop(std::hint::black_box(run())))) }
    }

    /// A subject that times itself.
    pub fn timed(repeats: u32, run: impl FnMut() -> Duration + 'a) -> Self {
        Self { repeats, run: Box::new(run) }
    }
}

/// Takes samples of each subject in turn until `budget` is spent, and returns the time of one run of each: that of
/// its best sample, for whatever else the machine did only ever made a sample slower.
pub fn measure(budget: Duration, subjects: &mut [Subject<'_>]) -> Vec<Duration> {
    let mut best = vec![Duration::MAX; subjects.len()];
    let mut spent = Duration::ZERO;
    let mut samples = 0;
    // The first round warms up: it fills caches and lets the connection be made.
    while samples < 2 || spent < budget {
        for (subject, best) in subjects.iter_mut().zip(&mut best) {
            let mut counted = Duration::ZERO;
            spent += time(|| {
                for _ in 0..subject.repeats {
                    counted += (subject.run)();
                }
            });
            if samples > 0 {
                *best = (*best).min(counted / subject.repeats);
            }
        }
        samples += 1;
    }
    best
}

/// How long something takes on the machine's own clock.
#[allow(clippy::disallowed_methods, reason = "what is measured here is the machine, not a run")]
pub fn time(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}
