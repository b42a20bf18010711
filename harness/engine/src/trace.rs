//! The trace of a run: everything that happened, as a chain of hashes.
//!
//! The hash of entry n covers that of entry n-1, so two runs agree exactly when their last hashes
//! agree, and the first entry at which they part is found by bisection. A run that only needs to be
//! compared keeps the hash ([`Keep::Hash`]); one that is to be shown or explained keeps the entries
//! too ([`Keep::Entries`]).
//!
//! ```
//! use durasim_engine::{Keep, START_MS, Trace, first_divergence};
//!
//! let mut left = Trace::new(Keep::Entries);
//! let mut right = Trace::new(Keep::Entries);
//! for trace in [&mut left, &mut right] {
//!     trace.record(START_MS, "poll", format_args!("test body"));
//! }
//! assert_eq!(left.hash(), right.hash());
//!
//! left.record(START_MS + 5, "message", format_args!("to {}", "payments"));
//! right.record(START_MS + 5, "message", format_args!("to {}", "ledger"));
//! assert_eq!(first_divergence(left.entries(), right.entries()), Some(1));
//! ```

use std::fmt;
use std::io::Write;

use xxhash_rust::xxh3::xxh3_128;

use crate::time::SinceStart;

/// What a trace keeps besides its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Nothing.
    Hash,
    /// Every entry.
    Entries,
}

/// A 64-bit digest of bytes too many to write into a trace: the same on every machine.
pub fn digest(bytes: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(bytes)
}

/// The hash of a trace up to some entry: 128 bits, printed as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TraceHash(pub u128);

impl fmt::Display for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceHash({self})")
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceEntry {
    /// When, in virtual milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// What kind of thing, a fixed name.
    pub kind: &'static str,
    /// The rest, in words.
    pub text: String,
    /// The hash of the trace up to and including this entry.
    pub hash: TraceHash,
}

impl fmt::Display for TraceEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}  {}  {}",
            SinceStart(self.at_ms),
            self.kind,
            self.text
        )
    }
}

/// Everything that happened in a run.
#[derive(Clone, Debug)]
pub struct Trace {
    keep: Keep,
    hash: TraceHash,
    len: u64,
    entries: Vec<TraceEntry>,
    /// What is hashed next; kept between entries so that recording does not allocate.
    buffer: Vec<u8>,
}

/// Where the text begins in the buffer: after the previous hash, the time and the length of the
/// kind.
const KIND_AT: usize = 16 + 8 + 8;

impl Trace {
    /// An empty trace.
    pub fn new(keep: Keep) -> Self {
        Self {
            keep,
            hash: TraceHash::default(),
            len: 0,
            entries: Vec::new(),
            buffer: Vec::new(),
        }
    }

    /// Adds an entry: when (virtual milliseconds since the Unix epoch), its kind, and the rest in
    /// words.
    ///
    /// # Panics
    ///
    /// If a value to be formatted fails to format itself, which a `Display` never should.
    pub fn record(&mut self, now_ms: u64, kind: &'static str, text: fmt::Arguments<'_>) {
        let buffer = &mut self.buffer;
        buffer.clear();
        buffer.extend_from_slice(&self.hash.0.to_le_bytes());
        buffer.extend_from_slice(&now_ms.to_le_bytes());
        buffer.extend_from_slice(&(kind.len() as u64).to_le_bytes());
        buffer.extend_from_slice(kind.as_bytes());
        match text.as_str() {
            Some(text) => buffer.extend_from_slice(text.as_bytes()),
            None => buffer
                .write_fmt(text)
                .expect("writing to memory fails only if a Display does"),
        }
        self.hash = TraceHash(xxh3_128(buffer));
        self.len += 1;
        if self.keep == Keep::Entries {
            let text = String::from_utf8_lossy(&buffer[KIND_AT + kind.len()..]).into_owned();
            self.entries.push(TraceEntry {
                at_ms: now_ms,
                kind,
                text,
                hash: self.hash,
            });
        }
    }

    /// The hash over all entries so far.
    pub fn hash(&self) -> TraceHash {
        self.hash
    }

    /// How many entries were recorded, kept or not.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing was recorded yet.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The entries; none if only the hash is kept.
    pub fn entries(&self) -> &[TraceEntry] {
        &self.entries
    }
}

/// The index of the first entry at which two traces part; `None` if they are equal.
///
/// If one is the beginning of the other, they part where the shorter one ends.
pub fn first_divergence(left: &[TraceEntry], right: &[TraceEntry]) -> Option<usize> {
    let common = left.len().min(right.len());
    // Hashes chain: once they differ they differ to the end, which is what makes bisection right.
    let (mut equal, mut differing) = (0, common);
    while equal < differing {
        let middle = equal.midpoint(differing);
        if left[middle].hash == right[middle].hash {
            equal = middle + 1;
        } else {
            differing = middle;
        }
    }
    (equal < common || left.len() != right.len()).then_some(equal)
}

#[cfg(test)]
mod tests;
