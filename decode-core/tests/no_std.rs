//! The crate needs no std: a program with its own panic handler and allocator links and decodes.

use std::path::Path;
use std::process::Command;

#[test]
fn no_std_program_links_and_decodes() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("no-std-program/Cargo.toml");
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/no-std");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--manifest-path"])
        .arg(&manifest)
        .arg("--target-dir")
        .arg(&target)
        .status()
        .expect("cargo runs");
    assert!(built.success(), "it does not link");
    let ran = Command::new(target.join("debug/no-std-program"))
        .status()
        .expect("it runs");
    assert_eq!(ran.code(), Some(0), "it does not decode");
}
