//! The errors that rustc shows if `#[workflow_test]` is used wrongly.
//!
//! The expected texts are exact for the toolchain that CI pins. After a change, accept them with
//! `TRYBUILD=overwrite cargo test -p durasim-macros --test ui`.

#[test]
fn wrong_uses_name_the_valid_alternatives() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/fail/*.rs");
    cases.pass("tests/ui/pass/*.rs");
}
