//! The reason why a history cannot be read.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    str::Utf8Error,
};

use temporalio_protos::temporal::api::enums::v1::EventType;

/// The reason why a history cannot be read, with its place: file, history, event and field.
///
/// ```
/// use durasim::History;
///
/// let error = History::from_json(r#"{ "events": [{ "eventId": "one" }] }"#).unwrap_err();
/// assert_eq!(error.event(), Some(1));
/// assert_eq!(
///     error.to_string(),
///     "cannot read the history: event 1: eventId: invalid digit found in string",
/// );
/// ```
#[derive(Debug, thiserror::Error)]
pub struct HistoryError {
    path: Option<PathBuf>,
    /// The number of the history in its file, if the file has several.
    history: Option<usize>,
    event: Option<i64>,
    field: Option<String>,
    kind: Box<HistoryErrorKind>,
}

/// The kinds of errors of malformed histories.
///
/// ```
/// use durasim::{History, HistoryErrorKind};
///
/// let error = History::from_json("{ \"events\": []").unwrap_err();
/// assert!(matches!(error.kind(), HistoryErrorKind::Truncated(_)));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryErrorKind {
    /// The system cannot read the file or the folder.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The pattern for files is malformed.
    #[error("malformed pattern: {0}")]
    Pattern(#[source] glob::PatternError),
    /// No file matches the pattern.
    #[error("no file matches this pattern")]
    NoMatch,
    /// The folder holds no histories.
    #[error("the folder holds no file that ends in .json, .jsonl, .pb or .binpb")]
    EmptyFolder,
    /// There is nothing in the file.
    #[error("the file is empty")]
    Empty,
    /// The text is not UTF-8.
    #[error("neither text nor a protocol buffer: byte {} is not UTF-8", .0.valid_up_to())]
    NotUtf8(#[source] Utf8Error),
    /// The text is not JSON.
    #[error("not JSON: {0}")]
    Syntax(#[source] serde_json::Error),
    /// The text ends before the JSON does.
    #[error("the file is truncated: {0}")]
    Truncated(#[source] serde_json::Error),
    /// The JSON is something else.
    #[error("expected a history, an object with a list of `events`; found {0}")]
    NotAHistory(String),
    /// The bytes are not a history.
    #[error("not a protocol buffer of a history: {0}")]
    Protobuf(#[source] prost::DecodeError),
    /// There are several histories where one is expected.
    #[error("expected one history, found {0}")]
    Several(usize),
    /// A field has a value that it cannot have.
    #[error("{0}")]
    Value(String),
    /// There is no event.
    #[error("the history has no events")]
    NoEvents,
    /// More events follow on another page.
    #[error(
        "this is one page of a history: its `nextPageToken` says that more events follow; \
         `temporal workflow show --output json` prints all"
    )]
    Page,
    /// Events are missing, repeated or in another order.
    #[error("expected event {expected} here: {}", order(*expected, *found))]
    NotContiguous {
        /// The event that comes next.
        expected: i64,
        /// The event that is there.
        found: i64,
    },
    /// The first event is not the start of the run.
    #[error("a history begins with WorkflowExecutionStarted, not with {0:?}")]
    NoStarted(EventType),
    /// An event does not have the attributes of its type.
    #[error("{event_type:?} has {}", .attributes.map_or_else(
        || "no attributes".to_owned(),
        |other| format!("the attributes of {other:?}"),
    ))]
    Attributes {
        /// The type of the event.
        event_type: EventType,
        /// The type whose attributes it has, if it has any.
        attributes: Option<EventType>,
    },
    /// An event names another event that it cannot belong to.
    #[error("{field} is {id}, but no earlier event of that number is a {expected:?}")]
    Reference {
        /// The field that names the other event.
        field: &'static str,
        /// The id in the field.
        id: i64,
        /// The type of event that it must have.
        expected: EventType,
    },
    /// An event follows the end of the run.
    #[error("the run has closed with event {0}: nothing can follow")]
    AfterEnd(i64),
}

fn order(expected: i64, found: i64) -> String {
    if found > expected {
        format!("found event {found}, so events are missing")
    } else {
        format!("found event {found} again, or in reverse order")
    }
}

impl HistoryError {
    /// Returns the file or folder, if the history came from one.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Returns the number of the event that is malformed, from 1, if one is.
    pub fn event(&self) -> Option<i64> {
        self.event
    }

    /// Returns what is wrong.
    pub fn kind(&self) -> &HistoryErrorKind {
        &self.kind
    }

    pub(super) fn in_file(mut self, path: &Path) -> Self {
        self.path.get_or_insert_with(|| path.to_owned());
        self
    }

    /// Returns the error under the name by which the caller knows the file.
    pub(crate) fn of_file(mut self, path: &Path) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    pub(super) fn of_history(mut self, number: usize) -> Self {
        self.history = Some(number);
        self
    }

    pub(super) fn at_event(mut self, event: i64) -> Self {
        self.event = Some(event);
        self
    }

    pub(super) fn in_field(mut self, field: String) -> Self {
        self.field = Some(field).filter(|field| !field.is_empty());
        self
    }
}

impl From<HistoryErrorKind> for HistoryError {
    fn from(kind: HistoryErrorKind) -> Self {
        Self {
            path: None,
            history: None,
            event: None,
            field: None,
            kind: Box::new(kind),
        }
    }
}

impl From<io::Error> for HistoryError {
    fn from(error: io::Error) -> Self {
        HistoryErrorKind::Io(error).into()
    }
}

impl fmt::Display for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "cannot read {}: ", path.display())?,
            None => f.write_str("cannot read the history: ")?,
        }
        if let Some(history) = self.history {
            write!(f, "history {history}: ")?;
        }
        if let Some(event) = self.event {
            write!(f, "event {event}: ")?;
        }
        if let Some(field) = &self.field {
            write!(f, "{field}: ")?;
        }
        self.kind.fmt(f)
    }
}
