use super::*;

fn fetch(offset: u64, one_batch: bool, patient: bool) -> Request {
    Request::Fetch {
        offset,
        one_batch,
        patient,
    }
}

#[test]
fn records_move_it_over_holes_without_a_word() {
    let mut cursor = Position::new(10);
    assert_eq!(cursor.request(), fetch(10, false, true));
    assert_eq!(cursor.on_records(25, 30), None);
    assert_eq!(cursor.request(), fetch(26, false, true));
}

#[test]
fn a_quiet_end_is_no_doubt() {
    let mut cursor = Position::new(10);
    assert_eq!(cursor.on_empty(10), None);
    assert_eq!(cursor.request(), fetch(10, false, true));
    assert!(!cursor.is_probing());
}

#[test]
fn a_control_batch_at_the_end_becomes_a_mark() {
    let mut cursor = Position::new(10);
    assert_eq!(cursor.on_empty(11), None);
    assert_eq!(cursor.request(), Request::End);
    cursor.on_end(11);
    assert_eq!(
        cursor.request(),
        fetch(10, false, false),
        "asked once more before it is believed"
    );
    assert_eq!(cursor.on_empty(11), Some(Notice::Mark { position: 11 }));
    assert_eq!(cursor.request(), fetch(11, false, true));
}

#[test]
fn an_open_transaction_is_waited_for() {
    let mut cursor = Position::new(10);
    cursor.on_empty(15);
    cursor.on_end(10);
    assert_eq!(cursor.request(), fetch(10, false, true));
}

// A record behind control batches is met however many of them there are.
#[test]
fn probing_never_passes_a_record() {
    let mut cursor = Position::new(0);
    cursor.on_empty(100);
    cursor.on_end(100);
    for offset in 0..40 {
        assert_eq!(cursor.request(), fetch(offset, false, false));
        assert_eq!(cursor.on_empty(100), None);
    }
    assert_eq!(cursor.request(), fetch(40, false, false));
    assert_eq!(cursor.on_records(40, 100), None);
    assert_eq!(cursor.request(), fetch(41, false, true));
}

#[test]
fn a_long_compacted_tail_shows_progress() {
    let end = PROBES_PER_MARK * 2 + 500;
    let mut cursor = Position::new(0);
    cursor.on_empty(end);
    cursor.on_end(end);
    let mut marks = Vec::new();
    for _ in 0..end {
        if let Some(Notice::Mark { position }) = cursor.on_empty(end) {
            marks.push(position);
        }
    }
    assert_eq!(marks, [PROBES_PER_MARK, PROBES_PER_MARK * 2, end]);
    assert!(!cursor.is_probing());
}

// A new leader that has not caught up yet answers empty too; that proves nothing.
#[test]
fn a_broker_that_knows_less_is_not_believed() {
    let mut cursor = Position::new(10);
    cursor.on_empty(20);
    cursor.on_end(20);
    assert_eq!(cursor.on_empty(15), None);
    assert_eq!(
        cursor.request(),
        fetch(10, false, true),
        "no offset was passed"
    );
    assert_eq!(cursor.on_empty(15), None);
    assert_eq!(cursor.request(), fetch(10, false, true));
    assert_eq!(cursor.on_empty(20), None);
    assert_eq!(cursor.request(), Request::End);
}

#[test]
fn an_unreadable_batch_is_isolated_and_becomes_one_gap() {
    let mut cursor = Position::new(0);
    cursor.on_damaged();
    assert_eq!(cursor.request(), fetch(0, true, false));
    // The batches before the damage are read one by one.
    assert_eq!(cursor.on_records(9, 50), None);
    assert_eq!(cursor.request(), fetch(10, true, false));
    cursor.on_damaged();
    for offset in 11..20 {
        assert_eq!(cursor.request(), fetch(offset, true, false));
        cursor.on_damaged();
    }
    let gap = Notice::Gap {
        first: 10,
        last: 19,
        cause: GapCause::UnreadableBatch,
    };
    assert_eq!(cursor.request(), fetch(20, true, false));
    assert_eq!(cursor.on_records(22, 50), Some(gap));
    assert_eq!(cursor.request(), fetch(23, false, true));
}

