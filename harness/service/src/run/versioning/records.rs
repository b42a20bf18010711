//! The traces that workers of versions leave in a run: reset points and search attributes. Both are
//! read from the events when somebody asks.
//!
//! Source: `temporalio/temporal: service/history/workflow/mutable_state_impl.go`
//! (`addResetPointFromCompletion`, `addBuildIdToLoadedSearchAttribute`).

use prost_types::Timestamp;

use crate::{
    api::{
        Attributes,
        common::{SearchAttributes, WorkerVersionStamp},
        enums::VersioningBehavior,
        history::WorkflowTaskCompletedEventAttributes,
        workflow::{ResetPointInfo, ResetPoints},
    },
    base::{
        payload,
        time::{instant_ms, timestamp},
        versions::with_colon,
    },
    run::{Run, versioning::version_of_completed},
};

/// The reset points of one run (`history.historyMaxAutoResetPoints`).
const MAX_RESET_POINTS: usize = 20;
/// The size of one search attribute, in bytes (`limit.searchAttributesSizeOfValue`).
const MAX_VALUE_BYTES: usize = 2048;
/// The time for which a closed run is kept, as by default in a development server.
const RETENTION_MS: u64 = 24 * 60 * 60 * 1000;

impl Run {
    /// Returns the completed workflow tasks.
    fn completed_tasks(
        &self,
    ) -> impl DoubleEndedIterator<Item = &WorkflowTaskCompletedEventAttributes> {
        let events = self.history.events().iter();
        events.filter_map(|event| match &event.attributes {
            Some(Attributes::WorkflowTaskCompletedEventAttributes(completed)) => Some(&**completed),
            _ => None,
        })
    }

    /// Returns the stamp of the worker of the last completed workflow task.
    #[allow(deprecated, reason = "descriptions still have the stamp")]
    pub(crate) fn last_stamp(&self) -> Option<WorkerVersionStamp> {
        self.completed_tasks().next_back()?.worker_version.clone()
    }

    /// Returns the name of the deployment of the last worker, which may be unversioned.
    pub(crate) fn deployment_name(&self) -> String {
        match &self.state.versioning {
            Some(versioning) => versioning.deployment_name.clone(),
            None => self
                .completed_tasks()
                .next_back()
                .map_or_else(String::new, |last| last.worker_deployment_name.clone()),
        }
    }

    /// Returns the first completed workflow task of each build id, in this run and in those before
    /// it in its chain.
    #[allow(
        deprecated,
        reason = "reset points still have the checksum of older SDKs"
    )]
    pub(crate) fn auto_reset_points(&self) -> Option<ResetPoints> {
        let mut points = self.earlier_reset_points();
        let mut pending: i64 = 0;
        for event in self.history.events() {
            let Some(attributes) = &event.attributes else {
                continue;
            };
            pending += change_of_pending(attributes);
            let Attributes::WorkflowTaskCompletedEventAttributes(completed) = attributes else {
                continue;
            };
            let point = ResetPointInfo {
                build_id: build_id(completed),
                binary_checksum: completed.binary_checksum.clone(),
                run_id: self.run_id.clone(),
                first_workflow_task_completed_id: event.event_id,
                create_time: event.event_time,
                expire_time: None,
                resettable: pending == 0,
            };
            let is_known = points.iter().any(|known| {
                known.build_id == point.build_id && known.binary_checksum == point.binary_checksum
            });
            if !is_known {
                points.push(point);
            }
        }
        points.drain(..points.len().saturating_sub(MAX_RESET_POINTS));
        (!points.is_empty()).then_some(ResetPoints { points })
    }

    /// Returns the reset points of the runs before this one, without those whose runs are gone.
    fn earlier_reset_points(&self) -> Vec<ResetPointInfo> {
        let started = self.started();
        let Some(earlier) = &started.prev_auto_reset_points else {
            return Vec::new();
        };
        let is_kept = |point: &&ResetPointInfo| {
            let expires_ms = point.expire_time.as_ref().map(instant_ms);
            expires_ms.is_none_or(|expires_ms| expires_ms >= self.start_ms)
        };
        let expires: Option<Timestamp> = Some(timestamp(self.start_ms + RETENTION_MS));
        let kept = earlier.points.iter().filter(is_kept).cloned();
        kept.map(|mut point| {
            if point.run_id == started.continued_execution_run_id {
                point.expire_time = expires;
            }
            point
        })
        .collect()
    }

    /// Returns the search attributes of the run, with those that the server adds: the build ids of
    /// its workers, and its version.
    pub(crate) fn search_attributes(&self) -> SearchAttributes {
        let mut attributes = self.state.search_attributes.clone().unwrap_or_default();
        let fields = &mut attributes.indexed_fields;
        let build_ids = self.build_ids();
        if !build_ids.is_empty() {
            let value = payload::keywords(build_ids.into_iter());
            fields.insert("BuildIds".to_owned(), value);
        }
        if self.state.versioning.is_none() {
            return attributes;
        }
        let mut keyword = |name: &str, value: Option<String>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                fields.insert(name.to_owned(), payload::keyword(&value));
            }
        };
        let version = self.state.shown_version();
        let name = version.map_or_else(
            || self.deployment_name(),
            |version| version.deployment_name.clone(),
        );
        keyword("TemporalWorkerDeployment", Some(name));
        keyword("TemporalWorkerDeploymentVersion", version.map(with_colon));
        let behavior = match self.state.shown_behavior() {
            VersioningBehavior::Pinned => Some("Pinned".to_owned()),
            VersioningBehavior::AutoUpgrade => Some("AutoUpgrade".to_owned()),
            VersioningBehavior::Unspecified => None,
        };
        keyword("TemporalWorkflowVersioningBehavior", behavior);
        let used = self.used_versions();
        if !used.is_empty() {
            let value = payload::keywords(used.into_iter());
            fields.insert("TemporalUsedWorkerDeploymentVersions".to_owned(), value);
        }
        attributes
    }

    /// Returns the versions whose workers completed workflow tasks, in order.
    fn used_versions(&self) -> Vec<String> {
        let mut used = Vec::new();
        for version in self.completed_tasks().filter_map(version_of_completed) {
            add_new(&mut used, with_colon(&version));
        }
        keep_within_limit(&mut used, 0);
        used
    }

    /// Returns the value of the search attribute `BuildIds`: first the version of a pinned run, or
    /// that the run is unversioned, then the build ids of the workers in order.
    #[allow(deprecated, reason = "the server still writes the stamps")]
    fn build_ids(&self) -> Vec<String> {
        let behavior = self.state.shown_behavior();
        let mut stamps = self.completed_tasks().map(|it| it.worker_version.as_ref());
        let last = stamps.next_back();
        let mut build_ids = Vec::new();
        match behavior {
            VersioningBehavior::Pinned => {
                let version = self.state.shown_version().map(with_colon);
                build_ids.push(format!("pinned:{}", version.unwrap_or_default()));
            }
            VersioningBehavior::Unspecified
                if last.is_some_and(|stamp| !stamp.is_some_and(|it| it.use_versioning)) =>
            {
                build_ids.push("unversioned".to_owned());
            }
            VersioningBehavior::AutoUpgrade | VersioningBehavior::Unspecified => {}
        }
        let sentinels = build_ids.len();
        for stamp in stamps.chain(last).flatten() {
            if !stamp.build_id.is_empty() {
                let prefix = if stamp.use_versioning {
                    "versioned"
                } else {
                    "unversioned"
                };
                add_new(&mut build_ids, format!("{prefix}:{}", stamp.build_id));
            }
        }
        keep_within_limit(&mut build_ids, sentinels);
        build_ids
    }
}

