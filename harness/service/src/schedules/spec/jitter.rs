//! Jitter: the delay of a time, which a hash of the time and of the schedule decides.
//!
//! Source: `temporalio/temporal: service/worker/scheduler/spec.go` (`addJitter`).

/// The seconds from the first moment of the year 1, where Go counts from, to the Unix epoch.
const EPOCH_S: i64 = 62_135_596_800;

/// Returns the delay in milliseconds of a nominal time, in seconds since the Unix epoch: less than
/// the maximum.
pub(super) fn of_ms(seed: &str, nominal_s: i64, max_ms: u64) -> u64 {
    let hash = farmhash::fingerprint32(&hashed(seed, nominal_s));
    (u64::from(hash) * max_ms.min(u32::MAX.into())) >> 32
}

/// Returns the bytes that are hashed: the time as Go marshals it, in UTC, and the seed.
fn hashed(seed: &str, nominal_s: i64) -> Vec<u8> {
    const VERSION: u8 = 1;
    const NANOS: [u8; 4] = [0; 4];
    const IN_UTC: [u8; 2] = [0xff; 2];
    let mut bytes = vec![VERSION];
    bytes.extend((nominal_s + EPOCH_S).to_be_bytes());
    bytes.extend(NANOS);
    bytes.extend(IN_UTC);
    bytes.extend(seed.as_bytes());
    bytes
}
