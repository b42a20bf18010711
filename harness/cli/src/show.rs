//! `durasim show`: histories as a picture, or as a story on the terminal.

use std::{
    error::Error,
    fs,
    io::{self, Write},
    path::PathBuf,
};

use durasim::{History, advanced::view_of};

use crate::{arguments::Showing, outline::read};

/// Draws histories in an HTML file, or tells their story. A malformed one does not keep the others
/// from being shown.
///
/// # Errors
///
/// If any history is malformed, or the output cannot be written.
pub(crate) fn show(showing: &Showing) -> Result<(), Box<dyn Error>> {
    let mut histories: Vec<History> = Vec::new();
    let mut malformed = Vec::new();
    for file in &showing.files {
        match read(file) {
            Ok(read) => histories.extend(read),
            Err(error) => malformed.push(error),
        }
    }
    if histories.is_empty()
        && let Some(first) = malformed.pop()
    {
        return Err(first);
    }
    let view = view_of(title(&showing.files), &histories);
    match &showing.output {
        None => io::stdout().lock().write_all(view.text().as_bytes())?,
        Some(output) => {
            fs::write(output, view.page()).map_err(|error| {
                format!(
                    "failed to write the picture to {}: {error}",
                    output.display()
                )
            })?;
            println!("{}", output.display());
        }
    }
    for error in &malformed {
        eprintln!("error: {error}");
    }
    match malformed.len() {
        0 => Ok(()),
        count => Err(format!("{count} of {} cannot be read", showing.files.len()).into()),
    }
}

/// Returns the names of a few files, and the number of the others.
fn title(files: &[PathBuf]) -> String {
    const NAMED: usize = 3;
    let mut names: Vec<String> = files
        .iter()
        .take(NAMED)
        .map(|file| {
            let name = file.file_name().unwrap_or(file.as_os_str());
            name.to_string_lossy().into_owned()
        })
        .collect();
    if let Some(others @ 1..) = files.len().checked_sub(NAMED) {
        names.push(format!("{others} more"));
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    const HISTORY: &str = r#"{ "events": [{
        "eventId": 1,
        "eventTime": "2024-03-01T12:00:00Z",
        "eventType": "WorkflowExecutionStarted",
        "workflowExecutionStartedEventAttributes": {
            "workflowType": { "name": "Order" },
            "taskQueue": { "name": "orders" },
            "workflowId": "order-7",
            "originalExecutionRunId": "run-1"
        }
    }] }"#;

    #[test]
    fn histories_are_drawn_in_one_file() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = |name: &str| folder.path().join(name);
        fs::write(file("order.json"), HISTORY).expect("the folder can be written");
        fs::write(file("bad.json"), &HISTORY[..80]).expect("the folder can be written");
        let shown = |files: &[&str], output: &str| {
            let showing = Showing {
                files: files.iter().map(|name| file(name)).collect(),
                output: Some(file(output)),
            };
            show(&showing).map_err(|error| error.to_string())
        };
        assert_eq!(shown(&["order.json"], "order.html"), Ok(()));
        let page = fs::read_to_string(file("order.html")).expect("a page");
        assert!(
            page.contains("<title>order.json · durasim</title>"),
            "{page}"
        );
        assert!(page.contains("WorkflowExecutionStarted"));

        let error = shown(&["bad.json"], "bad.html").expect_err("it is cut");
        assert!(error.contains("bad.json: the file is truncated"), "{error}");
        assert!(!file("bad.html").exists());
    }

    #[test]
    fn a_title_names_a_few_files() {
        let files = |count: usize| -> Vec<PathBuf> {
            (0..count).map(|it| format!("a/{it}.json").into()).collect()
        };
        assert_eq!(title(&files(2)), "0.json, 1.json");
        assert_eq!(title(&files(5)), "0.json, 1.json, 2.json, 2 more");
    }
}
