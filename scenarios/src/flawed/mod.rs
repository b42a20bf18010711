//! Flawed twins of sound scenarios, each with one known flaw that durasim must find.

pub mod charge_without_key;
pub mod clock;
pub mod double_deposit;
pub mod dropped_loser;
pub mod file_read;
pub mod hash_map_order;
pub mod ignored_heartbeat;
pub mod late_recovery;
pub mod late_undo;
pub mod lost_signal;
pub mod missed_compensation;
pub mod nested_activities;
pub mod overwritten_signal;
pub mod pulled_reordered;
pub mod randomness;
pub mod refund_twice;
pub mod reordered_activities;
pub mod retried_refusal;
pub mod silent_activity;
pub mod skipped_line;
pub mod static_state;
pub mod stopped_early;
pub mod tokio_spawn;
pub mod unordered_reports;
