//! The two readers of a topic, the command line tool and the page in Chromium, side by side.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

use crate::{cli::Cli, digest::Expected, page::Page, relay::Relay};

/// Both readers, at work.
#[derive(Debug)]
pub struct Readers {
    cli: Cli,
    page: Page,
}

/// What both have reported.
#[derive(Debug)]
pub struct Reports {
    /// The totals that `dashstream tail --digest` printed.
    pub cli: Value,
    /// What the page showed.
    pub page: Value,
}

impl Readers {
    /// Starts both from the earliest record, or says SKIPPED. They stop when they have what is expected.
    #[must_use]
    pub fn start(relay: &Relay, expected: &Expected, patience: Duration) -> Option<Self> {
        if !relay.has_page() {
            return None;
        }
        let seconds = patience.as_secs().to_string();
        // The tool counts records and rejects, the page only records.
        let seen = expected.records + expected.rejects;
        let cli = Cli::tail("tail", &relay.ws_url(), seen, patience)?;
        let url = format!("{}?from=earliest", relay.url());
        let page = Page::open(
            "page.mjs",
            &[
                "--url",
                &url,
                "--digest",
                "--until-records",
                &expected.records.to_string(),
                "--timeout-s",
                &seconds,
            ],
        )?;
        Some(Self { cli, page })
    }

    /// Waits for both and holds their reports to what is expected.
    ///
    /// # Panics
    /// When a reader fails or reports anything else.
    pub fn finish(self, expected: &Expected, patience: Duration) -> Reports {
        let cli = self.cli.wait(patience);
        let totals = serde_json::from_str(cli.output.trim()).unwrap_or_else(|error| {
            panic!("dashstream tail: {error}: {}\n{}", cli.output, cli.errors)
        });
        let trouble = expected.rejects + expected.gaps;
        let wanted_status = if trouble == 0 { 0 } else { FOUND_STATUS };
        assert_eq!(cli.status.code(), Some(wanted_status), "{}", cli.errors);
        check_cli(&totals, expected);
        let page = self.page.wait(patience);
        check_page(&page, expected);
        Reports { cli: totals, page }
    }
}

fn check_cli(totals: &Value, expected: &Expected) {
    let counts = [&totals["records"], &totals["rejects"], &totals["gaps"]].map(Value::as_u64);
    let wanted = [expected.records, expected.rejects, expected.gaps].map(Some);
    assert_eq!(
        counts, wanted,
        "records, rejects, gaps of the tool: {totals}"
    );
    let partitions = totals["partitions"].as_object().expect("partitions").iter();
    let digests = partitions.map(|(partition, one)| (number(partition), text(&one["digest"])));
    let digests: BTreeMap<u32, String> = digests.filter(|(_, digest)| !digest.is_empty()).collect();
    assert_eq!(digests, expected.digests, "digests of the tool");
}

fn check_page(shown: &Value, expected: &Expected) {
    assert_eq!(shown["ok"], true, "the page: {shown}");
    let totals = &shown["totals"];
    let counts = [&totals["records"], &totals["rejects"], &totals["gaps"]].map(Value::as_u64);
    let wanted = [expected.records, expected.rejects, expected.gaps].map(Some);
    assert_eq!(
        counts, wanted,
        "records, rejects, gaps of the page: {shown}"
    );
    let partitions = shown["partitions"].as_array().expect("partitions").iter();
    let digests =
        partitions.map(|one| (number(&one["partition"].to_string()), text(&one["digest"])));
    let digests: BTreeMap<u32, String> = digests.filter(|(_, digest)| !digest.is_empty()).collect();
    assert_eq!(digests, expected.digests, "digests of the page");
}

fn number(text: &str) -> u32 {
    text.parse().expect("a partition")
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// Exit status of the tool where it found rejects or gaps.
const FOUND_STATUS: i32 = 3;
