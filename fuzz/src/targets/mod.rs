//! The targets and what feeds them.

mod capture;
mod control;
mod decoder;
mod frames;
mod kafka;
mod prost;
mod session;
mod state;
pub mod zstd;

use crate::make;
use crate::mutate::mutate;
use crate::random::Random;

/// A function that must not panic, and where its inputs come from.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Also the name of its corpus folder.
    pub name: &'static str,
    /// Panics on input that breaks a promise.
    pub run: fn(&[u8]),
    /// An input that is nearly valid.
    pub make: fn(&mut Random) -> Vec<u8>,
    /// Whether the shared vectors are inputs of this target.
    pub takes_payloads: bool,
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target {
        name: "decoder",
        run: decoder::run,
        make: make::protobuf::payload,
        takes_payloads: true,
    },
    Target {
        name: "text",
        run: decoder::text,
        make: make::protobuf::body,
        takes_payloads: true,
    },
    Target {
        name: "prost",
        run: prost::run,
        make: make::protobuf::body,
        takes_payloads: true,
    },
    Target {
        name: "zstd",
        run: zstd::run,
        make: make::zstd::frames,
        takes_payloads: true,
    },
    Target {
        name: "zstd-intact",
        run: zstd::intact,
        make: zstd::seed_and_content,
        takes_payloads: false,
    },
    Target {
        name: "state",
        run: state::run,
        make: make::state::state_and_diff,
        takes_payloads: false,
    },
    Target {
        name: "frames",
        run: frames::run,
        make: |random| damaged(random, make::capture::frames),
        takes_payloads: false,
    },
    Target {
        name: "store",
        run: frames::store,
        make: |random| damaged(random, make::capture::frames),
        takes_payloads: false,
    },
    Target {
        name: "capture",
        run: capture::run,
        make: |random| damaged(random, make::capture::file),
        takes_payloads: false,
    },
    Target {
        name: "control",
        run: control::run,
        make: make::control::message,
        takes_payloads: false,
    },
    Target {
        name: "kafka-answers",
        run: kafka::answers,
        make: |random| damaged(random, make::kafka::answer),
        takes_payloads: false,
    },
    Target {
        name: "kafka-batches",
        run: kafka::batches,
        make: |random| damaged(random, make::kafka::batches),
        takes_payloads: false,
    },
    Target {
        name: "session",
        run: session::run,
        make: session::script,
        takes_payloads: false,
    },
];

/// The target of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// What `make` makes, two times out of three damaged.
fn damaged(random: &mut Random, make: fn(&mut Random) -> Vec<u8>) -> Vec<u8> {
    let mut bytes = make(random);
    if !random.one_in(3) {
        let other = make(random);
        mutate(random, &mut bytes, &other);
    }
    bytes
}
