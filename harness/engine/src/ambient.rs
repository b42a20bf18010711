//! What the machine would tell a simulated run: entropy and clocks, made functions of a seed and of virtual time.

/// What a run finds where it looks past the simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Ambient {
    /// The seed of the entropy that the system hands out.
    pub seed: u64,
    /// What is added to virtual time on the system's calendar clock, in milliseconds.
    pub clock_offset_ms: i64,
}
