//! Histories of real runs, from text, bytes, files and folders.
//!
//! The text is the JSON of Temporal's tools, in any of the forms that [`json`] knows; the bytes are
//! those of `temporal.api.history.v1.History`. What was read is checked before anything else sees
//! it: see [`events`].

mod error;
mod events;
mod json;
mod payloads;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use durasim_events::{Attributes, HistoryEvent};
use durasim_service::time::instant_ms;
use prost::Message;

use super::History;

pub use error::{HistoryError, HistoryErrorKind};

/// The endings of files that hold a history. `.json` is text, the others are protocol buffers.
const ENDINGS: [&str; 4] = ["json", "jsonl", "pb", "binpb"];

/// The ids of a run whose history does not say them.
const UNKNOWN: &str = "unknown";

/// The events of one history, and the names in its file that have no place in them.
#[derive(Debug, Default)]
struct Parts {
    events: Vec<HistoryEvent>,
    unknown: Vec<String>,
}

impl History {
    /// Reads a history from the JSON of the `temporal` command line, of the web UI, of the HTTP API
    /// or of an SDK.
    ///
    /// Enums may be spelled either way, `EVENT_TYPE_TIMER_FIRED` or `TimerFired`, or be numbers;
    /// 64-bit numbers may be text. Payloads may be written in full, as metadata and data in base
    /// 64; or in the shorthand of the command line, as the value alone; or as the web UI decodes
    /// them, with metadata and data as text. The form that the Rust SDK alone writes is read too.
    /// Fields and values that only other versions of the server know are left out:
    /// [`unknown`](Self::unknown) lists them.
    ///
    /// ```
    /// use durasim::History;
    ///
    /// let history = History::from_json(r#"{ "events": [{
    ///     "eventId": "1",
    ///     "eventTime": "2024-03-01T12:00:00Z",
    ///     "eventType": "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED",
    ///     "workflowExecutionStartedEventAttributes": {
    ///         "workflowType": { "name": "Order" },
    ///         "taskQueue": { "name": "orders" },
    ///         "input": ["book", 2],
    ///         "workflowId": "order-7"
    ///     }
    /// }] }"#)?;
    /// assert_eq!(history.workflow_id(), "order-7");
    /// assert_eq!(
    ///     history.outline(),
    ///     r#"1  +0s  WorkflowExecutionStarted  Order("book", 2) on orders"#,
    /// );
    /// # Ok::<(), durasim::HistoryError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the text is no history, or one with events that cannot be: the error says which event,
    /// and what is wrong.
    pub fn from_json(text: impl AsRef<[u8]>) -> Result<Self, HistoryError> {
        one(many_from_json(text.as_ref())?)
    }

    /// Reads a history from the protocol buffer `temporal.api.history.v1.History`.
    ///
    /// # Errors
    ///
    /// If the bytes are no history, or one with events that cannot be.
    pub fn from_protobuf(bytes: impl AsRef<[u8]>) -> Result<Self, HistoryError> {
        one(many_from_protobuf(bytes.as_ref())?)
    }

    /// Reads a history from a file: JSON or a protocol buffer, told apart by what it holds.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or does not hold one history. The error names the file.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, HistoryError> {
        let path = path.as_ref();
        let histories = of_file(path)?;
        one(histories).map_err(|error| error.in_file(path))
    }

    /// Reads any number of histories from bytes: one JSON after another, as `temporal` prints them,
    /// an array of histories, or protocol buffers one after another.
    ///
    /// # Errors
    ///
    /// If there is none, or one is malformed. The error says which.
    pub fn read_all(bytes: impl AsRef<[u8]>) -> Result<Vec<Self>, HistoryError> {
        let bytes = bytes.as_ref();
        if is_protobuf(bytes) {
            many_from_protobuf(bytes)
        } else {
            many_from_json(bytes)
        }
    }

    /// Reads the histories of a file, of all files in a folder and in its folders, or of all files
    /// that match a pattern such as `tests/histories/*.json`; in the order of their paths.
    ///
    /// # Errors
    ///
    /// If there is no file, or one is malformed. The error names it.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Vec<Self>, HistoryError> {
        let mut histories = Vec::new();
        for file in files(path.as_ref())? {
            histories.extend(of_file(&file)?);
        }
        Ok(histories)
    }

    /// Returns this history under another workflow id. Servers before 1.24 do not write it down.
    #[must_use]
    pub fn with_workflow_id(mut self, workflow_id: impl Into<String>) -> Self {
        self.workflow_id = workflow_id.into();
        self
    }

    /// Returns this history under another run id. The events have that of the run's first start,
    /// which is another after some resets.
    #[must_use]
    pub fn with_run_id(mut self, run_id: impl Into<String>) -> Self {
        self.run_id = run_id.into();
        self
    }

    /// Returns the fields of the file that this version of durasim does not know, and the values of
    /// enums, each with its event: a newer or a much older server wrote them. The events lack them.
    pub fn unknown(&self) -> &[String] {
        &self.unknown
    }

    /// Returns the history of these events, once they are checked.
    fn of_parts(parts: Parts) -> Result<Self, HistoryError> {
        events::check(&parts.events)?;
        let (workflow_id, run_id) = ids(&parts.events);
        let or_unknown = |id: String| if id.is_empty() { UNKNOWN.into() } else { id };
        let first = parts.events.first().and_then(|event| event.event_time);
        let zero_ms = first.as_ref().map_or(0, instant_ms);
        let events = parts.events.into_iter().map(Arc::new).collect();
        let mut history = Self::new(or_unknown(workflow_id), or_unknown(run_id), events);
        history.unknown = parts.unknown;
        history.zero_ms = zero_ms;
        Ok(history)
    }
}

