//! The options of a server.

use std::{net::SocketAddr, time::Duration};

use durasim_service::{Retention, SearchAttributeRegistry, ServiceConfig};

use crate::network::Network;

/// The way in which time passes for the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// As outside: a month takes a month.
    Real,
    /// By skips, whenever no worker has a task and nobody holds time up.
    Skipping {
        /// True if skipping is locked until a client unlocks it. Test environments of SDKs expect
        /// that.
        locked: bool,
    },
}

/// The options of a [`Server`](crate::Server).
#[derive(Debug)]
#[non_exhaustive]
pub struct ServerOptions {
    /// The address to listen on. With port 0 the system picks a port that is free.
    pub address: SocketAddr,
    /// The way in which time passes.
    pub time: Time,
    /// The namespaces that exist from the beginning, beside that of
    /// [`ServerOptions::service`].
    pub namespaces: Vec<String>,
    /// True if a request to an unknown namespace registers it, as with Temporal's test server. A
    /// real server answers NOT_FOUND.
    pub registers_namespaces: bool,
    /// The network between callers and the service, which may lose and delay messages. By default
    /// they arrive as they were sent.
    pub network: Option<Box<dyn Network>>,
    /// The time for which closed executions are kept, up to half an hour longer. A namespace that a
    /// client registers, or updates, has one of its own. By default it is a day in real time, as
    /// with a development server. If time skips, nothing is dropped by default.
    pub retention: Option<Duration>,
    /// True if each call and its answer are printed to the standard error.
    pub log: bool,
    /// The configuration of the services.
    pub service: ServiceConfig,
}

/// The retention of a development server.
const RETENTION: Duration = Duration::from_hours(24);

impl ServerOptions {
    /// Returns the options of a server in real time, with the namespace `default`. Search
    /// attributes must be registered, as on a real server.
    pub fn new(address: SocketAddr) -> Self {
        let mut service = ServiceConfig::default();
        service.search_attributes = SearchAttributeRegistry::empty();
        Self {
            address,
            time: Time::Real,
            namespaces: Vec::new(),
            registers_namespaces: false,
            network: None,
            retention: None,
            log: false,
            service,
        }
    }

    /// Returns the time for which the service keeps closed executions.
    ///
    /// A test that skips months may ask for a result only then, and Temporal's test server keeps
    /// everything.
    pub(crate) fn kept(&self) -> Retention {
        let named = self.retention;
        match named.or((self.time == Time::Real).then_some(RETENTION)) {
            Some(retention) => Retention::AfterClose {
                ms: u64::try_from(retention.as_millis()).unwrap_or(u64::MAX),
            },
            None => Retention::UntilDeleted,
        }
    }
}
