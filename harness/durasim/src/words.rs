//! Words that several kinds of text share.

use durasim_engine::{START_MS, SinceStart};

/// Returns a span of virtual time in words: `1d2h`, `1m30s`, `1.5s`, `40ms`, `0s`.
pub(crate) fn duration_words(ms: u64) -> String {
    SinceStart(START_MS.saturating_add(ms)).unsigned()
}
