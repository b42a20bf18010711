//! The program as its users meet it: output, JSON, exit status.

use std::process::{Command, Output};

use serde_json::Value;

fn scenarios(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_scenarios"))
        .args(arguments)
        .env_remove("DURASIM_SEED")
        .output()
        .expect("the program runs")
}

fn text(output: &[u8]) -> String {
    String::from_utf8(output.to_vec()).expect("the output is text")
}

fn objects(output: &Output) -> Vec<Value> {
    text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is a JSON object"))
        .collect()
}

#[test]
fn list_names_every_scenario() {
    let output = scenarios(&["list", "--json"]);
    assert_eq!(output.status.code(), Some(0));
    let all: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    for scenario in &all {
        let keys: Vec<_> = scenario.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["about", "name", "sound"]);
    }
    let plain = text(&scenarios(&["list"]).stdout);
    for scenario in &all {
        assert!(
            plain.contains(scenario["name"].as_str().unwrap()),
            "{scenario}"
        );
    }
    assert!(
        all.iter()
            .any(|scenario| scenario["name"] == "approval" && scenario["sound"] == true)
    );
    assert!(
        all.iter()
            .any(|scenario| scenario["name"] == "flawed/clock" && scenario["sound"] == false)
    );
}

#[test]
fn run_prints_one_object_and_passes() {
    let output = scenarios(&["run", "fetch_and_process", "--seed", "7", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let objects = objects(&output);
    assert_eq!(objects.len(), 1);
    let run = objects[0].as_object().unwrap();
    let mut keys: Vec<_> = run.keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "code",
            "events",
            "faults",
            "scenario",
            "seed",
            "steps",
            "trace_hash",
            "verdict",
            "virtual_ms",
            "wall_us"
        ]
    );
    assert_eq!(run["scenario"], "fetch_and_process");
    assert_eq!(run["seed"], 7);
    assert_eq!(run["verdict"], "pass");
    assert_eq!(run["code"], Value::Null);
}

#[test]
fn a_run_is_shown_in_words() {
    let output = scenarios(&["run", "approval", "--faults", "none"]);
    assert_eq!(output.status.code(), Some(0));
    let words = text(&output.stdout);
    assert!(words.contains("approval-of-item-3"), "{words}");
    assert!(words.contains("TimerFired"), "{words}");
    assert!(words.contains("pass: "), "{words}");
}

