//! Measures the cost of durasim and prints it as ratios: `cargo run --release -p benches --bin
//! ratios -- --json`.
//!
//! A budget is an upper bound. A line without a budget is printed for information.
//!
//! `cargo run --profile user -p benches --bin ratios -- --debug` measures the debug build of
//! somebody who uses durasim: dependencies, durasim among them, at `opt-level = 1`.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use benches::{
    activities::Attempts,
    checks::{self, Asked},
    client::ClientAlone,
    clock::{Subject, measure},
    floor::Floor,
    memory,
    worlds::{self, Extra},
};
use durasim::advanced::{Campaign, ChoiceSource, WorldOptions};
use durasim_events::HistoryEvent;
use durasim_service::history_rules;

/// One line of output.
struct Line {
    name: &'static str,
    ratio: f64,
    budget: Option<f64>,
    /// The two quantities of the ratio, in words.
    meaning: String,
}

fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let json = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--json"] => true,
        ["--debug"] => return debug_build(),
        ["memory", subject, size] => {
            memory::print_peak(subject, size);
            return std::process::ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("usage: ratios [--json | --debug]");
            return std::process::ExitCode::from(2);
        }
    };
    let mut lines = runs();
    lines.extend(shares());
    lines.extend(environment());
    lines.extend(length());
    lines.extend(attempts());
    lines.extend(campaigns());
    lines.extend(memory());
    for line in &lines {
        print(line, json);
    }
    std::process::ExitCode::SUCCESS
}

fn print(line: &Line, json: bool) {
    let Line {
        name,
        ratio,
        budget,
        meaning,
    } = line;
    if json {
        let ratio = (ratio * 1_000.0).round() / 1_000.0;
        println!(
            "{}",
            serde_json::json!({ "name": name, "ratio": ratio, "budget": budget })
        );
        return;
    }
    let verdict = match budget {
        Some(budget) if ratio <= budget => format!("within {budget:.2}"),
        Some(budget) => format!("OVER {budget:.2}"),
        None => String::new(),
    };
    println!("{name:<32}{ratio:>9.2}  {verdict:<14}{meaning}");
}

fn line(
    name: &'static str,
    (over, under): (Duration, Duration),
    budget: Option<f64>,
    what: &str,
) -> Line {
    let meaning = format!("{what}: {over:.1?} over {under:.1?}");
    Line {
        name,
        ratio: over.as_secs_f64() / under.as_secs_f64(),
        budget,
        meaning,
    }
}

/// Returns the line for the share of a check in the run that has it.
fn share(name: &'static str, (with, without): (Duration, Duration), check: &str) -> Line {
    line(
        name,
        (with.saturating_sub(without), with),
        None,
        &format!("{check}, of a run that has it"),
    )
}

/// Measures a whole run over the floor, with and without optional parts.
fn runs() -> Vec<Line> {
    let body = worlds::rounds(10);
    let history = worlds::run(&body, &[]).histories.remove(0);
    let floor = Floor::of(history.events());
    let client = ClientAlone::new(history.events().last().expect("a run has events"));
    let attempts = Attempts::new();
    let body = &body;
    let world = |extras: &'static [Extra]| Subject::new(move || worlds::run(body, extras));
    let times = measure(
        Duration::from_secs(20),
        &mut [
            Subject::timed(|| floor.run()),
            world(&[]),
            world(&[Extra::Replay]),
            world(&[Extra::TraceKept]),
            world(&[Extra::CacheOff]),
            world(&[Extra::Replay, Extra::CoreReplay]),
            Subject::new(|| client.start_and_result()),
            Subject::new(|| attempts.in_sdk_environment()),
        ],
    );
    let [
        floor_time,
        plain,
        checked,
        traced,
        uncached,
        core,
        client_time,
        attempt_time,
    ] = times[..]
    else {
        unreachable!("as many times as subjects")
    };
    // The cost of the SDK's own code in such a run, for any service.
    let sdk = floor_time + client_time + attempt_time * 10;
    let what = format!(
        "ten activities and ten timers, {} activations",
        floor.activations()
    );
    vec![
        line("run_without_checks", (plain, floor_time), Some(7.0), &what),
        line(
            "run_with_default_checks",
            (checked, floor_time),
            Some(10.0),
            &what,
        ),
        line(
            "sdk_parts",
            (sdk, floor_time),
            None,
            "the activations, the client's two calls, the ten attempts",
        ),
        line(
            "run_without_checks_over_sdk_parts",
            (plain, sdk),
            None,
            "all that is durasim's own is in the rest",
        ),
        share("check_replay_share", (checked, plain), "replay"),
        share("check_core_replay_share", (core, checked), "core_replay"),
        line(
            "trace_entries_kept",
            (traced, plain),
            None,
            "with its trace kept",
        ),
        line(
            "cache_off",
            (uncached, plain),
            None,
            "every task replays from the first event",
        ),
    ]
}

