//! The port: connections in, gRPC services, the stop.

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use thiserror::Error;
use tokio::net::TcpListener;
use tonic::{
    codec::CompressionEncoding,
    transport::{
        self,
        server::{Router, TcpIncoming},
    },
};

use crate::{
    carrier::Carrier,
    doors::{Door, Framed, Operators, Tests, Workflows},
    options::ServerOptions,
};

/// The descriptors of Temporal's protocol buffers.
const DESCRIPTORS: &[u8] = include_bytes!(env!("TEMPORAL_DESCRIPTORS"));
/// The time that open connections have to end after the stop.
const GRACE: Duration = Duration::from_secs(2);

/// A simulated Temporal service on a port.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    carrier: Arc<Carrier>,
}

/// The error of a port that cannot be listened on.
#[derive(Debug, Error)]
#[error("failed to listen on {address}")]
#[non_exhaustive]
pub struct BindError {
    /// The address.
    pub address: SocketAddr,
    /// The reason.
    pub source: io::Error,
}

/// The error of a server that stopped by itself.
#[derive(Debug, Error)]
#[error("failed to serve")]
#[non_exhaustive]
pub struct ServeError {
    /// The reason.
    pub source: transport::Error,
}

impl Server {
    /// Listens on the address of the options. Clients may connect from now on; they are answered
    /// by [`Server::run_until`].
    ///
    /// # Errors
    ///
    /// [`BindError`] if the address is taken, or not this machine's.
    pub async fn bind(options: ServerOptions) -> Result<Self, BindError> {
        let address = options.address;
        let failed = |source| BindError { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        Ok(Self {
            address: listener.local_addr().map_err(failed)?,
            listener,
            carrier: Arc::new(Carrier::new(options)),
        })
    }

    /// Returns the address that the server listens on, with the port that the system picked.
    pub fn local_address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` completes. Then all who wait are answered: polls with no task, waits for
    /// events and updates with what there is, others with UNAVAILABLE.
    ///
    /// # Errors
    ///
    /// [`ServeError`] if connections can no longer be accepted.
    pub async fn run_until(self, stop: impl Future<Output = ()>) -> Result<(), ServeError> {
        let router = router(&self.carrier).await;
        let time = tokio::spawn(self.carrier.host.clone().keep_time());
        let (stopped, is_stopped) = tokio::sync::oneshot::channel::<()>();
        // Small answers do not wait for the acknowledgment of others.
        let incoming = TcpIncoming::from(self.listener).with_nodelay(Some(true));
        let serving = router.serve_with_incoming_shutdown(incoming, async {
            // The other end is dropped only with this server.
            let _ = is_stopped.await;
        });
        tokio::pin!(serving);
        let served = tokio::select! {
            served = &mut serving => served,
            () = stop => {
                self.carrier.host.stop();
                let _ = stopped.send(());
                // Connections that stay open are cut off.
                tokio::time::timeout(GRACE, serving).await.unwrap_or(Ok(()))
            }
        };
        time.abort();
        served.map_err(|source| ServeError { source })
    }
}

/// Lets a service take compressed requests, as SDKs send them, and compress its answers.
macro_rules! zipped {
    ($service:expr) => {
        $service
            .accept_compressed(CompressionEncoding::Gzip)
            .send_compressed(CompressionEncoding::Gzip)
    };
}

async fn router(carrier: &Arc<Carrier>) -> Router {
    let (health, health_service) = tonic_health::server::health_reporter();
    for service in [Workflows::NAME, Operators::NAME] {
        health
            .set_service_status(service, tonic_health::ServingStatus::Serving)
            .await;
    }
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
    };
    let mut router = transport::Server::builder()
        .add_service(Framed::<Workflows>::new(carrier))
        .add_service(Framed::<Operators>::new(carrier))
        .add_service(Framed::<Tests>::new(carrier))
        .add_service(zipped!(health_service));
    if let Ok(service) = reflection().build_v1() {
        router = router.add_service(zipped!(service));
    }
    if let Ok(service) = reflection().build_v1alpha() {
        router = router.add_service(zipped!(service));
    }
    router
}
