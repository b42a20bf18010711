//! Counts the instructions of a run by component: `cargo run --release -p benches --bin
//! instructions`, or `just instructions`.
//!
//! The program runs itself under callgrind (`valgrind` must be installed) with two numbers of runs
//! and prints the difference. Start-up and the caches of the first run cancel out, and the count
//! does not depend on what else the machine does. A function's own instructions count for the crate
//! whose name begins its path; `malloc`, `memcpy` and similar functions have lines of their own.
//!
//! It also counts what a workflow costs in worlds with ten and with thousands of them.

use std::{
    collections::BTreeMap,
    env,
    path::Path,
    process::{Command, ExitCode},
};

use benches::worlds::{self, Extra};
use durasim::advanced::{ChoiceSource, WorldOptions, run_world};

/// The two numbers of runs.
const RUNS: [u32; 2] = [20, 60];

/// The subjects: a name, the budget in instructions, and what a run has besides.
const SUBJECTS: [(&str, u64, &[Extra]); 2] = [
    ("checks off", 1_100_000, &[]),
    ("default checks", 1_500_000, &[Extra::Replay]),
];

/// The numbers of workflows in one world whose cost per workflow is compared, each with the number
/// of worlds that are counted. The first is what the others are compared with.
const CROWDS: [(u32, u64); 3] = [(10, 20), (1_000, 1), (3_000, 1)];

/// The largest cost of a workflow in a large world, over that in the smallest.
const SCALE_BUDGET: f64 = 1.15;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => match report() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("failed to count instructions: {error}");
                ExitCode::FAILURE
            }
        },
        ["run", subject, runs] => {
            run(subject, runs);
            ExitCode::SUCCESS
        }
        ["crowd", workflows, worlds, faults] => {
            crowd(workflows, worlds, faults == "faults");
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("usage: instructions");
            ExitCode::from(2)
        }
    }
}

/// Runs a subject the given number of times; this is the part that callgrind watches.
fn run(subject: &str, runs: &str) {
    let (_, _, extras) = SUBJECTS
        .iter()
        .find(|(name, ..)| *name == subject)
        .expect("the program names its own subjects");
    let body = worlds::rounds(10);
    for _ in 0..runs.parse().expect("the program gives a number") {
        worlds::run(&body, extras);
    }
}

/// Runs worlds with many workflows each; this too is watched.
fn crowd(workflows: &str, worlds: &str, faults: bool) {
    let number = "the program gives a number";
    let body = worlds::crowd(workflows.parse().expect(number));
    let options = if faults {
        worlds::faulty()
    } else {
        WorldOptions::default()
    };
    for seed in 0..worlds.parse().expect(number) {
        let choices = if faults {
            ChoiceSource::Seed(seed)
        } else {
            ChoiceSource::Benign
        };
        let mut options = options.clone();
        options.choices = choices;
        let report = run_world(&body, &options);
        assert!(report.failure.is_none(), "{:?}", report.failure);
    }
}

/// Prints the cost of a workflow in worlds with few and with many of them.
fn scale(folder: &Path) -> Result<(), String> {
    for faults in ["none", "faults"] {
        let mut smallest = None;
        for (workflows, worlds) in CROWDS {
            let cost = |worlds: u64| {
                let arguments = ["crowd", &workflows.to_string(), &worlds.to_string(), faults];
                let costs = count(folder, &arguments)?;
                Ok::<u64, String>(costs.values().sum())
            };
            // Without a world, the program starts and ends.
            let each = cost(worlds)?.saturating_sub(cost(0)?) / (u64::from(workflows) * worlds);
            #[expect(clippy::cast_precision_loss, reason = "a ratio, for reading")]
            let ratio = each as f64 / *smallest.get_or_insert(each) as f64;
            let verdict = if ratio <= SCALE_BUDGET {
                "within"
            } else {
                "OVER"
            };
            println!(
                "a workflow among {workflows:>5}, faults: {faults:<6}  {each:>9} instructions, \
                 {ratio:.2} times, {verdict} {SCALE_BUDGET}"
            );
        }
    }
    Ok(())
}

