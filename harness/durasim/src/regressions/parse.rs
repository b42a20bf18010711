//! Parsing a file of saved failures.

use durasim_engine::Tape;

use super::SavedFailure;

/// The number of a line, from 1, and the mistake in it.
type Wrong = (usize, String);

/// An entry that is not complete yet.
struct Open {
    line: usize,
    test: String,
    fails: String,
    tape: Option<Tape>,
}

/// Parses the entries, in their order.
pub(super) fn entries(text: &str) -> Result<Vec<SavedFailure>, Wrong> {
    let mut entries = Vec::new();
    let mut open: Option<Open> = None;
    for (index, line) in text.lines().enumerate() {
        let (number, line) = (index + 1, line.trim());
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if ["<<<<<<<", "=======", ">>>>>>>", "|||||||"]
            .iter()
            .any(|marker| line.starts_with(marker))
        {
            return Err((number, "a merge conflict is left in it".to_owned()));
        }
        let (key, value) = line.split_once(' ').unwrap_or((line, ""));
        let value = value.trim();
        match (key, &mut open) {
            ("test", _) if value.is_empty() => {
                return Err((number, "`test` lacks the name of the test".to_owned()));
            }
            ("test", open) => {
                entries.extend(open.take().map(close).transpose()?);
                *open = Some(Open {
                    line: number,
                    test: value.to_owned(),
                    fails: String::new(),
                    tape: None,
                });
            }
            ("fails" | "plan" | "tape", None) => {
                return Err((number, format!("`{key}` stands before any `test` line")));
            }
            ("fails", Some(entry)) => value.clone_into(&mut entry.fails),
            // The plan is for people; the tape has the same choices.
            ("plan", Some(_)) => {}
            ("tape", Some(entry)) => {
                if entry.tape.is_some() {
                    return Err((number, format!("a second tape for test {}", entry.test)));
                }
                let tape = Tape::from_json(value).map_err(|error| (number, unreadable(&error)))?;
                entry.tape = Some(tape);
            }
            (other, _) => {
                return Err((
                    number,
                    format!("unknown line `{other}`; lines are test, fails, plan, tape"),
                ));
            }
        }
    }
    entries.extend(open.map(close).transpose()?);
    Ok(entries)
}

fn close(entry: Open) -> Result<SavedFailure, Wrong> {
    let Open {
        line,
        test,
        fails,
        tape,
    } = entry;
    match tape {
        Some(tape) => Ok(SavedFailure { test, fails, tape }),
        None => Err((line, format!("the entry of test {test} has no tape"))),
    }
}

fn unreadable(error: &serde_json::Error) -> String {
    format!("the tape is not what durasim writes: {error}")
}