#[test]
fn an_unreadable_batch_at_the_end_is_told_at_once() {
    let mut cursor = Position::new(5);
    cursor.on_damaged();
    cursor.on_damaged();
    assert_eq!(cursor.request(), fetch(6, true, false));
    let gap = Notice::Gap {
        first: 5,
        last: 5,
        cause: GapCause::UnreadableBatch,
    };
    assert_eq!(cursor.on_empty(6), Some(gap));
    assert_eq!(cursor.request(), fetch(6, false, true));
}

#[test]
fn damage_that_was_of_the_moment_costs_nothing() {
    let mut cursor = Position::new(5);
    cursor.on_damaged();
    assert_eq!(cursor.on_records(7, 8), None);
    assert_eq!(cursor.on_empty(8), None);
    assert_eq!(
        cursor.request(),
        fetch(8, false, true),
        "caught up: whole fetches again"
    );
}

#[test]
fn a_trimmed_range_is_told_from_what_the_log_knows() {
    let mut cursor = Position::new(10);
    let gap = Notice::Gap {
        first: 10,
        last: 99,
        cause: GapCause::Retention,
    };
    assert_eq!(cursor.on_out_of_range(100, 200), OutOfRange::Trimmed(gap));
    assert_eq!(cursor.request(), fetch(100, false, true));

    // Offsets probed without a word belong to the gap too.
    let mut cursor = Position::new(10);
    cursor.on_damaged();
    cursor.on_damaged();
    assert_eq!(cursor.on_out_of_range(100, 200), OutOfRange::Trimmed(gap));
}

#[test]
fn an_end_that_went_back_moves_nothing() {
    let mut cursor = Position::new(10);
    assert_eq!(
        cursor.on_out_of_range(0, 4),
        OutOfRange::WentBack { end: 4 }
    );
    assert_eq!(cursor.on_out_of_range(0, 10), OutOfRange::Within);
    assert_eq!(cursor.at(), 10);
}

// Control batches as rskafka shows them: an answer that cannot be read, known for what it is.
#[test]
fn control_batches_are_passed_without_a_gap() {
    let mut cursor = Position::new(0);
    assert_eq!(cursor.on_control(), None);
    assert_eq!(
        cursor.request(),
        fetch(0, true, false),
        "it may be further on"
    );
    assert_eq!(cursor.on_records(4, 8), None);
    assert_eq!(cursor.request(), fetch(5, true, false));
    assert_eq!(cursor.on_control(), None);
    assert_eq!(cursor.request(), fetch(6, true, false));
    assert_eq!(cursor.on_control(), None);
    assert_eq!(cursor.request(), fetch(7, true, false));
    assert_eq!(cursor.on_control(), None);
    assert_eq!(cursor.on_empty(8), Some(Notice::Mark { position: 8 }));
    assert_eq!(cursor.request(), fetch(8, false, true));
}

#[test]
fn a_control_batch_before_an_open_transaction_is_told() {
    let mut cursor = Position::new(5);
    cursor.on_control();
    cursor.on_control();
    assert_eq!(cursor.on_empty(9), None);
    assert_eq!(cursor.request(), Request::End);
    assert_eq!(cursor.on_end(6), Some(Notice::Mark { position: 6 }));
    assert_eq!(cursor.request(), fetch(6, false, true));
}

#[test]
fn a_control_batch_ends_a_damaged_one() {
    let mut cursor = Position::new(5);
    assert!(!cursor.on_damaged());
    assert!(cursor.on_damaged());
    assert!(!cursor.on_damaged());
    let gap = Notice::Gap {
        first: 5,
        last: 6,
        cause: GapCause::UnreadableBatch,
    };
    assert_eq!(cursor.on_control(), Some(gap));
    assert_eq!(cursor.request(), fetch(8, true, false));
}
