//! Tests that nothing is left out: for each fault and each check there is a probe that breaks it.

use std::{collections::BTreeSet, path::Path};

use pretty_assertions::assert_eq;

use super::{
    checks, faults, inside_activities, mechanisms,
    payments::{LOUD, Outcome, kinds},
};
use crate::{
    FaultKind, FaultProfile, advanced::ChoiceSource, broken::Sabotage, faults::Moment,
    report::FailureCode,
};

/// The parts that some probe breaks.
fn broken() -> impl Iterator<Item = Sabotage> {
    [
        faults::BROKEN,
        faults::nexus::BROKEN,
        inside_activities::BROKEN,
        checks::BROKEN,
        mechanisms::BROKEN,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// The names of the files in a folder that has one file for each fault or check.
fn files(folder: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src")
        .join(folder);
    let entries = folder
        .read_dir()
        .expect("the sources are beside their tests");
    let stem = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.expect("a folder can be listed").path();
        (path.extension()? == "rs").then(|| {
            path.file_stem()
                .map(|stem| stem.to_string_lossy().into_owned())
        })?
    };
    entries
        .filter_map(stem)
        .filter(|name| name != "mod")
        .collect()
}

#[test]
fn every_fault_is_broken_by_some_test() {
    for kind in kinds() {
        assert!(
            broken().any(|it| matches!(it, Sabotage::Fault(broken, ..) if broken == kind)),
            "{kind}"
        );
    }
}

#[test]
fn every_fault_is_broken_at_every_moment_at_which_it_happens() {
    let mut moments = BTreeSet::new();
    for kind in kinds() {
        let profile = FaultProfile::none()
            .with_odds(kind, 0.5)
            .max_faults(u32::MAX);
        for seed in 0..32 {
            let outcome = Outcome::with(LOUD, profile.clone(), ChoiceSource::Seed(seed))
                .expect("it is sound");
            let injected = outcome
                .report
                .tape
                .entries
                .into_iter()
                .filter(|it| it.point.site == kind.site());
            moments.extend(injected.map(|it| {
                let suffix = it
                    .point
                    .key
                    .rsplit_once(", ")
                    .map_or("", |(_, suffix)| suffix);
                (kind, suffix.to_owned())
            }));
        }
    }
    let broken: BTreeSet<_> = broken()
        .filter_map(|it| match it {
            Sabotage::Fault(kind, moment, _) => Some((kind, moment.suffix().to_owned())),
            _ => None,
        })
        .collect();
    assert_eq!(moments, broken);
}

#[test]
fn an_unavailable_service_is_broken_before_and_after_the_call_took_effect() {
    for way in [1, 2] {
        let wanted = Sabotage::Fault(FaultKind::ClientUnavailable, Moment::Message, Some(way));
        assert!(broken().any(|it| it == wanted), "{wanted:?}");
    }
}

#[test]
fn every_check_and_every_verdict_is_broken_by_some_test() {
    let codes: BTreeSet<_> = broken()
        .filter_map(|it| match it {
            Sabotage::Check(code) | Sabotage::Verdict(code) => Some(code),
            _ => None,
        })
        .collect();
    // Codes that begin with 2 are no verdicts on the workflow.
    let wanted = FailureCode::ALL
        .iter()
        .copied()
        .filter(|code| !code.code().starts_with("DS2"));
    assert_eq!(codes, wanted.collect());
}

#[test]
fn there_is_no_file_of_a_fault_that_is_not_listed() {
    let kinds = FaultKind::ALL.iter().map(|kind| kind.name().to_owned());
    assert_eq!(files("faults/catalogue"), kinds.collect());
}
