//! The current and the ramping version of a deployment, and what task queues make of them.

#![allow(deprecated, reason = "older clients read other fields")]

use std::sync::Arc;

use tonic::Status;

use crate::{
    api::{
        deployment::RoutingConfig,
        enums::{
            TaskQueueType, VersionDrainageStatus, WorkerDeploymentVersionStatus as VersionStatus,
        },
    },
    base::{
        time::{instant_ms, timestamp},
        versions::{self, Target, UNVERSIONED, Version, with_colon},
    },
    deployments::{
        Config, Deployment, Deployments, Routing, VersionState, conflict_token,
        registration::HasPollers, version_not_found,
    },
};

/// A request to make a version the current or the ramping one of its deployment.
pub(crate) struct Promotion<'a> {
    pub(crate) deployment: &'a str,
    /// The version with a dot; [`UNVERSIONED`] for unversioned workers, empty for no ramp.
    pub(crate) version: String,
    pub(crate) identity: &'a str,
    pub(crate) conflict_token: &'a [u8],
    pub(crate) ignores_missing_task_queues: bool,
    pub(crate) allows_no_pollers: bool,
}

/// The state of a deployment before a promotion, and its token after it.
#[derive(Debug, PartialEq)]
pub(crate) struct Promoted {
    pub(crate) previous_version: String,
    pub(crate) previous_percentage: f32,
    pub(crate) conflict_token: Vec<u8>,
}

/// The task queues of versions, as far as a promotion asks about them.
pub(crate) struct Queues<'a> {
    pub(crate) has_pollers: HasPollers<'a>,
    /// Returns `true` if a task queue has work that unpinned workflows or those of this version
    /// wait for.
    pub(crate) is_in_use: &'a dyn Fn(TaskQueueType, &str, &Version) -> bool,
}

impl Deployments {
    /// Makes a version the current one of its deployment.
    ///
    /// # Errors
    ///
    /// NOT_FOUND for an unknown version, FAILED_PRECONDITION if another client is ahead or task
    /// queues are missing.
    pub(crate) fn set_current(
        &mut self,
        now_ms: u64,
        promotion: &Promotion<'_>,
        queues: &Queues<'_>,
    ) -> Result<Promoted, Status> {
        let version = &promotion.version;
        self.prepare(now_ms, promotion)?;
        let deployment = self.existing(promotion.deployment)?;
        let previous = deployment.config.routing.current_version.clone();
        let promoted = |token: &[u8]| Promoted {
            previous_version: previous.clone(),
            previous_percentage: 0.0,
            conflict_token: token.to_owned(),
        };
        if previous == *version && deployment.last_modifier == promotion.identity {
            return Ok(promoted(&deployment.conflict_token));
        }
        deployment.check_token(promotion.conflict_token)?;
        let is_new = self.check_known(promotion)?;
        self.existing(promotion.deployment)?
            .check_manager(promotion.identity)?;
        // Nothing refuses the request any more but what it lacks.
        self.add_promoted(now_ms, promotion, is_new, queues)?;
        if !promotion.ignores_missing_task_queues && self.lacks_queues(promotion, queues) {
            return Err(missing_queues("current", version));
        }
        if previous != *version {
            self.make_current(now_ms, promotion.deployment, version);
        }
        let token = self.change(now_ms, promotion)?;
        Ok(promoted(&token))
    }

    fn make_current(&mut self, now_ms: u64, name: &str, version: &str) {
        let change = self.next_change();
        let Some(deployment) = self.by_name.get_mut(name) else {
            return;
        };
        let previous = deployment.config.routing.current_version.clone();
        let mut config = deployment.config.clone();
        config.current_change = change;
        let routing = &mut config.routing;
        routing.current_deployment_version = versions::parse(version).unwrap_or_default();
        version.clone_into(&mut routing.current_version);
        routing.current_version_changed_time = Some(timestamp(now_ms));
        routing.revision_number += 1;
        if routing.ramping_version == version {
            config.ramping_change = change;
            unset_ramp(&mut config.routing, now_ms);
        }
        for told in [version, &previous] {
            self.tell_version(now_ms, name, told, &config);
        }
        self.keep_config(name, config);
    }