/// Measures the cost of each other check, compared with a test that does not ask for it.
fn shares() -> Vec<Line> {
    let nothing = checks::rounds(Asked::Nothing);
    let observations = checks::rounds(Asked::Observations);
    let effects = checks::rounds(Asked::Effects);
    let invariant = checks::rounds(Asked::Invariant);
    let sometimes = checks::rounds(Asked::Sometimes);
    let judged = Campaign::new(&nothing, worlds::options(&[]));
    let observed = Campaign::new(&observations, worlds::options(&[]));
    let history = worlds::run(&nothing, &[]).histories.remove(0);
    let events = history.events().iter().cloned();
    let events: Vec<_> = events.map(HistoryEvent::from).collect();
    let times = measure(
        Duration::from_secs(15),
        &mut [
            Subject::new(|| worlds::run(&nothing, &[])),
            Subject::new(|| history_rules::check(&events)),
            Subject::new(|| judged.run(ChoiceSource::Benign)),
            Subject::new(|| observed.run(ChoiceSource::Benign)),
            Subject::new(|| worlds::run(&effects, &[])),
            Subject::new(|| worlds::run(&invariant, &[])),
            Subject::new(|| worlds::run(&sometimes, &[])),
        ],
    );
    let [
        without,
        rules,
        judged,
        observed,
        effects,
        invariant,
        sometimes,
    ] = times[..]
    else {
        unreachable!("as many times as subjects")
    };
    vec![
        share(
            "check_history_share",
            (without, without.saturating_sub(rules)),
            "history",
        ),
        share("check_liveness_share", (judged, without), "liveness"),
        share(
            "check_idempotency_share",
            (observed, judged),
            "idempotency, of a result and a value",
        ),
        share(
            "check_effects_once_share",
            (effects, without),
            "effects_once, of ten effects",
        ),
        share(
            "check_invariant_share",
            (invariant, without),
            "invariant, after every step",
        ),
        share(
            "check_sometimes_share",
            (sometimes, without),
            "sometimes, at ten places",
        ),
    ]
}

/// Measures an environment; the budget allows 200 us.
fn environment() -> Vec<Line> {
    let body = worlds::empty();
    let times = measure(
        Duration::from_secs(5),
        &mut [Subject::new(|| worlds::run(&body, &[Extra::Replay]))],
    );
    let limit = Duration::from_micros(200);
    vec![line(
        "environment_created_and_dropped",
        (times[0], limit),
        Some(1.0),
        "create and drop",
    )]
}

/// Measures runs of different lengths, at eleven events a round.
fn length() -> Vec<Line> {
    let (short, long) = (worlds::rounds(91), worlds::rounds(909));
    let times = measure(
        Duration::from_secs(25),
        &mut [
            Subject::new(|| worlds::run(&short, &[])),
            Subject::new(|| worlds::run(&long, &[])),
            Subject::new(|| worlds::run(&short, &[Extra::Replay])),
            Subject::new(|| worlds::run(&long, &[Extra::Replay])),
        ],
    );
    vec![
        line(
            "events_10000_over_1000",
            (times[1], times[0]),
            Some(11.0),
            "without checks",
        ),
        line(
            "events_10000_over_1000_checked",
            (times[3], times[2]),
            Some(11.0),
            "with default checks",
        ),
    ]
}

