//! One opened run in Chromium, on what the real library sent.

use std::time::Duration;

use dashstream_e2e::{
    child::until,
    cli::Cli,
    page::Page,
    place,
    requirement::{Tool, need},
};

const PATIENCE: Duration = Duration::from_secs(240);

/// STA-20, PRO-02, PRO-08, TIM-04, UX-03, UX-11, UX-15, UX-18, SEC-09, BND-15: the waterfall and its treegrid,
/// the walk by keyboard, errors within a run and across runs, links, waiting, losses, and Markdown.
#[test]
fn a_run_of_the_real_capture_is_read_from_inside() {
    let Some(corpus) = need(Tool::Capture) else {
        return;
    };
    let page = place::web().join("dist");
    if !page.join("index.html").exists() {
        eprintln!("SKIPPED: the page is not built");
        return;
    }
    let file = corpus.join("dashflow-real.capture");
    let (file, page) = (file.display().to_string(), page.display().to_string());
    let arguments = [
        "replay", &file, "--serve", "0", "--page", &page, "--for", "300",
    ];
    let Some(serving) = Cli::start("serve", &arguments) else {
        return;
    };
    let url = until("the address it serves at", Duration::from_secs(60), || {
        let output = serving.output();
        let url = output.lines().next()?.trim().to_owned();
        url.starts_with("http://").then_some(url)
    });
    let out = place::log_file("run").with_extension("");
    let arguments = ["--url", &url, "--out", &out.display().to_string()];
    let Some(page) = Page::open("run.mjs", &arguments) else {
        return;
    };
    let result = page.wait(PATIENCE);
    assert_eq!(result["ok"], true, "{result}");
}