    /// Makes a version the ramping one of its deployment, with a percentage of the workflows; or
    /// ends the ramp.
    ///
    /// # Errors
    ///
    /// As [`set_current`](Self::set_current).
    pub(crate) fn set_ramping(
        &mut self,
        now_ms: u64,
        promotion: &Promotion<'_>,
        percentage: f32,
        queues: &Queues<'_>,
    ) -> Result<Promoted, Status> {
        let version = &promotion.version;
        self.prepare(now_ms, promotion)?;
        let deployment = self.existing(promotion.deployment)?;
        let routing = deployment.config.routing.clone();
        let promoted = |token: &[u8]| Promoted {
            previous_version: routing.ramping_version.clone(),
            previous_percentage: routing.ramping_version_percentage,
            conflict_token: token.to_owned(),
        };
        #[allow(clippy::float_cmp, reason = "the same number is no change")]
        let is_same_ramp =
            routing.ramping_version == *version && routing.ramping_version_percentage == percentage;
        if is_same_ramp && deployment.last_modifier == promotion.identity {
            return Ok(promoted(&deployment.conflict_token));
        }
        deployment.check_token(promotion.conflict_token)?;
        let unsets_unversioned = version == UNVERSIONED && percentage <= 0.0;
        if routing.current_version == *version && !unsets_unversioned {
            return Err(Status::failed_precondition(format!(
                "requested ramping version {version} is already current"
            )));
        }
        let is_new = self.check_known(promotion)?;
        self.existing(promotion.deployment)?
            .check_manager(promotion.identity)?;
        self.add_promoted(now_ms, promotion, is_new, queues)?;
        if !is_same_ramp {
            let begins = routing.ramping_version != *version && !version.is_empty();
            if begins
                && !promotion.ignores_missing_task_queues
                && self.lacks_queues(promotion, queues)
            {
                return Err(missing_queues("ramping", version));
            }
            self.ramp(now_ms, promotion.deployment, version, percentage);
        }
        let token = self.change(now_ms, promotion)?;
        Ok(promoted(&token))
    }

    fn ramp(&mut self, now_ms: u64, name: &str, version: &str, percentage: f32) {
        let change = self.next_change();
        let Some(deployment) = self.by_name.get_mut(name) else {
            return;
        };
        let previous = deployment.config.routing.ramping_version.clone();
        let mut config = deployment.config.clone();
        config.ramping_change = change;
        let routing = &mut config.routing;
        if previous != version || version.is_empty() {
            routing.ramping_version_changed_time = Some(timestamp(now_ms));
        }
        routing.ramping_deployment_version = versions::parse(version).unwrap_or_default();
        version.clone_into(&mut routing.ramping_version);
        routing.ramping_version_percentage = percentage;
        routing.ramping_version_percentage_changed_time = Some(timestamp(now_ms));
        routing.revision_number += 1;
        // The current version tells its task queues of a ramp to unversioned workers.
        let is_version = |text: &str| !text.is_empty() && text != UNVERSIONED;
        let mut told = [version, previous.as_str()]
            .map(|text| is_version(text).then(|| text.to_owned()))
            .into_iter()
            .flatten()
            .collect::<Vec<_>>();
        if !is_version(version) && (told.is_empty() || version == UNVERSIONED) {
            told.insert(0, routing.current_version.clone());
        }
        told.dedup();
        for told in told {
            self.tell_version(now_ms, name, &told, &config);
        }
        self.keep_config(name, config);
    }

    /// Makes sure that the deployment of a promotion exists, or may come into being.
    fn prepare(&mut self, now_ms: u64, promotion: &Promotion<'_>) -> Result<(), Status> {
        if promotion.allows_no_pollers && !self.by_name.contains_key(promotion.deployment) {
            self.create(now_ms, promotion.deployment, String::new())?;
        }
        Ok(())
    }

