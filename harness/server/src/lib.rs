//! The simulated Temporal service behind a port, for workers and clients of every SDK.
//!
//! [`Server`] is to a [`Cluster`](durasim_service::Cluster) what a network and a clock are to a
//! service: it takes requests over gRPC, ends waits after the time that a real server gives them,
//! and lets time pass, really or by skips. It has no rule of Temporal's of its own.
//!
//! ```
//! use durasim_server::{Server, ServerOptions, Time};
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let mut options = ServerOptions::new(([127, 0, 0, 1], 0).into()); // any port that is free
//! options.time = Time::Skipping { locked: true };
//! let server = Server::bind(options).await?;
//! println!("clients connect to {}", server.local_address());
//! server.run_until(async { /* tests, or a signal */ }).await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Time
//!
//! With [`Time::Real`] a month takes a month. With [`Time::Skipping`] the server also serves
//! Temporal's `TestService`, by which SDKs' test environments lock and unlock the skipping of time.
//! Time passes at its real pace while it is locked, or while any worker has a task. Otherwise it
//! jumps to the next moment at which something is due. Neither an open poll nor a task that no
//! worker takes holds time up.
//!
//! # Modules
//!
//! | module | purpose |
//! | --- | --- |
//! | `server` | the port: connections in, gRPC services, the stop |
//! | `doors` | one gRPC service each: a path and bytes become a request |
//! | `carrier` | the way of requests to the host and of answers back |
//! | `host` | the cluster and all who wait for it, under one lock |
//! | `log` | the line that tells a call |
//! | `network` | what becomes of messages on their way |
//! | `patience` | the time after which a wait ends, by RPC |
//! | `test_service` | `TestService`, by which test environments skip time |
//! | `time_skipping` | the lock of time, and those who sleep |
//! | `clock` | the time that the cluster sees |
//! | `bytes_codec` | messages as bytes |

#![allow(
    clippy::disallowed_methods,
    reason = "a server runs in real time, and its tasks are Tokio's"
)]

mod bytes_codec;
mod carrier;
mod clock;
mod doors;
mod host;
mod log;
mod network;
mod options;
mod patience;
mod server;
mod test_service;
mod time_skipping;

pub use durasim_service::{Request, Response};
pub use network::{Lateness, Network, Passage};
pub use options::{ServerOptions, Time};
pub use server::{BindError, ServeError, Server};
pub use temporalio_protos::temporal::api::enums::v1::IndexedValueType;
pub use tonic::Status;
