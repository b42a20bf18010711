//! End-to-end tests of durasim: as its users see it, and compared with the official SDK as the
//! oracle.
//!
//! They are one binary, because each binary costs a link with the whole SDK. Under `--cfg madsim`
//! there is another; see `madsim.rs`.

#![cfg(not(madsim))]

#[macro_use]
mod each_scenario;

mod activation_parity;
mod determinism;
mod exhausted_retries;
mod features;
mod fresh_process;
mod fresh_project;
mod generated;
mod hidden_nondeterminism;
mod imports;
mod nexus;
mod official_worker;
mod official_worker_parity;
mod outages;
mod pictures;
mod programs;
mod recovery;
mod replayer_accepts;
mod rules;
mod sdk_defects;
mod single_faults;
mod sound_replays;
mod sound_under_faults;
mod user_story;
