//! Memory of an idle client: how much the relay's resident memory grows with connections that have nothing
//! to read.

use std::{net::SocketAddr, thread, time::Duration};

use serde_json::json;
use tokio::runtime::Runtime;

use crate::{fanout::connect_all, process::resident_bytes};

/// Bytes per idle client.
pub(crate) fn per_idle_client(
    runtime: &Runtime,
    (pid, address): (u32, SocketAddr),
    clients: usize,
) -> f64 {
    settle();
    let before = resident_bytes(pid);
    let readers = runtime.block_on(async {
        let mut readers = connect_all(address, clients).await?;
        for reader in &mut readers {
            reader.resume(json!({"from": "latest"})).await?;
            reader
                .read_control(decode_core::wire::control::REPLAY_COMPLETE)
                .await?;
        }
        std::io::Result::Ok(readers)
    });
    let readers = readers.expect("the relay accepts");
    settle();
    let after = resident_bytes(pid);
    drop(readers);
    (after as f64 - before as f64) / clients as f64
}

fn settle() {
    thread::sleep(Duration::from_secs(2));
}
