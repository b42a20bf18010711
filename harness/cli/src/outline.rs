//! `durasim outline`: histories, one event a line.

use std::{
    collections::BTreeMap,
    error::Error,
    io::{self, Read, Write},
    path::Path,
};

use durasim::{History, HistoryError};

use crate::arguments::Outlining;

/// Prints each history. A malformed one does not keep the others from being printed.
///
/// # Errors
///
/// If any history is malformed, or the output is closed.
pub(crate) fn outline(outlining: &Outlining) -> Result<(), Box<dyn Error>> {
    let mut output = io::stdout().lock();
    let mut malformed = 0;
    for file in &outlining.files {
        match read(file) {
            Ok(histories) => {
                for history in &histories {
                    print(&mut output, history)?;
                }
            }
            Err(error) if outlining.files.len() == 1 => return Err(error),
            Err(error) => {
                malformed += 1;
                eprintln!("error: {error}");
            }
        }
    }
    match malformed {
        0 => Ok(()),
        count => Err(format!("{count} of {} cannot be read", outlining.files.len()).into()),
    }
}

/// Reads the histories of a file or a folder; `-` is standard input.
///
/// # Errors
///
/// If any of them is malformed.
pub(crate) fn read(file: &Path) -> Result<Vec<History>, Box<dyn Error>> {
    if file != Path::new("-") {
        return Ok(History::from_path(file)?);
    }
    let mut bytes = Vec::new();
    io::stdin().read_to_end(&mut bytes)?;
    History::read_all(bytes).map_err(|error: HistoryError| error.into())
}

fn print(output: &mut impl Write, history: &History) -> io::Result<()> {
    let (workflow_id, run_id) = (history.workflow_id(), history.run_id());
    writeln!(output, "{workflow_id} (run {run_id})")?;
    writeln!(output, "{}", history.outline())?;
    let unknown = counted(history.unknown());
    if !unknown.is_empty() {
        writeln!(
            output,
            "left out, for this version does not know it: {unknown}"
        )?;
    }
    writeln!(output)
}

/// Returns the fields of `event 7: field` lines, each with the number of events that have it.
fn counted(unknown: &[String]) -> String {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for line in unknown {
        let (_, field) = line.split_once(": ").unwrap_or(("", line));
        *counts.entry(field).or_default() += 1;
    }
    let words = counts.iter().map(|(field, count)| match count {
        1 => format!("{field} (1 event)"),
        count => format!("{field} ({count} events)"),
    });
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    const HISTORY: &str = r#"{ "events": [{
        "eventId": 1,
        "eventTime": "2024-03-01T12:00:00Z",
        "eventType": "WorkflowExecutionStarted",
        "aged": true,
        "workflowExecutionStartedEventAttributes": {
            "workflowType": { "name": "Order" },
            "taskQueue": { "name": "orders" },
            "workflowId": "order-7",
            "originalExecutionRunId": "run-1"
        }
    }] }"#;

    #[test]
    fn an_outline_names_the_run_and_what_was_left_out() {
        let mut output = Vec::new();
        let history = History::from_json(HISTORY).expect("a history");
        print(&mut output, &history).expect("a vector has room");
        assert_eq!(
            String::from_utf8_lossy(&output),
            "order-7 (run run-1)\n\
             1  +0s  WorkflowExecutionStarted  Order() on orders\n\
             left out, for this version does not know it: aged (1 event)\n\n"
        );
    }

    #[test]
    fn a_malformed_file_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let files = ["good.json", "bad.json"].map(|name| folder.path().join(name));
        std::fs::write(&files[0], HISTORY).expect("the folder can be written");
        std::fs::write(&files[1], &HISTORY[..80]).expect("the folder can be written");
        let outlined = |files: &[&std::path::PathBuf]| {
            let files = files.iter().map(|file| (*file).clone()).collect();
            outline(&Outlining { files }).map_err(|error| error.to_string())
        };
        assert_eq!(outlined(&[&files[0]]), Ok(()));
        let error = outlined(&[&files[1]]).expect_err("it is cut");
        assert!(error.contains("bad.json: the file is truncated"), "{error}");
        let error = outlined(&[&files[0], &files[1]]).expect_err("one is cut");
        assert_eq!(error, "1 of 2 cannot be read");
    }
}
