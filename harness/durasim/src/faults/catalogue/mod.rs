//! The catalogue of faults: one file for each, and one list.
//!
//! A line of the list names the file of a fault and the rule in it. From these two names and the
//! documentation of the rule come the variant of [`FaultKind`], the name and the site of the
//! fault's choices, and its constructor, such as
//! [`Fault::worker_crash`](crate::Fault::worker_crash).
//!
//! A file declares its rule with `fault!`, documents it for users, and implements [`FaultRule`]. It
//! imports nothing from this file. A test fails for each fault that has no probe: a test, in
//! `crate::sabotage`, which shows that the fault happens.

use std::fmt;

use super::rule::FaultRule;

/// Makes all that follows from the list of faults.
macro_rules! catalogue {
    ($(mod $name:ident: $kind:ident;)+) => {
        $(pub(crate) mod $name;)+

        /// A kind of fault.
        ///
        /// ```
        /// use durasim::{FaultKind, FaultProfile};
        ///
        /// let rare = FaultProfile::all().with_odds(FaultKind::WorkerCrash, 0.01);
        /// assert_eq!(FaultKind::WorkerCrash.to_string(), "worker_crash");
        /// # let _ = rare;
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum FaultKind {
            $(#[doc = $name::docs!()] $kind,)+
        }

        impl FaultKind {
            /// Every kind of fault.
            pub const ALL: [Self; [$(Self::$kind),+].len()] = [$(Self::$kind),+];

            /// Returns the name of the fault, such as `worker_crash`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => stringify!($name),)+
                }
            }

            /// Returns the site of the fault's choices, such as `fault.worker_crash`.
            pub(crate) fn site(self) -> &'static str {
                match self {
                    $(Self::$kind => concat!("fault.", stringify!($name)),)+
                }
            }

            /// Returns the rule of the fault.
            pub(super) fn rule(self) -> &'static dyn FaultRule {
                match self {
                    $(Self::$kind => &$name::$kind,)+
                }
            }
        }

        /// Makes a constructor for each kind of fault; `$new` makes a fault of a kind.
        macro_rules! constructors {
            ($new:path) => {
                $(
                    #[doc = $crate::faults::catalogue::$name::docs!()]
                    pub fn $name() -> Self {
                        $new(FaultKind::$kind)
                    }
                )+
            };
        }
        pub(super) use constructors;
    };
}

// In the order in which the faults are asked: the first that is injected has the moment.
catalogue! {
    mod worker_deploy: WorkerDeploy;
    mod worker_crash: WorkerCrash;
    mod worker_shutdown: WorkerShutdown;
    mod worker_partition: WorkerPartition;
    mod cache_eviction: CacheEviction;
    mod workflow_task_failure: WorkflowTaskFailure;
    mod workflow_task_timeout: WorkflowTaskTimeout;
    mod retries_exhausted: RetriesExhausted;
    mod activity_failure: ActivityFailure;
    mod activity_overlap: ActivityOverlap;
    mod activity_completion_lost: ActivityCompletionLost;
    mod heartbeat_loss: HeartbeatLoss;
    mod service_outage: ServiceOutage;
    mod client_unavailable: ClientUnavailable;
    mod nexus_answer_lost: NexusAnswerLost;
    mod update_answer_lost: UpdateAnswerLost;
    mod delivery_answer_lost: DeliveryAnswerLost;
    mod delivery_delay: DeliveryDelay;
    mod signal_duplicate: SignalDuplicate;
    mod signal_reorder: SignalReorder;
    mod signal_delay: SignalDelay;
    mod message_delay: MessageDelay;
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Returns the remedy for code that goes wrong under the fault whose choices have this site.
pub(crate) fn cure_of_site(site: &str) -> Option<&'static str> {
    let kind = FaultKind::ALL
        .into_iter()
        .find(|kind| kind.site() == site)?;
    Some(kind.rule().cure())
}

/// Returns `true` if a choice at this site is a fault, and not one of order or latency.
pub(crate) fn is_fault_site(site: &str) -> bool {
    site.starts_with("fault.")
}
