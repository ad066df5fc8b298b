//! Writes the JavaScript and TypeScript side of a compiled `decode-wasm` module.
//!
//! A crate of its own, so that nothing else has to compile the generator. It is what the command
//! line of wasm-bindgen does with `--target web`, from a version that Cargo pins.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let mut words = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(module), Some(out), None) = (words.next(), words.next(), words.next()) else {
        bail!("usage: wasm-bindings MODULE.wasm OUT_DIR");
    };
    Bindgen::new()
        .input_path(&module)
        .web(true)?
        .typescript(true)
        .remove_name_section(true)
        .remove_producers_section(true)
        // Without it `init()` called without an argument throws: the bundler needs the default URL.
        .omit_default_module_path(false)
        .generate(&out)
        .with_context(|| format!("no bindings for {}", module.display()))
}
