//! The official SDK as the oracle of durasim: its worker, its replayer, and code to compare with
//! them.
//!
//! Nothing here is part of durasim. The official worker owns threads and reads the machine's clock,
//! so it is never deterministic. It is right by definition, as a test needs of an oracle.

#![cfg(not(madsim))]

pub mod core_replay;
pub mod official_tasks;
pub mod official_worker;
pub mod parity;
pub mod server;
pub mod trial;
pub mod worlds;
