//! Fan-out: every client reads the same records from the relay's memory as fast as it can, all at once.

use std::{io, net::SocketAddr, time::Instant};

use serde_json::{Map, Value, json};
use tokio::{net::TcpStream, runtime::Runtime, task::JoinSet};

use crate::{
    floor::{Floor, Order, WRITE_BYTES},
    process::{Cost, cpu_seconds},
    reader::{self, Reader},
    report,
};

/// `clients` read the last `records` of the relay's memory each.
pub(crate) fn relay(
    runtime: &Runtime,
    pid: u32,
    address: SocketAddr,
    clients: usize,
    records: u64,
) -> Cost {
    let readers = runtime
        .block_on(connect_all(address, clients))
        .expect("the relay accepts");
    let fields = start(readers.first().expect("a client"), records);
    let (cpu, begun) = (cpu_seconds(pid), Instant::now());
    runtime.block_on(async {
        let mut all = JoinSet::new();
        for mut reader in readers {
            let fields = fields.clone();
            all.spawn(async move {
                reader.resume(fields).await?;
                reader.read_records(records, |_| {}).await
            });
        }
        for got in all.join_all().await {
            let got = got.expect("the relay delivers");
            assert_eq!(
                (got.records, got.others),
                (records, 0),
                "nothing else was produced"
            );
        }
    });
    Cost {
        cpu_seconds: cpu_seconds(pid) - cpu,
        wall_seconds: begun.elapsed().as_secs_f64(),
    }
}

/// The same bytes from the process that does nothing else, in writes of each size.
pub(crate) fn floors(runtime: &Runtime, clients: usize, bytes: u64) -> [Cost; WRITE_BYTES.len()] {
    WRITE_BYTES.map(|write_bytes| {
        let order = Order {
            sockets: clients,
            bytes,
            write_bytes,
            per_second: 0,
        };
        floor(runtime, order)
    })
}

/// The cheapest size of a write: its median, and the size.
pub(crate) fn best(rounds: &[[Cost; WRITE_BYTES.len()]]) -> (Cost, usize) {
    let medians = WRITE_BYTES.iter().enumerate().map(|(at, write_bytes)| {
        let costs = rounds.iter().filter_map(|round| round.get(at).copied());
        (report::median(costs), *write_bytes)
    });
    let cheaper =
        |a: &(Cost, usize), b: &(Cost, usize)| a.0.cpu_seconds.total_cmp(&b.0.cpu_seconds);
    medians.min_by(cheaper).expect("several sizes")
}

/// What one order costs.
pub(crate) fn floor(runtime: &Runtime, order: Order) -> Cost {
    let mut floor = Floor::start(order);
    let address = floor.address;
    let streams = runtime.block_on(async {
        let mut streams = Vec::new();
        for _ in 0..order.sockets {
            streams.push(TcpStream::connect(address).await?);
        }
        io::Result::Ok(streams)
    });
    floor.wait_accepted();
    let (cpu, begun) = (cpu_seconds(floor.pid()), Instant::now());
    floor.go();
    runtime.block_on(async {
        let mut all = JoinSet::new();
        for stream in streams.expect("the floor accepts") {
            all.spawn(reader::drain(stream, order.bytes));
        }
        for done in all.join_all().await {
            done.expect("the floor delivers");
        }
    });
    let wall_seconds = begun.elapsed().as_secs_f64();
    floor.wait_written();
    Cost {
        cpu_seconds: cpu_seconds(floor.pid()) - cpu,
        wall_seconds,
    }
}

/// Connections that have their `welcome`.
pub(crate) async fn connect_all(address: SocketAddr, clients: usize) -> io::Result<Vec<Reader>> {
    let mut readers = Vec::with_capacity(clients);
    for _ in 0..clients {
        readers.push(Reader::connect(address).await?);
    }
    Ok(readers)
}

/// A resume that leaves exactly `records` to be read, the same number in each partition.
fn start(reader: &Reader, records: u64) -> Value {
    let heads = reader.heads();
    let each = records / heads.len() as u64;
    assert_eq!(
        each * heads.len() as u64,
        records,
        "partitions share evenly"
    );
    let cursors = heads
        .into_iter()
        .filter(|(_, head)| *head > each)
        .map(|(partition, head)| (partition, Value::String((head - each - 1).to_string())));
    let cursors: Map<String, Value> = cursors.collect();
    json!({"from": "cursor", "lastOffsetsByPartition": cursors})
}
