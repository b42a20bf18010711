//! Models: the server's rules about options and events, computed separately and compared with the
//! simulation.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "intervals are of seconds or minutes"
)]

mod activities;
mod activity_cases;
mod chain_cases;
mod chains;

/// A stream of numbers that look random and are the same each time.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number from `from` up to but excluding `to`.
    fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.next() % (to - from)
    }

    /// Returns one of the elements.
    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        let count = u64::try_from(all.len()).unwrap();
        all[usize::try_from(self.between(0, count)).unwrap()]
    }

    /// Returns `true` in the given percentage of cases.
    fn percent(&mut self, percent: u64) -> bool {
        self.between(0, 100) < percent
    }

    /// Returns a number in the given percentage of cases.
    fn maybe(&mut self, percent: u64, from: u64, to: u64) -> Option<u64> {
        self.percent(percent).then(|| self.between(from, to))
    }
}
