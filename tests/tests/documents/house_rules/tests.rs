//! Tests of the test of floors, on small invented crates.

use std::fmt::Write;

use super::{
    circles::{MAX_FILES, circles_of_files, circles_of_folders},
    imports::file_imports,
    modules::Sources,
};

fn sources(files: &[(&str, &str)]) -> Sources {
    let files = files.iter();
    files
        .map(|(file, text)| ((*file).to_owned(), (*text).to_owned()))
        .collect()
}

/// The imports of a crate as `from:line to`.
fn imports(files: &[(&str, &str)]) -> Vec<String> {
    let imports = file_imports(&sources(files)).into_iter();
    imports
        .map(|import| format!("{}:{} {}", import.from, import.line, import.to))
        .collect()
}

const NONE: [&str; 0] = [];

#[test]
fn each_leaf_of_a_use_tree_is_an_import() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::{\n    b::{B, C as D},\n    c,\n};\n"),
        ("b.rs", "struct B; struct C;"),
        ("c.rs", ""),
    ];
    let expected = ["a.rs:2 b.rs", "a.rs:2 b.rs", "a.rs:3 c.rs"];
    assert_eq!(imports(&files), expected);
}

#[test]
fn inline_paths_are_imports() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c;"),
        (
            "a.rs",
            "fn a() {\n    crate::b::b();\n    let x: Vec<super::c::C>;\n}",
        ),
        ("b.rs", "fn b() {}"),
        ("c.rs", "struct C;"),
    ];
    assert_eq!(imports(&files), ["a.rs:2 b.rs", "a.rs:3 c.rs"]);
}

#[test]
fn paths_to_children_are_imports() {
    let files = [
        ("lib.rs", "mod a;"),
        ("a/mod.rs", "mod b; mod c;\nuse b::B;\nfn a() { c::c() }"),
        ("a/b.rs", "struct B;"),
        ("a/c.rs", "fn c() {}"),
    ];
    assert_eq!(imports(&files), ["a/mod.rs:2 a/b.rs", "a/mod.rs:3 a/c.rs"]);
}

#[test]
fn modules_that_a_macro_declares_are_read() {
    let files = [
        ("lib.rs", "mod a; macro_rules! list { () => { mod $x; } }"),
        ("a/mod.rs", "list! {\n    mod b: B;\n    mod c;\n}"),
        ("a/b.rs", "struct B;"),
        ("a/c.rs", "use super::b::B;"),
    ];
    assert_eq!(imports(&files), ["a/c.rs:1 a/b.rs"]);
}

#[test]
fn an_import_through_a_reexport_counts_for_the_file_that_defines_the_item() {
    let files = [
        ("lib.rs", "mod a; mod c; pub use a::B;"),
        ("a/mod.rs", "mod b; pub(crate) use b::B;"),
        ("a/b.rs", "struct B;"),
        ("c.rs", "use crate::B;\nuse crate::a::B as D;"),
    ];
    assert_eq!(imports(&files), ["c.rs:1 a/b.rs", "c.rs:2 a/b.rs"]);
}

#[test]
fn a_glob_of_a_reexport_is_followed_too() {
    let files = [
        ("lib.rs", "mod a; mod c;"),
        ("a/mod.rs", "mod b; pub(crate) use b::*;"),
        ("a/b.rs", "struct B;"),
        ("c.rs", "use crate::a::B;"),
    ];
    assert_eq!(imports(&files), ["c.rs:1 a/b.rs"]);
}

#[test]
fn an_item_that_a_macro_makes_belongs_to_the_file_of_its_module() {
    let files = [
        ("lib.rs", "mod a; mod c;"),
        ("a.rs", "make! { B }"),
        ("c.rs", "use crate::a::B;"),
    ];
    assert_eq!(imports(&files), ["c.rs:1 a.rs"]);
}

#[test]
fn a_module_that_is_imported_counts_by_what_is_used_of_it() {
    let files = [
        ("lib.rs", "mod a; mod c;"),
        ("a/mod.rs", "mod b; pub(crate) use b::b;"),
        ("a/b.rs", "fn b() {}"),
        ("c.rs", "use crate::a;\nfn c() { a::b() }"),
    ];
    assert_eq!(imports(&files), ["c.rs:2 a/b.rs"]);
}

#[test]
fn items_of_other_crates_are_no_imports() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        (
            "a.rs",
            "use std::fmt; use ::b::B; use super::b::Value; use crate::b::{A, fmt as f};",
        ),
        (
            "b.rs",
            "use serde::Value; use std::fmt; fn b() { serde::a(); }",
        ),
    ];
    assert_eq!(imports(&files), ["a.rs:1 b.rs"]);
}

