//! A cluster: several namespaces, each with a service of its own.
//!
//! A world has one namespace, and needs only a [`Service`]. A server has as many as its clients
//! register. Only requests of Nexus operations, and their answers, pass from one namespace to
//! another: a command that names another namespace is answered as [`Service`] answers it.

mod abroad;
mod delete_namespace;
mod namespaces;
mod nexus_endpoints;
pub(crate) mod operator;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, mem};

use indexmap::IndexMap;
use temporalio_protos::temporal::api::nexus::v1::Endpoint;
use tonic::Status;

use crate::{
    base::{config::ServiceConfig, identifiers::RequestId},
    cluster::{delete_namespace::Deleted, namespaces::Namespace},
    frontend::validate,
    messages::{
        reply::Reply,
        request::{Request, Response},
    },
    state::service::Service,
};

/// The namespaces of a simulated server.
///
/// Like a [`Service`], a cluster is a state machine: its driver hands it requests and the time, and
/// takes replies. Requests go to the namespace that they name; those about namespaces are answered
/// by the cluster itself.
///
/// ```
/// use durasim_service::{Cluster, RequestId, ServiceConfig};
/// use temporalio_protos::temporal::api::workflowservice::v1::DescribeNamespaceRequest;
///
/// let mut cluster = Cluster::new(ServiceConfig::default());
/// cluster.register("orders");
///
/// let describe = DescribeNamespaceRequest { namespace: "orders".into(), ..Default::default() };
/// cluster.request(1_000, RequestId(1), describe.into());
/// assert!(cluster.take_replies()[0].result.is_ok());
/// ```
#[derive(Debug)]
pub struct Cluster {
    config: ServiceConfig,
    namespaces: IndexMap<String, Namespace>,
    registers_on_use: bool,
    /// The Nexus endpoints, by id.
    endpoints: BTreeMap<String, Endpoint>,
    endpoints_created: u64,
    /// The services of deleted namespaces, for the requests that still wait there.
    deleted: Vec<Deleted>,
    replies: Vec<Reply>,
}

impl Cluster {
    /// Returns a cluster with the namespace of the configuration. Other namespaces get the same
    /// configuration.
    pub fn new(config: ServiceConfig) -> Self {
        let mut cluster = Self {
            namespaces: IndexMap::new(),
            registers_on_use: false,
            endpoints: BTreeMap::new(),
            endpoints_created: 0,
            deleted: Vec::new(),
            replies: Vec::new(),
            config,
        };
        cluster.register(&cluster.config.namespace.clone());
        cluster
    }

    /// Registers a namespace, unless there is one of this name.
    pub fn register(&mut self, name: &str) {
        if !self.namespaces.contains_key(name) {
            self.add(name, Namespace::new(&self.config, name));
        }
    }

    fn add(&mut self, name: &str, namespace: Namespace) {
        self.namespaces.insert(name.to_owned(), namespace);
        self.tell_endpoints();
        self.tell_names();
    }

    /// Tells each namespace of the others.
    fn tell_names(&mut self) {
        let names: Vec<_> = self.namespaces.keys().cloned().collect();
        for (own, namespace) in &mut self.namespaces {
            let others = names.iter().filter(|name| *name != own);
            namespace.service.config.neighbours = others.cloned().collect();
        }
    }

    /// Says if a request to an unknown namespace registers it. A server answers NOT_FOUND, and so
    /// does a cluster by default.
    pub fn register_on_use(&mut self, yes: bool) {
        self.registers_on_use = yes;
    }

    /// Handles a request. [`Cluster::take_replies`] returns its reply at once or, for a request
    /// that waits, later.
    ///
    /// The service ends no wait, since callers measure their deadlines by their own clocks: the
    /// driver ends it by [`Cluster::expire`] and [`Cluster::cancel`].
    pub fn request(&mut self, now_ms: u64, id: RequestId, mut request: Request) {
        abroad::send_home(&mut request);
        let answered = match request {
            Request::RegisterNamespace(request) => self.register_namespace(*request),
            Request::DescribeNamespace(request) => self.describe_namespace(&request),
            Request::ListNamespaces(request) => self.list_namespaces(&request),
            Request::UpdateNamespace(request) => self.update_namespace(*request),
            Request::DeprecateNamespace(request) => self.deprecate_namespace(&request),
            request => match self.service_of(&request) {
                Ok(service) => {
                    service.request(now_ms, id, request);
                    return self.carry(now_ms);
                }
                Err(refused) => Err(refused),
            },
        };
        self.reply(id, answered);
    }

