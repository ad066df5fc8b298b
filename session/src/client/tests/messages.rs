//! Binary messages: which are taken, and what moves the cursor.

use super::*;

/// RES-03, RES-06: a frame that leaves something out ends the connection, and nothing of its
/// message counts, not even the good frame before it.
#[test]
fn a_message_that_leaves_something_out_is_refused_whole() {
    let mut client = resumed_at(10);
    let mut message = Vec::new();
    FrameWriter::new(0, 10).record(&mut message, 10, 0, b"good");
    FrameWriter::new(0, 12).record(&mut message, 12, 0, b"11 is missing");
    let epoch = client.epoch();
    let expected = Discontinuity {
        partition: 0,
        expected: 11,
        prev_next: 12,
        offset: 12,
    };
    assert_eq!(
        client.accept(epoch, &message, 1).err(),
        Some(Refused::Discontinuous(expected))
    );
    let (outputs, _) = drain(&mut client, 1);
    let closed = outputs.iter().any(|output| {
        matches!(
            output,
            ClientOutput::Close {
                code: CloseCode::Protocol,
                ..
            }
        )
    });
    assert!(closed, "{outputs:?}");
    let position = client.positions().next().expect("one partition");
    assert_eq!(
        (position.expected, position.committed, position.records),
        (10, 10, 0)
    );
    assert_eq!(client.problems().count(), 1);
}

/// RES-02: what was had already is not taken again.
#[test]
fn a_repeated_frame_is_refused() {
    let mut client = resumed_at(10);
    let epoch = client.epoch();
    let mut message = Vec::new();
    FrameWriter::new(0, 10).record(&mut message, 10, 0, b"once");
    dispose(&mut client, &message, 1, 1);
    assert!(matches!(
        client.accept(epoch, &message, 1),
        Err(Refused::Discontinuous(_))
    ));
}

/// RES-04, RES-05: only what was disposed of moves the cursor.
#[test]
fn receiving_and_the_end_of_the_replay_move_no_cursor() {
    let mut client = resumed_at(10);
    let mut message = Vec::new();
    FrameWriter::new(0, 10).record(&mut message, 10, 0, b"x");
    let done = RelayMessage::ReplayComplete {
        mode: "earliest".into(),
        total_replayed: Decimal(1),
        last_offsets_by_partition: ByPartition::from([(Partition(0), Decimal(10))]),
        blocked: Vec::new(),
        missing: Vec::new(),
        parts: 0,
    };
    client.handle(ClientInput::Text(&done.to_text()), 1);
    assert_eq!(client.phase(), Phase::Live);
    let committed = |client: &ClientSession| client.positions().next().expect("one").committed;
    assert_eq!(committed(&client), 10);
    dispose(&mut client, &message, 1, 1);
    assert_eq!(committed(&client), 11);
    assert_eq!(client.phase(), Phase::Live);
}

/// RES-04, BND-10: a long message may be applied in parts. The cursor moves with them, it is acknowledged at the end,
/// and the session is free in between.
#[test]
fn a_message_that_was_left_is_gone_on_with() {
    let mut client = resumed_at(10);
    let mut message = Vec::new();
    let mut writer = FrameWriter::new(0, 10);
    (10..13).for_each(|offset| writer.record(&mut message, offset, 0, b"x"));
    let frames: Vec<_> = FrameReader::new(&message).flatten().collect();
    let epoch = client.epoch();
    let delivery = client.accept(epoch, &message, 1).expect("continuous");
    let mut undisposed = delivery.leave();
    for (now, frame) in (2..).zip(&frames) {
        let (outputs, _) = drain(&mut client, now);
        assert_eq!(outputs, [], "nothing is to be said yet");
        assert_eq!(
            (client.backlog_messages(), client.apply_lag_ms(now)),
            (1, now - 1)
        );
        let mut delivery = client.go_on(undisposed).expect("the same connection");
        delivery.disposed(&frame.header);
        undisposed = delivery.leave();
        let position = client.positions().next().expect("one partition");
        assert_eq!(position.committed, frame.header.next());
    }
    client
        .go_on(undisposed)
        .expect("the same connection")
        .finish(9);
    let unacked = client.unacked_bytes();
    let (outputs, _) = drain(&mut client, 9 + ACK_INTERVAL_MS);
    assert!(
        matches!(&outputs[..], [ClientOutput::Send(_)]),
        "{outputs:?}"
    );
    assert_eq!((unacked, client.unacked_bytes()), (message.len() as u64, 0));
}