#[test]
fn code_for_tests_is_left_out() {
    let files = [
        ("lib.rs", "mod a; mod b; #[cfg(test)] mod t;"),
        (
            "a.rs",
            "#[cfg(test)] use crate::b::B;
            struct A { #[cfg(test)] b: crate::b::B, c: u8 }
            impl A { #[cfg(all(test, unix))] fn a<T, U>(b: crate::b::B) {} }
            #[cfg(test)] mod tests { use crate::b::B; }",
        ),
        ("b.rs", "struct B;"),
        ("t.rs", "use crate::{a::A, b::B};"),
    ];
    assert_eq!(imports(&files), NONE);
}

#[test]
fn code_without_tests_is_not_left_out() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "#[cfg(not(test))] use crate::b::B;"),
        ("b.rs", "struct B;"),
    ];
    assert_eq!(imports(&files), ["a.rs:1 b.rs"]);
}

#[test]
fn comments_strings_and_visibilities_are_no_imports() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        (
            "a.rs",
            "//! crate::b::B\nfn a() { \"crate::b::B\" }\npub(in crate::b) fn c() {}",
        ),
        ("b.rs", "struct B;"),
    ];
    assert_eq!(imports(&files), NONE);
}

#[test]
fn a_module_in_a_file_of_another_name_is_read() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        (
            "a.rs",
            "#[cfg_attr(unix, path = \"a/on_unix.rs\")]
            #[cfg_attr(not(unix), path = \"a/elsewhere.rs\")]
            mod system;",
        ),
        ("a/on_unix.rs", "use crate::b::B;"),
        ("a/elsewhere.rs", "use super::super::b::B;"),
        ("b.rs", "struct B;"),
    ];
    let expected = ["a/elsewhere.rs:1 b.rs", "a/on_unix.rs:1 b.rs"];
    assert_eq!(imports(&files), expected);
}

/// A crate of files in a row, each of which imports the next; the last imports the first if
/// `is_closed`.
fn row(count: usize, is_closed: bool) -> Sources {
    let mut sources = Sources::new();
    let mut root = "mod folder;".to_owned();
    for number in 0..count {
        let _ = writeln!(root, "mod f{number};");
        let next = match number + 1 {
            next if next < count => format!("use crate::folder::f{next}::A;"),
            _ if is_closed => "use super::f0::A;".to_owned(),
            _ => String::new(),
        };
        sources.insert(format!("folder/f{number}.rs"), format!("struct A;\n{next}"));
    }
    sources.insert("folder/mod.rs".into(), root.replace("mod folder;", ""));
    sources.insert("lib.rs".into(), "mod folder;".into());
    sources
}

#[test]
fn a_circle_of_too_many_files_is_found() {
    let texts = circles_of_files(&row(MAX_FILES + 1, true));
    let [text] = &texts[..] else {
        panic!("one circle: {texts:?}")
    };
    assert!(text.starts_with("11 files import each other"), "{text}");
    assert!(
        text.contains("src/folder/f10.rs:2: `use super::f0::A`, which is in src/folder/f0.rs"),
        "{text}"
    );
}

#[test]
fn a_circle_of_few_files_and_a_row_without_a_circle_are_fine() {
    assert_eq!(circles_of_files(&row(MAX_FILES, true)), NONE);
    assert_eq!(circles_of_files(&row(MAX_FILES + 1, false)), NONE);
}

/// Two folders of two files; no file is in a circle, but the folders are.
const TWO_FOLDERS: [(&str, &str); 7] = [
    ("lib.rs", "mod low; mod high;"),
    ("low.rs", "mod a; mod b;"),
    ("low/a.rs", "pub struct A;"),
    ("low/b.rs", "use crate::high::D;"),
    ("high/mod.rs", "mod c; mod d; pub use d::D;"),
    ("high/c.rs", "use crate::low::a::A;"),
    ("high/d.rs", "pub struct D;"),
];

#[test]
fn a_circle_of_folders_is_found() {
    assert_eq!(circles_of_files(&sources(&TWO_FOLDERS)), NONE);
    let texts = circles_of_folders(&sources(&TWO_FOLDERS));
    let expected = "\
2 folders import each other in a circle:
  high, low
The shortest circle:
  src/high/c.rs:1: `use crate::low::a::A`, which is in src/low/a.rs
  src/low/b.rs:1: `use crate::high::D`, which is in src/high/d.rs
All imports among them:
  high imports low:
    src/high/c.rs:1: `use crate::low::a::A`, which is in src/low/a.rs
  low imports high:
    src/low/b.rs:1: `use crate::high::D`, which is in src/high/d.rs
What to do: move what both folders share into the lower one, or into a folder below both; \
the lower one must not name the higher one.
";
    assert_eq!(texts, [expected]);
}

#[test]
fn folders_in_floors_are_fine() {
    let mut sources = sources(&TWO_FOLDERS);
    sources.insert("low/b.rs".into(), "use super::a::A;".into());
    assert_eq!(circles_of_folders(&sources), NONE);
}
