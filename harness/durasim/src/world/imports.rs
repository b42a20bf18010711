//! Open runs of real services, which go on in this world.

use std::collections::BTreeSet;

use durasim_service::{ImportError, ImportedActivity, ImportedRun};

use super::State;
use crate::{history::History, world::diagnosis};

impl State {
    /// Lets the run of a history go on in this world.
    ///
    /// # Errors
    ///
    /// Those of the service.
    pub(crate) fn import(
        &mut self,
        history: &History,
        activities: Vec<ImportedActivity>,
    ) -> Result<(), ImportError> {
        self.now_ms = self.clock.now_ms();
        let (workflow_id, run_id) = (history.workflow_id(), history.run_id());
        let digest = history.digest();
        self.record(
            "import",
            format_args!("{workflow_id} {run_id} {digest:016x}"),
        );
        let known = self.service.histories().count();
        let imported = ImportedRun {
            workflow_id: workflow_id.to_owned(),
            run_id: run_id.to_owned(),
            events: history.shared().to_vec(),
            activities,
        };
        // The workflow is known by its name before anything is sent about it.
        self.names.appears(workflow_id, history.workflow_type());
        self.service.import(self.now_ms, &imported)?;
        for execution in self.service.executions().skip(known) {
            self.names
                .appears(&execution.workflow_id, &execution.workflow_type);
        }
        self.imported.insert(run_id.to_owned());
        self.send_replies();
        self.carry_deliveries();
        Ok(())
    }

    /// Ends the world with a failure if an imported run waits for a worker that the test does not
    /// have.
    pub(crate) fn end_if_imported_in_vain(&mut self) {
        if self.failure.is_some() || self.imported.is_empty() {
            return;
        }
        let open: BTreeSet<String> = self
            .service
            .executions()
            .filter(|execution| execution.open && self.imported.contains(&execution.run_id))
            .map(|execution| execution.workflow_id)
            .collect();
        let lacking = diagnosis::diagnose(self)
            .workflows
            .into_iter()
            .any(|it| open.contains(&it.name.workflow_id) && it.lacks_a_worker());
        if lacking {
            let failure = diagnosis::stuck(self);
            self.fail(failure);
        }
    }
}
