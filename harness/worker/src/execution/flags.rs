//! Flags: the record in history of the rules of Core's that hold for a run.

use std::collections::BTreeSet;

use temporalio_protos::temporal::api::{
    history::v1::WorkflowTaskCompletedEventAttributes, sdk::v1::WorkflowTaskCompletedMetadata,
};

/// A rule of Core's that does not hold for older histories
/// (`temporalio-sdk-core: src/internal_flags.rs`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub(crate) enum CoreFlag {
    /// Ids and types of activities and children are compared on replay.
    IdAndTypeDeterminismChecks = 1,
    /// `patched` upserts a search attribute.
    UpsertSearchAttributeOnPatch = 2,
    /// Commands after a closing one are kept, and the closing one moves to the end.
    MoveTerminalCommands = 3,
}

const KNOWN: [CoreFlag; 3] = [
    CoreFlag::IdAndTypeDeterminismChecks,
    CoreFlag::UpsertSearchAttributeOnPatch,
    CoreFlag::MoveTerminalCommands,
];

/// The flags in a run's history, and those to be recorded with the next completion.
#[derive(Debug, Default)]
pub(crate) struct Flags {
    core: BTreeSet<u32>,
    lang: BTreeSet<u32>,
    core_since_completion: BTreeSet<u32>,
    last_sdk_name: String,
    last_sdk_version: String,
}

impl Flags {
    /// Learns the flags that a completed workflow task recorded.
    pub(crate) fn add_completed(&mut self, completed: &WorkflowTaskCompletedEventAttributes) {
        let Some(metadata) = &completed.sdk_metadata else {
            return;
        };
        self.core.extend(&metadata.core_used_flags);
        self.lang.extend(&metadata.lang_used_flags);
        if !metadata.sdk_name.is_empty() && metadata.sdk_name != self.last_sdk_name {
            self.last_sdk_name.clone_from(&metadata.sdk_name);
        }
        if !metadata.sdk_version.is_empty() && metadata.sdk_version != self.last_sdk_version {
            self.last_sdk_version.clone_from(&metadata.sdk_version);
        }
    }

    /// Returns `true` if the rule holds. A rule that can be recorded now holds, and is recorded
    /// with the next completion.
    pub(crate) fn try_use(&mut self, flag: CoreFlag, record: bool) -> bool {
        let is_recorded = self.core.contains(&(flag as u32));
        if record && !is_recorded {
            self.core_since_completion.insert(flag as u32);
        }
        record || is_recorded
    }

    /// Returns the metadata for the completion of a workflow task: those flags, and those of the
    /// SDK's name and version, that history does not have yet.
    pub(crate) fn gather(
        &mut self,
        sdk_name: &str,
        sdk_version: &str,
    ) -> WorkflowTaskCompletedMetadata {
        for flag in KNOWN.map(|flag| flag as u32) {
            // History has all of them from the second completion on: nothing is added then.
            if !self.core.contains(&flag) {
                self.core_since_completion.insert(flag);
            }
        }
        let used = std::mem::take(&mut self.core_since_completion);
        let core_used_flags: Vec<u32> = used.difference(&self.core).copied().collect();
        self.core.extend(&core_used_flags);
        let unless_known = |name: &str, last: &str| {
            if name == last {
                String::new()
            } else {
                name.to_owned()
            }
        };
        WorkflowTaskCompletedMetadata {
            core_used_flags,
            lang_used_flags: Vec::new(),
            sdk_name: unless_known(sdk_name, &self.last_sdk_name),
            sdk_version: unless_known(sdk_version, &self.last_sdk_version),
        }
    }

    /// Returns the SDK's own flags, which Core keeps for it.
    pub(crate) fn lang(&self) -> Vec<u32> {
        self.lang.iter().copied().collect()
    }

    pub(crate) fn last_sdk_version(&self) -> &str {
        &self.last_sdk_version
    }
}
