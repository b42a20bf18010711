//! How often faults strike, unless a profile says otherwise.

use super::FaultKind;

impl FaultKind {
    /// The probability that this fault strikes at one of its points.
    ///
    /// Chosen so that a run of a few dozen points meets one to three faults of the kinds that are
    /// on.
    pub(crate) fn usual_odds(self) -> f64 {
        match self {
            Self::WorkerCrash | Self::CacheEviction | Self::ClientUnavailable => 0.08,
            Self::ActivityCompletionLost
            | Self::ActivityOverlap
            | Self::ActivityFailure
            | Self::NexusAnswerLost => 0.12,
            Self::HeartbeatLoss => 0.2,
            Self::SignalDelay | Self::SignalReorder | Self::SignalDuplicate => 0.25,
            Self::MessageDelay => 0.05,
            Self::WorkflowTaskTimeout | Self::WorkflowTaskFailure => 0.04,
            Self::WorkerDeploy => 0.15,
        }
    }
}
