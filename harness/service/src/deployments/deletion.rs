//! The end of versions and deployments, and their managers.

use tonic::Status;

use crate::{
    api::rpc::{SetWorkerDeploymentManagerRequest, set_worker_deployment_manager_request},
    base::{
        status,
        versions::{Version, with_colon},
    },
    deployments::{Deployments, conflict_token, registration::HasPollers},
};

impl Deployments {
    /// Deletes a version that nothing needs any more. An unknown version is no error.
    ///
    /// # Errors
    ///
    /// NOT_FOUND without its deployment; FAILED_PRECONDITION if it is in use.
    pub(crate) fn delete_version(
        &mut self,
        now_ms: u64,
        version: &Version,
        skips_drainage: bool,
        identity: &str,
        has_pollers: HasPollers<'_>,
    ) -> Result<(), Status> {
        self.refresh(now_ms);
        let name = &version.deployment_name;
        let Some(deployment) = self.by_name.get(name) else {
            return Err(status::workflow_not_found(&format!(
                "temporal-sys-worker-deployment:{name}"
            )));
        };
        if !deployment.versions.contains_key(&version.build_id) {
            return Ok(());
        }
        self.check_unused(version, skips_drainage, has_pollers, |deployment| {
            deployment.check_manager(identity)
        })?;
        self.forget_version(version);
        let change = self.next_change();
        let deployment = self.existing(name)?;
        identity.clone_into(&mut deployment.last_modifier);
        deployment.change = change;
        Ok(())
    }

    /// Deletes the oldest version of a deployment that nothing needs any more. Returns `false` if
    /// there is none.
    pub(super) fn make_room(
        &mut self,
        now_ms: u64,
        name: &str,
        has_pollers: HasPollers<'_>,
    ) -> bool {
        self.refresh(now_ms);
        let Some(deployment) = self.by_name.get(name) else {
            return false;
        };
        let mut versions: Vec<_> = deployment.versions.values().collect();
        versions.sort_by_key(|state| state.ordinal);
        let unused = versions.into_iter().find(|state| {
            let checked = self.check_unused(&state.version, false, has_pollers, |_| Ok(()));
            checked.is_ok()
        });
        let Some(unused) = unused.map(|state| state.version.clone()) else {
            return false;
        };
        self.forget_version(&unused);
        true
    }

    fn check_unused(
        &self,
        version: &Version,
        skips_drainage: bool,
        has_pollers: HasPollers<'_>,
        check_caller: impl Fn(&super::Deployment) -> Result<(), Status>,
    ) -> Result<(), Status> {
        let refused = |why: &str| {
            Err(Status::failed_precondition(format!(
                "version '{}' cannot be deleted since it {why}",
                with_colon(version)
            )))
        };
        let state = self.check_version(version)?;
        if let Some(deployment) = self.by_name.get(&version.deployment_name) {
            let routing = &deployment.config.routing;
            let active = [
                &routing.current_deployment_version,
                &routing.ramping_deployment_version,
            ];
            if active.contains(&&Some(version.clone())) {
                return refused("is current or ramping");
            }
            check_caller(deployment)?;
        }
        if !skips_drainage && state.is_draining() {
            return refused("is draining");
        }
        if has_pollers(state) {
            return refused("has active pollers");
        }
        Ok(())
    }

    fn forget_version(&mut self, version: &Version) {
        let deployment = self.by_name.get_mut(&version.deployment_name);
        let removed = deployment.and_then(|it| it.versions.remove(&version.build_id));
        for (queue, kind) in removed.into_iter().flat_map(|state| state.queues) {
            self.route_queue(kind, &queue);
        }
    }

    /// Deletes a deployment without versions. An unknown deployment is no error.
    ///
    /// # Errors
    ///
    /// FAILED_PRECONDITION if the deployment has versions.
    pub(crate) fn delete_deployment(&mut self, name: &str) -> Result<(), Status> {
        let has_versions = |deployment: &super::Deployment| !deployment.versions.is_empty();
        if self.by_name.get(name).is_some_and(has_versions) {
            return Err(Status::failed_precondition(
                "deployment has versions, can't be deleted",
            ));
        }
        self.by_name.remove(name);
        Ok(())
    }

    /// Makes a client the only one that may change a deployment. Returns the manager before, and
    /// the new token.
    ///
    /// # Errors
    ///
    /// NOT_FOUND without the deployment; FAILED_PRECONDITION if another client is ahead.
    pub(crate) fn set_manager(
        &mut self,
        now_ms: u64,
        request: &SetWorkerDeploymentManagerRequest,
    ) -> Result<(String, Vec<u8>), Status> {
        use set_worker_deployment_manager_request::NewManagerIdentity::{ManagerIdentity, Self_};
        let manager = match &request.new_manager_identity {
            Some(Self_(true)) => &request.identity,
            Some(ManagerIdentity(manager)) => manager,
            Some(Self_(false)) | None => &String::new(),
        };
        let change = self.next_change();
        let Some(deployment) = self.by_name.get_mut(&request.deployment_name) else {
            return Err(status::workflow_not_found(&format!(
                "temporal-sys-worker-deployment:{}",
                request.deployment_name
            )));
        };
        if deployment.manager == *manager && deployment.last_modifier == request.identity {
            return Ok((manager.clone(), deployment.token()));
        }
        deployment.check_token(&request.conflict_token)?;
        let before = std::mem::replace(&mut deployment.manager, manager.clone());
        deployment.last_modifier.clone_from(&request.identity);
        deployment.conflict_token = conflict_token(now_ms, change);
        deployment.change = change;
        Ok((before, deployment.token()))
    }
}