/// Returns the files of a path: itself, those of a folder, or those that match a pattern; sorted.
///
/// # Errors
///
/// If there is none.
pub(crate) fn files(path: &Path) -> Result<Vec<PathBuf>, HistoryError> {
    let mut found = Vec::new();
    let none = if path.is_dir() {
        of_folder(path, &mut found)
            .map_err(|(at, error)| HistoryError::from(error).in_file(&at))?;
        HistoryErrorKind::EmptyFolder
    } else {
        let pattern = path.to_string_lossy();
        if path.exists() || !pattern.contains(['*', '?', '[']) {
            return Ok(vec![path.to_owned()]);
        }
        let paths = glob::glob(&pattern)
            .map_err(|error| HistoryError::from(HistoryErrorKind::Pattern(error)).in_file(path))?;
        found.extend(paths.filter_map(Result::ok).filter(|path| path.is_file()));
        HistoryErrorKind::NoMatch
    };
    if found.is_empty() {
        return Err(HistoryError::from(none).in_file(path));
    }
    found.sort();
    Ok(found)
}

fn of_folder(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), (PathBuf, std::io::Error)> {
    let at = |error| (folder.to_owned(), error);
    for entry in fs::read_dir(folder).map_err(at)? {
        let path = entry.map_err(at)?.path();
        let ending = path.extension().and_then(|ending| ending.to_str());
        if path.is_dir() {
            of_folder(&path, found)?;
        } else if ending.is_some_and(|ending| ENDINGS.contains(&ending)) {
            found.push(path);
        }
    }
    Ok(())
}

/// Reads the histories of a file. One whose workflow id is not written down gets the file's name.
fn of_file(path: &Path) -> Result<Vec<History>, HistoryError> {
    let bytes = fs::read(path).map_err(|error| HistoryError::from(error).in_file(path))?;
    let mut histories = History::read_all(bytes).map_err(|error| error.in_file(path))?;
    if let ([history], Some(stem)) = (histories.as_mut_slice(), path.file_stem())
        && history.workflow_id == UNKNOWN
    {
        history.workflow_id = stem.to_string_lossy().into_owned();
    }
    Ok(histories)
}

/// Returns `true` if bytes are a protocol buffer and no text: its first field is an event, whose
/// first field is its id. In text no line break is followed by a backspace.
fn is_protobuf(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    matches!(prost::encoding::decode_key(&mut rest), Ok((1, _)))
        && bytes.first() == Some(&EVENT)
        && prost::encoding::decode_varint(&mut rest).is_ok()
        && rest.first() == Some(&EVENT_ID)
}

/// The key of the field `events` of a history.
const EVENT: u8 = 0x0a;

/// The key of the field `event_id` of an event.
const EVENT_ID: u8 = 0x08;

fn many_from_json(text: &[u8]) -> Result<Vec<History>, HistoryError> {
    numbered(json::histories(text)?)
}

/// Reads histories that were encoded one after another: each begins with an event 1.
fn many_from_protobuf(bytes: &[u8]) -> Result<Vec<History>, HistoryError> {
    /// A history, small in memory.
    #[derive(Clone, PartialEq, prost::Message)]
    struct Events {
        #[prost(message, repeated, tag = "1")]
        events: Vec<HistoryEvent>,
    }
    if bytes.is_empty() {
        return Err(HistoryErrorKind::Empty.into());
    }
    let read = Events::decode(bytes).map_err(HistoryErrorKind::Protobuf)?;
    let mut histories: Vec<Parts> = Vec::new();
    for event in read.events {
        match histories.last_mut() {
            Some(current) if event.event_id != 1 => current.events.push(event),
            _ => histories.push(Parts {
                events: vec![event],
                ..Parts::default()
            }),
        }
    }
    numbered(histories.into_iter().map(Ok).collect())
}

/// Checks all histories of a stream. An error says which of several it is about.
fn numbered(read: Vec<Result<Parts, HistoryError>>) -> Result<Vec<History>, HistoryError> {
    let count = read.len();
    if count == 0 {
        return Err(HistoryErrorKind::NoEvents.into());
    }
    let histories = read.into_iter().zip(1..).map(|(parts, number)| {
        let history = parts.and_then(History::of_parts);
        history.map_err(|error| {
            if count > 1 {
                error.of_history(number)
            } else {
                error
            }
        })
    });
    histories.collect()
}

fn one(mut histories: Vec<History>) -> Result<History, HistoryError> {
    match histories.len() {
        1 => Ok(histories.remove(0)),
        count => Err(HistoryErrorKind::Several(count).into()),
    }
}

/// Returns the workflow id and the run id, which are empty if the events do not say them.
///
/// The events of a reset run are those of the run before it, up to the failure of the workflow task
/// that names the new run.
fn ids(events: &[HistoryEvent]) -> (String, String) {
    let (mut workflow_id, mut run_id) = (String::new(), String::new());
    for event in events {
        match &event.attributes {
            Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) => {
                workflow_id.clone_from(&started.workflow_id);
                run_id.clone_from(&started.original_execution_run_id);
            }
            Some(Attributes::WorkflowTaskFailedEventAttributes(failed))
                if !failed.new_run_id.is_empty() =>
            {
                run_id.clone_from(&failed.new_run_id);
            }
            _ => {}
        }
    }
    (workflow_id, run_id)
}

#[cfg(test)]
mod tests;
