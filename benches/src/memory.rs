//! The memory of worlds, as the system counts it: each world has a process of its own.

use std::{env, process::Command};

use crate::worlds;

/// Runs one world, and prints the most memory that this process has had, in bytes.
///
/// # Panics
///
/// If there is no such subject, or the system does not tell.
pub fn print_peak(subject: &str, size: &str) {
    let size = size.parse().expect("a number");
    let report = match subject {
        "rounds" => worlds::run(&worlds::rounds(size), &[]),
        "crowd" => worlds::run(&worlds::crowd(size), &[]),
        other => panic!("no subject {other}"),
    };
    drop(report);
    let status = std::fs::read_to_string("/proc/self/status").expect("a Linux system");
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    println!("{}", peak.expect("the system counts it") * 1024);
}

/// Returns the bytes that one more of a subject takes: the difference of two worlds of these sizes,
/// over the difference of the sizes.
///
/// # Panics
///
/// If this program cannot run itself.
pub fn bytes_each(subject: &str, sizes: [u32; 2]) -> f64 {
    let [few, many] = sizes.map(|size| {
        let program = env::current_exe().expect("a program has a path");
        let output = Command::new(program)
            .args(["memory", subject, &size.to_string()])
            .output()
            .expect("a program can run itself");
        let text = String::from_utf8_lossy(&output.stdout);
        let bytes: u32 = text.trim().parse().expect("it prints a number");
        f64::from(bytes)
    });
    (many - few) / f64::from(sizes[1] - sizes[0])
}
