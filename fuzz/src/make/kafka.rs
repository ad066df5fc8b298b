//! Answers of brokers and record batches, mostly valid.

use dashstream_kafka::fuzzing;

use crate::{mutate::mutate, random::Random};

/// As another library writes them; requests are there too, and are as good as any other bytes.
const MESSAGES: &str = include_str!("../../../kafka-client/vectors/messages.txt");

/// An answer to some call.
#[must_use]
pub fn answer(random: &mut Random) -> Vec<u8> {
    let lines: Vec<&str> = MESSAGES
        .lines()
        .filter(|line| line.contains("-answer"))
        .collect();
    let hex = random.pick(&lines).rsplit(' ').next().unwrap_or_default();
    let digit = |digit: u8| char::from(digit).to_digit(16).unwrap_or(0) as u8;
    let pairs = hex.as_bytes().chunks(2);
    pairs
        .map(|pair| pair.iter().fold(0, |byte, &one| byte << 4 | digit(one)))
        .collect()
}

/// A byte of its own, see the target, and batches; what is packed may be damaged before it is packed.
#[must_use]
pub fn batches(random: &mut Random) -> Vec<u8> {
    let mut bytes = vec![random.byte()];
    let mut offset = random.below(100) as i64;
    for _ in 0..=random.below(3) {
        let count = 1 + random.below(6);
        let mut records: Vec<u8> = (0..count)
            .flat_map(|at| record(random, at as i64))
            .collect();
        if random.one_in(4) {
            let other = records.clone();
            mutate(random, &mut records, &other);
        }
        // Codecs 5 to 7 do not exist; times of arrival, transactions and markers do.
        let most = if random.one_in(8) { 64 } else { 5 };
        let attributes = random.below(most) as i16;
        let last = count as i32 - 1;
        bytes.extend(fuzzing::batch(
            attributes,
            (offset, last),
            count as i32,
            &records,
        ));
        offset += count as i64 + random.below(3) as i64;
    }
    bytes
}

fn record(random: &mut Random, offset_delta: i64) -> Vec<u8> {
    let mut body = vec![0];
    let time = if random.one_in(8) {
        random.bits() as i64
    } else {
        random.below(1_000) as i64
    };
    varlong(&mut body, time);
    varlong(&mut body, offset_delta);
    for _ in 0..2 {
        if random.one_in(6) {
            varlong(&mut body, -1);
            continue;
        }
        let most = if random.one_in(20) { 200_000 } else { 300 };
        let len = random.len(most);
        let part = if random.one_in(2) {
            random.bytes(len)
        } else {
            vec![7; len]
        };
        varlong(&mut body, part.len() as i64);
        body.extend(part);
    }
    varlong(&mut body, 0);
    let mut record = Vec::new();
    varlong(&mut record, body.len() as i64);
    record.extend(body);
    record
}

fn varlong(to: &mut Vec<u8>, value: i64) {
    let mut bits = (value << 1 ^ value >> 63) as u64;
    while bits >= 0x80 {
        to.push(bits as u8 | 0x80);
        bits >>= 7;
    }
    to.push(bits as u8);
}
