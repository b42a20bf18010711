//! Points in virtual time: the start of every world, and times shown relative to it.

use std::fmt;

/// The start of every world: 2024-01-01T00:00:00Z, in milliseconds since the Unix epoch.
pub const START_MS: u64 = 1_704_067_200_000;

/// Shows a virtual time, in milliseconds since the Unix epoch, as the time since the start of the
/// world.
///
/// ```
/// use durasim_engine::{START_MS, SinceStart};
///
/// assert_eq!(SinceStart(START_MS).to_string(), "+0s");
/// assert_eq!(SinceStart(START_MS + 40).to_string(), "+40ms");
/// assert_eq!(SinceStart(START_MS + 1_250).to_string(), "+1.25s");
/// assert_eq!(SinceStart(START_MS + 90_000).to_string(), "+1m30s");
/// assert_eq!(SinceStart(START_MS + 90_000_000).to_string(), "+1d1h");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SinceStart(pub u64);

impl SinceStart {
    /// Returns the time without its sign, as a duration.
    pub fn unsigned(self) -> String {
        self.to_string().trim_start_matches('+').to_owned()
    }
}

impl fmt::Display for SinceStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.saturating_sub(START_MS);
        let (days, hours, minutes) = (ms / 86_400_000, ms / 3_600_000 % 24, ms / 60_000 % 60);
        f.write_str("+")?;
        for (amount, unit) in [(days, "d"), (hours, "h"), (minutes, "m")] {
            if amount > 0 {
                write!(f, "{amount}{unit}")?;
            }
        }
        let (seconds, thousandths) = (ms / 1_000 % 60, ms % 1_000);
        if (1..1_000).contains(&ms) {
            write!(f, "{ms}ms")
        } else if thousandths > 0 {
            let fraction = format!("{thousandths:03}");
            write!(f, "{seconds}.{}s", fraction.trim_end_matches('0'))
        } else if seconds > 0 || ms == 0 {
            write!(f, "{seconds}s")
        } else {
            Ok(())
        }
    }
}
