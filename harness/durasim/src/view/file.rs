//! The file of a view: its place, and its writing.
//!
//! Each test has a file of its own below `target/durasim/`, named for the test and lying as its
//! source file lies: `target/durasim/tests/payments.charges_once.html`. Neither parallel tests nor
//! other test binaries write to it.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use durasim_view::View;

use crate::regressions::source_path;

/// The place of a test's view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    path: PathBuf,
    /// The path as reports show it: from the root of the workspace.
    pub(crate) shown: String,
}

impl Place {
    /// Returns the place of the view of a test, by the folder of its package, its source file and
    /// its path. `None` if the package is not known: it is a test of a program.
    pub(crate) fn of_test(manifest_dir: &str, file: &str, name: &str) -> Option<Self> {
        if manifest_dir.is_empty() {
            return None;
        }
        let file = Path::new(file);
        let source = source_path(Path::new(manifest_dir), file);
        let root = source.as_deref().and_then(|source| root_of(source, file));
        let target = root
            .filter(|root| !root.join("Cargo.lock").exists())
            .map(|root| root.join("target"))
            .or_else(target_of_this_program)
            .or_else(|| Some(root?.join("target")))
            .unwrap_or_else(|| env::temp_dir().join("target"));
        let folder = file.parent().filter(|_| file.is_relative());
        let path = target
            .join("durasim")
            .join(folder.unwrap_or(Path::new("")))
            .join(format!("{}.html", file_name(name)));
        let inner = root.and_then(|root| path.strip_prefix(root).ok());
        let shown = inner.unwrap_or(&path).display().to_string();
        Some(Self { path, shown })
    }
}

/// Writes the page of a view to its place. A reader sees the page before or the new one, never a
/// part.
///
/// # Errors
///
/// That of the file system.
pub(crate) fn write(place: &Place, view: &View) -> io::Result<()> {
    let path = &place.path;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let unfinished = path.with_extension(format!("{}.tmp", std::process::id()));
    fs::write(&unfinished, view.page())?;
    fs::rename(&unfinished, path)
}

/// Returns the folder from which a source file is named.
fn root_of<'a>(source: &'a Path, file: &Path) -> Option<&'a Path> {
    let mut ancestors = source.ancestors();
    ancestors.find(|folder| folder.join(file) == source)
}

/// Returns the target folder that this program was built in.
fn target_of_this_program() -> Option<PathBuf> {
    let program = env::current_exe().ok()?;
    let mut ancestors = program.ancestors();
    let target = ancestors.find(|folder| folder.join("CACHEDIR.TAG").is_file())?;
    Some(target.to_owned())
}

/// Returns the name of a test as the name of a file: `payments.charges_once`.
fn file_name(test: &str) -> String {
    let plain = |letter: char| {
        if letter.is_alphanumeric() || "_-.".contains(letter) {
            letter
        } else {
            '-'
        }
    };
    test.replace("::", ".").chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    #[test]
    fn a_view_lies_below_target_as_its_test_lies_in_the_workspace() {
        let shown = |file: &str, name: &str| {
            let place = Place::of_test(env!("CARGO_MANIFEST_DIR"), file, name).unwrap();
            place.shown.replace('\\', "/")
        };
        let here = shown(file!(), module_path!());
        let folder = "durasim/harness/durasim/src/view/durasim.view.file.tests.html";
        assert!(here.ends_with(folder), "{here}");
        assert_eq!(Place::of_test("", "src/main.rs", "a program"), None);
    }

    #[test]
    fn a_page_that_cannot_be_written_is_an_error() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        fs::write(folder.path().join("target"), "").expect("the folder can be written");
        let path = folder.path().join("target/durasim/test.html");
        let shown = path.display().to_string();
        let written = write(&Place { path, shown }, &View::new("test", Vec::new()));
        assert!(written.is_err());
    }

    #[test]
    fn names_of_tests_are_names_of_files() {
        assert_eq!(file_name("payments::a::case_1"), "payments.a.case_1");
        assert_eq!(file_name("a b/c"), "a-b-c");
    }
}