/// Returns the build id of the worker that completed a task; empty if it told none.
#[allow(deprecated, reason = "the server still writes the stamp")]
fn build_id(completed: &WorkflowTaskCompletedEventAttributes) -> String {
    let stamp = completed.worker_version.as_ref();
    version_of_completed(completed)
        .map(|version| version.build_id)
        .or_else(|| stamp.map(|stamp| stamp.build_id.clone()))
        .unwrap_or_default()
}

/// Returns the change that an event makes to the number of children, signals and cancel requests
/// that wait for an answer. A run with such cannot be reset, on older servers.
fn change_of_pending(attributes: &Attributes) -> i64 {
    match attributes {
        Attributes::StartChildWorkflowExecutionInitiatedEventAttributes(_)
        | Attributes::SignalExternalWorkflowExecutionInitiatedEventAttributes(_)
        | Attributes::RequestCancelExternalWorkflowExecutionInitiatedEventAttributes(_) => 1,
        Attributes::StartChildWorkflowExecutionFailedEventAttributes(_)
        | Attributes::ChildWorkflowExecutionCompletedEventAttributes(_)
        | Attributes::ChildWorkflowExecutionFailedEventAttributes(_)
        | Attributes::ChildWorkflowExecutionCanceledEventAttributes(_)
        | Attributes::ChildWorkflowExecutionTimedOutEventAttributes(_)
        | Attributes::ChildWorkflowExecutionTerminatedEventAttributes(_)
        | Attributes::SignalExternalWorkflowExecutionFailedEventAttributes(_)
        | Attributes::ExternalWorkflowExecutionSignaledEventAttributes(_)
        | Attributes::RequestCancelExternalWorkflowExecutionFailedEventAttributes(_)
        | Attributes::ExternalWorkflowExecutionCancelRequestedEventAttributes(_) => -1,
        _ => 0,
    }
}

fn add_new(values: &mut Vec<String>, value: String) {
    if !values.contains(&value) {
        values.push(value);
    }
}

/// Drops the oldest values after the first few while the list is too large for an attribute.
fn keep_within_limit(values: &mut Vec<String>, kept: usize) {
    let bytes = |values: &[String]| -> usize {
        let quoted = values.iter().map(|value| value.len() + 3);
        quoted.sum::<usize>() + 1
    };
    while bytes(values) > MAX_VALUE_BYTES && values.len() > kept {
        values.remove(kept);
    }
}
