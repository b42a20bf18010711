//! Tests that keep `docs/RULES.md` true, which lists Temporal's rules with the tests that show
//! them.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use crate::{TestName, assert_tests_exist, house_rules::habits::tests_in, read, table, tests_of};

/// A row of the document.
#[derive(Debug)]
struct Rule {
    text: String,
    tests: Vec<TestName>,
    source: String,
}

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let document = read("docs/RULES.md");
    let headings = document.lines().filter_map(|line| line.strip_prefix("## "));
    let rows = headings.flat_map(|heading| table(&document, heading));
    let rule = |cells: Vec<String>| {
        let [text, tests, source] = &cells[..] else {
            panic!("a row has three cells: {cells:?}")
        };
        Rule {
            text: text.clone(),
            tests: tests_of(tests),
            source: source.clone(),
        }
    };
    rows.map(rule).collect()
});

#[test]
fn each_rule_is_listed_once_with_a_test_and_a_source() {
    assert!(RULES.len() > 100, "{} rules", RULES.len());
    let mut seen = BTreeSet::new();
    for rule in RULES.iter() {
        assert!(seen.insert(&rule.text), "twice: {}", rule.text);
        assert!(!rule.tests.is_empty(), "no test: {}", rule.text);
        let is_a_file = |source: &str| source.contains('/') && source.contains('.');
        assert!(
            rule.source.split('`').any(is_a_file),
            "no source: {}",
            rule.text
        );
    }
}

#[test]
fn each_named_test_exists() {
    assert_tests_exist(RULES.iter().flat_map(|rule| &rule.tests));
}

/// Returns the Rust files of a directory of the repository.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("a directory");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[test]
fn each_test_of_a_rule_is_in_the_document() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("a repository");
    let named: BTreeSet<&TestName> = RULES.iter().flat_map(|rule| &rule.tests).collect();
    let mut count = 0;
    for file in files(&root.join("tests/tests/e2e/rules")) {
        let path = file.strip_prefix(root).expect("a file of the repository");
        let path = path.to_str().expect("a name in UTF-8").replace('\\', "/");
        for name in tests_in(&read(&path)) {
            let test = TestName {
                name,
                path: path.clone(),
            };
            assert!(named.contains(&test), "in no row: {test:?}");
            count += 1;
        }
    }
    assert!(count > 200, "{count} tests");
}
