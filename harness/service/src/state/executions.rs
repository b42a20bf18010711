//! All runs, open and closed, by key, by workflow id and by run id.

use std::collections::{BTreeMap, BTreeSet};

use tonic::Status;

use crate::{
    api::WorkflowExecution,
    base::{
        identifiers::{RunKey, derived_uuid},
        status,
    },
    run::Run,
};

/// All runs, including closed ones. A deleted run is found no more, but keeps its place: what it
/// left for others to do may still come.
#[derive(Debug, Default)]
pub(crate) struct Executions {
    runs: Vec<Run>,
    /// The runs of each workflow id, oldest first.
    by_workflow_id: BTreeMap<String, Vec<RunKey>>,
    by_run_id: BTreeMap<String, RunKey>,
    deleted: BTreeSet<RunKey>,
}

impl Executions {
    pub(crate) fn run(&self, key: RunKey) -> &Run {
        &self.runs[key.index()]
    }

    pub(crate) fn into_runs(self) -> impl Iterator<Item = Run> {
        self.runs.into_iter()
    }

    pub(crate) fn run_mut(&mut self, key: RunKey) -> &mut Run {
        &mut self.runs[key.index()]
    }

    /// Returns the run of a task token; `None` if the token is from elsewhere.
    pub(crate) fn find(&self, key: RunKey) -> Option<&Run> {
        self.runs.get(key.index()).filter(|_| !self.is_deleted(key))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(|run| !self.is_deleted(run.key))
    }

    /// Deletes a run, which must be closed.
    pub(crate) fn delete(&mut self, key: RunKey) {
        self.deleted.insert(key);
    }

    fn is_deleted(&self, key: RunKey) -> bool {
        self.deleted.contains(&key)
    }

    pub(crate) fn next_key(&self) -> RunKey {
        RunKey(u32::try_from(self.runs.len()).expect("fewer runs than keys"))
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
        self.by_workflow_id.get(workflow_id).map_or(0, Vec::len) as u64 + 1
    }

    pub(crate) fn add(&mut self, run: Run) {
        self.by_workflow_id
            .entry(run.workflow_id.clone())
            .or_default()
            .push(run.key);
        self.by_run_id.insert(run.run_id.clone(), run.key);
        self.runs.push(run);
    }

    /// Returns the last run of a workflow id: the open one, if there is one. If the last run was
    /// deleted, there is none, even if earlier ones are left.
    pub(crate) fn current(&self, workflow_id: &str) -> Option<RunKey> {
        let last = *self.by_workflow_id.get(workflow_id)?.last()?;
        (!self.is_deleted(last)).then_some(last)
    }

    /// Returns the last run of the chain that began with a run, unless it was deleted.
    pub(crate) fn last_of_chain(&self, workflow_id: &str, first_run_id: &str) -> Option<RunKey> {
        let runs = self.by_workflow_id.get(workflow_id)?;
        let is_of_chain =
            |key: &&RunKey| self.run(**key).started().first_execution_run_id == first_run_id;
        let last = runs.iter().rev().find(is_of_chain).copied();
        last.filter(|key| !self.is_deleted(*key))
    }

    pub(crate) fn by_run_id(&self, workflow_id: &str, run_id: &str) -> Option<RunKey> {
        let key = *self.by_run_id.get(run_id)?;
        (self.run(key).workflow_id == workflow_id && !self.is_deleted(key)).then_some(key)
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
            return self.current(workflow_id).ok_or_else(|| {
                status::not_found(format!("workflow not found for ID: {workflow_id}"))
            });
        }
        self.by_run_id(workflow_id, run_id).ok_or_else(|| {
            status::not_found(format!(
                "workflow execution not found for workflow ID {workflow_id:?} and run ID \
                 {run_id:?}"
            ))
        })
    }
}
