//! The trace of a world: everything that happened, as a chain of hashes.
//!
//! The hash after entry n covers all entries up to it. So two worlds are equal exactly if their
//! last hashes are equal, and bisection finds the first entry at which they differ. To compare
//! worlds, the hash is enough ([`Keep::Hash`]), and entries are hashed many at once; to show or
//! explain one, its entries are kept too ([`Keep::Entries`]), each with its hash.
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

use std::{fmt, io::Write};

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::time::SinceStart;

/// The parts that a trace keeps besides its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Nothing.
    Hash,
    /// Every entry.
    Entries,
}

/// Returns a 64-bit digest, the same on every machine, of bytes that are too many for a trace.
pub fn digest(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
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

/// The subject of an entry: its bytes go into the hash, and its words are for people.
///
/// Bytes cost much less than words. Two subjects have the same bytes exactly if they have the same
/// words, in every world.
pub trait Recorded: fmt::Display {
    /// Adds the bytes.
    fn write_bytes(&self, bytes: &mut Vec<u8>);
}

/// Text stands for itself.
impl Recorded for fmt::Arguments<'_> {
    fn write_bytes(&self, bytes: &mut Vec<u8>) {
        match self.as_str() {
            Some(text) => bytes.extend_from_slice(text.as_bytes()),
            None => bytes
                .write_fmt(*self)
                .expect("writing to memory fails only if a Display does"),
        }
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceEntry {
    /// The virtual time, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// The kind of thing, a fixed name.
    pub kind: &'static str,
    /// Everything else, in words.
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

/// Everything that happened in a world.
#[derive(Clone, Debug)]
pub struct Trace {
    keep: Keep,
    len: u64,
    entries: Vec<TraceEntry>,
    /// The hash of all earlier entries, and the bytes of those that are not hashed yet.
    block: Vec<u8>,
}

/// The bytes from which on a block is hashed.
const BLOCK: usize = 1024;

impl Trace {
    /// Creates an empty trace.
    pub fn new(keep: Keep) -> Self {
        let mut block = Vec::with_capacity(2 * BLOCK);
        block.extend_from_slice(&TraceHash::default().0.to_le_bytes());
        Self {
            keep,
            len: 0,
            entries: Vec::new(),
            block,
        }
    }

    /// Adds an entry: its virtual time in milliseconds since the Unix epoch, its kind, and
    /// everything else, which is put into words only if the trace keeps its entries.
    ///
    /// # Panics
    ///
    /// If a value of `what` fails to format itself, which a `Display` never should.
    pub fn record(&mut self, now_ms: u64, kind: &'static str, what: impl Recorded) {
        // Lengths are hashed too, so that no two traces have the same bytes.
        let start = self.block.len();
        let block = &mut self.block;
        block.extend_from_slice(&[0; 4]);
        block.extend_from_slice(&now_ms.to_le_bytes());
        block.extend_from_slice(&(kind.len() as u64).to_le_bytes());
        block.extend_from_slice(kind.as_bytes());
        what.write_bytes(block);
        let length = u32::try_from(block.len() - start).unwrap_or(u32::MAX);
        block[start..start + 4].copy_from_slice(&length.to_le_bytes());
        self.len += 1;
        if self.keep == Keep::Entries {
            let hash = self.hash();
            self.entries.push(TraceEntry {
                at_ms: now_ms,
                kind,
                text: what.to_string(),
                hash,
            });
        }
        if self.block.len() >= BLOCK {
            let hash = self.hash().0.to_le_bytes();
            self.block.clear();
            self.block.extend_from_slice(&hash);
        }
    }

    /// Returns the hash over all entries so far.
    pub fn hash(&self) -> TraceHash {
        TraceHash(xxh3_128(&self.block))
    }

    /// Returns the number of entries recorded so far, kept or not.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Returns `true` if nothing was recorded yet.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the entries; none if only the hash is kept.
    pub fn entries(&self) -> &[TraceEntry] {
        &self.entries
    }
}

/// Returns the index of the first entry at which two traces differ; `None` if they are equal.
///
/// If one trace is the beginning of the other, they differ at the end of the shorter one.
pub fn first_divergence(left: &[TraceEntry], right: &[TraceEntry]) -> Option<usize> {
    let common = left.len().min(right.len());
    // Hashes chain: once they differ, they differ to the end. So bisection is right.
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
