//! Overrides of the version of a run: pinned to a version, moved to one once, or upgraded.
//!
//! Source: `temporalio/temporal: common/worker_versioning/worker_versioning.go`.

use tonic::Status;

use crate::{
    api::{
        deployment::Deployment,
        enums::VersioningBehavior,
        workflow::{
            VersioningOverride,
            versioning_override::{Override, PinnedOverride, PinnedOverrideBehavior},
        },
    },
    base::{
        checks::invalid,
        config::Limits,
        versions::{self, Version, check_build_id, check_deployment_name},
    },
};

/// Returns the version to which an override pins a run.
pub(crate) fn pinned(versioning: Option<&VersioningOverride>) -> Option<&Version> {
    match versioning?.r#override.as_ref()? {
        Override::Pinned(pinned) => pinned.version.as_ref(),
        Override::AutoUpgrade(_) | Override::OneTime(_) => None,
    }
}

/// Returns the version to which the tasks of a run go by its override.
pub(crate) fn target(versioning: Option<&VersioningOverride>) -> Option<&Version> {
    match versioning?.r#override.as_ref()? {
        Override::Pinned(pinned) => pinned.version.as_ref(),
        Override::OneTime(once) => once.target_deployment_version.as_ref(),
        Override::AutoUpgrade(_) => None,
    }
}

/// Returns the version to which an override moves a run once.
pub(crate) fn one_time(versioning: Option<&VersioningOverride>) -> Option<&Version> {
    match versioning?.r#override.as_ref()? {
        Override::OneTime(once) => once.target_deployment_version.as_ref(),
        Override::AutoUpgrade(_) | Override::Pinned(_) => None,
    }
}

/// Returns the behavior of a run with this override.
pub(crate) fn behavior(versioning: &VersioningOverride) -> VersioningBehavior {
    match &versioning.r#override {
        Some(Override::AutoUpgrade(true)) => VersioningBehavior::AutoUpgrade,
        Some(Override::Pinned(_) | Override::OneTime(_)) => VersioningBehavior::Pinned,
        Some(Override::AutoUpgrade(false)) | None => VersioningBehavior::Unspecified,
    }
}

/// Returns an override without the fields of older clients, as the server keeps it.
#[allow(deprecated, reason = "older clients fill in other fields")]
pub(crate) fn modern(versioning: VersioningOverride) -> Option<VersioningOverride> {
    let pinned = |version| {
        Override::Pinned(PinnedOverride {
            behavior: PinnedOverrideBehavior::Pinned.into(),
            version,
        })
    };
    let kept = match (versioning.r#override.clone(), versioning.behavior()) {
        (Some(kept), _) => kept,
        (None, VersioningBehavior::Unspecified) => return None,
        (None, VersioningBehavior::AutoUpgrade) => Override::AutoUpgrade(true),
        (None, VersioningBehavior::Pinned) if !versioning.pinned_version.is_empty() => {
            pinned(versions::parse(&versioning.pinned_version).unwrap_or_default())
        }
        (None, VersioningBehavior::Pinned) => pinned(versioning.deployment.map(version)),
    };
    Some(VersioningOverride {
        r#override: Some(kept),
        ..VersioningOverride::default()
    })
}

fn version(deployment: Deployment) -> Version {
    Version {
        deployment_name: deployment.series_name,
        build_id: deployment.build_id,
    }
}

/// Adds the fields that older clients read.
#[allow(deprecated, reason = "older clients read other fields")]
pub(crate) fn with_old_fields(mut versioning: VersioningOverride) -> VersioningOverride {
    match &versioning.r#override {
        Some(Override::AutoUpgrade(true)) => {
            versioning.set_behavior(VersioningBehavior::AutoUpgrade);
        }
        Some(Override::Pinned(pinned)) => {
            versioning.pinned_version = versions::dotted(pinned.version.as_ref());
            versioning.set_behavior(VersioningBehavior::Pinned);
        }
        Some(Override::AutoUpgrade(false) | Override::OneTime(_)) | None => {}
    }
    versioning
}

/// Checks an override, and the names in it.
///
/// # Errors
///
/// INVALID_ARGUMENT, in the server's words.
pub(crate) fn check(versioning: &VersioningOverride, limits: &Limits) -> Result<(), Status> {
    check_structure(versioning)?;
    let version = target(Some(versioning));
    version.map_or(Ok(()), |version| {
        check_deployment_name(&version.deployment_name, limits)?;
        check_build_id(&version.build_id, limits)
    })
}

/// Checks the structure of an override.
///
/// # Errors
///
/// INVALID_ARGUMENT, in the server's words.
pub(crate) fn check_structure(versioning: &VersioningOverride) -> Result<(), Status> {
    match &versioning.r#override {
        Some(Override::AutoUpgrade(false)) => invalid("auto-upgrade override must be true"),
        Some(Override::Pinned(pinned)) if pinned.version.is_none() => {
            invalid("must provide version if override is pinned.")
        }
        Some(Override::Pinned(pinned))
            if pinned.behavior() == PinnedOverrideBehavior::Unspecified =>
        {
            invalid("must specify pinned override behavior if override is pinned.")
        }
        Some(Override::OneTime(once)) if once.target_deployment_version.is_none() => {
            invalid("must provide target deployment version if override is one-time.")
        }
        Some(Override::AutoUpgrade(true) | Override::Pinned(_) | Override::OneTime(_)) => Ok(()),
        None => check_old_fields(versioning),
    }
}

#[allow(deprecated, reason = "older clients fill in other fields")]
fn check_old_fields(versioning: &VersioningOverride) -> Result<(), Status> {
    let (deployment, pinned) = (&versioning.deployment, &versioning.pinned_version);
    match versioning.behavior() {
        VersioningBehavior::Pinned => match deployment {
            Some(deployment) => check_old_deployment(deployment),
            None if pinned.is_empty() => invalid(
                "must provide deployment (deprecated) or pinned version if behavior is 'PINNED'",
            ),
            None => versions::parse(pinned).map(|_| ()).or_else(|_| {
                invalid(format!(
                    "invalid version string {pinned:?}, expected format is \
                     \"<deployment_name>.<build_id>\""
                ))
            }),
        },
        VersioningBehavior::AutoUpgrade if deployment.is_some() => {
            invalid("only provide deployment if behavior is 'PINNED'")
        }
        VersioningBehavior::AutoUpgrade if !pinned.is_empty() => {
            invalid("only provide pinned version if behavior is 'PINNED'")
        }
        VersioningBehavior::AutoUpgrade => Ok(()),
        VersioningBehavior::Unspecified => invalid("override behavior is required"),
    }
}

fn check_old_deployment(deployment: &Deployment) -> Result<(), Status> {
    if deployment.series_name.is_empty() {
        return invalid("deployment name cannot be empty");
    }
    if deployment.series_name.contains(['.', ':']) {
        return invalid("deployment name cannot contain '.' or ':'");
    }
    if deployment.build_id.is_empty() {
        return invalid("deployment build ID cannot be empty");
    }
    Ok(())
}
