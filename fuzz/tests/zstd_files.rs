//! Every vector and zstd's own golden files through the three decoders: ours, ruzstd behind the same
//! seam, libzstd. Captured from elsewhere, the golden files lie below `DASHSTREAM_CORPUS` and are read
//! where they lie.

use std::path::{Path, PathBuf};

use decode_core::zstd::{Decompressor, Oracle};
use fuzz_targets::targets::zstd::{Relation, compare};
use fuzz_targets::{TARGETS, runner};
use zstd_safe::{CCtx, CParameter, DCtx};

const OUT_BYTES_MAX: usize = 1 << 20;

/// DEC-03, DEC-04, DEC-11
#[test]
fn every_vector_gets_an_explained_verdict() {
    let target = TARGETS.iter().find(|target| target.name == "zstd");
    let inputs = runner::corpus(target.expect("the target"));
    assert!(inputs.len() > 500, "{} inputs", inputs.len());
    for input in inputs {
        compare(&input);
        compare(input.strip_prefix(&[1]).unwrap_or(&input));
    }
}

#[test]
fn golden_frames_are_accepted_with_the_content_of_libzstd() {
    let Some(files) = golden("golden-decompression") else {
        return;
    };
    assert_eq!(files.len(), 4);
    for (name, bytes) in files {
        assert_eq!(compare(&bytes), Relation::Same, "{name}");
        let content = libzstd(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(ours(&bytes) == Some(content), "{name}");
    }
}

#[test]
fn golden_errors_and_damaged_frames_are_refused() {
    let Some(errors) = golden("golden-decompression-errors") else {
        return;
    };
    assert_eq!(errors.len(), 3);
    for (name, bytes) in errors {
        assert_eq!(compare(&bytes), Relation::Same, "{name}");
        assert_eq!(ours(&bytes), None, "{name}");
    }
    let damaged = golden("damaged").expect("beside the others");
    assert_eq!(damaged.len(), 4);
    for (name, bytes) in damaged {
        // Some have the frame byte of a Kafka value in front.
        let bytes = bytes.strip_prefix(&[1]).unwrap_or(&bytes);
        assert_eq!(ours(bytes), None, "{name}");
        compare(bytes);
    }
}

/// DEC-04
#[test]
fn what_libzstd_makes_of_golden_contents_comes_back() {
    let Some(contents) = golden("golden-compression") else {
        return;
    };
    assert_eq!(contents.len(), 4);
    let (mut oracle, mut out, mut frames) = (Oracle::default(), Vec::new(), 0);
    for (name, content) in &contents {
        for level in [-5, 1, 3, 6, 9, 13, 17, 19, 22] {
            for window_log in [10, 14, 17, 20, 27] {
                for (checksum, size) in [(false, true), (true, false)] {
                    let frame = compressed(content, level, window_log, checksum, size);
                    let what = format!("{name}, level {level}, window 2^{window_log}");
                    assert!(ours(&frame).as_ref() == Some(content), "{what}");
                    let verdict = oracle.decompress(&frame, &mut out, OUT_BYTES_MAX);
                    assert!(verdict.is_ok() && out == *content, "ruzstd: {what}");
                    frames += 1;
                }
            }
        }
    }
    assert_eq!(frames, 4 * 9 * 5 * 2);
}

fn compressed(content: &[u8], level: i32, window: u32, checksum: bool, size: bool) -> Vec<u8> {
    let mut context = CCtx::create();
    for parameter in [
        CParameter::CompressionLevel(level),
        CParameter::WindowLog(window),
        CParameter::ChecksumFlag(checksum),
        CParameter::ContentSizeFlag(size),
    ] {
        context.set_parameter(parameter).expect("a parameter");
    }
    let mut out = Vec::with_capacity(zstd_safe::compress_bound(content.len()));
    context.compress2(&mut out, content).expect("room");
    out
}

fn ours(input: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let verdict = Decompressor::new().decompress(input, &mut out, OUT_BYTES_MAX);
    verdict.is_ok().then_some(out)
}

fn libzstd(input: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut out = Vec::with_capacity(OUT_BYTES_MAX);
    match DCtx::create().decompress(&mut out, input) {
        Ok(_) => Ok(out),
        Err(code) => Err(zstd_safe::get_error_name(code)),
    }
}

/// Name and bytes of each file of a folder; nothing, said aloud, where there is no corpus.
fn golden(folder: &str) -> Option<Vec<(String, Vec<u8>)>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let corpus = std::env::var_os("DASHSTREAM_CORPUS").map_or(beside, PathBuf::from);
    let Ok(entries) = std::fs::read_dir(corpus.join("zstd-golden").join(folder)) else {
        eprintln!("SKIPPED: no golden files of zstd (DASHSTREAM_CORPUS)");
        return None;
    };
    let mut files: Vec<_> = entries
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            (name.into_owned(), std::fs::read(&path).expect("a file"))
        })
        .collect();
    files.sort();
    Some(files)
}
