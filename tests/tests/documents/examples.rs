//! Every public type that a test touches has an example in its documentation.

use std::{collections::BTreeSet, fs, path::Path};

/// Returns the sources in a folder of the repository and below it.
fn sources(folder: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry of a folder").path();
        if path.is_dir() {
            texts.extend(sources(&path));
        } else if path.extension().is_some_and(|it| it == "rs") {
            texts.push(fs::read_to_string(&path).expect("a source can be read"));
        }
    }
    texts
}

/// Returns the types that the root of the crate and its prelude export.
fn exported(root: &str) -> BTreeSet<&str> {
    let (public, _) = root
        .split_once("pub mod __private")
        .expect("the crate has such a module");
    let ours = |statement: &&str| {
        let from = [
            "crate::",
            "checks::",
            "durasim_",
            "environment::",
            "error::",
        ];
        let more = [
            "expected_calls::",
            "faults::",
            "history::",
            "ledger::",
            "limits::",
        ];
        let rest = ["mock_workflow::", "of_workers::", "options::", "world::"];
        [&from[..], &more, &rest]
            .concat()
            .iter()
            .any(|it| statement.trim_start().starts_with(it))
    };
    public
        .split("pub use ")
        .skip(1)
        .filter_map(|rest| rest.split(';').next())
        .filter(ours)
        .flat_map(|statement| statement.split(|it: char| !it.is_alphanumeric() && it != '_'))
        .filter(|word| word.starts_with(char::is_uppercase))
        .collect()
}

/// Returns `true` if a source defines or re-exports the type below documentation with an example,
/// or hides it.
fn has_example(source: &str, name: &str) -> bool {
    let lines: Vec<_> = source.lines().collect();
    let is_item = |line: &str| {
        let line = line.trim_start();
        let Some(rest) = line.strip_prefix("pub ") else {
            return false;
        };
        let words: Vec<_> = rest
            .split(|it: char| !it.is_alphanumeric() && it != '_')
            .collect();
        match words.first() {
            Some(&("struct" | "enum" | "trait" | "type")) => words.get(1) == Some(&name),
            Some(&"use") => rest.ends_with(&format!("::{name};")),
            _ => false,
        }
    };
    lines.iter().enumerate().any(|(index, line)| {
        let above = lines[..index].iter().rev();
        let documentation = above.map(|line| line.trim_start()).take_while(|line| {
            line.starts_with("///") || line.starts_with('#') || line.ends_with([',', '"', ']'])
        });
        let shows = |line: &str| line == "/// ```" || line == "#[doc(hidden)]";
        is_item(line) && documentation.into_iter().any(shows)
    })
}

#[test]
fn every_type_that_a_test_touches_has_an_example() {
    let root = super::read("harness/durasim/src/lib.rs");
    let harness = Path::new(env!("CARGO_MANIFEST_DIR")).join("../harness");
    let sources = ["durasim", "allocator"].map(|it| sources(&harness.join(it).join("src")));
    let sources = sources.concat();
    let names = exported(&root);
    assert!(names.len() > 30, "{names:?}");
    let lacking: Vec<_> = names
        .into_iter()
        .filter(|name| !sources.iter().any(|source| has_example(source, name)))
        .collect();
    assert!(lacking.is_empty(), "no example: {lacking:?}");
}
