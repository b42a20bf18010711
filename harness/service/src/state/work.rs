//! Work that waits for the end of the current transactions.

use crate::{
    base::identifiers::{ActivityKey, RunKey},
    run::transfer::Transfer,
    state::waiting::updates::Waiter,
};

/// A piece of work for after a transaction.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    /// A transfer task from the outbox of a run.
    Transfer(Transfer),
    /// An operation of the endpoint `__temporal_system`.
    SystemOperation {
        run: RunKey,
        scheduled_event_id: i64,
    },
    /// The completion callbacks of a closed run.
    Callbacks { run: RunKey },
    /// The completion callbacks of the updates of a run that have an outcome.
    UpdateCallbacks { run: RunKey },
    /// The completion callbacks of a closed standalone activity.
    ActivityCallbacks { activity: ActivityKey },
    /// An update that a closed run did not accept, for the run that continues it.
    MovedUpdate { waiter: Box<Waiter>, run: RunKey },
    /// An update with a start that is tried once more, because its run closed before it accepted
    /// the update.
    UpdateWithStart { waiter: Box<Waiter> },
}