fn report() -> Result<(), String> {
    let folder = env::temp_dir().join(format!("durasim-instructions-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    for (subject, budget, _) in SUBJECTS {
        let [few, many] = RUNS.map(|runs| count(&folder, &["run", subject, &runs.to_string()]));
        let (few, many) = (few?, many?);
        let per_run = |component: &str| {
            let of = |costs: &BTreeMap<&str, u64>| costs.get(component).copied().unwrap_or(0);
            of(&many).saturating_sub(of(&few)) / u64::from(RUNS[1] - RUNS[0])
        };
        let mut lines: Vec<_> = many.keys().map(|it| (per_run(it), *it)).collect();
        lines.sort_unstable_by(|left, right| right.cmp(left));
        let total: u64 = lines.iter().map(|(cost, _)| cost).sum();
        let verdict = if total <= budget { "within" } else { "OVER" };
        println!("a run, {subject}: {total} instructions, {verdict} {budget}");
        for (cost, component) in lines {
            #[expect(clippy::cast_precision_loss, reason = "a share, for reading")]
            let share = 100.0 * cost as f64 / total as f64;
            println!("  {cost:>9}  {share:>4.1} %  {component}");
        }
    }
    scale(&folder)?;
    // A folder that stays behind does no harm.
    let _ = std::fs::remove_dir_all(&folder);
    Ok(())
}

/// Counts the instructions of this program with these arguments, by component.
fn count(folder: &Path, arguments: &[&str]) -> Result<BTreeMap<&'static str, u64>, String> {
    let out = folder.join("profile");
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let valgrind = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("valgrind: {error}; install it first"))?;
    if !valgrind.status.success() {
        return Err(String::from_utf8_lossy(&valgrind.stderr).into_owned());
    }
    let profile = std::fs::read_to_string(&out).map_err(|error| error.to_string())?;
    Ok(own_costs(&profile))
}

/// Adds up the own instructions of all functions of a profile, by component.
///
/// The format: <https://valgrind.org/docs/manual/cl-format.html>.
fn own_costs(profile: &str) -> BTreeMap<&'static str, u64> {
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    let mut costs = BTreeMap::new();
    let mut current = OTHER;
    let mut is_call = false;
    for line in profile.lines() {
        if let Some(function) = line
            .strip_prefix("fn=")
            .or_else(|| line.strip_prefix("cfn="))
        {
            let (id, name) = function.split_once(' ').unwrap_or((function, ""));
            if !name.is_empty() {
                names.insert(id, name);
            }
            if line.starts_with("fn=") {
                current = component(names.get(id).copied().unwrap_or_default());
            }
        } else if line.starts_with("calls=") {
            // The next line is the cost of the call, which its function counts.
            is_call = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            if std::mem::take(&mut is_call) {
                continue;
            }
            let cost = line
                .split(' ')
                .nth(1)
                .and_then(|cost| cost.parse::<u64>().ok());
            *costs.entry(current).or_default() += cost.unwrap_or(0);
        }
    }
    costs
}

const OTHER: &str = "other";

/// The components, each with the prefixes of its functions' names; the first match counts.
const COMPONENTS: [(&str, &[&str]); 15] = [
    (
        "malloc and free",
        &[
            "malloc",
            "free",
            "calloc",
            "realloc",
            "_int_",
            "unlink_chunk",
            "sysmalloc",
            "tcache",
            "arena",
            "__rust_alloc",
            "__rust_dealloc",
            "alloc::alloc",
            "cfree",
        ],
    ),
    ("memcpy and memset", &["__mem", "mem"]),
    ("drop", &["core::ptr::drop_in_place"]),
    (
        "attempts",
        &["durasim_worker::activity", "<durasim_worker::activity"],
    ),
    ("worker", &["durasim_worker", "<durasim_worker"]),
    ("service", &["durasim_service", "<durasim_service"]),
    ("engine", &["durasim_engine", "<durasim_engine"]),
    ("world", &["durasim", "<durasim"]),
    (
        "messages (prost)",
        &["prost", "<prost", "temporalio_protos", "<temporalio_protos"],
    ),
    (
        "client",
        &[
            "temporalio_client",
            "<temporalio_client",
            "tonic",
            "<tonic",
            "tower",
            "<tower",
            "http",
            "<http",
            "hyper",
            "<hyper",
            "h2",
            "<h2",
        ],
    ),
    (
        "SDK",
        &["temporalio_", "<temporalio_", "benches", "<benches"],
    ),
    ("tokio", &["tokio", "<tokio", "madsim", "<madsim"]),
    (
        "collections",
        &[
            "alloc::collections",
            "<alloc::collections",
            "std::collections",
            "<std::collections",
            "hashbrown",
            "<hashbrown",
            "indexmap",
            "<indexmap",
        ],
    ),
    (
        "formatting",
        &["core::fmt", "<core::fmt", "alloc::fmt", "<alloc::fmt"],
    ),
    (
        "threads",
        &[
            "pthread",
            "__pthread",
            "clone",
            "start_thread",
            "std::thread",
            "futex",
            "syscall",
        ],
    ),
];

/// Returns the component of a function.
fn component(function: &str) -> &'static str {
    COMPONENTS
        .iter()
        .find(|(_, prefixes)| prefixes.iter().any(|it| function.starts_with(it)))
        .map_or(OTHER, |(component, _)| component)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_counts_for_the_function_called() {
        let profile = "\
fn=(1) durasim_service::Service::request
16 100
+2 30
cfn=(2) malloc
calls=4 0
+1 999
* 5

fn=(2)
7 40
fn=(3) unknown
1 2
";
        let expected = BTreeMap::from([("service", 135), ("malloc and free", 40), (OTHER, 2)]);
        assert_eq!(own_costs(profile), expected);
    }
}