    /// Cancels a request whose caller has gone away. It gets no reply.
    pub fn cancel(&mut self, id: RequestId) {
        for service in self.services_with_waits() {
            service.cancel(id);
        }
    }

    /// Ends the wait of a request ([`Service::expire`]).
    pub fn expire(&mut self, now_ms: u64, id: RequestId) {
        for service in self.services_with_waits() {
            service.expire(now_ms, id);
        }
        self.carry(now_ms);
    }

    /// Returns the time at which the next timer or delivery is due.
    pub fn next_due_ms(&self) -> Option<u64> {
        let due = self.services().filter_map(Service::next_due_ms);
        due.min()
    }

    /// Returns the time at which the next schedule acts.
    pub fn next_schedule_ms(&self) -> Option<u64> {
        self.services().filter_map(Service::next_schedule_ms).min()
    }

    /// Returns `true` if nothing is due, now or later, but actions of schedules.
    pub fn awaits_only_schedules(&self) -> bool {
        let idle = |service: &Service| service.next_due_ms().is_none();
        self.next_schedule_ms().is_some()
            && self
                .services()
                .all(|it| idle(it) || it.awaits_only_schedules())
    }

    /// Fires everything that is due, in order of its due time within each namespace.
    pub fn fire_due(&mut self, now_ms: u64) {
        for namespace in self.namespaces.values_mut() {
            while namespace.service.due(now_ms) > 0 {
                namespace.service.fire(now_ms, 0);
            }
        }
        self.carry(now_ms);
    }

    /// Returns the replies since the last call. Those of one namespace are in order.
    pub fn take_replies(&mut self) -> Vec<Reply> {
        let mut replies = mem::take(&mut self.replies);
        for service in self.services_with_waits() {
            replies.append(&mut service.take_replies());
        }
        replies
    }

    /// Returns `true` if a worker has a task ([`Service::is_working`]).
    ///
    /// # Panics
    ///
    /// If the services track no work.
    pub fn is_working(&self) -> bool {
        self.services().any(Service::is_working)
    }

    /// Returns `true` if a task waits for a worker that is likely to poll again
    /// ([`Service::awaits_poll`]).
    pub fn awaits_poll(&self, now_ms: u64, within_ms: u64) -> bool {
        self.services()
            .any(|service| service.awaits_poll(now_ms, within_ms))
    }

    fn services_with_waits(&mut self) -> impl Iterator<Item = &mut Service> {
        let namespaces = self.namespaces.values_mut();
        let deleted = self.deleted.iter_mut();
        namespaces
            .map(|namespace| &mut namespace.service)
            .chain(deleted.map(|deleted| &mut deleted.service))
    }

    fn services(&self) -> impl Iterator<Item = &Service> {
        self.namespaces.values().map(|namespace| &namespace.service)
    }

    /// Returns the service of the namespace that a request names. A request that names none goes
    /// to the first namespace, whose service refuses it if it must name one.
    fn service_of(&mut self, request: &Request) -> Result<&mut Service, Status> {
        let name = validate::namespace_of(request).unwrap_or_default();
        if self.registers_on_use && !name.is_empty() {
            self.register(name);
        }
        let namespace = if name.is_empty() {
            self.namespaces.first_mut().map(|(_, namespace)| namespace)
        } else {
            self.namespaces.get_mut(name)
        };
        let namespace = namespace.ok_or_else(|| namespaces::not_found(name))?;
        Ok(&mut namespace.service)
    }

    fn reply(&mut self, id: RequestId, result: Result<Response, Status>) {
        self.replies.push(Reply { id, result });
    }
}
