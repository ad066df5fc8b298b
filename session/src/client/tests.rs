use alloc::vec::Vec;

use decode_core::frame::{FrameReader, FrameWriter};

use super::*;
use crate::control::{
    ByPartition, ClientMessage, Decimal, Partition, RelayMessage, Report, parse_client,
};
use crate::limits::{
    ACK_INTERVAL_MS, REPORT_INTERVAL_MS, RETRY_BASE_MS, RETRY_MS_MAX, SILENCE_MS_MAX,
    WAKE_ANSWER_MS_MAX,
};
use crate::{ServerConfig, ServerOutput, ServerSession, TailLog};

mod messages;

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

/// X37: a woken machine's socket may be dead, and nobody has noticed.
#[test]
fn a_woken_client_asks_at_once_and_knows_within_seconds() {
    let woken_ms = 9_000;
    let woken = |client: &mut ClientSession| {
        client.handle(ClientInput::Start, 0);
        drain(client, 0);
        client.handle(ClientInput::Opened, 0);
        drain(client, 0);
        client.handle(ClientInput::Wake, woken_ms);
        client.handle(ClientInput::Wake, woken_ms);
        let (outputs, until) = drain(client, woken_ms);
        assert!(
            matches!(&outputs[..], [ClientOutput::Send(text)] if text.contains("ping")),
            "one question, however often it is woken: {outputs:?}"
        );
        assert_eq!(until, Some(woken_ms + WAKE_ANSWER_MS_MAX));
    };
    let mut dead = client();
    woken(&mut dead);
    drain(&mut dead, woken_ms + WAKE_ANSWER_MS_MAX);
    assert_eq!(dead.phase(), Phase::Waiting);
    let mut alive = client();
    woken(&mut alive);
    alive.handle(ClientInput::Text(r#"{"type":"pong"}"#), woken_ms + 50);
    let (outputs, _) = drain(&mut alive, woken_ms + WAKE_ANSWER_MS_MAX);
    assert!(outputs.is_empty(), "{outputs:?}");
    assert_eq!(alive.phase(), Phase::Resuming);
}

/// "Retry now" must not be the reason for a longer wait after it.
#[test]
fn an_attempt_that_was_asked_for_does_not_lengthen_the_next_wait() {
    let mut client = client();
    client.handle(ClientInput::Start, 0);
    let closed = ClientInput::Closed {
        code: 1006,
        reason: "",
    };
    for now in 0..10 {
        drain(&mut client, now);
        client.handle(closed, now);
        client.handle(ClientInput::Wake, now);
    }
    client.handle(closed, 10);
    assert!(client.retry_at_ms().expect("waiting") - 10 <= RETRY_BASE_MS);
}

/// Takes a message and disposes of its first frames.
fn dispose(client: &mut ClientSession, message: &[u8], frames: usize, now: Millis) {
    let epoch = client.epoch();
    let mut delivery = client.accept(epoch, message, now).expect("continuous");
    for frame in FrameReader::new(message).take(frames) {
        delivery.disposed(&frame.expect("a frame").header);
    }
    delivery.finish(now);
}

/// RES-08
#[test]
fn what_an_earlier_connection_brings_is_stale() {
    let mut client = client();
    client.handle(ClientInput::Start, 0);
    drain(&mut client, 0);
    client.handle(ClientInput::Opened, 0);
    let epoch = client.epoch();
    let mut accept = |epoch| client.accept(epoch, &[], 0).err();
    assert_eq!(accept(epoch - 1), Some(Refused::Stale));
    assert_eq!(accept(epoch), Some(Refused::TooEarly));
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

/// A client that resumed partition 0 at `position`.
fn resumed_at(position: u64) -> ClientSession {
    let at = ByPartition::from([(Partition(0), Decimal(position))]);
    resumed(position, at.clone(), at)
}

/// A client that was welcomed with partition 0 at `position`, and then told of these.
fn resumed(position: u64, heads: ByPartition, positions: ByPartition) -> ClientSession {
    let mut log = TailLog::new(1 << 20);
    log.add_partition(0, position);
    let mut server = ServerSession::new(ServerConfig::default(), &log, 0);
    let ServerOutput::Text(welcome) = server.poll(&log, 0) else {
        panic!("no welcome")
    };
    let mut client = client();
    client.handle(ClientInput::Start, 0);
    drain(&mut client, 0);
    client.handle(ClientInput::Opened, 0);
    client.handle(ClientInput::Text(&welcome), 0);
    drain(&mut client, 0);
    let resumed = RelayMessage::Resumed {
        heads,
        positions,
        parts: 0,
    };
    client.handle(ClientInput::Text(&resumed.to_text()), 0);
    assert_eq!(client.phase(), Phase::Replaying);
    client
}

/// Found by fuzzing: the sum of what is left was one of the places where a relay's numbers are added up.
#[test]
fn heads_at_the_end_of_all_numbers_are_no_overflow() {
    let far = |offset| (0..3).map(|p| (Partition(p), Decimal(offset))).collect();
    let client = resumed(0, far(u64::MAX), far(0));
    assert_eq!(client.replay(), Some((0, u64::MAX)));
}

/// MET-14: a client tells how it keeps up, also while the relay waits for its credit.
#[test]
fn a_report_tells_what_waits_and_for_how_long() {
    let mut client = resumed_at(10);
    let epoch = client.epoch();
    let (outputs, _) = drain(&mut client, 2 * REPORT_INTERVAL_MS);
    assert_eq!(outputs, [], "nothing came, nothing is told");
    let mut message = Vec::new();
    let mut writer = FrameWriter::new(0, 10);
    writer.record(&mut message, 10, 0, b"x");
    writer.record(&mut message, 11, 0, b"y");
    let came = 2 * REPORT_INTERVAL_MS + 1;
    let mut delivery = client.accept(epoch, &message, came).expect("continuous");
    for frame in FrameReader::new(&message) {
        delivery.disposed(&frame.expect("whole").header);
    }
    delivery.undecodable(1);
    delivery.finish(came + 700);
    assert_eq!(client.backlog_frames(), 0);
    let (outputs, until) = drain(&mut client, came + 2_000);
    assert!(matches!(&outputs[..], [ClientOutput::Send(ack)] if ack.contains("ack")));
    assert_eq!(until, Some(came + REPORT_INTERVAL_MS));
    let (outputs, _) = drain(&mut client, came + REPORT_INTERVAL_MS);
    let [ClientOutput::Send(text)] = &outputs[..] else {
        panic!("{outputs:?}")
    };
    let report = Report {
        apply_lag_ms: 700,
        backlog_frames: 0,
        rejects: 1,
    };
    assert_eq!(parse_client(text), Ok(ClientMessage::Report(report)));
    assert!(text.contains(r#""backlogFrames":"0""#), "{text}");
    let (outputs, _) = drain(&mut client, came + 2 * REPORT_INTERVAL_MS);
    assert!(
        !outputs
            .iter()
            .any(|output| matches!(output, ClientOutput::Send(text) if text.contains("report"))),
        "{outputs:?}"
    );
}

/// Cursors from an earlier run of the program are where the first connection resumes.
#[test]
fn a_sought_position_is_sent_as_the_cursor() {
    let mut client = client();
    client.seek(3, 77, None);
    let mut log = TailLog::new(1 << 20);
    log.add_partition(3, 0);
    let mut server = ServerSession::new(ServerConfig::default(), &log, 0);
    let ServerOutput::Text(welcome) = server.poll(&log, 0) else {
        panic!("no welcome")
    };
    client.handle(ClientInput::Start, 0);
    drain(&mut client, 0);
    client.handle(ClientInput::Opened, 0);
    client.handle(ClientInput::Text(&welcome), 0);
    let (outputs, _) = drain(&mut client, 0);
    let [ClientOutput::Send(resume)] = &outputs[..] else {
        panic!("{outputs:?}")
    };
    assert!(
        resume.contains(r#""from":"cursor""#) && resume.contains(r#""3":"77""#),
        "{resume}"
    );
}

fn sent_resume(client: &mut ClientSession, welcome: &str) -> crate::control::Resume {
    client.handle(ClientInput::Text(welcome), 0);
    let (outputs, _) = drain(client, 0);
    let [ClientOutput::Send(text)] = &outputs[..] else {
        panic!("{outputs:?}")
    };
    let Ok(ClientMessage::Resume(resume)) = parse_client(text) else {
        panic!("{text}")
    };
    resume
}

fn reconnect(client: &mut ClientSession) {
    let closed = ClientInput::Closed {
        code: 1006,
        reason: "",
    };
    client.handle(closed, 2);
    client.handle(ClientInput::Wake, 2);
    drain(client, 2);
    client.handle(ClientInput::Opened, 2);
}

/// RES-19, RES-05: the last record disposed of goes with the cursor, accepted or not; what was only
/// received does not, and a reset ends it.
#[test]
fn the_cursor_has_the_last_record_with_it() {
    let mut client = resumed_at(10);
    let mut message = Vec::new();
    let mut writer = FrameWriter::new(0, 10);
    writer.record(&mut message, 10, 111, b"x");
    writer.reject(
        &mut message,
        12,
        222,
        decode_core::wire::RejectCode::Empty,
        b"",
    );
    writer.gap(&mut message, 13, 14, decode_core::wire::GapCause::Retention);
    writer.mark(&mut message, 16);
    writer.record(&mut message, 16, 333, b"not disposed of");
    dispose(&mut client, &message, 4, 1);
    let mut log = TailLog::new(1 << 20);
    log.add_partition(0, 0);
    let mut server = ServerSession::new(ServerConfig::default(), &log, 0);
    let ServerOutput::Text(welcome) = server.poll(&log, 0) else {
        panic!("no welcome")
    };
    reconnect(&mut client);
    let resume = sent_resume(&mut client, &welcome);
    let record = Fingerprint {
        offset: 12,
        timestamp_ms: 222,
    };
    assert_eq!(resume.cursors.positions[&Partition(0)], Decimal(16));
    assert_eq!(resume.cursors.fingerprints, [(Partition(0), record)]);
    let reset = RelayMessage::TopicReset {
        partition: 0,
        requested: Decimal(16),
        position: Decimal(0),
    };
    client.handle(ClientInput::Text(&reset.to_text()), 3);
    reconnect(&mut client);
    let resume = sent_resume(&mut client, &welcome);
    assert_eq!(resume.cursors.positions[&Partition(0)], Decimal(0));
    assert!(resume.cursors.fingerprints.is_empty());
}

/// RES-19: a cursor kept from an earlier run has its record with it, if that was kept; one that cannot
/// belong to it is left out, as the relay would refuse the whole resume.
#[test]
fn a_sought_position_has_its_record_with_it() {
    let mut log = TailLog::new(1 << 20);
    (0..3).for_each(|partition| log.add_partition(partition, 0));
    let mut server = ServerSession::new(ServerConfig::default(), &log, 0);
    let ServerOutput::Text(welcome) = server.poll(&log, 0) else {
        panic!("no welcome")
    };
    let mut client = client();
    let record = Fingerprint {
        offset: 41,
        timestamp_ms: -1,
    };
    client.seek(0, 42, Some(record));
    client.seek(1, 42, None);
    client.seek(2, 41, Some(record));
    client.seek(9, 42, Some(record));
    client.handle(ClientInput::Start, 0);
    drain(&mut client, 0);
    client.handle(ClientInput::Opened, 0);
    let resume = sent_resume(&mut client, &welcome);
    assert_eq!(
        resume.cursors.positions.len(),
        3,
        "the relay has no partition 9"
    );
    assert_eq!(resume.cursors.fingerprints, [(Partition(0), record)]);
}

/// RES-27: that the replay is over does not say that a paused partition is, or one that the relay cannot
/// serve yet.
#[test]
fn paused_and_missing_partitions_are_named() {
    let mut client = resumed_at(10);
    let done = |blocked: &[u32], missing: &[u32]| RelayMessage::ReplayComplete {
        mode: "earliest".into(),
        total_replayed: Decimal(1),
        last_offsets_by_partition: ByPartition::new(),
        blocked: blocked.to_vec(),
        missing: missing.to_vec(),
        parts: 0,
    };
    client.handle(ClientInput::Text(&done(&[0, 7], &[3]).to_text()), 1);
    assert_eq!(
        (client.phase(), client.replays_completed()),
        (Phase::Live, 1)
    );
    let told: Vec<_> = client
        .problems()
        .map(|p| (p.code, p.text.as_str()))
        .collect();
    assert!(
        matches!(told[..], [("paused", paused), ("missing", missing)]
            if paused.ends_with(": 0 7") && missing.ends_with(": 3")),
        "{told:?}"
    );
    assert_eq!(client.incomplete(), [0, 7, 3]);
    let mut client = resumed_at(10);
    client.handle(ClientInput::Text(&done(&[], &[]).to_text()), 1);
    assert_eq!(client.problems().count(), 0);
    assert!(client.incomplete().is_empty());
}

/// RES-31: a message of which a part is missing, or that has another's, counts for nothing.
#[test]
fn broken_parts_end_the_connection() {
    let part =
        |of: &str| alloc::format!(r#"{{"type":"part","of":"{of}","positions":{{"3":"1"}}}}"#);
    let resumed = |parts: u64| {
        alloc::format!(r#"{{"type":"resumed","heads":{{}},"positions":{{}},"parts":{parts}}}"#)
    };
    let cases = [
        [part("resumed"), resumed(2)].to_vec(),
        [part("resumed"), resumed(0)].to_vec(),
        [part("welcome"), resumed(1)].to_vec(),
        [part("resumed"), part("welcome")].to_vec(),
        [resumed(1)].to_vec(),
    ];
    for texts in cases {
        let mut client = resumed_at(10);
        reconnect(&mut client);
        for text in &texts {
            client.handle(ClientInput::Text(text), 2);
        }
        assert_eq!(client.phase(), Phase::Waiting, "{texts:?}");
        assert_eq!(client.positions().count(), 1, "{texts:?}");
        let (outputs, _) = drain(&mut client, 2);
        let code = CloseCode::Protocol;
        assert!(matches!(&outputs[..], [ClientOutput::Close { code: c, .. }] if *c == code));
    }
}

/// RES-17: a gap with a cause that only a newer relay knows is a gap like any other: the range is disposed of,
/// and the cause is its number.
#[test]
fn a_gap_of_an_unknown_cause_moves_the_cursor() {
    let mut client = resumed_at(10);
    let mut message = Vec::new();
    let cause = decode_core::wire::GapCause::Retention;
    FrameWriter::new(0, 10).gap(&mut message, 10, 14, cause);
    message[36..40].copy_from_slice(&77_u32.to_le_bytes());
    let header = FrameReader::new(&message)
        .next()
        .expect("one")
        .expect("whole")
        .header;
    assert_eq!(header.code, 77);
    dispose(&mut client, &message, 1, 1);
    let position = client.positions().next().expect("one partition");
    assert_eq!(
        (position.committed, position.gaps, position.gap_offsets),
        (15, 1, 5)
    );
    assert_eq!(client.phase(), Phase::Replaying);
}
