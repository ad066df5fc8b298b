//! Turns the built page under `web/dist` into a table of assets that is compiled in: path,
//! validator and bytes, also with gzip and brotli where the page's build put those beside a file. Without a built page
//! the table is empty and the relay says so at `/`.

use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

fn main() -> io::Result<()> {
    // `cargo xtask demo` has all other crates compiled while it builds the page, and this one once, with it.
    if std::env::var_os("DASHSTREAM_PAGE_PENDING").is_some() {
        return Err(io::Error::other("the page is still being built"));
    }
    let out = PathBuf::from(std::env::var("OUT_DIR").expect("cargo sets OUT_DIR"));
    let manifest = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let dist = manifest.join("../web/dist");
    // A watched path that is missing makes cargo rebuild every time, so the (ignored) folder is
    // made. Where that fails, as in a read-only checkout, rebuilding is the only cost.
    let _ = fs::create_dir_all(&dist);
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={}", dist.display());

    let mut files = Vec::new();
    if dist.join("index.html").is_file() {
        collect(&dist, &dist, &mut files)?;
    }
    files.sort();

    // The bytes are copied: the page may be rebuilt between this and the compiler's reading.
    let copies = out.join("assets");
    fs::create_dir_all(&copies)?;
    let mut table = String::from("&[\n");
    let whole = files.iter().filter(|(name, _)| !is_coded(name));
    for (number, (name, path)) in whole.enumerate() {
        let bytes = fs::read(path)?;
        let tag = etag(&bytes);
        let identity = copies.join(number.to_string());
        fs::write(&identity, bytes)?;
        let coded = |suffix: &str| -> io::Result<String> {
            let from = PathBuf::from(format!("{}{suffix}", path.display()));
            if !from.is_file() {
                return Ok("None".to_owned());
            }
            let copy = copies.join(format!("{number}{suffix}"));
            fs::copy(from, &copy)?;
            Ok(format!("Some(include_bytes!({copy:?}))"))
        };
        writeln!(
            table,
            "    Asset {{ path: {name:?}, tag: {tag:?}, bytes: Coded {{ identity: include_bytes!({identity:?}), \
             gzip: {}, brotli: {} }} }},",
            coded(".gz")?,
            coded(".br")?,
        )
        .expect("writing to a String");
    }
    table.push_str("]\n");
    fs::write(out.join("assets.rs"), table)?;

    println!("cargo:rerun-if-env-changed=GIT_COMMIT_SHA");
    Ok(())
}

/// Whether this is another file once more, with gzip or brotli.
fn is_coded(name: &str) -> bool {
    [".gz", ".br"].iter().any(|suffix| name.ends_with(suffix))
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
        } else if let Ok(name) = path.strip_prefix(root) {
            let name = name.to_string_lossy().replace('\\', "/");
            files.push((name, path.canonicalize()?));
        }
    }
    Ok(())
}

fn etag(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .take(12)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
