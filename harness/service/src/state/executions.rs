//! All runs, open and closed, by key, by workflow id and by run id.

use std::collections::BTreeMap;

use tonic::Status;

use crate::{
    api::WorkflowExecution,
    base::{
        identifiers::{RunKey, derived_uuid},
        status,
    },
    run::Run,
    state::store::{Store, Stored},
};

/// All runs, including closed ones.
#[derive(Debug, Default)]
pub(crate) struct Executions {
    pub(crate) store: Store<Run>,
    by_run_id: BTreeMap<String, RunKey>,
}

impl Stored for Run {
    type Key = RunKey;

    fn key(&self) -> RunKey {
        self.key
    }

    fn id(&self) -> &str {
        &self.workflow_id
    }

    fn run_id(&self) -> &str {
        &self.run_id
    }
}

impl Executions {
    pub(crate) fn run(&self, key: RunKey) -> &Run {
        self.store.get(key)
    }

    pub(crate) fn into_runs(self) -> impl Iterator<Item = Run> {
        self.store.into_values()
    }

    pub(crate) fn run_mut(&mut self, key: RunKey) -> &mut Run {
        self.store.get_mut(key)
    }

    /// Returns the run of a task token; `None` if it was deleted, or the token is from elsewhere.
    pub(crate) fn find(&self, key: RunKey) -> Option<&Run> {
        self.store.find(key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Run> {
        self.store.iter()
    }

    /// Deletes a run, which must be closed.
    pub(crate) fn delete(&mut self, key: RunKey) {
        self.store.delete(key);
    }

    pub(crate) fn next_key(&self) -> RunKey {
        self.store.next_key()
    }

    /// Returns the id of the next run of this workflow id. An imported run may have taken it.
    pub(crate) fn next_run_id(&self, workflow_id: &str) -> String {
        let mut ordinal = self.next_ordinal(workflow_id);
        loop {
            let run_id = derived_uuid(workflow_id, ordinal);
            if !self.by_run_id.contains_key(&run_id) {
                return run_id;
            }
            ordinal += 1;
        }
    }

    /// Returns the ordinal of the next run of this workflow id, from 1.
    pub(crate) fn next_ordinal(&self, workflow_id: &str) -> u64 {
        self.store.next_ordinal(workflow_id)
    }

    pub(crate) fn add(&mut self, run: Run) {
        self.by_run_id.insert(run.run_id.clone(), run.key);
        self.store.add(run);
    }

    /// Frees a deleted run, to which nothing refers any more.
    pub(crate) fn free(&mut self, key: RunKey) {
        if let Some(run) = self.store.free(key) {
            self.by_run_id.remove(&run.run_id);
        }
    }

    /// Returns the last run of a workflow id: the open one, if there is one. If the last run was
    /// deleted, there is none, even if earlier ones are left.
    pub(crate) fn current(&self, workflow_id: &str) -> Option<RunKey> {
        self.store.current(workflow_id)
    }

    /// Returns the last run of the chain that began with a run, unless it was deleted.
    pub(crate) fn last_of_chain(&self, workflow_id: &str, first_run_id: &str) -> Option<RunKey> {
        let mut runs = self.store.of_id(workflow_id).rev();
        let is_of_chain =
            |key: &RunKey| self.run(*key).started().first_execution_run_id == first_run_id;
        let last = runs.find(is_of_chain);
        last.filter(|key| !self.store.is_deleted(*key))
    }

    pub(crate) fn by_run_id(&self, workflow_id: &str, run_id: &str) -> Option<RunKey> {
        let run = self.find(*self.by_run_id.get(run_id)?)?;
        (run.workflow_id == workflow_id).then_some(run.key)
    }

    /// Returns the run that a request names. Without a run id, it is the last run of the workflow
    /// id.
    ///
    /// # Errors
    ///
    /// NOT_FOUND, in the server's words.
    pub(crate) fn lookup(&self, execution: Option<&WorkflowExecution>) -> Result<RunKey, Status> {
        let execution = execution
            .ok_or_else(|| Status::invalid_argument("Execution is not set on request."))?;
        let WorkflowExecution {
            workflow_id,
            run_id,
        } = execution;
        if run_id.is_empty() {
            let current = self.current(workflow_id);
            return current.ok_or_else(|| status::workflow_not_found(workflow_id));
        }
        self.by_run_id(workflow_id, run_id).ok_or_else(|| {
            status::not_found(format!(
                "workflow execution not found for workflow ID {workflow_id:?} and run ID \
                 {run_id:?}"
            ))
        })
    }
}
