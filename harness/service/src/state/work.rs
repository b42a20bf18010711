//! Work that waits for the end of the transactions under way.

use crate::{base::identifiers::RunKey, run::transfer::Transfer, state::waiting::updates::Waiter};

/// A piece of work for after a transaction.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    /// A task that a run left in its outbox.
    Transfer(Transfer),
    /// Send an update that a closed run did not accept to the run that continues it.
    MovedUpdate { waiter: Box<Waiter>, run: RunKey },
    /// Start a workflow and update it once more: the run that it was sent to closed before it had
    /// accepted the update.
    UpdateWithStart { waiter: Box<Waiter> },
}