    /// Returns `true` if the version of a promotion has to be created.
    fn check_known(&self, promotion: &Promotion<'_>) -> Result<bool, Status> {
        let Some(version) = versions::parse(&promotion.version).unwrap_or_default() else {
            return Ok(false);
        };
        if self.version(&version).is_some() {
            return Ok(false);
        }
        if promotion.allows_no_pollers {
            return Ok(true);
        }
        Err(version_not_found(&version))
    }

    fn add_promoted(
        &mut self,
        now_ms: u64,
        promotion: &Promotion<'_>,
        is_new: bool,
        queues: &Queues<'_>,
    ) -> Result<(), Status> {
        let version = versions::parse(&promotion.version).unwrap_or_default();
        match version.filter(|_| is_new) {
            Some(version) => {
                let created = VersionStatus::Created;
                self.add_version(now_ms, &version, created, queues.has_pollers)
            }
            None => Ok(()),
        }
    }

    /// Returns `true` if the version of a promotion lacks a task queue of the current version that
    /// is in use and that no other deployment has taken over.
    fn lacks_queues(&self, promotion: &Promotion<'_>, queues: &Queues<'_>) -> bool {
        let Some(deployment) = self.by_name.get(promotion.deployment) else {
            return false;
        };
        let version_of = |text: &str| {
            let version = versions::parse(text).unwrap_or_default()?;
            self.version(&version)
        };
        let current = version_of(&deployment.config.routing.current_version);
        let (Some(current), Some(next)) = (current, version_of(&promotion.version)) else {
            return false;
        };
        let mut missing = current.queues.difference(&next.queues);
        missing.any(|(queue, kind)| {
            let routing = self.routing(*kind, queue);
            let is_still_its = routing
                .is_some_and(|routing| routing.current.version.as_ref() == Some(&current.version));
            is_still_its && (queues.is_in_use)(*kind, queue, &current.version)
        })
    }

    /// Records who has changed a deployment. Returns its new token.
    fn change(&mut self, now_ms: u64, promotion: &Promotion<'_>) -> Result<Vec<u8>, Status> {
        let change = self.next_change();
        let deployment = self.existing(promotion.deployment)?;
        deployment.change = change;
        deployment.conflict_token = conflict_token(now_ms, change);
        promotion.identity.clone_into(&mut deployment.last_modifier);
        Ok(deployment.conflict_token.clone())
    }

    fn keep_config(&mut self, name: &str, config: Config) {
        if let Some(deployment) = self.by_name.get_mut(name) {
            deployment.config = config;
        }
    }

    /// Tells a version, and through it its task queues, of a new routing.
    fn tell_version(&mut self, now_ms: u64, name: &str, version: &str, config: &Config) {
        let deployment = self.by_name.get_mut(name);
        let Some(state) = deployment.and_then(|it| it.version_mut(version)) else {
            return;
        };
        state.follow(now_ms, &config.routing);
        let queues = state.queues.clone();
        let config = Arc::new(config.clone());
        for (queue, kind) in queues {
            self.tell_queue(kind, &queue, name, config.clone());
        }
    }