/// Measures one attempt, over the SDK's own way to run one.
fn attempts() -> Vec<Line> {
    let attempts = Attempts::new();
    let times = measure(
        Duration::from_secs(3),
        &mut [
            Subject::new(|| attempts.in_sdk_environment()),
            Subject::new(|| attempts.real()),
            Subject::new(|| attempts.mocked()),
        ],
    );
    vec![
        line(
            "activity_attempt",
            (times[1], times[0]),
            None,
            "its own code, over the SDK's test environment",
        ),
        line(
            "mocked_attempt",
            (times[2], times[0]),
            None,
            "its mock, over the SDK's test environment",
        ),
    ]
}

/// Measures seeds with and without faults, on one thread and on two.
fn campaigns() -> Vec<Line> {
    const SEEDS: u64 = 200;
    let scenario = scenarios::payment::SCENARIO;
    let body = move |env| (scenario.world)(env);
    let fault_free = Campaign::new(&body, WorldOptions::default());
    let faulty = Campaign::new(&body, worlds::faulty());
    let sweep = |campaign: &Campaign<'_>, threads: usize| {
        let next = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= SEEDS {
                            return;
                        }
                        let report = campaign.seed(seed);
                        assert!(
                            report.failure.is_none(),
                            "seed {seed}: {:?}",
                            report.failure
                        );
                    }
                });
            }
        });
    };
    let times = measure(
        Duration::from_secs(20),
        &mut [
            Subject::new(|| sweep(&fault_free, 1)),
            Subject::new(|| sweep(&faulty, 1)),
            Subject::new(|| sweep(&faulty, 2)),
        ],
    );
    let seeds = u32::try_from(SEEDS).expect("it is small");
    let one = times[1] / seeds;
    let limit = Duration::from_micros(400);
    let mut lines = vec![
        line(
            "faulty_run_over_fault_free",
            (times[1], times[0]),
            None,
            "payment, all faults",
        ),
        line(
            "two_threads_over_one",
            (times[2], times[1]),
            Some(1.0 / 1.85),
            "payment, all faults",
        ),
    ];
    lines.push(line(
        "faulty_run_over_400_us",
        (one, limit),
        Some(1.0),
        "payment, all faults",
    ));
    lines.push(Line {
        name: "seeds_per_second_per_core",
        ratio: 1.0 / one.as_secs_f64(),
        budget: None,
        meaning: format!("payment, all faults: {one:.1?} a seed"),
    });
    lines
}

/// Measures the memory of an event of a long run, and of a small workflow among thousands.
fn memory() -> Vec<Line> {
    let line = |name, bytes: f64, limit: f64, what: &str| Line {
        name,
        ratio: bytes / limit,
        budget: Some(1.0),
        meaning: format!("{what}: {bytes:.0} bytes over {limit:.0}"),
    };
    let events = memory::bytes_each("rounds", [909, 4_545]) / 11.0;
    let workflow = memory::bytes_each("crowd", [1_000, 3_000]);
    vec![
        line(
            "memory_of_an_event",
            events,
            1_024.0,
            "of 50,000 in one run",
        ),
        line(
            "memory_of_a_small_workflow",
            workflow,
            30.0 * 1_024.0,
            "of 27 events, among 3,000",
        ),
    ]
}

/// Measures 256 worlds with all faults in a debug build.
fn debug_build() -> std::process::ExitCode {
    const SEEDS: u64 = 256;
    if !cfg!(debug_assertions) {
        eprintln!(
            "this is no debug build: cargo run --profile user -p benches --bin ratios -- --debug"
        );
        return std::process::ExitCode::from(2);
    }
    let scenario = scenarios::payment::SCENARIO;
    let body = move |env| (scenario.world)(env);
    let campaign = Campaign::new(&body, worlds::faulty());
    let times = measure(
        Duration::from_secs(10),
        &mut [Subject::new(|| {
            for seed in 0..SEEDS {
                assert!(campaign.seed(seed).failure.is_none(), "seed {seed}");
            }
        })],
    );
    println!(
        "{SEEDS} seeds of a payment workflow with all faults, on one core: {:.2?}",
        times[0]
    );
    std::process::ExitCode::SUCCESS
}
