//! Which version of which worker's code ran a run: what its history is replayed with.

use super::state::State;
use durasim_service::ExecutionSummary;
use temporalio_common::data_converters::DataConverter;

/// The code that ran a run's workflow tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RanBy {
    pub(crate) worker: usize,
    /// The version that ran the last of them.
    pub(crate) version: usize,
    /// Whether other versions ran the earlier ones.
    pub(crate) is_mixed: bool,
}

impl State {
    /// A worker runs a workflow task of a run with the version of its code that it has now.
    pub(super) fn runs_task_of(&mut self, worker: usize, run_id: &str) {
        let process = &self.workers[worker];
        if process.spec.versions.len() < 2 {
            return;
        }
        let (now, before) = (
            RanBy {
                worker,
                version: process.version,
                is_mixed: false,
            },
            self.ran_by.get(run_id),
        );
        let is_mixed = before.is_some_and(|before| {
            before.is_mixed
                || RanBy {
                    is_mixed: false,
                    ..*before
                } != now
        });
        self.ran_by
            .insert(run_id.to_owned(), RanBy { is_mixed, ..now });
    }

    /// How the worker that ran a run reads payloads.
    pub(crate) fn converter_of(&self, run_id: &str) -> Option<&DataConverter> {
        let ran_by = self.ran_by(&self.service.execution(run_id)?)?;
        Some(&self.workers[ran_by.worker].data_converter)
    }

    /// The code that ran a run, if any worker has code for it.
    pub(crate) fn ran_by(&self, run: &ExecutionSummary) -> Option<RanBy> {
        self.ran_by.get(&run.run_id).copied().or_else(|| {
            let worker = self.workers.iter().position(|process| {
                *process.spec.task_queue == *run.task_queue
                    && process.runs_workflow(&run.workflow_type)
            })?;
            Some(RanBy {
                worker,
                version: self.workers[worker].version,
                is_mixed: false,
            })
        })
    }
}