    /// Computes the routing of a task queue from what it knows of deployments.
    ///
    /// Source: `temporalio/temporal: common/worker_versioning/worker_versioning.go`
    /// (`CalculateTaskQueueVersioningInfo`).
    pub(super) fn route_queue(&mut self, kind: TaskQueueType, queue: &str) {
        let Some(versions) = self.queues.get(&kind).and_then(|queues| queues.get(queue)) else {
            return;
        };
        let latest = |change: &dyn Fn(&Config) -> u64,
                      version: &dyn Fn(&Config) -> Option<Version>| {
            // A version that the task queue belongs to goes before unversioned workers.
            let known = versions.configs.values().filter(|it| change(it) > 0);
            let ranked = known.filter_map(|config| match version(config) {
                Some(version) if self.has_version(kind, queue, &version) => Some((1, config)),
                Some(_) => None,
                None => Some((0, config)),
            });
            let last = ranked.max_by_key(|(rank, config)| (*rank, change(config)));
            last.map(|(_, config)| config.routing.clone())
        };
        let current = latest(&|it| it.current_change, &|it| {
            it.routing.current_deployment_version.clone()
        });
        let ramping = latest(&|it| it.ramping_change, &|it| {
            it.routing.ramping_deployment_version.clone()
        });
        let mut routing = Routing::default();
        if let Some(config) = current {
            routing.current = Target {
                version: config.current_deployment_version,
                revision: config.revision_number,
            };
            routing.current_changed = config.current_version_changed_time;
        }
        if let Some(config) = ramping {
            routing.ramping = Target {
                version: config.ramping_deployment_version,
                revision: config.revision_number,
            };
            routing.percentage = config.ramping_version_percentage;
            routing.ramping_changed = config.ramping_version_percentage_changed_time;
        }
        let queues = self.queues.entry(kind).or_default();
        if let Some(versions) = queues.get_mut(queue) {
            versions.routing = routing;
        }
    }

    /// Returns the task queues that belong to a version, or did.
    pub(crate) fn versioned_queues(&self) -> Vec<(TaskQueueType, String)> {
        let queues = self.queues.iter();
        queues
            .flat_map(|(kind, queues)| queues.keys().map(|name| (*kind, name.clone())))
            .collect()
    }
}

impl Deployment {
    /// Returns the token by which the next change is told from a conflicting one.
    pub(super) fn token(&self) -> Vec<u8> {
        self.conflict_token.clone()
    }
}

impl VersionState {
    /// Applies a routing to the state of the version.
    fn follow(&mut self, now_ms: u64, routing: &RoutingConfig) {
        let is = |version: Option<&Version>| version == Some(&self.version);
        let was_active = self.current_since.is_some() || self.ramping_since.is_some();
        let is_current = is(routing.current_deployment_version.as_ref());
        let is_ramping = is(routing.ramping_deployment_version.as_ref());
        if !was_active && !is_current && !is_ramping {
            return;
        }
        self.current_since = None;
        self.ramping_since = None;
        self.ramp_percentage = 0.0;
        if is_current {
            let changed = routing.current_version_changed_time;
            self.status = VersionStatus::Current;
            self.current_since = changed;
            self.last_current = changed;
            self.routing_update = changed;
        } else if is_ramping {
            self.status = VersionStatus::Ramping;
            self.ramping_since = routing.ramping_version_changed_time;
            self.ramp_percentage = routing.ramping_version_percentage;
            self.routing_update = routing.ramping_version_percentage_changed_time;
        } else {
            self.status = VersionStatus::Draining;
            let changes = [
                &routing.current_version_changed_time,
                &routing.ramping_version_changed_time,
                &routing.ramping_version_percentage_changed_time,
            ];
            let last_ms = changes.into_iter().flatten().map(instant_ms).max();
            self.routing_update = last_ms.map(timestamp);
            self.last_deactivation = Some(timestamp(now_ms));
            self.start_drainage(now_ms, VersionDrainageStatus::Draining);
            return;
        }
        if self.first_activation.is_none() {
            self.first_activation = Some(timestamp(now_ms));
        }
        self.drainage = None;
        self.last_deactivation = None;
    }
}

fn unset_ramp(routing: &mut RoutingConfig, now_ms: u64) {
    routing.ramping_version = String::new();
    routing.ramping_deployment_version = None;
    routing.ramping_version_percentage = 0.0;
    routing.ramping_version_changed_time = Some(timestamp(now_ms));
    routing.ramping_version_percentage_changed_time = Some(timestamp(now_ms));
}

fn missing_queues(role: &str, version: &str) -> Status {
    let version = versions::parse(version).unwrap_or_default();
    let version = version.as_ref().map(with_colon).unwrap_or_default();
    Status::failed_precondition(format!(
        "proposed {role} version '{version}' is missing active task queues from the current \
         version; these would become unversioned if it is set as the {role} version"
    ))
}
