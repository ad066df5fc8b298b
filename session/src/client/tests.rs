use alloc::vec::Vec;

use super::*;
use crate::limits::{RETRY_BASE_MS, RETRY_MS_MAX, SILENCE_MS_MAX};

fn client() -> ClientSession {
    ClientSession::new(ClientConfig {
        from: From::Earliest,
        seed: 7,
    })
}

fn drain(client: &mut ClientSession, now: Millis) -> (Vec<ClientOutput>, Option<Millis>) {
    let mut outputs = Vec::new();
    loop {
        match client.poll(now) {
            ClientOutput::Wait { until_ms } => return (outputs, until_ms),
            output => outputs.push(output),
        }
    }
}

/// RES-33
#[test]
fn retries_back_off_with_jitter_and_never_end() {
    let mut client = client();
    client.handle(ClientInput::Start, 0);
    let mut now = 0;
    let mut longest = 0;
    for attempt in 0..60u32 {
        let (outputs, _) = drain(&mut client, now);
        assert!(
            matches!(outputs[..], [ClientOutput::Connect { .. }]),
            "attempt {attempt}"
        );
        client.handle(
            ClientInput::Closed {
                code: 1006,
                reason: "",
            },
            now,
        );
        let due = client.retry_at_ms().expect("waiting");
        let cap = RETRY_BASE_MS
            .saturating_mul(1 << attempt.min(16))
            .min(RETRY_MS_MAX);
        assert!(due - now <= cap, "attempt {attempt}");
        longest = longest.max(due - now);
        now = due;
    }
    assert!(longest > RETRY_MS_MAX / 2);
    client.handle(
        ClientInput::Closed {
            code: 1006,
            reason: "",
        },
        now,
    );
    client.handle(ClientInput::Wake, now);
    assert_eq!(client.phase(), Phase::Connecting);
}

#[test]
fn silence_is_asked_about_and_then_given_up() {
    let mut client = client();
    client.handle(ClientInput::Start, 0);
    drain(&mut client, 0);
    client.handle(ClientInput::Opened, 0);
    let (_, until) = drain(&mut client, 0);
    let until = until.expect("a timer");
    let (outputs, _) = drain(&mut client, until);
    assert!(matches!(&outputs[..], [ClientOutput::Send(text)] if text.contains("ping")));
    client.handle(ClientInput::Text(r#"{"type":"pong"}"#), until);
    drain(&mut client, until);
    let (outputs, _) = drain(&mut client, until + SILENCE_MS_MAX);
    assert!(
        outputs
            .iter()
            .any(|o| matches!(o, ClientOutput::Close { .. })),
        "{outputs:?}"
    );
    assert_eq!(client.phase(), Phase::Waiting);
}

/// RES-08
#[test]
fn what_an_earlier_connection_brings_is_stale() {
    let mut client = client();
    client.handle(ClientInput::Start, 0);
    drain(&mut client, 0);
    client.handle(ClientInput::Opened, 0);
    let epoch = client.epoch();
    assert_eq!(client.accept(epoch - 1, &[], 0), Err(Refused::Stale));
    assert_eq!(client.accept(epoch, &[], 0), Err(Refused::TooEarly));
    assert_eq!(client.phase(), Phase::Waiting);
}

#[test]
fn stopped_stays_stopped_until_started_again() {
    let mut client = client();
    client.handle(ClientInput::Start, 0);
    drain(&mut client, 0);
    client.handle(ClientInput::Stop, 0);
    let (outputs, until) = drain(&mut client, 1_000_000);
    assert!(matches!(outputs[..], [ClientOutput::Close { .. }]));
    assert_eq!(until, None);
    client.handle(ClientInput::Wake, 1_000_000);
    assert_eq!(client.phase(), Phase::Stopped);
    client.handle(ClientInput::Start, 1_000_000);
    assert_eq!(client.phase(), Phase::Connecting);
}
