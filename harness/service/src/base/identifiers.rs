//! Identifiers. All of them are derived: nothing here draws a random number.

use std::fmt;

/// A run of the service: its place in the order of creation. Keys are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RunKey(pub(crate) u32);

impl From<u32> for RunKey {
    fn from(place: u32) -> Self {
        Self(place)
    }
}

impl From<RunKey> for u32 {
    fn from(key: RunKey) -> Self {
        key.0
    }
}

/// A standalone activity: its place in the order of creation. Keys are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ActivityKey(pub(crate) u32);

impl From<u32> for ActivityKey {
    fn from(place: u32) -> Self {
        Self(place)
    }
}

impl From<ActivityKey> for u32 {
    fn from(key: ActivityKey) -> Self {
        key.0
    }
}

/// A standalone Nexus operation: its place in the order of creation. Keys are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct OperationKey(pub(crate) u32);

impl From<u32> for OperationKey {
    fn from(place: u32) -> Self {
        Self(place)
    }
}

impl From<OperationKey> for u32 {
    fn from(key: OperationKey) -> Self {
        key.0
    }
}

/// A batch operation: its place in the order of creation. Keys are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct BatchKey(pub(crate) u32);

impl From<u32> for BatchKey {
    fn from(place: u32) -> Self {
        Self(place)
    }
}

impl From<BatchKey> for u32 {
    fn from(key: BatchKey) -> Self {
        key.0
    }
}

/// The id of a request to the service: chosen by the caller, and unique among the requests that
/// have no reply yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// The id of a delivery from one run to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryId(pub(crate) u64);

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "request {}", self.0)
    }
}

/// Returns a UUID that is a function of a name and an ordinal, and of nothing else.
///
/// The name of a run id is the workflow id, and its ordinal is the ordinal of the run among the
/// runs of that workflow id.
pub(crate) fn derived_uuid(name: &str, ordinal: u64) -> String {
    let high = mix(0x9e37_79b9_7f4a_7c15, name, ordinal);
    let low = mix(high ^ 0xd1b5_4a32_d192_ed03, name, ordinal);
    let bytes = ((u128::from(high) << 64) | u128::from(low)).to_be_bytes();
    // The shape is that of a version 4 UUID, for code that checks it.
    uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .hyphenated()
        .encode_lower(&mut uuid::Uuid::encode_buffer())
        .to_owned()
}

/// Returns a number below `bound` that is a function of a name and an ordinal; 0 without a bound.
pub(crate) fn derived_below(bound: u64, name: &str, ordinal: u64) -> u64 {
    mix(0x9e37_79b9_7f4a_7c15, name, ordinal)
        .checked_rem(bound)
        .unwrap_or(0)
}

/// Hashes the name with FNV-1a, finished as in splitmix64 so that similar inputs have unrelated
/// results.
fn mix(seed: u64, name: &str, ordinal: u64) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ seed.rotate_left(17);
    for bytes in [name.as_bytes(), &[0xff], &ordinal.to_le_bytes()] {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash = hash.wrapping_add(seed);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_id_depends_on_workflow_id_and_ordinal_alone() {
        assert_eq!(derived_uuid("order", 1), derived_uuid("order", 1));
        assert_ne!(derived_uuid("order", 1), derived_uuid("other", 1));
        assert_ne!(derived_uuid("order", 1), derived_uuid("order", 2));
    }

    #[test]
    fn a_run_id_has_the_shape_of_a_random_uuid() {
        let id = derived_uuid("order", 1);
        assert_eq!(id.len(), 36);
        assert_eq!(id.as_bytes()[14], b'4');
    }
}
