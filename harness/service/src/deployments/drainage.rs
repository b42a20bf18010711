//! The drainage of versions that take no new workflows: how long pinned workflows are left.
//!
//! The server looks every three minutes. Nothing else depends on these looks, so they are made up
//! for when somebody asks.

use crate::{
    api::{
        deployment::VersionDrainageInfo,
        enums::{VersionDrainageStatus, WorkerDeploymentVersionStatus as VersionStatus},
    },
    base::{
        time::{instant_ms, timestamp},
        versions::Version,
    },
    deployments::{Deployments, VersionState},
};

/// The time between two looks (`matching.wv.VersionDrainageStatusRefreshInterval`), and before the
/// first (`matching.wv.VersionDrainageStatusVisibilityGracePeriod`).
const INTERVAL_MS: u64 = 3 * 60 * 1000;

impl Deployments {
    /// Makes up for the looks since the last one.
    pub(crate) fn refresh(&mut self, now_ms: u64) {
        for deployment in self.by_name.values_mut() {
            for state in deployment.versions.values_mut() {
                let version = &state.version;
                let key = (version.deployment_name.clone(), version.build_id.clone());
                let pins = self.pins.get(&key);
                let idle_since_ms = match pins {
                    None => Some(0),
                    Some(pins) => (pins.open == 0).then_some(pins.idle_since_ms),
                };
                state.look(now_ms, idle_since_ms);
            }
        }
    }

    /// Counts an open run that is pinned to a version now.
    pub(crate) fn pin(&mut self, now_ms: u64, version: &Version) {
        self.refresh(now_ms);
        let key = (version.deployment_name.clone(), version.build_id.clone());
        self.pins.entry(key).or_default().open += 1;
    }

    /// Counts a run that is not pinned to a version any more, or has closed.
    pub(crate) fn unpin(&mut self, now_ms: u64, version: &Version) {
        self.refresh(now_ms);
        let key = (version.deployment_name.clone(), version.build_id.clone());
        if let Some(pins) = self.pins.get_mut(&key) {
            pins.open = pins.open.saturating_sub(1);
            pins.idle_since_ms = now_ms;
        }
    }

    /// Lets a version drain again to which an override has moved a run.
    ///
    /// Source: `temporalio/temporal: service/worker/workerdeployment/version_workflow.go`
    /// (`ReactivateVersionSignalName`).
    pub(crate) fn reactivate(&mut self, now_ms: u64, version: &Version) {
        let deployment = self.by_name.get_mut(&version.deployment_name);
        let state = deployment.and_then(|it| it.versions.get_mut(&version.build_id));
        if let Some(state) = state
            && matches!(
                state.status,
                VersionStatus::Drained | VersionStatus::Inactive
            )
        {
            state.drainage = None;
            state.start_drainage(now_ms, VersionDrainageStatus::Draining);
            state.status = VersionStatus::Draining;
        }
    }

    /// Returns `true` if nothing is left of a version.
    pub(crate) fn is_drained(&mut self, now_ms: u64, version: &Version) -> bool {
        self.refresh(now_ms);
        self.version(version)
            .is_some_and(|state| state.status == VersionStatus::Drained)
    }
}

impl VersionState {
    pub(super) fn is_draining(&self) -> bool {
        let drainage = self.drainage.as_ref();
        drainage.is_some_and(|it| it.status() == VersionDrainageStatus::Draining)
    }

    /// Starts the drainage, unless it has started.
    pub(super) fn start_drainage(&mut self, now_ms: u64, status: VersionDrainageStatus) {
        if self.drainage.is_none() {
            self.drainage = Some(VersionDrainageInfo {
                status: status.into(),
                last_changed_time: Some(timestamp(now_ms)),
                last_checked_time: Some(timestamp(now_ms)),
            });
        }
    }

    /// Looks for pinned runs, as often as was due. `idle_since_ms` is the time since which there
    /// are none.
    fn look(&mut self, now_ms: u64, idle_since_ms: Option<u64>) {
        if !self.is_draining() {
            return;
        }
        let Some(drainage) = &mut self.drainage else {
            return;
        };
        let checked_ms = drainage.last_checked_time.as_ref().map_or(0, instant_ms);
        let looks = now_ms.saturating_sub(checked_ms) / INTERVAL_MS;
        if looks == 0 {
            return;
        }
        let found = idle_since_ms.map(|idle_since_ms| {
            let waited_ms = idle_since_ms.saturating_sub(checked_ms);
            waited_ms.div_ceil(INTERVAL_MS).max(1)
        });
        match found.filter(|found| *found <= looks) {
            Some(found) => {
                let found_ms = checked_ms + found * INTERVAL_MS;
                drainage.set_status(VersionDrainageStatus::Drained);
                drainage.last_changed_time = Some(timestamp(found_ms));
                drainage.last_checked_time = Some(timestamp(found_ms));
                self.status = VersionStatus::Drained;
            }
            None => {
                drainage.last_checked_time = Some(timestamp(checked_ms + looks * INTERVAL_MS));
            }
        }
    }
}
