//! The signals and cancel requests of a run to others that have not been answered.
//!
//! Source: `temporalio/temporal: service/history/workflow/mutable_state_impl.go`.

mod answers;

use crate::run::undo::UndoMap;

/// The requests without an answer, by the id of the event that initiated each.
#[derive(Debug, Default)]
pub(crate) struct ExternalRequests {
    pub(crate) signals: UndoMap<i64, ()>,
    pub(crate) cancels: UndoMap<i64, ()>,
}

impl ExternalRequests {
    pub(crate) fn savepoint(&mut self) {
        self.signals.savepoint();
        self.cancels.savepoint();
    }

    pub(crate) fn commit(&mut self) {
        self.signals.commit();
        self.cancels.commit();
    }

    pub(crate) fn rollback(&mut self) {
        self.signals.rollback();
        self.cancels.rollback();
    }
}
