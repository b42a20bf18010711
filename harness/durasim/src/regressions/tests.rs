use durasim_engine::{Point, START_MS, TapeEntry};
use pretty_assertions::assert_eq;

use super::*;

fn crash(occurrence: u32, at_ms: u64) -> TapeEntry {
    TapeEntry {
        point: Point::new("worker.crash", "payments", occurrence),
        arity: 2,
        value: 1,
        at_ms: START_MS + at_ms,
        words: "crash worker payments after Payments::charge, attempt 1".to_owned(),
    }
}

fn order() -> TapeEntry {
    let point = Point::new("schedule.next", "", 4);
    TapeEntry {
        point,
        arity: 3,
        value: 2,
        at_ms: 0,
        words: String::new(),
    }
}

fn failure(test: &str, occurrence: u32) -> SavedFailure {
    SavedFailure {
        test: test.to_owned(),
        fails: "DS103 idempotency".to_owned(),
        tape: Tape {
            seed: Some(17),
            entries: vec![crash(occurrence, 1_500), order()],
        },
    }
}

/// A package with one test file, `tests/payments.rs`, and nothing saved.
fn package() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("tests")).unwrap();
    fs::write(folder.path().join("tests/payments.rs"), "").unwrap();
    folder
}

fn beside(package: &tempfile::TempDir) -> Result<Regressions, RegressionsError> {
    let found = Regressions::beside(package.path().to_str().unwrap(), "tests/payments.rs");
    found.map(|regressions| regressions.expect("the source file is there"))
}

/// The error that a file with this text gives, without the folder's random name.
fn damage(text: &str) -> String {
    let package = package();
    fs::write(package.path().join("tests/payments.durasim-seeds"), text).unwrap();
    let error = beside(&package).unwrap_err().to_string();
    error.replace(package.path().to_str().unwrap(), "")
}

#[test]
fn nothing_is_saved_at_first() {
    let package = package();
    let regressions = beside(&package).unwrap();
    assert_eq!(regressions.of_test("payments::charges").count(), 0);
    assert_eq!(
        regressions.path(),
        package.path().join("tests/payments.durasim-seeds")
    );
    assert!(
        !regressions.path().exists(),
        "reading leaves no file behind"
    );
}

#[test]
fn what_is_saved_comes_back_for_its_test_alone() {
    let package = package();
    let mut regressions = beside(&package).unwrap();
    assert!(regressions.save(failure("payments::charges", 0)).unwrap());
    assert!(regressions.save(failure("payments::refunds", 0)).unwrap());
    assert!(regressions.save(failure("payments::charges", 1)).unwrap());

    let read = beside(&package).unwrap();
    let tapes: Vec<_> = read
        .of_test("payments::charges")
        .map(|saved| saved.tape.clone())
        .collect();
    assert_eq!(tapes, [failure("", 0).tape, failure("", 1).tape]);
}

#[test]
fn the_file_is_for_reading() {
    let package = package();
    let mut regressions = beside(&package).unwrap();
    regressions.save(failure("payments::charges", 0)).unwrap();
    regressions.save(failure("payments::refunds", 1)).unwrap();
    insta::assert_snapshot!(fs::read_to_string(regressions.path()).unwrap());
}

#[test]
fn the_same_choices_are_saved_once_whatever_their_time_and_words() {
    let package = package();
    let mut regressions = beside(&package).unwrap();
    regressions.save(failure("payments::charges", 0)).unwrap();
    let mut same = failure("payments::charges", 0);
    same.tape.seed = Some(99);
    same.tape.entries[0].at_ms += 1;
    same.tape.entries[0].words = "crash it".to_owned();
    assert!(!regressions.save(same.clone()).unwrap());
    // Nor by a test that read the file before it was written.
    assert!(!beside(&package).unwrap().save(same).unwrap());
    assert_eq!(
        beside(&package)
            .unwrap()
            .of_test("payments::charges")
            .count(),
        1
    );
}

#[test]
fn what_people_wrote_into_the_file_stays() {
    let package = package();
    let mut regressions = beside(&package).unwrap();
    regressions.save(failure("payments::charges", 0)).unwrap();
    let mut text = fs::read_to_string(regressions.path()).unwrap();
    text.push_str("# found on Friday");
    fs::write(regressions.path(), &text).unwrap();
    regressions.save(failure("payments::charges", 1)).unwrap();
    assert!(
        fs::read_to_string(regressions.path())
            .unwrap()
            .starts_with(&text)
    );
    assert_eq!(
        beside(&package)
            .unwrap()
            .of_test("payments::charges")
            .count(),
        2
    );
}

#[test]
fn the_file_is_found_from_a_workspaces_root_too() {
    let package = package();
    let member = package.path().join("crates/payments");
    fs::create_dir_all(member.join("src")).unwrap();
    fs::write(member.join("src/lib.rs"), "").unwrap();
    let found =
        Regressions::beside(member.to_str().unwrap(), "crates/payments/src/lib.rs").unwrap();
    assert_eq!(found.unwrap().path(), member.join("src/lib.durasim-seeds"));
}

#[test]
fn without_sources_there_is_no_place() {
    let package = package();
    let found = Regressions::beside(package.path().to_str().unwrap(), "tests/gone.rs").unwrap();
    assert!(found.is_none());
}

#[test]
fn damaged_files_are_reported_with_the_line() {
    let told: Vec<_> = [
        "tape {}\n",
        "test a\nfails DS001 panic\n\ntest b\ntape {\"entries\":[]}\n",
        "test a\ntape {\"entries\":[]\n",
        "test a\ntape {\"entries\":[]}\ntape {\"entries\":[]}\n",
        "# fine\ncc 0123456789abcdef\n",
        "test\n",
        "<<<<<<< HEAD\n",
    ]
    .map(damage)
    .into();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_damaged_file_is_not_written_to() {
    let package = package();
    let mut regressions = beside(&package).unwrap();
    fs::write(regressions.path(), "garbage\n").unwrap();
    assert!(matches!(
        regressions.save(failure("payments::charges", 0)),
        Err(RegressionsError::Damaged { line: 1, .. })
    ));
    assert_eq!(fs::read_to_string(regressions.path()).unwrap(), "garbage\n");
}
