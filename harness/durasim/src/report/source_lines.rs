//! Lines of source code, as panics and backtraces name them.
//!
//! The compiler names files from the root of the workspace, and so do panics and reports. A
//! backtrace names them from the folder in which the process runs (for a test, its package), or in
//! full.

use std::path::{Path, PathBuf};

use super::SourceLine;

/// The sources of durasim itself, on the machine that compiled it.
const HARNESS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Parses `file:line` or `file:line:column`.
pub(crate) fn source_line(location: &str) -> Option<SourceLine> {
    let mut parts = location.rsplitn(3, ':').collect::<Vec<_>>();
    parts.reverse();
    let (file, line) = match parts.as_slice() {
        [file, line, column] if line.parse::<u32>().is_ok() && column.parse::<u32>().is_ok() => {
            ((*file).to_owned(), *line)
        }
        _ => {
            let (file, line) = location.rsplit_once(':')?;
            (file.to_owned(), line)
        }
    };
    Some(SourceLine {
        file,
        line: line.parse().ok()?,
    })
}

/// Returns the first line of a backtrace that is the user's: not of the SDK, the standard library
/// or durasim.
pub(crate) fn user_line(backtrace: &str) -> Option<SourceLine> {
    user_lines(backtrace).next().map(|(_, line)| line)
}

/// Returns the frames of a backtrace that are the user's, innermost first: function and line.
pub(crate) fn user_frames(backtrace: &str) -> Vec<String> {
    let frames = user_lines(backtrace).map(|(function, line)| format!("  {function} ({line})"));
    frames.collect()
}

/// Returns the path of the type whose method the user's code calls in a backtrace, or of the
/// function: `tokio::time::sleep::Sleep`.
pub(crate) fn called_by_user(backtrace: &str) -> Option<String> {
    let (_, user) = user_lines(backtrace).next()?;
    let mut called: Vec<String> = Vec::new();
    for line in backtrace.lines().map(str::trim) {
        let Some(place) = line.strip_prefix("at ") else {
            called.push(path_of(
                line.split_once(": ").map_or(line, |(_, name)| name),
            ));
            continue;
        };
        if source_line(place).is_some_and(|place| is_same(&place, &user)) {
            // The last one is the user's own.
            called.pop();
            break;
        }
        // Some frames have the bare name of a function, and the path of its file.
        if let (Some(name), Some(path)) = (called.last_mut(), module_of(place))
            && !name.contains("::")
        {
            *name = path;
        }
    }
    let is_wrapper = |name: &&String| {
        let wrappers = ["core::", "alloc::", "std::"];
        !name.contains("::") || wrappers.iter().any(|theirs| name.starts_with(theirs))
    };
    called.into_iter().rev().find(|name| !is_wrapper(&name))
}

/// Returns `tokio::time::sleep::Sleep` for `<tokio::time::sleep::Sleep as Future>::poll`.
fn path_of(function: &str) -> String {
    let path = function.strip_prefix('<').unwrap_or(function);
    let path = path.split(" as ").next().unwrap_or(path);
    path.split('<').next().unwrap_or(path).to_owned()
}

/// Returns `futures_util::future::join_all` for the file of that module in Cargo's registry.
fn module_of(place: &str) -> Option<String> {
    let (_, file) = place.split_once("/registry/src/")?;
    let mut parts = file.split('/').skip(1);
    let (name, _version) = parts.next()?.rsplit_once('-')?;
    let modules = parts
        .filter(|part| *part != "src")
        .collect::<Vec<_>>()
        .join("::");
    let (modules, _line) = modules.split_once(".rs")?;
    Some(format!("{}::{modules}", name.replace('-', "_")))
}

/// Returns `true` if two lines are the same, whatever folder their files are named from.
fn is_same(one: &SourceLine, other: &SourceLine) -> bool {
    let name = |line: &SourceLine| Path::new(&line.file).file_name().map(ToOwned::to_owned);
    one.line == other.line && name(one) == name(other)
}

/// Returns the function and the line of each frame that is the user's.
fn user_lines(backtrace: &str) -> impl Iterator<Item = (&str, SourceLine)> {
    let here = std::env::current_dir().unwrap_or_default();
    let ours = Path::new(HARNESS).canonicalize().unwrap_or_default();
    let mut function = "";
    let lines = backtrace.lines().filter_map(move |line| {
        let line = line.trim();
        let Some(place) = line.strip_prefix("at ") else {
            function = line.split_once(": ").map_or(line, |(_, name)| name);
            return None;
        };
        Some((function, source_line(place)?))
    });
    lines.filter_map(move |(function, line)| {
        let line = is_users(&here.join(&line.file), &ours).then(|| SourceLine {
            file: from_the_root(&here, &line.file),
            ..line
        });
        Some((function, line?))
    })
}

