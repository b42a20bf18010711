//! Versions of workers: what a worker says of its own, in words and as messages.
//!
//! Source: `temporalio/temporal: common/worker_versioning/worker_versioning.go`.

use std::sync::Arc;

use tonic::Status;

use crate::{
    api::{
        common::{WorkerVersionCapabilities, WorkerVersionStamp},
        deployment::{WorkerDeploymentOptions, WorkerDeploymentVersion},
        enums::WorkerVersioningMode,
    },
    base::{checks::invalid, config::Limits},
};

/// A version of a worker deployment, by the name of the deployment and a build id.
pub(crate) type Version = WorkerDeploymentVersion;

/// The workers without a version, where a version is named by a text.
pub(crate) const UNVERSIONED: &str = "__unversioned__";

/// The longest build id, in bytes (`limit.workerBuildIdSize`).
const BUILD_ID_LENGTH: usize = 255;
/// The length of the prefix of the id of the workflow that the server runs for each version.
const VERSION_WORKFLOW_ID_PREFIX: usize = "temporal-sys-worker-deployment-version:".len();

/// The version to which a task queue routes a workflow.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Target {
    /// The version; `None` for unversioned workers.
    pub(crate) version: Option<Version>,
    /// The revision of the routing; -1 where nobody has looked.
    pub(crate) revision: i64,
}

/// The version of a worker, as its polls have it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WorkerVersion {
    /// The stamp of the tasks that the worker starts; `None` for a worker of a deployment, whose
    /// version is elsewhere.
    pub(crate) stamp: Option<WorkerVersionStamp>,
    /// The version by which tasks are routed; `None` for an unversioned worker.
    pub(crate) version: Option<Version>,
    pub(crate) options: Option<WorkerDeploymentOptions>,
}

impl WorkerVersion {
    /// Returns the version of the worker of a poll; `None` if it has none and no build id.
    pub(crate) fn of_poll(
        capabilities: Option<WorkerVersionCapabilities>,
        options: Option<WorkerDeploymentOptions>,
    ) -> Option<Arc<Self>> {
        let version = version_of(options.as_ref());
        let stamp = capabilities
            .filter(|capabilities| version.is_none() && !capabilities.build_id.is_empty())
            .map(|capabilities| WorkerVersionStamp {
                build_id: capabilities.build_id,
                use_versioning: capabilities.use_versioning,
            });
        (stamp.is_some() || options.is_some()).then(|| {
            Arc::new(Self {
                stamp,
                version,
                options,
            })
        })
    }
}

/// A worker that answers a task: its identity, and the stamp of its version.
#[derive(Clone, Debug, Default)]
pub(crate) struct Respondent {
    pub(crate) identity: String,
    pub(crate) stamp: Option<WorkerVersionStamp>,
}

impl From<String> for Respondent {
    /// Returns a caller who is no worker, or who does not tell its version.
    fn from(identity: String) -> Self {
        Self {
            identity,
            stamp: None,
        }
    }
}

/// Returns the version of a worker with these options; `None` for an unversioned worker.
pub(crate) fn version_of(options: Option<&WorkerDeploymentOptions>) -> Option<Version> {
    let options = options.filter(|it| is_versioned(it))?;
    Some(Version {
        deployment_name: options.deployment_name.clone(),
        build_id: options.build_id.clone(),
    })
}

pub(crate) fn is_versioned(options: &WorkerDeploymentOptions) -> bool {
    options.worker_versioning_mode() == WorkerVersioningMode::Versioned
}

/// Checks what a poll says of the version of its worker.
///
/// Source: `temporalio/temporal: service/frontend/workflow_handler.go` (`validateVersioningInfo`).
///
/// # Errors
///
/// INVALID_ARGUMENT, in the server's words.
pub(crate) fn check_poll(
    capabilities: Option<&WorkerVersionCapabilities>,
    options: Option<&WorkerDeploymentOptions>,
    is_sticky_without_normal_name: bool,
    limits: &Limits,
) -> Result<(), Status> {
    let build_id = capabilities.map_or("", |capabilities| &capabilities.build_id);
    let uses_build_ids = capabilities.is_some_and(|capabilities| capabilities.use_versioning);
    if is_sticky_without_normal_name && (uses_build_ids || options.is_some()) {
        return invalid(
            "NormalName must be set on sticky queue when UseVersioning is true or \
             DeploymentOptions are set.",
        );
    }
    if uses_build_ids && build_id.is_empty() {
        return invalid("WorkerVersionStamp must be present if UseVersioning is true.");
    }
    if build_id.len() > BUILD_ID_LENGTH {
        return invalid(
            "Build ID exceeds configured limit.workerBuildIdSize, use a shorter build ID.",
        );
    }
    let Some(options) = options.filter(|options| is_versioned(options)) else {
        return Ok(());
    };
    if options.deployment_name.is_empty() || options.build_id.is_empty() {
        return invalid("Deployment name and build id must be set together.");
    }
    check_deployment_name(&options.deployment_name, limits)?;
    check_build_id(&options.build_id, limits)
}

/// Checks the name of a worker deployment.
///
/// # Errors
///
/// INVALID_ARGUMENT for a name that is empty or too long, or that has a delimiter of versions.
pub(crate) fn check_deployment_name(name: &str, limits: &Limits) -> Result<(), Status> {
    const FIELD: &str = "WorkerDeploymentName";
    check_length(FIELD, name, limits)?;
    for delimiter in ['.', ':'] {
        if name.contains(delimiter) {
            return invalid(format!(
                "worker deployment name cannot contain '{delimiter}'"
            ));
        }
    }
    check_prefix(FIELD, name)
}

