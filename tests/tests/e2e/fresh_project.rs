//! A project outside the repository that follows the README to the letter.

use std::{fs, path::Path, process::Command};

/// Builds the whole SDK once more. To run it: `cargo test -p durasim-tests --test e2e -- --ignored
/// fresh_project`.
#[test]
#[ignore = "builds the SDK from scratch: minutes"]
fn a_fresh_project_passes_the_first_test_of_the_readme() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let readme = fs::read_to_string(repository.join("README.md")).unwrap();
    let test = block(&readme, "```rust\n");
    let manifest = block(&readme, "```toml\n");
    let durasim = repository.join("harness/durasim");
    let manifest = manifest.replace("../durasim/harness/durasim", durasim.to_str().unwrap());

    let project =
        std::env::temp_dir().join(format!("durasim-fresh-project-{}", std::process::id()));
    fs::create_dir_all(project.join("src")).unwrap();
    let package =
        "[package]\nname = \"fresh\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n\n";
    fs::write(project.join("Cargo.toml"), format!("{package}{manifest}")).unwrap();
    fs::write(project.join("src/lib.rs"), test).unwrap();

    let status = Command::new(env!("CARGO"))
        .arg("test")
        .current_dir(&project)
        .status()
        .unwrap();
    assert!(status.success(), "see {}", project.display());
    fs::remove_dir_all(project).unwrap();
}

/// Returns the first block of the README that begins with `fence`.
fn block<'a>(readme: &'a str, fence: &str) -> &'a str {
    let start = readme
        .find(fence)
        .map(|at| at + fence.len())
        .expect("the README has such a block");
    let end = readme[start..].find("```").expect("a block ends");
    &readme[start..start + end]
}
