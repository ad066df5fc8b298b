//! The page as a person at a keyboard uses it, in Chromium, on simulated data that goes on coming.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use dashstream_e2e::{kafka::Kafka, page::Page, place, relay::Relay, simulated::plan};

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
