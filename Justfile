# The README's commands, and what else is done often. `just` lists them.

_default:
    @just --list

# The main job: a tour of what durasim does
run:
    cargo run -p scenarios

# Every test
test:
    cargo test --workspace

# How source files are laid out and written; reads all crates, builds none. `--nocapture` shows
# what crates on the lists NOT_YET still have to do
house-rules *arguments:
    mkdir -p target
    rustc --edition 2024 --test tests/tests/documents/house_rules/mod.rs -o target/house-rules
    target/house-rules {{arguments}}

# Pictures of worlds in a real Chromium (Debian's chromium and chromium-driver); screenshots in target/view-test
view-test *arguments:
    cargo test -p durasim-browser-tests -- --nocapture {{arguments}}

# What CI checks
ci:
    .ci/run

# Formatting and lints
lint:
    cargo fmt --all -- --check
    rustfmt --check --edition 2024 harness/durasim/src/checks/*.rs harness/durasim/src/faults/catalogue/*.rs
    cargo clippy --workspace --all-targets -- -D warnings

# The documentation, in a browser
doc:
    cargo doc --workspace --no-deps --open

# Costs, as ratios within one run
ratios:
    cargo run --release -p benches --bin ratios

# The reader of histories (`histories`) or the query language (`queries`) under libFuzzer, for a minute (needs a C++ compiler)
fuzz target="histories" seconds="60":
    RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=3 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters --cfg fuzzing" \
        cargo run --manifest-path tests/fuzz/Cargo.toml --target-dir target/fuzz --target $(rustc -vV | sed -n 's/host: //p') --bin {{target}} -- -max_total_time={{seconds}}

# What `durasim serve` costs, with the official client and worker over a socket
serve-costs:
    cargo run --release -p benches --bin serve

# The time of 256 worlds in a debug build, as users have it
debug-build:
    cargo run --profile user -p benches --bin ratios -- --debug

# Many seeds of every scenario
sweep seeds="0..1000":
    cargo run --release -p scenarios -- sweep --all --seeds {{seeds}}

# How soon each known flaw is found
score:
    cargo run --release -p scenarios -- score

# The service behind a port, for every SDK
serve *arguments:
    cargo run --release -p durasim-cli -- serve {{arguments}}

# Workflows in Python, with the SDK's own test environments on durasim (needs python3)
conformance-python:
    tests/python/run

# The same in TypeScript (needs node and npm)
conformance-typescript:
    tests/typescript/run

# The same in Go (needs go)
conformance-go:
    tests/go/run

# The same in Java (needs a JDK and mvn)
conformance-java:
    tests/java/run

# The `temporal` command line and the web UI (needs go; the first time takes minutes)
conformance-cli *arguments:
    tests/cli/run {{arguments}}

# The Python SDK's own tests on `durasim serve` (needs git and python3; half an hour)
suite-python *files:
    tests/python/suite {{files}}

# The integration tests of the crate temporalio-sdk-core on `durasim serve` (half an hour)
suite-sdk-core *modules:
    tests/sdk-core/suite {{modules}}

# The histories that the Go SDK keeps for its replay tests are read and printed (needs git)
go-histories:
    mkdir -p target/sdk-go
    test -d target/sdk-go/.git || git clone --depth 1 https://github.com/temporalio/sdk-go target/sdk-go
    cargo run -p durasim-cli -- outline target/sdk-go/test/replaytests

# Instructions of a run, by component (needs valgrind)
instructions:
    cargo run --release -p benches --bin instructions
