//! Fuzz targets: each is a plain function that panics on input which breaks a promise. The same
//! functions run under the stable runner of this crate and under cargo-fuzz (`libfuzzer/`).

pub mod make;
pub mod mutate;
pub mod random;
pub mod runner;
pub mod targets;

pub use targets::{TARGETS, Target};

/// Runs the target of that name on one input.
///
/// # Panics
/// On an input that breaks a promise of the target, and on a name that is none.
pub fn run(target: &str, input: &[u8]) {
    (targets::find(target).expect("a target").run)(input);
}
