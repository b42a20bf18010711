//! Habits of writing that can be checked line by line.

use std::collections::BTreeSet;

use super::{modules::attribute, tokens::tokens};

/// The width of a line, in characters.
const MAX_WIDTH: usize = 100;

/// The length of a file, in lines.
const MAX_LINES: usize = 500;

/// The length of a test's name, in characters.
const MAX_TEST_NAME: usize = 80;

/// Words that do not begin a doc comment.
const NOT_FIRST: [&str; 8] = [
    "What", "Who", "Whoever", "Where", "When", "How", "Whether", "That",
];

/// Describes each line that is too wide.
pub(crate) fn wide_lines(source: &str) -> Vec<String> {
    let lines = source.lines().enumerate();
    let wide = lines.filter(|(_, line)| line.chars().count() > MAX_WIDTH);
    wide.map(|(number, line)| {
        let width = line.chars().count();
        format!("{}: {width} characters, more than {MAX_WIDTH}", number + 1)
    })
    .collect()
}

/// Describes a file that is too long.
pub(crate) fn long_file(source: &str) -> Vec<String> {
    let count = source.lines().count();
    let text = format!("1: {count} lines, more than {MAX_LINES}: split the file");
    (count > MAX_LINES).then_some(text).into_iter().collect()
}

/// Describes each doc comment that does not begin as the standard library's do.
pub(crate) fn doc_openings(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut before = None;
    for (number, line) in source.lines().enumerate() {
        let doc = doc_text(line);
        if let (None, Some(text)) = (before, doc) {
            let word = text.split(|char: char| !char.is_alphanumeric()).next();
            if word.is_some_and(|word| NOT_FIRST.contains(&word)) {
                found.push(format!(
                    "{}: a doc comment begins with {text:?}",
                    number + 1
                ));
            }
        }
        before = doc;
    }
    found
}

/// The text of a line of a doc comment.
fn doc_text(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let text = line
        .strip_prefix("//!")
        .or_else(|| line.strip_prefix("///"))?;
    (!text.starts_with('/')).then(|| text.trim_start())
}

/// Describes each test whose name is too long.
pub(crate) fn long_test_names(source: &str) -> Vec<String> {
    let tests = tests_in(source).into_iter();
    let long = tests.filter(|name| name.len() > MAX_TEST_NAME);
    long.map(|name| {
        format!(
            "{name}: {} characters, more than {MAX_TEST_NAME}",
            name.len()
        )
    })
    .collect()
}

/// The groups of imports, in their order.
const GROUPS: [&str; 3] = ["std", "other crates", "crate, super and own modules"];

/// Describes each private `use` that is out of order.
///
/// The imports of a module stand in the order of [`GROUPS`], with a blank line between groups, and
/// each group has one `use` for each root. A `use` with an attribute may stand anywhere.
pub(crate) fn import_order(source: &str) -> Vec<String> {
    let tokens = tokens(source);
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    let own_modules: BTreeSet<&str> = (1..tokens.len())
        .filter(|at| text(at - 1) == "mod" && [";", "{"].contains(&text(at + 1)))
        .map(text)
        .collect();
    let group = |root: &str| match root {
        "std" | "core" | "alloc" => 0,
        "crate" | "super" | "self" => 2,
        _ if own_modules.contains(root) || root.starts_with(char::is_uppercase) => 2,
        _ => 1,
    };

    let mut found = Vec::new();
    // The roots seen in each open block, with the line on which the last `use` of it ended.
    let mut blocks = vec![(Vec::<&str>::new(), 0)];
    for at in 0..tokens.len() {
        match text(at) {
            "{" => blocks.push((Vec::new(), 0)),
            "}" if blocks.len() > 1 => drop(blocks.pop()),
            _ => {}
        }
        let starts_item = at == 0 || [";", "{", "}"].contains(&text(at - 1));
        let is_macro = text(at + 2) == ";";
        if text(at) != "use" || !starts_item || is_macro {
            continue;
        }
        let root = text(at + 1);
        let line = tokens[at].line;
        let (roots, end) = blocks.last_mut().expect("the block of the file");
        let own_group = group(root);
        let mut report = |what: String| found.push(format!("{line}: `use {root}::..` {what}"));
        if roots.contains(&root) {
            report("is the second of this root: merge the two".to_owned());
        } else if let Some(last) = roots.last() {
            let last_group = group(last);
            let has_blank_line = line > *end + 1;
            if own_group < last_group {
                report(format!("belongs above: first {}", GROUPS.join(", then ")));
            } else if own_group > last_group && !has_blank_line {
                report("needs a blank line before it, as the first of its group".to_owned());
            }
        }
        roots.push(root);
        let semicolon = (at..tokens.len()).find(|at| text(*at) == ";");
        *end = semicolon.map_or(line, |at| tokens[at].line);
    }
    found
}

