//! The rules of the house: how the source files of this repository are laid out and written.
//!
//! These tests read source files and nothing else. So that they run although a crate does not
//! compile, this module uses only the standard library and nothing outside of its folder; `just
//! house-rules` builds it alone.

mod circles;
pub(crate) mod habits;
mod imports;
mod modules;
mod tests;
mod tokens;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use modules::Sources;

/// The root of the repository.
///
/// # Panics
///
/// If the tests run outside of the repository.
fn repository() -> PathBuf {
    let current = env::current_dir().expect("a current directory");
    current
        .ancestors()
        .find(|folder| folder.join("ARCHITECTURE.md").exists())
        .expect("the tests run inside of the repository")
        .to_owned()
}

/// Reads the Rust files below a folder of the repository, by their path below it.
fn sources(folder: &str) -> Sources {
    let root = repository().join(folder);
    let mut sources = Sources::new();
    read_folder(&root, &root, &mut sources);
    sources
}

fn read_folder(root: &Path, folder: &Path, sources: &mut Sources) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry of a folder").path();
        if path.is_dir() {
            read_folder(root, &path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).expect("a path below the folder");
            let name = name.to_string_lossy().replace('\\', "/");
            let text = fs::read_to_string(&path).expect("a source file in UTF-8");
            sources.insert(name, text);
        }
    }
}

/// The folders of the crates that make up durasim.
const HARNESS: [&str; 11] = [
    "harness/allocator",
    "harness/engine",
    "harness/events",
    "harness/service",
    "harness/view",
    "harness/worker",
    "harness/durasim",
    "harness/sdk",
    "harness/server",
    "harness/cli",
    "harness/macros",
];

/// The folders of the other crates.
const AROUND: [&str; 3] = ["scenarios", "tests", "benches"];

/// Checks one rule in each of `crates`; those in `not_yet` must break it still.
///
/// `broken` returns a text for each place of a crate that breaks the rule. The texts of crates in
/// `not_yet` are printed, which `--nocapture` shows.
#[track_caller]
fn assert_rule(
    crates: impl IntoIterator<Item = &'static str>,
    not_yet: &[&str],
    broken: impl Fn(&str) -> Vec<String>,
) {
    let mut still_to_do = Vec::new();
    let mut faults = Vec::new();
    for folder in crates {
        let broken = broken(folder);
        let count = broken.len();
        let texts = broken.join("\n");
        if !not_yet.contains(&folder) {
            if count > 0 {
                faults.push(format!("{folder} ({count}):\n{texts}"));
            }
        } else if count == 0 {
            faults.push(format!(
                "{folder} keeps the rule now: take it off the list NOT_YET."
            ));
        } else {
            still_to_do.push(format!("{folder} ({count}), not yet:\n{texts}\n"));
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n\n"));
    println!("{}", still_to_do.join("\n"));
}

/// Checks a habit in each file of each crate.
#[track_caller]
fn assert_habit(not_yet: &[&str], broken: impl Fn(&str) -> Vec<String>) {
    assert_rule(HARNESS.into_iter().chain(AROUND), not_yet, |folder| {
        let sources = sources(folder);
        let files = sources.iter();
        files
            .flat_map(|(file, text)| {
                let broken = broken(text).into_iter();
                broken.map(move |place| format!("{folder}/{file}:{place}"))
            })
            .collect()
    });
}

#[test]
fn no_circle_of_files_is_large() {
    const NOT_YET: &[&str] = &[];
    assert_rule(HARNESS, NOT_YET, |folder| {
        circles::circles_of_files(&sources(&format!("{folder}/src")))
    });
}

#[test]
fn no_folders_import_each_other_in_a_circle() {
    const NOT_YET: &[&str] = &[];
    assert_rule(HARNESS, NOT_YET, |folder| {
        circles::circles_of_folders(&sources(&format!("{folder}/src")))
    });
}

#[test]
fn no_line_is_too_wide() {
    const NOT_YET: &[&str] = &[];
    assert_habit(NOT_YET, habits::wide_lines);
}

#[test]
fn no_file_is_too_long() {
    const NOT_YET: &[&str] = &[];
    assert_habit(NOT_YET, habits::long_file);
}

#[test]
fn doc_comments_open_in_the_manner_of_the_standard_library() {
    const NOT_YET: &[&str] = &[];
    assert_habit(NOT_YET, habits::doc_openings);
}

#[test]
fn no_name_of_a_test_is_too_long() {
    const NOT_YET: &[&str] = &[];
    assert_habit(NOT_YET, habits::long_test_names);
}

#[test]
fn imports_have_one_style() {
    const NOT_YET: &[&str] = &[];
    assert_habit(NOT_YET, habits::import_order);
}
