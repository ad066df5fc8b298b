//! Control messages of both sides: JSON objects whose keys and values are those of the protocol,
//! now and then of the wrong kind.

use decode_core::wire::{PROTOCOL_VERSION, control, from};

use crate::mutate::mutate;
use crate::random::Random;

/// One message, seldom damaged.
#[must_use]
pub fn message(random: &mut Random) -> Vec<u8> {
    let mut text = String::new();
    object(random, &mut text);
    let mut bytes = text.into_bytes();
    if random.one_in(4) {
        let other = bytes.clone();
        mutate(random, &mut bytes, &other);
    }
    bytes
}

fn object(random: &mut Random, out: &mut String) {
    out.push_str("{\"type\":");
    let types = [&control::OF_CLIENT[..], &control::OF_RELAY, &["unheard_of"]].concat();
    string(out, random.pick::<&str>(&types));
    out.push_str(&format!(",\"protocol\":{PROTOCOL_VERSION}"));
    let keys: &[&str] = match random.below(4) {
        0 => &["from", "positions", "namespace"],
        1 => &["bytes", "offsets"],
        2 => &WELCOME,
        _ => &KEYS,
    };
    for key in keys {
        if !random.one_in(5) {
            out.push(',');
            string(out, key);
            out.push(':');
            value_of(random, out, key);
        }
    }
    out.push('}');
}

fn value_of(random: &mut Random, out: &mut String, key: &str) {
    if random.one_in(10) {
        return value(random, out, 3);
    }
    match key {
        "from" | "mode" => {
            let names = [from::CURSOR, from::EARLIEST, from::LATEST, from::ACTIVE];
            string(out, random.pick::<&str>(&names));
        }
        "positions" | "offsets" | "heads" | "lastOffsetsByPartition" => {
            map(random, out, number);
        }
        "partitions" => map(random, out, |random, out| {
            out.push_str("{\"earliest\":");
            number(random, out);
            out.push_str(",\"head\":");
            number(random, out);
            out.push_str(",\"position\":");
            number(random, out);
            out.push('}');
        }),
        "limits" => out.push_str(
            "{\"controlBytesMax\":1,\"resumePartitionsMax\":2,\"resumeDeadlineMs\":3,\"ackStallMsMax\":4}",
        ),
        "blocked" | "missing" => out.push_str("[0,1]"),
        "namespace" | "relayVersion" | "topic" | "notice" | "state" | "reason" | "message" | "code" => {
            string(out, random.pick::<&str>(&TEXTS));
        }
        _ => number(random, out),
    }
}

fn map(random: &mut Random, out: &mut String, mut value: impl FnMut(&mut Random, &mut String)) {
    out.push('{');
    for index in 0..random.below(4) {
        if index > 0 {
            out.push(',');
        }
        let key = match random.below(12) {
            0 => random
                .pick(&["", "-1", "01", "4294967296", "x"])
                .to_string(),
            _ => random.below(4).to_string(),
        };
        string(out, &key);
        out.push(':');
        value(random, out);
    }
    out.push('}');
}

fn number(random: &mut Random, out: &mut String) {
    let bits = random.bits();
    let number = match random.below(5) {
        0 => bits,
        1 => *random.pick(&[u64::MAX, 1 << 53, u64::from(u32::MAX)]),
        _ => bits % 64,
    };
    match random.below(12) {
        0 => out.push_str(
            random.pick::<&str>(&["-1", "1.5", "1e3", "\"01\"", "\" 1\"", "\"\"", "1e999"]),
        ),
        1..=5 => out.push_str(&number.to_string()),
        _ => string(out, &number.to_string()),
    }
}

fn value(random: &mut Random, out: &mut String, depth: u32) {
    match random.below(if depth == 0 { 5 } else { 7 }) {
        0 => out.push_str("null"),
        1 => out.push_str("true"),
        2 => number(random, out),
        3 => string(out, random.pick::<&str>(&TEXTS)),
        4 => out.push_str(&"[".repeat(random.len(300))),
        5 => {
            out.push('[');
            value(random, out, depth - 1);
            out.push(']');
        }
        _ => {
            out.push_str("{\"a\":");
            value(random, out, depth - 1);
            out.push('}');
        }
    }
}

fn string(out: &mut String, text: &str) {
    out.push('"');
    out.push_str(text);
    out.push('"');
}

const WELCOME: [&str; 10] = [
    "relayVersion",
    "namespace",
    "topic",
    "schemaVersion",
    "mode",
    "notice",
    "windowBytes",
    "payloadBytesMax",
    "limits",
    "partitions",
];
const KEYS: [&str; 25] = [
    "from",
    "positions",
    "lastOffsetsByPartition",
    "bytes",
    "offsets",
    "applyLagMs",
    "backlogFrames",
    "rejects",
    "heads",
    "sent",
    "estimatedTotal",
    "mode",
    "totalReplayed",
    "blocked",
    "missing",
    "partition",
    "requested",
    "oldest",
    "position",
    "partitions",
    "state",
    "version",
    "count",
    "reason",
    "retryAfterMs",
];
const TEXTS: [&str; 6] = ["", "a", "strict", "поток/α 1", "\\u0000", "\\\"\\\\"];