/// The names of the tests in a source file.
pub(crate) fn tests_in(source: &str) -> Vec<String> {
    let tokens = tokens(source);
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    let mut names = Vec::new();
    let mut is_test = false;
    let mut at = 0;
    while at < tokens.len() {
        match text(at) {
            "#" if text(at + 1) == "[" => {
                let attribute = attribute(&tokens, at);
                at = attribute.end;
                let path = tokens[attribute]
                    .iter()
                    .skip(2)
                    .take_while(|token| token.is_name() || token.text == "::");
                let marks_test = path
                    .last()
                    .is_some_and(|name| ["test", "workflow_test"].contains(&name.text));
                is_test |= marks_test;
                continue;
            }
            "fn" if is_test => {
                names.push(text(at + 1).to_owned());
                is_test = false;
            }
            "pub" | "async" | "const" | "unsafe" => {}
            _ => is_test = false,
        }
        at += 1;
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_101_characters_is_too_wide() {
        let source = format!("// {}\n// {}\n", "é".repeat(97), "é".repeat(98));
        assert_eq!(wide_lines(&source), ["2: 101 characters, more than 100"]);
    }

    #[test]
    fn a_file_of_501_lines_is_too_long() {
        assert!(long_file(&"\n".repeat(500)).is_empty());
        assert_eq!(long_file(&"\n".repeat(501)).len(), 1);
    }

    #[test]
    fn only_the_first_line_of_a_doc_comment_has_an_opening() {
        let good =
            "/// Returns a name.\n/// When empty, none.\n// What\n//// What\n/// Whatever.\n";
        assert_eq!(doc_openings(good), [] as [&str; 0]);
        let bad = "//! How it works.\n\nfn f() {\n    /// What's left.\n    let x = 1;\n}\n";
        assert_eq!(
            doc_openings(bad),
            [
                r#"1: a doc comment begins with "How it works.""#,
                r#"4: a doc comment begins with "What's left.""#,
            ]
        );
    }

    #[test]
    fn imports_stand_in_groups_with_one_tree_for_each_root() {
        let good = "mod own;\n\nuse std::{a, b};\n\nuse serde::C;\nuse tokio::D;\n\n\
            use crate::e;\nuse own::F;\n#[cfg(unix)]\nuse std::g;\nfn f() { use std::h; }\n";
        assert_eq!(import_order(good), [] as [&str; 0]);
        let bad = "use crate::a;\n\nuse std::{\n    b\n};\nuse serde::C;\nuse std::d;\n";
        let places: Vec<_> = import_order(bad)
            .iter()
            .map(|text| text.split(' ').take(5).collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(
            places,
            [
                "3: `use std::..` belongs above:",
                "6: `use serde::..` needs a",
                "7: `use std::..` is the",
            ]
        );
    }

    #[test]
    fn tests_are_found_by_their_attributes() {
        let source = "
            #[test]
            fn a() {}
            #[cfg(test)]
            fn no_test() {}
            #[durasim::workflow_test(
                seeds = 3,
            )]
            #[ignore]
            pub async fn b(env: E) { fn inner() {} }
        ";
        assert_eq!(tests_in(source), ["a", "b"]);
    }

    #[test]
    fn a_test_name_of_81_characters_is_too_long() {
        let source = |length: usize| format!("#[test] fn {}() {{}}", "a".repeat(length));
        assert!(long_test_names(&source(80)).is_empty());
        assert_eq!(long_test_names(&source(81)).len(), 1);
    }
}
