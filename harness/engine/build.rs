//! Decides how the machine's clocks and entropy are simulated on the target.
//!
//! The answer is `cfg(ambient = "..")`, the name of a file in `src/ambient/`; on systems where they
//! can be simulated, `cfg(simulated_ambient)` is set too. To compile the code for another system,
//! name it: `RUSTFLAGS='--cfg durasim_ambient="uncovered"' cargo check`.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(simulated_ambient)");
    println!(
        "cargo::rustc-check-cfg=cfg(ambient, values(\"linux_gnu\", \"macos\", \"madsim\", \
         \"uncovered\"))"
    );
    let ambient = ambient();
    println!("cargo::rustc-cfg=ambient=\"{ambient}\"");
    if ["linux_gnu", "macos"].contains(&ambient.as_str()) {
        println!("cargo::rustc-cfg=simulated_ambient");
    }
}

fn ambient() -> String {
    let cfg = |name: &str| env::var(format!("CARGO_CFG_{name}"));
    if cfg("MADSIM").is_ok() {
        return "madsim".to_owned();
    }
    if let Ok(named) = cfg("DURASIM_AMBIENT") {
        return named;
    }
    let is = |name, value: &str| cfg(name).is_ok_and(|set| set.split(',').any(|set| set == value));
    // A C library that is linked statically cannot be stood in front of.
    let dynamic = !is("TARGET_FEATURE", "crt-static");
    if is("TARGET_OS", "linux") && is("TARGET_ENV", "gnu") && dynamic {
        "linux_gnu".to_owned()
    } else if is("TARGET_OS", "macos") {
        "macos".to_owned()
    } else {
        "uncovered".to_owned()
    }
}
