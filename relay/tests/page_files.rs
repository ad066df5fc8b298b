//! How the files of the page are sent: coded as a request accepts, validated, kept by browsers where they may be.

mod common;

use std::io::Write as _;

use common::{Answer, Rig, get_with, send};
use dashstream_relay::http::{is_built, page_paths};

/// Without a page there is nothing to send.
fn page_or_skip() -> bool {
    if !is_built() {
        let line = b"SKIPPED: this relay was built without the page (cargo xtask web)\n";
        std::io::stderr().write_all(line).expect("standard error");
    }
    is_built()
}

/// One with this ending below `assets/`.
fn asset(ending: &str) -> String {
    let mut paths = page_paths();
    let path = paths.find(|path| path.starts_with("assets/") && path.ends_with(ending));
    format!("/{}", path.expect("the page has one"))
}

async fn head(rig: &Rig, path: &str, headers: &str) -> Answer {
    let address = rig.address();
    let request =
        format!("HEAD {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n");
    send(address, &request).await
}

fn length(answer: &Answer) -> usize {
    let length = &answer.headers["content-length"];
    length.parse().expect("a number")
}

#[tokio::test]
async fn files_are_coded_as_the_request_accepts() {
    if !page_or_skip() {
        return;
    }
    let rig = Rig::start(&[]).await;
    for path in [
        asset(".js"),
        asset(".css"),
        asset(".wasm"),
        "/index.html".to_owned(),
    ] {
        let plain = head(&rig, &path, "").await;
        assert_eq!(plain.status, 200, "{path}");
        assert!(!plain.headers.contains_key("content-encoding"), "{path}");
        assert_eq!(plain.headers["vary"], "accept-encoding", "{path}");
        let mut tags = vec![plain.headers["etag"].clone()];
        let mut before = length(&plain);
        for (accept, coding) in [("gzip, deflate", "gzip"), ("gzip, deflate, br, zstd", "br")] {
            let coded = head(&rig, &path, &format!("Accept-Encoding: {accept}\r\n")).await;
            assert_eq!(coded.headers["content-encoding"], coding, "{path}");
            for name in ["content-type", "cache-control", "vary"] {
                assert_eq!(coded.headers[name], plain.headers[name], "{path}: {name}");
            }
            assert!(length(&coded) < before, "{path}: {coding} is not smaller");
            before = length(&coded);
            tags.push(coded.headers["etag"].clone());
        }
        tags.sort();
        tags.dedup();
        assert_eq!(tags.len(), 3, "{path}: each coding has its own validator");
    }
}

#[tokio::test]
async fn what_a_browser_has_is_validated_in_its_coding() {
    if !page_or_skip() {
        return;
    }
    let rig = Rig::start(&[]).await;
    let brotli = "Accept-Encoding: br\r\n";
    let tag = head(&rig, "/", brotli).await.headers["etag"].clone();
    let validate = format!("If-None-Match: \"other\", W/{tag}\r\n");
    let same = get_with(rig.address(), "/", &format!("{brotli}{validate}")).await;
    assert_eq!((same.status, same.body.as_str()), (304, ""));
    assert_eq!(same.headers["etag"], tag);
    assert_eq!(same.headers["vary"], "Accept-Encoding");
    let as_it_is = get_with(rig.address(), "/", &validate).await;
    assert_eq!(as_it_is.status, 200, "it has another one than it asks for");
}

#[tokio::test]
async fn refused_codings_and_parts_of_files_are_no_trap() {
    if !page_or_skip() {
        return;
    }
    let rig = Rig::start(&[]).await;
    let none = get_with(rig.address(), "/", "Accept-Encoding: *;q=0\r\n").await;
    assert_eq!(none.status, 406);
    assert_eq!(none.headers["vary"], "Accept-Encoding");
    let plain = head(&rig, "/", "Accept-Encoding: gzip;q=0, br;q=0.0\r\n").await;
    assert!(!plain.headers.contains_key("content-encoding"));
    // Ranges are not supported: the whole file is the answer that a client has to expect.
    let part = get_with(rig.address(), "/index.html", "Range: bytes=0-3\r\n").await;
    assert_eq!((part.status, part.body.len()), (200, length(&plain)));
    for path in [asset(".js") + ".gz", asset(".wasm") + ".br"] {
        let answer = head(&rig, &path, "").await;
        assert_eq!(answer.status, 404, "{path} is no file of its own");
    }
}

/// All scripts and styles there are, which is more than a first load needs.
#[tokio::test]
async fn scripts_and_styles_are_small() {
    if !page_or_skip() {
        return;
    }
    let rig = Rig::start(&[]).await;
    let mut bytes = 0;
    for path in page_paths().filter(|path| path.ends_with(".js") || path.ends_with(".css")) {
        let answer = head(&rig, &format!("/{path}"), "Accept-Encoding: gzip\r\n").await;
        bytes += length(&answer);
    }
    assert!(bytes <= 150 * 1024, "{bytes} bytes with gzip");
}

#[tokio::test]
async fn the_module_and_the_worker_are_asked_for_with_the_document() {
    if !page_or_skip() {
        return;
    }
    let rig = Rig::start(&[]).await;
    let document = get_with(rig.address(), "/", "").await.body;
    let (before, _) = document.split_once("<script").expect("it loads scripts");
    let fetch = "rel=\"preload\" as=\"fetch\" type=\"application/wasm\" crossorigin";
    let module = format!("{fetch} href=\".{}\"", asset(".wasm"));
    assert!(before.contains(&module), "{document}");
    assert!(before.contains("rel=\"modulepreload\""), "{document}");
}