/// RES-06, RES-08: what is left of a message goes with its connection, and comes again from the cursor.
#[test]
fn what_was_left_of_a_closed_connection_is_stale() {
    let mut client = resumed_at(10);
    let mut message = Vec::new();
    FrameWriter::new(0, 10).record(&mut message, 10, 0, b"x");
    let epoch = client.epoch();
    let undisposed = client
        .accept(epoch, &message, 1)
        .expect("continuous")
        .leave();
    let reason = "";
    client.handle(ClientInput::Closed { code: 1006, reason }, 2);
    assert_eq!(client.go_on(undisposed).err(), Some(Refused::Stale));
    let position = client.positions().next().expect("one partition");
    assert_eq!((position.committed, client.phase()), (10, Phase::Waiting));
}

/// RES-06: where a message that was left is forgotten, nothing behind it counts.
#[test]
fn a_message_that_is_forgotten_comes_again() {
    let mut client = resumed_at(10);
    let epoch = client.epoch();
    let mut writer = FrameWriter::new(0, 10);
    let messages = [10, 11].map(|offset| {
        let mut message = Vec::new();
        writer.record(&mut message, offset, 0, b"x");
        message
    });
    let forgotten = client.accept(epoch, &messages[0], 1).map(Delivery::leave);
    drop(forgotten.expect("continuous"));
    let next = client.accept(epoch, &messages[1], 2).err();
    assert_eq!(next, Some(Refused::Undisposed));
    let position = client.positions().next().expect("one partition");
    assert_eq!((position.committed, client.phase()), (10, Phase::Waiting));
}

/// A relay is silent when nothing arrives, not when what arrived waits.
#[test]
fn a_relay_whose_messages_wait_is_not_silent() {
    let hear = |told: bool| {
        let mut client = resumed_at(10);
        let epoch = client.epoch();
        for now in (0..=2 * SILENCE_MS_MAX).step_by(1_000) {
            if told {
                client.arrived(epoch, now);
            }
            drain(&mut client, now);
        }
        let mut message = Vec::new();
        FrameWriter::new(0, 10).record(&mut message, 10, 0, b"x");
        let accepted = client.accept(epoch, &message, 1).map(Delivery::leave);
        (client.phase() == Phase::Replaying, accepted.is_ok())
    };
    assert_eq!(hear(true), (true, true));
    assert_eq!(hear(false), (false, false));
}

/// X37: what arrived before a machine slept does not show that its socket is alive.
#[test]
fn what_arrived_before_the_sleep_answers_no_question_after_it() {
    let mut client = resumed_at(10);
    let epoch = client.epoch();
    client.arrived(epoch, 100);
    let woken = 10_000;
    client.handle(ClientInput::Wake, woken);
    drain(&mut client, woken);
    let mut message = Vec::new();
    FrameWriter::new(0, 10).record(&mut message, 10, 0, b"x");
    let delivery = client.accept(epoch, &message, 90).expect("continuous");
    let _left = delivery.leave();
    drain(&mut client, woken + WAKE_ANSWER_MS_MAX);
    assert_ne!(client.phase(), Phase::Replaying);
}

/// RES-04, RES-06: a message that is left half done is received again from where it was left; nothing of it is
/// acknowledged.
#[test]
fn a_message_left_half_done_comes_again() {
    let three = |finish: bool| {
        let mut client = resumed_at(10);
        let mut message = Vec::new();
        let mut writer = FrameWriter::new(0, 10);
        (10..13).for_each(|offset| writer.record(&mut message, offset, 0, b"x"));
        let mut delivery = client
            .accept(client.epoch(), &message, 1)
            .expect("continuous");
        for frame in FrameReader::new(&message).take(2) {
            delivery.disposed(&frame.expect("whole").header);
        }
        if finish {
            delivery.finish(1);
        } else {
            drop(delivery);
        }
        client
    };
    for finish in [false, true] {
        let mut client = three(finish);
        let position = client.positions().next().expect("one partition");
        assert_eq!((position.committed, client.phase()), (12, Phase::Waiting));
        let (outputs, _) = drain(&mut client, 1);
        assert!(
            matches!(&outputs[..], [ClientOutput::Close { .. }]),
            "{outputs:?}"
        );
        reconnect(&mut client);
        let mut log = TailLog::new(1 << 20);
        log.add_partition(0, 0);
        let mut server = ServerSession::new(ServerConfig::default(), &log, 0);
        let ServerOutput::Text(welcome) = server.poll(&log, 0) else {
            panic!("no welcome")
        };
        client.handle(ClientInput::Text(&welcome), 2);
        let (outputs, _) = drain(&mut client, 2);
        let resumes = outputs.iter().any(|output| {
            matches!(output, ClientOutput::Send(text) if text.contains(r#""positions":{"0":"12"}"#))
        });
        assert!(resumes, "{outputs:?}");
    }
}
