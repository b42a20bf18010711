//! Activations: pending jobs in their order, and what goes with them.

use std::hash::{Hash, Hasher};

use siphasher::sip::SipHasher13;
use temporalio_protos::coresdk::workflow_activation::{
    UpdateRandomSeed, WorkflowActivation, WorkflowActivationJob, workflow_activation_job::Variant,
};

use super::Execution;

/// Returns the seed of a run's randomness (`temporalio-sdk-core`: `str_to_randomness_seed`).
pub(super) fn random_seed(run_id: &str) -> u64 {
    let mut hasher = SipHasher13::new();
    run_id.hash(&mut hasher);
    hasher.finish()
}

pub(super) fn is_local_resolution(job: &WorkflowActivationJob) -> bool {
    matches!(&job.variant, Some(Variant::ResolveActivity(resolve)) if resolve.is_local)
}

/// Returns the rank of a job in the order that workflow code may rely on. Jobs of equal rank keep
/// their order.
fn rank(job: &WorkflowActivationJob) -> u8 {
    match &job.variant {
        Some(Variant::InitializeWorkflow(_)) => 0,
        Some(Variant::NotifyHasPatch(_)) => 1,
        Some(Variant::UpdateRandomSeed(_)) => 2,
        Some(Variant::SignalWorkflow(_) | Variant::DoUpdate(_)) => 3,
        Some(Variant::ResolveActivity(resolve)) if resolve.is_local => 5,
        Some(Variant::QueryWorkflow(_)) => 6,
        Some(Variant::RemoveFromCache(_)) => 7,
        _ => 4,
    }
}

fn is_query(job: &WorkflowActivationJob) -> bool {
    matches!(job.variant, Some(Variant::QueryWorkflow(_)))
}

impl Execution<'_> {
    /// Takes the pending jobs as an activation. Without jobs, it is an activation for queries.
    pub(crate) fn take_activation(&mut self) -> WorkflowActivation {
        let mut jobs = std::mem::take(&mut self.jobs);
        let only_queries = jobs.iter().all(is_query);
        if !only_queries {
            self.local_activities.activation_dispatched();
        }
        if jobs.len() > 1 {
            jobs.sort_by_key(rank);
        }
        let is_replaying = self.replaying || only_queries;
        if !is_replaying {
            self.deployment_version = self.own_deployment_version();
        }
        WorkflowActivation {
            run_id: self.run_id.clone(),
            timestamp: self.current_time,
            is_replaying,
            history_length: u32::try_from(self.last_processed_event).unwrap_or(u32::MAX),
            jobs,
            available_internal_flags: self.flags.lang(),
            history_size_bytes: self.history_size_bytes,
            continue_as_new_suggested: self.continue_as_new_suggested,
            deployment_version_for_current_task: self.deployment_version.clone().map(Into::into),
            last_sdk_version: self.flags.last_sdk_version().to_owned(),
            suggest_continue_as_new_reasons: self.suggest_continue_as_new_reasons.clone(),
            target_worker_deployment_version_changed: self.target_worker_deployment_version_changed,
        }
    }

    pub(super) fn send_seed(&mut self, run_id: &str) {
        let randomness_seed = random_seed(run_id);
        self.send_job(Variant::UpdateRandomSeed(UpdateRandomSeed {
            randomness_seed,
        }));
    }
}
