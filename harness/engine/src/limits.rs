//! Limits: bounds that stop a world that would go on for ever, each named in its error.
//!
//! ```
//! use durasim_engine::Limits;
//!
//! let limits = Limits { max_steps: 10, ..Limits::default() };
//! assert!(limits.check_steps(10).is_ok());
//! let error = limits.check_steps(11).unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "the world took more than 10 steps; if it should, raise `Limits::max_steps`"
//! );
//! ```

use crate::time::{START_MS, SinceStart};

/// The bounds on one world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The number of steps. A step is a thing that the caller does in the world, such as the
    /// delivery of a message.
    pub max_steps: u64,
    /// The virtual time since the start of the world, in milliseconds.
    pub max_virtual_ms: u64,
}

impl Default for Limits {
    /// Returns 250,000 steps and ten virtual years.
    fn default() -> Self {
        Self {
            max_steps: 250_000,
            max_virtual_ms: 10 * 365 * 24 * 60 * 60 * 1_000,
        }
    }
}

/// The error of a world that exceeded one of its [`Limits`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitExceeded {
    /// Too many steps.
    #[error("the world took more than {limit} steps; if it should, raise `Limits::max_steps`")]
    Steps {
        /// The limit in force.
        limit: u64,
    },
    /// Too much virtual time.
    #[error(
        "the world went on for more than {} of virtual time; if it should, raise \
         `Limits::max_virtual_ms`",
        SinceStart(START_MS + limit_ms).unsigned()
    )]
    VirtualTime {
        /// The limit in force, in milliseconds.
        limit_ms: u64,
    },
}

impl Limits {
    /// Checks the number of steps taken so far.
    ///
    /// # Errors
    ///
    /// [`LimitExceeded::Steps`] if they are more than [`Limits::max_steps`].
    pub fn check_steps(&self, steps: u64) -> Result<(), LimitExceeded> {
        if steps > self.max_steps {
            return Err(LimitExceeded::Steps {
                limit: self.max_steps,
            });
        }
        Ok(())
    }

    /// Checks a virtual time, in milliseconds since the Unix epoch.
    ///
    /// # Errors
    ///
    /// [`LimitExceeded::VirtualTime`] if it is more than [`Limits::max_virtual_ms`] after the start
    /// of the world.
    pub fn check_time(&self, now_ms: u64) -> Result<(), LimitExceeded> {
        if now_ms.saturating_sub(START_MS) > self.max_virtual_ms {
            return Err(LimitExceeded::VirtualTime {
                limit_ms: self.max_virtual_ms,
            });
        }
        Ok(())
    }

    /// Returns the last virtual moment of a world, in milliseconds since the Unix epoch.
    pub fn end_ms(&self) -> u64 {
        START_MS.saturating_add(self.max_virtual_ms)
    }
}
