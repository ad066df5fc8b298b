//! Live delivery at an even rate: what it costs the relay beyond reading, beside a process that writes the
//! same messages to the same number of sockets at the same rate, and how old records are on arrival.

use std::{net::SocketAddr, time::Duration};

use dashstream_e2e::producer::Topic;
use decode_core::wire::FRAME_HEADER_LEN;
use tokio::runtime::Runtime;

use crate::{
    fanout,
    floor::Order,
    latency::{self, BATCH_RECORDS, Load, percentile},
    report,
};

/// One payload size, live, to one number of clients.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Live {
    pub(crate) payload_bytes: usize,
    pub(crate) clients: usize,
    /// Records a second that were produced.
    pub(crate) rate: f64,
    /// Processor seconds of the relay per million deliveries, without reading.
    pub(crate) relay_cpu: f64,
    /// The same of the process that only writes.
    pub(crate) floor_cpu: f64,
    /// Ages at a client, in ms: median and 99th percentile.
    pub(crate) age_ms: (f64, f64),
    /// Ages at rskafka alone in the same run, where it read too.
    pub(crate) rskafka_age_ms: Option<(f64, f64)>,
}

impl Live {
    pub(crate) fn ratio(&self) -> f64 {
        self.relay_cpu / self.floor_cpu
    }

    /// The 99th percentile over that of rskafka alone.
    pub(crate) fn age_ratio(&self) -> Option<f64> {
        self.rskafka_age_ms.map(|(_, p99)| self.age_ms.1 / p99)
    }
}

/// Every number of clients, with records of one size.
pub(crate) fn measure(
    runtime: &Runtime,
    at: (u32, SocketAddr),
    topic: &Topic,
    (payload_bytes, rounds, length): (usize, usize, Duration),
) -> Vec<Live> {
    let rows = CLIENTS.iter().map(|(clients, per_second)| {
        let load = Load {
            payload_bytes,
            clients: *clients,
            per_second: *per_second,
            length,
        };
        let rounds: Vec<Live> = (0..rounds).map(|_| one(runtime, at, topic, load)).collect();
        middle(&rounds)
    });
    rows.collect()
}

fn one(runtime: &Runtime, at: (u32, SocketAddr), topic: &Topic, load: Load) -> Live {
    let nobody = Load { clients: 0, ..load };
    let reading = latency::measure(runtime, at, topic, nobody, true);
    let live = latency::measure(runtime, at, topic, load, load.clients <= PEER_CLIENTS_MAX);
    let frame = (FRAME_HEADER_LEN + load.payload_bytes) as u64;
    let message = BATCH_RECORDS * frame + WEBSOCKET_HEAD_BYTES;
    let order = Order {
        sockets: load.clients,
        bytes: load.total() / BATCH_RECORDS * message,
        write_bytes: usize::try_from(message).expect("a short message"),
        per_second: load.per_second.div_ceil(BATCH_RECORDS),
    };
    let floor = fanout::floor(runtime, order);
    let millions = load.total() as f64 * load.clients as f64 / 1e6;
    let ages = |samples: &[f64]| (percentile(samples, 50), percentile(samples, 99));
    let rskafka = Some(&live.rskafka).filter(|samples| !samples.is_empty());
    Live {
        payload_bytes: load.payload_bytes,
        clients: load.clients,
        rate: live.rate,
        relay_cpu: (live.cpu_seconds - reading.cpu_seconds) / millions,
        floor_cpu: floor.cpu_seconds / millions,
        age_ms: ages(&live.clients),
        rskafka_age_ms: rskafka.map(|samples| ages(samples)),
    }
}

/// Each figure's own median.
fn middle(rounds: &[Live]) -> Live {
    let first = *rounds.first().expect("at least one round");
    let of = |figure: fn(&Live) -> f64| report::middle(rounds.iter().map(figure));
    Live {
        rate: of(|one| one.rate),
        relay_cpu: of(|one| one.relay_cpu),
        floor_cpu: of(|one| one.floor_cpu),
        age_ms: (of(|one| one.age_ms.0), of(|one| one.age_ms.1)),
        rskafka_age_ms: first.rskafka_age_ms.map(|_| {
            let ages = |one: &Live| one.rskafka_age_ms;
            let all: Vec<_> = rounds.iter().filter_map(ages).collect();
            (
                report::middle(all.iter().map(|age| age.0)),
                report::middle(all.iter().map(|age| age.1)),
            )
        }),
        ..first
    }
}

/// Clients, and records a second: few enough that neither relay nor readers saturate two cores.
const CLIENTS: [(usize, u64); 5] = [(1, 500), (10, 500), (100, 500), (1_000, 50), (5_000, 10)];
/// With more clients in the same process, rskafka waits for the processor behind them.
const PEER_CLIENTS_MAX: usize = 100;
/// A server's message of 126 to 65,535 bytes has this head.
const WEBSOCKET_HEAD_BYTES: u64 = 4;
