//! The subjects of `ratios` with criterion's statistics: `cargo bench -p benches`.

#![allow(
    missing_docs,
    reason = "`criterion_group!` makes a public function without documentation"
)]

use benches::{
    activities::Attempts,
    checks::{self, Asked},
    floor::Floor,
    worlds::{self, Extra},
};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use durasim::advanced::{Campaign, ChoiceSource};

fn runs(c: &mut Criterion) {
    let body = worlds::rounds(10);
    let floor = Floor::of(worlds::run(&body, &[]).histories[0].events());
    let mut group = c.benchmark_group("ten activities and ten timers");
    group.bench_function("floor", |b| {
        b.iter_custom(|times| (0..times).map(|_| floor.run()).sum());
    });
    group.bench_function("without checks", |b| b.iter(|| worlds::run(&body, &[])));
    group.bench_function("with default checks", |b| {
        b.iter(|| worlds::run(&body, &[Extra::Replay]));
    });
    group.bench_function("with its trace kept", |b| {
        b.iter(|| worlds::run(&body, &[Extra::TraceKept]));
    });
    group.bench_function("without a cache", |b| {
        b.iter(|| worlds::run(&body, &[Extra::CacheOff]));
    });
    group.finish();
}

fn checks_asked_for(c: &mut Criterion) {
    let mut group = c.benchmark_group("ten rounds with a check");
    for asked in [
        Asked::Nothing,
        Asked::Observations,
        Asked::Effects,
        Asked::Invariant,
        Asked::Sometimes,
    ] {
        let body = checks::rounds(asked);
        let campaign = Campaign::new(&body, worlds::options(&[]));
        group.bench_function(format!("{asked:?}"), |b| {
            b.iter(|| campaign.run(ChoiceSource::Benign));
        });
    }
    group.finish();
}

fn environment(c: &mut Criterion) {
    let body = worlds::empty();
    c.bench_function("environment created and dropped", |b| {
        b.iter(|| worlds::run(&body, &[Extra::Replay]));
    });
}

fn length(c: &mut Criterion) {
    let mut group = c.benchmark_group("events");
    group.sample_size(10);
    for rounds in [91, 909] {
        let body = worlds::rounds(rounds);
        group.throughput(Throughput::Elements(u64::from(rounds) * 11));
        group.bench_with_input(
            BenchmarkId::from_parameter(rounds * 11),
            &body,
            |b, body| {
                b.iter(|| worlds::run(body, &[]));
            },
        );
    }
    group.finish();
}

fn attempts(c: &mut Criterion) {
    let attempts = Attempts::new();
    let mut group = c.benchmark_group("one attempt of an activity");
    group.bench_function("in the SDK's environment", |b| {
        b.iter(|| attempts.in_sdk_environment());
    });
    group.bench_function("of its own code", |b| b.iter(|| attempts.real()));
    group.bench_function("of its mock", |b| b.iter(|| attempts.mocked()));
    group.finish();
}

fn faults(c: &mut Criterion) {
    let scenario = scenarios::payment::SCENARIO;
    let body = move |env| (scenario.world)(env);
    let campaign = Campaign::new(&body, worlds::faulty());
    let mut seeds = 0..;
    c.bench_function("one seed of payment with all faults", |b| {
        b.iter(|| campaign.seed(seeds.next().expect("seeds do not end")));
    });
}

criterion_group!(
    benches,
    runs,
    checks_asked_for,
    environment,
    length,
    attempts,
    faults
);
criterion_main!(benches);