/// Checks the build id of a version of a worker deployment.
///
/// # Errors
///
/// INVALID_ARGUMENT for a build id that is empty, too long, or reserved.
pub(crate) fn check_build_id(build_id: &str, limits: &Limits) -> Result<(), Status> {
    const FIELD: &str = "BuildID";
    check_length(FIELD, build_id, limits)?;
    check_prefix(FIELD, build_id)
}

fn check_length(field: &str, value: &str, limits: &Limits) -> Result<(), Status> {
    if value.is_empty() {
        return invalid(format!("{field} cannot be empty"));
    }
    let limit = limits.id_length.saturating_sub(VERSION_WORKFLOW_ID_PREFIX) / 2;
    if value.len() > limit {
        return invalid(format!("size of {field} larger than the maximum allowed"));
    }
    Ok(())
}

fn check_prefix(field: &str, value: &str) -> Result<(), Status> {
    if value.starts_with("__") {
        return invalid(format!("{field} cannot start with '__'"));
    }
    Ok(())
}

/// Returns a version as older clients write it: the name, a dot, and the build id.
pub(crate) fn dotted(version: Option<&Version>) -> String {
    version.map_or_else(
        || UNVERSIONED.to_owned(),
        |version| format!("{}.{}", version.deployment_name, version.build_id),
    )
}

/// Returns a version as search attributes have it: the name, a colon, and the build id.
pub(crate) fn with_colon(version: &Version) -> String {
    format!("{}:{}", version.deployment_name, version.build_id)
}

/// Reads a version that is written with a dot or a colon; [`UNVERSIONED`] is `None`. As on the
/// server, a colon is a delimiter only if the build id has a dot.
///
/// # Errors
///
/// The reason why the text names no version, in the server's words.
pub(crate) fn parse(text: &str) -> Result<Option<Version>, String> {
    if text == UNVERSIONED {
        return Ok(None);
    }
    let Some((name, build_id)) = text.split_once(['.', ':']) else {
        return Err(format!(
            "expected delimiter ':' or '.' not found in version string {text}"
        ));
    };
    let build_id = if text.contains('.') { build_id } else { "" };
    if name.is_empty() {
        return Err(format!("deployment name is empty in version string {text}"));
    }
    if build_id.is_empty() {
        return Err(format!("build id is empty in version string {text}"));
    }
    Ok(Some(Version {
        deployment_name: name.to_owned(),
        build_id: build_id.to_owned(),
    }))
}

/// Returns the percentage of a ramp from which on it takes in the workflow of this id: from 0 to
/// below 100. Tasks without a workflow follow any ramp.
pub(crate) fn ramp_threshold(workflow_id: &str) -> f64 {
    if workflow_id.is_empty() {
        return 0.0;
    }
    let hash = farmhash::fingerprint32(workflow_id.as_bytes());
    100.0 * (f64::from(hash) / (f64::from(u32::MAX) + 1.0))
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    fn version(name: &str, build_id: &str) -> Version {
        Version {
            deployment_name: name.to_owned(),
            build_id: build_id.to_owned(),
        }
    }

    #[test]
    fn a_version_is_read_as_it_is_written() {
        let shop = version("shop", "1.0");
        assert_eq!(parse(&dotted(Some(&shop))), Ok(Some(shop.clone())));
        assert_eq!(parse(&with_colon(&shop)), Ok(Some(shop)));
        assert_eq!(parse(&dotted(None)), Ok(None));
        assert_eq!(
            parse("shop").unwrap_err(),
            "expected delimiter ':' or '.' not found in version string shop"
        );
        assert!(parse(".1").unwrap_err().contains("name is empty"));
        assert!(parse("shop:1").unwrap_err().contains("build id is empty"));
    }

    #[test]
    fn the_name_of_a_deployment_has_no_delimiter_and_is_not_reserved() {
        let check = |name: &str| {
            let checked = check_deployment_name(name, &Limits::default());
            checked.map_err(|refused| refused.message().to_owned())
        };
        assert_eq!(check("shop"), Ok(()));
        let refused = |name: &str| check(name).unwrap_err();
        assert_eq!(refused(""), "WorkerDeploymentName cannot be empty");
        assert_eq!(refused("a.b"), "worker deployment name cannot contain '.'");
        assert_eq!(refused("a:b"), "worker deployment name cannot contain ':'");
        assert_eq!(
            refused("__a"),
            "WorkerDeploymentName cannot start with '__'"
        );
        let long = "x".repeat(481);
        assert_eq!(
            refused(&long),
            "size of WorkerDeploymentName larger than the maximum allowed"
        );
        assert_eq!(check(&long[1..]), Ok(()));
    }

    #[test]
    fn a_ramp_takes_in_about_its_share_of_workflows() {
        let ids = (0..1000).map(|number| format!("order-{number}"));
        let taken = ids.filter(|id| ramp_threshold(id) <= 30.0).count();
        assert!((250..350).contains(&taken), "{taken}");
        assert_eq!(
            ramp_threshold("order-1").to_bits(),
            ramp_threshold("order-1").to_bits()
        );
    }
}
