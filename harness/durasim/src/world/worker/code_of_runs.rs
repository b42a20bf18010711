//! The version of a worker's code that ran a run: its history is replayed with it.

use durasim_service::ExecutionSummary;
use temporalio_common::data_converters::DataConverter;

use super::{ProcessRef, WorkerProcess, Workers};
use crate::world::State;

/// The code that ran a run's workflow tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RunCode {
    worker: usize,
    /// The version that ran the last of them.
    pub(crate) version: usize,
    /// True if other versions ran the earlier ones.
    pub(crate) is_mixed: bool,
}

impl Workers {
    /// Returns the latest process of the worker that ran a run.
    pub(in crate::world) fn with_code(&self, run_code: RunCode) -> &WorkerProcess {
        &self.processes[run_code.worker]
    }
}

impl State {
    /// Notes that a process runs a workflow task of a run, with the version of the code that it
    /// has.
    pub(super) fn runs_task_of(&mut self, at: ProcessRef, run_id: &str) {
        let Some(process) = self.workers.running(at) else {
            return;
        };
        // Without versions, all workers of a task queue have the same code.
        if process.spec.versions.len() < 2 && process.deployment_version.is_none() {
            return;
        }
        let (now, before) = (
            RunCode {
                worker: at.worker,
                version: process.version,
                is_mixed: false,
            },
            self.workers.code_of.get(run_id),
        );
        let is_mixed = before.is_some_and(|before| {
            before.is_mixed
                || RunCode {
                    is_mixed: false,
                    ..*before
                } != now
        });
        self.workers
            .code_of
            .insert(run_id.to_owned(), RunCode { is_mixed, ..now });
    }

    /// Returns the converter with which the worker that ran a run reads payloads.
    pub(crate) fn converter_of(&self, run_id: &str) -> Option<&DataConverter> {
        let run_code = self.code_of(&self.service.execution(run_id)?)?;
        Some(&self.workers.processes[run_code.worker].data_converter)
    }

    /// Returns the code that ran a run, if any worker has code for it.
    pub(crate) fn code_of(&self, run: &ExecutionSummary) -> Option<RunCode> {
        self.workers.code_of.get(&run.run_id).copied().or_else(|| {
            let worker = self.workers.processes.iter().position(|process| {
                *process.spec.task_queue == *run.task_queue
                    && process.runs_workflow(&run.workflow_type)
            })?;
            Some(RunCode {
                worker,
                version: self.workers.processes[worker].version,
                is_mixed: false,
            })
        })
    }
}
