//! The rules of histories from files: a pattern, the treatment, and a test for each file.

use std::{
    collections::BTreeSet,
    env,
    path::{Path, PathBuf},
};

use proc_macro2::Span;
use syn::{Expr, ExprContinue, ExprLit, Ident, ItemFn, Lit, LitStr};

use super::errors::Errors;
use crate::parse::Argument;

/// The error of rows beside the argument `histories`.
pub(super) const BESIDE_CASES: &str = "`histories` and `#[case(..)]` both make tests of the \
    function; keep one of them";

/// The endings of files of histories, for a folder.
const ENDINGS: [&str; 4] = ["json", "jsonl", "pb", "binpb"];

/// The treatment of histories.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Replay,
    Continue,
}

/// The histories of a test.
pub(crate) struct Histories {
    pub(crate) pattern: LitStr,
    pub(crate) mode: Mode,
    pub(crate) files: Vec<File>,
    /// True if the function takes the history, after the environment.
    pub(crate) takes_history: bool,
}

/// A file of histories: a test of its own.
pub(crate) struct File {
    /// The name of the test, made of that of the file.
    pub(crate) name: Ident,
    /// The path from the folder of the package.
    pub(crate) path: String,
}

/// Checks the arguments `histories` and `mode`, and lists the files.
pub(super) fn check(
    arguments: &[Argument],
    function: &ItemFn,
    errors: &mut Errors,
) -> Option<Histories> {
    let value = |name: &str| {
        let argument = arguments.iter().find(|argument| argument.name == name)?;
        argument.value.as_ref()
    };
    let mode = value("mode").map_or(Mode::Replay, |mode| treatment(mode, errors));
    let Some(pattern) = value("histories") else {
        if let Some(mode) = value("mode") {
            errors.over(
                mode,
                "`mode` says what becomes of histories; add \
                 `histories = \"tests/histories/*.json\"`",
            );
        }
        return None;
    };
    let Expr::Lit(ExprLit {
        lit: Lit::Str(pattern),
        ..
    }) = pattern
    else {
        errors.over(
            pattern,
            "`histories` takes a file, a folder or a pattern, from the folder of the package: \
             `histories = \"tests/histories/*.json\"`",
        );
        return None;
    };
    let further = function.sig.inputs.len().saturating_sub(1);
    if further > 1 {
        errors.over(
            &function.sig.inputs,
            "a test of histories takes the environment, and the history if it wants to: \
             `async fn orders(env: TestWorkflowEnvironment, history: History)`",
        );
    }
    let folder = env::var_os("CARGO_MANIFEST_DIR").map_or_else(PathBuf::new, PathBuf::from);
    let files = match files(&folder, &pattern.value()) {
        Ok(files) => files,
        Err(error) => {
            errors.over(pattern, format!("malformed pattern: {}", error.msg));
            Vec::new()
        }
    };
    Some(Histories {
        pattern: pattern.clone(),
        mode,
        files: named(&files, &pattern.value(), &folder, pattern.span()),
        takes_history: further == 1,
    })
}

fn treatment(mode: &Expr, errors: &mut Errors) -> Mode {
    match mode {
        Expr::Continue(ExprContinue { label: None, .. }) => return Mode::Continue,
        Expr::Path(path) if path.path.is_ident("replay") => {}
        _ => errors.over(
            mode,
            "`mode` is `replay`, to compare code with what runs did, or `continue`, to go on with \
             open runs",
        ),
    }
    Mode::Replay
}

/// Returns the files of a pattern, from a folder, in the order of their paths.
fn files(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>, glob::PatternError> {
    let escaped = glob::Pattern::escape(&folder.to_string_lossy());
    let patterns = if folder.join(pattern).is_dir() {
        ENDINGS
            .iter()
            .map(|ending| format!("{escaped}/{pattern}/**/*.{ending}"))
            .collect()
    } else {
        vec![format!("{escaped}/{pattern}")]
    };
    let mut files = BTreeSet::new();
    for pattern in patterns {
        let paths = glob::glob(&pattern)?.filter_map(Result::ok);
        let paths = paths.filter(|path| path.is_file());
        files.extend(paths.filter_map(|path| Some(path.strip_prefix(folder).ok()?.to_owned())));
    }
    Ok(files.into_iter().collect())
}

/// Names the test of each file by the part of its path that the pattern leaves open.
fn named(files: &[PathBuf], pattern: &str, folder: &Path, span: Span) -> Vec<File> {
    let fixed: PathBuf = if folder.join(pattern).is_dir() {
        pattern.into()
    } else {
        let components = Path::new(pattern).components();
        let is_fixed = |it: &std::path::Component<'_>| {
            !it.as_os_str().to_string_lossy().contains(['*', '?', '['])
        };
        let fixed: PathBuf = components.take_while(is_fixed).collect();
        let is_file = fixed == Path::new(pattern);
        let parent = fixed.parent().map(Path::to_owned).unwrap_or_default();
        if is_file { parent } else { fixed }
    };
    let mut taken = BTreeSet::new();
    let files = files.iter().map(|path| {
        let open = path.strip_prefix(&fixed).unwrap_or(path);
        let base = identifier(&open.to_string_lossy());
        let mut name = base.clone();
        let mut number = 2;
        while !taken.insert(name.clone()) {
            name = format!("{base}_{number}");
            number += 1;
        }
        File {
            name: Ident::new(&name, span),
            path: path.to_string_lossy().replace('\\', "/"),
        }
    });
    files.collect()
}

/// Returns a path as an identifier: `order-7.json` as `order_7_json`.
fn identifier(path: &str) -> String {
    let plain = |letter: char| {
        if letter.is_ascii_alphanumeric() {
            letter
        } else {
            '_'
        }
    };
    let name: String = path.chars().map(plain).collect();
    if name.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
        name
    } else {
        format!("file_{name}")
    }
}
