//! Saved failures: kept in a readable file beside the test, and run first.
//!
//! The file of `tests/payments.rs` is `tests/payments.durasim-seeds`. An entry names the test and
//! the failure, has the plan in words, and holds the shortest tape as JSON. Only the name of the
//! test and the tape are read back:
//!
//! ```text
//! test payments::payment_charges_once
//! fails DS103 idempotency
//! plan +1.5s  crash worker payments after Payments::charge, attempt 1
//! tape {"seed":17,"entries":[{"site":"worker.crash", …}]}
//! ```
//!
//! New entries are appended, and old ones are never rewritten. So comments stay, merges are simple,
//! and tests that fail at the same time do not disturb each other. To remove an entry, delete its
//! lines. The file belongs under version control.

mod parse;

use std::{
    fmt::Write as _,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use durasim_engine::Tape;

/// The extension of the files.
const EXTENSION: &str = "durasim-seeds";

/// The first lines of a new file.
const HEADER: &str = "\
# Failures that durasim found in the tests beside this file. They run first, before any new seeds.
# Keep this file under version control; delete the lines of an entry that no longer matters.
";

/// The lock that makes the tests of one process write one at a time. Other processes may write too,
/// so each entry is appended in one piece.
static WRITING: Mutex<()> = Mutex::new(());

/// A failure that was found before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SavedFailure {
    /// The test's path, crate included.
    pub(crate) test: String,
    /// Code and name of the failure: `DS103 idempotency`.
    pub(crate) fails: String,
    /// The shortest known tape that brings the failure back.
    pub(crate) tape: Tape,
}

/// The saved failures of one source file's tests.
#[derive(Debug, Clone)]
pub(crate) struct Regressions {
    path: PathBuf,
    entries: Vec<SavedFailure>,
}

/// An error of reading or writing saved failures.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum RegressionsError {
    /// The file exists and is not what durasim wrote.
    #[error(
        "failed to read saved seeds at {}:{line}: {what}; correct the line or delete its entry",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The mistake in the line.
        what: String,
    },
    /// The file cannot be read.
    #[error("failed to read saved seeds from {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("failed to save the seed in {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
}

impl Regressions {
    /// Reads the file beside a test's source file. A file that does not exist yet is empty.
    ///
    /// `manifest_dir` and `file` are the values of `env!("CARGO_MANIFEST_DIR")` and `file!()` in
    /// the test. Returns `None` if the sources are not on this machine: nothing can be kept beside
    /// them.
    ///
    /// # Errors
    ///
    /// If there is a file that cannot be read.
    pub(crate) fn beside(manifest_dir: &str, file: &str) -> Result<Option<Self>, RegressionsError> {
        source_path(Path::new(manifest_dir), Path::new(file))
            .map(|source| Self::read(source.with_extension(EXTENSION)))
            .transpose()
    }

    fn read(path: PathBuf) -> Result<Self, RegressionsError> {
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(RegressionsError::Read { path, source }),
        };
        match parse::entries(&text) {
            Ok(entries) => Ok(Self { path, entries }),
            Err((line, what)) => Err(RegressionsError::Damaged { path, line, what }),
        }
    }

    /// Returns the path of the file, which may not exist yet.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the saved failures of a test, oldest first.
    pub(crate) fn of_test<'a>(&'a self, test: &'a str) -> impl Iterator<Item = &'a SavedFailure> {
        self.entries.iter().filter(move |entry| entry.test == test)
    }

    /// Appends a failure, unless the same test has one with the same choices already. Returns
    /// `true` if it did.
    ///
    /// # Errors
    ///
    /// If the file cannot be read again or written.
    pub(crate) fn save(&mut self, failure: SavedFailure) -> Result<bool, RegressionsError> {
        let _one_at_a_time = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
        // Another test of the same file may have failed since.
        self.entries = Self::read(self.path.clone())?.entries;
        if self
            .entries
            .iter()
            .any(|entry| entry.test == failure.test && same_choices(&entry.tape, &failure.tape))
        {
            return Ok(false);
        }
        self.append(&entry_text(&failure))
            .map_err(|source| RegressionsError::Write {
                path: self.path.clone(),
                source,
            })?;
        self.entries.push(failure);
        Ok(true)
    }

    fn append(&self, text: &str) -> io::Result<()> {
        match OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&self.path)
        {
            Ok(mut file) => file.write_all(format!("{HEADER}{text}").as_bytes()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => OpenOptions::new()
                .append(true)
                .open(&self.path)?
                .write_all(text.as_bytes()),
            Err(error) => Err(error),
        }
    }
}

/// Returns an entry as it stands in the file, after an empty line.
fn entry_text(failure: &SavedFailure) -> String {
    let SavedFailure { test, fails, tape } = failure;
    let mut text = format!("\ntest {test}\nfails {fails}\n");
    for entry in &tape.entries {
        // Choices of order have no words that help.
        if !entry.words.is_empty() {
            let _ = writeln!(text, "plan {}", entry.to_string().replace('\n', " "));
        }
    }
    let json = serde_json::to_string(tape).expect("a tape holds strings and numbers only");
    let _ = writeln!(text, "tape {json}");
    text
}

/// Returns `true` if two tapes make the same choices, whatever their words and times.
fn same_choices(left: &Tape, right: &Tape) -> bool {
    let choices = |tape: &Tape| -> Vec<_> {
        tape.entries
            .iter()
            .map(|entry| (entry.point.clone(), entry.arity, entry.value))
            .collect()
    };
    choices(left) == choices(right)
}

/// Returns the source file on this machine. `file!()` is relative to the folder in which the
/// compiler ran: the workspace's root for a member of one, the package itself otherwise.
pub(crate) fn source_path(manifest_dir: &Path, file: &Path) -> Option<PathBuf> {
    if manifest_dir.as_os_str().is_empty() {
        // A test of a program, which may run anywhere.
        return None;
    }
    manifest_dir
        .ancestors()
        .map(|folder| folder.join(file))
        .find(|candidate| candidate.is_file())
}

#[cfg(test)]
mod tests;
