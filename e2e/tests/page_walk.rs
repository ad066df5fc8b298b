//! The page as a person at a keyboard uses it, in Chromium, on simulated data that goes on coming.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use dashstream_e2e::{
    kafka::Kafka, mock::MockKafka, page::Page, place, relay::Relay, simulated::plan,
};

const PATIENCE: Duration = Duration::from_secs(300);

#[test]
fn the_page_can_be_walked_through() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic("walk", 4);
    let notice = ["--notice", "simulated data"];
    let Some(relay) = Relay::start(kafka.brokers(), topic.name(), &notice) else {
        return;
    };
    if !relay.has_page() {
        return;
    }
    let planned = plan(42, 8_000, 4);
    let (before, after) = planned.split_at(4_000);
    let produce = |part: &[_]| {
        let inputs = part
            .iter()
            .map(|one: &dashstream_e2e::simulated::Planned| one.input.clone());
        topic.produce(inputs).len()
    };
    assert_eq!(produce(before), before.len());
    let out = place::log_file("screenshots").with_extension("");
    let arguments = ["--url", &relay.url(), "--out", &out.display().to_string()];
    let Some(page) = Page::open("walk.mjs", &arguments) else {
        return;
    };
    let walked = AtomicBool::new(false);
    let result = thread::scope(|scope| {
        scope.spawn(|| {
            for part in after.chunks(20) {
                if walked.load(Ordering::Acquire) {
                    break;
                }
                assert_eq!(produce(part), part.len());
                thread::sleep(Duration::from_millis(250));
            }
        });
        let result = page.wait(PATIENCE);
        walked.store(true, Ordering::Release);
        result
    });
    assert_eq!(result["ok"], true, "{result}");
    let notice = result["shown"]["notice"].as_str().unwrap_or_default();
    assert!(
        notice.contains("simulated data"),
        "the notice is on the page: {notice}"
    );
}

/// D1: "Live" over a dead broker misleads: the page says which hop is dead, since when and why.
#[test]
fn the_page_says_that_the_broker_is_gone() {
    let Some(mock) = MockKafka::start(1, "gone", 1) else {
        return;
    };
    let Some(relay) = Relay::start(
        mock.brokers(),
        "gone",
        &["--kafka-lag-check-interval-secs", "1"],
    ) else {
        return;
    };
    if !relay.has_page() {
        return;
    }
    let broker = mock.pid().to_string();
    let arguments = [
        "--url",
        &relay.url(),
        "--timeout-s",
        "120",
        "--kill",
        &broker,
    ];
    let Some(page) = Page::open("hops.mjs", &arguments) else {
        return;
    };
    let result = page.wait(PATIENCE);
    assert_eq!(result["ok"], true, "{result}");
    assert_eq!(result["phase"], "live", "{result}");
    let verdict = result["verdict"].as_str().unwrap_or_default();
    assert!(verdict.starts_with("Trouble at: Kafka."), "{result}");
}

/// X37, X30: a connection that died while the machine slept; files of another build.
#[test]
fn the_page_copes_with_what_lies_between() {
    let Some(mock) = MockKafka::start(1, "between", 1) else {
        return;
    };
    let Some(relay) = Relay::start(mock.brokers(), "between", &[]) else {
        return;
    };
    if !relay.has_page() {
        return;
    }
    let out = place::log_file("between").with_extension("");
    let arguments = ["--url", &relay.url(), "--out", &out.display().to_string()];
    let Some(page) = Page::open("between.mjs", &arguments) else {
        return;
    };
    let result = page.wait(PATIENCE);
    assert_eq!(result["ok"], true, "{result}");
}