#[test]
fn a_failed_run_exits_with_1_and_ends_with_the_command_that_reproduces_it() {
    let output = scenarios(&["run", "flawed/clock", "--seed", "3"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let words = text(&output.stdout);
    assert!(words.contains("DS101"), "{words}");
    assert_eq!(
        words.lines().last(),
        Some("cargo run -p scenarios -- run flawed/clock --seed 3")
    );
}

#[test]
fn a_run_is_drawn_whether_it_passes_or_fails() {
    let folder = std::env::temp_dir().join(format!("scenarios-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("world.html").display().to_string();
    for (name, status, role) in [("payment", 0, "passed"), ("flawed/clock", 1, "failed")] {
        let output = scenarios(&["run", name, "--seed", "3", "--view", &file]);
        assert_eq!(
            output.status.code(),
            Some(status),
            "{}",
            text(&output.stderr)
        );
        assert!(text(&output.stdout).contains(&file));
        let page = std::fs::read_to_string(&file).unwrap();
        assert!(page.contains(&format!("\"role\":\"{role}\"")), "{name}");
        assert!(page.contains(&format!("\"title\":\"{name}\"")), "{name}");
    }
    let nowhere = folder.join("world.html/nowhere").display().to_string();
    let output = scenarios(&["run", "payment", "--view", &nowhere]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(
        said.contains("error: failed to write the picture to "),
        "{said}"
    );
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_sweep_prints_its_seeds_in_order_on_any_number_of_threads() {
    let hashes = |jobs: &str| {
        let output = scenarios(&[
            "sweep", "payment", "--seeds", "10..22", "--jobs", jobs, "--json",
        ]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        objects(&output)
            .into_iter()
            .map(|object| {
                (
                    object["seed"].as_u64().unwrap(),
                    object["trace_hash"].clone(),
                )
            })
            .collect::<Vec<_>>()
    };
    let one = hashes("1");
    assert_eq!(
        one.iter().map(|(seed, _)| *seed).collect::<Vec<_>>(),
        (10..22).collect::<Vec<_>>()
    );
    assert_eq!(one, hashes("3"));
}

#[test]
fn a_sweep_of_all_runs_the_sound_scenarios_only() {
    let output = scenarios(&["sweep", "--all", "--seeds", "0..1", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    let swept = objects(&output);
    assert_eq!(swept.len(), 16);
    assert!(
        swept
            .iter()
            .all(|object| !object["scenario"].as_str().unwrap().starts_with("flawed/"))
    );
}

#[test]
fn a_sweep_finds_a_flaw_and_run_reproduces_it() {
    let output = scenarios(&[
        "sweep",
        "flawed/charge_without_key",
        "--seeds",
        "0..256",
        "--json",
    ]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let found = objects(&output)
        .into_iter()
        .find(|object| object["verdict"] == "fail")
        .unwrap();
    assert_eq!(found["code"], "DS104");

    let seed = found["seed"].to_string();
    let again = objects(&scenarios(&[
        "run",
        "flawed/charge_without_key",
        "--seed",
        &seed,
        "--json",
    ]));
    assert_eq!(again[0]["trace_hash"], found["trace_hash"]);
    assert_eq!(again[0]["code"], found["code"]);
}

#[test]
fn history_prints_the_json_format_of_temporal() {
    let output = scenarios(&["history", "fetch_and_process", "--seed", "1"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let history: Value = serde_json::from_slice(&output.stdout).unwrap();
    let first = &history["events"][0];
    assert_eq!(first["eventId"], "1");
    assert_eq!(first["eventType"], "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED");
    let attributes = &first["workflowExecutionStartedEventAttributes"];
    assert_eq!(
        attributes["workflowType"]["name"],
        "FetchAndProcessWorkflow"
    );
    assert_eq!(attributes["workflowTaskTimeout"], "10s");
    let asked = scenarios(&["history", "fetch_and_process", "--seed", "1", "--json"]);
    assert_eq!(asked.stdout, output.stdout, "it is JSON without --json too");
}

#[test]
fn history_prints_one_run_and_lists_the_other_workflows() {
    let first = scenarios(&["history", "approval", "--faults", "none"]);
    assert!(
        text(&first.stderr).contains("approval-of-item-3"),
        "{}",
        text(&first.stderr)
    );
    let third = scenarios(&[
        "history",
        "approval",
        "--faults",
        "none",
        "--workflow",
        "approval-of-item-3",
    ]);
    let history: Value = serde_json::from_slice(&third.stdout).unwrap();
    let attributes = &history["events"][0]["workflowExecutionStartedEventAttributes"];
    assert_eq!(attributes["workflowId"], "approval-of-item-3");
    assert_eq!(
        scenarios(&["history", "approval", "--workflow", "x"])
            .status
            .code(),
        Some(2)
    );
}

#[test]
fn an_invalid_command_line_exits_with_2_and_says_what_is_valid() {
    let cases: [(&[&str], &str); 20] = [
        (&["run", "aproval"], "did you mean approval"),
        (&["run", "clock"], "flawed/clock"),
        (&["walk"], "the commands are list, run, sweep"),
        (&["run"], "needs the name"),
        (&["run", "approval", "--seed", "x"], "a whole number"),
        (
            &["run", "approval", "--jobs", "2"],
            "does not take `--jobs`",
        ),
        (&["sweep", "approval"], "--seeds A..B"),
        (
            &["sweep", "approval", "--seeds", "5..5"],
            "A below B, not `5..5`",
        ),
        (&["sweep", "approval", "--seeds", "9..5"], "A below B"),
        (&["sweep", "approval", "--seeds", "-1..5"], "not `-1..5`"),
        (&["sweep", "approval", "--seeds", "0..=5"], "A below B"),
        (
            &["sweep", "approval", "--seeds", "0..18446744073709551616"],
            "whole numbers",
        ),
        (
            &["sweep", "approval", "--seeds", "0..9", "--jobs", "0"],
            "a whole number from 1",
        ),
        (&["score", "--sound-seeds", "0"], "a whole number from 1"),
        (&["run", "approval", "--seed"], "`--seed` needs a value"),
        (
            &["run", "approval", "--seed", "1", "--seed", "2"],
            "takes only one --seed",
        ),
        (
            &["run", "approval", "batch"],
            "takes only one NAME, but `batch` is a second",
        ),
        (
            &["run", "approval", "--json=yes"],
            "`--json` takes no value",
        ),
        (
            &["run", "approval", "--faults", "some"],
            "none, crashes, activities, messages or all",
        ),
        (
            &["sweep", "approval", "--all", "--seeds", "0..1"],
            "either a name or --all",
        ),
    ];
    for (arguments, words) in cases {
        let output = scenarios(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let error = text(&output.stderr);
        assert!(error.contains(words), "{arguments:?}: {error}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn help_is_shown_wherever_it_is_requested() {
    for arguments in [
        &["help"][..],
        &["--help"],
        &["-h"],
        &["run", "--help"],
        &["sweep", "approval", "-h"],
    ] {
        let output = scenarios(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(
            text(&output.stdout).contains("Usage: scenarios"),
            "{arguments:?}"
        );
    }
}

#[test]
fn the_command_that_reproduces_a_failure_names_its_faults() {
    let output = scenarios(&["run", "flawed/clock", "--seed=3", "--faults=none"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let words = text(&output.stdout);
    let command = "cargo run -p scenarios -- run flawed/clock --seed 3 --faults none";
    assert_eq!(words.lines().last(), Some(command));
}

#[test]
fn more_threads_than_seeds_do_no_harm() {
    let output = scenarios(&[
        "sweep", "approval", "--seeds", "7..9", "--jobs", "1000000", "--json",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(objects(&output).len(), 2);
}

#[test]
fn the_tour_shows_time_faults_and_a_flaw() {
    let output = scenarios(&[]);
    let words = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{words}");
    for stop in [
        "1. Time that skips",
        "2. Faults",
        "3. A flaw",
        "Continue with",
    ] {
        assert!(words.contains(stop), "{words}");
    }
}
