//! Circles of imports: among the files of a crate, and among the folders of its `src`.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt::Write,
};

use super::{
    imports::{FileImport, by_pair, file_imports},
    modules::Sources,
};

/// The number of files that may import each other in one circle.
pub(crate) const MAX_FILES: usize = 10;

type Pairs<'a> = BTreeMap<(&'a str, &'a str), Vec<&'a FileImport>>;

/// Describes each circle of more than [`MAX_FILES`] files.
pub(crate) fn circles_of_files(sources: &Sources) -> Vec<String> {
    let imports = file_imports(sources);
    let pairs = by_pair(&imports, Some);
    let circles = circles(&pairs).into_iter();
    let large = circles.filter(|members| members.len() > MAX_FILES);
    large
        .map(|members| {
            let count = members.len();
            let mut text = format!(
                "{count} files import each other in one circle; at most {MAX_FILES} may:\n"
            );
            describe(&mut text, &pairs, &members);
            text += "What to do: move what two of these files share into a file that imports \
                     neither, or pass it as an argument, until the circle falls apart.\n";
            text
        })
        .collect()
}

/// Describes each circle of folders of `src`; `name.rs` belongs to the folder `name`.
pub(crate) fn circles_of_folders(sources: &Sources) -> Vec<String> {
    let imports = file_imports(sources);
    let pairs = by_pair(&imports, folder);
    let circles = circles(&pairs);
    circles
        .iter()
        .map(|members| {
            let count = members.len();
            let mut text = format!("{count} folders import each other in a circle:\n");
            describe(&mut text, &pairs, members);
            text += "What to do: move what both folders share into the lower one, or into a \
                     folder below both; the lower one must not name the higher one.\n";
            text
        })
        .collect()
}

/// The folder of `src` that a file belongs to; `None` for `lib.rs`.
fn folder(file: &str) -> Option<&str> {
    let name = file.split('/').next()?;
    let name = name.strip_suffix(".rs").unwrap_or(name);
    Some(name).filter(|name| *name != "lib")
}

/// Finds the groups of two or more members that all reach each other.
fn circles<'a>(pairs: &Pairs<'a>) -> Vec<BTreeSet<&'a str>> {
    let members: BTreeSet<&str> = pairs.keys().flat_map(|(from, to)| [*from, *to]).collect();
    let reached: BTreeMap<&str, BTreeSet<&str>> = members
        .iter()
        .map(|start| (*start, reached_from(pairs, start)))
        .collect();
    let mut circles = BTreeSet::new();
    for (member, reached_by_it) in &reached {
        let mutual = reached_by_it
            .iter()
            .filter(|other| reached[*other].contains(member));
        let circle: BTreeSet<&str> = mutual.copied().collect();
        if circle.len() > 1 {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

/// The members that `start` imports, directly or not; `start` itself only if a circle leads back.
fn reached_from<'a>(pairs: &Pairs<'a>, start: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![start];
    while let Some(at) = waiting.pop() {
        for to in imported_by(pairs, at) {
            if reached.insert(to) {
                waiting.push(to);
            }
        }
    }
    reached
}

fn imported_by<'a>(pairs: &Pairs<'a>, from: &str) -> Vec<&'a str> {
    let pairs = pairs.keys().filter(|pair| pair.0 == from);
    pairs.map(|pair| pair.1).collect()
}

/// The shortest way along imports from `start` back to `start`, both included.
fn shortest_way_back<'a>(pairs: &Pairs<'a>, start: &'a str) -> Option<Vec<&'a str>> {
    let mut ways = VecDeque::from([vec![start]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        for to in imported_by(pairs, way[way.len() - 1]) {
            let mut longer = way.clone();
            longer.push(to);
            if to == start {
                return Some(longer);
            }
            if seen.insert(to) {
                ways.push_back(longer);
            }
        }
    }
    None
}

/// Writes the members of a circle, the shortest circle among them, and all their imports of each
/// other.
fn describe(text: &mut String, pairs: &Pairs<'_>, members: &BTreeSet<&str>) {
    let names: Vec<&str> = members.iter().copied().collect();
    let _ = writeln!(text, "  {}", names.join(", "));
    let ways = names
        .iter()
        .filter_map(|name| shortest_way_back(pairs, name));
    if let Some(way) = ways.min_by_key(Vec::len) {
        text.push_str("The shortest circle:\n");
        for step in way.windows(2) {
            let import = pairs[&(step[0], step[1])][0];
            let _ = writeln!(text, "  {}", shown(import));
        }
    }
    text.push_str("All imports among them:\n");
    for ((from, to), imports) in pairs {
        if members.contains(from) && members.contains(to) {
            let _ = writeln!(text, "  {from} imports {to}:");
            for import in imports {
                let _ = writeln!(text, "    {}", shown(import));
            }
        }
    }
}

fn shown(import: &FileImport) -> String {
    let FileImport {
        from,
        line,
        to,
        code,
    } = import;
    format!("src/{from}:{line}: `{code}`, which is in src/{to}")
}
