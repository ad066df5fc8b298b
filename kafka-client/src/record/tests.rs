use super::*;

/// A record as Kafka writes it.
pub(crate) fn write(delta: i64, time: i64, key: Option<&[u8]>, value: Option<&[u8]>) -> Vec<u8> {
    let mut body = vec![0];
    varlong(&mut body, time);
    varlong(&mut body, delta);
    for part in [key, value] {
        match part {
            None => varlong(&mut body, -1),
            Some(part) => {
                varlong(&mut body, part.len() as i64);
                body.extend(part);
            }
        }
    }
    // One header with a null value, which is not looked at.
    body.extend([2, 2, b'h', 1]);
    let mut whole = Vec::new();
    varlong(&mut whole, body.len() as i64);
    whole.extend(body);
    whole
}

fn varlong(to: &mut Vec<u8>, value: i64) {
    let mut left = ((value << 1) ^ (value >> 63)) as u64;
    while left >= 0x80 {
        to.push(left as u8 | 0x80);
        left >>= 7;
    }
    to.push(left as u8);
}

const TIMES: Times = Times {
    base_offset: 100,
    base_timestamp: 1_000,
    append_time: None,
};

fn read_one(bytes: &[u8], times: Times) -> Record<'_> {
    match next(bytes, times) {
        Ok(Found::Record { record, len }) if len == bytes.len() => record,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_record_is_read_where_it_lies() {
    let bytes = write(7, 25, Some(b"key"), Some(b"value"));
    let expected = Record {
        offset: 107,
        timestamp_ms: 1_025,
        key: Some(b"key"),
        value: Some(b"value"),
    };
    assert_eq!(read_one(&bytes, TIMES), expected);
    assert_eq!(offset(&bytes, TIMES), Some(107));
    let nothing = write(0, -5, None, None);
    let record = read_one(&nothing, TIMES);
    assert_eq!(
        (record.key, record.value, record.timestamp_ms),
        (None, None, 995)
    );
    let empty = write(0, 0, Some(b""), Some(b""));
    assert_eq!(read_one(&empty, TIMES).value, Some(&b""[..]));
}

/// X14: where the broker gives the time, that of the producer says nothing.
#[test]
fn the_broker_s_time_stands_for_all() {
    let times = Times {
        append_time: Some(5_000),
        ..TIMES
    };
    assert_eq!(
        read_one(&write(0, 25, None, None), times).timestamp_ms,
        5_000
    );
}

/// X24: an impossible time is unknown, and costs nothing else.
#[test]
fn an_impossible_time_is_unknown() {
    for (base, delta) in [
        (i64::MAX, 1),
        (0, i64::MIN),
        (0, i64::MAX),
        (-1, 0),
        (TIME_MAX, 1),
    ] {
        let times = Times {
            base_timestamp: base,
            ..TIMES
        };
        let bytes = write(1, delta, None, Some(b"sound"));
        let record = read_one(&bytes, times);
        assert_eq!(
            (record.timestamp_ms, record.value),
            (-1, Some(&b"sound"[..])),
            "{base} {delta}"
        );
    }
}

#[test]
fn what_is_not_all_there_asks_for_more() {
    let bytes = write(1, 2, Some(b"key"), Some(&[7; 300]));
    assert_eq!(next(&[], TIMES), Ok(Found::More(None)));
    assert_eq!(next(&bytes[..1], TIMES), Ok(Found::More(None)));
    for end in 2..bytes.len() {
        assert_eq!(
            next(&bytes[..end], TIMES),
            Ok(Found::More(Some(bytes.len()))),
            "{end}"
        );
    }
}

#[test]
fn damage_is_an_error_and_never_a_panic() {
    assert!(next(&[0xff; 20], TIMES).is_err(), "a length without end");
    assert!(next(&[1, 0, 0], TIMES).is_err(), "a negative length");
    assert!(next(&[0, 9, 9], TIMES).is_err(), "no room for anything");
    let mut bytes = write(1, 2, Some(b"key"), Some(b"value"));
    for at in 0..bytes.len() {
        for bit in 0..8 {
            bytes[at] ^= 1 << bit;
            let _whatever = (next(&bytes, TIMES), offset(&bytes, TIMES));
            bytes[at] ^= 1 << bit;
        }
    }
    let before = Times {
        base_offset: -5,
        ..TIMES
    };
    assert!(next(&bytes, before).is_err(), "a negative offset");
}
