//! Whatever a file holds, it is read as a history or refused with its place and a reason; what is
//! read has an outline.

#![no_main]

use durasim::History;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for read in [History::from_json(bytes), History::from_protobuf(bytes)] {
        match read {
            Ok(history) => drop(history.outline()),
            Err(refused) => assert!(!refused.to_string().is_empty()),
        }
    }
});
