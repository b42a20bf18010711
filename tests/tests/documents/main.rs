//! Tests that keep documents true: tables about the code, and the rules of the house.

mod conformance;
mod examples;
mod house_rules;
mod rules;
mod view;

use std::{collections::BTreeMap, fs, path::Path};

use house_rules::habits::tests_in;

/// A test that a row names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct TestName {
    name: String,
    /// The path of its file from the root of the repository.
    path: String,
}

/// Reads a file of the repository.
fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("a repository")
        .join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the rows of the table under a heading, cell by cell.
fn table(document: &str, heading: &str) -> Vec<Vec<String>> {
    let section = document
        .split("\n## ")
        .find_map(|section| {
            section
                .strip_prefix(heading)
                .filter(|section| section.starts_with('\n'))
        })
        .unwrap_or_else(|| panic!("no section {heading}"));
    let rows = section
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(2);
    rows.map(|line| {
        line.trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().to_owned())
            .collect()
    })
    .collect()
}

/// Returns the tests that a cell links to.
fn tests_of(cell: &str) -> Vec<TestName> {
    let test = |link: &str| {
        let (name, path) = link
            .strip_prefix('[')?
            .strip_suffix(')')?
            .split_once("](../")?;
        Some(TestName {
            name: name.to_owned(),
            path: path.to_owned(),
        })
    };
    let links = cell.split(", ").filter(|link| !link.is_empty());
    links
        .map(|link| test(link).unwrap_or_else(|| panic!("not a test: {link}")))
        .collect()
}

#[track_caller]
fn assert_tests_exist<'a>(tests: impl IntoIterator<Item = &'a TestName>) {
    let mut found: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for test in tests {
        let names = found
            .entry(&test.path)
            .or_insert_with(|| tests_in(&read(&test.path)));
        assert!(
            names.contains(&test.name),
            "{} has no test {}",
            test.path,
            test.name
        );
    }
}