/// Returns `true` if a path is of a dependency or of the standard library.
pub(crate) fn is_dependencys(path: &str) -> bool {
    // Cargo's home may be anywhere: in a container it is often `/usr/local/cargo`.
    ["/registry/src/", "/git/checkouts/", "/rustc/", "/rustlib/"]
        .iter()
        .any(|theirs| path.contains(theirs))
}

/// Returns `true` if a file is of the user's own code: not of a dependency, the standard library or
/// durasim.
fn is_users(file: &Path, ours: &Path) -> bool {
    // Libraries in other languages have lines too, if they come with debug information.
    let is_rust = file.extension().is_some_and(|extension| extension == "rs");
    let is_ours = ["durasim", "worker", "engine"]
        .iter()
        .any(|part| file.starts_with(ours.join(part).join("src")));
    is_rust && !is_ours && !is_dependencys(&file.to_string_lossy())
}

/// Returns a file as the compiler names it, if its workspace is known.
fn from_the_root(here: &Path, file: &str) -> String {
    let plain = file.strip_prefix("./").unwrap_or(file);
    let file: PathBuf = here.join(plain);
    let root = file
        .ancestors()
        .skip(1)
        .find(|folder| folder.join("Cargo.lock").is_file());
    let inner = root.and_then(|root| file.strip_prefix(root).ok());
    inner.map_or_else(|| plain.to_owned(), |inner| inner.display().to_string())
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    fn line(file: &str, line: u32) -> SourceLine {
        SourceLine {
            file: file.to_owned(),
            line,
        }
    }

    #[test]
    fn a_place_parses_with_a_column_and_without() {
        assert_eq!(source_line("src/pay.rs:7"), Some(line("src/pay.rs", 7)));
        assert_eq!(source_line("src/pay.rs:7:13"), Some(line("src/pay.rs", 7)));
        assert_eq!(source_line("somewhere"), None);
    }

    #[test]
    fn the_users_line_is_the_first_of_no_library() {
        let harness = Path::new(HARNESS).canonicalize().unwrap();
        let backtrace = format!(
            "\
   0: std::backtrace::Backtrace::create
             at /rustc/598/library/std/src/backtrace.rs:331:13
   1: durasim_worker::instance::host
             at {harness}/worker/src/instance/host.rs:36:44
   2: temporalio_workflow::run
             at /root/.cargo/registry/src/index/temporalio-workflow-1.1.1/src/lib.rs:9:1
   3: payments::run
             at ./tests/payments.rs:42:9
   4: start_thread
             at ./nptl/pthread_create.c:442:8
",
            harness = harness.display()
        );
        let found = user_line(&backtrace).unwrap();
        assert_eq!(found, line("harness/durasim/tests/payments.rs", 42));
        let without = backtrace.replace("payments.rs", "payments.c");
        assert_eq!(user_line(&without), None);
    }

    #[test]
    fn the_type_that_the_user_awaits_is_the_one_before_the_users_line() {
        let awaits = |name: &str| {
            called_by_user(&format!(
                "   0: durasim_worker::wake\n   \
                    1: <{name} as core::future::future::Future>::poll\n   \
                    2: <core::pin::Pin<P> as core::future::future::Future>::poll\n   \
                    3: payments::run\n             at ./tests/payments.rs:42:9\n"
            ))
        };
        assert_eq!(
            awaits("tokio::time::sleep::Sleep").as_deref(),
            Some("tokio::time::sleep::Sleep")
        );
        assert_eq!(
            awaits("futures_util::future::join_all::JoinAll<F>").as_deref(),
            Some("futures_util::future::join_all::JoinAll")
        );
        let of_the_users_crate = "   0: poll<F>\n             \
            at /cargo/registry/src/index/futures-util-0.3.31/src/future/join_all.rs:150:9\n   \
            1: run\n             at ./tests/payments.rs:42:9\n";
        assert_eq!(
            called_by_user(of_the_users_crate).as_deref(),
            Some("futures_util::future::join_all")
        );
        assert_eq!(called_by_user("   0: no::line"), None);
    }

    #[test]
    fn dependencies_are_recognised_in_any_home_of_cargo() {
        for home in ["/root/.cargo", "/usr/local/cargo"] {
            assert!(is_dependencys(&format!(
                "{home}/registry/src/index.crates.io-1949cf8c/serde-1.0/src/lib.rs"
            )));
            assert!(is_dependencys(&format!(
                "{home}/git/checkouts/sdk-rust-1/src/lib.rs"
            )));
        }
        assert!(!is_dependencys("src/registry.rs"));
    }
}
